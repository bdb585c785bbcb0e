//! The sandbox, a fake platform: its rules, its injected faults, and a log of all requests.
//!
//! [`FakePlatform`] is a pure state machine: it takes a request, a token and a moment, and returns an [`Exchange`]. The server
//! puts it behind real HTTP; a simulation calls it in memory. It was written from the platform's documents and shares only
//! the basic types and the wire messages with the rest of this program, so that a mistake there is not repeated here.

mod activities;
mod activity_calls;
mod bots;
mod faults;
mod journal;
mod line;
mod records;
mod rules;
mod server;
mod template;
#[cfg(test)]
mod tests;
mod tokens;

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::douyin::wire::{SendRequest, TokenRequest};

pub use activities::{FakeActivity, RepeatedActivity};
pub use bots::{BOT_SECRET, BotEnding, BotExchange, BotKind, BotRecord, BotRequest, Bots};
pub use faults::{Fault, FaultSettings, Faults, Strike, When};
pub use journal::{CodeCount, Journal, Record, Seen, Totals};
pub use records::{BillForm, BillLie, RecordSettings};
pub use rules::{Effect, Repeat, Reply, RuleSettings, Rules, StreamerPlan, code};
pub use server::{Running, ServeError, serve, start};
pub use template::TemplateSettings;
pub use tokens::{TokenKind, WRONG};

/// A point in time, as an argument: the sandbox reads no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time since the sandbox started, by a monotonic clock. Rates and token lives use it.
    pub since_start: Duration,
    /// The wall clock. Only times in answers use it.
    pub wall: Timestamp,
}

/// The settings of a sandbox. The default is for rehearsals: the platform's documented limits, 2 % of users refused, and no
/// faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Decides which users are refused and which requests meet a fault.
    pub seed: u64,
    /// The platform's rules.
    pub rules: RuleSettings,
    /// Its faults.
    pub faults: FaultSettings,
    /// How it answers about its records.
    pub records: RecordSettings,
}

/// An answer on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// How an exchange ends for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Answer(Answer),
    /// With the previous answer of the connection, if there is one, and then with its own.
    Repeat(Answer),
    /// The connection ends after the answer's head and half of its body.
    CutBody(Answer),
    /// The connection ends without a byte.
    Cut,
    /// Never: the client has to time out.
    Hang,
}

/// The result of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// How long after its arrival it ends.
    pub delay: Duration,
    /// How it ends.
    pub ending: Ending,
}

/// The sandbox: rules, faults, log.
#[derive(Debug)]
pub struct FakePlatform {
    rules: Rules,
    faults: Faults,
    journal: Journal,
}

impl FakePlatform {
    /// A sandbox with no requests yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            rules: Rules::with_records(settings.seed, settings.rules, settings.records, true),
            faults: Faults::new(settings.seed, settings.faults),
            journal: Journal::default(),
        }
    }

    /// Like [`Self::new`], but keeps of each request only what later answers depend on.
    #[must_use]
    pub fn without_log(settings: Settings) -> Self {
        Self {
            rules: Rules::with_records(settings.seed, settings.rules, settings.records, false),
            faults: Faults::new(settings.seed, settings.faults),
            journal: Journal::without_log(),
        }
    }

    /// Processes one request for a coupon. A coupon is issued now; the client learns of it at the end of the exchange.
    pub fn send(&mut self, request: &SendRequest, token: Option<&str>, now: Moment) -> Exchange {
        let nth = self.journal.arrive(request, now);
        let id = request.merchant_coupon_id.as_str();
        let (strike, reply) = if let Err(reply) = self.rules.admit(&request.app_id, now) {
            (None, Some(reply))
        } else {
            let strike = self.faults.decide(id, nth);
            let untouched = strike.is_some_and(|strike| strike.when == When::Before);
            (strike, (!untouched).then(|| self.rules.process(request, token, now)))
        };
        let effect = reply.as_ref().map_or(Effect::Nothing, |reply| reply.effect);
        let told = self.told(strike.map(|strike| strike.fault), reply, now);
        let exchange = Exchange {
            delay: self.faults.latency(id, nth),
            ending: self.ending(strike.map(|strike| strike.fault), told.as_ref(), id, nth),
        };
        if !self.journal.keeps() {
            return exchange;
        }
        let record = Record {
            at: now.wall,
            ms: milliseconds(now.since_start),
            app_id: request.app_id.clone(),
            activity_id: request.activity_id.clone(),
            open_id: request.open_id.clone(),
            merchant_coupon_id: request.merchant_coupon_id.clone(),
            nth,
            code: told.as_ref().map(|reply| reply.code),
            effect,
            fault: strike.map(|strike| strike.fault),
            delay_ms: milliseconds(exchange.delay),
        };
        self.journal
            .record(request, record, told.as_ref().map_or("", |reply| &reply.message));
        exchange
    }

    /// Answers one request for a token, without faults.
    pub fn token(&mut self, kind: TokenKind, request: &TokenRequest, now: Moment) -> Answer {
        self.journal.token_call();
        answer(&self.rules.token(kind, request, now))
    }

    /// Answers a query about the records, without faults. `host` is where the sandbox can be reached. `None` for another path.
    pub fn query(&mut self, path: &str, body: &[u8], token: Option<&str>, host: &str, now: Moment) -> Option<Answer> {
        let reply = self.rules.query(path, body, token, host, now)?;
        Some(answer(&reply))
    }

    /// The bill at the address that an answer has named. `None` if there is none.
    #[must_use]
    pub fn bill(&self, name: &str) -> Option<Vec<u8>> {
        self.rules.bill(name)
    }

    /// Answers a request whose body is not a request for a coupon; `mistake` is the reason.
    pub fn malformed(&mut self, mistake: &str, now: Moment) -> Answer {
        let message = format!("参数错误: {mistake}");
        self.journal.malformed(code::BAD_PARAMETER, &message);
        answer(&self.rules.error(code::BAD_PARAMETER, &message, now))
    }

    /// Answers a request for an unknown path.
    pub fn unknown_uri(&mut self, now: Moment) -> Answer {
        answer(&self.rules.unknown_uri(now))
    }

    /// The log so far.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The answer that the client would read, if a fault lets it.
    fn told(&mut self, fault: Option<Fault>, reply: Option<Reply>, now: Moment) -> Option<Reply> {
        match fault {
            Some(Fault::Busy) => Some(self.rules.error(code::SYSTEM_ERROR, "系统繁忙,请重试", now)),
            Some(Fault::NetworkError) => Some(self.rules.error(code::NETWORK_ERROR, "网络异常,请重试", now)),
            Some(Fault::Throttle) => Some(self.rules.error(code::TOO_FREQUENT, "请求太频繁,请稍后再试", now)),
            Some(Fault::BadGateway | Fault::Garbage) => None,
            Some(Fault::Drop | Fault::LoseAnswer | Fault::CutBody | Fault::Hang | Fault::RepeatAnswer) | None => reply,
        }
    }

    fn ending(&self, fault: Option<Fault>, told: Option<&Reply>, id: &str, nth: u32) -> Ending {
        match (fault, told) {
            (Some(Fault::Hang), _) => Ending::Hang,
            (Some(Fault::BadGateway), _) => Ending::Answer(Answer {
                status: 502,
                content_type: "text/html",
                body: "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>".into(),
            }),
            (Some(Fault::Garbage), _) => Ending::Answer(Answer {
                status: 200,
                content_type: JSON,
                body: self.faults.garbage(id, nth).into(),
            }),
            (Some(Fault::CutBody), Some(reply)) => Ending::CutBody(answer(reply)),
            (Some(Fault::RepeatAnswer), Some(reply)) => Ending::Repeat(answer(reply)),
            (Some(Fault::Drop | Fault::LoseAnswer), _) | (_, None) => Ending::Cut,
            (_, Some(reply)) => Ending::Answer(answer(reply)),
        }
    }
}

/// What the coupons of the sandbox are called.
const COUPON_NAME: &str = "演练专用满20减5元券";

const JSON: &str = "application/json; charset=utf-8";

fn answer(reply: &Reply) -> Answer {
    Answer {
        status: reply.status,
        content_type: JSON,
        body: reply.body.clone(),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A deterministic draw: 64 bits of SHA-256 over the seed, its purpose `what` and its subject `whom`. Neither order nor
/// time changes it.
fn draw(seed: u64, what: &str, whom: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for field in std::iter::once(&what).chain(whom) {
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(field.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(8)
        .fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
}

/// A draw as a fraction from 0 to 1 (exclusive).
fn fraction(seed: u64, what: &str, whom: &[&str]) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits of a draw are plenty, and they fit exactly"
    )]
    let bits = (draw(seed, what, whom) >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}
