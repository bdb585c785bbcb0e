//! Fake bots of chat groups, and a fake webhook. The last part of a bot's URL says how it answers:
//!
//! | part | answer |
//! |---|---|
//! | `ok` | what the real bot answers, with its limits on rate and size |
//! | `signed` | the same, and it checks the signature with the secret [`BOT_SECRET`] |
//! | `keyword-WORD` | the same, and it demands the word in each message |
//! | `code-N` | the code N with the message that the real bot has for it |
//! | `first-N` | the code N the first time, then like `ok` |
//! | `status-N` | the HTTP status N |
//! | `garbage` | text that is not JSON |
//! | `slow-N` | like `ok`, after N seconds |
//! | `never` | nothing |
//! | `cut` | the connection ends before the answer |
//!
//! Any other part names no bot. The rules were written from the bots' documents; they share no code with the sender.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::Moment;

/// The secret of the bots that check a signature.
pub const BOT_SECRET: &str = "sandbox-secret";
/// The most messages that are remembered.
const MOST_RECORDS: usize = 10_000;
/// How far the time of a signature may be from the clock.
const SIGNATURE_SECONDS: u64 = 3_600;
const MINUTE: Duration = Duration::from_mins(1);
/// How long a DingTalk robot is blocked after too many messages.
const BLOCKED: Duration = Duration::from_mins(10);

/// The kinds of bots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BotKind {
    /// A custom bot of Feishu.
    Feishu,
    /// A custom robot of DingTalk.
    Dingtalk,
    /// A robot of WeCom.
    Wecom,
    /// A webhook.
    Webhook,
}

/// A message to a bot.
#[derive(Clone, Debug)]
pub struct BotRequest {
    /// The kind of the bot.
    pub kind: BotKind,
    /// The last part of its URL.
    pub token: String,
    /// The query of the URL, decoded.
    pub query: HashMap<String, String>,
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// How a bot ends an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BotEnding {
    /// With this status and body.
    Answer(u16, String),
    /// It never answers.
    Never,
    /// The connection ends.
    Cut,
}

/// A bot's reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotExchange {
    /// How long it takes.
    pub delay: Duration,
    /// How it ends.
    pub ending: BotEnding,
}

/// A message that arrived.
#[derive(Clone, Debug, Serialize)]
pub struct BotRecord {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// When, in milliseconds since the sandbox started.
    pub ms: u64,
    /// The kind of the bot.
    pub bot: BotKind,
    /// The last part of its URL.
    pub token: String,
    /// Whether the bot shows the message to its group.
    pub shown: bool,
    /// The message; text if it is not JSON.
    pub body: Json,
    /// The id of a webhook's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Debug, Default)]
struct Bot {
    messages: u64,
    /// When the messages of the last minute arrived.
    recent: VecDeque<Duration>,
    blocked_until: Option<Duration>,
}

/// All bots, and what arrived at them.
#[derive(Debug, Default)]
pub struct Bots {
    bots: HashMap<(BotKind, String), Bot>,
    records: VecDeque<BotRecord>,
}

impl Bots {
    /// The messages that arrived, the oldest first.
    #[must_use]
    pub const fn records(&self) -> &VecDeque<BotRecord> {
        &self.records
    }

    /// Takes a message.
    pub fn take(&mut self, request: &BotRequest, now: Moment) -> BotExchange {
        let (exchange, is_shown) = self.judge(request, now);
        let body = serde_json::from_slice(&request.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&request.body).into_owned().into());
        if self.records.len() == MOST_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(BotRecord {
            at: now.wall,
            ms: super::milliseconds(now.since_start),
            bot: request.kind,
            token: request.token.clone(),
            shown: is_shown,
            body,
            id: request.headers.get("webhook-id").cloned(),
        });
        exchange
    }

    fn judge(&mut self, request: &BotRequest, now: Moment) -> (BotExchange, bool) {
        let kind = request.kind;
        let bot = self.bots.entry((kind, request.token.clone())).or_default();
        bot.messages += 1;
        let ending = |ending| BotExchange {
            delay: Duration::ZERO,
            ending,
        };
        let code = |code: i64| (ending(answer(kind, code)), code == 0);
        let usual = |bot: &mut Bot| bot.usual(request, now);
        let (word, rest) = request.token.split_once('-').unwrap_or((&request.token, ""));
        match (word, rest.parse::<i64>()) {
            ("signed", _) if !is_signed(request, now.wall) => code(wrong_signature(kind)),
            ("keyword", _) if !String::from_utf8_lossy(&request.body).contains(rest) => code(no_keyword(kind)),
            ("code", Ok(number)) => code(number),
            ("first", Ok(number)) if bot.messages == 1 => code(number),
            ("ok" | "signed" | "keyword", _) | ("first", Ok(_)) => code(usual(bot)),
            ("status", Ok(status)) => {
                let status = u16::try_from(status).unwrap_or(500);
                (ending(BotEnding::Answer(status, String::new())), false)
            }
            ("garbage", _) => (ending(BotEnding::Answer(200, "<html>".to_owned())), false),
            ("slow", Ok(seconds)) => {
                let code = usual(bot);
                let exchange = BotExchange {
                    delay: Duration::from_secs(seconds.unsigned_abs()),
                    ending: answer(kind, code),
                };
                (exchange, code == 0)
            }
            ("never", _) => (ending(BotEnding::Never), false),
            ("cut", _) => (ending(BotEnding::Cut), false),
            _ => code(gone(kind)),
        }
    }
}

impl Bot {
    /// Returns the code of a message without a special wish.
    fn usual(&mut self, request: &BotRequest, now: Moment) -> i64 {
        let is_json = request
            .headers
            .get("content-type")
            .is_some_and(|value| value.starts_with("application/json"));
        let json: Option<Json> = serde_json::from_slice(&request.body).ok();
        let Some(json) = json.filter(|_| is_json) else {
            return malformed(request.kind);
        };
        let now = now.since_start;
        if self.blocked_until.is_some_and(|until| now < until) {
            return 130_101;
        }
        self.recent.retain(|at| now < *at + MINUTE);
        let (most, too_fast) = match request.kind {
            BotKind::Feishu => (100, 11232),
            BotKind::Dingtalk => (20, 130_101),
            BotKind::Wecom => (20, 45009),
            BotKind::Webhook => (usize::MAX, 429),
        };
        let in_second = self
            .recent
            .iter()
            .filter(|at| now < **at + Duration::from_secs(1))
            .count();
        if self.recent.len() >= most || (request.kind == BotKind::Feishu && in_second >= 5) {
            if request.kind == BotKind::Dingtalk {
                self.blocked_until = Some(now + BLOCKED);
            }
            return too_fast;
        }
        self.recent.push_back(now);
        fitting(request, &json)
    }
}

/// Returns the code for the form and the size of a message.
fn fitting(request: &BotRequest, json: &Json) -> i64 {
    let text = |path: &str| json.pointer(path).and_then(Json::as_str);
    match request.kind {
        BotKind::Feishu => {
            let is_post = json.pointer("/content/post/zh_cn/content").is_some_and(Json::is_array);
            let has_form = match text("/msg_type") {
                Some("text") => text("/content/text").is_some(),
                Some("post") => is_post,
                _ => false,
            };
            if has_form && request.body.len() <= 20 << 10 {
                0
            } else {
                9499
            }
        }
        BotKind::Dingtalk => {
            let content = match text("/msgtype") {
                Some("text") => text("/text/content"),
                Some("markdown") => text("/markdown/title").and(text("/markdown/text")),
                _ => None,
            };
            match content {
                None => 40035,
                Some(_) if request.body.len() > 20_000 => 460_101,
                Some(_) => 0,
            }
        }
        BotKind::Wecom => {
            let (content, most) = match text("/msgtype") {
                Some("text") => (text("/text/content"), 2_048),
                Some("markdown") => (text("/markdown/content"), 4_096),
                _ => (None, 0),
            };
            if content.is_some_and(|content| content.len() <= most) {
                0
            } else {
                40058
            }
        }
        BotKind::Webhook => 0,
    }
}

const fn malformed(kind: BotKind) -> i64 {
    match kind {
        BotKind::Feishu => 9499,
        BotKind::Dingtalk => 43004,
        BotKind::Wecom => 40058,
        BotKind::Webhook => 400,
    }
}

const fn gone(kind: BotKind) -> i64 {
    match kind {
        BotKind::Feishu => 19001,
        BotKind::Dingtalk => 300_005,
        BotKind::Wecom => 93000,
        BotKind::Webhook => 404,
    }
}

const fn wrong_signature(kind: BotKind) -> i64 {
    match kind {
        BotKind::Feishu => 19021,
        BotKind::Dingtalk => 310_000,
        BotKind::Wecom => 93000,
        BotKind::Webhook => 401,
    }
}

/// DingTalk's code for keywords is that for signatures, with another message.
const fn no_keyword(kind: BotKind) -> i64 {
    match kind {
        BotKind::Feishu => 19024,
        BotKind::Dingtalk => -310_000,
        BotKind::Wecom => 93000,
        BotKind::Webhook => 400,
    }
}

/// Returns the answer with a code. For a webhook, the code is an HTTP status.
fn answer(kind: BotKind, code: i64) -> BotEnding {
    let (code, message) = match (kind, code) {
        (BotKind::Webhook, code) => {
            let status = if code == 0 {
                200
            } else {
                u16::try_from(code).unwrap_or(500)
            };
            return BotEnding::Answer(status, String::new());
        }
        (BotKind::Dingtalk, -310_000) => (310_000, "keywords not in content"),
        (BotKind::Feishu, 0) => (0, "success"),
        (_, 0) => (0, "ok"),
        (BotKind::Feishu, 19001) => (code, "param invalid: incoming webhook access token invalid"),
        (BotKind::Feishu, 19021) => (
            code,
            "sign match fail or timestamp is not within one hour from current time",
        ),
        (BotKind::Feishu, 19022) => (code, "Ip Not Allowed"),
        (BotKind::Feishu, 19024) => (code, "Key Words Not Found"),
        (BotKind::Feishu, 9499) => (code, "Bad Request"),
        (BotKind::Feishu, 11232) => (code, "frequency limited"),
        (BotKind::Feishu, 200_621) => (code, "parse card json err"),
        (BotKind::Dingtalk, 310_000) => (code, "sign not match"),
        (BotKind::Dingtalk, 130_101) => (code, "send too fast, exceed 20 times per minute"),
        (BotKind::Dingtalk, 410_100) => (code, "发送速度太快而限流"),
        (BotKind::Dingtalk, 300_001 | 300_005 | 400_101) => (code, "token is not exist"),
        (BotKind::Dingtalk, 400_106) => (code, "机器人不存在"),
        (BotKind::Dingtalk, 400_102) => (code, "机器人已停用"),
        (BotKind::Dingtalk, 400_013) => (code, "群已被解散"),
        (BotKind::Dingtalk, 40035) => (code, "缺少参数 json"),
        (BotKind::Dingtalk, 43004) => (code, "无效的HTTP HEADER Content-Type"),
        (BotKind::Dingtalk, 460_101) => (code, "message too long, exceed 20000 bytes"),
        (BotKind::Dingtalk, -1) => (code, "系统繁忙"),
        (BotKind::Wecom, 45009) => (code, "api freq out of limit"),
        (BotKind::Wecom, 93000) => (code, "invalid webhook url"),
        (BotKind::Wecom, 40058) => (
            code,
            "markdown.content exceed max length 4096. invalid Request Parameter",
        ),
        (_, code) => (code, "unknown error"),
    };
    let body = match kind {
        BotKind::Feishu => json!({"code": code, "msg": message, "data": {}}),
        _ => json!({"errcode": code, "errmsg": message}),
    };
    BotEnding::Answer(200, body.to_string())
}

/// Whether a message has the right signature of [`BOT_SECRET`].
fn is_signed(request: &BotRequest, now: Timestamp) -> bool {
    let json: Json = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let query = |name: &str| request.query.get(name).cloned().unwrap_or_default();
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let (time, given, per_second, wanted) = match request.kind {
        BotKind::Feishu => {
            let time = text("timestamp");
            let wanted = hmac(format!("{time}\n{BOT_SECRET}").as_bytes(), b"");
            (time, text("sign"), 1, wanted)
        }
        BotKind::Dingtalk => {
            let time = query("timestamp");
            let wanted = hmac(BOT_SECRET.as_bytes(), format!("{time}\n{BOT_SECRET}").as_bytes());
            (time, query("sign"), 1_000, wanted)
        }
        BotKind::Webhook => {
            let time = header("webhook-timestamp");
            let mut signed = format!("{}.{time}.", header("webhook-id")).into_bytes();
            signed.extend_from_slice(&request.body);
            let wanted = format!("v1,{}", hmac(BOT_SECRET.as_bytes(), &signed));
            (time, header("webhook-signature"), 1, wanted)
        }
        // Its URL is its only secret.
        BotKind::Wecom => return true,
    };
    let is_near = time
        .parse::<i64>()
        .is_ok_and(|time| (time / per_second).abs_diff(now.as_second()) < SIGNATURE_SECONDS);
    is_near && given == wanted
}

/// HMAC-SHA256 by its definition, in base64.
fn hmac(key: &[u8], message: &[u8]) -> String {
    const BLOCK: usize = 64;
    let mut padded = [0_u8; BLOCK];
    let digest = Sha256::digest(key);
    let key = if key.len() > BLOCK { digest.as_slice() } else { key };
    for (to, from) in padded.iter_mut().zip(key) {
        *to = *from;
    }
    let pad = |with: u8| padded.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    STANDARD.encode(outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: u64) -> Moment {
        Moment {
            since_start: Duration::from_secs(seconds),
            wall: Timestamp::UNIX_EPOCH + Duration::from_secs(1_599_360_473 + seconds),
        }
    }

    fn request(kind: BotKind, token: &str, body: &Json) -> BotRequest {
        BotRequest {
            kind,
            token: token.to_owned(),
            query: HashMap::new(),
            headers: HashMap::from([("content-type".to_owned(), "application/json".to_owned())]),
            body: body.to_string().into_bytes(),
        }
    }

    fn code(exchange: &BotExchange) -> i64 {
        let BotEnding::Answer(_, body) = &exchange.ending else {
            panic!("{exchange:?}")
        };
        let body: Json = serde_json::from_str(body).unwrap();
        let code = body.get("errcode").or_else(|| body.get("code"));
        code.and_then(Json::as_i64).unwrap()
    }

    #[test]
    fn a_dingtalk_robot_blocks_after_twenty_messages_in_a_minute() {
        let mut bots = Bots::default();
        let text = json!({"msgtype": "text", "text": {"content": "一"}});
        let text = request(BotKind::Dingtalk, "ok", &text);
        for second in 0..20 {
            assert_eq!(code(&bots.take(&text, moment(second))), 0);
        }
        assert_eq!(code(&bots.take(&text, moment(20))), 130_101);
        assert_eq!(code(&bots.take(&text, moment(600))), 130_101);
        assert_eq!(code(&bots.take(&text, moment(621))), 0);
    }

    #[test]
    fn a_wecom_robot_counts_bytes() {
        let mut bots = Bots::default();
        for (bytes, wanted) in [(4_095, 0), (4_098, 40058)] {
            let text = "券".repeat(bytes / 3);
            let text = json!({"msgtype": "markdown", "markdown": {"content": text}});
            assert_eq!(
                code(&bots.take(&request(BotKind::Wecom, "ok", &text), moment(0))),
                wanted
            );
        }
    }

    #[test]
    fn hmac_is_that_of_the_rfc() {
        // RFC 4231, test case 2.
        let wanted = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert_eq!(hmac(b"Jefe", b"what do ya want for nothing?"), wanted);
    }
}
