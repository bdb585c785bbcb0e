//! The JSON objects about a run, in schema 1.0. A minor version only adds to them. Unknown values are omitted, never
//! null.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::catalogue::{Language, Text};
use crate::model::event::{Attempt, Event, EventKind, ExcludeList, Halted, Owner, Phase, UnusableKind, Waiting};
use crate::model::identity::{ActivityId, AppId, CampaignName};
use crate::model::problem::Problem;
use crate::report::reason::{Reason, stop_reason};
use crate::report::run_stats::RunStats;
use crate::report::run_view::RunView;
use crate::report::times::rfc3339;
use crate::report::wording;

use super::counts::{CodeBody, CountsBody, StopReasonBody, codes, other_codes, tenths};
use super::status::{AudienceOf, StatusOwner, StockLeft};
use super::worth::WorthBody;

/// An object about one campaign.
#[derive(Debug, Serialize)]
pub struct RunObject<'a> {
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
    Approved {
        at: String,
        wave: u32,
        by: &'a str,
        from: String,
    },
    #[serde(rename = "decided")]
    Resolved {
        at: String,
        deliveries: u64,
        to: &'static str,
        by: &'a str,
    },
    Activity {
        at: String,
        why: &'static str,
        activity_id: &'a ActivityId,
        #[serde(skip_serializing_if = "Option::is_none")]
        stock: Option<u64>,
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
    /// Only in the status that another process reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    counts: CountsBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth: Option<WorthBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock: Option<StockLeft>,
    rate_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<StatusOwner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience_of: Option<AudienceOf>,
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
    stopped: StopReasonBody,
    counts: CountsBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth: Option<WorthBody>,
    unusable: BTreeMap<UnusableKind, u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    excludes: &'a [ExcludeList],
    codes: Vec<CodeBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_codes: Option<u64>,
    attempts: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<f64>,
    peak_rolling_second: u64,
    ledger: String,
    exit: u8,
}

impl<'a> RunObject<'a> {
    fn new(stats: &'a RunStats, body: Body<'a>) -> Self {
        Self {
            body,
            campaign: stats.run.as_ref().map(|run| &run.campaign),
            app_id: stats.run.as_ref().map(|run| &run.app_id),
        }
    }

    /// The progress of the run.
    #[must_use]
    pub fn progress(run: &RunView<'a>) -> Self {
        let zone = &run.campaign.zone;
        let owner = match &run.stats.phase {
            Some(Phase::Waiting {
                why: Waiting::AppId { holder },
                ..
            }) if run.stats.ended.is_none() => holder.owner.as_ref().map(|owner| StatusOwner::new(owner, zone)),
            _ => None,
        };
        let progress = Language::English.scope(|| Progress::new(run, owner));
        Self::new(run.stats, Body::Progress(progress))
    }

    /// The status of the campaign while `owner` applies it, or after its run; `broken` is the error that ended the run.
    #[must_use]
    pub fn status(run: &RunView<'a>, owner: &Owner, broken: Option<&Text>) -> Self {
        let over = run.stats.ended.is_some() || broken.is_some();
        let owner = (!over).then(|| StatusOwner::new(owner, &run.campaign.zone));
        let mut status = Language::English.scope(|| Progress::new(run, owner));
        status.reason = run.reason();
        if run.stats.ended.is_some() {
            status.reason = Reason::of_stop(run.stats);
            status.why = Language::English.scope(|| stop_reason(run.stats));
        } else if let Some(why) = broken {
            status.state = "incomplete";
            status.why = Some(why.english().to_owned());
            status.reason = Some(Reason::failed(why));
        }
        Self::new(run.stats, Body::Status(status))
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
            EventKind::ActivityCreated { activity_id, stock, .. } => Body::Activity {
                at,
                why: "the activity was created",
                activity_id,
                stock: Some(*stock),
            },
            EventKind::ActivityReleased { activity_id } => Body::Activity {
                at,
                why: "what was left of the activity's stock is in the template again",
                activity_id,
                stock: None,
            },
            EventKind::Approved { wave, by } => Body::Approved {
                at,
                wave: *wave,
                by: &by.name,
                from: format!("{}@{}", by.user, by.host),
            },
            EventKind::Resolved { deliveries, to, by } => Body::Resolved {
                at,
                deliveries: *deliveries,
                to: to.word(),
                by,
            },
            EventKind::Wave {
                wave,
                ended,
                approval,
                until,
                skipped,
            } => Body::Wave {
                at,
                why: match (ended, wave, skipped) {
                    (true, _, None) if *approval => "a wave has ended, and the next one needs an approval",
                    (true, _, None) => "a wave has ended",
                    (true, _, Some(_)) if *approval => {
                        "a wave has ended, and the next one needs an approval, for which this run does not wait"
                    }
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
                message: message.english(),
            },
            EventKind::Halted(halted) => Body::Halted(Language::English.scope(|| HaltedBody::new(halted, at))),
            _ => return None,
        };
        Some(Self::new(stats, body))
    }

    /// The result of the run; `None` before it ended.
    #[must_use]
    pub fn summary(run: &RunView<'a>) -> Option<Self> {
        let stats = run.stats;
        let ended = stats.ended?;
        let reading = stats.audience.reading.as_ref();
        let unusable = reading.iter().flat_map(|reading| &reading.unusable);
        let summary = Summary {
            at: rfc3339(ended.at, &run.campaign.zone),
            state: run.state().word(),
            stopped: StopReasonBody::new(stats),
            counts: CountsBody::from_stats(stats),
            worth: WorthBody::new(&stats.valuation, &stats.counts),
            unusable: unusable.map(|(kind, rows)| (*kind, rows.count)).collect(),
            excludes: reading.map_or(&[][..], |reading| &reading.excludes),
            codes: codes(stats),
            other_codes: other_codes(stats),
            attempts: stats.sends.attempts,
            seconds: stats.took(ended.instant).as_secs_f64(),
            rate_per_second: stats.sends.reached().map(tenths),
            peak_rolling_second: stats.sends.second.most(),
            ledger: stats
                .run
                .as_ref()
                .map_or_else(String::new, |run| run.ledger.to_string_lossy().into_owned()),
            exit: ended.ending.exit_code(),
        };
        Some(Self::new(stats, Body::Summary(summary)))
    }
}

impl Progress {
    fn new(run: &RunView<'_>, owner: Option<StatusOwner>) -> Self {
        let zone = &run.campaign.zone;
        Self {
            at: rfc3339(run.now.wall, zone),
            state: run.state().word(),
            why: run.why(),
            reason: None,
            counts: CountsBody::from_stats(run.stats),
            worth: WorthBody::new(&run.stats.valuation, &run.stats.counts),
            stock: run.stats.stock.map(|stock| StockLeft {
                stock: stock.stock,
                left: stock.left(&run.stats.counts),
            }),
            rate_per_second: tenths(run.rate()),
            ends_at: run.ends_at().map(|ends| rfc3339(ends, zone)),
            owner,
            audience_of: AudienceOf::new(run.stats.audience.reading.as_ref(), zone),
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
            Halted::Http { .. } | Halted::Certificate { .. } => ("http", None, None, None),
            Halted::Refused { .. } => ("refused", None, None, None),
            Halted::Held { .. } => ("held", None, None, None),
            Halted::Wave { .. } => ("wave", None, None, None),
            Halted::AnotherLedger { .. } => ("another_ledger", None, None, None),
            Halted::MixedAnswers { .. } => ("mixed_answers", None, None, None),
            Halted::Credentials { .. } => ("credentials", None, None, None),
            Halted::MaxCoupons { .. } => ("max_coupons", None, None, None),
            Halted::MaxWorth { .. } => ("max_worth", None, None, None),
            Halted::Envelope { .. } => ("envelope", None, None, None),
        };
        let told = |text: Option<&'a String>| text.map(String::as_str).filter(|text| !text.is_empty());
        Self {
            at,
            why: wording::halt_reason(halted),
            help: wording::remedy(halted),
            problem: halted.problem(),
            by,
            code,
            message: told(message),
            log_id: told(log_id),
        }
    }
}
