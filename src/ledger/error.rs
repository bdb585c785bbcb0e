//! Why a ledger cannot be read or written, and up to where it is sound.

use std::fmt;

use jiff::Timestamp;

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
    /// The store failed while it was read.
    #[error("cannot read the ledger to its end; {last}")]
    Unfinished {
        /// What was read before.
        last: LastGood,
        /// Why.
        source: StoreError,
    },
    /// A batch cannot be read.
    #[error("batch {sequence} of the ledger cannot be read; {last}")]
    Record {
        /// Its number, from 1.
        sequence: u64,
        /// What was read before.
        last: LastGood,
        /// Why.
        source: RecordError,
    },
    /// A fact contradicts those before it.
    #[error("batch {sequence} of the ledger contradicts what came before it; {last}")]
    IllegalFact {
        /// Its number, from 1.
        sequence: u64,
        /// What came before.
        last: LastGood,
        /// How.
        source: IllegalFact,
    },
    /// It does not have a batch that it is known to have had, and nobody has accepted that.
    #[error("{0}")]
    Older(Older),
    /// An earlier batch failed in this process; what is durable is known only to whoever opens the ledger again.
    #[error("the ledger failed before and takes nothing more from this process")]
    Failed,
}

impl From<AppendError> for LedgerError {
    fn from(error: AppendError) -> Self {
        Self::Store(error.into_source())
    }
}

/// The last batch that is sound, and the newest time in the ledger up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// The batch's number; 0 when there is none.
    pub sequence: u64,
    /// The newest time of its facts and those before them.
    pub newest: Timestamp,
}

impl fmt::Display for LastGood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            0 => f.write_str("nothing before it is sound"),
            sequence => write!(f, "the last good one is batch {sequence}, up to {}", self.newest),
        }
    }
}
