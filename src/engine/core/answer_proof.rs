//! What an attempt proves if its answer is its own, and if it is another delivery's.

use std::fmt::Write as _;

use crate::douyin::codes::excerpt;
use crate::engine::mixed_up_answers::{AnswerId, Whose};
use crate::ledger::LedgerState;
use crate::model::event::Halted;
use crate::model::outcome::{Outcome, Proof, Unknown};
use crate::model::redactor::Redactor;

use super::attempt_result::Attempted;

/// What an attempt proved by an answer of its own, and why the run halts if the answer is another delivery's.
pub struct Judged {
    pub outcome: Outcome,
    pub halted: Option<Halted>,
}

/// Discards an answer that belongs to another attempt.
pub fn judge(state: &LedgerState, attempted: &Attempted, outcome: Outcome, whose: Whose) -> Judged {
    match whose {
        // A repeated success stays one. Any other answer that came before says nothing about this attempt.
        Whose::ThisDelivery(AnswerId::Log(_)) if !matches!(outcome.proof, Proof::Issued { .. }) => {
            let why = "the answer is that of an earlier attempt";
            let outcome = without_answer(&outcome, why);
            Judged { outcome, halted: None }
        }
        Whose::ThisAttempt | Whose::ThisDelivery(_) => Judged { outcome, halted: None },
        Whose::Another { id, of } => {
            let other = state.merchant_coupon_id(of);
            let other = other.map(|other| other.to_string()).unwrap_or_default();
            let why = format!("the answer has the {id} of another delivery, {other}");
            let outcome = without_answer(&outcome, &why);
            let halted = Halted::MixedAnswers {
                open_id: attempted.open_id.clone(),
                merchant_coupon_id: attempted.merchant_coupon_id.to_string(),
                id: id.to_string(),
                other,
            };
            Judged {
                outcome,
                halted: Some(halted),
            }
        }
    }
}

/// The outcome without its answer. It has no code, because a later apply reads a code again by its file, and no status,
/// because that of a wrong address would count as one.
fn without_answer(outcome: &Outcome, why: &str) -> Outcome {
    let mut detail = why.to_owned();
    // Writing to a string cannot fail.
    if let Some(status) = outcome.status {
        let _ = write!(detail, ": HTTP {status}");
    }
    if let Some(answer) = &outcome.answer {
        let _ = write!(detail, ", code {}, log_id {}", answer.code, answer.log_id);
    }
    if let Proof::Issued { coupon, .. } = &outcome.proof {
        let _ = write!(detail, ", coupon_id {}", coupon.coupon_id);
    }
    Outcome {
        proof: Proof::Unknown(Unknown::Unreadable),
        answer: None,
        status: None,
        // The ids are parts of the outcome, which has no secrets.
        detail: Some(excerpt(&detail, &Redactor::default())),
        retry_after: None,
        latency: outcome.latency,
        at: outcome.at,
    }
}
