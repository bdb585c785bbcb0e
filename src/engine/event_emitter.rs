//! What a run says, and only when it has changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::clock::{Moment, later, until};
use crate::model::event::{DrainReason, Emit, Event, EventKind, Owner, Phase, Waiting};
use crate::model::run_command::Requester;

/// Times that are computed anew from two clocks differ by a little each time.
const SAME: Duration = Duration::from_millis(1_500);

/// What decides what a run is doing; the first that is there does.
pub(super) struct Seen {
    /// Why nothing more is started.
    pub(super) draining: Option<DrainReason>,
    /// Who paused it, while it is paused.
    pub(super) paused: Option<Requester>,
    /// What the schedule makes it wait for, and until when.
    pub(super) shut: Option<(Waiting, Option<Timestamp>)>,
    /// What the platform makes it wait for, and until when.
    pub(super) blocked: Option<(Waiting, Timestamp)>,
    /// The wave that it waits for, when nothing else is to be done.
    pub(super) wave: Option<(Waiting, Timestamp)>,
    /// When the next delivery is due, when nothing else is to be done.
    pub(super) due: Option<Instant>,
}

/// The run's voice.
pub(super) struct EventEmitter {
    sink: Arc<dyn Emit>,
    phase: Option<Phase>,
    app_id_owner: Option<Owner>,
    statuses: BTreeSet<i64>,
}

impl EventEmitter {
    pub(super) fn new(sink: Arc<dyn Emit>) -> Self {
        Self {
            sink,
            phase: None,
            app_id_owner: None,
            statuses: BTreeSet::new(),
        }
    }

    pub(super) fn sink(&self) -> Arc<dyn Emit> {
        Arc::clone(&self.sink)
    }

    pub(super) fn emit(&self, at: Timestamp, kind: EventKind) {
        self.sink.emit(Event { at, kind });
    }

    pub(super) fn emit_event(&self, event: Event) {
        self.sink.emit(event);
    }

    pub(super) fn app_id_taken_by(&mut self, owner: Option<Owner>) {
        self.app_id_owner = owner;
    }

    /// Warns of a coupon status that no document explains, once a run for each.
    pub(super) fn coupon_status(&mut self, status: Option<i64>, at: Timestamp) {
        if let Some(status) = status
            && self.statuses.insert(status)
        {
            let message = format!(
                "the platform issued a coupon of status {status}; a new coupon's is 10, and no document explains others"
            );
            self.emit(at, EventKind::Warning { message });
        }
    }

    /// Tells what the run is doing, if that is news.
    pub(super) fn phase(&mut self, at: Moment, seen: Seen) {
        let waiting = |why, until| Phase::Waiting { why, until };
        let stopped = match (seen.draining, seen.paused) {
            (Some(why), _) => Some(Phase::Draining { why }),
            (None, Some(by)) => Some(Phase::Paused { by }),
            (None, None) => None,
        };
        let blocked = seen.blocked.or(seen.wave);
        let phase = match (stopped, seen.shut, &self.app_id_owner, blocked, seen.due) {
            (Some(stopped), ..) => stopped,
            (_, Some((why, until)), ..) => waiting(why, until),
            (_, _, Some(owner), ..) => waiting(Waiting::AppId { owner: owner.clone() }, None),
            (_, _, _, Some((why, until)), _) => waiting(why, Some(until)),
            (.., Some(due)) => {
                let left = due.saturating_duration_since(at.instant);
                waiting(Waiting::Due, Some(later(at.wall, left)))
            }
            _ => Phase::Sending,
        };
        if !self.phase.as_ref().is_some_and(|last| same(last, &phase)) {
            self.emit(at.wall, EventKind::Phase(phase.clone()));
            self.phase = Some(phase);
        }
    }
}

/// Whether two phases are one to a person.
fn same(last: &Phase, phase: &Phase) -> bool {
    match (last, phase) {
        (Phase::Waiting { why: a, until: x }, Phase::Waiting { why: b, until: y }) => {
            let close = match (x, y) {
                (Some(x), Some(y)) => about(*x, *y),
                (x, y) => x == y,
            };
            close && same_why(a, b)
        }
        (a, b) => a == b,
    }
}

fn same_why(a: &Waiting, b: &Waiting) -> bool {
    match (a, b) {
        (Waiting::Outage { since: a }, Waiting::Outage { since: b }) => about(*a, *b),
        (Waiting::Token { since: a, why: x }, Waiting::Token { since: b, why: y }) => about(*a, *b) && x == y,
        (a, b) => a == b,
    }
}

fn about(a: Timestamp, b: Timestamp) -> bool {
    until(a, b).or_else(|| until(b, a)).unwrap_or_default() <= SAME
}
