//! What the answer of a channel proves. An answer that is not known to be a success is never one.

use std::time::Duration;

use serde_json::Value as Json;

use crate::campaign::ChannelKind;

/// How long a channel that is asked too often is left alone: first, and when it happens again.
const SLOW_DOWN: Duration = Duration::from_mins(1);
/// The longest time that a server may ask for.
const MOST_WAIT: Duration = Duration::from_mins(10);

/// An answer of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header in seconds.
    pub retry_after: Option<u64>,
    /// The body, as far as it was read.
    pub body: String,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// No connection was made.
    NotConnected,
    /// The server's certificate does not verify.
    Certificate,
    /// It did not come in time.
    TimedOut,
    /// The connection ended before it was read.
    Cut,
}

/// What an answer proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The channel has the message.
    Sent,
    /// The channel is asked too often. It may be asked again after this time.
    Throttled(Duration),
    /// Nobody knows whether the channel has the message. It is sent again.
    Unknown(Fault),
    /// The channel refuses the form or the size of the message.
    Unfit(Fault),
    /// The channel refuses every message until a person changes something.
    Dead(Fault),
}

/// What is wrong, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The code, with which the channel answered.
    pub code: Option<i64>,
    /// Its message.
    pub message: String,
}

/// The kinds of faults. Each has a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The signature is wrong, or this machine's clock.
    Signature,
    /// The message lacks the keyword.
    Keyword,
    /// This machine's address is not allowed.
    Address,
    /// The URL names no bot, or one that is stopped.
    Gone,
    /// The channel refused the message.
    Form,
    /// The HTTP status is not one of a success.
    Status,
    /// The code is not known.
    Code,
    /// The answer cannot be read.
    Unreadable,
    /// There was no connection.
    NotConnected,
    /// The certificate does not verify.
    Certificate,
    /// There was no answer in time.
    TimedOut,
    /// The answer was cut off.
    Cut,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Signature,
        Self::Keyword,
        Self::Address,
        Self::Gone,
        Self::Form,
        Self::Status,
        Self::Code,
        Self::Unreadable,
        Self::NotConnected,
        Self::Certificate,
        Self::TimedOut,
        Self::Cut,
    ];

    /// The word that selects a text of the catalogue.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Keyword => "keyword",
            Self::Address => "address",
            Self::Gone => "gone",
            Self::Form => "form",
            Self::Status => "status",
            Self::Code => "code",
            Self::Unreadable => "unreadable",
            Self::NotConnected => "not-connected",
            Self::Certificate => "certificate",
            Self::TimedOut => "timed-out",
            Self::Cut => "cut",
        }
    }
}

/// Returns what the end of a request proves.
#[must_use]
pub fn verdict(kind: ChannelKind, ended: &Result<Answer, NoAnswer>) -> Verdict {
    let answer = match ended {
        Ok(answer) => answer,
        Err(none) => {
            let kind = match none {
                NoAnswer::NotConnected => FaultKind::NotConnected,
                NoAnswer::Certificate => FaultKind::Certificate,
                NoAnswer::TimedOut => FaultKind::TimedOut,
                NoAnswer::Cut => FaultKind::Cut,
            };
            return Verdict::Unknown(Fault {
                kind,
                code: None,
                message: String::new(),
            });
        }
    };
    let by_status = |kind| Fault {
        kind,
        code: Some(answer.status.into()),
        message: String::new(),
    };
    match answer.status {
        429 => return Verdict::Throttled(asked_wait(answer)),
        200..=299 if kind == ChannelKind::Webhook => return Verdict::Sent,
        200 => {}
        408 | 500..=599 => return Verdict::Unknown(by_status(FaultKind::Status)),
        401 | 403 | 404 | 410 => return Verdict::Dead(by_status(FaultKind::Gone)),
        300..=499 if kind == ChannelKind::Webhook => return Verdict::Dead(by_status(FaultKind::Status)),
        _ => return Verdict::Unknown(by_status(FaultKind::Status)),
    }
    let Some(body) = Body::parse(kind, &answer.body) else {
        return Verdict::Unknown(Fault {
            kind: FaultKind::Unreadable,
            code: None,
            message: String::new(),
        });
    };
    body.verdict(kind)
}

fn asked_wait(answer: &Answer) -> Duration {
    let asked = answer.retry_after.map(Duration::from_secs);
    asked.map_or(SLOW_DOWN, |asked| asked.clamp(Duration::from_secs(1), MOST_WAIT))
}

/// The code and the message of a bot.
struct Body {
    code: i64,
    message: String,
}

impl Body {
    /// Reads the body of a bot's answer. `None` if it has no code.
    fn parse(kind: ChannelKind, body: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(body).ok()?;
        let number = |name: &str| json.get(name).and_then(Json::as_i64);
        let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let (code, message) = match kind {
            // The older form of a success has only `StatusCode`.
            ChannelKind::Feishu => (
                number("code").or_else(|| number("StatusCode")),
                text("msg").or_else(|| text("StatusMessage")),
            ),
            ChannelKind::Dingtalk | ChannelKind::Wecom | ChannelKind::Webhook => (number("errcode"), text("errmsg")),
        };
        Some(Self {
            code: code?,
            message: message.unwrap_or_default(),
        })
    }

    fn verdict(self, kind: ChannelKind) -> Verdict {
        let code = self.code;
        if code == 0 {
            return Verdict::Sent;
        }
        let lower = self.message.to_lowercase();
        let is_keyword = has(&lower, &["keyword", "关键词"]);
        let is_address = has(&lower, &["ip ", "ip not", "whitelist", "白名单", "not in ip", "ip地址"]);
        let fault = |kind| Fault {
            kind,
            code: Some(code),
            message: self.message.clone(),
        };
        match (kind, code) {
            (ChannelKind::Feishu, 11232) | (ChannelKind::Dingtalk, 130_101 | 410_100) | (ChannelKind::Wecom, 45009) => {
                Verdict::Throttled(SLOW_DOWN)
            }
            (ChannelKind::Feishu, 19022) => Verdict::Dead(fault(FaultKind::Address)),
            (ChannelKind::Feishu, 19024) => Verdict::Dead(fault(FaultKind::Keyword)),
            (ChannelKind::Feishu, 9499) if is_too_fast(&lower) => Verdict::Throttled(SLOW_DOWN),
            (ChannelKind::Feishu, 9499 | 200_621)
            | (ChannelKind::Dingtalk, 40035 | 43004)
            | (ChannelKind::Wecom, 40058) => Verdict::Unfit(fault(FaultKind::Form)),
            (ChannelKind::Dingtalk, 310_000) if is_keyword => Verdict::Dead(fault(FaultKind::Keyword)),
            (ChannelKind::Dingtalk, 310_000) if is_address => Verdict::Dead(fault(FaultKind::Address)),
            (ChannelKind::Feishu, 19021) | (ChannelKind::Dingtalk, 310_000) => {
                Verdict::Dead(fault(FaultKind::Signature))
            }
            (ChannelKind::Feishu, 19001)
            | (ChannelKind::Dingtalk, 300_001 | 300_005 | 400_101 | 400_106 | 400_102 | 400_013)
            | (ChannelKind::Wecom, 93000) => Verdict::Dead(fault(FaultKind::Gone)),
            _ if has(&lower, &["exceed max length", "too long", "exceed 20000"]) => {
                Verdict::Unfit(fault(FaultKind::Form))
            }
            // Codes of limits have changed over the years.
            _ if is_too_fast(&lower) => Verdict::Throttled(SLOW_DOWN),
            _ => Verdict::Unknown(fault(FaultKind::Code)),
        }
    }
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

fn is_too_fast(message: &str) -> bool {
    has(
        message,
        &["frequency", "too fast", "too many", "exceed", "限流", "频率"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(kind: ChannelKind, status: u16, body: &str) -> Verdict {
        let answer = Answer {
            status,
            retry_after: None,
            body: body.to_owned(),
        };
        verdict(kind, &Ok(answer))
    }

    fn name(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Sent => "sent".to_owned(),
            Verdict::Throttled(wait) => format!("throttled {}", wait.as_secs()),
            Verdict::Unknown(fault) => format!("unknown {}", fault.kind.word()),
            Verdict::Unfit(fault) => format!("unfit {}", fault.kind.word()),
            Verdict::Dead(fault) => format!("dead {}", fault.kind.word()),
        }
    }

    #[test]
    fn each_known_code_has_its_verdict() {
        use ChannelKind::{Dingtalk, Feishu, Wecom};
        let codes = [
            (Feishu, r#"{"code":0,"msg":"success"}"#, "sent"),
            (Feishu, r#"{"StatusCode":0,"StatusMessage":"success"}"#, "sent"),
            (Feishu, r#"{"StatusCode":0,"code":0}"#, "sent"),
            (
                Feishu,
                r#"{"StatusCode":0,"code":19021,"msg":"sign match fail"}"#,
                "dead signature",
            ),
            (
                Feishu,
                r#"{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}"#,
                "dead gone",
            ),
            (Feishu, r#"{"code":19022,"msg":"Ip Not Allowed"}"#, "dead address"),
            (Feishu, r#"{"code":19024,"msg":"Key Words Not Found"}"#, "dead keyword"),
            (Feishu, r#"{"code":9499,"msg":"Bad Request"}"#, "unfit form"),
            (Feishu, r#"{"code":9499,"msg":"too many request"}"#, "throttled 60"),
            (Feishu, r#"{"code":11232,"msg":"frequency limited"}"#, "throttled 60"),
            (Feishu, r#"{"code":200621,"msg":"parse card json err"}"#, "unfit form"),
            (Dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#, "sent"),
            (
                Dingtalk,
                r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
                "dead keyword",
            ),
            (
                Dingtalk,
                r#"{"errcode":310000,"errmsg":"sign not match"}"#,
                "dead signature",
            ),
            (
                Dingtalk,
                r#"{"errcode":310000,"errmsg":"invalid timestamp"}"#,
                "dead signature",
            ),
            (
                Dingtalk,
                r#"{"errcode":310000,"errmsg":"ip X not in whitelist"}"#,
                "dead address",
            ),
            (
                Dingtalk,
                r#"{"errcode":130101,"errmsg":"send too fast"}"#,
                "throttled 60",
            ),
            (Dingtalk, r#"{"errcode":410100,"errmsg":"x"}"#, "throttled 60"),
            (
                Dingtalk,
                r#"{"errcode":300001,"errmsg":"token is not exist"}"#,
                "dead gone",
            ),
            (
                Dingtalk,
                r#"{"errcode":300005,"errmsg":"token is not exist"}"#,
                "dead gone",
            ),
            (
                Dingtalk,
                r#"{"errcode":400101,"errmsg":"access_token不存在"}"#,
                "dead gone",
            ),
            (Dingtalk, r#"{"errcode":400106,"errmsg":"机器人不存在"}"#, "dead gone"),
            (Dingtalk, r#"{"errcode":400102,"errmsg":"机器人已停用"}"#, "dead gone"),
            (Dingtalk, r#"{"errcode":400013,"errmsg":"群已被解散"}"#, "dead gone"),
            (Dingtalk, r#"{"errcode":40035,"errmsg":"缺少参数 json"}"#, "unfit form"),
            (
                Dingtalk,
                r#"{"errcode":43004,"errmsg":"无效的HTTP HEADER"}"#,
                "unfit form",
            ),
            (Dingtalk, r#"{"errcode":-1,"errmsg":"系统繁忙"}"#, "unknown code"),
            (
                Dingtalk,
                r#"{"errcode":460101,"errmsg":"message too long, exceed 20000 bytes"}"#,
                "unfit form",
            ),
            (Wecom, r#"{"errcode":0,"errmsg":"ok"}"#, "sent"),
            (
                Wecom,
                r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#,
                "throttled 60",
            ),
            (
                Wecom,
                r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#,
                "dead gone",
            ),
            (
                Wecom,
                r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}"#,
                "unfit form",
            ),
            (Wecom, r#"{"errcode":99999,"errmsg":"频率超限"}"#, "throttled 60"),
        ];
        for (kind, body, wanted) in codes {
            assert_eq!(name(&judge(kind, 200, body)), wanted, "{body}");
        }
    }

    /// HTTP 200 alone proves nothing, and neither does anything else that is not known.
    #[test]
    fn what_is_not_known_is_never_sent() {
        let bodies = [
            "",
            "ok",
            "{}",
            "[]",
            "null",
            r#"{"code":"0"}"#,
            r#"{"errcode":0.5}"#,
            r#"{"code":77}"#,
            r#"{"errcode":77}"#,
            "<html>",
        ];
        for kind in [ChannelKind::Feishu, ChannelKind::Dingtalk, ChannelKind::Wecom] {
            for body in bodies {
                let verdict = judge(kind, 200, body);
                assert!(matches!(verdict, Verdict::Unknown(_)), "{kind:?} {body} {verdict:?}");
            }
            for status in [201, 204, 302, 404, 418, 500, 502, 504] {
                let verdict = judge(kind, status, r#"{"code":0,"errcode":0}"#);
                assert_ne!(verdict, Verdict::Sent, "{kind:?} {status}");
            }
            for none in [
                NoAnswer::NotConnected,
                NoAnswer::Certificate,
                NoAnswer::TimedOut,
                NoAnswer::Cut,
            ] {
                assert!(matches!(verdict(kind, &Err(none)), Verdict::Unknown(_)));
            }
        }
    }

    #[test]
    fn a_webhook_is_judged_by_its_status() {
        let statuses = [
            (200, "sent"),
            (204, "sent"),
            (302, "dead status"),
            (400, "dead status"),
            (401, "dead gone"),
            (408, "unknown status"),
            (410, "dead gone"),
            (429, "throttled 60"),
            (503, "unknown status"),
        ];
        for (status, wanted) in statuses {
            assert_eq!(name(&judge(ChannelKind::Webhook, status, "")), wanted, "{status}");
        }
        for (asked, waits) in [(0, 1), (7, 7), (86_400, 600)] {
            let answer = Answer {
                status: 429,
                retry_after: Some(asked),
                body: String::new(),
            };
            let verdict = verdict(ChannelKind::Webhook, &Ok(answer));
            assert_eq!(verdict, Verdict::Throttled(Duration::from_secs(waits)));
        }
    }
}
