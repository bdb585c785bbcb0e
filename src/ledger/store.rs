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
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

use super::head::{Head, HeadFile};
use super::lock::until_free;
use super::quiet::quietly;
use super::record::link_of;

/// Within sled's own pages, so that no batch ever becomes a file of its own: those are not synced.
const MOST_IN_ONE: usize = 16 * 1024;
/// A batch is read once: there is nothing to keep.
const CACHE: u64 = 4 * 1024 * 1024;
/// How many bytes are handed from the reading thread at a time.
const READ_AT_ONCE: usize = 256 * 1024;

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
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    db: Option<sled::Db>,
    /// The file that sled writes, for syncing what it does not.
    file: File,
    head_file: HeadFile,
    head: Head,
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
        })
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
        self.last = next;
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
        self.last = last?;
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
        if !keeps_promises() {
            return self.append_carelessly(next, record);
        }
        let mut batch = sled::Batch::default();
        for (part, bytes) in record.chunks(MOST_IN_ONE).enumerate() {
            batch.insert(key(next.sequence, part), bytes);
        }
        self.db()?
            .apply_batch(batch)
            .map_err(|error| broken("append to", &self.path, error))?;
        self.sync()?;
        self.note(next)
    }

    /// What an append must not be: single inserts that nobody flushes, so that a kill loses the last of them.
    fn append_carelessly(&self, next: Head, record: &[u8]) -> Result<(), StoreError> {
        for (part, bytes) in record.chunks(MOST_IN_ONE).enumerate() {
            self.db()?
                .insert(key(next.sequence, part), bytes)
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
        let (mut chunk, mut last, mut at_head) = (Chunk::default(), Head::default(), None);
        let mut whole = |chunk: &Chunk, last: &mut Head| {
            if let Some((sequence, record)) = chunk.records().last() {
                let link = link_of(record);
                *last = Head { sequence, link };
            }
            if let Some((_, record)) = chunk.records().find(|(sequence, _)| *sequence == self.head.sequence) {
                at_head = Some(link_of(record));
            }
        };
        for entry in self.db()?.iter() {
            let (key, bytes) = entry.map_err(|error| broken("read", &self.path, error))?;
            let (sequence, part) = parts(&key).ok_or_else(|| self.lost(chunk.last().unwrap_or(last.sequence)))?;
            let before = chunk.last().unwrap_or(last.sequence);
            if part > 0 && sequence == before {
                chunk.bytes.extend_from_slice(&bytes);
                continue;
            }
            if sequence != before + 1 {
                return Err(self.lost(before));
            }
            if chunk.bytes.len() >= READ_AT_ONCE {
                whole(&chunk, &mut last);
                // Whoever listens stops listening when it has heard of a broken batch; that is its own error to tell.
                let _ = show.blocking_send(std::mem::take(&mut chunk));
            }
            chunk.begin(sequence, &bytes);
        }
        whole(&chunk, &mut last);
        let _ = show.blocking_send(chunk);
        self.compare(last, at_head)?;
        Ok(last)
    }

    fn compare(&self, last: Head, at_head: Option<[u8; 8]>) -> Result<(), StoreError> {
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

/// Some batches, one behind another: an allocation for each of them would take longer than reading it.
#[derive(Debug, Default)]
struct Chunk {
    first: u64,
    starts: Vec<usize>,
    bytes: Vec<u8>,
}

impl Chunk {
    fn begin(&mut self, sequence: u64, bytes: &[u8]) {
        if self.starts.is_empty() {
            self.first = sequence;
            self.bytes.reserve(READ_AT_ONCE + MOST_IN_ONE);
        }
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn last(&self) -> Option<u64> {
        Some(self.first + (self.starts.len() as u64).checked_sub(1)?)
    }

    fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let ends = self.starts.iter().skip(1).copied().chain([self.bytes.len()]);
        let places = self.starts.iter().zip(ends);
        (self.first..).zip(places.filter_map(|(start, end)| self.bytes.get(*start..end)))
    }
}

/// A batch's key; a part beyond the first has its number behind it.
fn key(sequence: u64, part: usize) -> Vec<u8> {
    let mut key = sequence.to_be_bytes().to_vec();
    if part > 0 {
        key.extend_from_slice(&u32::try_from(part).unwrap_or(u32::MAX).to_be_bytes());
    }
    key
}

fn parts(key: &[u8]) -> Option<(u64, u32)> {
    let (sequence, part) = key.split_first_chunk::<8>()?;
    let part = match part {
        [] => 0,
        part => u32::from_be_bytes(part.try_into().ok()?),
    };
    Some((u64::from_be_bytes(*sequence), part))
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
