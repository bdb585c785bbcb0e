//! What one attempt proved. Never more than that: an answer that was lost proves nothing.

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
}

/// Who says that a code is of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classifier {
    /// The built-in table.
    Table,
    /// The campaign file's `codes`.
    File,
    /// Nobody: the code is unlisted, and so held.
    Nobody,
}

/// What the platform said in so many words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `err_no`, or `errno` in the other envelope.
    pub code: i64,
    /// `err_msg` or `message`; empty when absent. At most a kilobyte is kept.
    pub message: String,
    /// The platform's name for this exchange, which it asks for in a complaint; empty when absent.
    pub log_id: String,
    /// What the code means here.
    pub class: Class,
    /// Who says so.
    pub classifier: Classifier,
}

/// All that the platform says of a coupon that it issued. Numbers are absent when the platform left them out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// The coupon's own id; never empty.
    pub coupon_id: String,
    /// The merchant's number of the coupon's template.
    pub merchant_meta_no: Option<String>,
    /// What the user sees as its name.
    pub coupon_name: Option<String>,
    /// 10 is unused; no document says what others mean.
    pub coupon_status: Option<i64>,
    /// Its meaning differs between the platform's pages: kept, never acted on.
    pub discount_type: Option<i64>,
    /// What it takes off, in fen.
    pub discount_amount: Option<i64>,
    /// What must be spent to use it, in fen.
    pub min_pay_amount: Option<i64>,
    /// When the user received it, in Unix seconds. 0 or over a year away is unknown.
    pub receive_time: Option<i64>,
    /// From when it can be used, in Unix seconds.
    pub valid_begin_time: Option<i64>,
    /// Until when it can be used, in Unix seconds.
    pub valid_end_time: Option<i64>,
}

/// Why an attempt's outcome is unknown. The user may have the coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// The platform answered with a code of class retry.
    SystemError,
    /// No answer within the time allowed.
    TimedOut,
    /// The connection ended after something had been written and before the whole answer was read.
    Cut,
    /// An answer that cannot be read as the platform's: another status, no JSON, too large.
    Unreadable,
    /// The code for success, without the id of a coupon.
    NoCoupon,
}

/// Why an attempt surely issued nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotIssued {
    /// The platform asked to slow down.
    Throttled,
    /// The access token was not accepted.
    Token,
    /// Nothing was written: refused connection, failed name look-up or TLS handshake.
    NotSent,
    /// The campaign as a whole has to wait.
    Wait,
    /// An operator must act first.
    Halt,
}

/// What an attempt proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The platform confirmed the coupon. `replay`: it had issued it well before this attempt began.
    Issued {
        /// What it said of it.
        coupon: Box<Coupon>,
        /// Whether the coupon is older than the attempt.
        replay: bool,
    },
    /// The platform says that this id was used before, by a code that is classified `issued`.
    Duplicate,
    /// The platform refused this user for good.
    Refused,
    /// The platform answered what nobody has classified, or what is classified `hold`.
    Held,
    /// Nothing was issued.
    NotIssued(NotIssued),
    /// Nobody knows.
    Unknown(Unknown),
}

/// The outcome of one attempt: what it proved, and all that is worth keeping of how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What it proved.
    pub proof: Proof,
    /// What the platform said, when it said something with a code.
    pub answer: Option<Answer>,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
    /// What went wrong in a few words, when no code says it: "no answer within 10s".
    pub detail: Option<String>,
    /// For how long the platform asks to be left alone.
    pub retry_after: Option<Duration>,
    /// From the first byte written to the end of the answer, or to giving up.
    pub latency: Duration,
    /// When the answer was read, or given up.
    pub at: Timestamp,
}

impl Proof {
    /// The proof's word in events and on screens.
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
    /// Whether the answer has a code of the platform's, which decides whatever the status is.
    #[must_use]
    pub const fn has_code(&self) -> bool {
        self.answer.is_some() || matches!(self.proof, Proof::Unknown(Unknown::NoCoupon))
    }

    /// Whether the answer has no code of the platform's and a status that says: this is not the endpoint, or not for us.
    #[must_use]
    pub const fn wrong_address(&self) -> bool {
        !self.has_code() && matches!(self.status, Some(300..=399 | 401 | 403 | 404))
    }
}
