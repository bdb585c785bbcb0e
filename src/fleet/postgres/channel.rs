//! A connection that is made again after a failure. It executes one statement at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::connection::{ConnectError, Connection, DatabaseUrl};

/// The least time between two connects.
const PAUSE: Duration = Duration::from_millis(250);

/// The largest number of sockets at a time. A server that waits for its standby keeps a process for each statement that was given
/// up, and more of them than this would use up its connections.
const SOCKETS: usize = 4;

/// A connection that is made again after a failure. Clones share it.
#[derive(Clone, Debug)]
pub struct Channel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    url: DatabaseUrl,
    limit: Duration,
    sockets: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connection: Option<Connection>,
    /// When a connection was acquired that was not released.
    acquired: Option<Instant>,
}

impl Channel {
    /// A channel that is not connected yet. Each statement takes `limit` at most.
    #[must_use]
    pub fn new(url: DatabaseUrl, limit: Duration) -> Self {
        Self(Arc::new(Shared {
            url,
            limit,
            sockets: Arc::new(Semaphore::new(SOCKETS)),
            state: Mutex::default(),
        }))
    }

    /// Another channel to the same database, whose statements take `limit` at most.
    #[must_use]
    pub fn with_limit(&self, limit: Duration) -> Self {
        Self::new(self.0.url.clone(), limit)
    }

    /// Waits for the connection, and connects if there is none.
    ///
    /// # Errors
    /// When the server cannot be reached, does not prove who it is, or refuses.
    pub async fn acquire(&self) -> Result<Acquired<'_>, ConnectError> {
        let Shared {
            url,
            limit,
            sockets,
            state,
        } = &*self.0;
        let mut state = state.lock().await;
        let kept = state.connection.take().filter(|connection| !connection.is_closed());
        if let Some(connection) = kept {
            state.acquired = Some(Instant::now());
            return Ok(Acquired { connection, state });
        }
        if let Some(acquired) = state.acquired {
            sleep_until(acquired + PAUSE).await;
        }
        state.acquired = Some(Instant::now());
        // A semaphore that nobody closes always gives a permit in the end.
        let permit = Arc::clone(sockets).acquire_owned().await.ok();
        let connection = Connection::connect_with(url, *limit, permit).await?;
        Ok(Acquired { connection, state })
    }
}

/// The connection of a channel, for one statement. If it is dropped and not released, the channel connects again: what a statement
/// without an answer still does is not known.
#[derive(Debug)]
pub struct Acquired<'c> {
    connection: Connection,
    state: MutexGuard<'c, State>,
}

impl Acquired<'_> {
    /// The connection.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Keeps the connection for the next statement, because the last one has succeeded.
    pub fn release(mut self) {
        self.state.acquired = None;
        self.state.connection = Some(self.connection);
    }
}
