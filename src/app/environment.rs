//! What use cases take from their caller: the clock, the directory of witnesses, the database of a fleet, and a receiver of
//! notices.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::fleet::{Database, DatabaseUrl};
use crate::ledger::witness::Witnesses;
use crate::model::clock::Clock;
use crate::model::event::Owner;
use crate::notify::kept::KeptElsewhere;

use super::error::AppError;
use super::fleet_worker::FleetWorker;

/// What a use case does, for a caller that wants to show it.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'n> {
    /// It waits for a process that reads the ledger.
    WaitsForReader {
        /// That process.
        reader: &'n Owner,
        /// Whether the process was stopped, so that the wait may be long.
        is_stopped: bool,
    },
    /// It waits for the process that applies the campaign, which serves its ledger to others.
    WaitsForOwner(&'n str),
    /// It reads the ledger.
    ReadsLedger,
    /// It checks every batch of the ledger.
    ChecksLedger,
    /// It begins to read the audience.
    ReadsAudience,
    /// It has read this many rows of the audience and its exclude lists.
    Rows(u64),
    /// A rehearsal does not wait for these times, which a real run observes.
    SkipsWaits(&'n str),
    /// Nobody was asked about a campaign, because it waited for another worker of the fleet.
    NobodyAsked,
    /// A run was stopped before it sent anything: how, as the start of a sentence.
    StoppedEarly(&'n str),
    /// A run was stopped while it waited for its app id again: how, as the start of a sentence.
    StoppedWaiting(&'n str),
    /// A simulation has come this far.
    Simulates {
        /// The virtual time.
        at: Timestamp,
        /// The number of attempts so far.
        attempts: u64,
    },
    /// The reading of the audience has ended.
    AudienceRead,
    /// Something about the audience that a person may want to know and that stops nothing.
    Remark(&'n str),
}

/// A receiver of notices. It must not block.
pub trait Notify: Send + Sync {
    /// Receives a notice.
    fn notify(&self, notice: Notice<'_>);
}

impl<F: Fn(Notice<'_>) + Send + Sync> Notify for F {
    fn notify(&self, notice: Notice<'_>) {
        self(notice);
    }
}

/// What use cases take from their caller.
#[derive(Clone)]
pub struct Environment {
    /// The wall clock.
    pub clock: Clock,
    /// Where witnesses of ledgers are kept. `None` if the user has no such directory.
    pub witnesses: Option<Witnesses>,
    /// The database with the ledgers of real campaigns. `None` if they are in files.
    pub database: Option<DatabaseUrl>,
    /// This process as a worker of the fleet, for all its use cases. `None` if each of them is a worker of its own while it writes.
    pub worker: Option<Arc<FleetWorker>>,
    /// Where messages to channels are kept until they are sent, so that any machine sends them. `None` if this one keeps them.
    pub kept_messages: Option<Arc<dyn KeptElsewhere>>,
    /// Receives notices.
    pub notices: Arc<dyn Notify>,
}

impl Environment {
    /// Creates an environment without witnesses and without a receiver of notices.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            witnesses: None,
            database: None,
            worker: None,
            kept_messages: None,
            notices: Arc::new(|_: Notice<'_>| {}),
        }
    }

    /// Connects to the database of a fleet, over the connection of this process if it has one.
    ///
    /// # Errors
    /// When the database cannot be reached or used.
    pub async fn connect(&self, url: &DatabaseUrl) -> Result<Database, AppError> {
        match &self.worker {
            Some(worker) => worker.database().await,
            None => Ok(Database::connect(url).await?),
        }
    }

    /// Connects to the database of the environment. `None` if ledgers are in files.
    ///
    /// # Errors
    /// When the database cannot be reached or used.
    pub async fn open_database(&self) -> Result<Option<Database>, AppError> {
        match &self.database {
            Some(url) => Ok(Some(self.connect(url).await?)),
            None => Ok(None),
        }
    }

    /// Sends a notice to the caller.
    pub fn notify(&self, notice: Notice<'_>) {
        self.notices.notify(notice);
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("clock", &self.clock)
            .field("witnesses", &self.witnesses)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
