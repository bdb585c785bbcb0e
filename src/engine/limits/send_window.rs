//! The send window: the schedule's start, hours and end, by the wall clock.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::engine::send_order;
use crate::model::calendar::Calendar;
use crate::model::clock::{from_ms, until};
use crate::model::event::{EventKind, Waiting};
use crate::plan::{Plan, Schedule};

use super::limit::{Limit, View, Wait};

/// Whether attempts may start, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// Open until this time. `None` means for ever.
    Open(Option<Timestamp>),
    /// Shut until this time. `None` means that no window follows.
    Shut(Option<Timestamp>),
}

/// Reads the schedule, and keeps the state for as long as it is known to last.
#[derive(Debug)]
pub struct SendWindow {
    known: Option<(Timestamp, WindowState)>,
    /// How far the present of a rehearsal is ahead of the wall clock, in milliseconds.
    ahead: i64,
}

impl SendWindow {
    /// The window of a run that begins when the wall clock says `wall`.
    pub fn new(plan: &Plan, wall: Timestamp) -> Self {
        Self {
            known: None,
            ahead: send_order::ahead(plan.audience.as_of, wall),
        }
    }

    /// The state at `now`. Reads the schedule again if the clock was set back.
    fn state_at(&mut self, schedule: &Schedule, now: Timestamp) -> WindowState {
        if let Some((since, state)) = self.known {
            let (WindowState::Open(until) | WindowState::Shut(until)) = state;
            if since <= now && until.is_none_or(|until| now < until) {
                return state;
            }
        }
        let state = if now >= schedule.start && schedule.hours.is_open(now) {
            WindowState::Open(schedule.hours.next_change(now))
        } else {
            WindowState::Shut(schedule.opens(now))
        };
        self.known = Some((now, state));
        state
    }

    /// Checks the schedule. Returns the event if a window has opened or closed.
    pub fn check(&mut self, schedule: &Schedule, wall: Timestamp) -> Option<EventKind> {
        let waited = self.waits_for_window(schedule);
        let state = self.state_at(schedule, wall);
        let (WindowState::Open(until) | WindowState::Shut(until)) = state;
        let event = EventKind::Window {
            open: matches!(state, WindowState::Open(_)),
            until,
            skipped: None,
        };
        (waited != self.waits_for_window(schedule)).then_some(event)
    }

    /// Whether nothing may start, by the last check.
    pub fn is_shut(&self) -> bool {
        matches!(self.known, Some((_, WindowState::Shut(_))))
    }

    /// When the state changes.
    fn changes(&self) -> Option<Timestamp> {
        let (_, WindowState::Open(until) | WindowState::Shut(until)) = self.known?;
        until
    }

    fn waits_for_window(&self, schedule: &Schedule) -> bool {
        self.is_shut() && self.changes() != Some(schedule.start)
    }

    /// What the run waits for, and until when. `None` while the window is open.
    pub fn wait(&self, schedule: &Schedule) -> Option<Wait> {
        let until = self.is_shut().then(|| self.changes())?;
        let why = if self.waits_for_window(schedule) {
            Waiting::Window
        } else {
            Waiting::Start
        };
        Some(Wait { why, until })
    }

    /// How long the wait for the schedule lasts from `wall` on. `None` while the window is open.
    pub fn shut_for(&self, wall: Timestamp) -> Option<Duration> {
        let opens = self.is_shut().then(|| self.changes())?;
        Some(opens.map_or(Duration::MAX, |opens| until(wall, opens).unwrap_or_default()))
    }

    /// The present of a rehearsal.
    pub fn present(&self, wall: Timestamp) -> Timestamp {
        from_ms(wall.as_millisecond().saturating_add(self.ahead))
    }

    /// Moves the present of a rehearsal past a wait that it skips.
    pub fn fast_forward(&mut self, wait: Duration) {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.ahead = self.ahead.saturating_add(wait);
    }

    /// Skips the wait that begins at `wall` in a rehearsal. Returns the event that shows it.
    pub fn skip(&mut self, shown: &Calendar, wall: Timestamp) -> Option<EventKind> {
        let now = self.present(wall);
        let opens = shown.opens(now)?;
        let wait = until(now, opens)?;
        self.fast_forward(wait);
        Some(EventKind::Window {
            open: false,
            until: Some(opens),
            skipped: Some(wait),
        })
    }
}

impl Limit for SendWindow {
    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        let left = until(view.now.wall, self.changes()?)?;
        view.now.instant.checked_add(left)
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        self.wait(&view.plan.schedule)
    }
}
