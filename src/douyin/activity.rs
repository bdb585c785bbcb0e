//! Requests that create and delete activities, and what their answers prove.

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::client::HttpPlatform;
use super::codes::{Codes, Envelope, HttpResult, Timing, outcome};
use super::token::Access;
use super::wire::{CREATE_ACTIVITY_PATH, CreateActivityRequest, DELETE_ACTIVITY_PATH, DeleteActivityRequest};
use crate::model::activity::AnswerNote;
use crate::model::identity::ActivityId;
use crate::model::outcome::{Class, Classifier, NotIssued, Outcome, Proof};
use crate::model::redactor::Redactor;

/// A request about an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityRequest {
    /// Creates an activity.
    Create(CreateActivityRequest),
    /// Deletes an activity.
    Delete(DeleteActivityRequest),
}

impl ActivityRequest {
    const fn path(&self) -> &'static str {
        match self {
            Self::Create(_) => CREATE_ACTIVITY_PATH,
            Self::Delete(_) => DELETE_ACTIVITY_PATH,
        }
    }

    fn body(&self) -> Result<Vec<u8>, String> {
        let body = match self {
            Self::Create(request) => serde_json::to_vec(request),
            Self::Delete(request) => serde_json::to_vec(request),
        };
        body.map_err(|error| error.to_string())
    }
}

/// What an answer about an activity proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityAnswer {
    /// The platform did it.
    Done {
        /// The activity that was created. `None` for a deletion.
        activity_id: Option<ActivityId>,
        /// The platform's id of the request.
        log_id: String,
    },
    /// It was certainly not done.
    NotDone {
        /// Whether the same request may succeed in a moment.
        is_passing: bool,
        /// What came back.
        note: AnswerNote,
    },
    /// Whether it was done is unknown.
    Unknown {
        /// Whether the same request may be answered better in a moment: no code came, or one that asks for a repeat.
        is_passing: bool,
        /// What came back.
        note: AnswerNote,
    },
}

impl HttpPlatform {
    /// Makes one request about an activity. The caller keeps the pace, and has recorded the request.
    pub async fn request_activity(&self, access: &Access, request: &ActivityRequest) -> ActivityAnswer {
        let began = self.now();
        let start = Instant::now();
        let result = match request.body() {
            Ok(body) => self.call(request.path(), access, body).await,
            Err(why) => HttpResult::NotSent { why },
        };
        let timing = Timing {
            began,
            at: self.now(),
            latency: start.elapsed(),
            expected: None,
        };
        let (answer, outcome) = read_answer(request, &result, self.codes(), &self.secrets(), timing);
        self.learn(access, &outcome);
        tracing::debug!(path = request.path(), ?answer, "a request about an activity ended");
        answer
    }
}

/// Reads an answer. The outcome is that of a send with the same answer, for what the token has to learn.
#[must_use]
pub fn read_answer(
    request: &ActivityRequest,
    result: &HttpResult,
    codes: &Codes,
    secrets: &Redactor,
    timing: Timing,
) -> (ActivityAnswer, Outcome) {
    let outcome = outcome(result, codes, secrets, timing);
    let answer = match success(request, result, secrets) {
        Some(Ok(done)) => done,
        Some(Err(log_id)) => ActivityAnswer::Unknown {
            is_passing: true,
            note: AnswerNote {
                code: Some(0),
                message: "a success without an activity_id".to_owned(),
                log_id,
            },
        },
        None => failure(&outcome),
    };
    (answer, outcome)
}

/// Reads a success. `None` for any other answer. The error is the log_id of a success that names no activity although it
/// created one.
fn success(
    request: &ActivityRequest,
    result: &HttpResult,
    secrets: &Redactor,
) -> Option<Result<ActivityAnswer, String>> {
    let HttpResult::Answered(reply) = result else {
        return None;
    };
    let envelope = Envelope::read(&reply.body, secrets).filter(|envelope| envelope.code == 0)?;
    let log_id = envelope.log_id;
    let activity_id = match request {
        ActivityRequest::Create(_) => match activity_id(&reply.body) {
            Some(activity_id) => Some(activity_id),
            None => return Some(Err(log_id)),
        },
        ActivityRequest::Delete(_) => None,
    };
    Some(Ok(ActivityAnswer::Done { activity_id, log_id }))
}

fn activity_id(body: &[u8]) -> Option<ActivityId> {
    let whole: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let written = match whole.get("data")?.get("activity_id")? {
        Value::String(text) => text.trim().to_owned(),
        // A number that is no integer has lost digits.
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    let activity_id = ActivityId::parse(&written).ok()?;
    (!activity_id.is_not_created()).then_some(activity_id)
}

fn failure(outcome: &Outcome) -> ActivityAnswer {
    let note = AnswerNote {
        code: outcome.answer.as_ref().map(|answer| answer.code),
        message: match &outcome.answer {
            Some(answer) => answer.message.clone(),
            None => outcome.detail.clone().unwrap_or_default(),
        },
        log_id: outcome
            .answer
            .as_ref()
            .map(|answer| answer.log_id.clone())
            .unwrap_or_default(),
    };
    // A parameter that the built-in table knows to be wrong. Any other held code is one that no document explains here.
    let is_listed = |outcome: &Outcome| {
        let answer = outcome.answer.as_ref();
        answer.is_some_and(|answer| answer.class == Class::Hold && answer.classifier == Classifier::Table)
    };
    match &outcome.proof {
        Proof::NotIssued(NotIssued::Throttled | NotIssued::Token | NotIssued::NotSent | NotIssued::Wait) => {
            ActivityAnswer::NotDone { is_passing: true, note }
        }
        Proof::NotIssued(NotIssued::Halt) | Proof::Refused => ActivityAnswer::NotDone {
            is_passing: false,
            note,
        },
        Proof::Held if is_listed(outcome) => ActivityAnswer::NotDone {
            is_passing: false,
            note,
        },
        Proof::Unknown(_) => ActivityAnswer::Unknown {
            is_passing: !outcome.wrong_address(),
            note,
        },
        Proof::Held | Proof::Duplicate | Proof::Issued { .. } => ActivityAnswer::Unknown {
            is_passing: false,
            note,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::douyin::codes::Reply;

    fn answered(request: &ActivityRequest, body: &str) -> ActivityAnswer {
        let reply = Reply {
            status: 200,
            body: body.as_bytes().to_vec(),
            ..Reply::default()
        };
        shown(request, &HttpResult::Answered(reply))
    }

    fn shown(request: &ActivityRequest, result: &HttpResult) -> ActivityAnswer {
        let codes = Codes::new(BTreeMap::from([(77, Class::Refuse)]));
        let timing = Timing {
            began: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            latency: Duration::ZERO,
            expected: None,
        };
        read_answer(request, result, &codes, &Redactor::default(), timing).0
    }

    fn create() -> ActivityRequest {
        ActivityRequest::Create(CreateActivityRequest {
            app_id: "tt1".into(),
            coupon_meta_id: "5".into(),
            coupon_stock_number: 10,
            merchant_activity_id: "k".into(),
            activity_name: "Tea".into(),
        })
    }

    fn delete() -> ActivityRequest {
        ActivityRequest::Delete(DeleteActivityRequest {
            app_id: "tt1".into(),
            activity_id: "7".into(),
        })
    }

    #[test]
    fn only_an_id_proves_that_an_activity_was_created() {
        let mut text = String::new();
        for body in [
            r#"{"err_no":0,"err_msg":"","log_id":"L","data":{"activity_id":"7218071234565644204"}}"#,
            r#"{"err_no":0,"log_id":"L","data":{"activity_id":7218071234565644204}}"#,
            r#"{"err_no":0,"log_id":"L","data":{"activity_id":7.2e18}}"#,
            r#"{"err_no":0,"log_id":"L","data":{"activity_id":"0"}}"#,
            r#"{"err_no":0,"log_id":"L","data":{}}"#,
            r#"{"err_no":0,"log_id":"L","data":""}"#,
            r#"{"err_no":28001005,"err_msg":"busy","log_id":"L","data":""}"#,
            r#"{"err_no":28001003,"err_msg":"token","log_id":"L"}"#,
            r#"{"err_no":28001007,"err_msg":"parameter","log_id":"L"}"#,
            r#"{"err_no":29005012,"err_msg":"too fast","log_id":"L"}"#,
            r#"{"err_no":29005013,"err_msg":"no template","log_id":"L"}"#,
            r#"{"err_no":29009999,"err_msg":"?","log_id":"L"}"#,
            r#"{"err_no":77,"err_msg":"of the file","log_id":"L"}"#,
            "<html>",
        ] {
            writeln!(text, "{body}\n    {:?}", answered(&create(), body)).unwrap();
        }
        let timed_out = HttpResult::TimedOut {
            status: None,
            within: Duration::from_secs(10),
        };
        writeln!(text, "{:?}", shown(&create(), &timed_out)).unwrap();
        let unsent = HttpResult::NotSent { why: "refused".into() };
        writeln!(text, "{:?}", shown(&create(), &unsent)).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_deletion_is_done_by_code_0_alone() {
        let done = answered(&delete(), r#"{"err_no":0,"err_msg":"","log_id":"L"}"#);
        assert!(matches!(done, ActivityAnswer::Done { activity_id: None, .. }));
        let unknown = answered(&delete(), r#"{"err_no":29009999,"err_msg":"gone","log_id":"L"}"#);
        assert!(matches!(unknown, ActivityAnswer::Unknown { is_passing: false, .. }));
    }
}
