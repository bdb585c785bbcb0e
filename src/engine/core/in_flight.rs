//! Attempts between their intent and the durable outcome.

use std::time::Instant;

use crate::engine::limits::reservations::User;
use crate::model::clock::{AgeInstant, Moment};
use crate::model::delivery::{DeliveryKey, Doubt};
use crate::model::event::{Attempt, Event, EventKind};
use crate::model::outcome::{Outcome, Proof};

use super::attempt_result::Attempted;

/// The status of a new coupon, by the platform's document.
const UNUSED: i64 = 10;

/// An attempt that has an intent.
#[derive(Clone, Debug)]
pub struct InFlight {
    pub user: User,
    /// The doubt of the delivery before this attempt.
    pub doubt: Option<Doubt>,
    /// Whether an earlier attempt may have issued the coupon, and the delivery was owed again nevertheless.
    pub reopened: bool,
    /// Whether it is sent under an activity that the campaign file no longer names.
    pub former_activity: bool,
    /// Whether this is the delivery's first attempt in this run.
    pub first_in_run: bool,
    /// The time of its intent. The age of a doubt that it leaves counts from here.
    pub intended: AgeInstant,
}

/// A finished attempt, and the effects to apply once it is durable.
#[derive(Debug)]
pub struct Completion {
    pub key: DeliveryKey,
    pub intended: Option<AgeInstant>,
    pub due: Instant,
    pub event: Option<Event>,
}

/// The event of an attempt that ended.
pub fn attempt_event(attempted: &Attempted, outcome: &Outcome, now: Moment) -> Event {
    let answer = outcome.answer.as_ref();
    let attempt = Attempt {
        merchant_coupon_id: attempted.merchant_coupon_id.to_string(),
        open_id: attempted.open_id.clone(),
        attempt: attempted.attempt,
        outcome: outcome.proof.word().to_owned(),
        code: answer.map(|answer| answer.code),
        class: answer.map(|answer| answer.class),
        classifier: answer.map(|answer| answer.classifier),
        message: answer.map_or_else(
            || outcome.detail.clone().unwrap_or_default(),
            |answer| answer.message.clone(),
        ),
        log_id: answer.map(|answer| answer.log_id.clone()).unwrap_or_default(),
        latency: outcome.latency.as_secs_f64(),
        started: attempted.started,
    };
    Event {
        at: now.wall,
        kind: EventKind::AttemptEnded(Box::new(attempt)),
    }
}

/// The status of an issued coupon, if it is not that of a new one.
pub fn unusual_status(outcome: &Outcome) -> Option<i64> {
    match &outcome.proof {
        Proof::Issued { coupon, .. } => coupon.coupon_status.filter(|status| *status != UNUSED),
        _ => None,
    }
}
