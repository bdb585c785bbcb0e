//! The client of the platform, and its HTTP transport. It distinguishes attempts of which no byte was sent, which may be
//! sent again, from those that may have been written, whose outcome is unknown until an answer proves more.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Request, Response, redirect, retry};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::Instant;
use url::Url;

use super::codes::{Codes, HttpResult, Reply, Timing, outcome};
use super::token::{Access, Keeper, Post, Tokens};
use super::wire::{ACCESS_TOKEN_HEADER, SEND_PATH, SendRequest};
use super::{Connection, Exchange, NotReady, Platform, Sent, Way};
use crate::campaign::{BaseUrl, BaseUrlError};
use crate::ledger::Permit;
use crate::model::clock::Clock;
use crate::model::event::Emit;
use crate::model::identity::AppId;
use crate::model::secret::Secret;
use crate::plan::Plan;

/// The largest body that is read, in bytes.
const MOST_BODY: usize = 1 << 20;
/// The longest time to make a connection. It ends before the attempt does, so that an attempt to a host that drops packets
/// is known to be unsent.
const MOST_CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be idle. Servers close idle connections after about a minute, and a request that is written at
/// that moment would be in doubt.
const MOST_IDLE: Duration = Duration::from_secs(15);

/// The user agent of this program, for the platform and for proxies.
const PROGRAM: &str = concat!("runner/", env!("CARGO_PKG_VERSION"));

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

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The platform's address is not valid for requests.
    #[error("cannot send to {base_url:?}")]
    BaseUrl {
        /// The address.
        base_url: String,
        /// What is wrong with it.
        source: BaseUrlError,
    },
    /// TLS cannot be set up, for example because this machine has no trusted certificates.
    #[error("cannot set up TLS and HTTP")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
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
}

impl<W: Way> Client<W> {
    /// Creates a client that sends by `way`, which holds the address and the limits of `config` itself.
    #[must_use]
    pub fn by(way: W, config: Config) -> Self {
        Self {
            platform: Arc::new(Reached {
                way,
                codes: config.codes,
            }),
            keeper: config.tokens.0,
            emit: config.emit,
            app_id: config.app_id,
            clock: config.clock,
        }
    }

    async fn send_request(&self, access: Access, request: &SendRequest) -> Sent<W::Connection> {
        let began = self.clock.now();
        let start = Instant::now();
        let Exchange { ended, connection } = match body(request) {
            Ok(body) => self.platform.way.send(&access.token, body).await,
            Err(why) => Exchange {
                ended: HttpResult::NotSent { why },
                connection: None,
            },
        };
        let timing = Timing {
            began,
            at: self.clock.now(),
            latency: start.elapsed(),
        };
        let mut outcome = outcome(&ended, &self.platform.codes, timing);
        let answer = outcome.answer.iter_mut();
        let said = answer.flat_map(|answer| [&mut answer.message, &mut answer.log_id]);
        for text in said.chain(&mut outcome.detail) {
            *text = self.keeper.without_secrets(std::mem::take(text), Some(&access.token));
        }
        tracing::debug!(
            merchant_coupon_id = request.merchant_coupon_id,
            proof = outcome.proof.word(),
            status = outcome.status,
            code = outcome.answer.as_ref().map(|answer| answer.code),
            detail = outcome.detail,
            latency_ms = outcome.latency.as_secs_f64() * 1e3,
            "an attempt ended"
        );
        self.keeper.learn(access.version, &outcome);
        // Without a log id, a repeat of this answer could not be recognised as one. An answer without a code did not come
        // from the platform. Both close the connection.
        let connection = connection.filter(|_| outcome.answer.as_ref().is_some_and(|answer| !answer.log_id.is_empty()));
        Sent { outcome, connection }
    }
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

    async fn send(&self, access: Access, permit: Permit) -> Sent<W::Connection> {
        let id = permit.merchant_coupon_id();
        let request = SendRequest::new(&self.app_id, permit.open_id(), permit.activity_id(), id);
        self.send_request(access, &request).await
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
            url: request.url().to_string(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

fn body(request: &SendRequest) -> Result<Vec<u8>, String> {
    serde_json::to_vec(request).map_err(|error| error.to_string())
}

/// The transport over HTTP.
pub struct Http {
    /// Sends requests for tokens.
    client: reqwest::Client,
    slots: Arc<Slots>,
    base_url: BaseUrl,
    timeout: Duration,
}

/// The connections that no attempt uses.
struct Slots {
    idle: Mutex<Vec<reqwest::Client>>,
    settings: ClientSettings,
}

/// A connection that one attempt has exclusively.
pub struct Slot {
    client: reqwest::Client,
    slots: Arc<Slots>,
}

// reqwest returns a connection to its pool as soon as an answer is read, before anything has checked that answer. If the
// answer was a repeat of an earlier one, the real answer is still on its way, and the next attempt on that connection would
// take it for its own. So each attempt in flight has its own client, and thereby its own pool, until its answer is known to
// be new. The client that was used last is used first, which keeps few connections open. Clients of one platform share the
// expensive part, the TLS configuration.
impl Slots {
    fn take(self: &Arc<Self>) -> Result<Slot, reqwest::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let client = match idle {
            Some(client) => client,
            None => self.settings.client()?,
        };
        Ok(Slot {
            client,
            slots: Arc::clone(self),
        })
    }
}

impl Connection for Slot {
    fn release(self) {
        self.slots
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.client);
    }
}

/// The settings that all clients of one platform share.
#[derive(Clone)]
struct ClientSettings {
    timeout: Duration,
    loopback: bool,
    /// `None` for plain HTTP.
    tls: Option<rustls::ClientConfig>,
}

impl ClientSettings {
    fn new(base_url: &BaseUrl, timeout: Duration) -> Result<Self, rustls::Error> {
        // Plain HTTP, for rehearsals, needs no certificates, so a machine without any can rehearse.
        let plain = base_url.as_str().starts_with("http:");
        Ok(Self {
            timeout,
            loopback: base_url.is_loopback(),
            tls: if plain { None } else { Some(tls()?) },
        })
    }

    /// A client with at most one idle connection.
    fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(PROGRAM)
            .http1_only()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .timeout(self.timeout)
            .connect_timeout(MOST_CONNECT.min(self.timeout / 2))
            .pool_idle_timeout(MOST_IDLE)
            .pool_max_idle_per_host(1);
        if self.loopback {
            builder = builder.no_proxy();
        }
        builder = match &self.tls {
            Some(tls) => builder.tls_backend_preconfigured(tls.clone()),
            None => builder.tls_certs_only([]),
        };
        builder.build()
    }
}

/// A TLS configuration that trusts the certificates of this machine. Clones share them and the sessions that can be
/// resumed.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

impl Http {
    fn new(base_url: &str, timeout: Duration) -> Result<Self, ClientError> {
        let base_url = BaseUrl::parse(base_url).map_err(|source| ClientError::BaseUrl {
            base_url: base_url.to_owned(),
            source,
        })?;
        if !base_url.is_loopback()
            && let Some(proxy) = proxy(|name| std::env::var(name).ok())
        {
            tracing::info!(
                proxy,
                "requests go through the environment's proxy, unless NO_PROXY says otherwise"
            );
        }
        let settings = ClientSettings::new(&base_url, timeout).map_err(|error| ClientError::Setup(error.into()))?;
        let client = settings.client().map_err(|error| ClientError::Setup(error.into()))?;
        Ok(Self {
            client,
            slots: Arc::new(Slots {
                idle: Mutex::default(),
                settings,
            }),
            base_url,
            timeout,
        })
    }

    /// Builds the full request: reqwest adds only the host, the length of the body and the connection's own headers.
    fn request(&self, path: &str, token: Option<&Secret>, body: Vec<u8>) -> Result<Request, String> {
        let url = format!("{}{path}", self.base_url.as_str());
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            let value = HeaderValue::from_str(token.expose());
            let mut value = value.map_err(|_| "the access token has characters that no header can carry")?;
            value.set_sensitive(true);
            request = request.header(HeaderName::from_static(ACCESS_TOKEN_HEADER), value);
        }
        let request = request.header(ACCEPT, "*/*").header(USER_AGENT, PROGRAM).body(body);
        request.build().map_err(|error| causes(&error))
    }

    /// Builds a request for a coupon, and takes a connection for it.
    fn attempt(&self, token: &Secret, body: Vec<u8>) -> Result<(Request, Slot), String> {
        let request = self.request(SEND_PATH, Some(token), body)?;
        let slot = self.slots.take().map_err(|error| causes(&error))?;
        Ok((request, slot))
    }

    async fn execute(&self, client: &reqwest::Client, request: Request) -> HttpResult {
        match client.execute(request).await {
            Ok(response) => self.read(response).await,
            Err(error) => self.failed(&error, None),
        }
    }

    async fn read(&self, mut response: Response) -> HttpResult {
        let status = response.status().as_u16();
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let mut reply = Reply {
            status,
            retry_after: header(RETRY_AFTER),
            date: header(DATE),
            body: Vec::new(),
        };
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if reply.body.len() + chunk.len() > MOST_BODY => {
                    return HttpResult::TooLarge { status };
                }
                Ok(Some(chunk)) => reply.body.extend_from_slice(&chunk),
                Ok(None) => return HttpResult::Answered(reply),
                Err(error) => return self.failed(&error, Some(status)),
            }
        }
    }

    /// Classifies a failed request. The connection is made before the first byte of the request is written; after any later
    /// failure the request may have been written. (hyper repeats a request on a new connection only if it was returned
    /// unsent.)
    fn failed(&self, error: &reqwest::Error, status: Option<u16>) -> HttpResult {
        let why = causes(error);
        if status.is_none() && (error.is_connect() || error.is_builder()) {
            match bad_certificate(error) {
                Some(why) => HttpResult::BadCertificate { why },
                None => HttpResult::NotSent { why },
            }
        } else if error.is_timeout() {
            HttpResult::TimedOut {
                status,
                within: self.timeout,
            }
        } else {
            HttpResult::Cut { status, why }
        }
    }
}

impl Way for Http {
    type Connection = Slot;

    async fn send(&self, token: &Secret, body: Vec<u8>) -> Exchange<Slot> {
        let (request, slot) = match self.attempt(token, body) {
            Ok(attempt) => attempt,
            Err(why) => {
                return Exchange {
                    ended: HttpResult::NotSent { why },
                    connection: None,
                };
            }
        };
        Exchange {
            ended: self.execute(&slot.client, request).await,
            connection: Some(slot),
        }
    }

    async fn post(&self, path: &'static str, body: Vec<u8>) -> HttpResult {
        match self.request(path, None, body) {
            Ok(request) => self.execute(&self.client, request).await,
            Err(why) => HttpResult::NotSent { why },
        }
    }
}

impl<W: Way> Post for Reached<W> {
    async fn post(&self, path: &'static str, body: Vec<u8>) -> HttpResult {
        self.way.post(path, body).await
    }

    fn codes(&self) -> &Codes {
        &self.codes
    }
}

/// An error and its causes. The `source` of an I/O error skips the error that it wraps.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| error.source())
    })
}

fn bad_certificate(error: &reqwest::Error) -> Option<String> {
    chain(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why.to_string()),
        _ => None,
    })
}

/// The causes as text, without reqwest's own first message, which only names the address.
fn causes(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    words.dedup();
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

/// The proxy that the environment names for https, without its user name and password. `None` when no variable is set, or
/// its value is not a URL.
fn proxy(env: impl Fn(&str) -> Option<String>) -> Option<String> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let written = names
        .into_iter()
        .find_map(|name| env(name).filter(|value| !value.trim().is_empty()))?;
    let whole = if written.contains("://") {
        written
    } else {
        format!("http://{written}")
    };
    let url = Url::parse(&whole).ok()?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{}{port}", url.scheme(), url.host_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (name, value, shown) in [
            (
                "HTTPS_PROXY",
                "http://user:canary@proxy.example:3128/path",
                "http://proxy.example:3128",
            ),
            (
                "https_proxy",
                "user:canary@proxy.example:8080",
                "http://proxy.example:8080",
            ),
            ("ALL_PROXY", "socks5://proxy.example", "socks5://proxy.example"),
        ] {
            let env = |asked: &str| (asked == name).then(|| value.to_owned());
            assert_eq!(proxy(env).as_deref(), Some(shown));
        }
        assert_eq!(proxy(|_| None), None);
        assert_eq!(proxy(|_| Some(" ".to_owned())), None);
        assert_eq!(proxy(|_| Some("http://canary@[".to_owned())), None);
    }
}
