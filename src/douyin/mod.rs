//! The act: one request to the platform, and what its answer proves.

pub mod client;
pub mod codes;
pub mod token;
pub mod wire;

use std::future::Future;

use tokio::time::Instant;

use crate::ledger::Permit;
use crate::outcome::Outcome;
use crate::secret::Secret;

use codes::Ended;

/// The platform, as the engine sees it: the real one over HTTP, or a simulated one in memory.
pub trait Platform: Send + Sync + 'static {
    /// What a send needs beside its permit: in effect, an access token of a known age.
    type Access: Send + 'static;
    /// What carried a request and its answer.
    type Connection: Connection;

    /// Resolves when a send could leave at once. Called before the pace is asked, so that waiting for a token never
    /// lets sends that were paced apart leave together.
    fn ready(&self) -> impl Future<Output = Result<Self::Access, NotReady>> + Send;

    /// Whether a send may still leave with `access`. Asked once more after the wait for the pace, which the access may not have
    /// outlived.
    fn is_current(&self, _access: &Self::Access) -> bool {
        true
    }

    /// Sends one coupon. It consumes the permit, which only a durable intent yields, a simulation's aside. The request says exactly what the
    /// permit says.
    fn send(&self, access: Self::Access, permit: Permit) -> impl Future<Output = Sent<Self::Connection>> + Send;
}

/// An attempt that ended.
#[derive(Debug)]
pub struct Sent<C> {
    /// What its answer proves, if the answer is its own.
    pub outcome: Outcome,
    /// The connection of the answer. `None` when it was closed, because it cannot be known to be in step any more.
    pub connection: Option<C>,
}

/// A connection that one attempt has for itself. Dropped, it is closed: nothing that arrives on it later is read.
pub trait Connection: Send + 'static {
    /// Lets another attempt use it.
    fn release(self);
}

/// The connection of a platform within this process, where answers cannot get out of step.
impl Connection for () {
    fn release(self) {}
}

/// The way of requests to the platform and of its answers back: over HTTP, or within this process. What is sent, when a
/// token is fetched and what an answer proves does not hang on it.
pub trait Way: Send + Sync + 'static {
    /// What carried a request for a coupon and its answer.
    type Connection: Connection;

    /// Posts a request for a coupon by a connection that nothing else uses meanwhile.
    fn send(&self, token: &Secret, body: Vec<u8>) -> impl Future<Output = Exchange<Self::Connection>> + Send;

    /// Posts a request for a token.
    fn post(&self, path: &'static str, body: Vec<u8>) -> impl Future<Output = Ended> + Send;
}

/// How a request ended, and on which connection.
#[derive(Debug)]
pub struct Exchange<C> {
    /// How it ended.
    pub ended: Ended,
    /// The connection. `None` when there was none, or it has ended.
    pub connection: Option<C>,
}

/// Why nothing can be sent now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The platform does not accept the credentials, refused a fresh token, or cannot be trusted: a person must act.
    #[error("the platform gives no access token: {why}")]
    Refused {
        /// What was attempted and what came back.
        why: String,
    },
    /// The access token came from the environment and has expired: nothing here can renew it.
    #[error("the access token has expired: {why}")]
    Expired {
        /// Where it came from.
        why: String,
    },
    /// The token's endpoint is out of reach or busy; asking again later may do.
    #[error("no access token: {why}")]
    OutOfReach {
        /// What was attempted and what came back.
        why: String,
        /// When it is worth asking again.
        again: Instant,
    },
}
