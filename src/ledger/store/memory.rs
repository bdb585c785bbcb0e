//! A store in memory that keeps its promises no better than a disk: it can stall, fail, and forget what was not flushed.
//! For tests, examples, and the plan of a campaign that has no ledger yet; nothing in it outlives the process. The faults are
//! for tests alone.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::ledger::log::head::Head;
use crate::ledger::log::record::link_of;
use crate::ledger::store::{BatchVisitor, Store, StoreError, WriteSnapshot};

/// A store in memory. Clones share what is durable, as two openings of one disk do.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
    vanished: watch::Sender<bool>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            shared: Arc::default(),
            vanished: watch::channel(false).0,
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    durable: Vec<Vec<u8>>,
    snapshot: Option<Vec<u8>>,
    stall: Duration,
    fails_after: Option<u64>,
    fails_written: bool,
    forgets: bool,
}

impl MemoryStore {
    /// Lets each append take so long from now on.
    pub fn stall(&self, stall: Duration) {
        self.with(|shared| shared.stall = stall);
    }

    /// Lets appends fail once there are so many records.
    pub fn fail_after(&self, records: u64) {
        self.with(|shared| shared.fails_after = Some(records));
    }

    /// As [`MemoryStore::fail_after`], but what failed is durable all the same: nobody was told before the end.
    pub fn fail_written_after(&self, records: u64) {
        self.with(|shared| {
            shared.fails_after = Some(records);
            shared.fails_written = true;
        });
    }

    /// Lets appends succeed from now on.
    pub fn mend(&self) {
        self.with(|shared| {
            shared.fails_after = None;
            shared.fails_written = false;
        });
    }

    /// Removes the ledger under those who have it open: what they append from now on is lost.
    pub fn vanish(&self) {
        self.vanished.send_replace(true);
    }

    /// Alters what is durable, as a damaged disk does.
    pub fn tamper(&self, alter: impl FnOnce(&mut Vec<Vec<u8>>)) {
        self.with(|shared| alter(&mut shared.durable));
    }

    /// Alters the shortcut that is kept beside what is durable.
    pub fn tamper_shortcut(&self, alter: impl FnOnce(&mut Option<Vec<u8>>)) {
        self.with(|shared| alter(&mut shared.snapshot));
    }

    /// Whether appends say that they are durable and are not, as a disk without flushes does.
    pub fn forget(&self, forgets: bool) {
        self.with(|shared| shared.forgets = forgets);
    }

    /// How many records are durable.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.with(|shared| shared.durable.len() as u64)
    }

    fn with<R>(&self, look: impl FnOnce(&mut Shared) -> R) -> R {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        let stall = self.with(|shared| shared.stall);
        if !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if *self.vanished.borrow() {
            return Err(gone());
        }
        self.with(|shared| {
            if shared
                .fails_after
                .is_some_and(|most| shared.durable.len() as u64 >= most)
            {
                if shared.fails_written {
                    shared.durable.push(record);
                }
                return Err(StoreError::Planned);
            }
            if !shared.forgets {
                shared.durable.push(record);
            }
            Ok(())
        })
    }

    async fn read(&mut self, each: &mut BatchVisitor<'_>) -> Result<(), StoreError> {
        let records = self.with(|shared| shared.durable.clone());
        (1..)
            .zip(&records)
            .try_for_each(|(sequence, record)| each(sequence, record))
    }

    async fn read_behind(&mut self, known: Head, each: &mut BatchVisitor<'_>) -> Result<bool, StoreError> {
        let records = self.with(|shared| shared.durable.clone());
        let at = known.sequence.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let has = at
            .and_then(|at| records.get(at))
            .is_some_and(|record| link_of(record) == known.link);
        if !has {
            return Ok(false);
        }
        (1..)
            .zip(&records)
            .filter(|(sequence, _)| *sequence > known.sequence)
            .try_for_each(|(sequence, record)| each(sequence, record))?;
        Ok(true)
    }

    async fn gone(&mut self) -> StoreError {
        let mut vanished = self.vanished.subscribe();
        // This store has a sender of its own, so there is always one.
        let _ = vanished.wait_for(|vanished| *vanished).await;
        gone()
    }

    async fn snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        let bytes = self.with(|shared| shared.snapshot.clone())?;
        Some(Box::new(Cursor::new(bytes)))
    }

    async fn keep_shortcut(&mut self, write: WriteSnapshot) -> Result<(), StoreError> {
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
