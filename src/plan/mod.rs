//! The plan of a campaign: the meaning of its file at one moment, with every default applied and every time and URL
//! resolved.

mod build;
mod fingerprint;
pub mod forecast;
mod schedule;
pub mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::activity::DeclaredActivity;
use crate::model::identity::{ActivityId, Identity};
use crate::model::money::Money;
use crate::model::outcome::Class;

pub use build::{PlanError, RunOptions, build};
pub use fingerprint::{Difference, Fingerprint, NoFingerprint, fingerprint, fingerprint_of_admitted};
pub use schedule::{Schedule, Wave};

/// A campaign with everything resolved. Immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The identity of its ledger.
    pub identity: Identity,
    /// The activity that new deliveries are sent under. [`ActivityId::not_created`] in the plan of a file that declares one: the
    /// ledger knows its id.
    pub activity_id: ActivityId,
    /// The activity that the file declares. `None` if it names one that exists.
    pub activity: Option<DeclaredActivity>,
    /// The base URL of requests, without a trailing slash.
    pub base_url: String,
    /// How many coupons each user is owed, from 1.
    pub coupons_per_user: u8,
    /// The most coupons that the campaign may give over its whole life.
    pub max_coupons: u64,
    /// The face value of a coupon by the campaign file. `None` if the file does not say it.
    pub coupon_value: Option<Money>,
    /// The most that all coupons together may be worth. `None` without a limit.
    pub max_worth: Option<Money>,
    /// Selection and checks of the audience.
    pub audience: Audience,
    /// When attempts may start.
    pub schedule: Schedule,
    /// How fast attempts start.
    pub pace: Pace,
    /// When and how often attempts are retried.
    pub retry: Retry,
    /// The rules that halt a run.
    pub halt: Halt,
    /// Classes of codes from the file; they override the built-in table.
    pub codes: BTreeMap<i64, Class>,
    /// The options of this run.
    pub run: Bounds,
}

impl Plan {
    /// Returns the same plan with the activity that it sends under.
    #[must_use]
    pub fn with_activity(&self, activity_id: ActivityId) -> Self {
        Self {
            activity_id,
            ..self.clone()
        }
    }
}

/// Selection and checks of the audience.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audience {
    /// How many recipients may ever be owed a coupon; `u64::MAX` without a limit.
    pub limit: u64,
    /// The order of recipients.
    pub order: TurnOrder,
    /// The share of the audience, at least 0 and below 1, that never receives a coupon.
    pub control_group: f64,
    /// Which users were last active too long ago.
    pub lapse: ExpiryRule,
    /// The time as of which that is decided.
    pub as_of: AsOf,
    /// Whether an empty audience is accepted as complete; otherwise it is an error.
    pub allow_empty: bool,
    /// The accepted share of unusable rows, from 0 to 1; a larger share is an error.
    pub max_unusable: f64,
}

/// The order of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnOrder {
    /// In the order of the source.
    AsListed,
    /// The users whose activity expires first come first.
    ExpiringFirst,
}

/// When a user's activity expires: a user who was inactive for too long is not sent a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryRule {
    /// Activity never expires.
    Never,
    /// Activity expires after this time.
    After(Duration),
}

/// The present time that expiry of activity is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The wall clock.
    Wall,
    /// This time at the start of the run, advancing from there: a rehearsal begins at the start of the schedule.
    From(Timestamp),
}

/// How fast attempts start for the app id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Starts in any rolling second; may be below 1.
    pub per_second: f64,
    /// Requests in flight at once; at least 1.
    pub max_in_flight: u16,
    /// Attempts in one day of the schedule's time zone; `u64::MAX` without a limit.
    pub per_day: u64,
}

/// When and how often attempts are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts of one delivery in one run; at least 1.
    pub attempts: u32,
    /// The first delay between attempts; doubles from there, with full jitter.
    pub first_delay: Duration,
    /// The longest delay that doubling reaches.
    pub max_delay: Duration,
    /// The timeout of one attempt.
    pub timeout: Duration,
    /// What happens to a delivery in doubt.
    pub in_doubt: InDoubt,
    /// How long after the first unknown attempt a delivery in doubt may be sent again.
    pub resend_within: Duration,
    /// How long an outage lasts before it ends the run.
    pub give_up: Duration,
}

/// What happens to a delivery whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubt {
    /// It is sent again with the same idempotency key.
    Resend,
    /// A person decides.
    Ask,
}

/// The rules that halt a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Halt {
    /// Users that the built-in table counts as refused.
    pub refused: Guard,
    /// Held deliveries.
    pub held: Guard,
    /// How many times in a row one unlisted or held code halts the run.
    pub same_code: u32,
}

/// A limit on a share of the last answered deliveries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// The share, from 0 to 1; a larger one halts the run.
    pub over: f64,
    /// The size of the sample; smaller samples never halt a run.
    pub after: u32,
}

/// The options of one run from the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most deliveries that this run may attempt.
    pub at_most: u64,
    /// Whether to end instead of waiting for the start, a window, the next day, a wave or another run.
    pub no_wait: bool,
}
