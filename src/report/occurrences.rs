//! The occurrences of a recurring campaign, as a plan and a check of its file show them.

use jiff::tz::TimeZone;

use crate::model::identity::{AppId, CampaignName};
use crate::model::recurrence::Occurrence;

/// The latest and the next occurrences of a recurring campaign.
#[derive(Clone, Debug)]
pub struct SeriesView {
    /// The name that the campaign file gives.
    pub campaign: CampaignName,
    /// The app.
    pub app_id: AppId,
    /// The campaign's zone.
    pub zone: TimeZone,
    /// The occurrences, in the order of their dates.
    pub rows: Vec<OccurrenceRow>,
    /// How many occurrences with a ledger and how many missed ones are left out, because they are older.
    pub older: usize,
}

/// One occurrence.
#[derive(Clone, Copy, Debug)]
pub struct OccurrenceRow {
    /// The occurrence.
    pub occurrence: Occurrence,
    /// What it is at this moment.
    pub state: OccurrenceState,
    /// Whether it has a ledger. `None` if nobody looked.
    pub has_ledger: Option<bool>,
    /// Whether it is the one that is planned.
    pub is_planned: bool,
}

/// What an occurrence is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccurrenceState {
    /// Its time to send is over, or a later one has begun.
    Past,
    /// It was not begun in time.
    Missed,
    /// It begins or continues now.
    Due,
    /// It has not begun.
    Coming,
}

impl OccurrenceState {
    /// The state, for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Past => "past",
            Self::Missed => "missed",
            Self::Due => "due",
            Self::Coming => "coming",
        }
    }
}
