//! Why a store failed, in words.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system did not do what was asked of it.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A path of the ledger leads to nothing any more, or to another file than the one that this process opened.
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
        /// Where it is.
        path: PathBuf,
        /// The last batch that was durable.
        durable: u64,
        /// What it said.
        why: String,
    },
    /// The store cannot be read, or refuses what it is asked.
    #[error("cannot {what} the ledger's store at {}: {why}", .path.display())]
    Broken {
        /// What was attempted.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// The store ends before the batch that is known to be durable.
    #[error(
        "the ledger's store at {} ends after batch {last}, but batch {durable} was durable: its end is lost or damaged",
        .path.display()
    )]
    Lost {
        /// Where it is.
        path: PathBuf,
        /// The last batch that is there, and good.
        last: u64,
        /// The last one that was.
        durable: u64,
    },
    /// The store and its head are not of one time.
    #[error(
        "the ledger's store at {} and its head do not belong together at batch {sequence}: one of them was altered or put back",
        .path.display()
    )]
    Parted {
        /// Where it is.
        path: PathBuf,
        /// Where they part.
        sequence: u64,
    },
    /// The head cannot be read.
    #[error("the ledger's head at {} is damaged, so nobody can say whether the store beside it is whole", .path.display())]
    Headless {
        /// Where it is.
        path: PathBuf,
    },
    /// One of its files is not what it was when the store was closed, and that matters.
    #[error("`{}` of the ledger's store at {} was changed or damaged after it was closed{}", .file.display(), .path.display(), from(*.at))]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// Which file, as named within the store.
        file: PathBuf,
        /// Where in it the first difference is, to the mebibyte; nothing when the file is missing or is one too many.
        at: Option<u64>,
        /// What came of it.
        source: Box<StoreError>,
    },
    /// All batches are there and good, and yet the store cannot be opened with what lies beside them.
    #[error(
        "every batch of the ledger's store at {} is good, but what is kept beside them to open it is damaged: {}",
        .path.display(), .files.join(" or ")
    )]
    Summary {
        /// Where it is.
        path: PathBuf,
        /// In which of these files, as named within the store.
        files: Vec<String>,
        /// What came of it.
        source: Box<StoreError>,
    },
    /// The process that has the ledger stopped showing it.
    #[error("the process that applies the campaign stopped showing its ledger at {}", .path.display())]
    Owner {
        /// Where it was asked.
        path: PathBuf,
        /// How it stopped.
        source: io::Error,
    },
    /// What there is no room for in memory could not be kept in a temporary file.
    #[error("cannot {what} a temporary file in {}, for what is too much for the memory", .dir.display())]
    Spill {
        /// What was attempted.
        what: &'static str,
        /// Where.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It was told to, by a test.
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

/// Whether the system refused for a reason that lies outside of the store's files.
pub(super) const fn no_damage(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
    )
}
