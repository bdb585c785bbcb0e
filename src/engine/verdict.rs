//! What an outcome means for its delivery and for the run: a pure function of both.

use std::time::Duration;

use crate::clock::later;
use crate::delivery::{Doubt, Verdict};
use crate::event::Halted;
use crate::identity::OpenId;
use crate::outcome::{NotIssued, Outcome, Proof, Unknown};
use crate::pace::backoff::MOST_RETRY_AFTER;
use crate::planted::planted;

use super::limits::WAIT_PROBE;
use super::outage::Reach;

/// What must be known beside the outcome.
#[derive(Clone, Debug)]
pub struct Context {
    /// To whom the attempt was.
    pub open_id: OpenId,
    /// By which key.
    pub merchant_coupon_id: String,
    /// What was not known of the delivery before the attempt.
    pub doubt: Option<Doubt>,
    /// Whether the attempt was made under an activity that the campaign file no longer names.
    pub former_activity: bool,
    /// Whether this ledger accepts that another one has sent this campaign.
    pub accepts_replays: bool,
    /// Whether an answer without a code, whose status a wrong address gives, halts the run.
    pub wrong_address: bool,
    /// The longest that an attempt may take.
    pub timeout: Duration,
    /// The delay before the next attempt, jitter included.
    pub delay: Duration,
}

/// What follows from an outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// For the delivery.
    pub verdict: Verdict,
    /// How long after the end of the attempt the delivery is due again, if it is.
    pub wait: Duration,
    /// For the run.
    pub effect: Effect,
}

/// What follows for the run as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The platform answered.
    Answered,
    /// The platform answered that it could not do it, or left out the coupon.
    Unable,
    /// The answer was lost.
    Lost,
    /// The request was certainly not sent; the attempt does not count.
    NotSent,
    /// The platform asked to slow down.
    Throttled,
    /// The token was not accepted; the delivery goes again at once, and the attempt does not count.
    Token,
    /// The platform asks the campaign as a whole to wait.
    Wait {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// Nothing more may be started.
    Halt(Halted),
}

impl Effect {
    /// How far the attempt got.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Unable => Reach::Unable,
            Self::Lost => Reach::Lost,
            Self::NotSent => Reach::NotSent,
            _ => Reach::Answered,
        }
    }
}

/// Decides.
#[must_use]
pub fn decide(outcome: &Outcome, context: &Context) -> Decision {
    let code = outcome.answer.as_ref().map(|answer| answer.code);
    let said = code.unwrap_or_default();
    let asked = outcome
        .retry_after
        .map_or(Duration::ZERO, |after| after.min(MOST_RETRY_AFTER));
    let delay = context.delay.max(asked);
    let another = || {
        Effect::Halt(Halted::AnotherLedger {
            open_id: context.open_id.clone(),
            merchant_coupon_id: context.merchant_coupon_id.clone(),
        })
    };
    let known = context.doubt.is_some() || context.accepts_replays;
    let settled = |verdict, effect| (verdict, Duration::ZERO, effect);
    let due_after = |wait| later(outcome.at, wait);
    let (verdict, wait, effect) = match &outcome.proof {
        Proof::Issued { replay, .. } => {
            let taken = known || planted!(ReplaysTaken);
            let effect = if *replay && !taken { another() } else { Effect::Answered };
            settled(Verdict::Issued, effect)
        }
        Proof::Duplicate if known => settled(Verdict::Issued, Effect::Answered),
        Proof::Duplicate => settled(Verdict::Held { code: said }, another()),
        Proof::Refused => settled(Verdict::Refused { code: said }, Effect::Answered),
        Proof::Held => settled(Verdict::Held { code: said }, Effect::Answered),
        Proof::NotIssued(NotIssued::Wait | NotIssued::Halt)
            if context.former_activity && code.is_some() && !planted!(FormerHalts) =>
        {
            settled(Verdict::Held { code: said }, Effect::Answered)
        }
        Proof::NotIssued(why) => {
            let (wait, effect) = not_issued(*why, outcome, delay);
            let due = due_after(wait);
            (Verdict::NotIssued { due, code }, wait, effect)
        }
        Proof::Unknown(_) if context.wrong_address && planted!(WrongAddressProves) => (
            Verdict::NotIssued { due: outcome.at, code },
            Duration::ZERO,
            Effect::Halt(halted_without_code(outcome)),
        ),
        Proof::Unknown(why) => {
            let wait = delay.max(rest(outcome, context.timeout));
            let due = due_after(wait);
            // A gateway may turn the answer away after it passed the request on: a wrong address stops the run and proves
            // nothing about the delivery.
            let effect = match why {
                _ if context.wrong_address => Effect::Halt(halted_without_code(outcome)),
                Unknown::SystemError | Unknown::NoCoupon => Effect::Unable,
                Unknown::TimedOut | Unknown::Cut | Unknown::Unreadable => Effect::Lost,
            };
            (Verdict::Unknown { due, code }, wait, effect)
        }
    };
    Decision { verdict, wait, effect }
}

/// How long the request of an attempt that is over may still be at the platform: never two requests for one user at once. It
/// is not when it was answered, or was not sent.
#[must_use]
pub fn rest(outcome: &Outcome, timeout: Duration) -> Duration {
    match outcome.proof {
        Proof::Unknown(Unknown::SystemError) => Duration::ZERO,
        Proof::Unknown(_) => timeout.saturating_sub(outcome.latency),
        _ => Duration::ZERO,
    }
}

fn halted_without_code(outcome: &Outcome) -> Halted {
    Halted::Http {
        detail: outcome.detail.clone().unwrap_or_default(),
    }
}

/// After what wait a delivery is due again that surely was not issued, and what follows for the run.
fn not_issued(why: NotIssued, outcome: &Outcome, delay: Duration) -> (Duration, Effect) {
    let code = outcome.answer.as_ref().map(|answer| answer.code);
    let message = || {
        outcome
            .answer
            .as_ref()
            .map(|answer| answer.message.clone())
            .unwrap_or_default()
    };
    match why {
        NotIssued::Throttled => (delay, Effect::Throttled),
        NotIssued::Token => (Duration::ZERO, Effect::Token),
        NotIssued::NotSent => (delay, Effect::NotSent),
        NotIssued::Wait => {
            let wait = Effect::Wait {
                code: code.unwrap_or_default(),
                message: message(),
            };
            (WAIT_PROBE, wait)
        }
        NotIssued::Halt => {
            let halted = match &outcome.answer {
                Some(answer) => Halted::Code {
                    code: answer.code,
                    message: answer.message.clone(),
                    log_id: answer.log_id.clone(),
                },
                None => halted_without_code(outcome),
            };
            (Duration::ZERO, Effect::Halt(halted))
        }
    }
}
