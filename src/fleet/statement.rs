//! What a worker asks of the database, and what the database answers. Each statement is atomic.

use std::collections::BTreeMap;
use std::fmt;

use crate::ledger::Head;
use crate::model::identity::Identity;

/// A worker: one start of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u128);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The platform of the key of the service.
const SERVICE_PLATFORM: &str = "runner";

/// An app id on one platform: what a worker owns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppKey {
    /// The platform, as a ledger names it.
    pub platform: String,
    /// The app id.
    pub app: String,
}

impl AppKey {
    /// The key of the service, whose owner appends to the service log. No platform of a campaign has this name.
    #[must_use]
    pub fn of_service() -> Self {
        Self {
            platform: SERVICE_PLATFORM.to_owned(),
            app: "service".to_owned(),
        }
    }

    /// Whether it is the key of the service. Nothing is sent for it.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.platform == SERVICE_PLATFORM
    }

    /// The app id of a campaign's ledger.
    #[must_use]
    pub fn of_ledger(identity: &Identity) -> Self {
        Self {
            platform: identity.platform.to_string(),
            app: identity.app_id.to_string(),
        }
    }
}

/// A statement of a [`crate::fleet::Worker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Adds the worker's row.
    Register,
    /// Raises the worker's beat, unless the worker is fenced, and reads all workers and all app ids.
    Renew,
    /// Fences a worker, if its beat is still this one.
    Fence {
        /// The worker.
        id: WorkerId,
        /// Its beat.
        beat: u64,
    },
    /// Makes this worker the owner of an app id whose owner is missing or fenced, unless this worker is fenced or the app id has had
    /// another owner since.
    Claim {
        /// The app id.
        app: AppKey,
        /// The term of its last owner; 0 if it has had none.
        after: u64,
    },
    /// Gives up an app id.
    Release {
        /// The app id.
        app: AppKey,
        /// The term of this worker's ownership.
        term: u64,
    },
    /// Fences this worker itself, which owns nothing any more.
    Leave,
}

/// The answer to a [`Statement`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was not done: the condition of the statement does not hold.
    NotDone,
    /// This worker owns the app id in this term.
    Claimed {
        /// The term.
        term: u64,
    },
    /// All workers and app ids.
    Seen(View),
}

/// All workers and app ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The workers.
    pub workers: BTreeMap<WorkerId, WorkerRow>,
    /// The app ids that were ever claimed.
    pub apps: BTreeMap<AppKey, AppRow>,
}

/// The row of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    /// How often it has renewed its lease.
    pub beat: u64,
    /// Whether it may do nothing more.
    pub fenced: bool,
}

/// The row of an app id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppRow {
    /// The owner. `None` after a clean hand-over.
    pub owner: Option<WorkerId>,
    /// How many owners it has had.
    pub term: u64,
}

impl View {
    /// Whether a worker can do anything.
    #[must_use]
    pub fn is_live(&self, id: WorkerId) -> bool {
        self.workers.get(&id).is_some_and(|row| !row.fenced)
    }
}

/// The number of a ledger in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerNo(pub i64);

/// A batch of facts for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The ledger.
    pub ledger: LedgerNo,
    /// The term of the worker's ownership, for the record.
    pub term: u64,
    /// The batch before it.
    pub before: Head,
    /// The batch itself.
    pub head: Head,
    /// The record of the batch.
    pub record: Vec<u8>,
}

/// A statement of an [`crate::fleet::Appender`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogStatement {
    /// Adds the rows whose predecessor is in the log and whose place is free, unless the worker is fenced.
    Append(Vec<LogRow>),
    /// Reads whether the worker is fenced, and what is at these places. It writes to the worker's own row as well: if that write is
    /// on the standby, so is everything before it.
    ReadBack(Vec<(LedgerNo, u64)>),
}

/// The answer to a [`LogStatement`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAnswer {
    /// These rows were added.
    Appended {
        /// Their ledgers and numbers.
        rows: Vec<(LedgerNo, u64)>,
        /// Whether they are on the standby as well. Otherwise they may be lost.
        replicated: bool,
    },
    /// What the log has.
    ReadBack {
        /// Whether the worker is fenced or unknown.
        fenced: bool,
        /// The batches at the places that were asked for; an empty place is left out.
        found: BTreeMap<(LedgerNo, u64), Head>,
        /// The last batch of each ledger that was asked for; 0 for an empty log.
        last: BTreeMap<LedgerNo, u64>,
        /// Whether all of it is on the standby as well.
        replicated: bool,
    },
}
