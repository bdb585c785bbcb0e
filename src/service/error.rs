//! Why the service does not begin, or an act does not happen.

use std::io;
use std::sync::Arc;

use crate::app::AppError;
use crate::catalogue::service as texts;
use crate::ledger::LedgerError;
use crate::ledger::service_log::ServiceLogError;

use super::act::Denied;
use super::fault::Fault;

/// Why the service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The log cannot be opened, or another service has it.
    #[error(transparent)]
    Log(#[from] ServiceLogError),
    /// A use case failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The first record is not durable.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// The socket for the records of the log cannot be made.
    #[error(transparent)]
    Socket(io::Error),
}

/// Why a record is not durable.
#[derive(Debug, thiserror::Error)]
pub enum NotRecorded {
    /// It never will be: the log takes nothing more.
    #[error(transparent)]
    Failed(#[from] LedgerError),
    /// The database does not answer. It is durable once the database does.
    #[error("{}", texts::RecordedLate)]
    Late,
}

/// Why an act did not happen.
#[derive(Clone, Debug)]
pub enum ActError {
    /// It is not allowed.
    Denied(Denied),
    /// It failed.
    Failed(Arc<Fault>),
}
