//! Where each delivery stands, in a byte for most of them: a campaign of millions has few deliveries at a time that are
//! neither pending nor settled.

use std::collections::BTreeMap;

use crate::delivery::{Counts, DeliveryKey, Skipped, Standing, State};

/// A delivery whose standing is in the map of particular ones.
const PARTICULAR: u8 = 0;
const PENDING: u8 = 1;
const ISSUED: u8 = 2;
/// Refused by the code of this number less [`REFUSED`] in the list of codes; up to the last byte.
const REFUSED: u8 = 3;

/// All deliveries: one row of bytes for each ordinal.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    rows: Vec<Vec<u8>>,
    codes: Vec<i64>,
    pub(super) particular: BTreeMap<DeliveryKey, Standing>,
    pub(super) counts: Counts,
    pub(super) skipped: BTreeMap<Skipped, u64>,
}

impl Deliveries {
    /// The highest ordinal that anybody was ever owed.
    pub(super) fn ordinals(&self) -> u8 {
        u8::try_from(self.rows.len()).unwrap_or(u8::MAX)
    }

    /// Makes deliveries, pending, up to `recipients` and `ordinals`. What exists stays.
    pub(super) fn admit(&mut self, recipients: u32, ordinals: u8) {
        while self.rows.len() < usize::from(ordinals) {
            self.rows.push(Vec::new());
        }
        for row in &mut self.rows {
            let new = (recipients as usize).saturating_sub(row.len());
            row.resize(row.len() + new, PENDING);
            self.counts.add(Standing::PENDING.state.name(), new as u64);
        }
    }

    /// Where a delivery stands; none if it was never made.
    pub(super) fn get(&self, key: DeliveryKey) -> Option<Standing> {
        let row = self.rows.get(usize::from(key.ordinal).checked_sub(1)?)?;
        let simple = |state| {
            Some(Standing {
                state,
                ..Standing::PENDING
            })
        };
        match *row.get(key.recipient as usize)? {
            PARTICULAR => self.particular.get(&key).copied(),
            PENDING => simple(State::Pending),
            ISSUED => simple(State::Issued),
            refused => {
                let code = self
                    .codes
                    .get(usize::from(refused - REFUSED))
                    .copied()
                    .unwrap_or_default();
                simple(State::Refused { code })
            }
        }
    }

    pub(super) fn put(&mut self, key: DeliveryKey, from: Standing, to: Standing) {
        self.counts.shift(from.state.name(), to.state.name());
        if let State::Skipped(why) = from.state {
            *self.skipped.entry(why).or_default() -= 1;
        }
        if let State::Skipped(why) = to.state {
            *self.skipped.entry(why).or_default() += 1;
        }
        let byte = self.byte(&to);
        if byte == PARTICULAR {
            self.particular.insert(key, to);
        } else {
            self.particular.remove(&key);
        }
        let row = usize::from(key.ordinal)
            .checked_sub(1)
            .and_then(|row| self.rows.get_mut(row));
        if let Some(slot) = row.and_then(|row| row.get_mut(key.recipient as usize)) {
            *slot = byte;
        }
    }

    fn byte(&mut self, standing: &Standing) -> u8 {
        match standing.state {
            State::Pending if *standing == Standing::PENDING => PENDING,
            State::Issued => ISSUED,
            State::Refused { code } => {
                let known = self.codes.iter().position(|known| *known == code);
                let at = known.unwrap_or_else(|| {
                    self.codes.push(code);
                    self.codes.len() - 1
                });
                u8::try_from(at)
                    .ok()
                    .and_then(|at| at.checked_add(REFUSED))
                    .unwrap_or(PARTICULAR)
            }
            _ => PARTICULAR,
        }
    }
}
