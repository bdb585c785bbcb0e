//! The status of each delivery, in one byte for most of them. A campaign of millions has few deliveries at a time that are
//! neither pending nor settled nor skipped, and the others have a few dozen different statuses.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped, State};

/// The byte of a delivery whose status is in the map.
const RARE: u8 = u8::MAX;
/// The number of [`DeliveryStatus::PENDING`] among the common statuses.
const PENDING: u8 = 0;

/// All deliveries: one row of bytes for each ordinal, each byte the number of a common status.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Deliveries {
    pub(in crate::ledger) rows: Vec<Vec<u8>>,
    pub(in crate::ledger) common: Vec<DeliveryStatus>,
    pub(in crate::ledger) rare: HashMap<DeliveryKey, DeliveryStatus>,
    pub(in crate::ledger) counts: Counts,
    pub(in crate::ledger) skipped: BTreeMap<Skipped, u64>,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            common: vec![DeliveryStatus::PENDING],
            rare: HashMap::new(),
            counts: Counts::default(),
            skipped: BTreeMap::new(),
        }
    }
}

impl Deliveries {
    /// The highest ordinal that any recipient was ever owed.
    pub(in crate::ledger) fn ordinals(&self) -> u8 {
        u8::try_from(self.rows.len()).unwrap_or(u8::MAX)
    }

    /// Adds pending deliveries up to `recipients` and `ordinals`. Existing ones stay.
    pub(super) fn admit(&mut self, recipients: u32, ordinals: u8) {
        while self.rows.len() < usize::from(ordinals) {
            self.rows.push(Vec::new());
        }
        for row in &mut self.rows {
            let new = (recipients as usize).saturating_sub(row.len());
            row.resize(row.len() + new, PENDING);
            self.counts.add(DeliveryStatus::PENDING.state.name(), new as u64);
        }
    }

    /// Undoes [`Deliveries::admit`] beyond `recipients` and `ordinals`, except for the counts.
    pub(super) fn truncate(&mut self, recipients: u32, ordinals: u8) {
        self.rows.truncate(ordinals.into());
        self.rows.iter_mut().for_each(|row| row.truncate(recipients as usize));
    }

    /// The status of a delivery. `None` if there is no such delivery.
    pub(super) fn get(&self, key: DeliveryKey) -> Option<&DeliveryStatus> {
        let row = self.rows.get(usize::from(key.ordinal).checked_sub(1)?)?;
        match *row.get(key.recipient as usize)? {
            RARE => self.rare.get(&key),
            common => self.common.get(usize::from(common)),
        }
    }

    /// The deliveries with a rare status, by key.
    pub(in crate::ledger) fn rare(&self) -> impl Iterator<Item = (DeliveryKey, DeliveryStatus)> + use<> {
        let mut rare: Vec<_> = self.rare.iter().map(|(key, status)| (*key, *status)).collect();
        rare.sort_unstable_by_key(|(key, _)| *key);
        rare.into_iter()
    }

    pub(super) fn put(&mut self, key: DeliveryKey, from: DeliveryStatus, to: DeliveryStatus) {
        self.counts.shift(from.state.name(), to.state.name());
        if let State::Skipped(why) = from.state {
            let count = self.skipped.entry(why).or_default();
            *count -= 1;
            if *count == 0 {
                self.skipped.remove(&why);
            }
        }
        if let State::Skipped(why) = to.state {
            *self.skipped.entry(why).or_default() += 1;
        }
        let to = stored(to);
        let number = self.number(&to);
        let row = usize::from(key.ordinal)
            .checked_sub(1)
            .and_then(|row| self.rows.get_mut(row));
        let Some(slot) = row.and_then(|row| row.get_mut(key.recipient as usize)) else {
            return;
        };
        let before = std::mem::replace(slot, number);
        if number == RARE {
            self.rare.insert(key, to);
        } else if before == RARE {
            self.rare.remove(&key);
        }
    }

    /// The number of a common status, or [`RARE`].
    fn number(&mut self, status: &DeliveryStatus) -> u8 {
        let is_common = matches!(
            status.state,
            State::Pending | State::Issued | State::Refused { .. } | State::Skipped(_)
        );
        if !is_common || status.doubt.is_some() || status.held.is_some() {
            return RARE;
        }
        let known = self.common.iter().position(|known| known == status);
        let number = known.unwrap_or(self.common.len());
        match u8::try_from(number) {
            Ok(number) if number < RARE => {
                if known.is_none() {
                    self.common.push(*status);
                }
                number
            }
            _ => RARE,
        }
    }
}

/// The status as it is stored. The doubt of an issued delivery no longer matters, nor how it came to be owed. That of a refused one, which only a person
/// can have decided, matters when it is reopened.
const fn stored(status: DeliveryStatus) -> DeliveryStatus {
    match status.state {
        State::Issued => DeliveryStatus {
            doubt: None,
            reopened: false,
            ..status
        },
        _ => status,
    }
}
