//! Accepts connections and serves them until the service stops. A client that sends nothing, or nothing
//! whole, is dropped.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// How many connections are served at once. Further ones wait in the system's queue.
const MOST_CONNECTIONS: usize = 512;
/// How long the headers of a request may take, and how long a connection without a request is kept.
const HEADER_TIME: Duration = Duration::from_secs(15);
/// The most bytes of the headers of a request.
const MOST_HEADERS: usize = 32 * 1024;
/// How long to wait when the system accepts no more connections.
const BREATH: Duration = Duration::from_secs(1);
/// How long the end waits for requests in progress.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The pages of a service, in all its states.
pub type Pages = Router;

/// The address of a client.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves until `stopping` is true, encrypted if there is a certificate. Each request has the pages of its moment.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    pages: watch::Receiver<Pages>,
    mut stopping: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // The semaphore is never closed.
                let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                    break;
                };
                let pages = pages.clone();
                let tls = tls.clone();
                let stopping = stopping.clone();
                connections.spawn(async move {
                    let served = match tls {
                        None => serve_one(stream, peer, pages, stopping).await,
                        Some(tls) => match tokio::time::timeout(HEADER_TIME, tls.accept(stream)).await {
                            Ok(Ok(stream)) => serve_one(stream, peer, pages, stopping).await,
                            Ok(Err(error)) => {
                                tracing::debug!("a connection of a browser is not encrypted: {error}");
                                Ok(())
                            }
                            Err(_) => Ok(()),
                        },
                    };
                    if let Err(error) = served {
                        tracing::debug!("a connection of a browser ended: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("cannot take a connection of a browser: {error}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Those that are left are dropped with the set.
    let _ = tokio::time::timeout(LAST_WAIT, ended).await;
}

async fn serve_one(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    pages: watch::Receiver<Pages>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let router = pages.borrow().clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let response: Result<_, Infallible> = router.oneshot(request).await;
            response
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return served,
        _ = stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Listens on an address, which the caller has checked: one that other machines reach needs users.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
