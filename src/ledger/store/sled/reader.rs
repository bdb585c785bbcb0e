//! Reads the durable batches of a store to which another task appends, and delays nobody.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::blocking::{Operation, blocking};
use super::catch_panic::catch_panic;
use super::sled_db::Get;
use crate::ledger::log::block::{BlockRead, BlockReader};
use crate::ledger::log::page::Page;
use crate::ledger::store::error::StoreError;

/// Reads a store while batches are appended.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

struct Shared {
    get: Option<Get>,
    read: Operation,
    durable: Arc<AtomicU64>,
}

impl Reader {
    pub(super) fn new(read: Operation, durable: Arc<AtomicU64>, get: Get) -> Self {
        Self(Arc::new(Shared {
            get: Some(get),
            read,
            durable,
        }))
    }

    /// The last batch that was read when the store was opened, or has become durable since.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.0.durable.load(Ordering::SeqCst)
    }

    /// Reads a page of batches after batch `after`, which is 0 or the last one of a page, up to batch `last`, which is durable.
    ///
    /// # Errors
    /// When the store cannot be read, or ends before `last`.
    pub async fn read(&self, after: u64, last: u64) -> Result<Page, StoreError> {
        let shared = Arc::clone(&self.0);
        blocking(&self.0.read, move || shared.read(after, last)).await
    }
}

impl Shared {
    fn read(&self, after: u64, last: u64) -> Result<Page, StoreError> {
        let mut reading = BlockReader::from_block(after + 1);
        while !reading.is_full() {
            if !matches!(reading.read_block(|key| self.get(key))?, BlockRead::Whole) {
                break;
            }
        }
        let mut page = reading.take(0);
        page.remove_after(last);
        if page.is_empty() && after < last {
            return Err(StoreError::Lost {
                path: self.read.path.clone(),
                last: after,
                durable: last,
            });
        }
        Ok(page)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get.as_ref().map_or(Ok(None), |get| get(key))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.0.read.path)
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // sled flushes when its last handle is dropped, and panics if it cannot.
        let get = self.get.take();
        let _ = catch_panic(AssertUnwindSafe(|| drop(get)));
    }
}
