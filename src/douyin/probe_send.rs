//! Sends of a probe, which has a journal of its own in place of a ledger.

use tokio::time::Instant;

use super::client::HttpPlatform;
use super::codes::{HttpResult, Timing, outcome};
use super::token::Access;
use super::wire::{SEND_PATH, SendRequest};
use crate::model::activity::AnswerNote;
use crate::model::outcome::{Coupon, Outcome, Proof};

/// What came back of a send.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeAnswer {
    /// The platform issued a coupon, or says again that it did.
    Issued {
        /// The coupon.
        coupon: Box<Coupon>,
        /// The platform's id of the exchange.
        log_id: String,
    },
    /// A code that the same request would get again.
    Code(AnswerNote),
    /// Nothing that says what happened, or a code that asks for a repeat.
    Unclear(AnswerNote),
}

impl HttpPlatform {
    /// Makes one send. The caller keeps the pace, and its journal has the request.
    pub async fn send_for_probe(&self, access: &Access, request: &SendRequest) -> ProbeAnswer {
        let began = self.now();
        let start = Instant::now();
        let result = match serde_json::to_vec(request) {
            Ok(body) => self.call(SEND_PATH, access, body).await,
            Err(error) => HttpResult::NotSent { why: error.to_string() },
        };
        let timing = Timing {
            began,
            at: self.now(),
            latency: start.elapsed(),
            expected: None,
        };
        let outcome = outcome(&result, self.codes(), &self.secrets(), timing);
        self.learn(access, &outcome);
        read(outcome)
    }
}

fn read(outcome: Outcome) -> ProbeAnswer {
    let Some(answer) = outcome.answer else {
        return ProbeAnswer::Unclear(AnswerNote {
            message: outcome.detail.unwrap_or_default(),
            ..AnswerNote::default()
        });
    };
    let note = AnswerNote {
        code: Some(answer.code),
        message: answer.message,
        log_id: answer.log_id,
    };
    match outcome.proof {
        Proof::Issued { coupon, .. } => ProbeAnswer::Issued {
            coupon,
            log_id: note.log_id,
        },
        _ if answer.code == 0 => ProbeAnswer::Unclear(note),
        _ if answer.class.is_passing() => ProbeAnswer::Unclear(note),
        _ => ProbeAnswer::Code(note),
    }
}
