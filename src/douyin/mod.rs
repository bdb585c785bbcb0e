//! The platform: sends requests, and reads what their answers prove.

pub mod client;
pub mod codes;
mod http;
pub mod token;
pub mod wire;

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::Permit;
use crate::model::outcome::Outcome;
use crate::model::secret::Secret;

use codes::HttpResult;

/// The platform as the engine uses it: the real one over HTTP, or a simulated one in memory.
pub trait Platform: Send + Sync + 'static {
    /// What a send needs beside its permit, such as an access token of a known age.
    type Access: Send + 'static;
    /// The connection of a request and its answer.
    type Connection: Connection;

    /// Returns what authenticates a send. Like [`Self::connect`] it is called before the pacer, so that sends that were paced
    /// apart do not leave together after a wait.
    fn ready(&self) -> impl Future<Output = Result<Self::Access, NotReady>> + Send;

    /// Whether a send may still leave with `access`. Checked again after the wait for the pacer, during which it may have
    /// expired.
    fn is_current(&self, _access: &Self::Access) -> bool {
        true
    }

    /// Returns a connection that a request can be written on at once: an idle one, or a new one with TLS set up. Writes no
    /// byte of a request.
    ///
    /// # Errors
    /// What a failure proves: nothing was sent.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Box<Outcome>>> + Send;

    /// Sends one coupon. Consumes the permit, which only a durable intent yields (or a simulation). The request has exactly
    /// the permit's ids. It is written on this connection or not at all.
    fn send(
        &self,
        access: Self::Access,
        connection: Self::Connection,
        permit: Permit,
    ) -> impl Future<Output = Sent<Self::Connection>> + Send;
}

/// A finished attempt.
#[derive(Debug)]
pub struct Sent<C> {
    /// What its answer proves, if the answer belongs to this request.
    pub outcome: Outcome,
    /// The connection of the answer. `None` when it was closed, because its answers may belong to other requests.
    pub connection: Option<C>,
}

/// A connection that one attempt has exclusively. Dropping it closes it: what arrives on it later is not read.
pub trait Connection: Send + Sync + 'static {
    /// Whether a request may be written on it: it is open, and was not idle for too long.
    fn is_usable(&self) -> bool {
        true
    }

    /// How long it took to make. Zero after its first request.
    fn took(&self) -> Duration {
        Duration::ZERO
    }

    /// Makes it available to another attempt.
    fn release(self);
}

/// The connection of a platform in this process, whose answers always belong to their requests.
impl Connection for () {
    fn release(self) {}
}

/// A transport for requests to the platform: over HTTP, or in this process. It decides neither what is sent, nor when a
/// token is fetched, nor what an answer proves.
pub trait Way: Send + Sync + 'static {
    /// The connection of a request for a coupon and its answer.
    type Connection: Connection;

    /// Returns a connection that nothing else uses until it is released.
    ///
    /// # Errors
    /// When no connection was made, so nothing was sent.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, HttpResult>> + Send;

    /// Posts a request for a coupon on this connection.
    fn send(
        &self,
        connection: Self::Connection,
        token: &Secret,
        body: Vec<u8>,
    ) -> impl Future<Output = Exchange<Self::Connection>> + Send;

    /// Posts a request for a token.
    fn post(&self, path: &'static str, body: Vec<u8>) -> impl Future<Output = HttpResult> + Send;
}

/// How a request ended, and its connection.
#[derive(Debug)]
pub struct Exchange<C> {
    /// How it ended.
    pub ended: HttpResult,
    /// The connection. `None` when there was none, or it has ended.
    pub connection: Option<C>,
}

/// Why nothing can be sent now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The platform rejects the credentials, refused a fresh token, or cannot be trusted. A person must act.
    #[error("the platform gives no access token: {why}")]
    Refused {
        /// What was attempted and what came back.
        why: String,
    },
    /// The access token is not one that this program can renew, and it has expired.
    #[error("the access token has expired: {why}")]
    Expired {
        /// Where it came from.
        why: String,
    },
    /// The token endpoint cannot be reached or is busy. A later call may succeed.
    #[error("no access token: {why}")]
    OutOfReach {
        /// What was attempted and what came back.
        why: String,
        /// When to call again.
        again: Instant,
    },
}
