//! Failures about the activity that a campaign declares: what was asked for, what came back, and what to do.

use crate::app::CampaignRef;
use crate::app::activity::ActivityError;
use crate::catalogue::activity as text;
use crate::model::activity::{ActivityOrder, AnswerNote};
use crate::model::problem::Problem;
use crate::report::text::visible;
use crate::report::times::grouped;

use crate::cli::typed::again;

use super::Failure;

/// Returns the failure of an error about an activity. `key` is the idempotency key of the request.
pub fn failure(at: &CampaignRef, key: &str, error: ActivityError) -> Failure {
    let message = error.to_string();
    let asked = |order: &ActivityOrder| asked_for(order, key);
    let command = again("activity", at);
    match error {
        ActivityError::Ledger(error) => error.into(),
        ActivityError::Refused { order, note } => Failure::new(Problem::ActivityRefused, message)
            .because([asked(&order), answer(&note)])
            .help(text::RefusedHelp),
        ActivityError::Unclear { order, note } => Failure::new(Problem::ActivityUnclear, message)
            .because([asked(&order), answer(&note)])
            .help(unclear_help(&command)),
        ActivityError::Same { order, .. } => Failure::new(Problem::ActivityUnclear, message)
            .because([asked(&order)])
            .help(unclear_help(&command)),
        ActivityError::Unanswered { order, note } => Failure::new(Problem::ActivityUnanswered, message)
            .because([asked(&order), answer(&note)])
            .help(text::UnansweredHelp),
        ActivityError::Released { .. } => {
            let add = &format!("{command} --add 10000");
            Failure::new(Problem::ActivityReleased, message).help(text::ReleasedHelp { add })
        }
        ActivityError::NothingOpen => {
            let help = text::NothingToSayHelp { command: &command };
            Failure::new(Problem::ActivityCommand, message).help(help)
        }
        ActivityError::Open { order } => {
            let help = text::OpenHelp {
                number: order.number.into(),
                stock: &order.stock,
            };
            Failure::new(Problem::ActivityCommand, message)
                .because([asked(&order)])
                .help(help)
        }
        ActivityError::NotSettled { .. } => Failure::new(Problem::ActivityCommand, message).help(text::NotSettledHelp),
        ActivityError::NoneCreated => Failure::new(Problem::ActivityCommand, message).help(text::NoneCreatedHelp),
        ActivityError::NoneDeclared => Failure::new(Problem::ActivityCommand, message).help(text::NoneDeclaredHelp),
    }
}

fn unclear_help(command: &str) -> String {
    text::UnclearHelp {
        is_id: &format!("{command} --is ID"),
        is_none: &format!("{command} --is none"),
    }
    .to_string()
}

/// What the platform was asked for, with the key that its support can find it by.
pub fn asked_for(order: &ActivityOrder, key: &str) -> String {
    text::AskedFor {
        stock: &grouped(order.stock),
        template: &order.coupon_meta_id,
        name: &visible(&order.name),
        key: &key,
    }
    .to_string()
}

/// What came back.
pub fn answer(note: &AnswerNote) -> String {
    let or = |text: &str, none: String| {
        if text.is_empty() {
            none
        } else {
            visible(text).into_owned()
        }
    };
    let message = &or(&note.message, text::NoMessage.to_string());
    match &note.code {
        Some(code) => text::AnswerCode {
            code,
            message,
            log_id: &or(&note.log_id, text::NoLogId.to_string()),
        }
        .to_string(),
        None => text::AnswerNone { message }.to_string(),
    }
}
