//! The client of the platform, over one transport. It distinguishes attempts of which no byte was sent, which may be
//! sent again, from those that may have been written, whose outcome is unknown until an answer proves more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::client_error::ClientError;
use super::codes::{Codes, HttpResult, Timing, failure, http_date, outcome};
use super::http::Http;
use super::platform_clock::PlatformClock;
use super::records::{self, Answered, NotAnswered, Query};
use super::token::{Access, Keeper, Post, Probe, Tokens};
use super::wire::{SEND_PATH, SendRequest};
use super::{Connection, Exchange, NotReady, Platform, Sent, Way};
use crate::catalogue::{Text, platform};
use crate::ledger::Permit;
use crate::model::clock::Clock;
use crate::model::event::{Emit, Event, EventKind};
use crate::model::identity::AppId;
use crate::model::outcome::Outcome;
use crate::model::redactor::Redactor;
use crate::model::secret::Secret;
use crate::plan::Plan;

/// The configuration of the client.
#[derive(Clone)]
pub struct Config {
    /// The platform's address: https, or http on a loopback address.
    pub base_url: String,
    /// The app that sends.
    pub app_id: AppId,
    /// The access tokens, shared by all clients of the app id.
    pub tokens: Tokens,
    /// The classes of codes.
    pub codes: Codes,
    /// How long one attempt may take, from connecting to the last byte of the answer.
    pub timeout: Duration,
    /// The wall clock.
    pub clock: Clock,
    /// Receives events about tokens and warnings.
    pub emit: Arc<dyn Emit>,
}

/// The platform over HTTP.
pub type HttpPlatform = Client<Http>;

/// The platform's client over one transport.
pub struct Client<W> {
    platform: Arc<Reached<W>>,
    keeper: Arc<Keeper>,
    emit: Arc<dyn Emit>,
    app_id: AppId,
    clock: Clock,
}

/// The transport and the classes of codes. Shared, because a refresh of the token may outlive the client.
struct Reached<W> {
    way: W,
    codes: Codes,
    clock: Clock,
    platform_clock: Mutex<PlatformClock>,
}

impl<W> Reached<W> {
    fn platform_clock(&self) -> MutexGuard<'_, PlatformClock> {
        self.platform_clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the time of an answer.
    fn learn(&self, ended: &HttpResult) {
        if let HttpResult::Answered(reply) = ended
            && let Some(date) = http_date(reply.date.as_deref())
        {
            self.platform_clock().learn(date, self.clock.now(), Instant::now());
        }
    }
}

impl Client<Http> {
    /// Creates the client. Opens no connection.
    ///
    /// # Errors
    /// When the address is not valid for requests, or TLS cannot be set up.
    pub fn new(config: Config) -> Result<Self, ClientError> {
        let http = Http::new(&config.base_url, config.timeout)?;
        Ok(Self::by(http, config))
    }

    /// The proxy that requests go through, without its user name and password. `None` without one.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.platform.way.proxy()
    }

    /// Posts a request other than a send. The caller keeps the pace.
    pub(super) async fn call(&self, path: &'static str, access: &Access, body: Vec<u8>) -> HttpResult {
        let ended = self.platform.way.post_authorized(path, &access.token, body).await;
        self.platform.learn(&ended);
        ended
    }

    /// Records what the answer to such a request says of its token.
    pub(super) fn learn(&self, access: &Access, outcome: &Outcome) {
        self.keeper.learn(access.version, outcome);
    }

    pub(super) fn codes(&self) -> &Codes {
        &self.platform.codes
    }

    pub(super) fn secrets(&self) -> Arc<Redactor> {
        self.keeper.secrets()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes one call for a token that is not used, and sends no coupon. `None` when another program provides the token.
    pub async fn probe(&self) -> Option<Probe> {
        self.keeper.probe(&*self.platform).await
    }
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// Nothing can be asked now.
    NotReady(NotReady),
    /// No answer came: what happened.
    NoAnswer(String),
    /// The platform's answer is not one to the query.
    NotAnswered {
        /// The HTTP status.
        status: u16,
        /// What it is.
        what: NotAnswered,
    },
}

impl<W: Way> Client<W> {
    /// Asks the platform for its own records. It sends no coupon.
    ///
    /// # Errors
    /// When there is no answer to the query.
    pub async fn query<Q: Query + Sync>(&self, query: &Q) -> Result<Answered<Q::Content>, QueryError> {
        let access = self.ready().await.map_err(QueryError::NotReady)?;
        let body = serde_json::to_vec(query).map_err(|error| QueryError::NoAnswer(error.to_string()))?;
        let began = self.clock.now();
        let start = Instant::now();
        let ended = self.platform.way.query(query.path(), &access.token, body).await;
        let outcome = self.outcome(&ended, began, start.elapsed());
        // A refused token is renewed before the next query.
        self.keeper.learn(access.version, &outcome);
        let HttpResult::Answered(reply) = &ended else {
            return Err(QueryError::NoAnswer(failure(&ended)));
        };
        let read = records::read(query, &reply.body, &self.platform.codes, &self.keeper.secrets());
        tracing::debug!(
            path = query.path(),
            status = reply.status,
            is_answer = read.is_ok(),
            "a query ended"
        );
        read.map_err(|what| QueryError::NotAnswered {
            status: reply.status,
            what,
        })
    }

    /// Creates a client that sends by `way`, which holds the address and the limits of `config` itself.
    #[must_use]
    pub fn by(way: W, config: Config) -> Self {
        Self {
            platform: Arc::new(Reached {
                way,
                codes: config.codes,
                clock: config.clock.clone(),
                platform_clock: Mutex::default(),
            }),
            keeper: config.tokens.0,
            emit: config.emit,
            app_id: config.app_id,
            clock: config.clock,
        }
    }

    fn outcome(&self, ended: &HttpResult, began: Timestamp, latency: Duration) -> Outcome {
        let timing = Timing {
            began,
            at: self.clock.now(),
            latency,
            expected: self.platform.platform_clock().now(Instant::now()),
        };
        self.platform.learn(ended);
        let difference = self.platform.platform_clock().take_difference();
        if let Some(difference) = difference {
            self.warn_of_clocks(difference);
        }
        outcome(ended, &self.platform.codes, &self.keeper.secrets(), timing)
    }

    fn warn_of_clocks(&self, difference: SignedDuration) {
        let minutes = SignedDuration::from_mins((difference.abs().as_secs() + 30) / 60);
        let by = format!("{minutes:#}");
        let message = if difference.is_negative() {
            Text::new(&platform::ClockBehind { difference: &by })
        } else {
            Text::new(&platform::ClockAhead { difference: &by })
        };
        let kind = EventKind::Warning { message };
        self.emit.emit(Event {
            at: self.clock.now(),
            kind,
        });
    }

    async fn send_request(
        &self,
        access: Access,
        connection: W::Connection,
        request: &SendRequest,
    ) -> Sent<W::Connection> {
        let began = self.clock.now();
        let start = Instant::now();
        let took = connection.took();
        let Exchange { ended, connection } = match body(request) {
            Ok(body) => self.platform.way.send(connection, &access.token, body).await,
            Err(why) => Exchange {
                ended: HttpResult::NotSent { why },
                connection: None,
            },
        };
        let outcome = self.outcome(&ended, began, took + start.elapsed());
        log(&outcome, Some(&request.merchant_coupon_id));
        self.keeper.learn(access.version, &outcome);
        // Without a log id, a repeat of this answer could not be recognised as one. An answer without a code did not come
        // from the platform. Both close the connection.
        let connection = connection.filter(|_| outcome.answer.as_ref().is_some_and(|answer| !answer.log_id.is_empty()));
        Sent { outcome, connection }
    }
}

fn log(outcome: &Outcome, merchant_coupon_id: Option<&str>) {
    tracing::debug!(
        merchant_coupon_id,
        proof = outcome.proof.word(),
        status = outcome.status,
        code = outcome.answer.as_ref().map(|answer| answer.code),
        detail = outcome.detail,
        latency_ms = outcome.latency.as_secs_f64() * 1e3,
        "an attempt ended"
    );
}

impl<W: Way> Platform for Client<W> {
    type Access = Access;
    type Connection = W::Connection;

    async fn ready(&self) -> Result<Access, NotReady> {
        self.keeper.ready(&self.platform, &*self.emit).await
    }

    fn is_current(&self, access: &Access) -> bool {
        access.is_live(Instant::now())
    }

    async fn connect(&self) -> Result<W::Connection, Box<Outcome>> {
        let began = self.clock.now();
        let start = Instant::now();
        match self.platform.way.connect().await {
            Ok(connection) => Ok(connection),
            Err(ended) => {
                let outcome = self.outcome(&ended, began, start.elapsed());
                log(&outcome, None);
                Err(Box::new(outcome))
            }
        }
    }

    async fn send(&self, access: Access, connection: W::Connection, permit: Permit) -> Sent<W::Connection> {
        let id = permit.merchant_coupon_id();
        let request = SendRequest::new(&self.app_id, permit.open_id(), permit.activity_id(), id);
        self.send_request(access, connection, &request).await
    }
}

/// One request as it would be sent, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPreview {
    /// The HTTP method.
    pub method: String,
    /// The full URL.
    pub url: String,
    /// The headers by name, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// Builds requests without a token and without sending them, by the code of the client that sends.
pub struct RequestBuilder(Http);

impl RequestBuilder {
    /// Creates the builder. It never opens a connection.
    ///
    /// # Errors
    /// As [`HttpPlatform::new`].
    pub fn new(plan: &Plan) -> Result<Self, ClientError> {
        Http::new(&plan.base_url, plan.retry.timeout).map(Self)
    }

    /// Builds one request.
    ///
    /// # Errors
    /// When the client could not send it either.
    pub fn draw(&self, request: &SendRequest) -> Result<RequestPreview, String> {
        let body = body(request)?;
        let request = self.0.request(SEND_PATH, Some(&Secret::new("none")), body.clone())?;
        let headers = request.headers().iter().map(|(name, value)| {
            let shown = value.to_str().ok().filter(|_| !value.is_sensitive());
            let shown = shown.unwrap_or("[redacted]").to_owned();
            (name.to_string(), shown)
        });
        Ok(RequestPreview {
            method: request.method().to_string(),
            url: request.uri().to_string(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

fn body(request: &SendRequest) -> Result<Vec<u8>, String> {
    serde_json::to_vec(request).map_err(|error| error.to_string())
}

impl<W: Way> Post for Reached<W> {
    async fn post(&self, path: &'static str, body: Vec<u8>) -> HttpResult {
        let ended = self.way.post(path, body).await;
        self.learn(&ended);
        ended
    }

    fn codes(&self) -> &Codes {
        &self.codes
    }
}
