//! sled's files, opened. The only file that names sled.
//!
//! What it may not be trusted with is made good here: it syncs pages without their file's metadata and without the disk's
//! own cache; it panics; and a kill while it opens leaves a half-written file that it reads next time.

use std::fs::{self, File};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catch_panic::catch_panic;
use super::reader::Get;
use super::wait::wait_unlocked_blocking;
use crate::ledger::files::{KnownFiles, open_to_read, refuse_link};
use crate::ledger::log::block::{MOST_IN_ONE, first_of, key};
use crate::ledger::store::error::StoreError;
use crate::ledger::store::error::{io_error, no_damage};

/// A batch is read once: there is nothing to keep.
const CACHE: u64 = 4 * 1024 * 1024;

/// An open store. One that is a copy bears the name of what it is a copy of.
#[derive(Debug)]
pub(super) struct Disk {
    name: PathBuf,
    path: PathBuf,
    db: Option<Arc<sled::Db>>,
    /// The file that sled writes, for syncing what it does not.
    file: File,
}

impl Disk {
    /// Makes an empty store, and syncs it.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let disk = Self::start(path, path, 0, true)?;
        disk.sync()?;
        Ok(disk)
    }

    /// Opens the store at `path`, in which batch `durable` was durable. From here on its files are sled's to write.
    pub(super) fn open(path: &Path, name: &Path, durable: u64) -> Result<Self, StoreError> {
        refuse_links(path)?;
        remove_unfinished_snapshots(path)?;
        Self::start(path, name, durable, false)
    }

    fn start(path: &Path, name: &Path, durable: u64, create: bool) -> Result<Self, StoreError> {
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
        let db = match catch_panic(AssertUnwindSafe(|| config.open())).map_err(closed)? {
            Err(sled::Error::Io(source)) if no_damage(source.kind()) => Err(io_error("open", name, source)),
            opened => opened.map_err(|error| closed(error.to_string())),
        }?;
        let file = path.join("db");
        let file = open_to_read(&file).map_err(|source| io_error("open", &file, source))?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            db: Some(Arc::new(db)),
            file,
        })
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        self.db.as_deref().ok_or_else(|| is_closed(&self.name))
    }

    /// What asks for one entry, from any thread, for as long as the store is open. It keeps nobody from closing it.
    pub(super) fn reader(&self) -> Get {
        let name = self.name.clone();
        let db = self.db.as_ref().map(Arc::downgrade).unwrap_or_default();
        Box::new(move |key| {
            let db = db.upgrade().ok_or_else(|| is_closed(&name))?;
            let found = db.get(key).map_err(|error| broken("read", &name, error))?;
            Ok(found.map(|bytes| bytes.to_vec()))
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.db()?.get(key).map_err(|error| broken("read", &self.name, error))
    }

    /// The number with which the group begins that has batch `sequence`; nothing when no group begins at or before it.
    pub(super) fn group_of(&self, sequence: u64) -> Result<Option<u64>, StoreError> {
        let found = self.db()?.get_lt(key(sequence.saturating_add(1), 0));
        let found = found.map_err(|error| broken("read", &self.name, error))?;
        Ok(found.and_then(|(key, _)| first_of(&key)))
    }

    /// Puts some entries in, all of them or none. They are durable only once [`Disk::sync`] returns.
    pub(super) fn put<'a>(&self, entries: impl Iterator<Item = (Vec<u8>, &'a [u8])>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        entries.for_each(|(key, bytes)| batch.insert(key, bytes));
        self.db()?
            .apply_batch(batch)
            .map_err(|error| broken("append to", &self.name, error))
    }

    /// What an append must not be: single inserts that nobody flushes, so that a kill loses the last of them.
    #[cfg(feature = "faults")]
    pub(super) fn put_carelessly<'a>(
        &self,
        entries: impl Iterator<Item = (Vec<u8>, &'a [u8])>,
    ) -> Result<(), StoreError> {
        for (key, bytes) in entries {
            self.db()?
                .insert(key, bytes)
                .map_err(|error| broken("append to", &self.name, error))?;
        }
        Ok(())
    }

    /// Adds the file that sled writes to those that make a ledger.
    pub(super) fn add_to(&self, known: &KnownFiles) -> Result<(), StoreError> {
        let path = self.path.join("db");
        known
            .add_open(&path, &self.file)
            .map_err(|source| io_error("look at", &path, source))
    }

    /// Makes everything that was put in durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db()?.flush().map_err(|error| broken("flush", &self.name, error))?;
        self.file
            .sync_data()
            .map_err(|source| io_error("sync", &self.name, source))
    }

    /// Shows the parts of the group that begins with batch `first`, one behind another. Says whether there is one.
    pub(super) fn group(&self, first: u64, mut show: impl FnMut(&[u8])) -> Result<bool, StoreError> {
        // Asked for one by one: sled forgets pages only after so many questions, and an iteration over all asks too few.
        for part in 0.. {
            let Some(bytes) = self.get(&key(first, part))? else {
                return Ok(part > 0);
            };
            show(&bytes);
            if bytes.len() < MOST_IN_ONE {
                break;
            }
        }
        Ok(true)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // sled syncs when it is dropped, and panics when it cannot. Whatever mattered is durable already.
        let db = self.db.take();
        let _ = catch_panic(AssertUnwindSafe(|| drop(db)));
        // Threads of sled write for some time after that.
        wait_unlocked_blocking(&self.path.join("db"));
    }
}

fn is_closed(name: &Path) -> StoreError {
    StoreError::Broken {
        what: "use",
        path: name.to_owned(),
        why: "it is closed".to_owned(),
    }
}

/// sled opens its files by their paths, through links too.
fn refuse_links(path: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).map_err(|source| io_error("read", path, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io_error("read", path, source))?.path();
        refuse_link(&entry).map_err(|source| io_error("open", &entry, source))?;
    }
    Ok(())
}

/// A kill while sled opened leaves a file that the next open takes for a whole snapshot, and calls the store corrupt.
fn remove_unfinished_snapshots(path: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).map_err(|source| io_error("read", path, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io_error("read", path, source))?.path();
        if entry.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(&entry).map_err(|source| io_error("remove", &entry, source))?;
        }
    }
    Ok(())
}

/// What the system refused keeps its kind, so that whoever is told can tell a full disk from a defect.
fn broken(what: &'static str, path: &Path, error: sled::Error) -> StoreError {
    match error {
        // sled hands errors from thread to thread as debug text beside their kind; the kind says it in words.
        sled::Error::Io(source) if no_damage(source.kind()) => io_error(what, path, source.kind().into()),
        sled::Error::Io(source) => io_error(what, path, source),
        error => StoreError::Broken {
            what,
            path: path.to_owned(),
            why: error.to_string(),
        },
    }
}
