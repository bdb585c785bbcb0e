//! The JSON objects `plan` and `request`, in schema 1.0.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::delivery::Skipped;
use crate::model::event::{ExcludeList, UnusableKind};
use crate::model::identity::{AppId, CampaignName, CouponMetaId};
use crate::plan::forecast::expiry::{Comparison, ExpiryForecast};
use crate::report::approvals;
use crate::report::plan_view::{ChangeNote, PlanHeader, PlanView, PlannedCampaign, RequestNote, SettingChange};
use crate::report::run_stats::sum_counts;
use crate::report::times::rfc3339;

use super::counts::CountsBody;
use super::worth::WorthBody;

/// The object `plan`.
#[derive(Debug, Serialize)]
pub struct PlanObject<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    counts: CountsBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth: Option<WorthBody>,
    unusable: BTreeMap<UnusableKind, u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    excludes: &'a [ExcludeList],
    skipped: &'a BTreeMap<Skipped, u64>,
    changes: Vec<ChangeBody<'a>>,
    ledger: LedgerBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<StockBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateBody<'a>>,
    #[serde(flatten)]
    pace: PaceBody,
    #[serde(flatten)]
    times: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    lapse: Option<LapseBody>,
    #[serde(flatten)]
    verdict: Feasibility<'a>,
    fingerprint: &'a str,
}

#[derive(Debug, Serialize)]
struct ChangeBody<'a> {
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settings: Vec<SettingBody<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    users: BTreeMap<&'static str, &'a [String]>,
}

/// A setting of the campaign file that changed.
#[derive(Debug, Serialize)]
struct SettingBody<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
}

impl<'a> ChangeBody<'a> {
    fn new(change: &'a ChangeNote) -> Self {
        let setting = |setting: &'a SettingChange| SettingBody {
            key: &setting.key,
            from: setting.from.as_deref(),
            to: setting.to.as_deref(),
        };
        let named = change.users.iter().filter(|users| !users.first.is_empty());
        Self {
            what: change.what,
            from: change.from.as_deref(),
            to: change.to.as_deref(),
            accept: change.accept,
            held: change.held,
            settings: change.settings.iter().flatten().map(setting).collect(),
            users: named.map(|users| (users.how, users.first.as_slice())).collect(),
        }
    }
}

/// The stock of a declared activity.
#[derive(Debug, Serialize)]
struct StockBody {
    number: u32,
    new: bool,
    stock: u64,
    left: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_up_at: Option<String>,
    released_when_settled: bool,
}

/// What the platform says about the coupon template.
#[derive(Debug, Serialize)]
struct TemplateBody<'a> {
    coupon_meta_id: &'a CouponMetaId,
    known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock_number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receive_begin_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receive_end_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct LedgerBody {
    path: String,
    new: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<EarlierBody>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_witness: bool,
}

#[derive(Debug, Serialize)]
struct EarlierBody {
    path: String,
    batch: u64,
    at: String,
}

#[derive(Debug, Serialize)]
struct PaceBody {
    rate_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_day: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Times {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hours: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    closed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waves: Vec<WaveBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    /// The end if each approval came at once. Only in a plan that needs approvals, whose end is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest_end_at: Option<String>,
    /// The waves that have to be approved, by number; 0 for the testers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs_approval: Vec<u32>,
}

/// A wave; the last one has no number and covers the users who are in no wave.
#[derive(Debug, Serialize)]
struct WaveBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<u32>,
    to_send: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    begins_at: Option<String>,
    /// The wave that has to be approved before this one begins, by number. Then the time of its begin is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_approval: Option<u32>,
}

/// The window that is open, or else the next one.
#[derive(Debug, Serialize)]
struct WindowBody {
    opens_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<String>,
}

/// The forecasts of expired activity in both orders.
#[derive(Debug, Serialize)]
struct LapseBody {
    order: &'static str,
    saved: u64,
    as_listed: LapsesBody,
    expiring_first: LapsesBody,
}

/// The forecast for one order, in coupons and, by the hour, in users.
#[derive(Debug, Serialize)]
struct LapsesBody {
    in_time: u64,
    lapsed: u64,
    unreached: u64,
    users: u64,
    by_hour: Vec<HourBody>,
}

#[derive(Debug, Serialize)]
struct HourBody {
    at: String,
    users: u64,
}

impl LapseBody {
    fn new(lapse: &Comparison, time: impl Fn(Timestamp) -> String) -> Self {
        let order = |lapses: &ExpiryForecast| LapsesBody {
            in_time: lapses.in_time,
            lapsed: lapses.lapsed,
            unreached: lapses.unreached,
            users: lapses.users(),
            by_hour: lapses
                .by_hour
                .iter()
                .map(|(at, users)| HourBody {
                    at: time(*at),
                    users: *users,
                })
                .collect(),
        };
        Self {
            order: if lapse.is_expiring_first() {
                "expiring_first"
            } else {
                "as_listed"
            },
            saved: lapse.saved(),
            as_listed: order(&lapse.as_listed),
            expiring_first: order(&lapse.expiring_first),
        }
    }
}

#[derive(Debug, Serialize)]
struct Feasibility<'a> {
    feasible: bool,
    reasons: Vec<&'a str>,
}

impl<'a> PlanObject<'a> {
    /// The object of a plan.
    #[must_use]
    pub fn new(plan: &'a PlanView) -> Self {
        let header = &plan.header;
        let deliveries = &plan.deliveries;
        let time = |at: Timestamp| rfc3339(at, &header.zone);
        let unusable = deliveries.reading.unusable.iter();
        let needs_approval = approvals::needed(&plan.forecast);
        // It is unknown if an approval comes first.
        let first = plan.forecast.waves.first();
        let starts_at = plan
            .forecast
            .starts_at
            .filter(|_| first.is_none_or(|first| first.approval.is_none()));
        Self {
            r#type: "plan",
            campaign: &header.campaign,
            app_id: &header.app_id,
            counts: CountsBody::new(&deliveries.counts, Some(&deliveries.reading)),
            worth: WorthBody::new(&plan.valuation, &deliveries.counts),
            unusable: unusable.map(|(kind, rows)| (*kind, rows.count)).collect(),
            excludes: &deliveries.reading.excludes,
            skipped: &deliveries.skipped,
            changes: plan.changes.iter().map(ChangeBody::new).collect(),
            ledger: LedgerBody {
                path: plan.ledger.dir.to_string_lossy().into_owned(),
                new: plan.ledger.begun.is_none(),
                since: plan.ledger.begun.map(time),
                earlier: plan.ledger.earlier.as_ref().map(|earlier| EarlierBody {
                    path: earlier.dir.clone(),
                    batch: earlier.batch,
                    at: time(earlier.at),
                }),
                no_witness: plan.ledger.no_witness,
            },
            activity: plan.stock.map(|note| StockBody {
                number: note.number,
                new: note.is_new,
                stock: note.stock,
                left: note.left,
                used_up_at: note.used_up_at.map(time),
                released_when_settled: note.is_released,
            }),
            template: plan.template.as_ref().map(|note| TemplateBody {
                coupon_meta_id: &note.coupon_meta_id,
                known: note.is_known,
                name: note.name.as_deref(),
                stock_number: note.stock,
                receive_begin_time: note.receive_from.map(time),
                receive_end_time: note.receive_until.map(time),
                status: note.status,
                warnings: &note.warnings,
            }),
            pace: PaceBody {
                rate_per_second: plan.pace.per_second,
                per_day: plan.pace.per_day,
            },
            times: Times {
                hours: plan.pace.calendar.hours().iter().map(ToString::to_string).collect(),
                closed: plan.pace.calendar.closed().iter().map(ToString::to_string).collect(),
                waves: plan
                    .forecast
                    .waves
                    .iter()
                    .map(|turns| WaveBody {
                        wave: turns.wave,
                        to_send: turns.to_send,
                        begins_at: turns.begins.filter(|_| turns.approval.is_none()).map(time),
                        after_approval: turns.approval,
                    })
                    .collect(),
                window: plan.pace.window(header.now).map(|window| WindowBody {
                    opens_at: time(window.opens),
                    closes_at: (window.closes < Timestamp::MAX).then(|| time(window.closes)),
                }),
                starts_at: starts_at.map(time),
                ends_at: plan.forecast.ends_at.filter(|_| needs_approval.is_empty()).map(time),
                earliest_end_at: plan.forecast.ends_at.filter(|_| !needs_approval.is_empty()).map(time),
                needs_approval,
            },
            lapse: plan.lapse.as_ref().map(|lapse| LapseBody::new(lapse, time)),
            verdict: Feasibility {
                feasible: plan.reasons.is_empty(),
                reasons: plan.reasons.iter().map(|reason| reason.text.as_str()).collect(),
            },
            fingerprint: &plan.fingerprint,
        }
    }
}

/// The object `total` of several plans.
#[derive(Debug, Serialize)]
pub struct PlanTotalObject {
    r#type: &'static str,
    campaigns: usize,
    counts: CountsBody,
    to_send: u64,
    feasible: bool,
    exit: u8,
}

impl PlanTotalObject {
    /// The total of the plans; `exit` is the exit code of the process.
    #[must_use]
    pub fn new(all: &[PlannedCampaign], exit: u8) -> Self {
        let plans = || all.iter().filter_map(|planned| planned.plan.as_ref());
        let counts = sum_counts(plans().map(|plan| plan.deliveries.counts));
        let readings = plans().map(|plan| &plan.deliveries.reading);
        Self {
            r#type: "total",
            campaigns: all.len(),
            counts: CountsBody::from_campaigns(&counts, readings),
            to_send: plans().map(|plan| plan.deliveries.to_send()).sum(),
            feasible: all.iter().all(PlannedCampaign::is_feasible),
            exit,
        }
    }
}

/// The object `request`.
#[derive(Debug, Serialize)]
pub struct RequestObject<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    open_id: &'a str,
    ordinal: u8,
    merchant_coupon_id: &'a str,
    method: &'a str,
    url: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    body: serde_json::Value,
}

impl<'a> RequestObject<'a> {
    /// The object of a request; `header` names its campaign.
    #[must_use]
    pub fn new(header: &'a PlanHeader, request: &'a RequestNote) -> Self {
        let headers = request.headers.iter();
        let text = || serde_json::Value::String(request.body.clone());
        Self {
            r#type: "request",
            campaign: &header.campaign,
            app_id: &header.app_id,
            open_id: &request.open_id,
            ordinal: request.ordinal,
            merchant_coupon_id: &request.merchant_coupon_id,
            method: &request.method,
            url: &request.url,
            headers: headers.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            body: serde_json::from_str(&request.body).unwrap_or_else(|_| text()),
        }
    }
}
