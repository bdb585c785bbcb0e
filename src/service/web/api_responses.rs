//! The answers to programs, and those that are kept: the same `Idempotency-Key` with the same request has the same answer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::catalogue::Language;
use crate::service::accounts::Hash;
use crate::service::act::Denied;
use crate::service::error::ActError;
use crate::service::fault::Fault;

/// How long an answer is kept for its `Idempotency-Key`.
const KEPT: Duration = Duration::from_hours(24);
/// How many answers are kept.
const MOST_KEPT: usize = 10_000;
/// Why a request was not fulfilled.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ErrorObject {
    /// `error`.
    r#type: String,
    /// The code of the problem, which `runner explain` explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why an act is refused, as a word such as `role`, `not_running` or `other_plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What was attempted, or why it is refused, in English.
    message: String,
    /// Why it failed, the nearest cause first.
    causes: Vec<String>,
}

impl ErrorObject {
    /// Describes a failure.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        Self {
            r#type: "error".to_owned(),
            code: fault.code.clone(),
            reason: None,
            message: fault.message.english().to_owned(),
            causes: fault.causes.iter().map(|cause| cause.english().to_owned()).collect(),
        }
    }
}

/// The answers to requests with an `Idempotency-Key`.
#[derive(Debug, Default)]
pub struct Answers(HashMap<(String, String), Kept>);

#[derive(Debug)]
struct Kept {
    request: Hash,
    at: Instant,
    /// `None` while the request is executed.
    answer: Option<Answer>,
}

/// A status with an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    status: StatusCode,
    object: Json,
}

/// What a key says of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// It is the first one.
    New,
    /// It was answered.
    Answered(Answer),
    /// The same one is executed at the moment.
    Executed,
    /// Another request has the key.
    Other,
}

impl Answers {
    /// Looks up the key of a user, and remembers a new one.
    pub fn begin(&mut self, who: &str, key: &str, request: Hash, now: Instant) -> Known {
        self.0.retain(|_, kept| now.saturating_duration_since(kept.at) <= KEPT);
        let at = (who.to_owned(), key.to_owned());
        match self.0.get(&at) {
            Some(kept) if kept.request != request => return Known::Other,
            Some(Kept { answer: None, .. }) => return Known::Executed,
            Some(Kept {
                answer: Some(answer), ..
            }) => return Known::Answered(answer.clone()),
            None => {}
        }
        while self.0.len() >= MOST_KEPT {
            let Some(oldest) = self.0.iter().min_by_key(|(_, kept)| kept.at).map(|(at, _)| at.clone()) else {
                break;
            };
            self.0.remove(&oldest);
        }
        let kept = Kept {
            request,
            at: now,
            answer: None,
        };
        self.0.insert(at, kept);
        Known::New
    }

    /// Keeps an answer.
    pub fn end(&mut self, who: &str, key: &str, answer: Answer) {
        if let Some(kept) = self.0.get_mut(&(who.to_owned(), key.to_owned())) {
            kept.answer = Some(answer);
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.object)).into_response()
    }
}

impl Answer {
    /// An answer with an object.
    #[must_use]
    pub fn new<T: Serialize>(status: StatusCode, object: &T) -> Self {
        let object = serde_json::to_value(object).unwrap_or_default();
        Self { status, object }
    }

    /// An answer that says why not.
    #[must_use]
    pub fn error(status: StatusCode, message: &dyn std::fmt::Display) -> Self {
        let error = ErrorObject {
            r#type: "error".to_owned(),
            code: None,
            reason: None,
            message: Language::English.scope(|| message.to_string()),
            causes: Vec::new(),
        };
        Self::new(status, &error)
    }

    /// Why an act did not happen.
    #[must_use]
    pub fn refusal(error: &ActError) -> Self {
        match error {
            ActError::Denied(denied) => {
                let status = match denied {
                    Denied::Role => StatusCode::FORBIDDEN,
                    Denied::Unknown => StatusCode::NOT_FOUND,
                    _ => StatusCode::CONFLICT,
                };
                let mut error = Self::error(status, denied);
                error.object["reason"] = denied.word().into();
                error
            }
            ActError::Failed(fault) => Self::new(StatusCode::CONFLICT, &ErrorObject::of_fault(fault)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::accounts::digest;

    #[test]
    fn a_key_has_one_request_and_one_answer() {
        let mut answers = Answers::default();
        let now = Instant::now();
        let request = digest("a");
        assert_eq!(answers.begin("ci", "k", request, now), Known::New);
        assert_eq!(answers.begin("ci", "k", request, now), Known::Executed);
        let done = Answer::error(StatusCode::CONFLICT, &"no");
        answers.end("ci", "k", done.clone());
        assert_eq!(answers.begin("ci", "k", request, now), Known::Answered(done));
        assert_eq!(answers.begin("ci", "k", digest("b"), now), Known::Other);
        assert_eq!(answers.begin("other", "k", digest("b"), now), Known::New);
        assert_eq!(answers.begin("ci", "k", digest("b"), now + KEPT * 2), Known::New);
    }
}
