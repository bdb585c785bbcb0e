//! Handles finished attempts: the fact for the ledger, and the effects on the run's limits.

use tokio::time::Instant;

use crate::clock::{AgeInstant, Moment};
use crate::delivery::{DeliveryKey, Doubt, State};
use crate::douyin::{NotReady, Platform};
use crate::event::{Attempt, Event, EventKind, Halted};
use crate::ledger::{Fact, Store};
use crate::outcome::{Outcome, Proof};
use crate::pace::backoff;
use crate::planted::planted;

use super::answers::Judged;
use super::dispatcher::{Batch, Dispatcher};
use super::outage::Reach;
use super::reservations::User;
use super::verdict::{self, Context, Effect};
use super::worker::{Attempted, Done};

/// The status of a new coupon, by the platform's document.
const UNUSED: i64 = 10;

/// An attempt that has a permit.
#[derive(Clone, Debug)]
pub(super) struct Trip {
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
pub(super) struct Landed {
    key: DeliveryKey,
    intended: Option<AgeInstant>,
    due: Instant,
    told: Option<Event>,
}

impl Landed {
    pub(super) const fn take_told(&mut self) -> Option<Event> {
        self.told.take()
    }
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Handles a finished or cancelled attempt: adds its fact to the batch and applies its effects on the run.
    pub(super) fn land(&mut self, done: Done, at: Moment, batch: &mut Batch) {
        self.limits.lane.probed();
        match done {
            Done::CalledOff { key, why } => {
                if let Some(trip) = self.flight.trips.remove(&key) {
                    self.queue.withdraw(key, trip.first_in_run);
                    self.flight.deliveries -= u64::from(trip.first_in_run);
                    self.limits.lane.free(trip.user, at.instant, at.instant);
                }
                let landed = Landed {
                    key,
                    intended: None,
                    due: at.instant,
                    told: None,
                };
                batch.add(Fact::Withdrawn { key }, landed);
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
                let Some(trip) = self.flight.trips.remove(&key) else {
                    return;
                };
                self.limits.token = None;
                let Judged { outcome, halted: mixed } = self.judge_answer(&attempted, *outcome, whose);
                let context = self.context(key, &trip, &attempted, &outcome);
                let mut decision = verdict::decide(&outcome, &context);
                if let Some(mixed) = mixed {
                    decision.effect = Effect::Halt(mixed);
                }
                let rest = verdict::rest(&outcome, context.timeout);
                self.limits.lane.free(trip.user, at.instant + rest, at.instant);
                let halted = self.limits.guards.answered(&outcome, trip.doubt.is_some());
                if let Some(halted) = halted {
                    self.halt(halted, at);
                }
                self.affect(key, decision.effect, &outcome, at);
                let landed = Landed {
                    key,
                    intended: Some(trip.intended),
                    due: ended + decision.wait,
                    told: Some(told(&attempted, &outcome, at)),
                };
                self.voice.coupon_status(unusual_status(&outcome), at.wall);
                let outcome = Box::new(outcome);
                batch.add(
                    Fact::Ended {
                        key,
                        verdict: decision.verdict,
                        outcome,
                    },
                    landed,
                );
            }
        }
    }

    /// Emits the outcomes of attempts that the ledger can no longer record. These events are the only trace of coupons
    /// that the platform may have issued.
    pub(super) fn tell_unrecorded(&self, ended: impl IntoIterator<Item = Event>) {
        for Event { at, kind } in ended {
            if let EventKind::AttemptEnded(attempt) = kind {
                self.voice.say(at, EventKind::AttemptUnrecorded(attempt));
            }
        }
    }

    fn context(&mut self, key: DeliveryKey, trip: &Trip, attempted: &Attempted, outcome: &Outcome) -> Context {
        let retry = &self.plan.retry;
        let failed = self.queue.failed(key).max(1);
        let random = self.flight.random.f64();
        Context {
            open_id: attempted.open_id.clone(),
            merchant_coupon_id: attempted.merchant_coupon_id.to_string(),
            doubt: trip.doubt,
            former_activity: trip.former_activity,
            accepts_replays: self.ledger.book().accepts_replays(),
            wrong_address: outcome.wrong_address() && self.limits.guards.wrong_address(),
            timeout: retry.timeout,
            delay: backoff::delay(failed, retry.first_delay, retry.max_delay, random),
        }
    }

    /// Applies the effects of an outcome on later attempts.
    fn affect(&mut self, key: DeliveryKey, effect: Effect, outcome: &Outcome, at: Moment) {
        let reach = effect.reach();
        let reached = reach == Reach::Answered;
        let began = at.instant.checked_sub(outcome.latency).unwrap_or(at.instant);
        let waited = self.limits.wait.is_some() || self.limits.lane.outage().is_some();
        self.limits.lane.ended(key, reach, began, at.instant);
        self.look_at_lane(at);
        if reached && waited {
            self.limits.wait = None;
            self.limits.ramp.restart();
        }
        let mut counts = !waited && self.limits.lane.outage().is_none();
        match effect {
            Effect::Answered => {
                let settled = matches!(outcome.proof, Proof::Issued { .. } | Proof::Refused);
                self.limits.ramp.answered(settled);
            }
            // The next delay grows nevertheless.
            Effect::NotSent if counts && !planted!(NotSentCounts) => return self.queue.uncount_unsent(key),
            Effect::Unable | Effect::Lost | Effect::NotSent => {}
            Effect::Throttled => {
                self.limits.lane.throttled(key.recipient, began, at.instant);
                counts &= !self.limits.lane.slowed();
            }
            Effect::Token => counts = false,
            Effect::Wait { code, message } => {
                counts = false;
                self.limits.wait_for_platform(code, message, at.instant);
                self.call_off();
            }
            Effect::Halt(halted) => self.halt(halted, at),
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
            NotReady::OutOfReach { why, again } => self.limits.wait_for_token(why, again, at.instant),
        }
    }

    /// Queues the delivery again or forgets it, and emits its event. Call it once the outcome is durable.
    pub(super) fn settle(&mut self, mut landed: Landed) {
        let book = self.ledger.book();
        let standing = book.standing(landed.key);
        let stuck = standing.doubt.is_some_and(|doubt| doubt.stuck);
        self.limits
            .waves
            .answered(self.queue.wave_of(landed.key.recipient), standing.state, stuck);
        match standing.state {
            State::Issued => self.queue.issued(book, landed.key),
            State::Refused { .. } | State::Held { .. } | State::Skipped(_) => self.queue.forget(landed.key),
            State::Pending | State::Deferred { .. } | State::InDoubt => {
                if let (State::InDoubt, Some(intended)) = (standing.state, landed.intended) {
                    self.queue.doubted(landed.key, intended);
                }
                self.queue.put(landed.key, &standing, landed.due);
            }
            State::Attempting { .. } => {}
        }
        if let Some(told) = landed.take_told() {
            self.voice.tell(told);
        }
    }
}

fn unusual_status(outcome: &Outcome) -> Option<i64> {
    match &outcome.proof {
        Proof::Issued { coupon, .. } => coupon.coupon_status.filter(|status| *status != UNUSED),
        _ => None,
    }
}

pub(super) fn told(attempted: &Attempted, outcome: &Outcome, at: Moment) -> Event {
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
