//! What a store has to do.

use std::future::Future;
use std::io::{self, Read, Write};

use crate::ledger::log::head::Head;

use super::error::StoreError;

/// Who is shown batches, by number. Its error ends the showing.
pub type BatchVisitor<'a> = dyn FnMut(u64, &[u8]) -> Result<(), StoreError> + Send + 'a;

/// What writes a shortcut.
pub type WriteSnapshot = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// An append-only log of batches, numbered from 1, with one writer.
///
/// A store may keep a shortcut beside the batches: bytes that spare their reader the reading of all of them. It may lose
/// it, and needs to know nothing of it; one that keeps none has nothing to say here.
pub trait Store: Send + 'static {
    /// Appends one batch at the next number. `Ok` means that it is durable: it survives a kill and a loss of power.
    fn append(&mut self, record: Vec<u8>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Shows every batch in order. Comes before the first append.
    ///
    /// # Errors
    /// When the store cannot be read, or is known to have been longer.
    fn read(&mut self, each: &mut BatchVisitor<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Shows the batches behind `known`, in order, and says yes. Says no where the store does not have that very batch, or
    /// cannot vouch for those before it; what was shown then does not count.
    ///
    /// # Errors
    /// As [`Store::read`].
    fn read_behind(
        &mut self,
        known: Head,
        each: &mut BatchVisitor<'_>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (known, each);
        async { Ok(false) }
    }

    /// The shortcut that was kept last; nothing where there is none.
    fn snapshot(&mut self) -> impl Future<Output = Option<Box<dyn Read + Send>>> + Send {
        async { None }
    }

    /// Keeps a shortcut in place of the last one.
    fn keep_shortcut(&mut self, write: WriteSnapshot) -> impl Future<Output = Result<(), StoreError>> + Send {
        drop(write);
        async { Ok(()) }
    }

    /// Waits until what was appended is no longer where the next process will look for it: the ledger was removed, renamed
    /// or replaced. [`Store::append`] fails from then on, too. Never ends for a store to which that cannot happen. It may be
    /// dropped and called again.
    fn gone(&mut self) -> impl Future<Output = StoreError> + Send {
        std::future::pending()
    }

    /// Lets go of it.
    fn close(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async move { drop(self) }
    }
}
