//! The platform's clock, as the `Date` of its answers shows it.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::codes::clocks_agree;

/// The platform's clock, as the `Date` of its answers shows it. Between answers a monotonic clock continues it, so a step of
/// this machine's wall clock does not change it.
#[derive(Debug, Default)]
pub(super) struct PlatformClock {
    /// The latest `Date` that counts, and when it came.
    last: Option<(Instant, Timestamp)>,
    /// How far it is ahead of this machine's clock, once two answers in a row show it and until that is reported.
    difference: Option<SignedDuration>,
    is_reported: bool,
}

impl PlatformClock {
    /// The platform's time by earlier answers. `None` when no answer had a valid `Date`.
    pub(super) fn now(&self, now: Instant) -> Option<Timestamp> {
        let (at, date) = self.last?;
        date.checked_add(now.saturating_duration_since(at)).ok()
    }

    /// Takes the `Date` of an answer that came now.
    pub(super) fn learn(&mut self, date: Timestamp, local: Timestamp, now: Instant) {
        let expected = self.now(now);
        let is_local = clocks_agree(date, local);
        // One answer that jumps away from this machine's time and from all earlier answers does not count.
        if is_local || !expected.is_some_and(|expected| clocks_agree(expected, local)) {
            self.last = Some((now, date));
        }
        if !is_local && !self.is_reported && expected.is_some_and(|expected| clocks_agree(expected, date)) {
            self.is_reported = true;
            self.difference = Some(date.duration_since(local));
        }
    }

    /// Takes the difference between the clocks, if it is to be reported.
    pub(super) fn take_difference(&mut self) -> Option<SignedDuration> {
        self.difference.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).expect("a time of this century")
    }

    #[test]
    fn a_monotonic_clock_continues_the_latest_date() {
        let mut clock = PlatformClock::default();
        let start = Instant::now();
        assert_eq!(clock.now(start), None);
        clock.learn(at(3_600), at(0), start);
        assert_eq!(clock.now(start + Duration::from_secs(7)), Some(at(3_607)));
    }

    #[test]
    fn one_date_that_jumps_neither_counts_nor_is_reported() {
        let mut clock = PlatformClock::default();
        let start = Instant::now();
        clock.learn(at(0), at(0), start);
        clock.learn(at(9_000), at(0), start);
        assert_eq!(clock.now(start), Some(at(0)));
        assert_eq!(clock.take_difference(), None);
    }

    #[test]
    fn a_difference_that_two_answers_show_is_reported_once() {
        let mut clock = PlatformClock::default();
        let start = Instant::now();
        clock.learn(at(3_600), at(0), start);
        assert_eq!(clock.take_difference(), None, "one answer proves nothing");
        clock.learn(at(3_601), at(1), start + Duration::from_secs(1));
        assert_eq!(clock.take_difference(), Some(HOUR));
        clock.learn(at(3_602), at(2), start + Duration::from_secs(2));
        assert_eq!(clock.take_difference(), None);
    }

    #[test]
    fn a_step_of_the_wall_clock_is_not_the_platforms() {
        let mut clock = PlatformClock::default();
        let start = Instant::now();
        clock.learn(at(0), at(0), start);
        clock.learn(at(1), at(7_201), start + Duration::from_secs(1));
        assert_eq!(clock.now(start + Duration::from_secs(1)), Some(at(1)));
    }
}
