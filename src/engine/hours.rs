//! Whether the schedule lets something start, and what follows where it does not: its start and its windows, by the wall.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::calendar::Calendar;
use crate::clock::{Moment, from_ms, until};
use crate::douyin::Platform;
use crate::event::{EventKind, Waiting};
use crate::ledger::Store;
use crate::plan::{Plan, Schedule};

use super::Why;
use super::dispatcher::Dispatcher;
use super::roll;

/// Whether something may start, and until when that stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may, until then; for ever where there is no such time.
    Open(Option<Timestamp>),
    /// It may from then on; never where there is no such time.
    Shut(Option<Timestamp>),
}

/// Looks at the schedule, and keeps what it said for as long as that is known to hold.
#[derive(Debug)]
pub(super) struct Gate {
    known: Option<(Timestamp, Passage)>,
    /// How far the present of a rehearsal is ahead of the wall, in milliseconds.
    ahead: i64,
}

impl Gate {
    /// Begins a run whose wall clock says `wall`.
    pub(super) fn new(plan: &Plan, wall: Timestamp) -> Self {
        Self {
            known: None,
            ahead: roll::ahead(plan.audience.as_of, wall),
        }
    }

    /// What the schedule says at `now`. A clock that was set back is asked anew.
    fn look(&mut self, schedule: &Schedule, now: Timestamp) -> Passage {
        if let Some((since, passage)) = self.known {
            let (Passage::Open(until) | Passage::Shut(until)) = passage;
            if since <= now && until.is_none_or(|until| now < until) {
                return passage;
            }
        }
        let passage = if now >= schedule.start && schedule.hours.is_open(now) {
            Passage::Open(schedule.hours.next_change(now))
        } else {
            Passage::Shut(schedule.opens(now))
        };
        self.known = Some((now, passage));
        passage
    }

    /// Whether something may start, by the last look.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.known, Some((_, Passage::Shut(_))))
    }

    /// When what was last seen changes.
    pub(super) fn changes(&self) -> Option<Timestamp> {
        let (_, Passage::Open(until) | Passage::Shut(until)) = self.known?;
        until
    }

    /// What is waited for, and until when.
    pub(super) fn waiting(&self, schedule: &Schedule) -> Option<(Waiting, Option<Timestamp>)> {
        let until = self.is_shut().then(|| self.changes())?;
        let why = if until == Some(schedule.start) {
            Waiting::Start
        } else {
            Waiting::Window
        };
        Some((why, until))
    }

    /// The present of a rehearsal.
    pub(super) fn present(&self, wall: Timestamp) -> Timestamp {
        from_ms(wall.as_millisecond().saturating_add(self.ahead))
    }

    /// Lets the present of a rehearsal go on by a wait that is not waited for.
    pub(super) fn pass_over(&mut self, wait: Duration) {
        self.ahead = self
            .ahead
            .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    }

    /// The wait that begins at `wall` in a rehearsal, which goes on at its end: until when it would be, and how long.
    fn skip(&mut self, shown: &Calendar, wall: Timestamp) -> Option<(Timestamp, Duration)> {
        let now = self.present(wall);
        let opens = shown.opens(now)?;
        let wait = until(now, opens)?;
        self.pass_over(wait);
        Some((opens, wait))
    }
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Looks at the schedule, and tells when a window has opened or closed. Says whether nothing may start.
    pub(super) fn look_at_hours(&mut self, at: Moment) -> bool {
        self.rehearse(at);
        let before = self.gate.waiting(&self.plan.schedule);
        let passage = self.gate.look(&self.plan.schedule, at.wall);
        let now = self.gate.waiting(&self.plan.schedule);
        let of_window = |waiting: &Option<(Waiting, _)>| matches!(waiting, Some((Waiting::Window, _)));
        let (open, until) = match passage {
            Passage::Open(until) => (true, until),
            Passage::Shut(until) => (false, until),
        };
        if of_window(&before) != of_window(&now) {
            let skipped = None;
            self.voice.say(at.wall, EventKind::Window { open, until, skipped });
        }
        !open
    }

    /// Why the run does not wait for what the schedule makes it wait for, if it does not.
    pub(super) fn no_wait(&mut self) -> Option<Why> {
        let (why, until) = self.gate.waiting(&self.plan.schedule)?;
        if until.is_none() {
            return Some(Why::NoWindow);
        }
        // Where nothing is left to send, that is what there is to say.
        let waits = !self.plan.run.no_wait || !self.may_send();
        (!waits).then_some(match why {
            Waiting::Start => Why::NotStarted,
            _ => Why::OutsideHours,
        })
    }

    /// Whether there is something that this run may send, now or later.
    pub(super) fn may_send(&mut self) -> bool {
        let capped = self.capped();
        !self.queue.has_nothing_left(self.ledger.book(), capped)
    }

    /// Shows a wait that a rehearsal does not wait for.
    fn rehearse(&mut self, at: Moment) {
        if self.plan.schedule.shown.is_always() || !self.may_send() {
            return;
        }
        if let Some((opens, wait)) = self.gate.skip(&self.plan.schedule.shown, at.wall) {
            let open = false;
            let until = Some(opens);
            let skipped = Some(wait);
            self.voice.say(at.wall, EventKind::Window { open, until, skipped });
        }
    }

    /// How long a wait for the schedule still is.
    pub(super) fn shut_for(&self, at: Moment) -> Option<Duration> {
        let wait = self.gate.is_shut().then(|| self.gate.changes())?;
        Some(wait.map_or(Duration::MAX, |opens| until(at.wall, opens).unwrap_or_default()))
    }

    /// When the schedule is to be looked at again.
    pub(super) fn hours_change(&self, at: Moment) -> Option<Instant> {
        let left = until(at.wall, self.gate.changes()?)?;
        at.instant.checked_add(left)
    }
}
