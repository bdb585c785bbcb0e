//! Transports to the platform, and their connections.

use std::future::Future;
use std::time::Duration;

use crate::model::secret::Secret;

use super::codes::HttpResult;

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

    /// Posts a query about the platform's own records.
    fn query(&self, path: &'static str, token: &Secret, body: Vec<u8>) -> impl Future<Output = HttpResult> + Send;

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
