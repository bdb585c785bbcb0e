//! Parses an answer's body. Lenient where the platform varies: numbers as text, three names for the code, `data` absent or
//! an empty text. Strict where money depends on it: a coupon without an id is not a coupon.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::model::outcome::Coupon;
use crate::model::redactor::Redactor;

/// The most bytes that are kept of a text from the platform.
pub const MOST_KEPT: usize = 1024;

/// The contents of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `err_no`; else `errno`; else `data.error_code`.
    pub code: i64,
    /// The message of the code; empty when absent. Safe to display.
    pub message: String,
    /// The platform's id of the request, `log_id`; empty when absent. Safe to display.
    pub log_id: String,
    /// The coupon, if `err_no` is 0 and the coupon has an id.
    pub coupon: Option<Box<Coupon>>,
}

impl Envelope {
    /// Parses a body. `None` when it is not a JSON object, or has no integer code.
    #[must_use]
    pub fn read(body: &[u8], secrets: &Redactor) -> Option<Self> {
        let whole: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let data = whole.get("data").and_then(Value::as_object);
        let of_data = |name| data.and_then(|data| data.get(name));
        let err_no = integer(whole.get("err_no"));
        let code = err_no
            .or_else(|| integer(whole.get("errno")))
            .or_else(|| integer(of_data("error_code")))?;
        let messages = [
            whole.get("err_msg"),
            of_data("description"),
            whole.get("message"),
            whole.get("errmsg"),
        ];
        Some(Self {
            code,
            message: messages
                .into_iter()
                .find_map(|message| text(message, secrets))
                .unwrap_or_default(),
            log_id: text(whole.get("log_id"), secrets).unwrap_or_default(),
            coupon: (err_no == Some(0))
                .then(|| of_data("coupon_info").and_then(|info| coupon(info, secrets)))
                .flatten()
                .map(Box::new),
        })
    }
}

/// A coupon. `None` when it has no id.
pub(in crate::douyin) fn coupon(info: &Value, secrets: &Redactor) -> Option<Coupon> {
    let number = |name| integer(info.get(name));
    Some(Coupon {
        coupon_id: name(info.get("coupon_id"), secrets)?,
        merchant_meta_no: name(info.get("merchant_meta_no"), secrets),
        coupon_name: text(info.get("coupon_name"), secrets),
        coupon_status: number("coupon_status"),
        discount_type: number("discount_type"),
        discount_amount: number("discount_amount"),
        min_pay_amount: number("min_pay_amount"),
        receive_time: number("receive_time"),
        valid_begin_time: number("valid_begin_time"),
        valid_end_time: number("valid_end_time"),
    })
}

/// An integer, written as a number or as text.
pub(in crate::douyin) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text that is not empty, without secrets, bounded and safe to display.
fn text(value: Option<&Value>, secrets: &Redactor) -> Option<String> {
    let text = value?.as_str()?.trim();
    (!text.is_empty()).then(|| excerpt(text, secrets))
}

/// An id: a text, or the digits of a number that came without quotes.
fn name(value: Option<&Value>, secrets: &Redactor) -> Option<String> {
    match value? {
        Value::Number(number) if number.is_u64() => number.as_u64().filter(|id| *id > 0).map(|id| id.to_string()),
        other => text(Some(other), secrets),
    }
}

/// The beginning of a foreign text, safe to keep and to display: at most [`MOST_KEPT`] bytes, without secrets, and with
/// control characters and invisible characters escaped.
#[must_use]
pub fn excerpt(foreign: &str, secrets: &Redactor) -> String {
    let text = secrets.redact(foreign);
    if text.len() <= MOST_KEPT && !text.chars().any(unseen) {
        return text.into_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        let before = shown.len();
        if unseen(c) {
            // Writing into a String cannot fail.
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
        if shown.len() > MOST_KEPT {
            shown.truncate(before);
            break;
        }
    }
    shown
}

/// Whether `c` is a control character, or hides or reorders the text around it.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
