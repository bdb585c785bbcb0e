//! The outcome of one attempt. It never claims more than the answer proves: a lost answer proves nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a code of the platform means here. The words are those of a campaign file's `codes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The coupon is the user's.
    Issued,
    /// The platform could not do it, and does not say whether it did: try again with the same id.
    Retry,
    /// Too fast; nothing was issued.
    Throttle,
    /// The access token is not valid; nothing was issued.
    Token,
    /// This user is refused for good.
    Refuse,
    /// A person decides.
    Hold,
    /// The campaign as a whole has to wait.
    Wait,
    /// Stop: an operator must act.
    Halt,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Issued,
        Self::Retry,
        Self::Throttle,
        Self::Token,
        Self::Refuse,
        Self::Hold,
        Self::Wait,
        Self::Halt,
    ];

    /// The class's word in files and on screens.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Retry => "retry",
            Self::Throttle => "throttle",
            Self::Token => "token",
            Self::Refuse => "refuse",
            Self::Hold => "hold",
            Self::Wait => "wait",
            Self::Halt => "halt",
        }
    }

    /// Whether the same request may get another answer a little later, so that this one says nothing about what was asked.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Retry | Self::Throttle | Self::Token)
    }
}

/// The source of a code's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classifier {
    /// The built-in table.
    Table,
    /// The campaign file's `codes`.
    File,
    /// No source: the code is unlisted, so the delivery is held.
    Nobody,
}

/// The platform's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `err_no`, or `errno` in the other envelope.
    pub code: i64,
    /// `err_msg` or `message`; empty if absent. It is cut to one kilobyte.
    pub message: String,
    /// The platform's id of this exchange, which its support asks for; empty if absent.
    pub log_id: String,
    /// The class of the code.
    pub class: Class,
    /// The source of the class.
    pub classifier: Classifier,
}

/// The platform's description of an issued coupon. A field that the platform left out is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// The coupon's own id; never empty.
    pub coupon_id: String,
    /// The merchant's number of the coupon template.
    pub merchant_meta_no: Option<String>,
    /// The name that the user sees.
    pub coupon_name: Option<String>,
    /// 10 is unused; no document explains the other values.
    pub coupon_status: Option<i64>,
    /// Its meaning differs between the platform's pages, so it is stored and never acted on.
    pub discount_type: Option<i64>,
    /// The discount, in fen.
    pub discount_amount: Option<i64>,
    /// The least amount to spend with it, in fen.
    pub min_pay_amount: Option<i64>,
    /// When the user received it, in Unix seconds. 0, or a time more than a year away, means unknown.
    pub receive_time: Option<i64>,
    /// The first second in which it is valid, in Unix seconds.
    pub valid_begin_time: Option<i64>,
    /// The end of its validity, in Unix seconds.
    pub valid_end_time: Option<i64>,
}

/// The `coupon_status` of a coupon that waits to be used, the only one that the platform documents.
pub const UNUSED_COUPON: i64 = 10;

/// The reason why an attempt's outcome is unknown. The user may have the coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// The platform answered with a code of class `retry`.
    SystemError,
    /// No answer arrived within the timeout.
    TimedOut,
    /// The connection ended after the first byte was written and before the whole answer was read.
    Cut,
    /// The answer is not the platform's: another status, no JSON, or too large.
    Unreadable,
    /// The answer has the success code and no coupon id.
    NoCoupon,
}

/// The reason why an attempt certainly issued nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotIssued {
    /// The platform asked to slow down.
    Throttled,
    /// The platform did not accept the access token.
    Token,
    /// Nothing was written: the connection was refused, or the name look-up or the TLS handshake failed.
    NotSent,
    /// The campaign as a whole has to wait.
    Wait,
    /// An operator must act first.
    Halt,
}

/// What an attempt proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The platform confirmed the coupon.
    Issued {
        /// The coupon.
        coupon: Box<Coupon>,
        /// Whether the coupon was issued well before this attempt began.
        replay: bool,
    },
    /// The platform answered with a code classified as `issued`: the id was used before.
    Duplicate,
    /// The platform refused this user for good.
    Refused,
    /// The platform answered with an unlisted code, or one classified as `hold`.
    Held,
    /// Nothing was issued.
    NotIssued(NotIssued),
    /// The outcome is unknown.
    Unknown(Unknown),
}

/// The outcome of one attempt, with the details that are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What the attempt proved.
    pub proof: Proof,
    /// The platform's answer; `None` if it has no code.
    pub answer: Option<Answer>,
    /// The HTTP status; `None` without an HTTP answer.
    pub status: Option<u16>,
    /// A short description of the failure, where no code says it: "no answer within 10s".
    pub detail: Option<String>,
    /// The wait that the platform asked for.
    pub retry_after: Option<Duration>,
    /// The time from the first byte written until the end of the answer, or until the attempt was given up.
    pub latency: Duration,
    /// When the answer was read, or the attempt was given up.
    pub at: Timestamp,
}

impl Proof {
    /// Returns the proof's word in events and on screens.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "issued",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::NotIssued(NotIssued::Throttled) => "throttled",
            Self::NotIssued(NotIssued::Token) => "token",
            Self::NotIssued(NotIssued::NotSent) => "not_sent",
            Self::NotIssued(NotIssued::Wait) => "wait",
            Self::NotIssued(NotIssued::Halt) => "halt",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl Outcome {
    /// Whether the answer has a platform code. A code decides the outcome, whatever the HTTP status is.
    #[must_use]
    pub const fn has_code(&self) -> bool {
        self.answer.is_some() || matches!(self.proof, Proof::Unknown(Unknown::NoCoupon))
    }

    /// Whether the answer has no platform code and an HTTP status that means a wrong address or missing access.
    #[must_use]
    pub const fn wrong_address(&self) -> bool {
        !self.has_code() && matches!(self.status, Some(300..=399 | 401 | 403 | 404))
    }
}
