//! A certificate: a summary of a ledger that is small enough to keep apart from it, and changes with every change of the
//! ledger.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::campaign::share_written;
use crate::catalogue::verify::OtherType;
use crate::ledger::{BillContent, ComparisonSummary, Wave};
use crate::model::activity::{CreatedActivity, Release};
use crate::model::delivery::StateName;
use crate::model::envelope::RunApproval;
use crate::model::hexadecimal::hexadecimal;
use crate::model::money::Money;
use crate::plan::Plan;
use crate::report::render::json::SCHEMA;
use crate::report::text::visible;

use super::Checked;

const TYPE: &str = "certificate";

/// A summary of a ledger at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    r#type: String,
    schema: String,
    /// The campaign's name.
    pub campaign: String,
    /// The app's id.
    pub app_id: String,
    #[serde(flatten)]
    source: CertifiedLedger,
    /// When the ledger was created.
    pub ledger_created: String,
    counts: BTreeMap<String, u64>,
    settled: u64,
    /// SHA-256 over all settled deliveries in the order of their ids.
    pub sha256: String,
    #[serde(flatten)]
    repeated: Repeated,
    /// The approvals of waves. Absent in certificates of versions without approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approvals: Option<Vec<CertifiedApproval>>,
    /// The approvals of the service. Absent in certificates of versions without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_approvals: Option<Vec<CertifiedRunApproval>>,
    /// The attempts outside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempts_outside: Option<u64>,
    /// Whether the log of the service has those approvals. Absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_log: Option<ServiceLogVerdict>,
    /// The comparisons with the platform's own records. Absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reconciled: Option<CertifiedRecords>,
    /// The activities that were created for the campaign. Absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    activities: Vec<CertifiedActivity>,
    /// When the open_ids were erased. Absent if the ledger has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_ids_erased_at: Option<String>,
    runner: String,
    /// When the certificate was made.
    pub at: String,
}

/// What a comparison of the cited approvals with the log of the service found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceLogVerdict {
    /// The log has each of them as it was cited.
    Agrees,
    /// It does not.
    Differs,
    /// There is no log beside the ledger.
    Absent,
    /// The log cannot be read.
    Unreadable,
}

/// What else identifies the ledger and the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CertifiedLedger {
    platform: String,
    /// The ledger's own id.
    ledger: String,
    /// The number of batches.
    batches: u64,
    facts: u64,
    /// The plan's fingerprint at the last apply. `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// An activity that was created for the campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CertifiedActivity {
    activity_id: String,
    stock: u64,
    /// How many coupons answers to attempts under it have confirmed.
    issued: u64,
    released: bool,
}

impl CertifiedActivity {
    fn new(created: &CreatedActivity) -> Self {
        Self {
            activity_id: created.activity_id.to_string(),
            stock: created.order.stock,
            issued: created.issued,
            released: created.release == Release::Done,
        }
    }

    /// Returns the activity as a value to compare.
    fn text(&self) -> String {
        let Self {
            activity_id,
            stock,
            issued,
            released,
        } = self;
        let state = if *released { "released" } else { "not released" };
        format!("{activity_id}: {issued} of {stock} issued, {state}")
    }
}

/// An approval of a wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedApproval {
    /// The share of the wave, as a file writes it, or `testers`.
    pub wave: String,
    /// The person.
    pub by: String,
    /// The login name and the machine.
    pub from: String,
    /// The time.
    pub at: String,
}

/// An approval of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedRunApproval {
    /// The number of its record in the service log.
    pub record: u64,
    /// The link of that record in the hash chain, in hexadecimal digits.
    pub link: String,
    /// The users who approved.
    pub by: Vec<String>,
    /// The time.
    pub at: String,
    /// The fingerprint of the plan.
    pub fingerprint: String,
    /// The most coupons.
    pub coupons: u64,
    /// What they may be worth, in fen. `None` without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth_fen: Option<u64>,
    /// The most coupons for each user.
    pub per_user: u8,
    /// The most users. `None` for exactly the approved audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<u64>,
    /// When it ended. `None` without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What the platform's own records said, and what they settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedRecords {
    /// When the platform answered last.
    pub at: String,
    /// How many deliveries its records have settled.
    pub found: u64,
    /// How often it was asked for the coupons of a user.
    pub users: u64,
    /// How many issued coupons it was asked for by their ids. Absent in certificates of versions without spot checks.
    #[serde(default)]
    pub spots: u64,
    /// How many of them had each `coupon_status`.
    #[serde(default)]
    pub statuses: BTreeMap<String, u64>,
    /// The last count of each activity.
    pub counts: BTreeMap<String, Option<u64>>,
    /// The SHA-256 of the last bill of each day. `None` for a day without data.
    pub bills: BTreeMap<String, Option<String>>,
}

/// How many ids occur in the answers to several deliveries. Absent in certificates of versions that did not look for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Repeated {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeated_coupon_ids: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeated_log_ids: Option<u64>,
}

/// A value that differs between a ledger and a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The name of the value.
    pub what: String,
    /// The value in the certificate.
    pub then: String,
    /// The value in the ledger.
    pub now: String,
}

/// Why a text is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum NotACertificate {
    /// It is not the JSON of a certificate.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is an object of another type.
    #[error("{}", other_type(.0))]
    Type(String),
}

fn other_type(found: &str) -> String {
    let found = format!("{:?}", visible(found));
    let expected = format!("{TYPE:?}");
    OtherType {
        r#type: &found,
        expected: &expected,
    }
    .to_string()
}

impl Certificate {
    /// Certifies a checked ledger.
    pub fn new(
        checked: &Checked,
        service_log: Option<ServiceLogVerdict>,
        plan: &Plan,
        time: impl Fn(Timestamp) -> String,
        now: Timestamp,
    ) -> Self {
        let mut counts: BTreeMap<String, u64> = StateName::ALL
            .iter()
            .map(|state| (state.word().to_owned(), checked.counts.count(*state)))
            .collect();
        counts.insert("audience".to_owned(), checked.counts.audience());
        Self {
            r#type: TYPE.to_owned(),
            schema: SCHEMA.to_owned(),
            campaign: plan.identity.campaign.to_string(),
            app_id: plan.identity.app_id.to_string(),
            source: CertifiedLedger {
                platform: plan.identity.platform.to_string(),
                ledger: checked.manifest.id.clone(),
                batches: checked.batches,
                facts: checked.facts,
                fingerprint: checked.fingerprint.clone(),
            },
            ledger_created: time(checked.manifest.created),
            counts,
            settled: checked.settled.many,
            sha256: hexadecimal(&checked.settled.sha256),
            repeated: Repeated {
                repeated_coupon_ids: Some(checked.repeats.coupon_ids.ids),
                repeated_log_ids: Some(checked.repeats.log_ids.ids),
            },
            approvals: Some(checked.waves.iter().filter_map(|wave| approval(wave, &time)).collect()),
            run_approvals: Some(
                checked
                    .approved
                    .approvals
                    .iter()
                    .map(|it| run_approval(it, &time))
                    .collect(),
            ),
            attempts_outside: Some(checked.approved.attempts.outside),
            service_log,
            reconciled: records(&checked.records, &time),
            activities: checked
                .activities
                .created()
                .iter()
                .map(CertifiedActivity::new)
                .collect(),
            open_ids_erased_at: checked.erasure.as_ref().map(|erased| time(erased.at)),
            runner: env!("CARGO_PKG_VERSION").to_owned(),
            at: time(now),
        }
    }

    /// Parses a certificate that [`Certificate::write`] wrote.
    pub fn parse(text: &str) -> Result<Self, NotACertificate> {
        let certificate: Self = serde_json::from_str(text)?;
        if certificate.r#type == TYPE {
            Ok(certificate)
        } else {
            Err(NotACertificate::Type(certificate.r#type))
        }
    }

    /// Returns the approvals of waves.
    #[must_use]
    pub fn approvals(&self) -> &[CertifiedApproval] {
        self.approvals.as_deref().unwrap_or_default()
    }

    /// Returns the comparisons with the platform's own records. `None` if there was none.
    #[must_use]
    pub const fn records(&self) -> Option<&CertifiedRecords> {
        self.reconciled.as_ref()
    }

    /// Writes the certificate as indented JSON.
    pub fn write(&self, into: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *into, self)?;
        into.write_all(b"\n")
    }

    /// Returns the values that differ from an earlier certificate. Ignores the time, the program's version, and whether the log of the
    /// service was there.
    #[must_use]
    pub fn differences(&self, then: &Self) -> Vec<Difference> {
        let absent = || "none".to_owned();
        let fingerprint = |it: &Self| it.source.fingerprint.clone().unwrap_or_else(absent);
        let mut pairs = vec![
            ("campaign".to_owned(), then.campaign.clone(), self.campaign.clone()),
            ("app_id".to_owned(), then.app_id.clone(), self.app_id.clone()),
            (
                "platform".to_owned(),
                then.source.platform.clone(),
                self.source.platform.clone(),
            ),
            (
                "ledger".to_owned(),
                then.source.ledger.clone(),
                self.source.ledger.clone(),
            ),
            ("fingerprint".to_owned(), fingerprint(then), fingerprint(self)),
        ];
        let count = |it: &Self, word: &String| it.counts.get(word).map_or_else(absent, u64::to_string);
        let mut words: Vec<_> = then.counts.keys().chain(self.counts.keys()).collect();
        words.sort_unstable();
        words.dedup();
        pairs.extend(
            words
                .into_iter()
                .map(|word| (word.clone(), count(then, word), count(self, word))),
        );
        pairs.push(("settled".to_owned(), then.settled.to_string(), self.settled.to_string()));
        pairs.push(("sha256".to_owned(), then.sha256.clone(), self.sha256.clone()));
        let repeated = [
            (
                "repeated_coupon_ids",
                then.repeated.repeated_coupon_ids,
                self.repeated.repeated_coupon_ids,
            ),
            (
                "repeated_log_ids",
                then.repeated.repeated_log_ids,
                self.repeated.repeated_log_ids,
            ),
        ];
        pairs.extend(
            repeated
                .into_iter()
                .filter_map(|(what, then, now)| Some((what.to_owned(), then?.to_string(), now?.to_string()))),
        );
        if let (Some(then), Some(now)) = (&then.approvals, &self.approvals) {
            let list = |approvals: &[CertifiedApproval]| match approvals {
                [] => absent(),
                some => some.iter().map(CertifiedApproval::text).collect::<Vec<_>>().join(", "),
            };
            pairs.push(("approvals".to_owned(), list(then), list(now)));
        }
        if let (Some(then), Some(now)) = (&then.run_approvals, &self.run_approvals) {
            let list = |approvals: &[CertifiedRunApproval]| match approvals {
                [] => absent(),
                some => some
                    .iter()
                    .map(CertifiedRunApproval::text)
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            pairs.push(("run_approvals".to_owned(), list(then), list(now)));
        }
        if let (Some(then), Some(now)) = (then.attempts_outside, self.attempts_outside) {
            pairs.push(("attempts_outside".to_owned(), then.to_string(), now.to_string()));
        }
        let found = |it: &Self| it.reconciled.as_ref().map_or(0, |records| records.found).to_string();
        pairs.push(("found".to_owned(), found(then), found(self)));
        let activities = |it: &Self| match it.activities.as_slice() {
            [] => absent(),
            some => some.iter().map(CertifiedActivity::text).collect::<Vec<_>>().join(", "),
        };
        pairs.push(("activities".to_owned(), activities(then), activities(self)));
        let differs = pairs.into_iter().filter(|(_, then, now)| then != now);
        differs
            .map(|(what, then, now)| Difference { what, then, now })
            .collect()
    }
}

fn records(summary: &ComparisonSummary, time: &impl Fn(Timestamp) -> String) -> Option<CertifiedRecords> {
    let bill = |(day, content): (&Date, &Option<BillContent>)| {
        let sha256 = content.as_ref().map(|content| hexadecimal(&content.sha256));
        (day.to_string(), sha256)
    };
    let status = |(status, n): (&Option<i64>, &u64)| {
        let status = status.map_or_else(|| "absent".to_owned(), |status| status.to_string());
        (status, *n)
    };
    Some(CertifiedRecords {
        at: time(summary.at?),
        found: summary.found,
        users: summary.users,
        spots: summary.spots,
        statuses: summary.statuses.iter().map(status).collect(),
        counts: summary.counts.clone(),
        bills: summary.bills.iter().map(bill).collect(),
    })
}

fn approval(wave: &Wave, time: &impl Fn(Timestamp) -> String) -> Option<CertifiedApproval> {
    let approval = wave.approved.as_ref()?;
    Some(CertifiedApproval {
        wave: wave_name(wave.share),
        by: approval.by.name.clone(),
        from: format!("{}@{}", approval.by.user, approval.by.host),
        at: time(approval.at),
    })
}

fn run_approval(approval: &RunApproval, time: &impl Fn(Timestamp) -> String) -> CertifiedRunApproval {
    let envelope = &approval.envelope;
    CertifiedRunApproval {
        record: approval.sequence,
        link: hexadecimal(&approval.link),
        by: approval.by.clone(),
        at: time(approval.at),
        fingerprint: approval.fingerprint.clone(),
        coupons: envelope.coupons,
        worth_fen: envelope.worth.map(Money::fen),
        per_user: envelope.per_user,
        audience: envelope.audience,
        until: envelope.until.map(time),
    }
}

/// Returns the share of a wave as a file writes it, or `testers`.
fn wave_name(share: f64) -> String {
    if share > 0.0 {
        share_written(share)
    } else {
        "testers".to_owned()
    }
}

impl CertifiedApproval {
    /// Returns the approval as a value to compare.
    fn text(&self) -> String {
        let Self { wave, by, from, at } = self;
        format!("{wave} by {by} ({from}) {at}")
    }
}

impl CertifiedRunApproval {
    /// Returns the approval as a value to compare.
    fn text(&self) -> String {
        let Self { record, link, .. } = self;
        format!("{record} {link}")
    }
}
