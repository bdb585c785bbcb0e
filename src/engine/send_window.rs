//! Whether the schedule lets something start, and what follows where it does not: its start and its windows, by the wall.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::douyin::Platform;
use crate::ledger::Store;
use crate::model::calendar::Calendar;
use crate::model::clock::{Moment, from_ms, until};
use crate::model::event::{EventKind, Waiting};
use crate::plan::{Plan, Schedule};

use super::StopReason;
use super::dispatcher::Dispatcher;
use super::send_order;

/// Whether something may start, and until when that stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowState {
    /// It may, until then; for ever where there is no such time.
    Open(Option<Timestamp>),
    /// It may from then on; never where there is no such time.
    Shut(Option<Timestamp>),
}

/// Looks at the schedule, and keeps what it said for as long as that is known to hold.
#[derive(Debug)]
pub(super) struct SendWindow {
    known: Option<(Timestamp, WindowState)>,
    /// How far the present of a rehearsal is ahead of the wall, in milliseconds.
    ahead: i64,
}

impl SendWindow {
    /// Begins a run whose wall clock says `wall`.
    pub(super) fn new(plan: &Plan, wall: Timestamp) -> Self {
        Self {
            known: None,
            ahead: send_order::ahead(plan.audience.as_of, wall),
        }
    }

    /// What the schedule says at `now`. A clock that was set back is asked anew.
    fn state_at(&mut self, schedule: &Schedule, now: Timestamp) -> WindowState {
        if let Some((since, passage)) = self.known {
            let (WindowState::Open(until) | WindowState::Shut(until)) = passage;
            if since <= now && until.is_none_or(|until| now < until) {
                return passage;
            }
        }
        let passage = if now >= schedule.start && schedule.hours.is_open(now) {
            WindowState::Open(schedule.hours.next_change(now))
        } else {
            WindowState::Shut(schedule.opens(now))
        };
        self.known = Some((now, passage));
        passage
    }

    /// Whether something may start, by the last look.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.known, Some((_, WindowState::Shut(_))))
    }

    /// When what was last seen changes.
    pub(super) fn changes(&self) -> Option<Timestamp> {
        let (_, WindowState::Open(until) | WindowState::Shut(until)) = self.known?;
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
    pub(super) fn fast_forward(&mut self, wait: Duration) {
        self.ahead = self
            .ahead
            .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    }

    /// The wait that begins at `wall` in a rehearsal, which goes on at its end: until when it would be, and how long.
    fn skip(&mut self, shown: &Calendar, wall: Timestamp) -> Option<(Timestamp, Duration)> {
        let now = self.present(wall);
        let opens = shown.opens(now)?;
        let wait = until(now, opens)?;
        self.fast_forward(wait);
        Some((opens, wait))
    }
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Looks at the schedule, and tells when a window has opened or closed. Says whether nothing may start.
    pub(super) fn check_send_window(&mut self, at: Moment) -> bool {
        self.rehearse(at);
        let before = self.send_window.waiting(&self.plan.schedule);
        let passage = self.send_window.state_at(&self.plan.schedule, at.wall);
        let now = self.send_window.waiting(&self.plan.schedule);
        let of_window = |waiting: &Option<(Waiting, _)>| matches!(waiting, Some((Waiting::Window, _)));
        let (open, until) = match passage {
            WindowState::Open(until) => (true, until),
            WindowState::Shut(until) => (false, until),
        };
        if of_window(&before) != of_window(&now) {
            let skipped = None;
            self.emitter.emit(at.wall, EventKind::Window { open, until, skipped });
        }
        !open
    }

    /// Why the run does not wait for what the schedule makes it wait for, if it does not.
    pub(super) fn no_wait(&mut self) -> Option<StopReason> {
        let (why, until) = self.send_window.waiting(&self.plan.schedule)?;
        if until.is_none() {
            return Some(StopReason::NoWindow);
        }
        // Where nothing is left to send, that is what there is to say.
        let waits = !self.plan.run.no_wait || !self.may_send();
        (!waits).then_some(match why {
            Waiting::Start => StopReason::NotStarted,
            _ => StopReason::OutsideHours,
        })
    }

    /// Whether there is something that this run may send, now or later.
    pub(super) fn may_send(&mut self) -> bool {
        let capped = self.capped();
        !self.queue.has_nothing_left(self.ledger.state(), capped)
    }

    /// Shows a wait that a rehearsal does not wait for.
    fn rehearse(&mut self, at: Moment) {
        if self.plan.schedule.shown.is_always() || !self.may_send() {
            return;
        }
        if let Some((opens, wait)) = self.send_window.skip(&self.plan.schedule.shown, at.wall) {
            let open = false;
            let until = Some(opens);
            let skipped = Some(wait);
            self.emitter.emit(at.wall, EventKind::Window { open, until, skipped });
        }
    }

    /// How long a wait for the schedule still is.
    pub(super) fn shut_for(&self, at: Moment) -> Option<Duration> {
        let wait = self.send_window.is_shut().then(|| self.send_window.changes())?;
        Some(wait.map_or(Duration::MAX, |opens| until(at.wall, opens).unwrap_or_default()))
    }

    /// When the schedule is to be looked at again.
    pub(super) fn hours_change(&self, at: Moment) -> Option<Instant> {
        let left = until(at.wall, self.send_window.changes()?)?;
        at.instant.checked_add(left)
    }
}
