//! What answers mean for a run: whose they are, after which ones nothing starts, and what a run may leave behind.

use std::collections::BTreeMap;

use runner::engine::{RunOutcome, StopReason};
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::Halted;
use runner::model::outcome::{Class, NotIssued, Outcome, Proof};

use crate::scenario::AnswerKind;
use crate::trace::{Request, Trace};

use super::CampaignApply;
use super::reference_state::{Delivery, Recipient, ReferenceState, Wrong};

/// What the judge knows of the present run.
#[derive(Default)]
pub struct RunChecker {
    answered: bool,
    /// How many answers in a row came from a wrong address.
    wrong_addresses: u32,
    /// Why it must start nothing more.
    pub halted: Option<&'static str>,
    /// Whether a code halted it.
    by_code: bool,
    /// When it began, by the wall and no sooner than anything before it.
    pub began: i64,
    /// The doubts that it made: each by which attempt.
    pub doubts: BTreeMap<DeliveryKey, u32>,
}

impl RunChecker {
    /// One that begins at a time by the wall.
    pub fn new(began: i64) -> Self {
        Self {
            began,
            ..Self::default()
        }
    }

    /// An attempt has ended: what its answer means for the run. `claims` are as before that.
    pub fn answered(
        &mut self,
        reference: &ReferenceState,
        before: &Delivery,
        (request, whose, former): (&Request, AnswerOwner, bool),
        outcome: &Outcome,
    ) {
        let first = !std::mem::replace(&mut self.answered, true);
        match request.answer {
            Some((_, AnswerKind::Status(_))) => {
                self.wrong_addresses += 1;
                if first || self.wrong_addresses >= 3 {
                    self.halted = Some("a wrong address");
                }
            }
            None | Some((_, AnswerKind::NoAnswer | AnswerKind::Cut | AnswerKind::Unreadable | AnswerKind::NotSent)) => {
            }
            Some(_) => self.wrong_addresses = 0,
        }
        let known = before.unknown > 0 || reference.accepts_replays();
        match outcome.proof {
            _ if whose == AnswerOwner::OtherDelivery => self.halted = Some("an answer of another delivery"),
            Proof::Issued { replay: true, .. } | Proof::Duplicate if !known => {
                self.halted = Some("an answer to another ledger");
            }
            // It concerns the delivery alone that an activity which the file no longer names has run out, say.
            Proof::NotIssued(NotIssued::Halt) if !former => {
                self.halted = Some("a code that halts");
                self.by_code = true;
            }
            _ => {}
        }
    }

    /// How a run may end, by what it was answered.
    pub fn ended(&self, ended: &RunOutcome) -> Result<(), Wrong> {
        match (self.halted, &ended.why) {
            (_, StopReason::Halted(Halted::Code { code, .. })) if !self.by_code => {
                let how = format!("code {code} halted it, which concerned a delivery alone");
                Err((FORMER, how))
            }
            (Some(halted), StopReason::NothingLeft | StopReason::AtMost) => Err((
                "a run that has to halt says so",
                format!("it ended by {:?} after {halted}", ended.why),
            )),
            _ => Ok(()),
        }
    }
}

/// What a wait or a halt means that answers a resend under an activity which the file no longer names.
pub const FORMER: &str = "what a former activity says concerns its delivery alone";

/// Whose answer a request had, by its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerOwner {
    Own,
    /// Another delivery of its run has one of them, or another coupon of its user.
    OtherDelivery,
    /// Another delivery's, and the ledger cannot know that.
    Unknowable,
}

impl AnswerOwner {
    pub fn new(reference: &ReferenceState, trace: &Trace, request: &Request) -> Self {
        let Some((at, says)) = request.answer else {
            return Self::Own;
        };
        let coupon = request.ids.coupon.as_ref();
        let coupon = coupon.and_then(|coupon| reference.told_coupons.get(coupon));
        let of_user = |key: &DeliveryKey| *key != request.key && key.recipient == request.key.recipient;
        let in_run = |other: &Request| (other.run, other.campaign) == (request.run, request.campaign);
        let mut others = trace.requests.iter();
        let in_run = others.any(|other| {
            let answered = other.answer.filter(|_| other.is_answered() && in_run(other));
            let earlier = answered.is_some_and(|(answered, _)| answered <= at);
            earlier && other.key != request.key && other.ids.meet(&request.ids)
        });
        match says {
            _ if in_run || coupon.is_some_and(of_user) => Self::OtherDelivery,
            AnswerKind::SameCoupon => Self::Unknowable,
            _ => Self::Own,
        }
    }
}

/// What a run that had nothing left to send has left behind: nothing that it could have sent, unless that has used up its
/// attempts. One that was certainly not sent is none.
pub fn left_behind(
    reference: &ReferenceState,
    (context, new): (CampaignApply<'_>, &[Request]),
    waits: impl Fn(&Recipient, u8, &Delivery) -> bool,
) -> Result<(), Wrong> {
    for person in &reference.people {
        for (ordinal, delivery) in (1..).zip(&person.deliveries) {
            let owed = match delivery.state {
                StateName::Deferred => true,
                // Where the wall is put forward or back it does not tell the age of a doubt.
                StateName::InDoubt => !context.scenario.steps_clock() && !waits(person, ordinal, delivery),
                _ => false,
            };
            let of_delivery = |request: &&Request| (request.user, request.key.ordinal) == (person.user, ordinal);
            let sent = new.iter().filter(of_delivery);
            let sent = sent.filter(|request| !request.was_not_sent()).count();
            if owed && sent < context.rules.attempts as usize {
                let how = format!(
                    "u{} coupon {ordinal} was left {} after {sent} attempts",
                    person.user, delivery.state
                );
                return Err(("a delivery has all of its attempts, and what was not sent is none", how));
            }
        }
    }
    Ok(())
}

/// After a run no last answer says what the file's `codes` take for settled, unknown or owed.
pub fn read_again(reference: &ReferenceState, context: CampaignApply<'_>) -> Result<(), Wrong> {
    for person in &reference.people {
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
                let how = format!(
                    "u{} is {} with code {code} of {}",
                    person.user,
                    delivery.state,
                    class.word()
                );
                return Err(("a last answer is read again as the file's codes say", how));
            }
        }
    }
    Ok(())
}
