//! The transport over HTTP. A request for a coupon gets a connection of its own, which is made, TLS included, before the
//! pace is asked. Requests for tokens need no pace and go through a pooled client.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, DATE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::rt::{Read, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use super::client_error::ClientError;
use super::codes::{HttpResult, Reply};
use super::proxy::{Failed, Proxy, Tunnel};
use super::wire::{ACCESS_TOKEN_HEADER, PROGRAM, SEND_PATH};
use super::{Connection, Exchange, Way};
use crate::campaign::BaseUrl;
use crate::catalogue::{Text, platform};
use crate::model::certificate::CertificateFault;
use crate::model::error_chain::error_chain;
use crate::model::secret::Secret;

/// The largest body that is read, in bytes.
const MOST_BODY: usize = 1 << 20;
/// A body of at most this many bytes is always read. An answer of the platform has about one kilobyte.
const USUAL_BODY: usize = 16 << 10;
/// How many larger bodies are read at once. With a thousand attempts in flight, as many large bodies would fill a gigabyte.
const LARGE_BODIES: usize = 32;
static LARGE_BODY: Semaphore = Semaphore::const_new(LARGE_BODIES);
/// The most bytes of the head of an answer, and of what is read ahead on a connection.
const MOST_HEAD: usize = 64 << 10;
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
    Direct {
        connector: HttpsConnector<HttpConnector>,
        /// The address, with its port.
        address: String,
    },
    Tunnel(Box<Tunnel>),
}

impl Connector {
    fn new(proxy: Option<Proxy>, to: &Uri, tls: &ClientConfig, timeout: Duration) -> Result<Self, AnyError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout(timeout)));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        if let Some(proxy) = proxy {
            return Ok(Self::Tunnel(Box::new(Tunnel::new(proxy, tcp, tls, to)?)));
        }
        let usual = if to.scheme_str() == Some("http") { 80 } else { 443 };
        Ok(Self::Direct {
            connector: (tcp, tls.clone()).into(),
            address: format!("{}:{}", to.host().unwrap_or_default(), to.port_u16().unwrap_or(usual)),
        })
    }

    async fn connect(&self, to: &Uri) -> Result<SendRequest<Full<Bytes>>, HttpResult> {
        match self {
            Self::Direct { connector, .. } => match connector.clone().oneshot(to.clone()).await {
                Ok(stream) => http(stream).await.map_err(|error| self.unsent(&*error)),
                Err(error) => Err(self.unsent(&*error)),
            },
            Self::Tunnel(tunnel) => match tunnel.connect().await {
                Ok(stream) => http(stream).await.map_err(|error| self.unsent(&*error)),
                Err(Failed::AtProxy(error)) => Err(self.unsent(&*error)),
                Err(Failed::Inside(error)) => Err(unsent(&tunnel.through(), &*error)),
            },
        }
    }

    /// The next host that a connection goes to.
    fn place(&self) -> String {
        match self {
            Self::Direct { address, .. } => address.clone(),
            Self::Tunnel(tunnel) => format!("proxy {}", tunnel.proxy()),
        }
    }

    fn unsent(&self, error: &(dyn Error + 'static)) -> HttpResult {
        unsent(&self.place(), error)
    }
}

/// Prepares HTTP on a new connection. Writes nothing.
async fn http(stream: impl Read + Write + Unpin + Send + 'static) -> Result<SendRequest<Full<Bytes>>, AnyError> {
    let handshake = http1::Builder::new().max_buf_size(MOST_HEAD).handshake(stream);
    let (sender, connection) = handshake.await?;
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

/// Checks the file of certificate authorities that the environment names. The TLS library would only log a mistake.
fn check_authorities() -> Result<(), ClientError> {
    let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let file = PathBuf::from(file);
    let found = CertificateDer::pem_file_iter(&file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let source: AnyError = match found {
        Ok(certificates) if certificates.is_empty() => platform::NoCertificate.to_string().into(),
        Ok(_) => return Ok(()),
        Err(rustls::pki_types::pem::Error::Io(error)) => error.into(),
        Err(error) => error.into(),
    };
    Err(ClientError::Authorities { file, source })
}

/// The client for tokens.
fn client(proxy: Option<&Proxy>, tls: ClientConfig, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
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
    match proxy {
        Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.url().as_str())?).build(),
        None => builder.no_proxy().build(),
    }
}

/// Returns a client for requests to another server than the platform, such as a bot of a chat group. TLS and the proxy are those
/// of requests to the platform.
pub fn client_for(url: &str, timeout: Duration) -> Result<reqwest::Client, ClientError> {
    let setup = |error: AnyError| ClientError::Setup(error);
    let parsed: Uri = url.parse().map_err(|error| setup(Box::new(error)))?;
    let plain = parsed.scheme_str() == Some("http");
    let proxy = if plain {
        // Only an address of this machine is reached in clear text.
        None
    } else {
        check_authorities()?;
        Proxy::find(&parsed, |name| std::env::var(name).ok())?
    };
    let tls = tls(plain).map_err(|error| setup(Box::new(error)))?;
    client(proxy.as_ref(), tls, timeout).map_err(|error| setup(Box::new(error.without_url())))
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
        let to: Uri = base_url.as_str().parse().map_err(|error| setup(Box::new(error)))?;
        let proxy = if base_url.is_loopback() {
            None
        } else {
            Proxy::find(&to, |name| std::env::var(name).ok())?
        };
        if let Some(proxy) = &proxy {
            tracing::info!(%proxy, "requests go through the environment's proxy");
        }
        let plain = to.scheme_str() == Some("http");
        if !plain {
            check_authorities()?;
        }
        let tls = tls(plain).map_err(|error| setup(Box::new(error)))?;
        let client = client(proxy.as_ref(), tls.clone(), timeout).map_err(|error| setup(Box::new(error)))?;
        let connector = Connector::new(proxy, &to, &tls, timeout).map_err(setup)?;
        Ok(Self {
            client,
            connector,
            idle: Arc::default(),
            base_url,
            to,
            timeout,
        })
    }

    /// The proxy that requests go through, without its user name and password. `None` without one.
    pub(super) fn proxy(&self) -> Option<String> {
        match &self.connector {
            Connector::Direct { .. } => None,
            Connector::Tunnel(tunnel) => Some(tunnel.proxy().to_string()),
        }
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

    async fn connected(&self) -> Result<HttpConnection, HttpResult> {
        if let Some(connection) = self.take_idle().await {
            return Ok(connection);
        }
        let began = Instant::now();
        // In a box, because every attempt in flight has room for this future, and few connect.
        let sender = Box::pin(self.connector.connect(&self.to)).await?;
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

    /// Posts a request other than a send, with the access token.
    pub(super) async fn post_authorized(&self, path: &'static str, token: &Secret, body: Vec<u8>) -> HttpResult {
        self.pooled(path, Some(token), body).await
    }

    /// Makes a request for a token, or a query.
    async fn call(&self, request: Request<Vec<u8>>, status: &mut Option<u16>) -> HttpResult {
        let sent = match request.try_into() {
            Ok(request) => self.client.execute(request).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(response) => read(response.into(), status).await,
            Err(error) if error.is_connect() || error.is_builder() => self.unsent(&error).await,
            Err(error) => cut(*status, &error),
        }
    }

    /// Describes why a request for a token was not sent.
    async fn unsent(&self, error: &reqwest::Error) -> HttpResult {
        // reqwest does not say what status a proxy answered with, nor where in a tunnel TLS failed.
        let Connector::Tunnel(_) = &self.connector else {
            return self.connector.unsent(error);
        };
        match self.connector.connect(&self.to).await {
            Err(precise) => precise,
            Ok(_) => self.connector.unsent(error),
        }
    }
}

impl Way for Http {
    type Connection = HttpConnection;

    async fn connect(&self) -> Result<HttpConnection, HttpResult> {
        let within = connect_timeout(self.timeout);
        match timeout(within, self.connected()).await {
            Ok(connected) => connected,
            Err(_) => Err(HttpResult::NotSent {
                why: format!("{}: no connection within {within:?}", self.connector.place()),
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

    async fn query(&self, path: &'static str, token: &Secret, body: Vec<u8>) -> HttpResult {
        self.pooled(path, Some(token), body).await
    }

    async fn post(&self, path: &'static str, body: Vec<u8>) -> HttpResult {
        self.pooled(path, None, body).await
    }
}

impl Http {
    /// Posts a request that needs no connection of its own.
    async fn pooled(&self, path: &str, token: Option<&Secret>, body: Vec<u8>) -> HttpResult {
        let mut status = None;
        match self.request(path, token, body) {
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
            Some(_) => HttpResult::NotSent {
                why: causes(error.error()),
            },
            None => cut(*status, error.error()),
        },
    }
}

async fn read<B>(response: Response<B>, status: &mut Option<u16>) -> HttpResult
where
    B: Body<Data = Bytes, Error: Into<AnyError>> + Unpin,
{
    let code = response.status().as_u16();
    *status = Some(code);
    let (head, body) = response.into_parts();
    let header = |name| {
        let value: Option<&HeaderValue> = head.headers.get(name);
        value.and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    match read_body(body, &LARGE_BODY).await {
        Ok(body) => HttpResult::Answered(Reply {
            status: code,
            retry_after: header(RETRY_AFTER),
            date: header(DATE),
            content_encoding: header(CONTENT_ENCODING),
            body,
        }),
        Err(BodyError::TooLarge) => HttpResult::TooLarge { status: code },
        Err(BodyError::NoRoom) => HttpResult::NoRoom {
            status: code,
            usual: USUAL_BODY,
        },
        Err(BodyError::Cut(error)) => cut(*status, &*error),
    }
}

/// The reason why a body is not read to its end.
#[derive(Debug)]
enum BodyError {
    /// It has more than [`MOST_BODY`] bytes.
    TooLarge,
    /// It has more than [`USUAL_BODY`] bytes, and too many such bodies are being read.
    NoRoom,
    Cut(AnyError),
}

async fn read_body<B>(mut body: B, large: &Semaphore) -> Result<Vec<u8>, BodyError>
where
    B: Body<Data = Bytes, Error: Into<AnyError>> + Unpin,
{
    let mut read = Vec::new();
    let mut permit = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Cut(error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = read.len() + data.len();
        if length > MOST_BODY {
            return Err(BodyError::TooLarge);
        }
        if length > USUAL_BODY && permit.is_none() {
            permit = Some(large.try_acquire().map_err(|_| BodyError::NoRoom)?);
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

fn cut(status: Option<u16>, error: &(dyn Error + 'static)) -> HttpResult {
    HttpResult::Cut {
        status,
        why: causes(error),
    }
}

/// Classifies a failure before the first byte of a request was written.
fn unsent(place: &str, error: &(dyn Error + 'static)) -> HttpResult {
    match CertificateFault::find(error) {
        Some(fault) => HttpResult::BadCertificate {
            why: Text::from_fn(|| format!("{place}: {fault}")),
        },
        None => HttpResult::NotSent {
            why: format!("{place}: {}", causes(error)),
        },
    }
}

/// The causes as text, without the messages of libraries that only say that there is a cause.
fn causes(error: &(dyn Error + 'static)) -> String {
    let is_wrapper = |cause: &(dyn Error + 'static)| {
        let is_bare = cause.source().is_some() && cause.to_string() == "tcp connect error";
        is_bare || cause.is::<reqwest::Error>() || cause.is::<hyper_util::client::legacy::Error>()
    };
    let causes = error_chain(error).filter(|cause| !is_wrapper(*cause));
    let mut words: Vec<String> = causes.map(cause_text).collect();
    words.dedup();
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

fn cause_text(cause: &(dyn Error + 'static)) -> String {
    use rustls::{AlertDescription, Error as TlsError, InvalidMessage};
    if let Some(error) = cause.downcast_ref::<TlsError>() {
        match error {
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => return "it does not speak TLS".to_owned(),
            TlsError::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                return "it does not speak HTTP/1.1".to_owned();
            }
            _ => {}
        }
    }
    match cause.downcast_ref::<io::Error>() {
        // The system's text has a number that says no more, and differs between systems.
        Some(error) if error.raw_os_error().is_some() && is_of_connections(error.kind()) => error.kind().to_string(),
        // The text of a wrapped error comes again as the next cause, in plainer words where there are some.
        Some(error) => match error.get_ref() {
            Some(inner) => cause_text(inner),
            None => error.to_string(),
        },
        None => cause.to_string(),
    }
}

const fn is_of_connections(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::TimedOut
            | Kind::BrokenPipe
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of `bytes` that ends where it may.
    fn body(bytes: usize) -> Full<Bytes> {
        Full::new(vec![b' '; bytes].into())
    }

    #[tokio::test]
    async fn only_a_few_large_bodies_are_read_at_once() {
        let large = Semaphore::new(1);
        assert_eq!(
            read_body(body(MOST_BODY), &large).await.map(|read| read.len()).ok(),
            Some(MOST_BODY)
        );
        let held = large.try_acquire().expect("the body before is read");
        assert!(matches!(
            read_body(body(USUAL_BODY + 1), &large).await,
            Err(BodyError::NoRoom)
        ));
        assert_eq!(
            read_body(body(USUAL_BODY), &large).await.map(|read| read.len()).ok(),
            Some(USUAL_BODY)
        );
        drop(held);
        assert!(read_body(body(USUAL_BODY + 1), &large).await.is_ok());
        assert!(matches!(
            read_body(body(MOST_BODY + 1), &large).await,
            Err(BodyError::TooLarge)
        ));
    }
}
