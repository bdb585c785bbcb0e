//! The app lock as a limit: when a run may try to take it, and which process has it.

use std::time::{Duration, Instant};

use crate::model::event::{AppLockHolder, Waiting};

use super::limit::{Limit, RunEvent, View, Wait};
use crate::model::clock::Moment;
use crate::model::event::Halted;

/// How often the lock is tried while another process has it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What the run knows of the app lock while it does not have it.
#[derive(Debug, Default)]
pub struct AppLockLimit {
    asked: Option<Instant>,
    holder: Option<AppLockHolder>,
}

impl AppLockLimit {
    /// Whether the last try was long enough ago.
    pub fn may_ask(&self, now: Instant) -> bool {
        self.asked.is_none_or(|asked| now >= asked + ASK_AGAIN)
    }

    /// The run has the lock.
    pub fn taken(&mut self) {
        self.asked = None;
        self.holder = None;
    }

    /// Another process has it.
    pub fn taken_by(&mut self, holder: AppLockHolder, now: Instant) {
        self.asked = Some(now);
        self.holder = Some(holder);
    }
}

impl Limit for AppLockLimit {
    fn observe(&mut self, event: &RunEvent<'_>, _now: Moment) -> Option<Halted> {
        if let RunEvent::Resumed = event {
            self.asked = None;
        }
        None
    }

    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        self.asked.filter(|_| view.open).map(|asked| asked + ASK_AGAIN)
    }

    fn waiting(&mut self, _view: &View<'_>) -> Option<Wait> {
        let holder = self.holder.clone()?;
        Some(Wait {
            why: Waiting::AppId { holder },
            until: None,
        })
    }
}
