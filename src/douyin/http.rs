//! The transport over HTTP. A request for a coupon gets a connection of its own, which is made, TLS included, before the
//! pace is asked. Requests for tokens need no pace and go through a pooled client.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;
use url::Url;

use super::client_error::ClientError;
use super::codes::{HttpResult, Reply};
use super::wire::{ACCESS_TOKEN_HEADER, SEND_PATH};
use super::{Connection, Exchange, Way};
use crate::campaign::BaseUrl;
use crate::model::secret::Secret;

/// The largest body that is read, in bytes.
const MOST_BODY: usize = 1 << 20;
/// The longest time to make a connection. It ends before the attempt does, so that an attempt to a host that drops packets
/// is known to be unsent.
const MOST_CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be idle. Servers close idle connections after about a minute, and a request that is written at
/// that moment would be in doubt.
const MOST_IDLE: Duration = Duration::from_secs(15);
/// A server that closes a new connection within this time serves nobody. The attempt fails at the pace, instead of making
/// one connection after another.
const CLOSED_AT_ONCE: Duration = Duration::from_secs(1);
/// How often TCP probes a connection without traffic, and how many probes may be lost.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long TCP waits for the acknowledgement of sent bytes.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// The user agent of this program, for the platform and for proxies.
const PROGRAM: &str = concat!("runner/", env!("CARGO_PKG_VERSION"));

type AnyError = Box<dyn Error + Send + Sync>;

/// The transport over HTTP.
pub struct Http {
    /// Sends requests for tokens.
    client: reqwest::Client,
    connector: Connector,
    idle: Arc<Idle>,
    base_url: BaseUrl,
    /// The same address, for connections.
    to: Uri,
    timeout: Duration,
}

/// The connections that no attempt uses.
type Idle = Mutex<Vec<HttpConnection>>;

/// A connection that one attempt has exclusively.
///
/// A pool would take a connection back as soon as an answer is read, before anything has checked that answer. If the answer
/// was a repeat of an earlier one, the real answer is still on its way, and the next attempt on that connection would take it
/// for its own. The connection that was used last is used first, which keeps few connections open.
pub struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    /// When it was made, or released after its last answer.
    since: Instant,
    /// How long it took to make; zero after its first request.
    took: Duration,
    used: bool,
    idle: Arc<Idle>,
}

impl Connection for HttpConnection {
    fn is_usable(&self) -> bool {
        let age = self.since.elapsed();
        age < MOST_IDLE && (!self.sender.is_closed() || (!self.used && age < CLOSED_AT_ONCE))
    }

    fn took(&self) -> Duration {
        self.took
    }

    fn release(mut self) {
        self.since = Instant::now();
        let idle = Arc::clone(&self.idle);
        lock(&idle).push(self);
    }
}

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<HttpConnection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes connections to the platform, TLS included.
enum Connector {
    Direct(HttpsConnector<HttpConnector>),
    Tunnel(Box<HttpsConnector<Tunnel<HttpsConnector<HttpConnector>>>>),
}

impl Connector {
    fn new(base_url: &BaseUrl, to: &Uri, tls: &ClientConfig, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout(timeout)));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let proxy = if base_url.is_loopback() {
            None
        } else {
            Matcher::from_system().intercept(to)
        };
        let Some(proxy) = proxy else {
            return Self::Direct((tcp, tls.clone()).into());
        };
        let mut tls_to_proxy = tls.clone();
        tls_to_proxy.alpn_protocols.clear();
        let headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(PROGRAM))]);
        let mut tunnel = Tunnel::new(proxy.uri().clone(), (tcp, tls_to_proxy).into()).with_headers(headers);
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        Self::Tunnel(Box::new((tunnel, tls.clone()).into()))
    }

    async fn connect(&self, to: &Uri) -> Result<SendRequest<Full<Bytes>>, AnyError> {
        match self {
            Self::Direct(connector) => http(connector.clone().oneshot(to.clone()).await?).await,
            Self::Tunnel(connector) => http(connector.as_ref().clone().oneshot(to.clone()).await?).await,
        }
    }
}

/// Prepares HTTP on a new connection. Writes nothing.
async fn http(stream: impl Read + Write + Unpin + Send + 'static) -> Result<SendRequest<Full<Bytes>>, AnyError> {
    let (sender, connection) = http1::handshake(stream).await?;
    // Its error reaches the request that it concerns.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// A TLS configuration that trusts the certificates of this machine. Clones share them and the sessions that can be
/// resumed. Plain HTTP, for rehearsals, needs no certificates, so a machine without any can rehearse.
fn tls(plain: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = if plain {
        config.with_root_certificates(RootCertStore::empty())
    } else {
        config.with_platform_verifier()?
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The client for tokens.
fn client(base_url: &BaseUrl, tls: ClientConfig, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .user_agent(PROGRAM)
        .http1_only()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .connect_timeout(connect_timeout(timeout))
        .pool_idle_timeout(MOST_IDLE)
        .pool_max_idle_per_host(1)
        .tls_backend_preconfigured(tls);
    if base_url.is_loopback() {
        builder.no_proxy().build()
    } else {
        builder.build()
    }
}

fn connect_timeout(timeout: Duration) -> Duration {
    MOST_CONNECT.min(timeout / 2)
}

impl Http {
    pub(super) fn new(base_url: &str, timeout: Duration) -> Result<Self, ClientError> {
        let setup = |error: AnyError| ClientError::Setup(error);
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
        let to: Uri = base_url.as_str().parse().map_err(|error| setup(Box::new(error)))?;
        let tls = tls(to.scheme_str() == Some("http")).map_err(|error| setup(Box::new(error)))?;
        let connector = Connector::new(&base_url, &to, &tls, timeout);
        let client = client(&base_url, tls, timeout).map_err(|error| setup(Box::new(error)))?;
        Ok(Self {
            client,
            connector,
            idle: Arc::default(),
            base_url,
            to,
            timeout,
        })
    }

    /// Builds the full request: only the host, the length of the body and the connection's own headers are added to it.
    pub(super) fn request(
        &self,
        path: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
    ) -> Result<Request<Vec<u8>>, String> {
        let url = format!("{}{path}", self.base_url.as_str());
        let mut request = Request::post(url).header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            let value = HeaderValue::from_str(token.expose());
            let mut value = value.map_err(|_| "the access token has characters that no header can carry")?;
            value.set_sensitive(true);
            request = request.header(HeaderName::from_static(ACCESS_TOKEN_HEADER), value);
        }
        let request = request.header(ACCEPT, "*/*").header(USER_AGENT, PROGRAM).body(body);
        request.map_err(|error| causes(&error))
    }

    /// Builds a request for a coupon as it is written on a connection.
    fn written(&self, token: &Secret, body: Vec<u8>) -> Result<Request<Full<Bytes>>, String> {
        let mut request = self
            .request(SEND_PATH, Some(token), body)?
            .map(|body| Full::new(body.into()));
        let uri = std::mem::take(request.uri_mut()).into_parts();
        let host = uri.authority.as_ref().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(host).map_err(|error| causes(&error))?;
        request.headers_mut().insert(HOST, host);
        if let Some(path) = uri.path_and_query {
            *request.uri_mut() = path.into();
        }
        Ok(request)
    }

    /// Takes the idle connection that was used last. Drops those that cannot be used.
    async fn take_idle(&self) -> Option<HttpConnection> {
        loop {
            let mut connection = lock(&self.idle).pop()?;
            if connection.is_usable() && connection.sender.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn connected(&self) -> Result<HttpConnection, AnyError> {
        if let Some(connection) = self.take_idle().await {
            return Ok(connection);
        }
        let began = Instant::now();
        let sender = self.connector.connect(&self.to).await?;
        let since = Instant::now();
        Ok(HttpConnection {
            sender,
            since,
            took: since - began,
            used: false,
            idle: Arc::clone(&self.idle),
        })
    }

    fn timed_out(&self, status: Option<u16>) -> HttpResult {
        HttpResult::TimedOut {
            status,
            within: self.timeout,
        }
    }

    /// Makes a request for a token.
    async fn call(&self, request: Request<Vec<u8>>, status: &mut Option<u16>) -> HttpResult {
        let sent = match request.try_into() {
            Ok(request) => self.client.execute(request).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(response) => read(response.into(), status).await,
            Err(error) if error.is_connect() || error.is_builder() => unsent(&error),
            Err(error) => cut(*status, &error),
        }
    }
}

impl Way for Http {
    type Connection = HttpConnection;

    async fn connect(&self) -> Result<HttpConnection, HttpResult> {
        let within = connect_timeout(self.timeout);
        match timeout(within, self.connected()).await {
            Ok(connected) => connected.map_err(|error| unsent(&*error)),
            Err(_) => Err(HttpResult::NotSent {
                why: format!("no connection within {within:?}"),
            }),
        }
    }

    async fn send(&self, mut connection: HttpConnection, token: &Secret, body: Vec<u8>) -> Exchange<HttpConnection> {
        let mut status = None;
        let left = self.timeout.saturating_sub(connection.took);
        let ended = match self.written(token, body) {
            Ok(request) => timeout(left, exchange(&mut connection.sender, request, &mut status))
                .await
                .unwrap_or_else(|_| self.timed_out(status)),
            Err(why) => HttpResult::NotSent { why },
        };
        connection.took = Duration::ZERO;
        connection.used = true;
        Exchange {
            ended,
            connection: Some(connection),
        }
    }

    async fn post(&self, path: &'static str, body: Vec<u8>) -> HttpResult {
        let mut status = None;
        match self.request(path, None, body) {
            Ok(request) => timeout(self.timeout, self.call(request, &mut status))
                .await
                .unwrap_or_else(|_| self.timed_out(status)),
            Err(why) => HttpResult::NotSent { why },
        }
    }
}

/// Sends a request on a connection and reads the answer. `status` is set as soon as the head of the answer is read.
async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    status: &mut Option<u16>,
) -> HttpResult {
    match sender.try_send_request(request).await {
        Ok(response) => read(response, status).await,
        // hyper returns a request that it did not begin to write.
        Err(mut error) => match error.take_message() {
            Some(_) => unsent(error.error()),
            None => cut(*status, error.error()),
        },
    }
}

async fn read<B>(response: Response<B>, status: &mut Option<u16>) -> HttpResult
where
    B: Body<Data = Bytes, Error: Into<AnyError>>,
{
    let code = response.status().as_u16();
    *status = Some(code);
    let (head, body) = response.into_parts();
    let header = |name| {
        let value: Option<&HeaderValue> = head.headers.get(name);
        value.and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    match Limited::new(body, MOST_BODY).collect().await {
        Ok(body) => HttpResult::Answered(Reply {
            status: code,
            retry_after: header(RETRY_AFTER),
            date: header(DATE),
            content_encoding: header(CONTENT_ENCODING),
            body: body.to_bytes().into(),
        }),
        Err(error) if error.is::<LengthLimitError>() => HttpResult::TooLarge { status: code },
        Err(error) => cut(*status, &*error),
    }
}

fn cut(status: Option<u16>, error: &(dyn Error + 'static)) -> HttpResult {
    HttpResult::Cut {
        status,
        why: causes(error),
    }
}

/// Classifies a failure before the first byte of a request was written.
fn unsent(error: &(dyn Error + 'static)) -> HttpResult {
    let certificate = chain(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why.to_string()),
        _ => None,
    });
    match certificate {
        Some(why) => HttpResult::BadCertificate { why },
        None => HttpResult::NotSent { why: causes(error) },
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

/// The causes as text, without reqwest's own messages, which only name the address.
fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = chain(error).filter(|cause| !cause.is::<reqwest::Error>());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
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
