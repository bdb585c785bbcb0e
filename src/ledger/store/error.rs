//! Errors of stores.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused an operation.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// The operation.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A path of the ledger leads nowhere, or to another file than the one that this process opened.
    #[error(
        "the ledger is gone: {} {}",
        .path.display(),
        if *.replaced { "was replaced" } else { "was removed or renamed" }
    )]
    Gone {
        /// The path.
        path: PathBuf,
        /// Whether another file is there now.
        replaced: bool,
    },
    /// The store cannot be opened, though batches were durable in it.
    #[error("cannot open the ledger's store at {}, where batch {durable} was durable: {why}", .path.display())]
    Closed {
        /// The store.
        path: PathBuf,
        /// The last batch that is known to have been durable.
        durable: u64,
        /// The message of sled.
        why: String,
    },
    /// The store refused an operation.
    #[error("cannot {what} the ledger's store at {}: {why}", .path.display())]
    Broken {
        /// The operation.
        what: &'static str,
        /// The store.
        path: PathBuf,
        /// The message of sled.
        why: String,
    },
    /// An operation did not end within its time.
    #[error("cannot {what} the ledger's store at {}: the disk has not answered for {seconds} s", .path.display())]
    Stalled {
        /// The operation.
        what: &'static str,
        /// The store.
        path: PathBuf,
        /// How long it has lasted.
        seconds: u64,
    },
    /// Another process still writes to the store.
    #[error("cannot open the ledger's store at {}: another process has it open", .path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The store ends before the batch that is known to be durable.
    #[error(
        "the ledger's store at {} ends after batch {last}, but batch {durable} was durable: its end is lost or damaged",
        .path.display()
    )]
    Lost {
        /// The store.
        path: PathBuf,
        /// The last good batch.
        last: u64,
        /// The last batch that is known to have been durable.
        durable: u64,
    },
    /// The store and its head contradict each other.
    #[error(
        "the ledger's store at {} and its head do not belong together at batch {sequence}: one of them was altered or put back",
        .path.display()
    )]
    Parted {
        /// The store.
        path: PathBuf,
        /// The batch at which they differ.
        sequence: u64,
    },
    /// The head cannot be read.
    #[error("the ledger's head at {} is damaged, so nobody can say whether the store beside it is whole", .path.display())]
    Headless {
        /// The store.
        path: PathBuf,
    },
    /// A file was changed after the store was closed, and a batch cannot be read because of it.
    #[error("`{}` of the ledger's store at {} was changed or damaged after it was closed{}", .file.display(), .path.display(), from(*.at))]
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
    #[error(
        "every batch of the ledger's store at {} is good, but what is kept beside them to open it is damaged: {}",
        .path.display(), .files.join(" or ")
    )]
    Summary {
        /// The store.
        path: PathBuf,
        /// The files of sled's snapshot, one of which is damaged.
        files: Vec<String>,
        /// The error that it caused.
        source: Box<StoreError>,
    },
    /// The owner of the ledger stopped sending it.
    #[error("the process that applies the campaign stopped showing its ledger at {}", .path.display())]
    Owner {
        /// The owner's socket.
        path: PathBuf,
        /// The error of the connection.
        source: io::Error,
    },
    /// A spill file failed.
    #[error("cannot {what} a temporary file in {}, for what is too much for the memory", .dir.display())]
    Spill {
        /// The operation.
        what: &'static str,
        /// Its directory.
        dir: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A test injected this fault.
    #[error("the store failed as planned")]
    Planned,
}

fn from(at: Option<u64>) -> String {
    at.map(|at| format!(", within the mebibyte from byte {at} on"))
        .unwrap_or_default()
}

pub(super) fn io_error(what: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

impl StoreError {
    /// Whether the content of the store's files proves damage. Any other error goes away with its cause.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Closed { .. }
            | Self::Lost { .. }
            | Self::Parted { .. }
            | Self::Headless { .. }
            | Self::Damaged { .. }
            | Self::Summary { .. } => true,
            Self::Io { .. }
            | Self::Gone { .. }
            | Self::Broken { .. }
            | Self::Stalled { .. }
            | Self::InUse { .. }
            | Self::Owner { .. }
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
