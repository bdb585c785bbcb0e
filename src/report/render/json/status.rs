//! The JSON object `status`, in schema 1.0: what an apply writes beside its ledger and `runner status` reads.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};

use crate::catalogue::{Grouped, Language, status};
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Owner, Reading, TakenOver};
use crate::model::identity::Identity;
use crate::report::reason::Reason;
use crate::report::times::rfc3339;

use super::schema::{SCHEMA, Versioned};
use super::worth::WorthBody;

/// The `status` object. Unknown values are omitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    r#type: String,
    /// The campaign.
    pub campaign: String,
    /// The app.
    pub app_id: String,
    /// The time of this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The state, as a word of the JSON schema.
    pub state: String,
    /// The reason for the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The reason for the state, typed: for a reader that writes it in another language. It is not part of the output.
    #[serde(default, skip_serializing, deserialize_with = "known_reason")]
    pub reason: Option<Reason>,
    /// Whether the ledger has changed since.
    #[serde(skip)]
    pub is_outdated: bool,
    /// Deliveries by state, by the names of the JSON schema.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// What the coupons are worth. `None` if nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<WorthBody>,
    /// The stock of the activity that the campaign declares. `None` if its file names an activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<StockLeft>,
    /// Starts per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<f64>,
    /// When the last owed delivery would be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// The process that applies the campaign; `None` when the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<StatusOwner>,
    /// Where the audience was read. `None` if this run has read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_of: Option<AudienceOf>,
}

/// The stock of a declared activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLeft {
    /// How many coupons the activity may give.
    pub stock: u64,
    /// How many are left if each delivery without a known outcome has taken one.
    pub left: u64,
}

/// Where an audience was read that a run took over from the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceOf {
    /// The name of the machine.
    pub host: String,
    /// When it was admitted.
    pub at: String,
}

impl AudienceOf {
    /// Returns where the audience was read. `None` if the run has read it.
    #[must_use]
    pub fn new(reading: Option<&Reading>, zone: &TimeZone) -> Option<Self> {
        let TakenOver { host, at, .. } = reading?.taken_over.as_ref()?;
        let host = host.clone();
        let at = rfc3339(*at, zone);
        Some(Self { host, at })
    }
}

/// The process that applies a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOwner {
    /// The name of its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When it acquired the ledger.
    pub since: String,
    /// Its command line.
    pub command: String,
}

impl StatusOwner {
    /// The owner for the JSON object, with its time in `zone`.
    #[must_use]
    pub fn new(owner: &Owner, zone: &TimeZone) -> Self {
        Self {
            host: owner.host.clone(),
            pid: owner.pid,
            since: rfc3339(owner.since, zone),
            command: owner.command.clone(),
        }
    }
}

/// Why a status file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// It is truncated, or not a status.
    #[error("{}", damaged(.0))]
    Damaged(#[from] serde_json::Error),
    /// A newer version wrote it.
    #[error("{}", newer_schema(.0))]
    Newer(String),
}

fn damaged(why: &serde_json::Error) -> String {
    status::Damaged { why }.to_string()
}

fn newer_schema(found: &str) -> String {
    let known = &SCHEMA;
    status::NewerSchema { found: &found, known }.to_string()
}

impl Status {
    /// The status of a campaign about which nothing else is known.
    #[must_use]
    pub fn unknown(campaign: &str, app_id: &str, state: &str, why: impl Into<String>) -> Self {
        Self {
            r#type: "status".to_owned(),
            campaign: campaign.to_owned(),
            app_id: app_id.to_owned(),
            state: state.to_owned(),
            why: Some(why.into()),
            ..Self::default()
        }
    }

    /// The status of a campaign whose process waits before it can begin a run.
    #[must_use]
    pub fn waiting(identity: &Identity, reason: Reason, owner: StatusOwner, now: Timestamp, zone: &TimeZone) -> Self {
        let why = Language::English.scope(|| reason.text(now, zone));
        Self {
            at: Some(rfc3339(now, zone)),
            reason: Some(reason),
            owner: Some(owner),
            ..Self::unknown(identity.campaign.as_str(), identity.app_id.as_str(), "waiting", why)
        }
    }

    /// Parses the output of [`RunObject::status`](super::RunObject::status).
    pub fn parse(text: &str) -> Result<Self, StatusError> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let schema = value
            .get("schema")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        let major = |schema: &str| schema.split('.').next().and_then(|major| major.parse::<u64>().ok());
        if major(schema) > major(SCHEMA) {
            return Err(StatusError::Newer(schema.to_owned()));
        }
        Ok(serde_json::from_value(value)?)
    }

    /// The status after the process has disappeared without a final status: it no longer sends or waits.
    #[must_use]
    pub fn interrupted(mut self) -> Self {
        let pid = self.owner.take().map_or(0, |owner| owner.pid);
        let why = match self.count("in_flight") {
            0 => status::Interrupted { pid: &pid }.to_string(),
            n => status::InterruptedInFlight {
                pid: &pid,
                n: &Grouped(n),
            }
            .to_string(),
        };
        "incomplete".clone_into(&mut self.state);
        self.why = Some(why);
        self.reason = None;
        self.rate_per_second = None;
        self.ends_at = None;
        self
    }

    /// The status with the counts of the ledger.
    #[must_use]
    pub fn counted(self, counts: &Counts) -> Self {
        let state = if counts.complete() { "complete" } else { "incomplete" };
        Self {
            state: state.to_owned(),
            ..self.with_counts(counts)
        }
    }

    /// The status with the counts of the ledger, in the same state.
    #[must_use]
    pub fn with_counts(mut self, counts: &Counts) -> Self {
        for state in StateName::ALL {
            self.counts.insert(state.word().to_owned(), counts.count(state));
        }
        self.counts.insert("audience".to_owned(), counts.audience());
        self
    }

    /// The last run's status of a ledger that was changed since.
    #[must_use]
    pub fn outdated(mut self) -> Self {
        self.is_outdated = true;
        self
    }

    /// The status as an object for programs, which have the reason as text only.
    #[must_use]
    pub fn for_programs(&self) -> Self {
        let mut status = self.clone();
        if self.is_outdated {
            status.why = Some(match &self.why {
                Some(why) => status::OutdatedWhy { why }.to_string(),
                None => status::Outdated.to_string(),
            });
        }
        status
    }

    /// The status after a person has decided on deliveries.
    #[must_use]
    pub fn resolved(self, counts: &Counts, worth: Option<WorthBody>, at: String, reason: Reason) -> Self {
        // The counts of listed and excluded users are still those of the last reading.
        let mut this = self.counted(counts);
        this.worth = worth;
        this.at = Some(at);
        // This reason has no time.
        let why = || reason.text(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
        this.why = Some(Language::English.scope(why));
        this.reason = Some(reason);
        this.rate_per_second = None;
        this.ends_at = None;
        this.owner = None;
        this
    }

    /// The object as JSON with the typed reason, which [`Status::parse`] reads.
    ///
    /// # Errors
    /// None is expected: every field is text or a number.
    pub fn text(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct WithReason<'a> {
            #[serde(flatten)]
            status: &'a Status,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a Reason>,
        }
        serde_json::to_string(&Versioned::new(WithReason {
            status: self,
            reason: self.reason.as_ref(),
        }))
    }

    /// The count with this name in the JSON schema; 0 if it is unknown.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

/// Reads a reason. `None` for one of a newer version.
fn known_reason<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Reason>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::Resolution;
    use crate::model::money::{Money, Price, PriceSource, Valuation};

    /// A reader in another language needs the typed reason, and the worth of the present counts.
    #[test]
    fn the_status_after_a_decision_has_its_reason_and_the_worth() {
        let mut counts = Counts::default();
        counts.add(StateName::Pending, 14);
        let valuation = Valuation {
            price: Some(Price {
                each: Money::from_fen(500),
                source: PriceSource::File,
            }),
            ..Valuation::default()
        };
        let reason = Reason::Resolved {
            deliveries: 14,
            to: Resolution::Owed { may_double: false },
            by: "li@till-3".to_owned(),
        };
        let worth = WorthBody::new(&valuation, &counts);
        let at = "2026-06-01T10:00:00.000+08:00".to_owned();
        let status = Status::unknown("summer", "tt1", "halted", "").resolved(&counts, worth, at, reason.clone());
        let read = Status::parse(&status.text().unwrap()).unwrap();
        assert_eq!(read, status);
        assert_eq!(read.reason, Some(reason.clone()));
        assert_eq!(read.why.as_deref(), Some("14 resolved as owed by li@till-3"));
        assert_eq!(read.worth.map(|worth| worth.owed_fen), Some(7_000));
        let chinese = Language::Chinese.scope(|| reason.text(Timestamp::UNIX_EPOCH, &TimeZone::UTC));
        assert_eq!(chinese, "li@till-3 将 14 次发放判定为待发放");
    }
}
