//! Keeps a store's files: finds out whether they are whole before anything may write to them, and seals them when they are
//! closed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::disk::Disk;
use super::reader::Get;
use super::scratch_copy::ScratchCopy;
use super::seal::{Damage, Seal};
use crate::ledger::files::{Directory, KnownFiles};
use crate::ledger::log::block::{Block, BlockReader, Segment};
use crate::ledger::log::head::{Head, HeadFile};
use crate::ledger::log::record::Link;
use crate::ledger::store::contract::WriteSnapshot;
use crate::ledger::store::error::StoreError;
use crate::ledger::store::error::{io_error, no_damage};

/// The snapshot's file.
const SNAPSHOT: &str = "shortcut";

/// In which condition a store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its files are what they were when it was closed.
    Sealed,
    /// It was not closed in order.
    Unsealed,
    /// It was, and then its files were changed.
    Damaged(Vec<Damage>),
}

/// A store's files.
#[derive(Debug)]
enum Files {
    /// As they were when they were closed. sled has not seen them since.
    Sealed,
    /// Perhaps not whole. What is open is a copy. sled has not seen the files themselves.
    Copied { disk: Disk, _gone_after: ScratchCopy },
    /// sled's to write.
    Open(Disk),
    /// They cannot be used any more.
    Closed,
}

/// Why a store is refused of which a copy could be opened without sled's own summary.
#[derive(Debug)]
struct Refusal {
    error: StoreError,
    /// The files of that summary.
    forgotten: Vec<String>,
}

/// The files of one ledger's store, and what lies beside them.
#[derive(Debug)]
pub(super) struct StoreFiles {
    dir: Directory,
    path: PathBuf,
    /// By what it is noticed that the ledger was removed or replaced.
    known: Arc<KnownFiles>,
    head_file: HeadFile,
    head: Head,
    files: Files,
    condition: Condition,
    group: Block,
    /// Why it is refused, once it has been told how far it is good.
    refusal: Option<Refusal>,
    /// Whether the files are known to be whole, and the head is of their last batch.
    whole: bool,
    failed: bool,
}

impl StoreFiles {
    pub(super) fn create(dir: &Path) -> Result<Self, StoreError> {
        let (path, head_path) = (dir.join("store"), dir.join("head"));
        let head_file = HeadFile::create(&head_path).map_err(|source| io_error("create", &head_path, source))?;
        let disk = Disk::create(&path)?;
        let (dir, known) = know(dir, &path, &head_file)?;
        disk.add_to(&known)?;
        Ok(Self {
            dir,
            path,
            known,
            head_file,
            head: Head::default(),
            files: Files::Open(disk),
            condition: Condition::Sealed,
            group: Block::default(),
            refusal: None,
            whole: true,
            failed: false,
        })
    }

    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let mut store_files = Self::find(dir)?;
        if store_files.condition == Condition::Sealed {
            store_files.files = Files::Sealed;
            return Ok(store_files);
        }
        if let Err(error) = store_files.copy()? {
            warn!(
                path = %store_files.path.display(),
                %error,
                "the ledger was not closed in order, and there is no room to look at a copy of it first; it is opened as it is"
            );
            store_files.files = Files::Open(store_files.disk()?);
        }
        Ok(store_files)
    }

    /// Opens a copy, whatever condition the files are in.
    pub(super) fn look(dir: &Path) -> Result<Self, StoreError> {
        let mut store_files = Self::find(dir)?;
        store_files
            .copy()?
            .map_err(|source| io_error("copy, to look at the copy,", &store_files.path, source))?;
        Ok(store_files)
    }

    fn find(dir: &Path) -> Result<Self, StoreError> {
        let (path, head_path) = (dir.join("store"), dir.join("head"));
        ScratchCopy::clear(dir).map_err(|(path, source)| io_error("remove", &path, source))?;
        let (head_file, head) = HeadFile::open(&head_path).map_err(|source| io_error("open", &head_path, source))?;
        let head = head.ok_or(StoreError::Headless { path: head_path })?;
        let (dir, known) = know(dir, &path, &head_file)?;
        let condition = match Seal::read(&dir).filter(|seal| seal.head() == head) {
            None => Condition::Unsealed,
            Some(seal) => {
                let damage = seal.damage(&path).map_err(|source| io_error("read", &path, source))?;
                if damage.is_empty() {
                    Condition::Sealed
                } else {
                    Condition::Damaged(damage)
                }
            }
        };
        Ok(Self {
            dir,
            path,
            known,
            head_file,
            head,
            files: Files::Closed,
            whole: condition == Condition::Sealed,
            condition,
            group: Block::default(),
            refusal: None,
            failed: false,
        })
    }

    /// Opens a copy; says why not when it cannot be made.
    fn copy(&mut self) -> Result<std::io::Result<()>, StoreError> {
        let scratch_copy = match ScratchCopy::copy(self.dir.path(), &self.path) {
            Ok(scratch_copy) => scratch_copy,
            Err(error) => return Ok(Err(error)),
        };
        match Disk::open(scratch_copy.path(), &self.path, self.head.sequence) {
            Ok(disk) => {
                self.files = Files::Copied {
                    disk,
                    _gone_after: scratch_copy,
                };
                Ok(Ok(()))
            }
            Err(StoreError::Io { source, .. }) if no_damage(source.kind()) => Ok(Err(source)),
            Err(error) => {
                // How far it is good can still be told: without its own summary, sled reads batch by batch.
                let again = scratch_copy.forget_summary().ok().and_then(|forgotten| {
                    let disk = Disk::open(scratch_copy.path(), &self.path, self.head.sequence);
                    Some((disk.ok()?, forgotten))
                });
                let Some((disk, forgotten)) = again else {
                    return Err(self.explained(error));
                };
                self.files = Files::Copied {
                    disk,
                    _gone_after: scratch_copy,
                };
                self.refusal = Some(Refusal { error, forgotten });
                Ok(Ok(()))
            }
        }
    }

    /// The files and directories that make this ledger, as far as they are open.
    pub(super) fn known(&self) -> Arc<KnownFiles> {
        Arc::clone(&self.known)
    }

    pub(super) fn condition(&self) -> Condition {
        self.condition.clone()
    }

    /// What asks the files for one entry, from any thread.
    pub(super) fn reader(&mut self, last: Head) -> Result<Get, StoreError> {
        Ok(self.writable(last)?.reader())
    }

    /// Opens the files themselves. From here on sled may write to them.
    fn disk(&self) -> Result<Disk, StoreError> {
        // sled would make the directories of a ledger that was removed.
        self.known.check()?;
        Seal::remove(&self.dir);
        let disk = Disk::open(&self.path, &self.path, self.head.sequence)?;
        disk.add_to(&self.known)?;
        Ok(disk)
    }

    /// Opens the files themselves if they are not, in which `last` is the last batch.
    fn writable(&mut self, last: Head) -> Result<&Disk, StoreError> {
        if !matches!(self.files, Files::Open(_)) {
            // A copy is closed and gone before sled sees the files.
            self.files = Files::Closed;
            let disk = self.disk()?;
            self.files = Files::Open(disk);
            self.must_have(last)?;
        }
        self.readable()
    }

    fn readable(&self) -> Result<&Disk, StoreError> {
        match &self.files {
            Files::Open(disk) | Files::Copied { disk, .. } => Ok(disk),
            Files::Sealed | Files::Closed => Err(StoreError::Broken {
                what: "use",
                path: self.path.clone(),
                why: "it is closed".to_owned(),
            }),
        }
    }

    /// What was read from a copy, or was never read because it is sealed, is there as well.
    fn must_have(&self, last: Head) -> Result<(), StoreError> {
        if last.sequence == 0 || !keeps_promises() {
            return Ok(());
        }
        let first = self.readable()?.group_of(last.sequence)?;
        let mut reading = BlockReader::of_group(first.unwrap_or(last.sequence));
        self.next_group(&mut reading)?;
        if reading.passes(last, self.head.sequence) {
            return Ok(());
        }
        Err(self.lost(last.sequence.saturating_sub(1)))
    }

    pub(super) fn append(&mut self, before: Head, next: Head, record: &[u8]) -> Result<(), StoreError> {
        // Where it panics it has failed as well.
        let failed = std::mem::replace(&mut self.failed, true);
        self.try_append(before, next, record)?;
        self.failed = failed;
        self.whole = true;
        Ok(())
    }

    fn try_append(&mut self, before: Head, next: Head, record: &[u8]) -> Result<(), StoreError> {
        self.writable(before)?;
        if self.head != before && keeps_promises() {
            // The last process ended between making its last batch durable and saying so. It was read; that it is on
            // the disk is not certain before it is synced here.
            self.readable()?.sync()?;
            self.note(before)?;
        }
        let too_long = |_| io_error("append to", &self.path, std::io::ErrorKind::FileTooLarge.into());
        self.group.add(next.sequence, record).map_err(too_long)?;
        let disk = self.readable()?;
        #[cfg(feature = "faults")]
        if !keeps_promises() {
            return disk.put_carelessly(self.group.parts());
        }
        disk.put(self.group.parts())?;
        disk.sync()?;
        self.note(next)?;
        // Files that were removed can still be written and synced, and nobody will ever read them.
        self.known.check()
    }

    fn note(&mut self, head: Head) -> Result<(), StoreError> {
        self.head_file
            .write(head)
            .map_err(|source| io_error("write", self.head_file.path(), source))?;
        self.head = head;
        Ok(())
    }

    /// Shows every batch, or those behind one, and says which was the last. Says nothing when it does not have that one, or
    /// when anything before it is not whole.
    pub(super) fn read(
        &mut self,
        behind: Option<Head>,
        show: &mpsc::Sender<Segment>,
    ) -> Result<Option<Head>, StoreError> {
        if matches!(self.files, Files::Sealed) {
            if behind == Some(self.head) {
                return Ok(behind);
            }
            self.writable(self.head)?;
        }
        let Some(known) = behind else {
            let mut reading = BlockReader::default();
            self.read_on(&mut reading, show)?;
            return Ok(Some(reading.last));
        };
        if self.refusal.is_some() {
            return Ok(None);
        }
        if self.condition != Condition::Sealed {
            // Nobody knows whether what is before it is whole, so it is read as well.
            let mut reading = BlockReader::checking(known);
            self.read_on(&mut reading, show)?;
            return Ok(Some(reading.last).filter(|_| reading.fits()));
        }
        let Some(first) = self.readable()?.group_of(known.sequence)? else {
            return Ok(None);
        };
        let mut reading = BlockReader::of_group(first);
        self.next_group(&mut reading)?;
        if !reading.passes(known, self.head.sequence) {
            return Ok(None);
        }
        self.read_on(&mut reading, show)?;
        Ok(Some(reading.last))
    }

    fn read_on(&mut self, reading: &mut BlockReader, show: &mpsc::Sender<Segment>) -> Result<(), StoreError> {
        while self.next_group(reading)? {
            if reading.is_full() {
                // Whoever listens stops listening when it has heard of a broken batch; that is its own error to tell.
                let _ = show.blocking_send(reading.take(self.head.sequence));
            }
        }
        let _ = show.blocking_send(reading.take(self.head.sequence));
        if let Some(refusal) = self.refusal.take() {
            self.files = Files::Closed;
            return Err(self.refused(refusal, reading));
        }
        self.compare(reading.last, reading.at_head)
            .map_err(|error| self.explained(error))
    }

    /// Reads one more group; says whether there was one.
    fn next_group(&self, reading: &mut BlockReader) -> Result<bool, StoreError> {
        let found = self.readable()?.group(reading.next(), |part| reading.add(part))?;
        if found && reading.close_group().is_none() {
            return Err(self.lost(reading.last.sequence));
        }
        Ok(found)
    }

    /// Without the summary everything could be read: then nothing else is damaged.
    fn refused(&self, refusal: Refusal, reading: &BlockReader) -> StoreError {
        let Refusal { error, forgotten } = refusal;
        if self.compare(reading.last, reading.at_head).is_err() {
            return self.explained(error);
        }
        self.explained(StoreError::Summary {
            path: self.path.clone(),
            files: forgotten.iter().map(|file| format!("`{file}`")).collect(),
            source: Box::new(error),
        })
    }

    /// Where the damage is, if that is known.
    fn explained(&self, error: StoreError) -> StoreError {
        let Condition::Damaged(damage) = &self.condition else {
            return error;
        };
        let Some(Damage { file, at }) = damage.first().cloned() else {
            return error;
        };
        StoreError::Damaged {
            path: self.path.clone(),
            file,
            at,
            source: Box::new(error),
        }
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

    pub(super) fn snapshot(&self) -> Option<Box<dyn Read + Send>> {
        let file = self.dir.read(SNAPSHOT).ok()?;
        Some(Box::new(file))
    }

    pub(super) fn keep_shortcut(&mut self, write: WriteSnapshot) -> Result<(), StoreError> {
        self.dir
            .replace(SNAPSHOT, write)
            .map_err(|source| io_error("write", &self.dir.path().join(SNAPSHOT), source))
    }
}

impl Drop for StoreFiles {
    fn drop(&mut self) {
        let was_open = matches!(self.files, Files::Open(_));
        self.files = Files::Closed;
        if !was_open || !self.whole || self.failed || thread::panicking() || !keeps_promises() {
            return;
        }
        // The path may lead to another store by now, which is not this one's to seal.
        if self.known.check().is_err() {
            return;
        }
        let sealed = Seal::new(&self.path, self.head).and_then(|seal| seal.write(&self.dir));
        if let Err(error) = sealed {
            debug!(path = %self.path.display(), %error, "the ledger is not sealed; opening it will take longer");
        }
    }
}

/// Opens the ledger's directory, and begins to know what lies in it.
fn know(dir: &Path, store: &Path, head: &HeadFile) -> Result<(Directory, Arc<KnownFiles>), StoreError> {
    let known = KnownFiles::default();
    let opened = Directory::open(dir).map_err(|source| io_error("open", dir, source))?;
    opened
        .add_to(&known)
        .map_err(|source| io_error("look at", dir, source))?;
    known
        .add_directory(store)
        .map_err(|source| io_error("open", store, source))?;
    head.add_to(&known)
        .map_err(|source| io_error("look at", head.path(), source))?;
    Ok((opened, Arc::new(known)))
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
