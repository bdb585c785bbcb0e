//! What a campaign file means: every default filled in, every time and URL decided, no choice left for the moment of
//! execution.

mod build;
mod fingerprint;
pub mod forecast;
mod schedule;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::identity::{ActivityId, Identity};
use crate::outcome::Class;

pub use build::{PlanError, RunOptions, build};
pub use fingerprint::{Difference, Fingerprint, NoFingerprint, fingerprint};
pub use schedule::{Schedule, Wave};

/// One campaign, fully decided at one moment. Immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whose ledger it is.
    pub identity: Identity,
    /// The activity that new deliveries are sent under.
    pub activity_id: ActivityId,
    /// Where requests go, without a slash at its end.
    pub base_url: String,
    /// How many coupons each user is owed, from 1.
    pub coupons_per_user: u8,
    /// The most coupons that the campaign may give over its whole life.
    pub max_coupons: u64,
    /// How much of the audience, and how good it has to be.
    pub audience: Audience,
    /// When something may be sent.
    pub schedule: Schedule,
    /// How fast.
    pub pace: Pace,
    /// What is tried again, when and how often.
    pub retry: Retry,
    /// What stops it.
    pub halt: Halt,
    /// The file's own classes of codes, before the built-in table.
    pub codes: BTreeMap<i64, Class>,
    /// The bounds that this one run was given.
    pub run: Bounds,
}

/// How much of the audience is owed a coupon, and how good it has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audience {
    /// The first so many recipients ever owed; the largest number there is when the file names none.
    pub limit: u64,
    /// Whose turn comes first.
    pub order: TurnOrder,
    /// The share of the audience, from 0 and below 1, that is never sent to.
    pub control_group: f64,
    /// Who was last active too long ago.
    pub lapse: Lapse,
    /// The present by which that is decided.
    pub as_of: AsOf,
    /// Whether an empty audience is complete rather than a mistake.
    pub allow_empty: bool,
    /// The share of unusable rows, from 0 to 1, of those read; more than this is a mistake.
    pub max_unusable: f64,
}

/// Whose turn comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnOrder {
    /// In the order of the source.
    AsListed,
    /// Who would lapse soonest.
    ExpiringFirst,
}

/// When a user lapses: falls out of those who may be given a coupon, because they were not active for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// Nobody ever does.
    Never,
    /// So long after they were last active.
    After(Duration),
}

/// The present that a run goes by when it asks who has lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The wall clock's.
    Wall,
    /// This one at the run's beginning, and on from there: a rehearsal takes the start of the schedule for the present.
    From(Timestamp),
}

/// How fast attempts start for the app id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Starts in any rolling second; also below 1.
    pub per_second: f64,
    /// Requests under way at once; at least 1.
    pub max_in_flight: u16,
    /// Attempts in one day of the schedule's zone; the largest number there is when the file names none.
    pub per_day: u64,
}

/// What is tried again, when and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts of one delivery in one run; at least 1.
    pub attempts: u32,
    /// The first delay between attempts; doubles from there, with full jitter.
    pub first_delay: Duration,
    /// The longest delay that doubling reaches.
    pub max_delay: Duration,
    /// For how long one attempt may take.
    pub timeout: Duration,
    /// Whether a doubt is resent.
    pub in_doubt: InDoubt,
    /// For how long after the first unknown attempt a doubt may be resent.
    pub resend_within: Duration,
    /// After how long an outage ends the run.
    pub give_up: Duration,
}

/// What happens to a delivery whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubt {
    /// It is sent again with the same id.
    Resend,
    /// A person decides.
    Ask,
}

/// What stops a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Halt {
    /// Users refused by the built-in table.
    pub refused: Guard,
    /// Deliveries held.
    pub held: Guard,
    /// One unlisted or held code so often in a row.
    pub same_code: u32,
}

/// A share of the last deliveries answered that is too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// The share, from 0 to 1; more than this halts.
    pub over: f64,
    /// How many deliveries the sample has; never judged with fewer.
    pub after: u32,
}

/// What one run was told on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most deliveries that this run may attempt.
    pub at_most: u64,
    /// Whether to leave instead of waiting for the start, a window, the next day, a wave or another run.
    pub no_wait: bool,
}
