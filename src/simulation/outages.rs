//! Times when the platform cannot be reached.

use jiff::Timestamp;

/// Outages in the order of their starts; no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages(Vec<Outage>);

/// One outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outage {
    /// When it begins.
    pub from: Timestamp,
    /// When the platform can be reached again.
    pub until: Timestamp,
}

impl Outages {
    /// These outages. Those that overlap or touch are merged.
    #[must_use]
    pub fn new(mut outages: Vec<Outage>) -> Self {
        outages.retain(|outage| outage.from < outage.until);
        outages.sort_unstable();
        let mut without_store: Vec<Outage> = Vec::new();
        for outage in outages {
            match without_store.last_mut() {
                Some(last) if outage.from <= last.until => last.until = last.until.max(outage.until),
                _ => without_store.push(outage),
            }
        }
        Self(without_store)
    }

    /// All outages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Outage> {
        self.0.iter()
    }

    /// The outage that lasts at `now`, else the next one. `None` when there are no more.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Outage> {
        let over = self.0.partition_point(|outage| outage.until <= now);
        self.0.get(over).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::clock::from_ms;

    fn outage((from, long): (i64, i64)) -> Outage {
        Outage {
            from: from_ms(from),
            until: from_ms(from + long),
        }
    }

    proptest! {
        #[test]
        fn a_moment_is_in_an_outage_if_it_is_in_any(said in prop::collection::vec((0..50_i64, 0..20_i64), 0..6), now in 0..80_i64) {
            let outages = Outages::new(said.iter().copied().map(outage).collect());
            let now = from_ms(now);
            let lasts = said.iter().copied().map(outage).any(|outage| outage.from <= now && now < outage.until);
            let next = outages.next(now);
            prop_assert_eq!(next.is_some_and(|next| next.from <= now), lasts);
            let ahead = said.iter().copied().map(outage).filter(|outage| outage.from < outage.until && outage.from > now);
            if !lasts {
                prop_assert_eq!(next.map(|next| next.from), ahead.map(|outage| outage.from).min());
            }
        }
    }
}
