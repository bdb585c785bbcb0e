//! sled's open files. The only file that names sled.
//!
//! It makes up for sled's faults: sled syncs pages without the metadata of their file and without the disk's cache; it panics;
//! a kill while it opens leaves a half-written file that it reads the next time; and a flush whose write fails may wait for ever.

use std::fs::{self, File};
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use super::catch_panic::{catch_panic, sled_panics};
use super::wait_limit::{CLOSE_LIMIT, INTERVAL, Wait};
use super::wait_unlocked::wait_unlocked;
use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::known_files::{KnownFiles, open_to_read, refuse_link};
use crate::ledger::log::block::{first_of, key};
use crate::ledger::store::error::{StoreError, io_error, is_outside, system_error_in};
use crate::model::clock::monotonic_now;

/// Small, because each batch is read once.
const CACHE: u64 = 4 * 1024 * 1024;

/// Returns the value of a key.
pub(super) type Get = Box<dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError> + Send + Sync>;

/// What sled's threads report of the store that is open, while another thread waits for sled.
#[derive(Clone, Debug, Default)]
pub(super) struct SledErrors(Arc<Mutex<Option<Opened>>>);

/// A store that sled opens or has open.
#[derive(Clone, Debug)]
struct Opened {
    /// It shares its error with sled's threads.
    config: sled::Config,
    /// Empty while sled opens.
    db: Weak<sled::Db>,
}

impl SledErrors {
    fn set(&self, opened: Opened) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    fn opened(&self) -> Option<Opened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to watch sled's threads.
    pub(super) fn watch(&self) -> SledWatch {
        SledWatch {
            errors: self.clone(),
            panics: sled_panics(),
        }
    }
}

/// The errors of sled's threads during an operation.
#[derive(Clone, Debug)]
pub(super) struct SledWatch {
    errors: SledErrors,
    /// How many of sled's threads had panicked before.
    panics: usize,
}

impl SledWatch {
    /// Whether a write has failed or one of sled's threads has panicked.
    pub(super) fn has_failed(&self) -> bool {
        self.first_error().is_some() || sled_panics() > self.panics
    }

    fn first_error(&self) -> Option<sled::Error> {
        self.errors.opened()?.config.global_error().err()
    }

    /// The first error of a write, as the error of `action`. `None` if no write has failed.
    pub(super) fn error(&self, action: Action, path: &Path) -> Option<StoreError> {
        Some(broken(action, path, self.first_error()?))
    }

    /// Wakes the threads that wait for a write that has failed. sled notifies them when a reservation is refused because of that
    /// error. A new tree needs one, and unlike other calls it takes no lock that a waiting thread has.
    pub(super) fn wake(&self) {
        let Some(opened) = self.errors.opened() else { return };
        if opened.config.global_error().is_ok() {
            return;
        }
        if let Some(db) = opened.db.upgrade() {
            // The error is expected.
            let _ = catch_panic(AssertUnwindSafe(|| drop(db.open_tree("wake"))));
            let _ = catch_panic(AssertUnwindSafe(|| drop(db)));
        }
    }
}

/// An open store. Errors of a copy name the original.
#[derive(Debug)]
pub(super) struct Disk {
    name: PathBuf,
    path: PathBuf,
    db: Option<Arc<sled::Db>>,
    errors: SledErrors,
    /// The file that sled writes, to sync what sled does not.
    file: File,
}

impl Disk {
    /// Creates an empty store, and syncs it.
    pub(super) fn create(path: &Path, errors: &SledErrors) -> Result<Self, StoreError> {
        let disk = Self::start(path, path, 0, true, errors)?;
        disk.sync()?;
        Ok(disk)
    }

    /// Opens the store at `path`, whose batch `durable` was durable. sled may write to its files from here on.
    pub(super) fn open(path: &Path, name: &Path, durable: u64, errors: &SledErrors) -> Result<Self, StoreError> {
        refuse_links(path)?;
        remove_unfinished_snapshots(path)?;
        Self::start(path, name, durable, false, errors)
    }

    fn start(path: &Path, name: &Path, durable: u64, create: bool, errors: &SledErrors) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .flush_every_ms(None)
            .create_new(create);
        let closed = |why| StoreError::Closed {
            path: name.to_owned(),
            durable,
            why,
        };
        let opened = |db| Opened {
            config: config.clone(),
            db,
        };
        errors.set(opened(Weak::new()));
        let panicked = |text: String| match system_error_in(&text) {
            Some(source) => io_error(Action::Open, name, source),
            None => closed(text),
        };
        let db = match catch_panic(AssertUnwindSafe(|| config.open())).map_err(panicked)? {
            Err(sled::Error::Io(source)) if is_outside(source.kind()) => {
                Err(io_error(Action::Open, name, readable(source)))
            }
            opened => opened.map_err(|error| closed(error.to_string())),
        }?;
        let db = Arc::new(db);
        errors.set(opened(Arc::downgrade(&db)));
        let file = path.join("db");
        let file = open_to_read(&file).map_err(|source| io_error(Action::Open, &file, source))?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            db: Some(db),
            errors: errors.clone(),
            file,
        })
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        self.db.as_deref().ok_or_else(|| is_closed(&self.name))
    }

    /// Returns the value of a key from any thread, as long as the store is open. It does not keep the store open.
    pub(super) fn reader(&self) -> Get {
        let name = self.name.clone();
        let db = self.db.as_ref().map(Arc::downgrade).unwrap_or_default();
        Box::new(move |key| {
            let db = db.upgrade().ok_or_else(|| is_closed(&name))?;
            let found = db.get(key).map_err(|error| broken(Action::Read, &name, error))?;
            Ok(found.map(|bytes| bytes.to_vec()))
        })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.db()?
            .get(key)
            .map_err(|error| broken(Action::Read, &self.name, error))
    }

    /// The first batch of the block that has batch `sequence`. `None` if no block begins at or before it.
    pub(super) fn block_of(&self, sequence: u64) -> Result<Option<u64>, StoreError> {
        let found = self.db()?.get_lt(key(sequence.saturating_add(1), 0));
        let found = found.map_err(|error| broken(Action::Read, &self.name, error))?;
        Ok(found.and_then(|(key, _)| first_of(&key)))
    }

    /// Writes entries, all of them or none. They are durable once [`Disk::sync`] returns.
    pub(super) fn put<'a>(&self, entries: impl Iterator<Item = (Vec<u8>, &'a [u8])>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        entries.for_each(|(key, bytes)| batch.insert(key, bytes));
        self.db()?
            .apply_batch(batch)
            .map_err(|error| broken(Action::AppendTo, &self.name, error))
    }

    /// Writes entries one by one without a flush, so that a kill loses the last ones: the fault that tests must detect.
    #[cfg(debug_assertions)]
    pub(super) fn put_carelessly<'a>(
        &self,
        entries: impl Iterator<Item = (Vec<u8>, &'a [u8])>,
    ) -> Result<(), StoreError> {
        for (key, bytes) in entries {
            self.db()?
                .insert(key, bytes)
                .map_err(|error| broken(Action::AppendTo, &self.name, error))?;
        }
        Ok(())
    }

    /// Adds the file that sled writes to those that make a ledger.
    pub(super) fn add_to(&self, known: &KnownFiles) -> Result<(), StoreError> {
        let path = self.path.join("db");
        known
            .add_open(&path, &self.file)
            .map_err(|source| io_error(Action::LookAt, &path, source))
    }

    /// Makes all written entries durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db()?
            .flush()
            .map_err(|error| broken(Action::Flush, &self.name, error))?;
        self.file
            .sync_data()
            .map_err(|source| io_error(Action::Sync, &self.name, source))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if close(db, &self.errors.watch()) {
            // Threads of sled write for some time after it is dropped.
            wait_unlocked(&self.path.join("db"));
        }
    }
}

/// Closes the store. sled flushes when it is dropped, and panics if it cannot. All batches are durable already, so a close that
/// lasts too long is left to its thread, and returns false.
fn close(db: Arc<sled::Db>, watch: &SledWatch) -> bool {
    let (ended, end) = channel();
    let close = move || {
        let _ = catch_panic(AssertUnwindSafe(|| drop(db)));
        let _ = ended.send(());
    };
    // Without another thread, the store is dropped here.
    let _ = catch_panic(AssertUnwindSafe(|| {
        thread::Builder::new().name("close-ledger".to_owned()).spawn(close)
    }));
    let mut wait = Wait::new(Some(CLOSE_LIMIT), monotonic_now());
    while end.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if wait.is_overdue(watch.has_failed(), monotonic_now()) {
            return false;
        }
    }
    true
}

fn is_closed(name: &Path) -> StoreError {
    StoreError::Broken {
        action: Action::Use,
        path: name.to_owned(),
        why: ledger::StoreClosed.to_string(),
    }
}

/// sled opens its files by their paths, through links too.
fn refuse_links(path: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).map_err(|source| io_error(Action::Read, path, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io_error(Action::Read, path, source))?.path();
        refuse_link(&entry).map_err(|source| io_error(Action::Open, &entry, source))?;
    }
    Ok(())
}

/// A kill while sled opens leaves a file that sled takes for a whole snapshot the next time, and it calls the store corrupt.
fn remove_unfinished_snapshots(path: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).map_err(|source| io_error(Action::Read, path, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io_error(Action::Read, path, source))?.path();
        if entry.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(&entry).map_err(|source| io_error(Action::Remove, &entry, source))?;
        }
    }
    Ok(())
}

/// sled passes errors between threads as debug text with their kind.
fn readable(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    system_error_in(&error.to_string()).unwrap_or(error)
}

/// An error of the system keeps its kind, so that a full disk is distinguished from a defect.
fn broken(action: Action, path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => io_error(action, path, readable(source)),
        error => StoreError::Broken {
            action,
            path: path.to_owned(),
            why: error.to_string(),
        },
    }
}
