//! How a campaign of a process ended.

use crate::model::delivery::Counts;

use super::run_stats::RunStats;

/// How a campaign ended.
#[derive(Clone, Debug)]
pub struct EndedCampaign {
    /// Its display name, or its file.
    pub name: String,
    /// Its state, as a word.
    pub state: &'static str,
    /// The statistics of its run; `None` if no run began.
    pub stats: Option<RunStats>,
    /// The exit code for this campaign alone.
    pub exit: u8,
    /// Why it is not complete; `None` if it is, or if that was shown before.
    pub why: Option<String>,
    /// The summary of its run; empty if no run ended.
    pub summary: String,
}

impl EndedCampaign {
    /// Its deliveries by state; `None` if no run began.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        self.stats.as_ref().map(|stats| stats.counts)
    }
}
