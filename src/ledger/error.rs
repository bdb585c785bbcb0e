//! Errors of a ledger, with its last good batch.

use std::fmt;

use jiff::Timestamp;

use crate::catalogue::ledger;
use crate::ledger::log::head::Older;
use crate::ledger::log::record::RecordError;
use crate::ledger::state::illegal_fact::IllegalFact;
use crate::ledger::store::{AppendError, StoreError};

/// Why a ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is damaged, which was found while it was read.
    #[error("{}", ledger::Unfinished { last })]
    Unfinished {
        /// The last good batch.
        last: LastGood,
        /// The cause.
        source: StoreError,
    },
    /// A batch cannot be read.
    #[error("{}", ledger::Record { sequence, last })]
    Record {
        /// The batch, from 1.
        sequence: u64,
        /// The last good batch.
        last: LastGood,
        /// The cause.
        source: RecordError,
    },
    /// A fact contradicts those before it.
    #[error("{}", ledger::IllegalFact { sequence, last })]
    IllegalFact {
        /// The batch, from 1.
        sequence: u64,
        /// The last good batch.
        last: LastGood,
        /// The contradiction.
        source: IllegalFact,
    },
    /// The ledger lacks a batch that it is known to have had, and no person has accepted that.
    #[error("{0}")]
    Older(Older),
    /// The run was stopped, and an append did not end in time.
    #[error("{}", ledger::GivenUp)]
    GivenUp,
    /// An earlier append failed in this process. Only opening the ledger again shows what is durable.
    #[error("{}", ledger::Failed)]
    Failed,
}

impl LedgerError {
    /// The error of a log that could not be read to its end. Only damage says something about the batches.
    pub(super) const fn of_read(last: LastGood, source: StoreError) -> Self {
        if source.is_damage() {
            return Self::Unfinished { last, source };
        }
        Self::Store(source)
    }
}

impl From<AppendError> for LedgerError {
    fn from(error: AppendError) -> Self {
        Self::Store(error.into_source())
    }
}

/// The last good batch, and the newest time of all facts up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// The batch's number. 0 without a good batch.
    pub sequence: u64,
    /// The newest time.
    pub newest: Timestamp,
}

impl fmt::Display for LastGood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            0 => ledger::NothingGood.fmt(f),
            sequence => ledger::LastGood {
                sequence: &sequence,
                newest: &self.newest,
            }
            .fmt(f),
        }
    }
}
