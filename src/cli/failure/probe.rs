//! Failures of a probe: what was asked, what came back, and what to do.

use crate::app::probe::ProbeError;
use crate::catalogue::probe as text;
use crate::model::activity::AnswerNote;
use crate::model::probe::{ProbeSubject, StepAnswer};
use crate::model::problem::Problem;
use crate::report::text::visible;

use super::Failure;

/// Returns the failure of an error of a probe.
pub fn failure(error: ProbeError) -> Failure {
    let message = error.to_string();
    match error {
        ProbeError::Journal(error) => Failure::from_error(Problem::ProbeJournal, &error).help(text::JournalHelp),
        ProbeError::OtherUnfinished(subject) => Failure::new(Problem::ProbeInput, message)
            .because([about(&subject)])
            .help(text::OtherUnfinishedHelp),
        ProbeError::NoAnswer { step, note: last } => Failure::new(Problem::ProbeUnanswered, message)
            .because([text::Step { step: &step.word() }.to_string(), note(&last)])
            .help(text::NoAnswerHelp),
        ProbeError::NotReady(why) => Failure::new(Problem::ProbeUnanswered, message)
            .because([visible(&why).into_owned()])
            .help(text::NotReadyHelp),
    }
}

/// What another unfinished probe is about.
fn about(subject: &ProbeSubject) -> String {
    text::OtherUnfinishedBecause {
        template: &visible(&subject.coupon_meta_id),
        open_id: &visible(&subject.open_id),
        platform: &visible(&subject.platform),
    }
    .to_string()
}

/// An answer in words.
pub fn answer(answer: &StepAnswer) -> String {
    let log_id = &visible(&answer.log_id);
    match answer.code {
        0 => text::AnswerSuccess { log_id }.to_string(),
        code => text::AnswerCode {
            code: &code,
            message: &said(&answer.message),
            log_id,
        }
        .to_string(),
    }
}

/// An unclear answer in words.
pub fn note(note: &AnswerNote) -> String {
    let message = &said(&note.message);
    match &note.code {
        Some(code) => text::AnswerCode {
            code,
            message,
            log_id: &visible(&note.log_id),
        }
        .to_string(),
        None => text::AnswerNone { message }.to_string(),
    }
}

/// A message of the platform, or that there is none.
pub fn said(message: &str) -> String {
    if message.is_empty() {
        text::NoMessage.to_string()
    } else {
        visible(message).into_owned()
    }
}
