//! A plan as it is shown: what would be sent and skipped, what changed, when it would be done, what it would cost, and
//! whether it is feasible.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::calendar::{Calendar, Window};
use crate::model::delivery::{Counts, Skipped, StateName};
use crate::model::event::Reading;
use crate::model::identity::{ActivityId, AppId, CampaignName, CouponMetaId};
use crate::model::money::{Money, Valuation};
use crate::plan::forecast::Forecast;
use crate::plan::forecast::expiry::Comparison;

use super::feasibility::Reason;

/// A plan with everything that is shown of it.
#[derive(Clone, Debug)]
pub struct PlanView {
    /// The campaign, and the time and zone of the display.
    pub header: PlanHeader,
    /// The stock of the activity that the campaign declares. `None` if its file names an activity.
    pub stock: Option<StockNote>,
    /// What the platform says about the coupon template. `None` if it was not asked.
    pub template: Option<TemplateNote>,
    /// The ledger that it was made for.
    pub ledger: LedgerNote,
    /// The counts after admission, and what would be sent.
    pub deliveries: PlannedDeliveries,
    /// What changed since the last apply.
    pub changes: Vec<ChangeNote>,
    /// How fast and when it is sent.
    pub pace: PaceNote,
    /// When it would be done.
    pub forecast: Forecast,
    /// The forecast of expired activity; `None` if activity never expires.
    pub lapse: Option<Comparison>,
    /// What is known of the value of the coupons.
    pub valuation: Valuation,
    /// The most that they may be worth together. `None` without a limit.
    pub max_worth: Option<Money>,
    /// Why the plan is not feasible; empty if it is.
    pub reasons: Vec<Reason>,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The command that applies exactly this plan, ready to be typed.
    pub apply: String,
}

/// One of several campaigns that are planned together.
#[derive(Clone, Debug)]
pub struct PlannedCampaign {
    /// The campaign, or its file if it cannot be planned.
    pub name: String,
    /// Its plan; `None` if it cannot be planned.
    pub plan: Option<PlanView>,
}

impl PlannedCampaign {
    /// Whether there is a plan that is feasible.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.reasons.is_empty())
    }
}

/// The campaign of a plan, and the time and zone of the display.
#[derive(Clone, Debug)]
pub struct PlanHeader {
    /// The name of the campaign.
    pub campaign: CampaignName,
    /// Its title.
    pub title: Option<String>,
    /// The app.
    pub app_id: AppId,
    /// The activity.
    pub activity_id: ActivityId,
    /// The platform that requests would go to.
    pub platform: String,
    /// The time zone of displayed times.
    pub zone: TimeZone,
    /// The present time.
    pub now: Timestamp,
}

/// The stock of a declared activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockNote {
    /// Its number among the campaign's activities.
    pub number: u32,
    /// Whether an apply would create it.
    pub is_new: bool,
    /// How many coupons it may give.
    pub stock: u64,
    /// How many of them are left before the plan, if each delivery without a known outcome has taken one.
    pub left: u64,
    /// When they would be used up. `None` if they suffice.
    pub used_up_at: Option<Timestamp>,
    /// Whether what is left is released once every delivery is settled.
    pub is_released: bool,
}

/// What the platform says about the coupon template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateNote {
    /// The template.
    pub coupon_meta_id: CouponMetaId,
    /// Whether the platform has described it.
    pub is_known: bool,
    /// The name that users see. `None` if the platform did not say; so are the following.
    pub name: Option<String>,
    /// The largest number of coupons.
    pub stock: Option<u64>,
    /// From when users can receive a coupon.
    pub receive_from: Option<Timestamp>,
    /// Until when.
    pub receive_until: Option<Timestamp>,
    /// Its state, as the platform numbers it.
    pub status: Option<i64>,
    /// What a person should know although it prevents nothing.
    pub warnings: Vec<String>,
}

/// The ledger that a plan was made for.
#[derive(Clone, Debug)]
pub struct LedgerNote {
    /// Its directory, which may not exist yet.
    pub dir: PathBuf,
    /// When it was created; `None` if it does not exist yet.
    pub begun: Option<Timestamp>,
    /// When the last audience was admitted; `None` if none was.
    pub applied: Option<Timestamp>,
    /// An earlier ledger of the campaign, if this one is new.
    pub earlier: Option<EarlierLedger>,
    /// Whether no witness can be kept for it.
    pub no_witness: bool,
}

/// An earlier ledger of the campaign, as its witness describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierLedger {
    /// Its directory.
    pub dir: String,
    /// The number of its last known batch.
    pub batch: u64,
    /// When that batch was recorded.
    pub at: Timestamp,
}

/// The counts after admission, and what would be sent.
#[derive(Clone, Debug)]
pub struct PlannedDeliveries {
    /// Deliveries by state once the audience is admitted.
    pub counts: Counts,
    /// Skipped deliveries by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// The result of reading the source.
    pub reading: Reading,
    /// Deliveries in doubt that would be sent again.
    pub resent: u64,
    /// Owed deliveries that wait for an earlier coupon of the same user, which needs a person.
    pub behind: u64,
    /// Owed deliveries to users whose activity expires before their turn.
    pub lapsing: u64,
    /// The option `--at-most`, if given.
    pub at_most: Option<u64>,
}

impl PlannedDeliveries {
    /// How many would be sent, without doubts.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        self.counts.owed().saturating_sub(self.behind + self.lapsing)
    }

    /// How many would be sent, doubts included.
    #[must_use]
    pub const fn to_send(&self) -> u64 {
        self.owed() + self.resent
    }

    /// How many would be attempted in one run.
    #[must_use]
    pub fn in_this_run(&self) -> u64 {
        self.to_send().min(self.at_most.unwrap_or(u64::MAX))
    }

    /// Whether any delivery needs a person.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.counts.count(StateName::Held) + self.counts.count(StateName::InDoubt) > self.resent
    }
}

/// A change since the last apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeNote {
    /// The subject of the change.
    pub what: &'static str,
    /// The value before; `None` if unknown.
    pub from: Option<String>,
    /// The value now; `None` if there is no word for it.
    pub to: Option<String>,
    /// Additional information.
    pub note: Option<String>,
    /// How many held deliveries become owed again, if any.
    pub held: Option<u64>,
    /// The word of `--accept` that the change requires.
    pub accept: Option<&'static str>,
    /// Whether that word was given.
    pub accepted: bool,
    /// The settings of the campaign file that changed, without those that are changes of their own; `None` if they are not known.
    pub settings: Option<Vec<SettingChange>>,
    /// The users who came and went.
    pub users: Vec<MovedUsers>,
}

/// A setting of the campaign file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// Its key, as the campaign file has it.
    pub key: String,
    /// The value before; `None` if it was not set.
    pub from: Option<String>,
    /// The value now; `None` if it is not set.
    pub to: Option<String>,
}

/// Users who came or went in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedUsers {
    /// The word for how they came or went.
    pub how: &'static str,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

/// How fast and when a plan is sent.
#[derive(Clone, Debug)]
pub struct PaceNote {
    /// Starts per second.
    pub per_second: f64,
    /// The maximum number of requests in flight.
    pub max_in_flight: u16,
    /// The limit of attempts a day, if any.
    pub per_day: Option<u64>,
    /// How many attempts began today.
    pub begun_today: u64,
    /// The start of the schedule.
    pub start: Option<Timestamp>,
    /// The end of the schedule.
    pub end: Option<Timestamp>,
    /// The windows.
    pub calendar: Calendar,
}

impl PaceNote {
    /// The window that is open at `now`, or else the next one; `None` if windows are always open, or none opens before
    /// the end.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> Option<Window> {
        let from = self.start.map_or(now, |start| now.max(start));
        let next = self
            .calendar
            .windows(from)
            .next()
            .filter(|_| !self.calendar.is_always())?;
        self.end.is_none_or(|end| next.opens < end).then_some(next)
    }
}

/// A request as it would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestNote {
    /// The recipient.
    pub open_id: String,
    /// Which of the recipient's coupons, from 1.
    pub ordinal: u8,
    /// The idempotency key.
    pub merchant_coupon_id: String,
    /// The method.
    pub method: String,
    /// The full URL.
    pub url: String,
    /// The headers in order, without the token.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}
