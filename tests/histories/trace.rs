//! What can be seen of a story from outside: what the platform was asked for and gave, and what a run told.

use std::collections::BTreeSet;

use runner::model::delivery::{Counts, DeliveryKey};
use runner::model::event::Ending;
use runner::model::merchant_coupon_id::MerchantCouponId;

use crate::scenario::AnswerKind;

/// Nanoseconds since the story began, by a clock that nobody corrects.
pub type Nanos = u64;

/// A second of it.
pub const SECOND: Nanos = 1_000_000_000;

/// Everything that was seen.
#[derive(Debug, Default)]
pub struct Trace {
    /// In the order of their starts.
    pub requests: Vec<Request>,
    /// In the order in which they were given.
    pub coupons: Vec<Coupon>,
    /// In the order in which they were given.
    pub twice: Vec<SecondCoupon>,
    /// What was told, in order.
    pub emitted: Vec<EmittedEvent>,
    /// When each run began.
    pub began: Vec<Nanos>,
    /// The runs that were killed.
    pub killed: BTreeSet<usize>,
    /// When another process had the app id: from when until when.
    pub others: Vec<(Nanos, Nanos)>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// In which run, by number from 0.
    pub run: usize,
    /// Of which campaign.
    pub campaign: usize,
    /// When it started.
    pub start: Nanos,
    /// The same by the wall, in milliseconds.
    pub wall: i64,
    /// How many batches of its campaign were durable then.
    pub durable: u64,
    /// For which delivery of its campaign.
    pub key: DeliveryKey,
    /// Which attempt at it, as the run counts.
    pub attempt: u32,
    /// For whom.
    pub user: u8,
    /// By which id.
    pub id: MerchantCouponId,
    /// Under which activity.
    pub activity: u8,
    /// When the platform gives a coupon for it, if it does and nobody has it yet.
    pub gives: Option<Nanos>,
    /// Whether that time has come.
    pub given: bool,
    /// When the client had its answer, or gave up, and what that was; nothing while neither is so, and after a kill.
    pub answer: Option<(Nanos, AnswerKind)>,
    /// The ids in that answer.
    pub ids: AnswerIds,
    /// Whether the ledger knows nothing of it any more, because it was put back from an older copy.
    pub lost: bool,
}

impl Request {
    /// Whether it was certainly not sent.
    pub fn was_not_sent(&self) -> bool {
        matches!(self.answer, Some((_, AnswerKind::NotSent)))
    }

    /// Whether the client had an answer that is its own.
    pub fn is_answered(&self) -> bool {
        let anothers = |says| matches!(says, AnswerKind::OtherDelivery | AnswerKind::SameCoupon);
        self.answer.is_some_and(|(_, says)| !anothers(says))
    }
}

/// The ids in an answer: the platform's name for the exchange, and that of the coupon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerIds {
    pub log: Option<String>,
    pub coupon: Option<String>,
}

impl AnswerIds {
    /// Whether both have one of them.
    pub fn meet(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        same(&self.log, &other.log) || same(&self.coupon, &other.coupon)
    }
}

/// A second coupon for one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondCoupon {
    /// Of which campaign.
    pub campaign: usize,
    /// For which delivery.
    pub key: DeliveryKey,
    /// For whom.
    pub user: u8,
}

/// One coupon.
#[derive(Clone, Debug)]
pub struct Coupon {
    /// When it was given.
    pub at: Nanos,
    /// For which id.
    pub id: MerchantCouponId,
    /// Under which activity.
    pub activity: u8,
}

/// Something that a run told.
#[derive(Clone, Debug)]
pub struct EmittedEvent {
    /// In which run.
    pub run: usize,
    /// Of which campaign.
    pub campaign: usize,
    /// How many batches were durable then.
    pub durable: u64,
    /// What.
    pub what: EmittedKind,
}

/// What a run told that can be held against something.
#[derive(Clone, Debug)]
pub enum EmittedKind {
    /// An attempt by an id ended so.
    AttemptEnded {
        /// By which id.
        id: String,
        /// Which attempt.
        attempt: u32,
        /// What it proved, in a word.
        outcome: String,
    },
    /// Where all deliveries stand.
    Counted(Counts),
    /// How the run ended.
    RunEnded(Ending, Counts),
    /// That another ledger has sent this campaign, by the answer to this id.
    AnotherLedger(String),
    /// That the next delivery is due in so many milliseconds.
    DueIn(i64),
}

impl Trace {
    /// Whether a ledger has lost an attempt at one of a user's coupons.
    pub fn has_lost(&self, campaign: usize, user: u8, ordinal: u8) -> bool {
        let of_coupon = |request: &Request| (request.campaign, request.user, request.key.ordinal);
        let mut requests = self.requests.iter();
        requests.any(|request| request.lost && of_coupon(request) == (campaign, user, ordinal))
    }

    /// Whether an attempt after this one at an id was given a coupon, or one is on its way.
    pub fn may_have(&self, id: MerchantCouponId, after: u32) -> bool {
        let gives = |request: &Request| request.id == id && request.attempt > after && request.gives.is_some();
        self.requests.iter().any(gives)
    }

    /// Whether a coupon of an activity was given for an id.
    pub fn has(&self, id: MerchantCouponId, activity: u8) -> bool {
        let mut coupons = self.coupons.iter();
        coupons.any(|coupon| coupon.id == id && coupon.activity == activity)
    }
}
