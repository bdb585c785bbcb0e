//! The details of attempts that have no code, in the language of the moment. The ledger and events keep them in English. What this
//! program wrote is translated; what came from outside is shown as it is.

use std::borrow::Cow;

use crate::catalogue::{Language, attempt as texts, platform};
use crate::model::certificate::CertificateFault;

/// What separates the parts of a detail.
const BETWEEN: &str = ": ";

/// Returns a stored detail in the language of the moment.
#[must_use]
pub fn attempt_detail(stored: &str) -> Cow<'_, str> {
    if Language::current() == Language::English || stored.is_empty() {
        return Cow::Borrowed(stored);
    }
    let mut rest = stored;
    let mut text = String::new();
    let mut is_foreign = false;
    let between = texts::Between.to_string();
    while !rest.is_empty() {
        // These have the separator in them.
        let whole = certificate(rest).or_else(|| without_coupon(rest));
        let (part, after) = rest.split_once(BETWEEN).unwrap_or((rest, ""));
        let (translated, after) = match whole {
            Some((translated, after)) => (Some(translated), after.strip_prefix(BETWEEN).unwrap_or(after)),
            None => (phrase(part), after),
        };
        if !text.is_empty() {
            // Words from outside stay as they are.
            let is_between_foreign = is_foreign && translated.is_none();
            text.push_str(if is_between_foreign { BETWEEN } else { &between });
        }
        is_foreign = translated.is_none();
        text.push_str(translated.as_deref().unwrap_or(part));
        rest = after;
    }
    Cow::Owned(text)
}

/// Reads a fault of a certificate, and returns what follows it. `None` if the text does not begin with one.
fn certificate(text: &str) -> Option<(String, &str)> {
    const FAULTS: [CertificateFault; 5] = [
        CertificateFault::Untrusted,
        CertificateFault::Authority,
        CertificateFault::Expired,
        CertificateFault::NotYetValid,
        CertificateFault::OtherName,
    ];
    let known = FAULTS.iter().find_map(|fault| {
        let english = Language::English.scope(|| fault.to_string());
        Some((fault.to_string(), text.strip_prefix(&english)?))
    });
    known.or_else(|| {
        let why = text.strip_prefix("the server's certificate is not valid: ")?;
        Some((CertificateFault::Other(why.to_owned()).to_string(), ""))
    })
}

/// Reads a success without a coupon, whose log_id is the platform's. `None` for another text.
fn without_coupon(text: &str) -> Option<(String, &str)> {
    let (status, log_id) = text
        .strip_prefix("HTTP ")?
        .split_once(" with err_no 0 and no coupon_id (log_id ")?;
    let status = &number(status)?;
    let log_id = &log_id.strip_suffix(')')?;
    Some((texts::NoCoupon { status, log_id }.to_string(), ""))
}

/// Translates one part. `None` for a part that this program did not write.
fn phrase(part: &str) -> Option<String> {
    let text = match part {
        "not sent" => texts::NotSent.to_string(),
        "the connection ended before the whole answer was read" => texts::Cut.to_string(),
        "no connection" => texts::NoConnection.to_string(),
        "connection refused" => texts::ConnectionRefused.to_string(),
        "connection reset" => texts::ConnectionReset.to_string(),
        "connection aborted" => texts::ConnectionAborted.to_string(),
        "host unreachable" => texts::HostUnreachable.to_string(),
        "network unreachable" => texts::NetworkUnreachable.to_string(),
        "network down" => texts::NetworkDown.to_string(),
        "timed out" => texts::TimedOut.to_string(),
        "broken pipe" => texts::BrokenPipe.to_string(),
        "it does not speak TLS" => texts::NoTls.to_string(),
        "it does not speak HTTP/1.1" => texts::NoHttp.to_string(),
        "it wants another user name and password" => texts::ProxyWantsPassword.to_string(),
        "it begins with a byte order mark" => texts::ByteOrderMark.to_string(),
        "it is compressed with gzip" => texts::Gzip.to_string(),
        "it is not UTF-8" => texts::NotUtf8.to_string(),
        "it is a web page" => texts::WebPage.to_string(),
        "it is not JSON" => texts::NotJson.to_string(),
        "the answer is that of an earlier attempt" => texts::EarlierAnswer.to_string(),
        "the access token has characters that no header can carry" => texts::TokenInNoHeader.to_string(),
        "the request cannot be written as JSON" => texts::RequestNotJson.to_string(),
        "an outage of the sandbox" => texts::SandboxOutage.to_string(),
        "an outage of the sandbox began" => texts::SandboxOutageBegan.to_string(),
        "the sandbox cut the body short" => texts::SandboxCutBody.to_string(),
        "the sandbox closed the connection" => texts::SandboxClosed.to_string(),
        _ => return with_arguments(part),
    };
    Some(text)
}

fn with_arguments(part: &str) -> Option<String> {
    if let Some(within) = part.strip_prefix("no answer within ") {
        return Some(platform::TimedOut { within: &within }.to_string());
    }
    if let Some(within) = part.strip_prefix("no connection within ") {
        return Some(texts::NoConnectionWithin { within: &within }.to_string());
    }
    if let Some(proxy) = part.strip_prefix("proxy ") {
        return Some(texts::Proxy { proxy: &proxy }.to_string());
    }
    if let Some(status) = part.strip_prefix("it answered CONNECT with HTTP ") {
        return Some(texts::ProxyAnswered { status: &status }.to_string());
    }
    if let Some((id, other)) = part
        .strip_prefix("the answer has the ")
        .and_then(|rest| rest.split_once(" of another delivery, "))
    {
        return Some(texts::AnswerOfAnother { id: &id, other: &other }.to_string());
    }
    http(part.strip_prefix("HTTP ")?)
}

/// Translates what follows `HTTP`. `None` for a part that this program did not write.
fn http(rest: &str) -> Option<String> {
    let (status, rest) = rest.split_at(rest.find([' ', ',']).unwrap_or(rest.len()));
    let status = &number(status)?;
    if rest == " with a body over 1 MiB" {
        return Some(platform::TooLarge { status }.to_string());
    }
    if let Some(usual) = rest
        .strip_prefix(" with a body over ")
        .and_then(|rest| rest.strip_suffix(" bytes, while too many others were being read"))
    {
        return Some(platform::NoRoom { status, usual: &usual }.to_string());
    }
    if let Some(bytes) = rest
        .strip_prefix(" without a code of the platform's (")
        .and_then(|rest| rest.strip_suffix(" bytes)"))
    {
        let bytes = &number(bytes)?;
        return Some(texts::WithoutCode { status, bytes }.to_string());
    }
    let ids = rest.strip_prefix(", code ")?;
    let (code, ids) = ids.split_once(", ").unwrap_or((ids, ""));
    Some(
        texts::StatusCodeIds {
            status,
            code: &code,
            ids: &ids,
        }
        .to_string(),
    )
}

/// Returns a text that has digits only.
fn number(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Details as ledgers have them.
    const STORED: [&str; 24] = [
        "not sent: 127.0.0.1:8080: connection refused",
        "not sent: open.douyin.com:443: no connection within 5s",
        "not sent: proxy 10.0.0.1:3128: it answered CONNECT with HTTP 407 Proxy Authentication Required: it wants another user \
         name and password",
        "not sent: open.douyin.com:443: dns error: failed to lookup address information: Name or service not known",
        "not sent: open.douyin.com:443: the server's certificate is not trusted: its authority is unknown to this machine",
        "not sent: open.douyin.com:443: the server's certificate is not valid: BadSignature",
        "not sent: [::1]:443: it does not speak TLS",
        "not sent: the access token has characters that no header can carry",
        "not sent: no connection: an outage of the sandbox",
        "no answer within 10s",
        "the connection ended before the whole answer was read: connection reset",
        "the connection ended before the whole answer was read: the sandbox cut the body short",
        "HTTP 502 with a body over 1 MiB",
        "HTTP 200 with a body over 65536 bytes, while too many others were being read",
        "HTTP 502 without a code of the platform's (1204 bytes): it is a web page",
        "HTTP 200 without a code of the platform's (0 bytes)",
        "HTTP 200 without a code of the platform's (12 bytes): content-encoding: br",
        "HTTP 200 with err_no 0 and no coupon_id (log_id \"2026: x\")",
        "the answer is that of an earlier attempt: HTTP 200, code 28001045, log_id 20260601A",
        "the answer has the coupon_id 77 of another delivery, k4jggjhebt75at8pqb4j: HTTP 200, code 0, log_id L, coupon_id 77",
        "HTTP 404",
        "HTTP is down: ask the operator",
        "not sent",
        "",
    ];

    #[test]
    fn this_programs_words_are_translated_and_words_from_outside_stay() {
        let mut text = String::new();
        for stored in STORED {
            assert_eq!(Language::English.scope(|| attempt_detail(stored)), stored);
            let chinese = Language::Chinese.scope(|| attempt_detail(stored));
            let _ = writeln!(text, "{stored}\n    {chinese}");
        }
        insta::assert_snapshot!(text);
    }

    /// The catalogue's English is what older ledgers have. If it changes, their details would no longer be recognised.
    #[test]
    fn the_english_of_the_catalogue_is_recognised() {
        let written = Language::English.scope(|| {
            let status = &200;
            [
                platform::TooLarge { status }.to_string(),
                platform::NoRoom { status, usual: &65_536 }.to_string(),
                platform::Cut { why: &"broken pipe" }.to_string(),
                platform::TimedOut { within: &"10s" }.to_string(),
                platform::NotSent {
                    why: &"host unreachable",
                }
                .to_string(),
            ]
        });
        for stored in written {
            let chinese = Language::Chinese.scope(|| attempt_detail(&stored).into_owned());
            let words = |text: &str| text.split_whitespace().filter(|word| word.is_ascii()).count();
            assert!(
                words(&chinese) < words(&stored) && !chinese.is_ascii(),
                "{stored}: {chinese}"
            );
        }
    }
}
