//! The messages of the service: those of its runs and of campaigns without a run, to the channels of the campaigns and to its own.

use std::io;
use std::sync::Arc;

use crate::app::notify;
use crate::app::{AppError, LoadedCampaign};
use crate::model::clock::Clock;
use crate::model::problem::{Ends, Problem};
use crate::notify::channel::Channel;
use crate::notify::client::{HttpPost, Post};
use crate::notify::kept::KeptPlace;
use crate::notify::notice::ServiceNotice;
use crate::notify::notifier::{NotifiedRun, Notifier, NotifierHandle, RunNotices, SharedChannels, Warn};

use super::fault::{Classify, Fault};

/// The notifier of the service and its channels.
pub struct ServiceMessages {
    handle: NotifierHandle,
    way: Arc<HttpPost>,
    classify: Classify,
}

impl ServiceMessages {
    /// Starts the thread of messages, which ends with the notifier.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(clock: &Clock, classify: Classify) -> io::Result<(Self, Notifier)> {
        let way = Arc::new(HttpPost::default());
        let sender: Arc<dyn Post> = Arc::clone(&way) as _;
        let notifier = Notifier::start(sender, clock)?;
        let messages = Self {
            handle: notifier.handle().clone(),
            way,
            classify,
        };
        Ok((messages, notifier))
    }

    /// Adds a run of a campaign, or a campaign without a run. `page` is the address of its page.
    ///
    /// # Errors
    /// If a channel of the campaign cannot be used.
    pub fn add(&self, campaign: &LoadedCampaign, page: Option<String>, warn: Warn) -> Result<Arc<RunNotices>, Fault> {
        let channels = notify::channels(&campaign.parsed).map_err(Fault::of_mistakes)?;
        self.prepare(&channels)?;
        let mut origin = notify::campaign_origin(campaign);
        origin.page = page;
        Ok(self.handle.add(NotifiedRun { origin, channels, warn }))
    }

    /// Sends the messages of every campaign to the channels of the service, too. What is not sent is kept in `place`.
    ///
    /// # Errors
    /// If a channel cannot be used.
    pub fn share(&self, channels: Vec<Channel>, warn: Warn, place: KeptPlace) -> Result<(), Fault> {
        self.prepare(&channels)?;
        self.handle.share(SharedChannels { channels, warn, place });
        Ok(())
    }

    /// Sends a notice that is about no campaign.
    pub fn announce(&self, notice: ServiceNotice) {
        self.handle.announce(notice);
    }

    fn prepare(&self, channels: &[Channel]) -> Result<(), Fault> {
        let prepared = self.way.prepare(channels);
        prepared.map_err(|error| Fault::new(AppError::from(error), self.classify))
    }
}

/// Ends the watch of a run. `problem` says why it failed, if it did.
pub fn run_over(notices: &RunNotices, problem: Option<Problem>) {
    let exit = problem.and_then(|problem| match problem.ends() {
        Ends::Error => Some((problem, 1)),
        Ends::Input => Some((problem, 2)),
        Ends::Later => Some((problem, 3)),
        Ends::Person => Some((problem, 4)),
        // Another process applies the campaign, and sends its messages.
        Ends::Taken => None,
    });
    if let Some((problem, exit)) = exit {
        notices.failed(problem, exit);
    }
    notices.over();
}

/// Sends the last messages.
pub async fn finish(notifier: Notifier) {
    for unsent in notifier.finish().await {
        tracing::warn!(
            "the channel {:?} did not take its last message; kept for the next start: {}",
            unsent.channel,
            unsent.is_kept
        );
    }
}
