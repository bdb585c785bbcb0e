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

/// Whether an error has a cause outside the store's files, so that it says nothing about damage.
pub(super) const fn is_outside(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
    )
}
