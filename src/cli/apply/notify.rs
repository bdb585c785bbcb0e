//! The messages of an apply to the channels of its campaigns.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::apply::load::ReadyCampaign;
use crate::app::notify;
use crate::campaign::Diagnostic;
use crate::catalogue::{Text, cli};
use crate::cli::apply_args::ApplyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::signals::Signal;
use crate::model::clock::Clock;
use crate::model::event::{Emit as _, Event, EventKind};
use crate::model::problem::Problem;
use crate::notify::channel::Channel;
use crate::notify::notifier::{LAST, NotifiedRun, Notifier, RunNotices, Warn};
use crate::report::reporter::Reporter;
use crate::report::text::visible;

/// How long the wait for the last messages is not mentioned.
const UNSEEN: Duration = Duration::from_secs(1);

/// Returns the channels that receive notices about a campaign's run: for a rehearsal none, unless `--notify` is given.
pub(super) fn channels(args: &ApplyArgs, campaign: &ReadyCampaign) -> Result<Vec<Channel>, Vec<Diagnostic>> {
    if args.rehearsal.rehearsal().is_on() && !args.notify {
        return Ok(Vec::new());
    }
    notify::channels(&campaign.loaded.parsed)
}

/// Shows the first failure of each channel of the process as an event of one run that has it.
fn warn(
    place: usize,
    reporters: Arc<OnceLock<Vec<Arc<Reporter>>>>,
    warned: Arc<Mutex<BTreeSet<String>>>,
    clock: Clock,
) -> Warn {
    Arc::new(move |channel: &str, why: Option<Text>| {
        let Some(message) = why else { return };
        let mut warned = warned.lock().unwrap_or_else(PoisonError::into_inner);
        let reporter = reporters.get().and_then(|reporters| reporters.get(place));
        if let Some(reporter) = reporter.filter(|_| warned.insert(channel.to_owned())) {
            let kind = EventKind::Warning { message };
            let at = clock.now();
            reporter.emit(Event { at, kind });
        }
    })
}

/// The messages of all campaigns of an apply.
#[derive(Default)]
pub(super) struct Notifications {
    /// `None` if no campaign has channels.
    notifier: Option<Notifier>,
    /// In the order of the campaigns, with whether it has channels.
    runs: Vec<(Arc<RunNotices>, bool)>,
    reporters: Arc<OnceLock<Vec<Arc<Reporter>>>>,
}

impl Notifications {
    /// Prepares the ways to the channels, in the order of the campaigns.
    pub(super) fn start(
        campaigns: &[ReadyCampaign],
        channels: Vec<Vec<Channel>>,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        if channels.iter().all(Vec::is_empty) {
            return Ok(Self::default());
        }
        let way = notify::way(channels.iter().flatten())?;
        let started = Notifier::start(Arc::new(way), clock);
        let notifier = started.map_err(|error| Failure::from_error(Problem::System, &error))?;
        let reporters: Arc<OnceLock<Vec<Arc<Reporter>>>> = Arc::default();
        let warned: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let mut runs = Vec::new();
        for (place, (campaign, channels)) in campaigns.iter().zip(channels).enumerate() {
            let has_channels = !channels.is_empty();
            let run = NotifiedRun {
                origin: notify::campaign_origin(&campaign.loaded),
                channels,
                warn: warn(place, Arc::clone(&reporters), Arc::clone(&warned), clock.clone()),
            };
            runs.push((notifier.handle().add(run), has_channels));
        }
        Ok(Self {
            notifier: Some(notifier),
            runs,
            reporters,
        })
    }

    /// Returns the listener of a run. `None` if its campaign has no channels.
    pub(super) fn of_run(&self, place: usize) -> Option<Arc<RunNotices>> {
        let run = self.runs.get(place).filter(|(_, has_channels)| *has_channels);
        run.map(|(notices, _)| Arc::clone(notices))
    }

    /// Shows warnings about channels as events of their runs.
    pub(super) fn warn_by(&self, reporters: &[Arc<Reporter>]) {
        // It is set once.
        let _ = self.reporters.set(reporters.to_vec());
    }

    /// Whether there are channels.
    pub(super) const fn is_on(&self) -> bool {
        self.notifier.is_some()
    }

    /// Sends the last messages, and says which were not sent. A signal that comes meanwhile ends the wait for them.
    pub(super) async fn finish(self, context: &Context, mut signalled: watch::Receiver<Option<Signal>>) {
        let Some(notifier) = self.notifier else { return };
        let is_stopped = signalled.borrow_and_update().is_some();
        let signal = async {
            // A second signal ends the process at once.
            if is_stopped || signalled.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let slow = async {
            tokio::time::sleep(UNSEEN).await;
            let seconds = LAST.as_secs();
            context.talk(&format!("{}\n", cli::LastMessages { seconds }));
            std::future::pending::<()>().await;
        };
        let unsent = tokio::select! {
            unsent = notifier.finish() => unsent,
            () = signal => {
                context.warn(&cli::MessagesNotAwaited);
                return;
            }
            () = slow => return,
        };
        for unsent in unsent {
            let channel = &visible(&unsent.channel);
            if unsent.is_kept {
                context.warn(&cli::MessageKept { channel });
            } else {
                context.warn(&cli::MessageLost { channel });
            }
        }
    }
}
