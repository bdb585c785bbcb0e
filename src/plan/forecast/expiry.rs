//! Forecasts how many users' activity will have expired before their turn.
//!
//! The caller supplies the start times in order, so this module does not depend on the schedule.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::clock::from_ms;

pub use crate::plan::TurnOrder;

const HOUR_MS: i64 = 3_600_000;

/// A coupon that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The last moment at which its user may be sent a coupon.
    pub latest: Timestamp,
    /// The number of its wave, from 1; `None` when its user is in no wave.
    pub wave: Option<u32>,
    /// Whether it is the last coupon of its user.
    pub last: bool,
}

/// A coupon that was attempted before and is due again; it goes before those that never were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// When it is due.
    pub due: Timestamp,
    /// Its turn; `None` for a coupon in doubt, which is sent again even if the activity expires.
    pub turn: Option<Turn>,
}

/// A start time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The time.
    pub at: Timestamp,
    /// Whether the run reaches it: it is before the schedule's end.
    pub made: bool,
}

/// The forecast of expiry for one order of recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpiryForecast {
    /// How many coupons will have their turn.
    pub in_time: u64,
    /// How many will have none, because the activity of their user expires before.
    pub lapsed: u64,
    /// How many have no turn in this run although the activity of their user has not expired when the run last checks
    /// them.
    pub unreached: u64,
    /// How many users' activity expires before one of their turns, by the beginning of the hour in which it does. Hours
    /// without any are absent.
    pub by_hour: BTreeMap<Timestamp, u64>,
    /// How many coupons have no turn because of expiry, by wave. Waves without any are absent.
    pub by_wave: BTreeMap<Option<u32>, u64>,
}

/// A source of start times.
pub trait Starting {
    /// The time of the `nth` start, from 0, that is not before `due`; `None` when there is no further one. Starts are
    /// in ascending order of time.
    fn start(&self, nth: u64, due: Timestamp) -> Option<Start>;

    /// Begins a wave after `nth` starts, or with `None` the rest of the users. Does nothing for the present wave.
    fn begin(&mut self, wave: Option<u32>, nth: u64);
}

/// A source of start times without waves.
impl<F: Fn(u64, Timestamp) -> Option<Start>> Starting for F {
    fn start(&self, nth: u64, due: Timestamp) -> Option<Start> {
        self(nth, due)
    }

    fn begin(&mut self, _: Option<u32>, _: u64) {}
}

/// The forecasts of both orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The planned order.
    pub order: TurnOrder,
    /// In the order of the source, or of admission when another order is planned.
    pub as_listed: ExpiryForecast,
    /// Users whose activity expires soonest come first.
    pub expiring_first: ExpiryForecast,
}

impl Comparison {
    /// The forecast of the planned order.
    #[must_use]
    pub const fn planned(&self) -> &ExpiryForecast {
        match self.order {
            TurnOrder::AsListed => &self.as_listed,
            TurnOrder::ExpiringFirst => &self.expiring_first,
        }
    }

    /// Whether the plan puts users first whose activity expires soonest.
    #[must_use]
    pub const fn is_expiring_first(&self) -> bool {
        matches!(self.order, TurnOrder::ExpiringFirst)
    }

    /// How many more coupons have their turn in the order `expiring_first`.
    #[must_use]
    pub const fn saved(&self) -> u64 {
        self.expiring_first.in_time.saturating_sub(self.as_listed.in_time)
    }
}

impl ExpiryForecast {
    /// Forecasts one order. `turns` come wave by wave; `again` is sorted by due time and goes first as soon as it is
    /// due. A user whose activity has expired takes no start, so the next wave begins sooner. The run knows such users
    /// in advance, also those whose turn would come after the end of the run, unless a user before them still waits for
    /// a start.
    #[must_use]
    pub fn new(again: &[Again], turns: impl IntoIterator<Item = Turn>, starts: impl Starting) -> Self {
        let mut timeline = Timeline {
            starts,
            last: None,
            waits: false,
            lapses: Self::default(),
        };
        let mut again = again.iter().peekable();
        for turn in turns {
            timeline.starts.begin(turn.wave, timeline.lapses.in_time);
            while let Some(due) = again.next_if(|again| timeline.is_due(again.due)) {
                timeline.take(due.due, due.turn);
            }
            timeline.take(Timestamp::MIN, Some(turn));
        }
        again.for_each(|again| timeline.take(again.due, again.turn));
        timeline.lapses
    }

    /// How many users' activity expires before one of their turns.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.by_hour.values().sum()
    }

    fn lapse(&mut self, turn: Turn) {
        self.lapsed += 1;
        *self.by_wave.entry(turn.wave).or_default() += 1;
        // A user whose activity expired before one coupon also misses the later ones, so count the user at the last
        // coupon.
        if turn.last {
            let ms = turn.latest.as_millisecond();
            *self.by_hour.entry(from_ms(ms - ms.rem_euclid(HOUR_MS))).or_default() += 1;
        }
    }
}

struct Timeline<S> {
    starts: S,
    last: Option<Timestamp>,
    /// Whether a user has the turn who will not start before the end.
    waits: bool,
    lapses: ExpiryForecast,
}

impl<S: Starting> Timeline<S> {
    fn next(&self, due: Timestamp) -> Option<Start> {
        self.starts.start(self.lapses.in_time, due)
    }

    fn is_due(&self, due: Timestamp) -> bool {
        let next = self.next(Timestamp::MIN);
        next.is_some_and(|start| start.made && due <= start.at)
    }

    fn take(&mut self, due: Timestamp, turn: Option<Turn>) {
        let next = self.next(due);
        if let Some(start) = next.filter(|start| start.made) {
            self.last = self.last.max(Some(start.at));
        }
        let lapses = |turn: &Turn| match next {
            Some(start) if start.made || !self.waits => start.at > turn.latest,
            _ => self.last.is_some_and(|last| turn.latest < last),
        };
        match (turn.filter(lapses), next) {
            (Some(turn), _) => self.lapses.lapse(turn),
            (None, Some(Start { made: true, .. })) => self.lapses.in_time += 1,
            (None, _) => {
                self.waits = true;
                self.lapses.unreached += 1;
            }
        }
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

    fn turn(latest: Timestamp) -> Turn {
        Turn {
            latest,
            wave: None,
            last: true,
        }
    }

    /// One start every `seconds`, the first at 0, none at or after `end`.
    fn every(seconds: i64, end: i64) -> impl Fn(u64, Timestamp) -> Option<Start> {
        move |nth, due| {
            let start = at(i64::try_from(nth).expect("a small number") * seconds).max(due);
            let made = start < at(end);
            Some(Start { at: start, made })
        }
    }

    fn compared(latest: &[Timestamp], start: impl Fn(u64, Timestamp) -> Option<Start>) -> Comparison {
        let mut sorted = latest.to_vec();
        sorted.sort_unstable();
        Comparison {
            order: TurnOrder::AsListed,
            as_listed: ExpiryForecast::new(&[], latest.iter().copied().map(turn), &start),
            expiring_first: ExpiryForecast::new(&[], sorted.into_iter().map(turn), &start),
        }
    }

    #[test]
    fn who_lapses_takes_no_start_and_is_counted_in_the_hour_of_it() {
        // One start an hour; the activity of the fourth user expires in hour 1, before their turn in hour 3.
        let latest = [5, 5, 5, 1, 5].map(|hour| from_ms(hour * HOUR + 60_000));
        let forecast = compared(&latest, every(3_600, 360_000));
        assert_eq!(
            forecast.as_listed,
            ExpiryForecast {
                in_time: 4,
                lapsed: 1,
                unreached: 0,
                by_hour: [(from_ms(HOUR), 1)].into(),
                by_wave: [(None, 1)].into(),
            }
        );
        assert_eq!((forecast.expiring_first.in_time, forecast.saved()), (5, 1));
    }

    #[test]
    fn who_has_no_turn_before_the_end_has_not_lapsed() {
        let forecast = ExpiryForecast::new(&[], [100, 100, 100, 1, 100].map(at).map(turn), every(1, 3));
        assert_eq!((forecast.in_time, forecast.lapsed, forecast.unreached), (3, 1, 1));
        let never = ExpiryForecast::new(&[], [turn(at(5))], |_: u64, _: Timestamp| None);
        assert_eq!((never.in_time, never.lapsed, never.unreached), (0, 0, 1));
        assert_eq!(
            ExpiryForecast::new(&[], [], |_: u64, _: Timestamp| None),
            ExpiryForecast::default()
        );
    }

    #[test]
    fn what_was_attempted_before_goes_first_when_it_is_due_and_a_doubt_never_lapses() {
        let again = |due, latest: Option<i64>| Again {
            due: at(due),
            turn: latest.map(|latest| turn(at(latest))),
        };
        // The first two take the starts at 0 and 1. The third is due at 4, after the activity of its user has expired.
        // The last turn is delayed to 3 and comes too late.
        let all = [again(0, None), again(1, Some(9)), again(4, Some(3)), again(20, None)];
        let turns = [turn(at(9)), turn(at(2))];
        let forecast = ExpiryForecast::new(&all, turns, every(1, 100));
        assert_eq!((forecast.in_time, forecast.lapsed), (4, 2));
        let late = ExpiryForecast::new(&all, turns, every(1, 20));
        assert_eq!((late.in_time, late.lapsed, late.unreached), (3, 2, 1));
    }

    #[test]
    fn a_user_with_several_coupons_lapses_once() {
        let turns = [(100, false), (1, false), (100, true), (1, true)].map(|(latest, last)| Turn {
            latest: at(latest),
            wave: None,
            last,
        });
        let forecast = ExpiryForecast::new(&[], turns, every(2, 100));
        assert_eq!((forecast.in_time, forecast.lapsed, forecast.users()), (2, 2, 1));
    }

    proptest! {
        /// Sorting by expiry is the best order, and the counts add up to all users.
        #[test]
        fn no_order_has_more_in_time(
            mut latest in prop::collection::vec(0_i64..40, 0..8), seconds in 1_i64..4, end in 1_i64..30,
        ) {
            let start = every(seconds, end);
            let best = compared(&latest.iter().copied().map(at).collect::<Vec<_>>(), &start).expiring_first.in_time;
            for turn in 0..latest.len().max(1) {
                if !latest.is_empty() {
                    latest.rotate_left(1);
                    latest.swap(0, turn);
                }
                let all: Vec<_> = latest.iter().copied().map(at).collect();
                let forecast = compared(&all, &start);
                prop_assert!(forecast.as_listed.in_time <= best);
                for one in [&forecast.as_listed, &forecast.expiring_first] {
                    prop_assert_eq!(one.in_time + one.lapsed + one.unreached, all.len() as u64);
                    prop_assert_eq!(one.users(), one.lapsed);
                }
            }
        }
    }
}
