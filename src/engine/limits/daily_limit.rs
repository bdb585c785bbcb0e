//! The daily limit: the attempts between two midnights of the campaign's zone. It is computed from the ledger's facts, so a
//! restart knows what is left. It goes by the ledger's newest time, so a clock that is set back begins no day again.

use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ledger::LedgerState;
use crate::model::calendar::Day;
use crate::model::clock::until;
use crate::model::event::Waiting;
use crate::plan::Plan;

use super::limit::{Allowance, Limit, View, Wait};

/// Counts the attempts of the present day.
#[derive(Debug)]
pub struct DailyLimit {
    most: u64,
    zone: TimeZone,
    /// Whether the run waits for the next day. A rehearsal does not.
    waits: bool,
    known: Option<Day>,
    rehearsed: Option<RehearsedDay>,
}

/// The day that a rehearsal has reached.
#[derive(Clone, Copy, Debug)]
struct RehearsedDay {
    day: Day,
    /// When the rehearsal reached it, by the ledger's time.
    reached: Timestamp,
    /// The attempts of that quarter of an hour before it. Older ones are forgotten as the rehearsal goes on.
    before: u64,
}

impl DailyLimit {
    pub fn new(plan: &Plan) -> Self {
        Self {
            most: plan.pace.per_day,
            zone: plan.schedule.zone.clone(),
            waits: plan.schedule.waits,
            known: None,
            rehearsed: None,
        }
    }

    /// The day of `known`, the later of the wall clock and the ledger's newest time. `None` without a limit.
    fn day(&mut self, known: Timestamp) -> Option<Day> {
        if self.most == u64::MAX {
            return None;
        }
        let day = self.known.filter(|day| day.has(known));
        let day = day.unwrap_or_else(|| Day::new(known, &self.zone));
        self.known = Some(day);
        Some(day)
    }

    /// The number of attempts that may still begin on the day of `known`.
    fn left(&mut self, state: &LedgerState, known: Timestamp) -> u64 {
        let Some(day) = self.day(known) else {
            return u64::MAX;
        };
        self.most.saturating_sub(state.begun_since(day.begins))
    }

    /// The last moment of the day of `intended`, for which an attempt with that intent counts. `None` without a limit and in a
    /// rehearsal.
    pub fn latest(&mut self, intended: Timestamp) -> Option<Timestamp> {
        let last = |day: Day| Timestamp::from_nanosecond(day.ends.as_nanosecond() - 1).ok();
        self.day(intended).filter(|_| self.waits).and_then(last)
    }

    /// The end of a day whose attempts are used up. `None` while some are left.
    fn used_up(&mut self, view: &View<'_>) -> Option<Timestamp> {
        let known = view.present();
        let used_up = self.waits && self.left(view.state, known) == 0;
        used_up.then(|| Day::new(known, &self.zone).ends)
    }

    /// Follows a rehearsal, which has reached `present` while the wall clock shows `wall`. Returns the end of the day of `present`
    /// if its attempts are used up.
    pub fn rehearse(&mut self, state: &LedgerState, present: Timestamp, wall: Timestamp) -> Option<Timestamp> {
        if self.waits || self.most == u64::MAX {
            return None;
        }
        let today = Day::new(present, &self.zone);
        if self.rehearsed.is_none_or(|rehearsed| rehearsed.day != today) {
            self.begin_rehearsed(state, today, wall);
        }
        (self.left_in_rehearsal(state) == 0).then_some(today.ends)
    }

    /// Skips the rest of a day whose attempts are used up: the rehearsal goes on at `ends`.
    pub fn skip_day(&mut self, state: &LedgerState, ends: Timestamp, wall: Timestamp) {
        self.begin_rehearsed(state, Day::new(ends, &self.zone), wall);
    }

    fn begin_rehearsed(&mut self, state: &LedgerState, day: Day, wall: Timestamp) {
        let reached = state.present(wall);
        let before = state.begun_since(reached);
        self.rehearsed = Some(RehearsedDay { day, reached, before });
    }

    fn left_in_rehearsal(&self, state: &LedgerState) -> u64 {
        let begun = self.rehearsed.map_or(0, |rehearsed| {
            state.begun_since(rehearsed.reached).saturating_sub(rehearsed.before)
        });
        self.most.saturating_sub(begun)
    }
}

impl Limit for DailyLimit {
    fn allowance(&mut self, view: &View<'_>) -> Allowance {
        let starts = if self.waits {
            self.left(view.state, view.present())
        } else if self.most == u64::MAX {
            u64::MAX
        } else {
            self.left_in_rehearsal(view.state)
        };
        Allowance {
            starts,
            ..Allowance::FREE
        }
    }

    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        let ends = self.used_up(view)?;
        view.now.instant.checked_add(until(view.now.wall, ends)?)
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        if view.in_flight > 0 {
            return None;
        }
        let ends = self.used_up(view)?;
        Some(Wait {
            why: Waiting::Day { most: self.most },
            until: Some(ends),
        })
    }
}
