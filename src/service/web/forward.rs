//! Forwards the requests of a worker that does not have the campaigns to the one that does, and streams its answers back.
//!
//! Each request has a connection of its own. A connection that is used again may be closed by the owner at the moment at which a
//! request is written on it, and then nobody knows whether that request was executed.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Uri, Version, header};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::app::service_ownership::ServiceEndpoint;
use crate::model::certificate::CertificateFault;
use crate::model::error_chain::error_chain;
use crate::service::config::ConfigFile;

use super::forwarded::mark_forwarded;
use super::owner_tls::{OwnerTls, owner_name};

/// How long a connection to the owner may take, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// How often TCP probes a connection without traffic, and how many probes may be lost: the machine of the owner may be cut off.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long TCP waits for the acknowledgement of sent bytes.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// The most bytes of the head of an answer, and of what is read ahead.
const MOST_HEAD: usize = 64 * 1024;

/// The headers that are about one connection only. `Expect` is answered when the body is read, which is before a request is forwarded.
const OF_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    header::EXPECT,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Why a request is not forwarded. It was certainly not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotForwarded {
    /// Nobody listens at the address of the owner.
    Refused,
    /// The owner did not take a connection in time.
    NoConnection,
    /// The certificate of the owner is not trusted.
    Certificate,
    /// The owner listens on the loopback address of another machine.
    OtherLoopback,
    /// The version of the owner takes no requests from other workers.
    Older,
    /// Another worker has forwarded it to this one.
    Twice,
}

impl NotForwarded {
    /// The word that selects its text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NoConnection => "no-connection",
            Self::Certificate => "certificate",
            Self::OtherLoopback => "loopback",
            Self::Older => "older",
            Self::Twice => "twice",
        }
    }
}

/// Why the owner has not answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardError {
    /// It was not sent.
    NotSent(NotForwarded),
    /// It was sent, and there is no answer. Nobody knows whether it was executed.
    NoAnswer,
}

/// A future that ends when something has happened.
pub type Ended = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What ends a forwarded request early.
pub struct Ends {
    /// The owner is no longer the one that the request was sent to.
    pub replaced: Ended,
    /// This service stops. It waits for answers, and not for the end of streams.
    pub stopping: Ended,
}

/// Forwards requests to the owner of the service.
pub struct Forwarder {
    config: Arc<ConfigFile>,
    connector: HttpConnector,
    tls: OwnerTls,
    /// What was logged last about connections: a proxy asks often, and a failure may last.
    logged: Mutex<Option<String>>,
}

type AnyError = Box<dyn Error + Send + Sync>;

impl Forwarder {
    /// Forwards requests for a service with this file.
    #[must_use]
    pub fn new(config: Arc<ConfigFile>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_keepalive(Some(KEEPALIVE));
        connector.set_keepalive_interval(Some(KEEPALIVE));
        connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        Self {
            config,
            connector,
            tls: OwnerTls::default(),
            logged: Mutex::default(),
        }
    }

    /// Sends a request whose body was read to the owner, for this client. The head of the answer may take `limit`. The answer is
    /// streamed until either side ends, or one of `ends`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn forward(
        &self,
        request: Request,
        client: SocketAddr,
        to: &ServiceEndpoint,
        limit: Duration,
        mut ends: Ends,
    ) -> Result<Response, ForwardError> {
        let mut connection = JoinSet::new();
        let connected = timeout(CONNECT, self.connect(to, &mut connection)).await;
        let connected = connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        self.log(to, connected.as_ref().err());
        let mut sender = connected.map_err(|error| ForwardError::NotSent(describe(&*error)))?;
        let request = rewrite(request, client, to);
        let answer = tokio::select! {
            answer = timeout(limit, sender.send_request(request)) => answer,
            () = &mut ends.replaced => return Err(ForwardError::NoAnswer),
        };
        let (mut head, body) = match answer {
            Ok(Ok(answer)) => answer.into_parts(),
            Ok(Err(error)) => {
                tracing::debug!("the owner of the service has not answered a request: {error}");
                return Err(ForwardError::NoAnswer);
            }
            Err(_) => return Err(ForwardError::NoAnswer),
        };
        remove_of_connection(&mut head.headers);
        let body = ForwardedBody {
            body,
            ends,
            _connection: connection,
        };
        Ok(Response::from_parts(head, Body::new(body)))
    }

    async fn connect(&self, to: &ServiceEndpoint, connection: &mut JoinSet<()>) -> Result<SendRequest<Body>, AnyError> {
        let uri: Uri = format!("http://{}/", to.address).parse()?;
        let stream = self.connector.clone().oneshot(uri).await?.into_inner();
        if !to.tls {
            return http(stream, connection).await;
        }
        let config = self.config.current();
        let tls = self.tls.connector(&config)?;
        let stream = tls.connect(owner_name(&config, to.address.ip()), stream).await?;
        http(stream, connection).await
    }

    /// Logs why there is no connection, once while that lasts.
    fn log(&self, to: &ServiceEndpoint, error: Option<&AnyError>) {
        let error = error.map(|error| {
            let causes: Vec<_> = error_chain(&**error).map(ToString::to_string).collect();
            causes.join(": ")
        });
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if *logged == error {
            return;
        }
        if let Some(error) = &error {
            let address = to.address;
            tracing::warn!("cannot forward requests to the service at {address}: {error}");
        }
        *logged = error;
    }
}

/// Prepares HTTP on a new connection, whose task lasts until the set is dropped.
async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: &mut JoinSet<()>,
) -> Result<SendRequest<Body>, AnyError> {
    let handshake = http1::Builder::new()
        .max_buf_size(MOST_HEAD)
        .handshake(TokioIo::new(stream));
    let (sender, task) = handshake.await?;
    // Its error reaches the request, or the body of the answer.
    connection.spawn(async move { drop(task.await) });
    Ok(sender)
}

fn describe(error: &(dyn Error + 'static)) -> NotForwarded {
    let is_refused = |cause: &(dyn Error + 'static)| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
    };
    if CertificateFault::find(error).is_some() {
        NotForwarded::Certificate
    } else if error_chain(error).any(is_refused) {
        NotForwarded::Refused
    } else {
        NotForwarded::NoConnection
    }
}

/// A request as it is written to the owner: it names its client, and keeps `Host` and `Origin`.
fn rewrite(request: Request, client: SocketAddr, to: &ServiceEndpoint) -> Request {
    let (mut head, body) = request.into_parts();
    head.version = Version::HTTP_11;
    head.uri = head.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
    head.extensions.clear();
    remove_of_connection(&mut head.headers);
    // The length is that of the body, which was read whole.
    head.headers.remove(header::CONTENT_LENGTH);
    mark_forwarded(&mut head.headers, client, &to.secret);
    Request::from_parts(head, body)
}

/// Removes the headers that are about one connection only, and those that `Connection` names.
fn remove_of_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
}

/// The body of an answer of the owner. Dropping it closes the connection, so the owner learns at once that the client has left.
struct ForwardedBody {
    body: Incoming,
    ends: Ends,
    _connection: JoinSet<()>,
}

impl HttpBody for ForwardedBody {
    type Data = Bytes;
    type Error = AnyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        // A suspended owner closes nothing. An error, because a body that just ended would pass for a whole one.
        let is_replaced = self.ends.replaced.as_mut().poll(context).is_ready();
        if is_replaced || self.ends.stopping.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted).into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::model::secret::Secret;

    const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    const LONG: Duration = Duration::from_hours(1);

    fn endpoint() -> ServiceEndpoint {
        ServiceEndpoint {
            address: "10.0.0.5:7878".parse().unwrap(),
            tls: false,
            secret: Secret::new("canary-2718"),
        }
    }

    #[test]
    fn what_is_about_one_connection_is_not_forwarded() {
        let request = Request::post("http://coupons.example.com/login?a=b")
            .header("host", "coupons.example.com")
            .header("origin", "https://coupons.example.com")
            .header("connection", "keep-alive, X-Hop")
            .header("keep-alive", "timeout=5")
            .header("x-hop", "1")
            .header("transfer-encoding", "chunked")
            .header("content-length", "7")
            .header("te", "trailers")
            .header("upgrade", "websocket")
            .header("expect", "100-continue")
            .header("x-forwarded-for", "10.0.0.1")
            .header("x-runner-forwarded-for", "10.0.0.2:1")
            .header("x-runner-forwarded-secret", "forged")
            .body(Body::empty())
            .unwrap();
        let written = rewrite(request, "10.0.0.9:4711".parse().unwrap(), &endpoint());
        assert_eq!(written.uri(), "/login?a=b");
        let mut headers: Vec<_> = written
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        assert_eq!(
            headers,
            [
                "host: coupons.example.com",
                "origin: https://coupons.example.com",
                "x-forwarded-for: 10.0.0.1",
                "x-runner-forwarded-for: 10.0.0.9:4711",
                "x-runner-forwarded-secret: canary-2718",
            ]
        );
    }

    /// An owner that a test plays.
    async fn owner() -> (TcpListener, ServiceEndpoint) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, ServiceEndpoint { address, ..endpoint() })
    }

    fn post() -> Request {
        Request::post("/stop-all").body(Body::from("a=b")).unwrap()
    }

    /// Forwards a request in a task of its own.
    fn forwarded(to: ServiceEndpoint, limit: Duration, replaced: Ended) -> JoinHandle<Result<Response, ForwardError>> {
        let forwarder = Forwarder::new(Arc::new(ConfigFile::without()));
        let ends = Ends {
            replaced,
            stopping: Box::pin(pending()),
        };
        tokio::spawn(async move { forwarder.forward(post(), CLIENT, &to, limit, ends).await })
    }

    /// Takes a connection and reads the request.
    async fn take(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"a=b") {
            assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
        }
        stream
    }

    #[tokio::test]
    async fn a_request_that_nobody_takes_was_not_sent() {
        let (listener, to) = owner().await;
        drop(listener);
        let refused = forwarded(to, LONG, Box::pin(pending())).await.unwrap();
        assert_eq!(refused.unwrap_err(), ForwardError::NotSent(NotForwarded::Refused));
    }

    #[tokio::test]
    async fn a_request_without_an_answer_is_sent_once() {
        let (listener, to) = owner().await;
        let lost = forwarded(to.clone(), LONG, Box::pin(pending()));
        drop(take(&listener).await);
        assert_eq!(lost.await.unwrap().unwrap_err(), ForwardError::NoAnswer);
        let silent = forwarded(to.clone(), Duration::from_millis(1), Box::pin(pending()));
        assert_eq!(silent.await.unwrap().unwrap_err(), ForwardError::NoAnswer);
        // The connection of the silent one, which closed it. The request may be on it.
        drop(listener.accept().await.unwrap());
        let (end, ended) = oneshot::channel::<()>();
        let replaced = forwarded(to, LONG, Box::pin(async move { drop(ended.await) }));
        let stream = take(&listener).await;
        drop(end);
        assert_eq!(replaced.await.unwrap().unwrap_err(), ForwardError::NoAnswer);
        drop(stream);
        let again = listener.into_std().unwrap().accept();
        assert_eq!(
            again.unwrap_err().kind(),
            io::ErrorKind::WouldBlock,
            "no request is sent twice"
        );
    }

    #[tokio::test]
    async fn a_stream_ends_with_either_side() {
        const HEAD: &[u8] =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        let next = async |answer: &mut Response| {
            let mut body = Pin::new(answer.body_mut());
            std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
        };
        // The client leaves.
        let (listener, to) = owner().await;
        let sent = forwarded(to.clone(), LONG, Box::pin(pending()));
        let mut stream = take(&listener).await;
        stream.write_all(HEAD).await.unwrap();
        let mut answer = sent.await.unwrap().unwrap();
        assert!(!answer.headers().contains_key("transfer-encoding"));
        assert_eq!(next(&mut answer).await.unwrap().unwrap().into_data().unwrap(), "first");
        drop(answer);
        assert_eq!(
            stream.read(&mut [0; 1]).await.unwrap(),
            0,
            "the owner learns of it at once"
        );
        // The owner is replaced and says nothing.
        let (end, ended) = oneshot::channel::<()>();
        let sent = forwarded(to, LONG, Box::pin(async move { drop(ended.await) }));
        let mut stream = take(&listener).await;
        stream.write_all(HEAD).await.unwrap();
        let mut answer = sent.await.unwrap().unwrap();
        assert!(next(&mut answer).await.unwrap().is_ok());
        drop(end);
        assert!(next(&mut answer).await.unwrap().is_err(), "it is not a whole answer");
    }
}
