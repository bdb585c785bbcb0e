//! The platform over HTTP. How an attempt ended is told apart with care: what was surely not sent may go again, and what
//! may have been written is unknown until an answer says more.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, redirect, retry};
use tokio::time::Instant;
use url::Url;

use super::codes::{Codes, Ended, Reply, Timing, outcome};
use super::token::{Access, Credentials, Keeper, Post};
use super::wire::{ACCESS_TOKEN_HEADER, SEND_PATH, SendRequest};
use super::{NotReady, Platform};
use crate::campaign::{BaseUrl, BaseUrlError};
use crate::clock::Clock;
use crate::event::Emit;
use crate::identity::AppId;
use crate::ledger::Permit;
use crate::outcome::Outcome;
use crate::secret::Secret;

/// The most bytes of a body that are read.
const MOST_BODY: usize = 1 << 20;
/// The longest that making a connection may take. It ends before the attempt does, so that a host which swallows packets
/// is known not to have been sent anything.
const MOST_CONNECT: Duration = Duration::from_secs(5);
/// For how long a connection may lie idle. Servers close theirs after a minute or so, and a request written at that very
/// moment would be in doubt.
const MOST_IDLE: Duration = Duration::from_secs(15);

/// What the platform's client must know.
#[derive(Clone)]
pub struct Config {
    /// Where requests go: https, or http on a loopback address.
    pub base_url: String,
    /// For which app.
    pub app_id: AppId,
    /// How requests prove whose they are.
    pub credentials: Credentials,
    /// What codes mean.
    pub codes: Codes,
    /// How long one attempt may take, from connecting to the last byte of the answer.
    pub timeout: Duration,
    /// How many attempts may be in flight at once.
    pub max_in_flight: u16,
    /// The wall clock.
    pub clock: Clock,
    /// Who is told of tokens and warnings.
    pub emit: Arc<dyn Emit>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The platform's address is none that requests can be sent to.
    #[error("cannot send to {base_url:?}")]
    BaseUrl {
        /// The address.
        base_url: String,
        /// What is wrong with it.
        source: BaseUrlError,
    },
    /// TLS cannot be set up: this machine has no certificates to trust, for one.
    #[error("cannot set up TLS and HTTP")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
}

/// The platform over HTTP.
pub struct HttpPlatform {
    http: Http,
    keeper: Keeper,
    codes: Codes,
    app_id: AppId,
    clock: Clock,
}

impl HttpPlatform {
    /// Sets up the client. Opens no connection.
    ///
    /// # Errors
    /// When the address is none that requests can be sent to, or TLS cannot be set up.
    pub fn new(config: Config) -> Result<Self, ClientError> {
        let http = Http::new(&config)?;
        let keeper = Keeper::new(
            config.credentials,
            config.codes.clone(),
            config.clock.clone(),
            config.emit,
        );
        Ok(Self {
            http,
            keeper,
            codes: config.codes,
            app_id: config.app_id,
            clock: config.clock,
        })
    }

    async fn send_request(&self, access: Access, request: &SendRequest) -> Outcome {
        let (began, start) = (self.clock.now(), Instant::now());
        let ended = match serde_json::to_vec(request) {
            Ok(body) => self.http.post(SEND_PATH, Some(&access.token), body).await,
            Err(error) => Ended::NotSent { why: error.to_string() },
        };
        let timing = Timing {
            began,
            at: self.clock.now(),
            latency: start.elapsed(),
        };
        let mut outcome = outcome(&ended, &self.codes, timing);
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
        outcome
    }
}

impl Platform for HttpPlatform {
    type Access = Access;

    async fn ready(&self) -> Result<Access, NotReady> {
        self.keeper.ready(&self.http).await
    }

    async fn send(&self, access: Access, permit: Permit) -> Outcome {
        let request = SendRequest {
            app_id: self.app_id.to_string(),
            open_id: permit.open_id().to_string(),
            activity_id: permit.activity_id().to_string(),
            merchant_coupon_id: permit.merchant_coupon_id().to_string(),
        };
        self.send_request(access, &request).await
    }
}

struct Http {
    client: Client,
    base_url: BaseUrl,
    timeout: Duration,
}

impl Http {
    fn new(config: &Config) -> Result<Self, ClientError> {
        let base_url = BaseUrl::parse(&config.base_url).map_err(|source| ClientError::BaseUrl {
            base_url: config.base_url.clone(),
            source,
        })?;
        let mut builder = Client::builder()
            .user_agent(concat!("runner/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .timeout(config.timeout)
            .connect_timeout(MOST_CONNECT.min(config.timeout / 2))
            .pool_idle_timeout(MOST_IDLE)
            .pool_max_idle_per_host(usize::from(config.max_in_flight));
        if base_url.is_loopback() {
            builder = builder.no_proxy();
        } else if let Some(proxy) = proxy(|name| std::env::var(name).ok()) {
            tracing::info!(
                proxy,
                "requests go through the environment's proxy, unless NO_PROXY says otherwise"
            );
        }
        if base_url.as_str().starts_with("http:") {
            // A rehearsal needs no certificates, and a machine without any can rehearse.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| ClientError::Setup(error.into()))?;
        Ok(Self {
            client,
            base_url,
            timeout: config.timeout,
        })
    }

    async fn post(&self, path: &str, token: Option<&Secret>, body: Vec<u8>) -> Ended {
        let url = format!("{}{path}", self.base_url.as_str());
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(token) = token {
            let Ok(mut value) = HeaderValue::from_str(token.expose()) else {
                let why = "the access token has characters that no header can carry".to_owned();
                return Ended::NotSent { why };
            };
            value.set_sensitive(true);
            request = request.header(HeaderName::from_static(ACCESS_TOKEN_HEADER), value);
        }
        match request.send().await {
            Ok(response) => self.read(response).await,
            Err(error) => self.failed(&error, None),
        }
    }

    async fn read(&self, mut response: Response) -> Ended {
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
                Ok(Some(chunk)) if reply.body.len() + chunk.len() > MOST_BODY => return Ended::TooLarge { status },
                Ok(Some(chunk)) => reply.body.extend_from_slice(&chunk),
                Ok(None) => return Ended::Answered(reply),
                Err(error) => return self.failed(&error, Some(status)),
            }
        }
    }

    /// Tells how a request failed. Making a connection comes before the first byte of the request; whatever fails later
    /// may have been written. (The library below repeats a request on a fresh connection only when it was handed back
    /// whole, without a byte written.)
    fn failed(&self, error: &reqwest::Error, status: Option<u16>) -> Ended {
        if let Some(why) = bad_certificate(error) {
            return Ended::BadCertificate { why };
        }
        let why = causes(error);
        if status.is_none() && (error.is_connect() || error.is_builder()) {
            Ended::NotSent { why }
        } else if error.is_timeout() {
            Ended::TimedOut {
                status,
                within: self.timeout,
            }
        } else {
            Ended::Cut { status, why }
        }
    }
}

impl Post for Http {
    async fn post(&self, path: &'static str, body: Vec<u8>) -> Ended {
        self.post(path, None, body).await
    }
}

/// An error and what is behind it. An I/O error hides what it wraps from `source`.
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

/// The causes in words, without the library's own opening, which names the address and nothing more.
fn causes(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    words.dedup();
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

/// The proxy that the environment names for https, without the user name and password that may be in it.
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
