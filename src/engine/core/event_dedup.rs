//! What a run has announced, so that no event repeats.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalogue::{Text, engine};
use crate::engine::limits::app_share::AppState;
use crate::model::clock::{Moment, later, until};
use crate::model::event::{EventKind, Phase, Waiting};

/// Times that are computed again from two clocks differ by less than this.
const SAME: Duration = Duration::from_millis(1_500);

/// The last announcements of a run.
#[derive(Debug, Default)]
pub struct EventDedup {
    phase: Option<Phase>,
    /// The pace, while the platform slows it.
    slowed: Option<f64>,
    statuses: BTreeSet<i64>,
}

impl EventDedup {
    /// The event of a phase that the run enters. `None` if it was announced.
    pub fn phase(&mut self, phase: Phase) -> Option<EventKind> {
        if self.phase.as_ref().is_some_and(|last| is_same(last, &phase)) {
            return None;
        }
        self.phase = Some(phase.clone());
        Some(EventKind::Phase(phase))
    }

    /// The event of a pace that changed. `None` if it was announced.
    pub fn pace(&mut self, app: &AppState, now: Moment) -> Option<EventKind> {
        let slowed = app.slowed.map(|_| app.pace);
        let changed = std::mem::replace(&mut self.slowed, slowed) != slowed;
        changed.then(|| EventKind::PaceChanged {
            per_second: app.pace,
            until: app.slowed.map(|slowed| later(now.wall, slowed.lasts)),
        })
    }

    /// A warning of a coupon status that no document explains. `None` if the run has warned of it.
    pub fn coupon_status(&mut self, status: i64) -> Option<EventKind> {
        self.statuses.insert(status).then(|| EventKind::Warning {
            message: Text::new(&engine::CouponStatus { status: &status }),
        })
    }
}

/// Whether two phases are the same to a person.
fn is_same(last: &Phase, phase: &Phase) -> bool {
    match (last, phase) {
        (Phase::Waiting { why: a, until: x }, Phase::Waiting { why: b, until: y }) => {
            let close = match (x, y) {
                (Some(x), Some(y)) => is_close(*x, *y),
                (x, y) => x == y,
            };
            close && is_same_wait(a, b)
        }
        (a, b) => a == b,
    }
}

fn is_same_wait(a: &Waiting, b: &Waiting) -> bool {
    match (a, b) {
        (Waiting::Outage { since: a }, Waiting::Outage { since: b }) => is_close(*a, *b),
        (Waiting::Token { since: a, why: x }, Waiting::Token { since: b, why: y }) => is_close(*a, *b) && x == y,
        (a, b) => a == b,
    }
}

fn is_close(a: Timestamp, b: Timestamp) -> bool {
    until(a, b).or_else(|| until(b, a)).unwrap_or_default() <= SAME
}
