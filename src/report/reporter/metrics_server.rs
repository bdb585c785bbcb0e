//! `/metrics` over HTTP. Scrapers and idle connections cannot affect sending: connections are few and of limited age.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::report::render::prometheus::{Metrics, text as prometheus_text};

/// The maximum number of connections; a scraper needs one.
const MOST_CONNECTIONS: usize = 16;
/// A connection is closed at this age, even during a response. Scrapers connect again by themselves.
const OLDEST: Duration = Duration::from_secs(30);
/// The content type of Prometheus' text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A listening socket that is not served yet.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsServer {
    /// Listens on `address`; port 0 takes a free port.
    ///
    /// # Errors
    /// When the system refuses, for example because the port is in use.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves in the background until the runtime ends. Returns when scrapers come.
    #[must_use]
    pub fn serve(self, metrics: Vec<Arc<Metrics>>) -> Scrapes {
        let metrics = metrics.into();
        let scrapes = Scrapes::default();
        let served = Served {
            metrics,
            scrapes: scrapes.clone(),
        };
        let router = Router::new().route("/metrics", get(show)).with_state(served);
        let listener = LimitedListener {
            listener: self.listener,
            room: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        };
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!("metrics are served no longer: {error}");
            }
        });
        scrapes
    }
}

#[derive(Clone)]
struct Served {
    metrics: Arc<[Arc<Metrics>]>,
    scrapes: Scrapes,
}

/// When the metrics were read. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Scrapes(Arc<Mutex<LastScrapes>>);

#[derive(Debug, Default)]
struct LastScrapes {
    last: Option<Instant>,
    interval: Option<Duration>,
}

impl Scrapes {
    /// The time between the last two scrapes. `None` before the second.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).interval
    }

    fn add(&self, now: Instant) {
        let mut scrapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = scrapes.last.replace(now);
        if let Some(before) = before {
            scrapes.interval = Some(now.saturating_duration_since(before));
        }
    }
}

async fn show(State(served): State<Served>) -> Response {
    served.scrapes.add(Instant::now());
    match prometheus_text(&served.metrics, Instant::now().into_std()) {
        Ok(text) => ([(header::CONTENT_TYPE, FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A listener that limits the connections; further ones wait in the system's queue.
struct LimitedListener {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Listener for LimitedListener {
    type Io = ShortConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (ShortConnection, SocketAddr) {
        // The semaphore is never closed, so acquiring cannot fail.
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let connection = ShortConnection {
            stream,
            old: Box::pin(tokio::time::sleep(OLDEST)),
            _permit: permit,
        };
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends at the age [`OLDEST`].
struct ShortConnection {
    stream: TcpStream,
    old: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl ShortConnection {
    fn too_old(&mut self, cx: &mut Context<'_>) -> bool {
        self.old.as_mut().poll(cx).is_ready()
    }
}

impl AsyncRead for ShortConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.too_old(cx) {
            // The server treats this as a client that closed the connection.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ShortConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.too_old(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
