//! The wait that the platform asks for: a code of class `wait` stops the campaign as a whole.

use std::time::{Duration, Instant};

use crate::model::clock::{Moment, later};
use crate::model::event::{Halted, Waiting};

use super::limit::{Allowance, Limit, RunEvent, View, Wait};

/// How often a campaign that the platform asked to wait probes.
pub const WAIT_PROBE: Duration = Duration::from_mins(10);

/// Stops starts while the platform asks to wait, apart from probes.
#[derive(Debug, Default)]
pub struct PlatformWait(Option<Asked>);

#[derive(Debug)]
struct Asked {
    code: i64,
    message: String,
    next_probe: Instant,
}

impl PlatformWait {
    /// Whether the platform asks to wait.
    pub const fn lasts(&self) -> bool {
        self.0.is_some()
    }
}

impl Limit for PlatformWait {
    fn allowance(&mut self, _view: &View<'_>) -> Allowance {
        Allowance::probe_from(self.0.as_ref().map(|asked| asked.next_probe))
    }

    fn observe(&mut self, event: &RunEvent<'_>, now: Moment) -> Option<Halted> {
        match event {
            RunEvent::AskedToWait { code, message } => {
                self.0 = Some(Asked {
                    code: *code,
                    message: (*message).to_owned(),
                    next_probe: now.instant + WAIT_PROBE,
                });
            }
            RunEvent::Recovered => self.0 = None,
            RunEvent::Resumed => {
                if let Some(asked) = &mut self.0 {
                    asked.next_probe = now.instant;
                }
            }
            _ => {}
        }
        None
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        let asked = self.0.as_ref()?;
        let left = asked.next_probe.saturating_duration_since(view.now.instant);
        Some(Wait {
            why: Waiting::Platform {
                code: asked.code,
                message: asked.message.clone(),
            },
            until: Some(later(view.now.wall, left)),
        })
    }
}
