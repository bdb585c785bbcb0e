//! What the errors of the line mean to a person: which exit code, and what to do.

use crate::audience::AudienceError;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::douyin::client::ClientError;
use crate::engine::EngineError;
use crate::ledger::lock::LockError;
use crate::ledger::place::PlaceError;
use crate::ledger::{LedgerError, StoreError};

impl From<AudienceError> for Failure {
    fn from(error: AudienceError) -> Self {
        let exit = if error.is_input() { Exit::Input } else { Exit::Error };
        let failure = Self::of(exit, &error);
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match error {
            ClientError::BaseUrl { .. } => Exit::Input,
            ClientError::Setup(_) => Exit::Error,
        };
        Self::of(exit, &error)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Taken { .. } => Self::of(Exit::Taken, &error)
                .help("wait until it is done, or end it by `runner stop`; its state is safe"),
            LockError::Io { .. } => Self::of(Exit::Error, &error),
        }
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        let help = match &error {
            PlaceError::Network { .. } => "name a directory on a local disk with --state-dir",
            PlaceError::Foreign { .. } => {
                "a campaign keeps its app and platform for ever; give the new one another name, or name another \
                 directory with --state-dir"
            }
            PlaceError::Newer { .. } => "go on with the newer program that wrote it",
            PlaceError::Illegible { .. } | PlaceError::Missing { .. } => {
                "nothing was sent. restore the whole directory from one backup; without one, move it away, and the next \
                 run stops at the first coupon that was sent before"
            }
            PlaceError::Io { .. } => "make room or give permission there, or name another directory with --state-dir",
            PlaceError::Real { .. } => "nothing was changed",
            PlaceError::Lock(_) | PlaceError::Store(_) => "",
        };
        match error {
            PlaceError::Lock(error) => error.into(),
            PlaceError::Store(error) => LedgerError::Store(error).into(),
            error => Self::of(Exit::Error, &error).help(help),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let help = match &error {
            LedgerError::Store(error) | LedgerError::Unfinished { source: error, .. } => store(error),
            LedgerError::Record { .. } | LedgerError::Contradiction { .. } => {
                "nothing was sent. restore the ledger's whole directory from a backup"
            }
            LedgerError::Failed => "run the same command again",
        };
        Self::of(Exit::Error, &error).help(help)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let help = match &error {
            EngineError::Ledger(LedgerError::Store(error)) => store(error),
            EngineError::Ledger(_) => "please report this; nothing more was sent",
            EngineError::AppId(_) => "nothing more was sent; run the same command again",
            EngineError::Worker(_) => "please report this. what was in flight is in doubt; run the same command again",
        };
        Self::of(Exit::Error, &error).help(help)
    }
}

/// What to do about a store that failed.
const fn store(error: &StoreError) -> &'static str {
    match error {
        StoreError::Io { .. } | StoreError::Broken { .. } => {
            "nothing more was sent. make room or give permission there; then the same command goes on"
        }
        StoreError::Closed { .. }
        | StoreError::Damaged { .. }
        | StoreError::Lost { .. }
        | StoreError::Parted { .. }
        | StoreError::Headless { .. } => {
            "nothing was sent. restore the ledger's whole directory from one backup, store and head together"
        }
        StoreError::Owner { .. } => "it may have ended meanwhile: run the same command again",
        StoreError::Planned => "this is a test's doing",
    }
}
