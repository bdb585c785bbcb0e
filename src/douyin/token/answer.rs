//! Parses the answers of the token endpoints. Facts are from the platform's pages on `stable_client_token` and
//! `client_token`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::state::APART;
use crate::catalogue::{Text, platform};
use crate::douyin::codes::{Codes, HttpResult, Reply, excerpt, failure, integer, retry_after};
use crate::douyin::wire::CLIENT_TOKEN_PATH;
use crate::model::outcome::Class;
use crate::model::redactor::Redactor;
use crate::model::secret::Secret;

/// Codes for an endpoint that is unknown, retired, or not for this app.
const NOT_FOR_THIS_APP: [i64; 6] = [2_100_007, 2_190_004, 28_001_014, 28_001_017, 28_001_018, 28_001_056];
/// The code for more than 500 calls in five minutes.
const TOO_MANY_CALLS: i64 = 10_020;

/// The result of a call for a token.
#[derive(Debug)]
pub(super) enum Said {
    /// A token.
    Token {
        /// The token.
        token: Secret,
        /// How long it lives.
        life: Duration,
    },
    /// The endpoint is unknown, or not for this app.
    NotForThisApp(Text),
    /// The key or the secret is wrong. A person must act.
    Refused(Text),
    /// The platform's certificate does not verify. A person must act.
    BadCertificate(Text),
    /// An answer with a code that has no class, and without a token.
    No(Text),
    /// The endpoint is busy or out of reach. Call again after this time at the earliest.
    Later(Text, Duration),
}

/// Reads how a call at `path` ended. Its reasons are without `secrets`.
///
/// A call of `client_token` whose answer was lost may have made a token, and only the newest two live. So it delays the
/// next call as much as if it had yielded its token.
pub(super) fn read(path: &str, ended: &HttpResult, codes: &Codes, secrets: &Redactor, now: Timestamp) -> Said {
    match judge(path, ended, codes, secrets, now) {
        Said::Later(why, least) if path == CLIENT_TOKEN_PATH && !matches!(ended, HttpResult::NotSent { .. }) => {
            Said::Later(why, least.max(APART))
        }
        said => said,
    }
}

fn judge(path: &str, ended: &HttpResult, codes: &Codes, secrets: &Redactor, now: Timestamp) -> Said {
    let why = || {
        Text::from_fn(|| {
            let why = platform::CallFailed {
                path: &path,
                why: &failure(ended),
            };
            excerpt(&why.to_string(), secrets)
        })
    };
    match ended {
        HttpResult::Answered(reply) => answered(path, reply, codes, secrets, now),
        HttpResult::BadCertificate { .. } => Said::BadCertificate(why()),
        HttpResult::TooLarge { .. }
        | HttpResult::NoRoom { .. }
        | HttpResult::Cut { .. }
        | HttpResult::TimedOut { .. }
        | HttpResult::NotSent { .. } => Said::Later(why(), Duration::ZERO),
    }
}

fn answered(path: &str, reply: &Reply, codes: &Codes, secrets: &Redactor, now: Timestamp) -> Said {
    let whole: Map<String, Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
    let data = whole.get("data").and_then(Value::as_object);
    let of_data = |name| data.and_then(|data| data.get(name));
    let code = [of_data("error_code"), whole.get("err_no"), whole.get("errno")]
        .into_iter()
        .filter_map(integer)
        .find(|code| *code != 0);
    let Some(code) = code else {
        return match of_data("access_token")
            .and_then(usable)
            .zip(lifetime(of_data("expires_in")))
        {
            Some((token, life)) => Said::Token { token, life },
            None => without_code(path, reply, now),
        };
    };
    let message = [of_data("description"), whole.get("err_msg"), whole.get("message")];
    let message = message
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|text| !text.is_empty());
    let said = match message {
        Some(message) => Text::new(&platform::CallAnsweredWith {
            path: &path,
            code: &code,
            message: &excerpt(message, secrets),
        }),
        None => Text::new(&platform::CallAnswered {
            path: &path,
            code: &code,
        }),
    };
    match code {
        10_002 => Said::Refused(Text::new(&platform::WrongParameter { answer: &said })),
        10_003 => Said::Refused(Text::new(&platform::WrongKey { answer: &said })),
        10_013 => Said::Refused(Text::new(&platform::WrongSecret { answer: &said })),
        TOO_MANY_CALLS => Said::Later(said, Duration::from_mins(1)),
        _ if NOT_FOR_THIS_APP.contains(&code) => Said::NotForThisApp(said),
        _ if matches!(codes.classify(code).0, Class::Retry | Class::Throttle) => Said::Later(said, asked(reply, now)),
        _ => Said::No(said),
    }
}

fn without_code(path: &str, reply: &Reply, now: Timestamp) -> Said {
    let said = Text::new(&platform::CallWithoutToken {
        path: &path,
        status: &reply.status,
    });
    match reply.status {
        404 | 405 => Said::NotForThisApp(said),
        300..=399 | 401 | 403 => Said::No(said),
        _ => Said::Later(said, asked(reply, now)),
    }
}

fn asked(reply: &Reply, now: Timestamp) -> Duration {
    let header = reply.retry_after.as_deref();
    header.and_then(|header| retry_after(header, now)).unwrap_or_default()
}

/// A token that fits in a header. `None` when it is empty or has other characters.
fn usable(value: &Value) -> Option<Secret> {
    let text = value.as_str()?.trim();
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Secret::new(text))
}

fn lifetime(value: Option<&Value>) -> Option<Duration> {
    let seconds = integer(value)?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
