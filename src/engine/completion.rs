//! Handles finished attempts: the fact for the ledger, and the effects on the run's limits.

use std::time::Instant;

use crate::douyin::{NotReady, Platform};
use crate::ledger::{Fact, Store};
use crate::model::clock::{AgeInstant, Moment};
use crate::model::delivery::{DeliveryKey, Doubt, State};
use crate::model::event::{Attempt, Event, EventKind, Halted};
use crate::model::mutants::mutant;
use crate::model::outcome::{Outcome, Proof};
use crate::pace::backoff;

use super::answers::Judged;
use super::attempt::{Attempted, Done};
use super::circuit_breaker::Reach;
use super::decision::{self, Context, RunEffect};
use super::dispatcher::{Batch, Dispatcher};
use super::reservations::User;

/// The status of a new coupon, by the platform's document.
const UNUSED: i64 = 10;

/// An attempt that has a permit.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) user: User,
    /// The doubt of the delivery before this attempt.
    pub(super) doubt: Option<Doubt>,
    /// Whether it is sent under an activity that the campaign file no longer names.
    pub(super) former_activity: bool,
    /// Whether this is the delivery's first attempt in this run.
    pub(super) first_in_run: bool,
    /// The time of its intent. The age of a doubt that it leaves counts from here.
    pub(super) intended: AgeInstant,
}

/// A finished attempt, and the effects to apply once it is durable.
#[derive(Debug)]
pub(super) struct Completion {
    key: DeliveryKey,
    intended: Option<AgeInstant>,
    due: Instant,
    event: Option<Event>,
}

impl Completion {
    pub(super) const fn take_event(&mut self) -> Option<Event> {
        self.event.take()
    }
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Handles a finished or cancelled attempt: adds its fact to the batch and applies its effects on the run.
    pub(super) fn on_attempt_finished(&mut self, done: Done, at: Moment, batch: &mut Batch) {
        self.limits.limiter.probed();
        match done {
            Done::CalledOff { key, why } => {
                if let Some(in_flight) = self.flight.trips.remove(&key) {
                    self.queue.withdraw(key, in_flight.first_in_run);
                    self.flight.deliveries -= u64::from(in_flight.first_in_run);
                    self.limits.limiter.free(in_flight.user, at.instant, at.instant);
                }
                let completion = Completion {
                    key,
                    intended: None,
                    due: at.instant,
                    event: None,
                };
                batch.add(Fact::Withdrawn { key }, completion);
                if let Some(why) = why {
                    self.not_ready(why, at);
                }
            }
            Done::Ended {
                key,
                attempted,
                outcome,
                whose,
                ended,
            } => {
                let Some(in_flight) = self.flight.trips.remove(&key) else {
                    return;
                };
                self.limits.token = None;
                let Judged { outcome, halted: mixed } = self.judge_answer(&attempted, *outcome, whose);
                let context = self.context(key, &in_flight, &attempted, &outcome);
                let mut decision = decision::decide(&outcome, &context);
                if let Some(mixed) = mixed {
                    decision.effect = RunEffect::Halt(mixed);
                }
                let rest = decision::rest(&outcome, context.timeout);
                self.limits.limiter.free(in_flight.user, at.instant + rest, at.instant);
                let halted = self.limits.halt_policy.answered(&outcome, in_flight.doubt.is_some());
                if let Some(halted) = halted {
                    self.halt(halted, at);
                }
                self.affect(key, decision.effect, &outcome, at);
                let completion = Completion {
                    key,
                    intended: Some(in_flight.intended),
                    due: ended + decision.wait,
                    event: Some(attempt_event(&attempted, &outcome, at)),
                };
                self.emitter.coupon_status(unusual_status(&outcome), at.wall);
                let outcome = Box::new(outcome);
                batch.add(
                    Fact::Ended {
                        key,
                        decision: decision.decision,
                        outcome,
                    },
                    completion,
                );
            }
        }
    }

    /// Emits the outcomes of attempts that the ledger can no longer record. These events are the only trace of coupons
    /// that the platform may have issued.
    pub(super) fn emit_unrecorded(&self, ended: impl IntoIterator<Item = Event>) {
        for Event { at, kind } in ended {
            if let EventKind::AttemptEnded(attempt) = kind {
                self.emitter.emit(at, EventKind::AttemptUnrecorded(attempt));
            }
        }
    }

    fn context(&mut self, key: DeliveryKey, in_flight: &InFlight, attempted: &Attempted, outcome: &Outcome) -> Context {
        let retry = &self.plan.retry;
        let failed = self.queue.failed(key).max(1);
        let random = self.flight.random.f64();
        Context {
            open_id: attempted.open_id.clone(),
            merchant_coupon_id: attempted.merchant_coupon_id.to_string(),
            doubt: in_flight.doubt,
            former_activity: in_flight.former_activity,
            accepts_replays: self.ledger.state().accepts_replays(),
            wrong_address: outcome.wrong_address() && self.limits.halt_policy.wrong_address(),
            timeout: retry.timeout,
            delay: backoff::delay(failed, retry.first_delay, retry.max_delay, random),
        }
    }

    /// Applies the effects of an outcome on later attempts.
    fn affect(&mut self, key: DeliveryKey, effect: RunEffect, outcome: &Outcome, at: Moment) {
        let reach = effect.reach();
        let reached = reach == Reach::Answered;
        let began = at.instant.checked_sub(outcome.latency).unwrap_or(at.instant);
        let waited = self.limits.wait.is_some() || self.limits.limiter.outage().is_some();
        self.limits.limiter.ended(key, reach, began, at.instant);
        self.check_limiter(at);
        if reached && waited {
            self.limits.wait = None;
            self.limits.slow_start.restart();
        }
        let mut counts = !waited && self.limits.limiter.outage().is_none();
        match effect {
            RunEffect::Answered => {
                let settled = matches!(outcome.proof, Proof::Issued { .. } | Proof::Refused);
                self.limits.slow_start.answered(settled);
            }
            // The next delay grows nevertheless.
            RunEffect::NotSent if counts && !mutant!(NotSentCounts) => return self.queue.uncount_unsent(key),
            RunEffect::Unable | RunEffect::Lost | RunEffect::NotSent => {}
            RunEffect::Throttled => {
                self.limits.limiter.throttled(key.recipient, began, at.instant);
                counts &= !self.limits.limiter.slowed();
            }
            RunEffect::Token => counts = false,
            RunEffect::Wait { code, message } => {
                counts = false;
                self.limits.wait_for_platform(code, message, at.instant);
                self.cancel();
            }
            RunEffect::Halt(halted) => self.halt(halted, at),
        }
        if !counts {
            self.queue.uncount(key);
        }
    }

    fn not_ready(&mut self, why: NotReady, at: Moment) {
        match why {
            NotReady::Refused { .. } | NotReady::Expired { .. } => {
                self.halt(Halted::Credentials { why: why.to_string() }, at);
            }
            NotReady::OutOfReach { why, again } => self.limits.wait_for_token(why, again.into_std(), at.instant),
        }
    }

    /// Queues the delivery again or forgets it, and emits its event. Call it once the outcome is durable.
    pub(super) fn settle(&mut self, mut completion: Completion) {
        let ledger_state = self.ledger.state();
        let delivery_status = ledger_state.status(completion.key);
        let stuck = delivery_status.doubt.is_some_and(|doubt| doubt.stuck);
        self.limits.waves.answered(
            self.queue.wave_of(completion.key.recipient),
            delivery_status.state,
            stuck,
        );
        match delivery_status.state {
            State::Issued => self.queue.issued(ledger_state, completion.key),
            State::Refused { .. } | State::Held { .. } | State::Skipped(_) => self.queue.forget(completion.key),
            State::Pending | State::Deferred { .. } | State::InDoubt => {
                if let (State::InDoubt, Some(intended)) = (delivery_status.state, completion.intended) {
                    self.queue.doubted(completion.key, intended);
                }
                self.queue.put(completion.key, &delivery_status, completion.due);
            }
            State::Attempting { .. } => {}
        }
        if let Some(event) = completion.take_event() {
            self.emitter.emit_event(event);
        }
    }
}

fn unusual_status(outcome: &Outcome) -> Option<i64> {
    match &outcome.proof {
        Proof::Issued { coupon, .. } => coupon.coupon_status.filter(|status| *status != UNUSED),
        _ => None,
    }
}

pub(super) fn attempt_event(attempted: &Attempted, outcome: &Outcome, at: Moment) -> Event {
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
    };
    Event {
        at: at.wall,
        kind: EventKind::AttemptEnded(Box::new(attempt)),
    }
}
