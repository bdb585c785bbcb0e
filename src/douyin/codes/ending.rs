//! From how an attempt ended to what it proved. Pure: times are arguments, and nothing is guessed. What is not surely
//! issued and not surely unissued is unknown.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use super::{Codes, Envelope, excerpt};
use crate::outcome::{Answer, Class, Coupon, NotIssued, Outcome, Proof, Unknown};

/// How much older than its attempt a coupon is that an earlier attempt issued.
const REPLAY: SignedDuration = SignedDuration::from_secs(120);
/// A time further away than this is no time.
const FAR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A whole answer was read.
    Answered(Reply),
    /// An answer began and was larger than is read.
    TooLarge {
        /// Its HTTP status.
        status: u16,
    },
    /// The connection ended, or broke HTTP, after something may have been written and before a whole answer was read.
    Cut {
        /// The HTTP status, when the answer's head was read.
        status: Option<u16>,
        /// What went wrong.
        why: String,
    },
    /// There was no whole answer within the time allowed.
    TimedOut {
        /// The HTTP status, when the answer's head was read.
        status: Option<u16>,
        /// The time allowed.
        within: Duration,
    },
    /// Not a byte of the request was written: a refused connection, a failed look-up of the name or TLS handshake.
    NotSent {
        /// What went wrong.
        why: String,
    },
    /// Not a byte of the request was written, because the TLS certificate does not verify.
    BadCertificate {
        /// What is wrong with it.
        why: String,
    },
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as it came.
    pub retry_after: Option<String>,
    /// The header `Date`, as it came.
    pub date: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// When an attempt was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When it began, by the wall.
    pub began: Timestamp,
    /// When it ended, by the wall.
    pub at: Timestamp,
    /// How long it took, by a clock that nobody corrects.
    pub latency: Duration,
}

/// What an attempt proved.
#[must_use]
pub fn outcome(ended: &Ended, codes: &Codes, timing: Timing) -> Outcome {
    let detailed = |proof, status, detail: String| Outcome {
        proof,
        answer: None,
        status,
        detail: Some(excerpt(&detail)),
        retry_after: None,
        latency: timing.latency,
        at: timing.at,
    };
    match ended {
        Ended::Answered(reply) => answered(reply, codes, timing),
        Ended::TooLarge { status } => detailed(
            Proof::Unknown(Unknown::Unreadable),
            Some(*status),
            format!("HTTP {status} with a body over 1 MiB"),
        ),
        Ended::Cut { status, why } => detailed(
            Proof::Unknown(Unknown::Cut),
            *status,
            format!("the connection ended before the whole answer was read: {why}"),
        ),
        Ended::TimedOut { status, within } => detailed(
            Proof::Unknown(Unknown::TimedOut),
            *status,
            format!("no answer within {within:?}"),
        ),
        Ended::NotSent { why } => detailed(Proof::NotIssued(NotIssued::NotSent), None, format!("not sent: {why}")),
        Ended::BadCertificate { why } => detailed(
            Proof::NotIssued(NotIssued::Halt),
            None,
            format!("not sent: the platform's TLS certificate does not verify: {why}"),
        ),
    }
}

fn answered(reply: &Reply, codes: &Codes, timing: Timing) -> Outcome {
    let envelope = Envelope::read(&reply.body);
    let (proof, detail, answer) = match envelope {
        None => (unsaid(reply.status), Some(without_code(reply)), None),
        Some(Envelope {
            code: 0,
            coupon: None,
            log_id,
            ..
        }) => {
            // Kept as a detail and not as an answer: read again later, code 0 would pass for a proof.
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
                    replay: is_replay(&coupon, reply.date.as_deref(), timing),
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

/// What a status proves when the body has no code. Which statuses mean that this is not the endpoint at all depends on
/// what the run saw before, and is the engine's to say: see [`Outcome::wrong_address`].
const fn unsaid(status: u16) -> Proof {
    match status {
        429 => Proof::NotIssued(NotIssued::Throttled),
        _ => Proof::Unknown(Unknown::Unreadable),
    }
}

/// Says how large the body was and not what it says: a page of some gateway may echo the request's headers.
fn without_code(reply: &Reply) -> String {
    format!(
        "HTTP {} without a code of the platform's ({} bytes)",
        reply.status,
        reply.body.len()
    )
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

/// Whether the coupon was received well before the attempt began, both by the platform's clock: the answer's `Date` less
/// how long the attempt took. Without a `Date` our own clock has to do.
fn is_replay(coupon: &Coupon, date: Option<&str>, timing: Timing) -> bool {
    let far = |a: Timestamp, b: Timestamp| a.duration_since(b).abs() > FAR;
    let began = http_date(date)
        .filter(|date| !far(*date, timing.at))
        .and_then(|date| date.checked_sub(timing.latency).ok())
        .unwrap_or(timing.began);
    let received = coupon.receive_time.filter(|seconds| *seconds != 0);
    received
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .is_some_and(|received| !far(received, began) && began.duration_since(received) > REPLAY)
}

fn http_date(header: Option<&str>) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(header?.trim()).ok()
}

/// For how long a `Retry-After` asks to be left alone: whole seconds, or a date after `now`. None when it is neither.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(Some(header))?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}
