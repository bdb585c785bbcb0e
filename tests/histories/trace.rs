//! What is observable from outside: the requests, the coupons that the platform issued, and the events that runs
//! emitted.

use std::collections::BTreeSet;

use runner::model::delivery::{Counts, DeliveryKey};
use runner::model::event::Ending;
use runner::model::merchant_coupon_id::MerchantCouponId;

use crate::scenario::AnswerKind;

/// Nanoseconds of monotonic time since the history began.
pub type Nanos = u64;

pub const SECOND: Nanos = 1_000_000_000;

#[derive(Debug, Default)]
pub struct Trace {
    /// In order of their starts.
    pub requests: Vec<Request>,
    /// In the order in which they were issued.
    pub coupons: Vec<Coupon>,
    /// In the order in which they were issued.
    pub second_coupons: Vec<SecondCoupon>,
    /// In order.
    pub emitted: Vec<EmittedEvent>,
    /// When each run began.
    pub run_starts: Vec<Nanos>,
    /// The runs that were killed.
    pub killed_runs: BTreeSet<usize>,
    /// When another process held the app lock.
    pub others: Vec<OtherOwner>,
    /// When a worker had no lease.
    pub without_lease: Vec<OtherOwner>,
    /// In a fleet, when the present term may begin to send.
    pub term_begins: Nanos,
}

/// A time in which another process held the app lock, or may own the app id.
#[derive(Clone, Copy, Debug)]
pub struct OtherOwner {
    pub from: Nanos,
    pub until: Nanos,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// The number of the run, from 0.
    pub run: usize,
    pub campaign: usize,
    pub start: Nanos,
    /// The start by the wall clock, in milliseconds.
    pub wall: i64,
    /// How many batches of the campaign's ledger were durable at the start.
    pub durable: u64,
    pub key: DeliveryKey,
    pub attempt: u32,
    pub user: u8,
    pub id: MerchantCouponId,
    pub activity: u8,
    /// When the platform issues a coupon for it, unless the id has one by then. `None` if it issues none.
    pub coupon_at: Option<Nanos>,
    /// Whether that time has passed.
    pub is_issued: bool,
    /// The answer that the client had, or `NoAnswer` after its timeout. `None` while it waits, and after a kill.
    pub answer: Option<ReceivedAnswer>,
    /// The ids in the answer.
    pub ids: AnswerIds,
    /// Whether the ledger lost this attempt when it was restored from an older copy.
    pub lost: bool,
}

impl Request {
    pub fn was_not_sent(&self) -> bool {
        self.answer.is_some_and(|answer| answer.kind == AnswerKind::NotSent)
    }

    /// Whether the client had an answer, and its own.
    pub fn is_answered(&self) -> bool {
        let anothers = |kind| matches!(kind, AnswerKind::OtherDelivery | AnswerKind::SameCoupon);
        self.answer.is_some_and(|answer| !anothers(answer.kind))
    }
}

#[derive(Clone, Copy, Debug)]
pub struct ReceivedAnswer {
    pub at: Nanos,
    pub kind: AnswerKind,
}

/// The ids in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerIds {
    pub log: Option<String>,
    pub coupon: Option<String>,
}

impl AnswerIds {
    /// Whether both have an id in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        same(&self.log, &other.log) || same(&self.coupon, &other.coupon)
    }
}

/// A coupon that was issued for an id that already had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondCoupon {
    pub campaign: usize,
    pub key: DeliveryKey,
    pub user: u8,
}

#[derive(Clone, Debug)]
pub struct Coupon {
    pub at: Nanos,
    pub id: MerchantCouponId,
    pub activity: u8,
}

/// An event that a run emitted.
#[derive(Clone, Debug)]
pub struct EmittedEvent {
    pub run: usize,
    pub campaign: usize,
    /// How many batches were durable when it was emitted.
    pub durable: u64,
    pub kind: EmittedKind,
}

/// The events that the checker compares with the ledger or the trace.
#[derive(Clone, Debug)]
pub enum EmittedKind {
    AttemptEnded {
        id: String,
        attempt: u32,
        /// The word for what the attempt proved.
        outcome: String,
    },
    Counted(Counts),
    RunEnded(Ending, Counts),
    /// The id of the answer that proves another ledger.
    AnotherLedger(String),
    /// The wave with this number, from 1, is approved.
    Approved(u32),
    /// The next delivery is due in this many milliseconds.
    DueIn(i64),
}

impl Trace {
    /// Whether a ledger has lost an attempt at one of a user's coupons.
    pub fn has_lost(&self, campaign: usize, user: u8, ordinal: u8) -> bool {
        let of_coupon = |request: &Request| (request.campaign, request.user, request.key.ordinal);
        let mut requests = self.requests.iter();
        requests.any(|request| request.lost && of_coupon(request) == (campaign, user, ordinal))
    }

    /// Whether an attempt after the number `after`, up to `until`, issued a coupon for an id, or will.
    pub fn may_have(&self, id: MerchantCouponId, after: u32, until: u32) -> bool {
        let is_among = |request: &Request| request.attempt > after && request.attempt <= until;
        let coupon_at = |request: &Request| request.id == id && is_among(request) && request.coupon_at.is_some();
        self.requests.iter().any(coupon_at)
    }

    /// Whether a coupon of an activity was issued for an id.
    pub fn has(&self, id: MerchantCouponId, activity: u8) -> bool {
        let mut coupons = self.coupons.iter();
        coupons.any(|coupon| coupon.id == id && coupon.activity == activity)
    }
}
