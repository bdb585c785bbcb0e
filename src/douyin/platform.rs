//! The platform as the engine uses it.

use std::future::Future;

use tokio::time::Instant;

use crate::catalogue::{Text, platform};
use crate::ledger::Permit;
use crate::model::outcome::Outcome;

use super::transport::Connection;

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

/// Why nothing can be sent now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The platform rejects the credentials, or refused a fresh token. A person must act.
    #[error("{}", platform::TokenRefused { why })]
    Refused {
        /// What was attempted and what came back.
        why: Text,
    },
    /// The server's certificate does not verify, so nothing was sent to it. A person must act.
    #[error("{}", platform::NoToken { why })]
    BadCertificate {
        /// What was attempted and what is wrong with the certificate.
        why: Text,
    },
    /// The access token is not one that this program can renew, and it has expired.
    #[error("{}", platform::TokenExpired { why })]
    Expired {
        /// Where it came from.
        why: Text,
    },
    /// The token endpoint cannot be reached or is busy. A later call may succeed.
    #[error("{}", platform::NoToken { why })]
    OutOfReach {
        /// What was attempted and what came back.
        why: Text,
        /// When to call again.
        again: Instant,
    },
}
