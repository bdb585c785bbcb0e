//! Where each delivery stands, in a byte for most of them: a campaign of millions has few deliveries at a time that are
//! neither pending nor settled nor skipped, and those that are stand in a few dozen different ways.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped, State};

/// A delivery whose standing is in the map of particular ones.
const PARTICULAR: u8 = u8::MAX;
/// The number of [`DeliveryStatus::PENDING`] among the common ones.
const PENDING: u8 = 0;

/// All deliveries: one row of bytes for each ordinal, each byte the number of a common standing.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Deliveries {
    pub(in crate::ledger) rows: Vec<Vec<u8>>,
    pub(in crate::ledger) common: Vec<DeliveryStatus>,
    pub(in crate::ledger) particular: HashMap<DeliveryKey, DeliveryStatus>,
    pub(in crate::ledger) counts: Counts,
    pub(in crate::ledger) skipped: BTreeMap<Skipped, u64>,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            common: vec![DeliveryStatus::PENDING],
            particular: HashMap::new(),
            counts: Counts::default(),
            skipped: BTreeMap::new(),
        }
    }
}

impl Deliveries {
    /// The highest ordinal that anybody was ever owed.
    pub(in crate::ledger) fn ordinals(&self) -> u8 {
        u8::try_from(self.rows.len()).unwrap_or(u8::MAX)
    }

    /// Makes deliveries, pending, up to `recipients` and `ordinals`. What exists stays.
    pub(in crate::ledger) fn admit(&mut self, recipients: u32, ordinals: u8) {
        while self.rows.len() < usize::from(ordinals) {
            self.rows.push(Vec::new());
        }
        for row in &mut self.rows {
            let new = (recipients as usize).saturating_sub(row.len());
            row.resize(row.len() + new, PENDING);
            self.counts.add(DeliveryStatus::PENDING.state.name(), new as u64);
        }
    }

    /// Takes back what [`Deliveries::admit`] made beyond `recipients` and `ordinals`. The counts are the caller's to
    /// restore.
    pub(in crate::ledger) fn dismiss(&mut self, recipients: u32, ordinals: u8) {
        self.rows.truncate(ordinals.into());
        self.rows.iter_mut().for_each(|row| row.truncate(recipients as usize));
    }

    /// Where a delivery stands; none if it was never made.
    pub(in crate::ledger) fn get(&self, key: DeliveryKey) -> Option<DeliveryStatus> {
        let row = self.rows.get(usize::from(key.ordinal).checked_sub(1)?)?;
        match *row.get(key.recipient as usize)? {
            PARTICULAR => self.particular.get(&key).copied(),
            common => self.common.get(usize::from(common)).copied(),
        }
    }

    /// The deliveries whose standing few others share, by key.
    pub(in crate::ledger) fn particular(&self) -> impl Iterator<Item = (DeliveryKey, DeliveryStatus)> + use<> {
        let mut particular: Vec<_> = self.particular.iter().map(|(key, status)| (*key, *status)).collect();
        particular.sort_unstable_by_key(|(key, _)| *key);
        particular.into_iter()
    }

    /// Makes these the particular ones.
    pub(in crate::ledger) fn particularise(&mut self, particular: Vec<(DeliveryKey, DeliveryStatus)>) {
        self.particular = particular.into_iter().collect();
    }

    pub(in crate::ledger) fn put(&mut self, key: DeliveryKey, from: DeliveryStatus, to: DeliveryStatus) {
        self.counts.shift(from.state.name(), to.state.name());
        if let State::Skipped(why) = from.state {
            let many = self.skipped.entry(why).or_default();
            *many -= 1;
            if *many == 0 {
                self.skipped.remove(&why);
            }
        }
        if let State::Skipped(why) = to.state {
            *self.skipped.entry(why).or_default() += 1;
        }
        let to = kept(to);
        let number = self.number(&to);
        let row = usize::from(key.ordinal)
            .checked_sub(1)
            .and_then(|row| self.rows.get_mut(row));
        let Some(slot) = row.and_then(|row| row.get_mut(key.recipient as usize)) else {
            return;
        };
        let before = std::mem::replace(slot, number);
        if number == PARTICULAR {
            self.particular.insert(key, to);
        } else if before == PARTICULAR {
            self.particular.remove(&key);
        }
    }

    /// The number of a standing that many deliveries share.
    fn number(&mut self, status: &DeliveryStatus) -> u8 {
        let common = matches!(
            status.state,
            State::Pending | State::Issued | State::Refused { .. } | State::Skipped(_)
        );
        if !common || status.doubt.is_some() || status.held.is_some() {
            return PARTICULAR;
        }
        let known = self.common.iter().position(|known| known == status);
        let number = known.unwrap_or(self.common.len());
        match u8::try_from(number) {
            Ok(number) if number < PARTICULAR => {
                if known.is_none() {
                    self.common.push(*status);
                }
                number
            }
            _ => PARTICULAR,
        }
    }
}

/// What is kept of a standing: the doubt of an issued delivery is history, and the facts tell it. That of a refused one,
/// which only a person can have made, still says what reopening it means.
const fn kept(status: DeliveryStatus) -> DeliveryStatus {
    match status.state {
        State::Issued => DeliveryStatus { doubt: None, ..status },
        _ => status,
    }
}
