//! The JSON object `occurrence`, in schema 1.0.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::model::identity::{AppId, CampaignName};
use crate::report::occurrences::{OccurrenceRow, SeriesView};
use crate::report::times::rfc3339;

/// One occurrence of a recurring campaign.
#[derive(Debug, Serialize)]
pub struct OccurrenceObject<'a> {
    r#type: &'static str,
    campaign: CampaignName,
    app_id: &'a AppId,
    occurrence: Date,
    state: &'static str,
    starts_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<bool>,
    planned: bool,
}

impl<'a> OccurrenceObject<'a> {
    /// The object of one occurrence of a campaign.
    #[must_use]
    pub fn new(view: &'a SeriesView, row: &OccurrenceRow) -> Self {
        let OccurrenceRow { occurrence, .. } = row;
        let end = Some(occurrence.end).filter(|end| *end < Timestamp::MAX);
        Self {
            r#type: "occurrence",
            campaign: view.campaign.occurrence(occurrence.date),
            app_id: &view.app_id,
            occurrence: occurrence.date,
            state: row.state.word(),
            starts_at: rfc3339(occurrence.start, &view.zone),
            ends_at: end.map(|end| rfc3339(end, &view.zone)),
            ledger: row.has_ledger,
            planned: row.is_planned,
        }
    }
}
