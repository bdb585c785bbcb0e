//! Maps the end of an attempt to what it proved. Pure: times are arguments. An attempt that is not proven issued or not
//! issued is unknown.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::replay::{Began, is_replay};
use super::{Codes, Envelope, excerpt};
use crate::catalogue::{Language, Text, platform};
use crate::model::outcome::{Answer, Class, NotIssued, Outcome, Proof, Unknown};
use crate::model::redactor::Redactor;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpResult {
    /// A complete answer was read.
    Answered(Reply),
    /// An answer that is larger than the limit.
    TooLarge {
        /// Its HTTP status.
        status: u16,
    },
    /// An answer that is larger than usual, while too many such answers were being read.
    NoRoom {
        /// Its HTTP status.
        status: u16,
        /// The length that is always read, in bytes.
        usual: usize,
    },
    /// The connection ended or broke HTTP after something may have been written, and before the complete answer was read.
    Cut {
        /// The HTTP status, if the answer's head was read.
        status: Option<u16>,
        /// What went wrong.
        why: String,
    },
    /// No complete answer came within the timeout.
    TimedOut {
        /// The HTTP status, if the answer's head was read.
        status: Option<u16>,
        /// The timeout.
        within: Duration,
    },
    /// No byte of the request was written: the connection was refused, or DNS or the TLS handshake failed.
    NotSent {
        /// Where, and what went wrong.
        why: String,
    },
    /// No byte of the request was written, because the TLS certificate does not verify.
    BadCertificate {
        /// Where, and what is wrong with it.
        why: Text,
    },
}

/// A complete answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as received.
    pub retry_after: Option<String>,
    /// The header `Date`, as received.
    pub date: Option<String>,
    /// The header `Content-Encoding`, as received.
    pub content_encoding: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The times of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When it began, by the wall clock.
    pub began: Timestamp,
    /// When it ended, by the wall clock.
    pub at: Timestamp,
    /// How long it took, by a monotonic clock.
    pub latency: Duration,
    /// When it ended by the platform's clock, as earlier answers showed it. `None` without such an answer.
    pub expected: Option<Timestamp>,
}

/// Returns what an attempt proved. The texts of the outcome are without `secrets`.
#[must_use]
pub fn outcome(ended: &HttpResult, codes: &Codes, secrets: &Redactor, timing: Timing) -> Outcome {
    let detailed = |proof, status| Outcome {
        proof,
        answer: None,
        status,
        // The ledger stores it in English, and shows it to readers of any language.
        detail: Some(excerpt(&Language::English.scope(|| failure(ended)), secrets)),
        retry_after: None,
        latency: timing.latency,
        at: timing.at,
    };
    match ended {
        HttpResult::Answered(reply) => answered(reply, codes, secrets, timing),
        HttpResult::TooLarge { status } | HttpResult::NoRoom { status, .. } => {
            detailed(Proof::Unknown(Unknown::Unreadable), Some(*status))
        }
        HttpResult::Cut { status, .. } => detailed(Proof::Unknown(Unknown::Cut), *status),
        HttpResult::TimedOut { status, .. } => detailed(Proof::Unknown(Unknown::TimedOut), *status),
        HttpResult::NotSent { .. } => detailed(Proof::NotIssued(NotIssued::NotSent), None),
        HttpResult::BadCertificate { .. } => detailed(Proof::NotIssued(NotIssued::Halt), None),
    }
}

/// Says why a request has no complete answer. Empty when it has one.
pub(in crate::douyin) fn failure(ended: &HttpResult) -> String {
    match ended {
        HttpResult::Answered(_) => String::new(),
        HttpResult::TooLarge { status } => platform::TooLarge { status }.to_string(),
        HttpResult::NoRoom { status, usual } => platform::NoRoom { status, usual }.to_string(),
        HttpResult::Cut { why, .. } => platform::Cut { why }.to_string(),
        HttpResult::TimedOut { within, .. } => platform::TimedOut {
            within: &format!("{within:?}"),
        }
        .to_string(),
        HttpResult::NotSent { why } => platform::NotSent { why }.to_string(),
        HttpResult::BadCertificate { why } => platform::NotSent { why }.to_string(),
    }
}

fn answered(reply: &Reply, codes: &Codes, secrets: &Redactor, timing: Timing) -> Outcome {
    let envelope = Envelope::read(&reply.body, secrets);
    let (proof, detail, answer) = match envelope {
        None => (unsaid(reply.status), Some(without_code(reply, secrets)), None),
        Some(Envelope {
            code: 0,
            coupon: None,
            log_id,
            ..
        }) => {
            // A detail and not an answer: if the ledger is read again later, an answer with code 0 would pass for a proof.
            let detail = format!(
                "HTTP {} with err_no 0 and no coupon_id (log_id {log_id:?})",
                reply.status
            );
            (Proof::Unknown(Unknown::NoCoupon), Some(detail), None)
        }
        Some(envelope) => {
            let (class, classifier) = codes.classify(envelope.code);
            let proof = match envelope.coupon {
                Some(coupon) => Proof::Issued {
                    replay: is_replay(coupon.receive_time, &timing.began(reply.date.as_deref())),
                    coupon,
                },
                None => of_class(class),
            };
            let answer = Answer {
                code: envelope.code,
                message: envelope.message,
                log_id: envelope.log_id,
                class,
                classifier,
            };
            (proof, None, Some(answer))
        }
    };
    Outcome {
        proof,
        answer,
        status: Some(reply.status),
        detail,
        retry_after: reply
            .retry_after
            .as_deref()
            .and_then(|header| retry_after(header, http_date(reply.date.as_deref()).unwrap_or(timing.at))),
        latency: timing.latency,
        at: timing.at,
    }
}

/// What a status proves when the body has no code. Whether a status means that the address is wrong depends on what the run
/// saw before, so the engine decides that: see [`Outcome::wrong_address`].
const fn unsaid(status: u16) -> Proof {
    match status {
        429 => Proof::NotIssued(NotIssued::Throttled),
        _ => Proof::Unknown(Unknown::Unreadable),
    }
}

/// Names the size of the body and why it cannot be read, and not its text: a gateway's error page may repeat the request's
/// headers.
fn without_code(reply: &Reply, secrets: &Redactor) -> String {
    let why = unreadable(reply, secrets).map_or_else(String::new, |why| format!(": {why}"));
    format!(
        "HTTP {} without a code of the platform's ({} bytes){why}",
        reply.status,
        reply.body.len()
    )
}

/// Why a body without a code cannot be read. `None` when it is JSON, or empty.
fn unreadable(reply: &Reply, secrets: &Redactor) -> Option<String> {
    let body = reply.body.as_slice();
    let encoding = reply.content_encoding.as_deref().map(str::trim).unwrap_or_default();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Some(format!("content-encoding: {}", excerpt(encoding, secrets)));
    }
    let why = match std::str::from_utf8(body) {
        _ if body.is_empty() => return None,
        _ if body.starts_with(b"\xef\xbb\xbf") => "it begins with a byte order mark",
        _ if body.starts_with(b"\x1f\x8b") => "it is compressed with gzip",
        Err(_) => "it is not UTF-8",
        Ok(text) if text.trim_start().starts_with('<') => "it is a web page",
        Ok(_) if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() => "it is not JSON",
        Ok(_) => return None,
    };
    Some(why.to_owned())
}

/// What a code other than 0 proves.
const fn of_class(class: Class) -> Proof {
    match class {
        Class::Issued => Proof::Duplicate,
        Class::Retry => Proof::Unknown(Unknown::SystemError),
        Class::Throttle => Proof::NotIssued(NotIssued::Throttled),
        Class::Token => Proof::NotIssued(NotIssued::Token),
        Class::Wait => Proof::NotIssued(NotIssued::Wait),
        Class::Halt => Proof::NotIssued(NotIssued::Halt),
        Class::Refuse => Proof::Refused,
        Class::Hold => Proof::Held,
    }
}

impl Timing {
    /// When the attempt began, by each clock. By the platform's clock that is when it ended, less its latency.
    fn began(&self, date: Option<&str>) -> Began {
        let begin = |end: Option<Timestamp>| end.and_then(|end| end.checked_sub(self.latency).ok());
        Began {
            local: self.began,
            dated: begin(http_date(date)),
            expected: begin(self.expected),
        }
    }
}

/// Parses the header `Date`. `None` when it is absent or invalid.
pub(in crate::douyin) fn http_date(header: Option<&str>) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(header?.trim()).ok()
}

/// The wait that a `Retry-After` asks for: whole seconds, or a date after `now`. `None` when it is neither.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(Some(header))?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}
