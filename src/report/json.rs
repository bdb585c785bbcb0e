//! The JSON objects about a run, in schema 1.0. A minor version only adds to them. Unknown values are omitted, never
//! null.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::delivery::{Counts, StateName};
use crate::model::event::{
    Attempt, Event, EventKind, ExcludeList, Halted, Owner, Phase, Reading, UnusableKind, Waiting,
};
use crate::model::identity::{AppId, CampaignName};
use crate::model::outcome::{Class, Classifier};
use crate::model::problem::Problem;

use super::progress::Look;
use super::run_stats::RunStats;
use super::status::StatusOwner;
use super::summary;
use super::times::rfc3339;

/// An object about one campaign.
#[derive(Debug, Serialize)]
pub struct Object<'a> {
    #[serde(flatten)]
    body: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a CampaignName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_id: Option<&'a AppId>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body<'a> {
    Progress(Progress),
    Status(Progress),
    Attempt(AttemptBody<'a>),
    Unrecorded(AttemptBody<'a>),
    Halted(HaltedBody<'a>),
    Throttled {
        at: String,
        why: String,
        per_second: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
    Token {
        at: String,
        why: &'static str,
        until: String,
    },
    Wave {
        at: String,
        why: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        wave: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
    Window {
        at: String,
        why: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
    Diagnostic {
        severity: &'static str,
        message: &'a str,
    },
    Summary(Summary<'a>),
}

#[derive(Debug, Serialize)]
struct Progress {
    at: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    counts: CountsBody,
    rate_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<StatusOwner>,
}

#[derive(Debug, Serialize)]
struct AttemptBody<'a> {
    at: String,
    merchant_coupon_id: &'a str,
    open_id: &'a str,
    attempt: u32,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    log_id: &'a str,
    latency: f64,
}

#[derive(Debug, Serialize)]
struct HaltedBody<'a> {
    at: String,
    why: String,
    help: String,
    problem: Problem,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    at: String,
    state: &'static str,
    #[serde(flatten)]
    stopped: Stopped,
    counts: CountsBody,
    unusable: BTreeMap<UnusableKind, u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    excludes: &'a [ExcludeList],
    codes: Vec<CodeBody<'a>>,
    attempts: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<f64>,
    peak_rolling_second: u64,
    ledger: String,
    exit: u8,
}

/// Why a run ended before its campaign was complete.
#[derive(Debug, Serialize)]
pub(super) struct Stopped {
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl Stopped {
    pub(super) fn new(stats: &RunStats) -> Self {
        Self {
            why: summary::why(stats),
            problem: summary::problem(stats),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CodeBody<'a> {
    code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classifier: Option<Classifier>,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    log_id: &'a str,
    n: u64,
}

/// The counts of deliveries by state, and the counts of the last reading of the source.
#[derive(Debug, Serialize)]
pub(super) struct CountsBody {
    audience: u64,
    #[serde(flatten)]
    states: BTreeMap<StateName, u64>,
    #[serde(flatten)]
    read: Option<Read>,
}

#[derive(Debug, Default, Serialize)]
struct Read {
    listed: u64,
    excluded: u64,
    control_group: u64,
    repeated: u64,
    unusable: u64,
}

impl CountsBody {
    pub(super) fn from_parts(stats: &RunStats, counts: &Counts) -> Self {
        Self::new(counts, stats.audience.reading.as_ref())
    }

    pub(super) fn new(counts: &Counts, reading: Option<&Reading>) -> Self {
        Self {
            read: reading.map(|reading| Read::default().and(reading)),
            ..Self::of_all(counts, std::iter::empty())
        }
    }

    /// The sums over several campaigns.
    pub(super) fn of_all<'a>(counts: &Counts, readings: impl Iterator<Item = &'a Reading>) -> Self {
        Self {
            audience: counts.audience(),
            states: StateName::ALL.map(|state| (state, counts.count(state))).into(),
            read: Some(readings.fold(Read::default(), Read::and)),
        }
    }
}

impl Read {
    fn and(self, reading: &Reading) -> Self {
        let unusable: u64 = reading.unusable.iter().map(|(_, rows)| rows.count).sum();
        Self {
            listed: self.listed + reading.listed,
            excluded: self.excluded + reading.excluded,
            control_group: self.control_group + reading.control_group,
            repeated: self.repeated + reading.repeated.count,
            unusable: self.unusable + unusable,
        }
    }
}

impl<'a> Object<'a> {
    fn new(stats: &'a RunStats, body: Body<'a>) -> Self {
        Self {
            body,
            campaign: stats.run.as_ref().map(|run| &run.campaign),
            app_id: stats.run.as_ref().map(|run| &run.app_id),
        }
    }

    /// The progress of the run.
    #[must_use]
    pub fn progress(look: &Look<'a>) -> Self {
        let zone = &look.setup.zone;
        let owner = match &look.stats.doing.phase {
            Some(Phase::Waiting {
                why: Waiting::AppId { owner },
                ..
            }) if look.stats.ended.is_none() => Some(StatusOwner::new(owner, zone)),
            _ => None,
        };
        Self::new(look.stats, Body::Progress(Progress::new(look, owner)))
    }

    /// The status of the campaign while `owner` applies it, or after its run; `broken` is the error that ended the run.
    #[must_use]
    pub fn status(look: &Look<'a>, owner: &Owner, broken: Option<&str>) -> Self {
        let over = look.stats.ended.is_some() || broken.is_some();
        let owner = (!over).then(|| StatusOwner::new(owner, &look.setup.zone));
        let mut status = Progress::new(look, owner);
        if look.stats.ended.is_some() {
            status.why = summary::why(look.stats);
        } else if let Some(why) = broken {
            (status.state, status.why) = ("incomplete", Some(why.to_owned()));
        }
        Self::new(look.stats, Body::Status(status))
    }

    /// An event as an object; `None` if its kind is not reported singly. Only the record of events includes attempts.
    #[must_use]
    pub fn event(stats: &'a RunStats, event: &'a Event, zone: &TimeZone) -> Option<Self> {
        let at = rfc3339(event.at, zone);
        let body = match &event.kind {
            EventKind::AttemptEnded(attempt) => Body::Attempt(AttemptBody::new(attempt, at)),
            EventKind::AttemptUnrecorded(attempt) => Body::Unrecorded(AttemptBody::new(attempt, at)),
            EventKind::PaceChanged { per_second, until } => Body::Throttled {
                at,
                why: match until {
                    Some(_) => "the platform asked to slow down",
                    None => "the pace is the plan's again",
                }
                .to_owned(),
                per_second: *per_second,
                until: until.map(|until| rfc3339(until, zone)),
            },
            EventKind::TokenFetched { until } => Body::Token {
                at,
                why: "an access token was fetched",
                until: rfc3339(*until, zone),
            },
            EventKind::Wave {
                wave,
                ended,
                until,
                skipped,
            } => Body::Wave {
                at,
                why: match (ended, wave, skipped) {
                    (true, _, None) => "a wave has ended",
                    (true, _, Some(_)) => "a wave has ended, and a rehearsal does not wait for the next one",
                    (false, Some(_), _) => "a wave begins",
                    (false, None, _) => "everybody who is in no wave has a turn",
                },
                wave: *wave,
                until: until.map(|until| rfc3339(until, zone)),
            },
            EventKind::Window { open, until, skipped } => Body::Window {
                at,
                why: match (open, skipped) {
                    (true, _) => "a window has opened",
                    (false, None) => "outside schedule.hours: nothing starts before the next window opens",
                    (false, Some(_)) => "outside schedule.hours: a rehearsal does not wait for the next window",
                },
                until: until.map(|until| rfc3339(until, zone)),
            },
            EventKind::DayPassedOver { until, .. } => Body::Window {
                at,
                why: "as many attempts began as pace.per_day allows: a rehearsal does not wait for the next day",
                until: Some(rfc3339(*until, zone)),
            },
            EventKind::Warning { message } => Body::Diagnostic {
                severity: "warning",
                message,
            },
            EventKind::Halted(halted) => Body::Halted(HaltedBody::new(halted, at)),
            _ => return None,
        };
        Some(Self::new(stats, body))
    }

    /// The result of the run; `None` before it ended.
    #[must_use]
    pub fn summary(look: &Look<'a>) -> Option<Self> {
        let stats = look.stats;
        let ended = stats.ended?;
        let reading = stats.audience.reading.as_ref();
        let unusable = reading.iter().flat_map(|reading| &reading.unusable);
        let summary = Summary {
            at: rfc3339(ended.at, &look.setup.zone),
            state: look.state(),
            stopped: Stopped::new(stats),
            counts: CountsBody::from_parts(stats, &stats.counts),
            unusable: unusable.map(|(kind, rows)| (*kind, rows.count)).collect(),
            excludes: reading.map_or(&[][..], |reading| &reading.excludes),
            codes: codes(stats),
            attempts: stats.sends.attempts,
            seconds: stats.took(ended.instant).as_secs_f64(),
            rate_per_second: stats.sends.reached().map(tenths),
            peak_rolling_second: stats.sends.second.most(),
            ledger: stats
                .run
                .as_ref()
                .map_or_else(String::new, |run| run.ledger.display().to_string()),
            exit: ended.ending.exit_code(),
        };
        Some(Self::new(stats, Body::Summary(summary)))
    }
}

impl Progress {
    fn new(look: &Look<'_>, owner: Option<StatusOwner>) -> Self {
        let zone = &look.setup.zone;
        Self {
            at: rfc3339(look.now.wall, zone),
            state: look.state(),
            why: look.why(),
            counts: CountsBody::from_parts(look.stats, &look.stats.counts),
            rate_per_second: tenths(look.rate()),
            ends_at: look.ends_at().map(|ends| rfc3339(ends, zone)),
            owner,
        }
    }
}

impl<'a> AttemptBody<'a> {
    fn new(attempt: &'a Attempt, at: String) -> Self {
        Self {
            at,
            merchant_coupon_id: &attempt.merchant_coupon_id,
            open_id: attempt.open_id.as_str(),
            attempt: attempt.attempt,
            outcome: &attempt.outcome,
            code: attempt.code,
            message: &attempt.message,
            log_id: &attempt.log_id,
            latency: attempt.latency,
        }
    }
}

impl<'a> HaltedBody<'a> {
    fn new(halted: &'a Halted, at: String) -> Self {
        let (by, code, message, log_id) = match halted {
            Halted::Code { code, message, log_id } => ("code", Some(*code), Some(message), Some(log_id)),
            Halted::SameCode { code, message, .. } => ("same_code", Some(*code), Some(message), None),
            Halted::Http { .. } => ("http", None, None, None),
            Halted::Refused { .. } => ("refused", None, None, None),
            Halted::Held { .. } => ("held", None, None, None),
            Halted::Wave { .. } => ("wave", None, None, None),
            Halted::AnotherLedger { .. } => ("another_ledger", None, None, None),
            Halted::MixedAnswers { .. } => ("mixed_answers", None, None, None),
            Halted::Credentials { .. } => ("credentials", None, None, None),
            Halted::MaxCoupons { .. } => ("max_coupons", None, None, None),
        };
        let told = |text: Option<&'a String>| text.map(String::as_str).filter(|text| !text.is_empty());
        Self {
            at,
            why: summary::halted(halted),
            help: summary::remedy(halted),
            problem: halted.problem(),
            by,
            code,
            message: told(message),
            log_id: told(log_id),
        }
    }
}

/// Includes only attempts with a code, the platform's own answers.
pub(super) fn codes(stats: &RunStats) -> Vec<CodeBody<'_>> {
    let coded = stats
        .codes
        .iter()
        .filter_map(|((code, _), count)| Some((code.as_ref()?, count)));
    coded
        .map(|(code, count)| CodeBody {
            code: *code,
            class: count.class,
            classifier: count.classifier,
            message: &count.message,
            log_id: &count.log_id,
            n: count.count,
        })
        .collect()
}

/// Rounds a rate to a tenth; more digits would be noise.
pub(super) fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
