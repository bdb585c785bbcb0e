//! An outage of the platform, as one run sees it: the circuit breaker belongs to all campaigns of the app id.

use std::time::Instant;

use crate::model::clock::later;
use crate::model::event::Waiting;

use super::limit::{Allowance, Limit, View, Wait, wall_ago};

/// Stops starts during an outage, apart from probes.
#[derive(Debug, Default)]
pub struct Outage {
    /// Whether there was one when the run last looked.
    seen: bool,
}

/// A change that the run has not seen yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageChange {
    /// The platform is out of reach.
    Began,
    /// It answers again.
    Ended,
}

impl Outage {
    /// Returns how the state changed since the last call. `None` without a change.
    pub fn change(&mut self, view: &View<'_>) -> Option<OutageChange> {
        let open = view.app.outage.is_some();
        let changed = std::mem::replace(&mut self.seen, open) != open;
        changed.then_some(if open { OutageChange::Began } else { OutageChange::Ended })
    }
}

impl Limit for Outage {
    fn allowance(&mut self, view: &View<'_>) -> Allowance {
        Allowance::probe_from(view.app.next_probe)
    }

    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        let open = view.app.outage.filter(|_| view.open)?;
        Some(open.since + view.plan.retry.give_up)
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        let open = view.app.outage?;
        let left = open.next_probe.saturating_duration_since(view.now.instant);
        Some(Wait {
            why: Waiting::Outage {
                since: wall_ago(open.since, view.now),
            },
            until: Some(later(view.now.wall, left)),
        })
    }
}
