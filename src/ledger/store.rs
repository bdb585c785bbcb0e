//! Where batches lie. A store knows bytes, sequence numbers and flushes, and nothing of coupons.
//!
//! The only file that names sled. What it may not be trusted with is made good here: it syncs pages without their file's
//! metadata and without the disk's own cache, and keeps large values in files that it never syncs; it drops the end of a
//! damaged store without a word, or panics; and a kill while it opens leaves a half-written file that it reads next time.

use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

use super::group::{Chunk, Group, MOST_IN_ONE, Reading};
use super::head::{Head, HeadFile};
use super::lock::until_free;
use super::quiet::quietly;
use super::reader::Reader;
use super::record::{Link, link_of};

/// A batch is read once: there is nothing to keep.
const CACHE: u64 = 4 * 1024 * 1024;

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system did not do what was asked of it.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store cannot be opened, though batches were durable in it.
    #[error("cannot open the ledger's store at {}, where batch {durable} was durable: {why}", .path.display())]
    Closed {
        /// Where it is.
        path: PathBuf,
        /// The last batch that was durable.
        durable: u64,
        /// What it said.
        why: String,
    },
    /// The store cannot be read, or refuses what it is asked.
    #[error("cannot {what} the ledger's store at {}: {why}", .path.display())]
    Broken {
        /// What was attempted.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// The store ends before the batch that is known to be durable.
    #[error(
        "the ledger's store at {} ends after batch {last}, but batch {durable} was durable: its end is lost or damaged",
        .path.display()
    )]
    Lost {
        /// Where it is.
        path: PathBuf,
        /// The last batch that is there, and good.
        last: u64,
        /// The last one that was.
        durable: u64,
    },
    /// The store and its head are not of one time.
    #[error(
        "the ledger's store at {} and its head do not belong together at batch {sequence}: one of them was altered or put back",
        .path.display()
    )]
    Parted {
        /// Where it is.
        path: PathBuf,
        /// Where they part.
        sequence: u64,
    },
    /// The head cannot be read.
    #[error("the ledger's head at {} is damaged, so nobody can say whether the store beside it is whole", .path.display())]
    Headless {
        /// Where it is.
        path: PathBuf,
    },
    /// The process that has the ledger stopped showing it.
    #[error("the process that applies the campaign stopped showing its ledger at {}", .path.display())]
    Owner {
        /// Where it was asked.
        path: PathBuf,
        /// How it stopped.
        source: io::Error,
    },
    /// It was told to, by a test.
    #[error("the store failed as planned")]
    Planned,
}

/// Who is shown batches, by number. Its error ends the showing.
pub type Each<'a> = dyn FnMut(u64, &[u8]) -> Result<(), StoreError> + Send + 'a;

/// An append-only log of batches, numbered from 1, with one writer.
pub trait Store: Send + 'static {
    /// Appends one batch at the next number. `Ok` means that it is durable: it survives a kill and a loss of power.
    fn append(&mut self, record: Vec<u8>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Shows every batch in order. Comes before the first append.
    ///
    /// # Errors
    /// When the store cannot be read, or is known to have been longer.
    fn read(&mut self, each: &mut Each<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A store on disk: sled's files in `store`, and `head` beside it, within one directory. Whoever opens it has the
/// campaign's lock.
#[derive(Debug)]
pub struct SledStore {
    disk: Arc<Mutex<Disk>>,
    path: PathBuf,
    /// The last batch that was read or appended.
    last: Head,
    /// Its number, for whoever reads meanwhile.
    durable: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    db: Option<sled::Db>,
    /// The file that sled writes, for syncing what it does not.
    file: File,
    head_file: HeadFile,
    head: Head,
    group: Group,
}

impl SledStore {
    /// Makes an empty store in `dir`, which exists, and syncs it.
    pub async fn create(dir: &Path) -> Result<Self, StoreError> {
        Self::start(dir, true).await
    }

    /// Opens the store in `dir`.
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        // sled locks its file, and threads of an earlier opening let go of it only some time after that was closed.
        until_free(&dir.join("store").join("db")).await;
        Self::start(dir, false).await
    }

    async fn start(dir: &Path, create: bool) -> Result<Self, StoreError> {
        let path = dir.join("store");
        let disk = {
            let (dir, path) = (dir.to_owned(), path.clone());
            blocking(&path.clone(), "open", move || Disk::open(&dir, path, create)).await?
        };
        Ok(Self {
            disk: Arc::new(Mutex::new(disk)),
            path,
            last: Head::default(),
            durable: Arc::default(),
        })
    }

    /// A second hand on it, which reads while batches are appended.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let db = self.disk.lock().unwrap_or_else(PoisonError::into_inner).db()?.clone();
        let path = self.path.clone();
        let get = move |key: &[u8]| match db.get(key) {
            Ok(value) => Ok(value.map(|bytes| bytes.to_vec())),
            Err(error) => Err(broken("read", &path, error)),
        };
        Ok(Reader::new(self.path.clone(), Arc::clone(&self.durable), Box::new(get)))
    }

    fn note(&mut self, last: Head) {
        self.last = last;
        self.durable.store(last.sequence, Ordering::SeqCst);
    }
}

impl Store for SledStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        let before = self.last;
        let next = Head {
            sequence: before.sequence + 1,
            link: link_of(&record),
        };
        let disk = Arc::clone(&self.disk);
        let append = move || {
            disk.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .append(before, next, &record)
        };
        blocking(&self.path, "append to", append).await?;
        self.note(next);
        Ok(())
    }

    async fn read(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let disk = Arc::clone(&self.disk);
        let (show, mut shown) = mpsc::channel(2);
        let reading = blocking(&self.path, "read", move || {
            disk.lock().unwrap_or_else(PoisonError::into_inner).read(&show)
        });
        let folding = async {
            while let Some(chunk) = shown.recv().await {
                let chunk: Chunk = chunk;
                chunk
                    .records()
                    .try_for_each(|(sequence, record)| each(sequence, record))?;
            }
            Ok(())
        };
        let (last, folded) = tokio::join!(reading, folding);
        folded?;
        self.note(last?);
        Ok(())
    }
}

impl Disk {
    fn open(dir: &Path, path: PathBuf, create: bool) -> Result<Self, StoreError> {
        let head_path = dir.join("head");
        if !create {
            remove_unfinished_snapshots(&path)?;
        }
        let (head_file, head) = if create {
            HeadFile::create(&head_path).map(|file| (file, Some(Head::default())))
        } else {
            HeadFile::open(&head_path)
        }
        .map_err(|source| io_error("open", &head_path, source))?;
        let head = head.ok_or(StoreError::Headless { path: head_path })?;
        let config = sled::Config::new()
            .path(&path)
            .cache_capacity(CACHE)
            .flush_every_ms(None)
            .create_new(create);
        let closed = |why| StoreError::Closed {
            path: path.clone(),
            durable: head.sequence,
            why,
        };
        let db = match quietly(AssertUnwindSafe(|| config.open())).map_err(closed)? {
            Err(sled::Error::Io(source)) if no_damage(source.kind()) => Err(io_error("open", &path, source)),
            opened => opened.map_err(|error| closed(error.to_string())),
        }?;
        let file = path.join("db");
        let file = File::open(&file).map_err(|source| io_error("open", &file, source))?;
        let disk = Self {
            path,
            db: Some(db),
            file,
            head_file,
            head,
            group: Group::default(),
        };
        if create {
            disk.sync()?;
        }
        Ok(disk)
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        self.db.as_ref().ok_or_else(|| StoreError::Broken {
            what: "use",
            path: self.path.clone(),
            why: "it is closed".to_owned(),
        })
    }

    fn append(&mut self, before: Head, next: Head, record: &[u8]) -> Result<(), StoreError> {
        if self.head != before && keeps_promises() {
            // The last process ended between making its last batch durable and saying so. It was read; that it is on
            // the disk is not certain before it is synced here.
            self.sync()?;
            self.note(before)?;
        }
        let too_long = |_| io_error("append to", &self.path, io::ErrorKind::FileTooLarge.into());
        self.group.add(next.sequence, record).map_err(too_long)?;
        if !keeps_promises() {
            return self.insert_carelessly();
        }
        let mut batch = sled::Batch::default();
        self.group.parts().for_each(|(key, bytes)| batch.insert(key, bytes));
        self.db()?
            .apply_batch(batch)
            .map_err(|error| broken("append to", &self.path, error))?;
        self.sync()?;
        self.note(next)
    }

    /// What an append must not be: single inserts that nobody flushes, so that a kill loses the last of them.
    fn insert_carelessly(&self) -> Result<(), StoreError> {
        for (key, bytes) in self.group.parts() {
            self.db()?
                .insert(key, bytes)
                .map_err(|error| broken("append to", &self.path, error))?;
        }
        Ok(())
    }

    /// Makes everything that was inserted durable.
    fn sync(&self) -> Result<(), StoreError> {
        self.db()?.flush().map_err(|error| broken("flush", &self.path, error))?;
        self.file
            .sync_data()
            .map_err(|source| io_error("sync", &self.path, source))
    }

    fn note(&mut self, head: Head) -> Result<(), StoreError> {
        self.head_file
            .write(head)
            .map_err(|source| io_error("write", self.head_file.path(), source))?;
        self.head = head;
        Ok(())
    }

    /// Shows every batch, and says which was the last.
    fn read(&self, show: &mpsc::Sender<Chunk>) -> Result<Head, StoreError> {
        let (db, mut reading) = (self.db()?, Reading::default());
        let get = |key: &[u8]| db.get(key).map_err(|error| broken("read", &self.path, error));
        // Asked for one by one: sled forgets pages only after so many questions, and an iteration over all asks too few.
        while let Some(first) = get(&reading.key(0))? {
            reading.add(&first);
            let mut before = first;
            for part in 1.. {
                if before.len() < MOST_IN_ONE {
                    break;
                }
                let Some(more) = get(&reading.key(part))? else { break };
                reading.add(&more);
                before = more;
            }
            if reading.close_group().is_none() {
                return Err(self.lost(reading.last.sequence));
            }
            if reading.is_full() {
                // Whoever listens stops listening when it has heard of a broken batch; that is its own error to tell.
                let _ = show.blocking_send(reading.take(self.head.sequence));
            }
        }
        let _ = show.blocking_send(reading.take(self.head.sequence));
        self.compare(reading.last, reading.at_head)?;
        Ok(reading.last)
    }

    fn compare(&self, last: Head, at_head: Option<Link>) -> Result<(), StoreError> {
        if !keeps_promises() {
            return Ok(());
        }
        if last.sequence < self.head.sequence {
            return Err(self.lost(last.sequence));
        }
        let differs = self.head.sequence > 0 && at_head != Some(self.head.link);
        if differs || last.sequence > self.head.sequence + 1 {
            return Err(StoreError::Parted {
                path: self.path.clone(),
                sequence: self.head.sequence,
            });
        }
        Ok(())
    }

    fn lost(&self, last: u64) -> StoreError {
        StoreError::Lost {
            path: self.path.clone(),
            last,
            durable: self.head.sequence,
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // sled syncs when it is dropped, and panics when it cannot. Whatever mattered is durable already.
        let db = self.db.take();
        let _ = quietly(AssertUnwindSafe(|| drop(db)));
    }
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

fn io_error(what: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        what,
        path: path.to_owned(),
        source,
    }
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

/// Whether the system refused for a reason that lies outside of the store's files.
const fn no_damage(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
    )
}

/// Whether appends are made durable and the head is kept: always, but for the test that must fail without.
#[cfg(not(feature = "faults"))]
const fn keeps_promises() -> bool {
    true
}

#[cfg(feature = "faults")]
fn keeps_promises() -> bool {
    std::env::var_os("RUNNER_FAULT_NEVER_FLUSH").is_none()
}

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` is for tests: a ledger that can be told not to flush must never be released");

/// Does work that waits for the disk where it holds up nobody. A panic of sled is an error like any other.
async fn blocking<T: Send + 'static>(
    path: &Path,
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(move || quietly(AssertUnwindSafe(work))).await;
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
