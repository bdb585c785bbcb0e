//! What the task receives that appends to the service log.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::ledger::{Head, LedgerError};
use crate::service::record::{Entry, Record};

/// How long an act waits for a database to record it.
pub(super) const RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// The most records that wait for a database that is away.
pub(super) const MOST_WAITING: usize = 10_000;

/// A record on its way into the log.
pub(super) struct Waiting {
    pub(super) record: Record,
    /// Where its number is reported. `None` if nobody waits for it.
    pub(super) recorded: Option<oneshot::Sender<Result<u64, LedgerError>>>,
}

/// What the task that appends records receives.
pub(super) enum LogInput {
    Append(Box<Waiting>),
    /// Nothing more is to be recorded.
    Close,
}

impl Waiting {
    /// Whether the act is executed by the task that waits for the record alone.
    pub(super) const fn is_executed_after(&self) -> bool {
        match &self.record.entry {
            Entry::Act { act, refused: None, .. } => {
                let kind = act.kind();
                !kind.only_holds_back() && !kind.only_shows()
            }
            _ => false,
        }
    }
}

/// How far the log is durable.
#[derive(Clone, Copy)]
pub(super) struct Durable {
    pub(super) head: Head,
    /// Whether the service ends, so that no record follows.
    pub(super) is_last: bool,
}
