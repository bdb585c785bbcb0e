//! Converts the errors of other modules into failures: which problem each is, and what to do.

use crate::audience::AudienceError;
use crate::cli::failure::Failure;
use crate::cli::witness;
use crate::douyin::client::ClientError;
use crate::engine::EngineError;
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::{LedgerError, StoreError};
use crate::model::problem::Problem;

impl From<AudienceError> for Failure {
    fn from(error: AudienceError) -> Self {
        let problem = match &error {
            AudienceError::Unreadable { .. } => Problem::AudienceUnreadable,
            AudienceError::NotAFile { .. } => Problem::AudienceNotAFile,
            AudienceError::Pattern { .. } | AudienceError::NoMatch { .. } => Problem::AudiencePattern,
            AudienceError::Terminal => Problem::AudienceNotPiped,
            AudienceError::Foreign { .. } | AudienceError::NotParquet { .. } | AudienceError::NotSqlite { .. } => {
                Problem::AudienceKind
            }
            AudienceError::Damaged { .. } | AudienceError::NoFooter { .. } | AudienceError::BadParquet { .. } => {
                Problem::AudienceDamaged
            }
            AudienceError::Empty { .. } => Problem::AudienceEmpty,
            AudienceError::NoColumn { .. } | AudienceError::NoSuchColumn { .. } => Problem::AudienceColumn,
            AudienceError::RepeatedColumn { .. } | AudienceError::Ambiguous { .. } => Problem::AudienceRepeatedColumn,
            AudienceError::ColumnType { .. } => Problem::AudienceColumnType,
            AudienceError::LongValue { .. } | AudienceError::Malformed { .. } => Problem::AudienceMalformed,
            AudienceError::Secret { .. } | AudienceError::Url { .. } => Problem::AudienceUrl,
            AudienceError::NoQuery { .. } => Problem::AudienceQuery,
            AudienceError::Database { .. } if error.is_input() => Problem::AudienceQuery,
            AudienceError::Database { .. } => Problem::AudienceServer,
            AudienceError::Changed { .. } => Problem::AudienceChanged,
            AudienceError::BrokenOff => Problem::AudienceBrokenOff,
            AudienceError::NoThread { .. } => Problem::System,
            AudienceError::Broken => Problem::Defect,
        };
        let failure = Self::from_error(problem, &error);
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let problem = match error {
            ClientError::BaseUrl { .. } => Problem::BaseUrl,
            ClientError::Setup(_) => Problem::Http,
        };
        Self::from_error(problem, &error)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Taken { .. } => Self::from_error(Problem::Taken, &error)
                .help("wait until it is done, or end it by `runner stop`; its state is safe"),
            LockError::Io { .. } => Self::from_error(Problem::Lock, &error),
        }
    }
}

impl From<LedgerDirError> for Failure {
    fn from(error: LedgerDirError) -> Self {
        let backup = "nothing was sent. restore the whole directory from one backup; without one, move it away, and the \
                      next run stops at the first coupon that was sent before";
        let (problem, help) = match &error {
            LedgerDirError::Network { .. } => (
                Problem::NetworkDisk,
                "name a directory on a local disk with --state-dir",
            ),
            LedgerDirError::Foreign { .. } => (
                Problem::ForeignLedger,
                "a campaign keeps its app and platform for ever; give the new one another name, or name another \
                 directory with --state-dir",
            ),
            LedgerDirError::Newer { .. } => (Problem::NewerLedger, "go on with the newer program that wrote it"),
            LedgerDirError::Illegible { .. } => (Problem::IllegibleLedger, backup),
            LedgerDirError::Missing { .. } => (Problem::HalfLedger, backup),
            LedgerDirError::Io { .. } => (
                Problem::LedgerDirectory,
                "make room or give permission there, or name another directory with --state-dir",
            ),
            LedgerDirError::Real { .. } => (Problem::RealLedger, "nothing was changed"),
            LedgerDirError::Lock(_) | LedgerDirError::Store(_) => (Problem::Lock, ""),
        };
        match error {
            LedgerDirError::Lock(error) => error.into(),
            LedgerDirError::Store(error) => LedgerError::Store(error).into(),
            error => Self::from_error(problem, &error).help(help),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let backup = "nothing was sent. restore the ledger's whole directory from a backup";
        let (problem, help) = match &error {
            LedgerError::Store(error) | LedgerError::Unfinished { source: error, .. } => store(error),
            LedgerError::Record { .. } => (Problem::Record, backup),
            LedgerError::IllegalFact { .. } => (Problem::IllegalFact, backup),
            LedgerError::Older(_) => (Problem::OlderLedger, witness::HELP),
            LedgerError::Failed => (Problem::LedgerFailed, "run the same command again"),
        };
        Self::from_error(problem, &error).help(help)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let report = "please report this; nothing more was sent";
        let (problem, help) = match &error {
            EngineError::Ledger(LedgerError::Store(error)) => store(error),
            EngineError::Ledger(LedgerError::Record { .. } | LedgerError::Unfinished { .. }) => {
                (Problem::Record, report)
            }
            EngineError::Ledger(LedgerError::IllegalFact { .. }) => (Problem::IllegalFact, report),
            EngineError::Ledger(LedgerError::Older(_)) => (Problem::OlderLedger, witness::HELP),
            EngineError::Ledger(LedgerError::Failed) => (Problem::LedgerFailed, report),
            EngineError::AppId(_) => (Problem::AppLock, "nothing more was sent; run the same command again"),
            EngineError::Worker(_) => (
                Problem::Defect,
                "please report this. what was in flight is in doubt; run the same command again",
            ),
        };
        Self::from_error(problem, &error).help(help)
    }
}

/// Returns the problem of a failed store, and what to do.
const fn store(error: &StoreError) -> (Problem, &'static str) {
    match error {
        StoreError::Io { .. } | StoreError::Broken { .. } => (
            Problem::Store,
            "nothing more was sent. make room or give permission there; then the same command goes on",
        ),
        StoreError::Closed { .. }
        | StoreError::Damaged { .. }
        | StoreError::Lost { .. }
        | StoreError::Parted { .. }
        | StoreError::Headless { .. }
        | StoreError::Summary { .. } => (
            Problem::LostEnd,
            "nothing was sent. restore the ledger's whole directory from one backup, store and head together",
        ),
        StoreError::Gone { .. } => (
            Problem::LedgerGone,
            "nothing more was sent. put the ledger's directory back where it was, or restore it from a backup, before you \
             apply the campaign again: without it, users who have a coupon are sent to again",
        ),
        StoreError::Owner { .. } => (
            Problem::OwnerGone,
            "it may have ended meanwhile: run the same command again",
        ),
        StoreError::Spill { .. } => (
            Problem::Temporary,
            "nothing more was sent. make room there, or let TMPDIR name a directory of a disk that has some; then the same \
             command goes on",
        ),
        StoreError::Planned => (Problem::Store, "this is a test's doing"),
    }
}
