//! What a reporter and the display thread share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use crate::model::clock::Moment;
use crate::model::event::Event;
use crate::report::run_stats::RunStats;
use crate::report::run_view::{CampaignInfo, RunView};

/// The state of one run.
#[derive(Debug)]
pub struct SharedRun {
    stats: Mutex<RunStats>,
    /// Its campaign.
    pub campaign: Arc<CampaignInfo>,
    /// How many events did not fit the queue.
    pub missed: AtomicU64,
    /// The error that ended the run early, if one did.
    pub broken: OnceLock<String>,
}

impl SharedRun {
    /// A run without events.
    #[must_use]
    pub fn new(campaign: CampaignInfo) -> Self {
        Self {
            stats: Mutex::default(),
            campaign: Arc::new(campaign),
            missed: AtomicU64::new(0),
            broken: OnceLock::new(),
        }
    }

    /// A panic in the fold does no harm that matters to a report, so a poisoned lock is used on.
    pub fn stats(&self) -> MutexGuard<'_, RunStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `show` with the run at this moment.
    pub fn view<T>(&self, now: Moment, show: impl FnOnce(&RunView<'_>) -> T) -> T {
        show(&RunView {
            stats: &self.stats(),
            campaign: &self.campaign,
            now,
        })
    }
}

/// A message to the display thread. Runs are named by their place in the list of runs.
#[derive(Debug)]
pub enum Message {
    /// An event of a run.
    Event {
        /// The run.
        run: usize,
        /// The event.
        event: Event,
        /// When it arrived.
        instant: Instant,
    },
    /// The last message about a run.
    RunEnded(usize),
    /// A text for people that belongs to no run.
    Print(String),
    /// Displays everything before this message, and then ends the thread.
    Finish,
}
