//! A store in sled's files.

use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch as watch_channel};
use tokio::task::{JoinError, spawn_blocking};

use crate::ledger::files::KnownFiles;
use crate::ledger::lock::wait_unlocked;
use crate::ledger::log::block::Segment;
use crate::ledger::log::head::Head;
use crate::ledger::log::record::link_of;
use crate::ledger::store::contract::{BatchVisitor, Store, WriteSnapshot};
use crate::ledger::store::error::StoreError;

use super::catch_panic::catch_panic;
use super::reader::Reader;
use super::store_files::{Condition, StoreFiles};
use super::watch::Watch;

/// A store on disk: sled's files in `store`, and `head` beside it, within one directory. Whoever opens it has the
/// campaign's lock.
///
/// Opening it changes nothing in its files but what a kill left there: they are as they were until the first append, or
/// until somebody is to read beside it. When it is dropped it is closed, and sealed if nothing went wrong.
#[derive(Debug)]
pub struct SledStore {
    store_files: Arc<Mutex<StoreFiles>>,
    path: PathBuf,
    /// The last batch that was read or appended.
    last: Head,
    /// Its number, for whoever reads meanwhile.
    durable: Arc<AtomicU64>,
    heads: watch_channel::Sender<Head>,
    known: Arc<KnownFiles>,
    watch: Option<Watch>,
}

impl SledStore {
    /// Makes an empty store in `dir`, which exists, and syncs it.
    pub async fn create(dir: &Path) -> Result<Self, StoreError> {
        Self::start(dir, StoreFiles::create).await
    }

    /// Opens the store in `dir`.
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        // sled locks its file, and threads of an earlier opening let go of it only some time after that was closed.
        wait_unlocked(&dir.join("store").join("db")).await;
        Self::start(dir, StoreFiles::open).await
    }

    /// Opens a copy of the store in `dir`, whatever state it is in: to be read, and never appended to.
    pub(in crate::ledger) async fn look(dir: &Path) -> Result<Self, StoreError> {
        wait_unlocked(&dir.join("store").join("db")).await;
        Self::start(dir, StoreFiles::look).await
    }

    async fn start(
        dir: &Path,
        start: impl FnOnce(&Path) -> Result<StoreFiles, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let path = dir.join("store");
        let dir = dir.to_owned();
        let store_files = blocking(&path, "open", move || start(&dir)).await?;
        Ok(Self {
            known: store_files.known(),
            store_files: Arc::new(Mutex::new(store_files)),
            path,
            last: Head::default(),
            durable: Arc::default(),
            heads: watch_channel::channel(Head::default()).0,
            watch: None,
        })
    }

    /// The files and directories without which it is lost. Others that belong to it can be added.
    #[must_use]
    pub(in crate::ledger) fn known(&self) -> &KnownFiles {
        &self.known
    }

    /// In which condition it was found.
    #[must_use]
    pub fn condition(&self) -> Condition {
        lock(&self.store_files).condition()
    }

    /// A second hand on it, which reads while batches are appended. From here on its files are open for them.
    ///
    /// # Errors
    /// When they cannot be opened, or do not have what was read of them.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let last = self.last;
        let get = self.with("open", move |store_files| store_files.reader(last)).await?;
        Ok(Reader::new(self.path.clone(), Arc::clone(&self.durable), get))
    }

    fn note(&mut self, last: Head) {
        self.last = last;
        self.durable.store(last.sequence, Ordering::SeqCst);
        self.heads.send_replace(last);
    }

    /// The last batch that was read, or has become durable since.
    #[must_use]
    pub fn heads(&self) -> watch_channel::Receiver<Head> {
        self.heads.subscribe()
    }

    async fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut StoreFiles) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store_files = Arc::clone(&self.store_files);
        blocking(&self.path, what, move || work(&mut lock(&store_files))).await
    }

    async fn show(&mut self, behind: Option<Head>, each: &mut BatchVisitor<'_>) -> Result<bool, StoreError> {
        let (show, mut shown) = mpsc::channel(2);
        let reading = self.with("read", move |store_files| store_files.read(behind, &show));
        let folding = async {
            while let Some(segment) = shown.recv().await {
                let segment: Segment = segment;
                segment
                    .records()
                    .try_for_each(|(sequence, record)| each(sequence, record))?;
            }
            Ok(())
        };
        let (last, folded) = tokio::join!(reading, folding);
        folded?;
        let last = last?;
        if let Some(last) = last {
            self.note(last);
        }
        Ok(last.is_some())
    }
}

impl Store for SledStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        let before = self.last;
        let next = Head {
            sequence: before.sequence + 1,
            link: link_of(&record),
        };
        self.with("append to", move |store_files| {
            store_files.append(before, next, &record)
        })
        .await?;
        self.note(next);
        Ok(())
    }

    async fn read(&mut self, each: &mut BatchVisitor<'_>) -> Result<(), StoreError> {
        self.show(None, each).await.map(drop)
    }

    async fn read_behind(&mut self, known: Head, each: &mut BatchVisitor<'_>) -> Result<bool, StoreError> {
        self.show(Some(known), each).await
    }

    async fn snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        lock(&self.store_files).snapshot()
    }

    async fn keep_shortcut(&mut self, write: WriteSnapshot) -> Result<(), StoreError> {
        self.with("keep a shortcut beside", move |store_files| {
            store_files.keep_shortcut(write)
        })
        .await
    }

    async fn gone(&mut self) -> StoreError {
        let known = &self.known;
        self.watch
            .get_or_insert_with(|| Watch::start(Arc::clone(known)))
            .gone()
            .await
    }

    async fn close(self) {
        // Where that fails the process is ending, and it is closed all the same.
        let _ = spawn_blocking(move || drop(self)).await;
    }
}

fn lock(store_files: &Mutex<StoreFiles>) -> std::sync::MutexGuard<'_, StoreFiles> {
    store_files.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work that waits for the disk where it holds up nobody. A panic of sled is an error like any other.
async fn blocking<T: Send + 'static>(
    path: &Path,
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(move || catch_panic(AssertUnwindSafe(work))).await;
    let why = match done {
        Ok(Ok(result)) => return result,
        Ok(Err(panicked)) => panicked,
        Err(error) => of_task(&error),
    };
    Err(StoreError::Broken {
        what,
        path: path.to_owned(),
        why,
    })
}

fn of_task(error: &JoinError) -> String {
    if error.is_cancelled() {
        "the process is ending"
    } else {
        "its thread panicked"
    }
    .to_owned()
}

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` is for tests: a ledger that can be told not to flush must never be released");
