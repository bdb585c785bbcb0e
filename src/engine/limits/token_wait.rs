//! The wait for a token that cannot be fetched.

use std::time::{Duration, Instant};

use crate::catalogue::Text;
use crate::model::clock::{Moment, later};
use crate::model::event::{Halted, Waiting};

use super::limit::{Allowance, Limit, RunEvent, View, Wait, wall_ago};

/// The shortest wait before the next try.
const SHORTEST: Duration = Duration::from_secs(1);

/// Stops starts while there is no token, apart from probes.
#[derive(Debug, Default)]
pub struct TokenWait(Option<Missing>);

#[derive(Debug)]
struct Missing {
    since: Instant,
    why: Text,
    next_probe: Instant,
}

impl TokenWait {
    /// Since when there has been no token. `None` when there is one.
    pub fn since(&self) -> Option<Instant> {
        self.0.as_ref().map(|missing| missing.since)
    }
}

impl Limit for TokenWait {
    fn allowance(&mut self, _view: &View<'_>) -> Allowance {
        Allowance::probe_from(self.0.as_ref().map(|missing| missing.next_probe))
    }

    fn observe(&mut self, event: &RunEvent<'_>, now: Moment) -> Option<Halted> {
        match event {
            RunEvent::NoToken { why, again } => {
                self.0 = Some(Missing {
                    since: self.since().unwrap_or(now.instant),
                    why: (*why).clone(),
                    next_probe: (*again).max(now.instant + SHORTEST),
                });
            }
            RunEvent::Outcome { .. } => self.0 = None,
            RunEvent::Resumed => {
                if let Some(missing) = &mut self.0 {
                    missing.since = now.instant;
                    missing.next_probe = now.instant;
                }
            }
            _ => {}
        }
        None
    }

    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        let since = self.since().filter(|_| view.open)?;
        Some(since + view.plan.retry.give_up)
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        let missing = self.0.as_ref()?;
        let left = missing.next_probe.saturating_duration_since(view.now.instant);
        Some(Wait {
            why: Waiting::Token {
                since: wall_ago(missing.since, view.now),
                why: missing.why.clone(),
            },
            until: Some(later(view.now.wall, left)),
        })
    }
}
