//! A store in memory, for tests, examples and the plan of a campaign that has no ledger yet. Nothing in it outlives the
//! process. Tests can inject the faults of a disk: it stalls, fails, or forgets batches that were not flushed.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::contract::{AppendError, ReadPage, Store, WriteSnapshot};
use super::error::StoreError;
use crate::ledger::log::head::Head;
use crate::ledger::log::page::Page;
use crate::ledger::log::record::link_of;

/// The most batches in a page. Few, so that tests read several pages.
const PAGE: usize = 64;

/// A store in memory. Clones share their batches, like two openings of one disk.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
    is_gone: watch::Sender<bool>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            shared: Arc::default(),
            is_gone: watch::channel(false).0,
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    durable: Vec<Vec<u8>>,
    snapshot: Option<Vec<u8>>,
    stall: Duration,
    fails_after: Option<u64>,
    is_failed_batch_durable: bool,
    forgets: bool,
}

impl MemoryStore {
    /// Each append takes this long from now on.
    pub fn stall(&self, stall: Duration) {
        self.with(|shared| shared.stall = stall);
    }

    /// Appends fail once there are `records` batches.
    pub fn fail_after(&self, records: u64) {
        self.with(|shared| shared.fails_after = Some(records));
    }

    /// Like [`MemoryStore::fail_after`], but the batch of the failed append is durable.
    pub fn fail_written_after(&self, records: u64) {
        self.with(|shared| {
            shared.fails_after = Some(records);
            shared.is_failed_batch_durable = true;
        });
    }

    /// Appends succeed from now on.
    pub fn mend(&self) {
        self.with(|shared| {
            shared.fails_after = None;
            shared.is_failed_batch_durable = false;
        });
    }

    /// Removes the ledger while it is open. Later appends are lost.
    pub fn vanish(&self) {
        self.is_gone.send_replace(true);
    }

    /// Changes the durable batches, like a damaged disk.
    pub fn tamper(&self, alter: impl FnOnce(&mut Vec<Vec<u8>>)) {
        self.with(|shared| alter(&mut shared.durable));
    }

    /// Changes the snapshot.
    pub fn tamper_shortcut(&self, alter: impl FnOnce(&mut Option<Vec<u8>>)) {
        self.with(|shared| alter(&mut shared.snapshot));
    }

    /// Sets whether appends succeed without being durable, like on a disk that ignores flushes.
    pub fn forget(&self, forgets: bool) {
        self.with(|shared| shared.forgets = forgets);
    }

    /// Returns the number of durable batches.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.with(|shared| shared.durable.len() as u64)
    }

    fn with<R>(&self, look: impl FnOnce(&mut Shared) -> R) -> R {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        if self
            .fails_after
            .is_some_and(|records| self.durable.len() as u64 >= records)
        {
            if self.is_failed_batch_durable {
                self.durable.push(record);
            }
            return Err(AppendError::Unknown(StoreError::Planned));
        }
        if !self.forgets {
            self.durable.push(record);
        }
        Ok(())
    }

    fn read(&self, after: Head) -> ReadPage {
        let first = usize::try_from(after.sequence).unwrap_or(usize::MAX);
        let before = first.checked_sub(1).map(|at| self.durable.get(at));
        if before.is_some_and(|record| record.is_none_or(|record| link_of(record) != after.link)) {
            return ReadPage::Missing;
        }
        let mut page = Page::default();
        for (sequence, record) in (after.sequence + 1..).zip(&self.durable[first..]).take(PAGE) {
            page.push(sequence, record);
        }
        if page.is_empty() {
            ReadPage::End
        } else {
            ReadPage::Page(page)
        }
    }
}

impl Store for MemoryStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        let stall = self.with(|shared| shared.stall);
        if !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if *self.is_gone.borrow() {
            return Err(AppendError::Fenced(gone()));
        }
        self.with(|shared| shared.append(record))
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        Ok(self.with(|shared| shared.read(after)))
    }

    async fn fenced(&mut self) -> StoreError {
        let mut is_gone = self.is_gone.subscribe();
        // This store has a sender of its own, so there is always one.
        let _ = is_gone.wait_for(|is_gone| *is_gone).await;
        gone()
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        let bytes = self.with(|shared| shared.snapshot.clone())?;
        Some(Box::new(Cursor::new(bytes)))
    }

    async fn write_snapshot(&mut self, _at: Head, write: WriteSnapshot) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        write(&mut bytes).map_err(|_: io::Error| StoreError::Planned)?;
        self.with(|shared| shared.snapshot = Some(bytes));
        Ok(())
    }
}

fn gone() -> StoreError {
    StoreError::Gone {
        path: "memory".into(),
        replaced: false,
    }
}
