//! An answer's body, read leniently where the platform is known to vary: numbers as text, three names for one code,
//! `data` that is absent or empty text. What money depends on is read strictly: a coupon without an id is none.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::outcome::Coupon;

/// The most bytes of a text of the platform's that are kept.
pub const MOST_KEPT: usize = 1024;

/// What a body says in the platform's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `err_no`; without one `errno`; without one `data.error_code`.
    pub code: i64,
    /// The message that goes with it; empty when absent. Fit to be shown.
    pub message: String,
    /// The platform's name for the exchange; empty when absent. Fit to be shown.
    pub log_id: String,
    /// The coupon, when `err_no` is 0 and the coupon has an id.
    pub coupon: Option<Box<Coupon>>,
}

impl Envelope {
    /// Reads a body. None when it is no JSON object, or has no code that is an integer.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
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
            message: messages.into_iter().find_map(text).unwrap_or_default(),
            log_id: text(whole.get("log_id")).unwrap_or_default(),
            coupon: (err_no == Some(0))
                .then(|| of_data("coupon_info").and_then(coupon))
                .flatten()
                .map(Box::new),
        })
    }
}

fn coupon(info: &Value) -> Option<Coupon> {
    let number = |name| integer(info.get(name));
    Some(Coupon {
        coupon_id: name(info.get("coupon_id"))?,
        merchant_meta_no: name(info.get("merchant_meta_no")),
        coupon_name: text(info.get("coupon_name")),
        coupon_status: number("coupon_status"),
        discount_type: number("discount_type"),
        discount_amount: number("discount_amount"),
        min_pay_amount: number("min_pay_amount"),
        receive_time: number("receive_time"),
        valid_begin_time: number("valid_begin_time"),
        valid_end_time: number("valid_end_time"),
    })
}

/// An integer, written as a number or as a numeric text.
pub(in crate::douyin) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text that says something, bounded and fit to be shown.
fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim();
    (!text.is_empty()).then(|| excerpt(text))
}

/// An id: a text, or the digits of a number that arrived without quotes.
fn name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Number(number) if number.is_u64() => number.as_u64().filter(|id| *id > 0).map(|id| id.to_string()),
        other => text(Some(other)),
    }
}

/// The beginning of a foreign text, fit to be kept and shown: at most [`MOST_KEPT`] bytes, and what could change the look
/// of a terminal or of the text around it is written out as its code.
#[must_use]
pub fn excerpt(foreign: &str) -> String {
    let mut shown = String::new();
    for c in foreign.chars() {
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

/// Controls, and the marks that turn or hide the text around them.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
