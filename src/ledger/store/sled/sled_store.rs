//! A store in sled's files.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch as watch_channel};
use tokio::task::{JoinHandle, spawn_blocking};

use super::blocking::{Operation, blocking};
use super::presence_watch::Watch;
use super::reader::Reader;
use super::sled_db::SledErrors;
use super::store_files::{Condition, StoreFiles};
use super::wait_limit::APPEND_LIMIT;
use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::known_files::KnownFiles;
use crate::ledger::log::head::Head;
use crate::ledger::log::page::Page;
use crate::ledger::log::record::link_of;
use crate::ledger::store::contract::{AppendError, ReadPage, Store, WriteSnapshot};
use crate::ledger::store::error::StoreError;

/// A store on disk: sled's files in `store`, and `head` beside it, in one directory. The process that opens it has the
/// campaign's lock.
///
/// Opening it changes nothing but what a kill left. Its files stay as they are until the first append, or until another
/// process is to read the ledger. When it is dropped it is closed, and sealed if nothing has failed.
#[derive(Debug)]
pub struct SledStore {
    store_files: Arc<Mutex<StoreFiles>>,
    path: PathBuf,
    errors: SledErrors,
    /// The last batch that was read or appended.
    last: Head,
    /// Its number, for a [`Reader`].
    durable: Arc<AtomicU64>,
    heads: watch_channel::Sender<Head>,
    known: Arc<KnownFiles>,
    watch: Option<Watch>,
    /// Dropped before any other use of the files, which the reading thread has locked.
    reading: Option<Box<Reading>>,
}

/// A thread that reads ahead.
#[derive(Debug)]
struct Reading {
    /// The last batch of the last page that was returned.
    after: Head,
    pages: mpsc::Receiver<Page>,
    task: JoinHandle<Result<Option<Head>, StoreError>>,
    /// How the thread ended. `None` while it reads.
    end: Option<Result<Option<Head>, StoreError>>,
}

impl Reading {
    /// The next page. `None` once the thread has ended and its pages are read.
    async fn page(&mut self) -> Option<Page> {
        loop {
            if let Some(Err(_)) = self.end {
                // A thread that is left behind keeps its side of the channel open.
                return self.pages.try_recv().ok();
            }
            tokio::select! {
                biased;
                Some(page) = self.pages.recv() => return Some(page),
                ended = &mut self.task, if self.end.is_none() => {
                    self.end = ended.ok();
                    self.end.as_ref()?;
                }
                else => return None,
            }
        }
    }
}

impl SledStore {
    /// Creates an empty store in the existing directory `dir`, and syncs it.
    pub async fn create(dir: &Path) -> Result<Self, StoreError> {
        Self::start(dir, StoreFiles::create).await
    }

    /// Opens the store in `dir`.
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::start(dir, StoreFiles::open).await
    }

    /// Opens a copy of the store in `dir`, whatever its condition. The copy can be read, and is never appended to.
    pub(in crate::ledger) async fn open_copy(dir: &Path) -> Result<Self, StoreError> {
        Self::start(dir, StoreFiles::open_copy).await
    }

    async fn start(
        dir: &Path,
        start: impl FnOnce(&Path, SledErrors) -> Result<StoreFiles, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let path = dir.join("store");
        let dir = dir.to_owned();
        let errors = SledErrors::default();
        let open = Operation::new(Action::Open, &path, &errors);
        let store_errors = errors.clone();
        let store_files = blocking(&open, move || start(&dir, store_errors)).await?;
        Ok(Self {
            known: store_files.known(),
            store_files: Arc::new(Mutex::new(store_files)),
            path,
            errors,
            last: Head::default(),
            durable: Arc::default(),
            heads: watch_channel::channel(Head::default()).0,
            watch: None,
            reading: None,
        })
    }

    /// The files and directories without which the ledger is lost. Others can be added.
    #[must_use]
    pub(in crate::ledger) fn known(&self) -> &KnownFiles {
        &self.known
    }

    /// The condition in which the store was found.
    #[must_use]
    pub fn condition(&self) -> Condition {
        lock(&self.store_files).condition()
    }

    /// A reader that reads while batches are appended. The files are open for sled from here on.
    ///
    /// # Errors
    /// When they cannot be opened, or lack a batch that was read.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let last = self.last;
        let open = Operation::new(Action::Open, &self.path, &self.errors);
        let get = self.with(&open, move |store_files| store_files.reader(last)).await?;
        let read = Operation::new(Action::Read, &self.path, &self.errors);
        Ok(Reader::new(read, Arc::clone(&self.durable), get))
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
        operation: &Operation,
        work: impl FnOnce(&mut StoreFiles) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store_files = Arc::clone(&self.store_files);
        blocking(operation, move || work(&mut lock(&store_files))).await
    }

    fn start_reading(&self, after: Head) -> Reading {
        let (sender, pages) = mpsc::channel(2);
        let store_files = Arc::clone(&self.store_files);
        let operation = Operation::new(Action::Read, &self.path, &self.errors);
        let read = async move { blocking(&operation, move || lock(&store_files).read(after, &sender)).await };
        Reading {
            after,
            pages,
            task: tokio::spawn(read),
            end: None,
        }
    }

    fn broken(&self, why: String) -> StoreError {
        StoreError::Broken {
            action: Action::Read,
            path: self.path.clone(),
            why,
        }
    }
}

impl Store for SledStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        self.reading = None;
        let before = self.last;
        let next = Head {
            sequence: before.sequence + 1,
            link: link_of(&record),
        };
        let append = Operation {
            limit: Some(APPEND_LIMIT),
            ..Operation::new(Action::AppendTo, &self.path, &self.errors)
        };
        let appended = self.with(
            &append,
            move |store_files| Ok(store_files.append(before, next, &record)),
        );
        appended.await.map_err(AppendError::Unknown)??;
        self.note(next);
        Ok(())
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        let going_on = self.reading.take().filter(|reading| reading.after == after);
        let mut reading = going_on.unwrap_or_else(|| Box::new(self.start_reading(after)));
        while let Some(page) = reading.page().await {
            if let Some(last) = page.last() {
                reading.after = last;
                self.reading = Some(reading);
                return Ok(ReadPage::Page(page));
            }
        }
        match reading.end {
            Some(Ok(Some(last))) => {
                self.note(last);
                Ok(ReadPage::End)
            }
            Some(Ok(None)) => Ok(ReadPage::Missing),
            Some(Err(error)) => Err(error),
            None => Err(self.broken(ledger::ThreadPanicked.to_string())),
        }
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        self.reading = None;
        lock(&self.store_files).read_snapshot()
    }

    async fn write_snapshot(&mut self, _at: Head, write: WriteSnapshot) -> Result<(), StoreError> {
        self.reading = None;
        let keep = Operation::new(Action::KeepSnapshot, &self.path, &self.errors);
        self.with(&keep, move |store_files| store_files.write_snapshot(write))
            .await
    }

    async fn fenced(&mut self) -> StoreError {
        let known = &self.known;
        self.watch
            .get_or_insert_with(|| Watch::start(Arc::clone(known)))
            .gone()
            .await
    }

    async fn close(self) {
        // If no thread is available, the process is ending, and the store is dropped all the same.
        let _ = spawn_blocking(move || drop(self)).await;
    }
}

fn lock(store_files: &Mutex<StoreFiles>) -> MutexGuard<'_, StoreFiles> {
    store_files.lock().unwrap_or_else(PoisonError::into_inner)
}
