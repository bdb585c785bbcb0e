//! A recurring campaign in the service: its occurrences are campaigns of their own, each with its plan, approval and ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::app::occurrences::Series;
use crate::app::status::CampaignStatus;
use crate::app::{CampaignRef, Environment, LoadedCampaign};
use crate::campaign::Parsed;
use crate::model::recurrence::Occurrence;
use crate::plan::PlanError;

use super::act::Subject;
use super::directory::Content;
use super::schedule::{Schedule, SeriesFacts, Turn};

/// The name under which the service knows an occurrence: that of its file, and its date. A campaign file has another ending, so no
/// file has such a name.
#[must_use]
pub fn occurrence_key(file: &str, date: Date) -> String {
    format!("{file}@{date}")
}

/// The name of the file of a campaign, which may be an occurrence.
#[must_use]
pub fn file_of(key: &str) -> &str {
    let Some((file, date)) = key.rsplit_once('@') else {
        return key;
    };
    if date.parse::<Date>().is_ok() { file } else { key }
}

/// What the service knows of the file of a recurring campaign.
pub struct SeriesEntry {
    /// The file.
    pub at: CampaignRef,
    /// Its content.
    pub parsed: Parsed,
    /// Its occurrences with a ledger. `None` before the first look.
    pub series: Option<Series>,
    /// When that was looked at.
    pub read: Option<Instant>,
    /// When the service first read the file. `None` before that is recorded.
    pub found: Option<Timestamp>,
    /// What is made of it.
    pub schedule: Schedule,
}

impl SeriesEntry {
    /// A file that was just read.
    #[must_use]
    pub fn new(at: CampaignRef, parsed: Parsed) -> Self {
        Self {
            at,
            parsed,
            series: None,
            read: None,
            found: None,
            schedule: Schedule::default(),
        }
    }

    /// The recurring campaign as a record names it.
    #[must_use]
    pub fn subject(&self, file: &str) -> Subject {
        let names = &self.parsed.campaign.names;
        Subject {
            file: file.to_owned(),
            campaign: names.campaign.to_string(),
            app_id: names.app_id.to_string(),
        }
    }

    /// One of its occurrences as a record names it.
    #[must_use]
    pub fn subject_on(&self, file: &str, date: Date) -> Subject {
        Subject {
            file: occurrence_key(file, date),
            campaign: self.parsed.campaign.names.campaign.occurrence(date).to_string(),
            ..self.subject(file)
        }
    }

    /// Decides again what is due. `applied` are the occurrences that are applied now; `charged` are those to be continued.
    pub fn reschedule(&mut self, now: Timestamp, applied: &BTreeSet<Date>, charged: &BTreeSet<Date>) {
        let Some(series) = &self.series else { return };
        let facts = SeriesFacts {
            recurrence: series.recurrence(),
            begun: &series.begun().union(applied).copied().collect(),
            charged,
            found: self.found.unwrap_or(now),
            is_rehearsal: self.at.rehearsal.is_on(),
        };
        self.schedule = facts.schedule(now);
    }

    /// Makes the campaign of an occurrence. Looks at the disk.
    ///
    /// # Errors
    /// As [`LoadedCampaign::new`].
    pub fn load(
        series: &Series,
        occurrence: &Occurrence,
        environment: &Environment,
    ) -> Result<LoadedOccurrence, PlanError> {
        let load = || {
            let single = series.single(occurrence);
            LoadedCampaign::new(single.at, single.parsed, environment.clone())
        };
        Ok(LoadedOccurrence {
            status: CampaignStatus::new(load()?),
            loaded: Arc::new(load()?),
        })
    }
}

/// An occurrence that can be planned.
pub struct LoadedOccurrence {
    /// Reads the status that another process writes.
    pub status: CampaignStatus,
    /// The campaign.
    pub loaded: Arc<LoadedCampaign>,
}

/// What the service knows of an occurrence besides its campaign.
#[derive(Clone, Debug)]
pub struct OccurrenceEntry {
    /// Its state at the last look.
    pub turn: Turn,
    /// The content of the file that it was made from.
    pub content: Option<Content>,
}

/// What the records say of recurring campaigns.
#[derive(Clone, Debug, Default)]
pub struct SeriesRecords {
    /// When each was found, by app and name.
    found: BTreeMap<(String, String), Timestamp>,
    /// The occurrences that were missed, by app and name.
    missed: BTreeSet<(String, String)>,
}

impl SeriesRecords {
    /// Notes that a recurring campaign was found. The first time counts.
    pub fn note_found(&mut self, on: &Subject, at: Timestamp) {
        self.found.entry(on.key()).or_insert(at);
    }

    /// Notes that an occurrence was missed.
    pub fn note_missed(&mut self, on: &Subject) {
        self.missed.insert(on.key());
    }

    /// When a recurring campaign was found. `None` if it was not.
    #[must_use]
    pub fn found(&self, on: &Subject) -> Option<Timestamp> {
        self.found.get(&on.key()).copied()
    }

    /// Whether it is recorded that an occurrence was missed.
    #[must_use]
    pub fn has_missed(&self, on: &Subject) -> bool {
        self.missed.contains(&on.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_key_is_found_again() {
        let date = jiff::civil::date(2026, 6, 1);
        assert_eq!(occurrence_key("周会 tea.yaml", date), "周会 tea.yaml@2026-06-01");
        assert_eq!(file_of("周会 tea.yaml@2026-06-01"), "周会 tea.yaml");
        assert_eq!(file_of("a@b.yaml"), "a@b.yaml");
        assert_eq!(file_of("tea.yaml"), "tea.yaml");
    }
}
