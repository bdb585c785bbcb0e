//! The number of attempts by time, as far back as the present day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Days begin at quarters of an hour in every time zone.
const QUARTER: i64 = 15 * 60;
/// The longest day, which clocks show twice because a zone moves over the date line, is over by then.
const KEPT: i64 = 50 * 3_600 / QUARTER;

/// Attempts by the quarter of an hour of their intents, by a clock that is never set back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyAttempts(BTreeMap<i64, u32>);

impl DailyAttempts {
    /// Counts an attempt. `newest` is the newest time of all facts, its intent included.
    pub fn add(&mut self, newest: Timestamp) {
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

    /// Removes a cancelled attempt that was to start at `at`. If the clock was set back since, another one is removed or none:
    /// the count is then too high rather than too low.
    pub fn remove(&mut self, at: Timestamp) {
        if let Some(count) = self.0.get_mut(&quarter(at)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Moves attempts after `at` to `at`.
    pub fn clamp(&mut self, at: Timestamp) {
        let now = quarter(at);
        let later = self.0.split_off(&(now + 1));
        let moved = later.values().fold(0_u32, |sum, count| sum.saturating_add(*count));
        if moved > 0 {
            let count = self.0.entry(now).or_default();
            *count = count.saturating_add(moved);
        }
    }

    /// Counts the attempts from the quarter of an hour of `since` on.
    #[must_use]
    pub fn since(&self, since: Timestamp) -> u64 {
        self.0.range(quarter(since)..).map(|(_, count)| u64::from(*count)).sum()
    }
}

fn quarter(at: Timestamp) -> i64 {
    at.as_second().div_euclid(QUARTER)
}
