//! Errors of stores.

use std::io;
use std::path::{Path, PathBuf};

use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;

/// The error of a database.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused an operation.
    #[error("{}", ledger::CannotDo { action, path: &path.display() })]
    Io {
        /// What was attempted.
        action: Action,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A path of the ledger leads nowhere, or to another file than the one that this process opened.
    #[error("{}", ledger::Gone { path: &path.display(), how: &if *replaced { "replaced" } else { "removed" } })]
    Gone {
        /// The path.
        path: PathBuf,
        /// Whether another file is there now.
        replaced: bool,
    },
    /// The store cannot be opened, though batches were durable in it.
    #[error("{}", ledger::Closed { path: &path.display(), durable, why })]
    Closed {
        /// The store.
        path: PathBuf,
        /// The last batch that is known to have been durable.
        durable: u64,
        /// The message of sled.
        why: String,
    },
    /// The store refused an operation.
    #[error("{}", ledger::CannotDoToStore { action, path: &path.display(), why })]
    Broken {
        /// What was attempted.
        action: Action,
        /// The store.
        path: PathBuf,
        /// The message of sled.
        why: String,
    },
    /// An operation did not end within its time.
    #[error("{}", ledger::Stalled { action, path: &path.display(), seconds })]
    Stalled {
        /// What was attempted.
        action: Action,
        /// The store.
        path: PathBuf,
        /// How long it has lasted.
        seconds: u64,
    },
    /// Another process still writes to the store.
    #[error("{}", ledger::InUse { path: &path.display() })]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The store ends before the batch that is known to be durable.
    #[error("{}", ledger::Lost { path: &path.display(), last, durable })]
    Lost {
        /// The store.
        path: PathBuf,
        /// The last good batch.
        last: u64,
        /// The last batch that is known to have been durable.
        durable: u64,
    },
    /// The store and its head contradict each other.
    #[error("{}", ledger::Parted { path: &path.display(), sequence })]
    Parted {
        /// The store.
        path: PathBuf,
        /// The batch at which they differ.
        sequence: u64,
    },
    /// The head cannot be read.
    #[error("{}", ledger::Headless { path: &path.display() })]
    Headless {
        /// The store.
        path: PathBuf,
    },
    /// A file was changed after the store was closed, and a batch cannot be read because of it.
    #[error("{}", damaged(path, file, *at))]
    Damaged {
        /// The store.
        path: PathBuf,
        /// The file, by its path in the store.
        file: PathBuf,
        /// The offset of the mebibyte with the first difference. `None` if the file is missing or new.
        at: Option<u64>,
        /// The error that it caused.
        source: Box<StoreError>,
    },
    /// All batches are good, but the store cannot be opened because sled's own snapshot is damaged.
    #[error("{}", ledger::Summary { path: &path.display(), files: &any_of(files) })]
    Summary {
        /// The store.
        path: PathBuf,
        /// The files of sled's snapshot, one of which is damaged.
        files: Vec<String>,
        /// The error that it caused.
        source: Box<StoreError>,
    },
    /// The owner of the ledger stopped sending it.
    #[error("{}", ledger::Owner { path: &path.display() })]
    Owner {
        /// The owner's socket.
        path: PathBuf,
        /// The error of the connection.
        source: io::Error,
    },
    /// A spill file failed.
    #[error("{}", ledger::Spill { action, path: &dir.display() })]
    Spill {
        /// What was attempted.
        action: Action,
        /// Its directory.
        dir: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The database of a fleet failed, or cannot be reached.
    #[error("{}", ledger::CannotDoToDatabase { action, place })]
    Database {
        /// What was attempted.
        action: Action,
        /// The hosts and the name of the database.
        place: String,
        /// The error of the connection or of the server.
        source: Cause,
    },
    /// The database takes nothing more from this worker: another worker may own the app id.
    #[error("{}", ledger::Fenced { place })]
    Fenced {
        /// The hosts and the name of the database.
        place: String,
    },
    /// The database has another batch than the one that this worker knows or appends.
    #[error("{}", ledger::Overtaken { place, sequence })]
    Overtaken {
        /// The hosts and the name of the database.
        place: String,
        /// The batch.
        sequence: u64,
    },
    /// The database lacks a batch that it has acknowledged.
    #[error("{}", ledger::Forgotten { place, last, durable })]
    Forgotten {
        /// The hosts and the name of the database.
        place: String,
        /// The last batch that the database and this worker have.
        last: u64,
        /// The last batch that was durable.
        durable: u64,
    },
    /// A test injected this fault.
    #[error("{}", ledger::Planned)]
    Planned,
}

fn damaged(path: &Path, file: &Path, at: Option<u64>) -> String {
    let path = path.display();
    let file = file.display();
    match at {
        Some(at) => ledger::DamagedFrom {
            path: &path,
            file: &file,
            at: &at,
        }
        .to_string(),
        None => ledger::Damaged {
            path: &path,
            file: &file,
        }
        .to_string(),
    }
}

fn any_of(files: &[String]) -> String {
    let listed = files.iter().cloned().reduce(|first, second| {
        ledger::ListOr {
            first: &first,
            second: &second,
        }
        .to_string()
    });
    listed.unwrap_or_default()
}

pub(super) fn io_error(action: Action, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

impl StoreError {
    /// Whether the content of the store proves damage. Any other error goes away with its cause.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Closed { .. }
            | Self::Lost { .. }
            | Self::Parted { .. }
            | Self::Headless { .. }
            | Self::Damaged { .. }
            | Self::Overtaken { .. }
            | Self::Forgotten { .. }
            | Self::Summary { .. } => true,
            Self::Io { .. }
            | Self::Gone { .. }
            | Self::Broken { .. }
            | Self::Stalled { .. }
            | Self::InUse { .. }
            | Self::Owner { .. }
            | Self::Database { .. }
            | Self::Fenced { .. }
            | Self::Spill { .. }
            | Self::Planned => false,
        }
    }
}

/// Whether an error has a cause outside the store's files, so that it says nothing about damage: all except those that sled
/// makes of what it reads.
pub(super) fn is_outside(kind: io::ErrorKind) -> bool {
    !matches!(
        kind,
        io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}

/// Whether a disk takes no more bytes, so that a copy is not possible there.
pub(super) const fn takes_nothing(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
    )
}

/// Finds the system's error in the debug text of one, as in sled's panics and in errors that it passes between threads.
pub(super) fn system_error_in(text: &str) -> Option<io::Error> {
    let (_, rest) = text.split_once("Os { code: ")?;
    let (code, _) = rest.split_once(',')?;
    Some(io::Error::from_raw_os_error(code.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_is_found_in_its_debug_text() {
        let full = io::Error::from_raw_os_error(28);
        let text = format!("called `Result::unwrap()` on an `Err` value: {full:?}");
        assert_eq!(system_error_in(&text).unwrap().raw_os_error(), Some(28));
        assert!(system_error_in("index out of bounds: the len is 3").is_none());
    }

    #[test]
    fn only_what_sled_read_can_be_damage() {
        for code in [4, 5, 12, 13, 23, 24, 27, 28, 30, 116] {
            assert!(is_outside(io::Error::from_raw_os_error(code).kind()), "{code}");
        }
        assert!(!is_outside(io::ErrorKind::InvalidData));
        assert!(!is_outside(io::ErrorKind::UnexpectedEof));
    }
}
