//! How many attempts began when, as far back as a limit by the day can ask.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::state::ledger_state::LedgerState;

/// Days begin at quarters of an hour in every zone there is.
const QUARTER: i64 = 15 * 60;
/// A day that clocks show twice, as where a zone moves over the date line, is over by then.
const KEPT: i64 = 50 * 3_600 / QUARTER;

/// Attempts by the quarter of an hour in which their intents were made, by a clock that is never set back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger) struct DailyAttempts(BTreeMap<i64, u32>);

impl DailyAttempts {
    /// An attempt begins; `newest` is the newest time of all facts, its own included.
    pub(in crate::ledger) fn add(&mut self, newest: Timestamp) {
        let quarter = quarter(newest);
        *self.0.entry(quarter).or_default() += 1;
        while self
            .0
            .first_key_value()
            .is_some_and(|(first, _)| *first < quarter - KEPT)
        {
            self.0.pop_first();
        }
    }

    /// One that was to begin at `at` was called off. One from before the clock was set back is looked for where it would
    /// be: then some other is taken back, which leaves too many counted rather than too few.
    pub(in crate::ledger) fn take_back(&mut self, at: Timestamp) {
        if let Some(many) = self.0.get_mut(&quarter(at)) {
            *many = many.saturating_sub(1);
        }
    }

    /// It is `at`: what is said to have begun later began by now.
    pub(in crate::ledger) fn gather(&mut self, at: Timestamp) {
        let now = quarter(at);
        let later = self.0.split_off(&(now + 1));
        let many = later.values().fold(0_u32, |all, many| all.saturating_add(*many));
        if many > 0 {
            let begun = self.0.entry(now).or_default();
            *begun = begun.saturating_add(many);
        }
    }

    /// How many began at `since`, which is a quarter of an hour, or later.
    pub(in crate::ledger) fn since(&self, since: Timestamp) -> u64 {
        self.0.range(quarter(since)..).map(|(_, many)| u64::from(*many)).sum()
    }
}

impl LedgerState {
    /// How many attempts began at `since` or later, the beginning of a day not much over two days ago. What began while the
    /// clock was set back counts as begun at the newest time that was known.
    #[must_use]
    pub fn begun_since(&self, since: Timestamp) -> u64 {
        self.begun.since(since)
    }
}

fn quarter(at: Timestamp) -> i64 {
    at.as_second().div_euclid(QUARTER)
}
