//! How many users will have lapsed before their turn comes: a forecast from what is known when a plan is made.
//!
//! When a turn comes, if it does, is asked for each start in its order, so that a schedule is not this one's matter.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::clock::from_ms;

pub use crate::plan::TurnOrder;

const HOUR_MS: i64 = 3_600_000;

/// A coupon whose turn is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The last moment at which its user may be sent to.
    pub latest: Timestamp,
    /// The wave that it comes with, from 1; none when its user is in no wave.
    pub wave: Option<u32>,
    /// Whether it is the last one of its user.
    pub last: bool,
}

/// A coupon that was attempted before and is due again, before all that never were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// When it is due.
    pub due: Timestamp,
    /// Its turn; none where no lapse keeps it from that, because it is in doubt.
    pub turn: Option<Turn>,
}

/// A start that a run would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When.
    pub at: Timestamp,
    /// Whether the run makes it: the schedule's end is not before it.
    pub made: bool,
}

/// What is to be expected of those who wait for their turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lapses {
    /// How many coupons will have their turn.
    pub in_time: u64,
    /// How many will have none, because their user has lapsed before it.
    pub lapsed: u64,
    /// How many have no turn in this run, and their user has not lapsed when the run looks at them last.
    pub unreached: u64,
    /// How many users lapse in each hour, by the hour's beginning, before a turn of theirs. Hours in which nobody does are
    /// not there.
    pub by_hour: BTreeMap<Timestamp, u64>,
    /// How many coupons have no turn because their user has lapsed, by the wave that it would come with. Waves in which
    /// nobody does are not there.
    pub by_wave: BTreeMap<Option<u32>, u64>,
}

/// When a run starts what it attempts.
pub trait Starting {
    /// When the `nth` start is, from 0, that is not before `due`; none when there is none any more. Starts never go back in
    /// time.
    fn start(&self, nth: u64, due: Timestamp) -> Option<Start>;

    /// Begins a wave behind so many starts, or the turns of everybody who is in none; nothing where those come at present.
    fn begin(&mut self, wave: Option<u32>, nth: u64);
}

/// Starts that no wave waits for.
impl<F: Fn(u64, Timestamp) -> Option<Start>> Starting for F {
    fn start(&self, nth: u64, due: Timestamp) -> Option<Start> {
        self(nth, due)
    }

    fn begin(&mut self, _: Option<u32>, _: u64) {}
}

/// Both orders, side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The order that is planned.
    pub order: TurnOrder,
    /// In the order of the source, or of admission where another one is planned.
    pub as_listed: Lapses,
    /// With those first who would lapse soonest.
    pub expiring_first: Lapses,
}

impl Comparison {
    /// What is to be expected of the order that is planned.
    #[must_use]
    pub const fn planned(&self) -> &Lapses {
        match self.order {
            TurnOrder::AsListed => &self.as_listed,
            TurnOrder::ExpiringFirst => &self.expiring_first,
        }
    }

    /// Whether those come first who would lapse soonest.
    #[must_use]
    pub const fn is_expiring_first(&self) -> bool {
        matches!(self.order, TurnOrder::ExpiringFirst)
    }

    /// How many coupons more have their turn where those come first who would lapse soonest.
    #[must_use]
    pub const fn saved(&self) -> u64 {
        self.expiring_first.in_time.saturating_sub(self.as_listed.in_time)
    }
}

impl Lapses {
    /// Forecasts one order: the turns as they come, wave by wave, and among them, as soon as they are due, those of `again`,
    /// which are sorted by that. Whoever has lapsed when their turn comes takes no start, so that the next wave begins
    /// sooner, and a run knows it before: also of a turn that would come behind its end, as long as it waits for nobody
    /// else.
    #[must_use]
    pub fn of(again: &[Again], turns: impl IntoIterator<Item = Turn>, starts: impl Starting) -> Self {
        let mut course = Course {
            starts,
            last: None,
            waits: false,
            lapses: Self::default(),
        };
        let mut again = again.iter().peekable();
        for turn in turns {
            course.starts.begin(turn.wave, course.lapses.in_time);
            while let Some(due) = again.next_if(|again| course.is_due(again.due)) {
                course.take(due.due, due.turn);
            }
            course.take(Timestamp::MIN, Some(turn));
        }
        again.for_each(|again| course.take(again.due, again.turn));
        course.lapses
    }

    /// How many users lapse before a turn of theirs.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.by_hour.values().sum()
    }

    fn lapse(&mut self, turn: Turn) {
        self.lapsed += 1;
        *self.by_wave.entry(turn.wave).or_default() += 1;
        // Who has lapsed before one of their coupons has lapsed before those behind it as well.
        if turn.last {
            let ms = turn.latest.as_millisecond();
            *self.by_hour.entry(from_ms(ms - ms.rem_euclid(HOUR_MS))).or_default() += 1;
        }
    }
}

/// A forecast that is under way.
struct Course<S> {
    starts: S,
    /// The latest start so far.
    last: Option<Timestamp>,
    /// Whether somebody has the turn now who will not start before the end.
    waits: bool,
    lapses: Lapses,
}

impl<S: Starting> Course<S> {
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

    /// One start in so many seconds, the first at 0, none at or after `end`.
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
            as_listed: Lapses::of(&[], latest.iter().copied().map(turn), &start),
            expiring_first: Lapses::of(&[], sorted.into_iter().map(turn), &start),
        }
    }

    #[test]
    fn who_lapses_takes_no_start_and_is_counted_in_the_hour_of_it() {
        // One start an hour; the fourth user lapses in hour 1, before their turn in hour 3.
        let latest = [5, 5, 5, 1, 5].map(|hour| from_ms(hour * HOUR + 60_000));
        let forecast = compared(&latest, every(3_600, 360_000));
        assert_eq!(
            forecast.as_listed,
            Lapses {
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
        let forecast = Lapses::of(&[], [100, 100, 100, 1, 100].map(at).map(turn), every(1, 3));
        assert_eq!((forecast.in_time, forecast.lapsed, forecast.unreached), (3, 1, 1));
        let never = Lapses::of(&[], [turn(at(5))], |_: u64, _: Timestamp| None);
        assert_eq!((never.in_time, never.lapsed, never.unreached), (0, 0, 1));
        assert_eq!(Lapses::of(&[], [], |_: u64, _: Timestamp| None), Lapses::default());
    }

    #[test]
    fn what_was_attempted_before_goes_first_when_it_is_due_and_a_doubt_never_lapses() {
        let again = |due, latest: Option<i64>| Again {
            due: at(due),
            turn: latest.map(|latest| turn(at(latest))),
        };
        // Starts at 0 and 1 are those of the first two; the third of them is due at 4, when its user has lapsed. The last
        // turn is put off to 3 by them, and comes too late.
        let all = [again(0, None), again(1, Some(9)), again(4, Some(3)), again(20, None)];
        let turns = [turn(at(9)), turn(at(2))];
        let forecast = Lapses::of(&all, turns, every(1, 100));
        assert_eq!((forecast.in_time, forecast.lapsed), (4, 2));
        let late = Lapses::of(&all, turns, every(1, 20));
        assert_eq!((late.in_time, late.lapsed, late.unreached), (3, 2, 1));
    }

    #[test]
    fn a_user_with_several_coupons_lapses_once() {
        let turns = [(100, false), (1, false), (100, true), (1, true)].map(|(latest, last)| Turn {
            latest: at(latest),
            wave: None,
            last,
        });
        let forecast = Lapses::of(&[], turns, every(2, 100));
        assert_eq!((forecast.in_time, forecast.lapsed, forecast.users()), (2, 2, 1));
    }

    proptest! {
        /// Whoever lapses soonest first is the best order there is, and nobody is lost from the sum.
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
