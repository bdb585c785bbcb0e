//! How many users will have lapsed before their turn comes: a forecast from what is known when a plan is made.
//!
//! Whether a turn comes at all, and when, is asked for each start in its order, so that windows and waves are the
//! schedule's matter and not this one's.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::clock::from_ms;

const HOUR_MS: i64 = 3_600_000;

/// What is to be expected of those who wait for their turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lapses {
    /// How many will have their turn.
    pub in_time: u64,
    /// How many will have lapsed before it.
    pub lapsed: u64,
    /// How many have no turn before the schedule ends, and have not lapsed by the last start.
    pub unreached: u64,
    /// How many lapse in each hour, by the hour's beginning. Hours in which nobody does are not there.
    pub by_hour: BTreeMap<Timestamp, u64>,
}

/// Both orders, side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// In the order of the source.
    pub as_listed: Lapses,
    /// With those first who would lapse soonest.
    pub expiring_first: Lapses,
}

impl Comparison {
    /// Compares both orders for those whose last moments are `latest`, in the order of the source. `start` says when the
    /// nth start is, from 0; none when there is none any more. Starts never go back in time.
    #[must_use]
    pub fn of(latest: &[Timestamp], start: impl Fn(u64) -> Option<Timestamp>) -> Self {
        let mut sorted = latest.to_vec();
        sorted.sort_unstable();
        Self {
            as_listed: Lapses::of(latest.iter().copied(), &start),
            expiring_first: Lapses::of(sorted, &start),
        }
    }

    /// How many have their turn because those who would lapse soonest come first.
    #[must_use]
    pub const fn saved(&self) -> u64 {
        self.expiring_first.in_time.saturating_sub(self.as_listed.in_time)
    }
}

impl Lapses {
    /// Forecasts one order: the last moments of those who wait, in the order of their turns. Whoever has lapsed when
    /// their turn comes takes no start.
    #[must_use]
    pub fn of(latest: impl IntoIterator<Item = Timestamp>, start: impl Fn(u64) -> Option<Timestamp>) -> Self {
        let mut forecast = Self::default();
        let mut last = None;
        for latest in latest {
            let next = start(forecast.in_time);
            last = next.or(last);
            match (next, last) {
                (Some(start), _) if start <= latest => forecast.in_time += 1,
                (Some(_), _) => forecast.lapse(latest),
                (None, Some(last)) if latest < last => forecast.lapse(latest),
                (None, _) => forecast.unreached += 1,
            }
        }
        forecast
    }

    fn lapse(&mut self, latest: Timestamp) {
        self.lapsed += 1;
        let ms = latest.as_millisecond();
        *self.by_hour.entry(from_ms(ms - ms.rem_euclid(HOUR_MS))).or_default() += 1;
    }
}

/// The starts of a steady pace: the first at `from`, none at or after `end`.
pub fn steady(per_second: f64, from: Timestamp, end: Timestamp) -> impl Fn(u64) -> Option<Timestamp> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a forecast of starts, which are far fewer than 2^52"
    )]
    move |nth| {
        let after = (nth as f64 * 1000.0 / per_second) as i64;
        let at = from_ms(from.as_millisecond().saturating_add(after));
        (at < end).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(seconds: i64) -> Timestamp {
        from_ms(seconds * 1000)
    }

    #[test]
    fn who_lapses_takes_no_start_and_is_counted_in_the_hour_of_it() {
        // One start an hour, the first at hour 0; the fourth user lapses in hour 1, before their turn in hour 3.
        let latest = [5, 5, 5, 1, 5].map(|hour| from_ms(hour * HOUR + 60_000));
        let start = steady(1.0 / 3600.0, at(0), from_ms(100 * HOUR));
        let forecast = Comparison::of(&latest, start);
        assert_eq!(
            forecast.as_listed,
            Lapses {
                in_time: 4,
                lapsed: 1,
                unreached: 0,
                by_hour: [(from_ms(HOUR), 1)].into(),
            }
        );
        assert_eq!((forecast.expiring_first.in_time, forecast.saved()), (5, 1));
    }

    #[test]
    fn who_has_no_turn_before_the_end_has_not_lapsed() {
        let start = steady(1.0, at(0), at(3));
        let forecast = Lapses::of([100, 100, 100, 1, 100].map(at), start);
        assert_eq!((forecast.in_time, forecast.lapsed, forecast.unreached), (3, 1, 1));
        let never = Lapses::of([at(5)], |_| None);
        assert_eq!((never.in_time, never.lapsed, never.unreached), (0, 0, 1));
        assert_eq!(Lapses::of([], |_| None), Lapses::default());
    }

    proptest! {
        /// Whoever lapses soonest first is the best order there is, and nobody is lost from the sum.
        #[test]
        fn no_order_has_more_in_time(
            mut latest in prop::collection::vec(0_i64..40, 0..8),
            rate in prop::sample::select(vec![0.3, 1.0, 2.0]),
            end in 1_i64..30,
        ) {
            let start = steady(rate, at(0), at(end));
            let best = Comparison::of(&latest.iter().copied().map(at).collect::<Vec<_>>(), &start).expiring_first.in_time;
            for turn in 0..latest.len().max(1) {
                if !latest.is_empty() {
                    latest.rotate_left(1);
                    latest.swap(0, turn);
                }
                let all: Vec<_> = latest.iter().copied().map(at).collect();
                let forecast = Comparison::of(&all, &start);
                prop_assert!(forecast.as_listed.in_time <= best);
                for one in [&forecast.as_listed, &forecast.expiring_first] {
                    prop_assert_eq!(one.in_time + one.lapsed + one.unreached, all.len() as u64);
                    prop_assert_eq!(one.by_hour.values().sum::<u64>(), one.lapsed);
                }
            }
        }
    }
}
