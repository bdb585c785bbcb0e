//! The contract of a store: bytes, positions and flushes.

use std::future::Future;
use std::io::{self, Read, Write};

use super::error::StoreError;
use crate::ledger::log::head::Head;
use crate::ledger::log::page::Page;

/// Writes a snapshot.
pub type WriteSnapshot = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// Why a batch is not known to be durable.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The batch is not in the store.
    #[error(transparent)]
    Failed(StoreError),
    /// The store accepts no more batches from this process, because the ledger was removed or replaced, or because another
    /// process owns it. The next process does not find the batch.
    #[error(transparent)]
    Fenced(StoreError),
    /// The batch may be in the store or not. Only reading it again can tell.
    #[error(transparent)]
    Unknown(StoreError),
}

impl AppendError {
    /// What the store reported.
    #[must_use]
    pub fn into_source(self) -> StoreError {
        match self {
            Self::Failed(source) | Self::Fenced(source) | Self::Unknown(source) => source,
        }
    }
}

/// The next step of reading.
#[derive(Debug)]
pub enum ReadPage {
    /// The next batches, at least one.
    Page(Page),
    /// There are no more batches.
    End,
    /// The store does not have the batch after which it was to read, or it cannot vouch for those before it. Pages that were
    /// read since do not count.
    Missing,
}

/// An append-only log of batches, numbered from 1, with one writer.
///
/// A store may keep a snapshot beside the batches. It may lose it, and does not know what is in it.
pub trait Store: Send + 'static {
    /// Appends one batch at the next number. `Ok` means that the batch is durable: it survives a kill and a loss of power.
    ///
    /// # Errors
    /// An [`AppendError`] says whether the batch can be in the store.
    fn append(&mut self, record: Vec<u8>) -> impl Future<Output = Result<(), AppendError>> + Send;

    /// Reads batches after `after`, in order: from the first one if that is the default. A reader calls it again with the last
    /// batch of the page until [`ReadPage::End`], before the first append.
    ///
    /// # Errors
    /// When the store cannot be read, or is known to have been longer.
    fn read(&mut self, after: Head) -> impl Future<Output = Result<ReadPage, StoreError>> + Send;

    /// The last snapshot. `None` if there is none.
    fn read_snapshot(&mut self) -> impl Future<Output = Option<Box<dyn Read + Send>>> + Send {
        async { None }
    }

    /// Replaces the snapshot. The new one is as of `at`.
    fn write_snapshot(
        &mut self,
        at: Head,
        write: WriteSnapshot,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = at;
        drop(write);
        async { Ok(()) }
    }

    /// Waits until the store is fenced: it accepts no more batches from this process. Never ends for a store that cannot be
    /// fenced. The future may be dropped and the method called again.
    fn fenced(&mut self) -> impl Future<Output = StoreError> + Send {
        std::future::pending()
    }

    /// Closes the store.
    fn close(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async move { drop(self) }
    }
}
