//! What answers mean for a run: to which delivery they belong, which of them halt it, and what a run may leave unsent.

use std::collections::BTreeMap;

use runner::engine::{RunOutcome, StopReason};
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::Halted;
use runner::model::outcome::{Class, NotIssued, Outcome, Proof};

use crate::env::Violation;
use crate::scenario::AnswerKind;
use crate::trace::{ReceivedAnswer, Request, Trace};

use super::CampaignApply;
use super::reference_state::{Delivery, Recipient, ReferenceState};

/// What the checker knows of the present run.
#[derive(Default)]
pub struct RunChecker {
    answered: bool,
    /// How many answers in a row came from a wrong address.
    wrong_addresses: u32,
    /// Why nothing more may start.
    pub halted: Option<&'static str>,
    /// Whether a code halted the run.
    by_code: bool,
    /// When the run began: by the wall clock, and not before the ledger's newest time.
    pub began: i64,
    /// Deliveries that came in doubt in this run, each with the attempt that caused it.
    pub doubts: BTreeMap<DeliveryKey, u32>,
}

impl RunChecker {
    pub fn new(began: i64) -> Self {
        Self {
            began,
            ..Self::default()
        }
    }

    /// Applies the answer of an attempt. `reference` is the state before it.
    pub fn on_answer(
        &mut self,
        reference: &ReferenceState,
        before: &Delivery,
        request: &Request,
        whose: AnswerOwner,
        former: bool,
        outcome: &Outcome,
    ) {
        let first = !std::mem::replace(&mut self.answered, true);
        match request.answer.map(|answer| answer.kind) {
            Some(AnswerKind::Status(_)) => {
                self.wrong_addresses += 1;
                if first || self.wrong_addresses >= 3 {
                    self.halted = Some("a wrong address");
                }
            }
            None | Some(AnswerKind::NoAnswer | AnswerKind::Cut | AnswerKind::Unreadable | AnswerKind::NotSent) => {}
            Some(_) => self.wrong_addresses = 0,
        }
        let known = before.unknown > 0 || before.is_reopened() || reference.accepts_replays();
        match outcome.proof {
            _ if whose == AnswerOwner::OtherDelivery => self.halted = Some("an answer of another delivery"),
            Proof::Issued { replay: true, .. } | Proof::Duplicate if !known => {
                self.halted = Some("an answer to another ledger");
            }
            // A code that answers a resend under a former activity concerns that delivery alone, for example because
            // the stock of that activity is used up.
            Proof::NotIssued(NotIssued::Halt) if !former => {
                self.halted = Some("a code that halts");
                self.by_code = true;
            }
            _ => {}
        }
    }

    /// Checks that the result of the run fits its answers.
    pub fn check_end(&self, ended: &RunOutcome) -> Result<(), Violation> {
        match (self.halted, &ended.why) {
            (_, StopReason::Halted(Halted::Code { code, .. })) if !self.by_code => {
                let details = format!("code {code} halted it, which concerned a delivery alone");
                Err(Violation::new(FORMER, details))
            }
            (Some(halted), StopReason::NothingLeft | StopReason::AtMost) => Err(Violation::new(
                "a run that has to halt says so",
                format!("it ended by {:?} after {halted}", ended.why),
            )),
            _ => Ok(()),
        }
    }
}

pub const FORMER: &str = "what a former activity says concerns its delivery alone";

/// To which delivery an answer belongs, by its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerOwner {
    Own,
    /// Another delivery of the run has one of its ids, or the coupon is another one of the user.
    OtherDelivery,
    /// It belongs to another delivery, and the ledger cannot know that.
    Unknowable,
}

impl AnswerOwner {
    pub fn new(reference: &ReferenceState, trace: &Trace, request: &Request) -> Self {
        let Some(ReceivedAnswer { at, kind }) = request.answer else {
            return Self::Own;
        };
        let coupon = request.ids.coupon.as_ref();
        let coupon = coupon.and_then(|coupon| reference.told_coupons.get(coupon));
        let of_user = |key: &DeliveryKey| *key != request.key && key.recipient == request.key.recipient;
        let in_run = |other: &Request| (other.run, other.campaign) == (request.run, request.campaign);
        let mut others = trace.requests.iter();
        let in_run = others.any(|other| {
            let answered = other.answer.filter(|_| other.is_answered() && in_run(other));
            let earlier = answered.is_some_and(|answered| answered.at <= at);
            earlier && other.key != request.key && other.ids.overlaps(&request.ids)
        });
        match kind {
            _ if in_run || coupon.is_some_and(of_user) => Self::OtherDelivery,
            AnswerKind::SameCoupon => Self::Unknowable,
            _ => Self::Own,
        }
    }
}

/// A run that had nothing left to send has used up the attempts of each delivery that it could send. An attempt that
/// was certainly not sent does not count.
pub fn check_left(
    reference: &ReferenceState,
    context: CampaignApply<'_>,
    new: &[Request],
    waits: impl Fn(&Recipient, u8, &Delivery) -> bool,
) -> Result<(), Violation> {
    for person in &reference.recipients {
        for (ordinal, delivery) in (1..).zip(&person.deliveries) {
            let owed = match delivery.state {
                StateName::Deferred => true,
                // If the wall clock is stepped, it does not show the age of a doubt.
                StateName::InDoubt => !context.scenario.steps_clock() && !waits(person, ordinal, delivery),
                _ => false,
            };
            let of_delivery = |request: &&Request| (request.user, request.key.ordinal) == (person.user, ordinal);
            let sent = new.iter().filter(of_delivery);
            let sent = sent.filter(|request| !request.was_not_sent()).count();
            if owed && sent < context.rules.attempts as usize {
                let details = format!(
                    "u{} coupon {ordinal} was left {} after {sent} attempts",
                    person.user, delivery.state
                );
                return Err(Violation::new(
                    "a delivery has all of its attempts, and one that was not sent does not count",
                    details,
                ));
            }
        }
    }
    Ok(())
}

/// After a run, no delivery keeps a last answer that the file's `codes` classify as settled, unknown or owed.
pub fn check_reread(reference: &ReferenceState, context: CampaignApply<'_>) -> Result<(), Violation> {
    for person in &reference.recipients {
        for delivery in &person.deliveries {
            let Some(code) = delivery.code else { continue };
            let class = context.campaign.settings.class(code);
            let settled = match (delivery.state, class) {
                (StateName::Held, Class::Hold) => true,
                (StateName::Held, Class::Issued) => !reference.accepts_replays(),
                (StateName::Held, Class::Refuse | Class::Retry) | (StateName::InDoubt, Class::Issued) => false,
                (StateName::Held, _) => person.away.is_some(),
                _ => true,
            };
            if !settled {
                let details = format!(
                    "u{} is {} with code {code} of {}",
                    person.user,
                    delivery.state,
                    class.word()
                );
                return Err(Violation::new(
                    "a last answer is read again as the file's codes say",
                    details,
                ));
            }
        }
    }
    Ok(())
}
