//! The messages of the service to the channels of a campaign: those of one run, or one about a campaign that has no run.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::app::notify;
use crate::app::{AppError, LoadedCampaign};
use crate::catalogue::Text;
use crate::model::clock::Clock;
use crate::model::event::{Emit as _, Event, EventKind};
use crate::model::problem::{Ends, Problem};
use crate::notify::notice::What;
use crate::notify::notifier::{Notifier, RunNotices};
use crate::report::reporter::{Listener, Reporter};

use super::fault::{Classify, Fault};

/// The messages of one run.
pub struct RunMessages {
    notifier: Notifier,
    notices: Arc<RunNotices>,
    reporter: Arc<OnceLock<Arc<Reporter>>>,
}

impl RunMessages {
    /// Prepares the way to the channels of a campaign. Calls `on_fault` with the first failure of each channel. Returns `None` if it has
    /// no channels.
    pub fn start(
        campaign: &LoadedCampaign,
        clock: &Clock,
        classify: Classify,
        on_fault: impl Fn(Text) + Send + Sync + 'static,
    ) -> Result<Option<Self>, Fault> {
        let channels = notify::channels(&campaign.parsed).map_err(Fault::of_mistakes)?;
        if channels.is_empty() {
            return Ok(None);
        }
        let way = notify::way(&channels).map_err(|error| Fault::new(error, classify))?;
        let run = notify::notified_run(campaign, channels);
        let reporter: Arc<OnceLock<Arc<Reporter>>> = Arc::default();
        let warned = Arc::clone(&reporter);
        let warn_clock = clock.clone();
        let warn = move |_run: usize, message: Text| {
            on_fault(message.clone());
            if let Some(reporter) = warned.get() {
                let at = warn_clock.now();
                let kind = EventKind::Warning { message };
                reporter.emit(Event { at, kind });
            }
        };
        let started = Notifier::start(vec![run], way, clock, Arc::new(warn));
        let (notifier, listeners) = started.map_err(|error| Fault::new(AppError::Thread(error), classify))?;
        Ok(listeners.into_iter().next().map(|notices| Self {
            notifier,
            notices,
            reporter,
        }))
    }

    /// Receives the events of the run.
    pub fn listener(&self) -> Arc<dyn Listener> {
        Arc::clone(&self.notices) as Arc<dyn Listener>
    }

    /// Keeps what is not sent beside the ledger.
    pub fn notices(&self) -> Arc<RunNotices> {
        Arc::clone(&self.notices)
    }

    /// Shows warnings about channels as events of the run.
    pub fn warn_by(&self, reporter: &Arc<Reporter>) {
        // It is set once.
        let _ = self.reporter.set(Arc::clone(reporter));
    }

    /// Sends one message about the campaign, and what earlier processes kept in `kept`, and ends.
    pub async fn announce(self, what: Option<What>, kept: Option<PathBuf>) {
        if let Some(kept) = kept {
            self.notices.keep_in(kept);
        }
        if let Some(what) = what {
            self.notices.announce(what);
        }
        self.finish(None).await;
    }

    /// Sends the last messages. `problem` says why the run failed, if it did.
    pub async fn finish(self, problem: Option<Problem>) {
        if let Some(problem) = problem {
            let exit = match problem.ends() {
                Ends::Error => Some(1),
                Ends::Input => Some(2),
                Ends::Later => Some(3),
                Ends::Person => Some(4),
                // Another process applies the campaign, and sends its messages.
                Ends::Taken => None,
            };
            if let Some(exit) = exit {
                self.notices.failed(problem, exit);
            }
        }
        for unsent in self.notifier.finish().await {
            tracing::warn!(
                "the channel {:?} did not take its last message; kept for the next run: {}",
                unsent.channel,
                unsent.is_kept
            );
        }
    }
}
