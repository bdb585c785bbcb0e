//! A second hand on a store that is open: it reads what is durable while batches are appended, and holds nobody up.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::catch_panic::catch_panic;
use crate::ledger::log::block::{BlockReader, MOST_IN_ONE, key};
use crate::ledger::store::error::StoreError;

/// Asks a store for the value under one key.
pub(in crate::ledger) type Get = Box<dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError> + Send + Sync>;

/// Reads a store that another hand appends to.
pub struct Reader {
    get: Option<Get>,
    path: PathBuf,
    durable: Arc<AtomicU64>,
}

impl Reader {
    pub(in crate::ledger) fn new(path: PathBuf, durable: Arc<AtomicU64>, get: Get) -> Self {
        Self {
            get: Some(get),
            path,
            durable,
        }
    }

    /// The last batch that was read when the store was opened, or has become durable since.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::SeqCst)
    }

    /// Shows the batches from 1 to `last`, in order. Waits for the disk, so it belongs on a thread of its own.
    ///
    /// # Errors
    /// When the store cannot be read, or has fewer.
    pub fn read(&self, last: u64, mut show: impl FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut reading = BlockReader::default();
        let mut shown = 0;
        while shown < last {
            let mut more = true;
            while more && !reading.is_full() {
                more = self.group(&mut reading)?;
            }
            let segment = reading.take(0);
            for (sequence, record) in segment.records().take_while(|(sequence, _)| *sequence <= last) {
                if show(record).is_break() {
                    return Ok(());
                }
                shown = sequence;
            }
            if !more && shown < last {
                return Err(StoreError::Lost {
                    path: self.path.clone(),
                    last: shown,
                    durable: last,
                });
            }
        }
        Ok(())
    }

    /// Takes the next group in; false when there is none that is whole.
    fn group(&self, reading: &mut BlockReader) -> Result<bool, StoreError> {
        for part in 0.. {
            let Some(bytes) = self.get(&key(reading.next(), part))? else {
                if part == 0 {
                    return Ok(false);
                }
                break;
            };
            reading.add(&bytes);
            if bytes.len() < MOST_IN_ONE {
                break;
            }
        }
        Ok(reading.close_group().is_some())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(get) = &self.get else { return Ok(None) };
        catch_panic(AssertUnwindSafe(|| get(key))).unwrap_or_else(|why| {
            Err(StoreError::Broken {
                what: "read",
                path: self.path.clone(),
                why,
            })
        })
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The last hand on a store syncs it when it lets go, and may panic in that.
        let get = self.get.take();
        let _ = catch_panic(AssertUnwindSafe(|| drop(get)));
    }
}
