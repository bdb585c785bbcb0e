//! What an outcome means for its delivery and for the run: a pure function of both.

use std::time::Duration;

use crate::model::clock::later;
use crate::model::delivery::{Decision, Doubt};
use crate::model::event::Halted;
use crate::model::identity::OpenId;
use crate::model::mutants::mutant;
use crate::model::outcome::{NotIssued, Outcome, Proof, Unknown};
use crate::pace::backoff::MOST_RETRY_AFTER;

use crate::engine::limits::circuit_breaker::Reach;
use crate::engine::limits::platform_wait::WAIT_PROBE;

/// What must be known beside the outcome.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts of one attempt, each read once")]
pub struct Context {
    /// To whom the attempt was.
    pub open_id: OpenId,
    /// The idempotency key of the delivery.
    pub merchant_coupon_id: String,
    /// The doubt before the attempt. `None` if there was none.
    pub doubt: Option<Doubt>,
    /// Whether an earlier attempt may have issued the coupon, and the delivery was owed again nevertheless.
    pub reopened: bool,
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
pub struct Consequence {
    /// For the delivery.
    pub decision: Decision,
    /// How long after the end of the attempt the delivery is due again, if it is.
    pub wait: Duration,
    /// For the run.
    pub effect: RunEffect,
}

/// What follows for the run as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEffect {
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

impl RunEffect {
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

/// What follows from an outcome for its delivery and for the run.
#[must_use]
pub fn decide(outcome: &Outcome, context: &Context) -> Consequence {
    let code = outcome.answer.as_ref().map(|answer| answer.code);
    let said = code.unwrap_or_default();
    let asked = outcome
        .retry_after
        .map_or(Duration::ZERO, |after| after.min(MOST_RETRY_AFTER));
    let delay = context.delay.max(asked);
    let another = || {
        RunEffect::Halt(Halted::AnotherLedger {
            open_id: context.open_id.clone(),
            merchant_coupon_id: context.merchant_coupon_id.clone(),
        })
    };
    let known = context.doubt.is_some() || context.reopened || context.accepts_replays;
    let settled = |decision, effect| (decision, Duration::ZERO, effect);
    let due_after = |wait| later(outcome.at, wait);
    let (decision, wait, effect) = match &outcome.proof {
        Proof::Issued { replay, .. } => {
            let taken = known || mutant!(ReplaysTaken);
            let effect = if *replay && !taken {
                another()
            } else {
                RunEffect::Answered
            };
            settled(Decision::Issued, effect)
        }
        Proof::Duplicate if known => settled(Decision::Issued, RunEffect::Answered),
        Proof::Duplicate => settled(Decision::Held { code: said }, another()),
        Proof::Refused => settled(Decision::Refused { code: said }, RunEffect::Answered),
        Proof::Held => settled(Decision::Held { code: said }, RunEffect::Answered),
        Proof::NotIssued(NotIssued::Wait | NotIssued::Halt)
            if context.former_activity && code.is_some() && !mutant!(FormerHalts) =>
        {
            settled(Decision::Held { code: said }, RunEffect::Answered)
        }
        Proof::NotIssued(why) => {
            let (wait, effect) = not_issued(*why, outcome, delay);
            let due = due_after(wait);
            (Decision::NotIssued { due, code }, wait, effect)
        }
        Proof::Unknown(_) if context.wrong_address && mutant!(WrongAddressProves) => (
            Decision::NotIssued { due: outcome.at, code },
            Duration::ZERO,
            RunEffect::Halt(halted_without_code(outcome)),
        ),
        Proof::Unknown(why) => {
            let wait = delay.max(rest(outcome, context.timeout));
            let due = due_after(wait);
            // A gateway may turn the answer away after it passed the request on: a wrong address stops the run and proves
            // nothing about the delivery.
            let effect = match why {
                _ if context.wrong_address => RunEffect::Halt(halted_without_code(outcome)),
                Unknown::SystemError | Unknown::NoCoupon => RunEffect::Unable,
                Unknown::TimedOut | Unknown::Cut | Unknown::Unreadable => RunEffect::Lost,
            };
            (Decision::Unknown { due, code }, wait, effect)
        }
    };
    Consequence { decision, wait, effect }
}

/// How long the request of an attempt that is over may still be at the platform: never two requests for one user at once.
/// Zero if it was answered or not sent.
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

/// The wait before a delivery that certainly was not issued is due again, and what follows for the run.
fn not_issued(why: NotIssued, outcome: &Outcome, delay: Duration) -> (Duration, RunEffect) {
    let code = outcome.answer.as_ref().map(|answer| answer.code);
    let message = || {
        outcome
            .answer
            .as_ref()
            .map(|answer| answer.message.clone())
            .unwrap_or_default()
    };
    match why {
        NotIssued::Throttled => (delay, RunEffect::Throttled),
        NotIssued::Token => (Duration::ZERO, RunEffect::Token),
        NotIssued::NotSent => (delay, RunEffect::NotSent),
        NotIssued::Wait => {
            let wait = RunEffect::Wait {
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
                None => Halted::Certificate {
                    detail: outcome.detail.clone().unwrap_or_default().into(),
                },
            };
            (Duration::ZERO, RunEffect::Halt(halted))
        }
    }
}
