//! The app lock as a limit: when a run may try to take it, which process has it, and whether this process may rely on it.

use std::time::{Duration, Instant};

use crate::model::event::{AppLockHolder, Waiting};

use super::app_share::TermState;
use super::limit::{Allowance, Limit, RunEvent, View, Wait};
use crate::model::clock::{Moment, later};
use crate::model::event::Halted;

/// How often the lock is tried while another process has it, and looked at while this process may not rely on it.
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

/// When the wait for the previous owner ends. `None` if it is over.
fn waits_for_previous_owner(view: &View<'_>) -> Option<Instant> {
    view.app.not_before.filter(|first| *first > view.now.instant)
}

impl Limit for AppLockLimit {
    fn allowance(&mut self, view: &View<'_>) -> Allowance {
        let owns = view.app.is_trusted && view.app.term == TermState::Lasts;
        if owns && waits_for_previous_owner(view).is_none() {
            Allowance::FREE
        } else {
            Allowance {
                starts: 0,
                ..Allowance::FREE
            }
        }
    }

    fn observe(&mut self, event: &RunEvent<'_>, _now: Moment) -> Option<Halted> {
        if let RunEvent::Resumed = event {
            self.asked = None;
        }
        None
    }

    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        if !view.open {
            return None;
        }
        let asks = self.asked.map(|asked| asked + ASK_AGAIN);
        let looks = (!view.app.is_trusted).then(|| view.now.instant + ASK_AGAIN);
        [asks, looks, waits_for_previous_owner(view)]
            .into_iter()
            .flatten()
            .min()
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        let Moment { wall, instant, .. } = view.now;
        if let Some(holder) = self.holder.clone() {
            return Some(Wait {
                why: Waiting::AppId { holder },
                until: None,
            });
        }
        if let Some(first) = waits_for_previous_owner(view) {
            return Some(Wait {
                why: Waiting::PreviousOwner,
                until: Some(later(wall, first.saturating_duration_since(instant))),
            });
        }
        (!view.app.is_trusted).then_some(Wait {
            why: Waiting::Lease,
            until: None,
        })
    }
}
