//! The JSON object `total`, in schema 1.0.

use serde::Serialize;

use crate::report::ended_campaign::EndedCampaign;
use crate::report::run_stats::sum_counts;

use super::counts::CountsBody;

/// The total of several campaigns.
#[derive(Debug, Serialize)]
pub struct TotalObject {
    r#type: &'static str,
    campaigns: usize,
    counts: CountsBody,
    exit: u8,
}

impl TotalObject {
    /// The total of the campaigns; `exit` is the exit code of the process.
    #[must_use]
    pub fn new(all: &[EndedCampaign], exit: u8) -> Self {
        let stats = all.iter().filter_map(|ended| ended.stats.as_ref());
        let readings = stats.filter_map(|stats| stats.audience.reading.as_ref());
        let counts = sum_counts(all.iter().filter_map(EndedCampaign::counts));
        Self {
            r#type: "total",
            campaigns: all.len(),
            counts: CountsBody::from_campaigns(&counts, readings),
            exit,
        }
    }
}
