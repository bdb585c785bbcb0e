//! A store's files. They are checked before sled may write to them, and sealed when they are closed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::scratch_copy::ScratchCopy;
use super::seal::{Damage, Seal};
use super::sled_db::{Disk, Get, SledErrors};
use super::wait_unlocked::wait_unlocked;
use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::known_files::{Directory, KnownFiles};
use crate::ledger::log::block::{Block, BlockRead, BlockReader};
use crate::ledger::log::head::{Head, HeadFile};
use crate::ledger::log::page::Page;
use crate::ledger::log::record::Link;
use crate::ledger::store::contract::{AppendError, WriteSnapshot};
use crate::ledger::store::error::{StoreError, io_error, takes_nothing};

/// The snapshot's file.
const SNAPSHOT: &str = "shortcut";

/// The condition in which a store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The files are as they were when the store was closed.
    Sealed,
    /// The store was not closed in order.
    Unsealed,
    /// The files were changed after the store was closed.
    Damaged(Vec<Damage>),
}

#[derive(Debug)]
enum Files {
    /// The files are as they were when they were closed. sled has not opened them since.
    Sealed,
    /// A copy is open, because the files may be damaged. sled has not opened the files themselves.
    Copied { disk: Disk, copy: ScratchCopy },
    /// sled may write to the files.
    Open(Disk),
    /// The files are not used any more.
    Closed,
}

/// Why sled does not open a store, although it opens a copy without its own snapshot.
#[derive(Debug)]
struct Refusal {
    error: StoreError,
    /// The files of sled's snapshot.
    removed: Vec<String>,
    /// Whether every batch up to the head was read from the copy, which can replace the store then.
    is_proven: bool,
}

/// The files of one ledger's store, and those beside them.
#[derive(Debug)]
pub(super) struct StoreFiles {
    dir: Directory,
    path: PathBuf,
    /// The files that are compared to notice a removed or replaced ledger.
    known: Arc<KnownFiles>,
    head_file: HeadFile,
    head: Head,
    files: Files,
    condition: Condition,
    block: Block,
    errors: SledErrors,
    /// Set if sled does not open the store. It is refused, unless the copy proves to have every batch.
    refusal: Option<Refusal>,
    /// Whether the files are known to be intact, and the head names their last batch.
    is_intact: bool,
    failed: bool,
}

impl StoreFiles {
    pub(super) fn create(dir: &Path, errors: SledErrors) -> Result<Self, StoreError> {
        let path = dir.join("store");
        let head_path = dir.join("head");
        let head_file = HeadFile::create(&head_path).map_err(|source| io_error(Action::Create, &head_path, source))?;
        let disk = Disk::create(&path, &errors)?;
        let opened = OpenDir::new(dir, &path, &head_file)?;
        disk.add_to(&opened.known)?;
        Ok(Self {
            dir: opened.dir,
            path,
            known: opened.known,
            head_file,
            head: Head::default(),
            files: Files::Open(disk),
            condition: Condition::Sealed,
            block: Block::default(),
            errors,
            refusal: None,
            is_intact: true,
            failed: false,
        })
    }

    pub(super) fn open(dir: &Path, errors: SledErrors) -> Result<Self, StoreError> {
        let mut store_files = Self::find(dir, errors)?;
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

    /// Opens a copy, whatever the condition of the files.
    pub(super) fn open_copy(dir: &Path, errors: SledErrors) -> Result<Self, StoreError> {
        let mut store_files = Self::find(dir, errors)?;
        if let Err(source) = store_files.copy()? {
            if store_files.condition != Condition::Sealed {
                return Err(io_error(Action::Copy, &store_files.path, source));
            }
            // Its files are intact, so sled may open them.
            store_files.files = Files::Open(store_files.disk()?);
        }
        Ok(store_files)
    }

    fn find(dir: &Path, errors: SledErrors) -> Result<Self, StoreError> {
        let path = dir.join("store");
        // sled locks its file, and threads of an earlier opening unlock it only some time after that was closed.
        if !wait_unlocked(&path.join("db")) {
            return Err(StoreError::InUse { path });
        }
        let head_path = dir.join("head");
        ScratchCopy::clear(dir)?;
        let (head_file, head) =
            HeadFile::open(&head_path).map_err(|source| io_error(Action::Open, &head_path, source))?;
        let head = head.ok_or(StoreError::Headless { path: head_path })?;
        let opened = OpenDir::new(dir, &path, &head_file)?;
        let condition = match Seal::read(&opened.dir).filter(|seal| seal.head() == head) {
            None => Condition::Unsealed,
            Some(seal) => {
                let damage = seal
                    .damage(&path)
                    .map_err(|source| io_error(Action::Read, &path, source))?;
                if damage.is_empty() {
                    Condition::Sealed
                } else {
                    Condition::Damaged(damage)
                }
            }
        };
        Ok(Self {
            dir: opened.dir,
            path,
            known: opened.known,
            head_file,
            head,
            files: Files::Closed,
            is_intact: condition == Condition::Sealed,
            condition,
            block: Block::default(),
            errors,
            refusal: None,
            failed: false,
        })
    }

    /// Opens a copy. The inner error says why there can be no copy.
    fn copy(&mut self) -> Result<std::io::Result<()>, StoreError> {
        let scratch_copy = match ScratchCopy::copy(self.dir.path(), &self.path) {
            Ok(scratch_copy) => scratch_copy,
            Err(error) if takes_nothing(error.kind()) => return Ok(Err(error)),
            Err(source) => return Err(io_error(Action::Copy, &self.path, source)),
        };
        match Disk::open(scratch_copy.path(), &self.path, self.head.sequence, &self.errors) {
            Ok(disk) => {
                self.files = Files::Copied {
                    disk,
                    copy: scratch_copy,
                };
                Ok(Ok(()))
            }
            Err(StoreError::Io { source, .. }) if takes_nothing(source.kind()) => Ok(Err(source)),
            Err(error) if !error.is_damage() => Err(error),
            Err(error) => {
                // Without its own snapshot, sled reads batch by batch, which shows how many batches are good.
                let again = scratch_copy.remove_snapshot().ok().and_then(|removed| {
                    let disk = Disk::open(scratch_copy.path(), &self.path, self.head.sequence, &self.errors);
                    Some((disk.ok()?, removed))
                });
                let Some((disk, removed)) = again else {
                    return Err(self.explained(error));
                };
                self.files = Files::Copied {
                    disk,
                    copy: scratch_copy,
                };
                self.refusal = Some(Refusal {
                    error,
                    removed,
                    is_proven: false,
                });
                Ok(Ok(()))
            }
        }
    }

    pub(super) fn known(&self) -> Arc<KnownFiles> {
        Arc::clone(&self.known)
    }

    pub(super) fn condition(&self) -> Condition {
        self.condition.clone()
    }

    /// Returns the value of a key, from any thread.
    pub(super) fn reader(&mut self, last: Head) -> Result<Get, StoreError> {
        Ok(self.writable(last)?.reader())
    }

    /// Opens the files themselves. sled may write to them from here on.
    fn disk(&self) -> Result<Disk, StoreError> {
        // sled would create the directories of a removed ledger.
        self.known.check()?;
        Seal::remove(&self.dir);
        let disk = Disk::open(&self.path, &self.path, self.head.sequence, &self.errors)?;
        disk.add_to(&self.known)?;
        Ok(disk)
    }

    /// Opens the files themselves, unless they are open. Their last batch is `last`.
    fn writable(&mut self, last: Head) -> Result<&Disk, StoreError> {
        if !matches!(self.files, Files::Open(_)) {
            // The copy is closed and removed before sled opens the files.
            let files = std::mem::replace(&mut self.files, Files::Closed);
            match (self.refusal.take(), files) {
                (Some(refusal), Files::Copied { disk, copy }) if refusal.is_proven => {
                    drop(disk);
                    self.replace_with(copy, refusal)?;
                }
                (Some(refusal), _) => return Err(self.explained(refusal.error)),
                (None, files) => drop(files),
            }
            let disk = self.disk()?;
            self.files = Files::Open(disk);
            self.check_has(last)?;
        }
        self.readable()
    }

    /// Replaces the store by a copy that has every batch and no damaged snapshot of sled's.
    fn replace_with(&self, copy: ScratchCopy, refusal: Refusal) -> Result<(), StoreError> {
        self.known.check()?;
        if let Err(error) = copy.replace(self.dir.path(), &self.path) {
            debug!(path = %self.path.display(), %error, "the store is not replaced by its copy");
            return Err(self.explained(summary(&self.path, refusal)));
        }
        warn!(
            path = %self.path.display(),
            "{} of the ledger's store was damaged, and every batch is good: the store was rebuilt, and the damaged one is kept \
             as `damaged` beside it",
            names(&refusal.removed)
        );
        self.known
            .add_directory(&self.path)
            .map_err(|source| io_error(Action::Open, &self.path, source))
    }

    fn readable(&self) -> Result<&Disk, StoreError> {
        match &self.files {
            Files::Open(disk) | Files::Copied { disk, .. } => Ok(disk),
            Files::Sealed | Files::Closed => Err(StoreError::Broken {
                action: Action::Use,
                path: self.path.clone(),
                why: ledger::StoreClosed.to_string(),
            }),
        }
    }

    /// Checks that the files have the last batch, which was read from a copy, or was not read because the store was sealed.
    fn check_has(&self, last: Head) -> Result<(), StoreError> {
        if last.sequence == 0 || !keeps_promises() {
            return Ok(());
        }
        let first = self.readable()?.block_of(last.sequence)?;
        let mut reading = BlockReader::from_block(first.unwrap_or(last.sequence));
        self.read_block(&mut reading)?;
        if reading.skip_through(last, self.head.sequence) {
            return Ok(());
        }
        Err(self.lost(last.sequence.saturating_sub(1)))
    }

    pub(super) fn append(&mut self, before: Head, next: Head, record: &[u8]) -> Result<(), AppendError> {
        // Set first, because a panic is a failure too.
        let has_failed = std::mem::replace(&mut self.failed, true);
        self.prepare(before, next, record).map_err(AppendError::Failed)?;
        self.write_block(next).map_err(AppendError::Unknown)?;
        // Removed files can still be written and synced, but no process will read them.
        self.known.check().map_err(|error| match error {
            gone @ StoreError::Gone { .. } => AppendError::Fenced(gone),
            error => AppendError::Unknown(error),
        })?;
        self.failed = has_failed;
        self.is_intact = true;
        Ok(())
    }

    fn prepare(&mut self, before: Head, next: Head, record: &[u8]) -> Result<(), StoreError> {
        self.writable(before)?;
        if self.head != before && keeps_promises() {
            // The last process ended after it wrote its last batch and before it wrote the head. The batch was read, but it is
            // not certain to be on disk before it is synced here.
            self.readable()?.sync()?;
            self.note(before)?;
        }
        let too_long = |_| io_error(Action::AppendTo, &self.path, std::io::ErrorKind::FileTooLarge.into());
        self.block.add(next.sequence, record).map_err(too_long)
    }

    fn write_block(&mut self, next: Head) -> Result<(), StoreError> {
        let disk = self.readable()?;
        #[cfg(debug_assertions)]
        if !keeps_promises() {
            return disk.put_carelessly(self.block.parts());
        }
        disk.put(self.block.parts())?;
        disk.sync()?;
        self.note(next)
    }

    fn note(&mut self, head: Head) -> Result<(), StoreError> {
        self.head_file
            .write(head)
            .map_err(|source| io_error(Action::Write, self.head_file.path(), source))?;
        self.head = head;
        Ok(())
    }

    /// Reads the batches after `after` and returns the last one. `None` if the store does not have `after`, or a batch before it
    /// is damaged.
    pub(super) fn read(&mut self, after: Head, pages: &mpsc::Sender<Page>) -> Result<Option<Head>, StoreError> {
        if matches!(self.files, Files::Sealed) {
            if after == self.head {
                return Ok(Some(after));
            }
            match self.writable(self.head) {
                Err(StoreError::Io { source, .. }) if takes_nothing(source.kind()) => {
                    // On a disk that is read-only, a copy elsewhere is read.
                    self.copy()?
                        .map_err(|source| io_error(Action::Copy, &self.path, source))?;
                }
                opened => drop(opened?),
            }
        }
        if after == Head::default() {
            let mut reading = BlockReader::default();
            self.read_on(&mut reading, pages)?;
            return Ok(Some(reading.last));
        }
        if self.refusal.as_ref().is_some_and(|refusal| !refusal.is_proven) {
            return Ok(None);
        }
        if self.condition != Condition::Sealed {
            // The batches before it may be damaged, so they are read too.
            let mut reading = BlockReader::checking(after);
            self.read_on(&mut reading, pages)?;
            return Ok(Some(reading.last).filter(|_| reading.is_valid()));
        }
        let Some(first) = self.readable()?.block_of(after.sequence)? else {
            return Ok(None);
        };
        let mut reading = BlockReader::from_block(first);
        self.read_block(&mut reading)?;
        if !reading.skip_through(after, self.head.sequence) {
            return Ok(None);
        }
        self.read_on(&mut reading, pages)?;
        Ok(Some(reading.last))
    }

    fn read_on(&mut self, reading: &mut BlockReader, pages: &mpsc::Sender<Page>) -> Result<(), StoreError> {
        let mut more = true;
        while more {
            more = self.read_block(reading)?;
            if (reading.is_full() || !more) && pages.blocking_send(reading.take(self.head.sequence)).is_err() {
                return Err(StoreError::Broken {
                    action: Action::Read,
                    path: self.path.clone(),
                    why: ledger::ReaderStopped.to_string(),
                });
            }
        }
        let compared = self.compare(reading.last, reading.at_head);
        match (&mut self.refusal, compared) {
            (Some(refusal), Ok(())) => {
                refusal.is_proven = true;
                Ok(())
            }
            (Some(_), Err(error)) => {
                self.files = Files::Closed;
                let refusal = self.refusal.take();
                Err(self.explained(refusal.map_or(error, |refusal| refusal.error)))
            }
            (None, compared) => compared.map_err(|error| self.explained(error)),
        }
    }

    /// Returns whether there was another block.
    fn read_block(&self, reading: &mut BlockReader) -> Result<bool, StoreError> {
        let disk = self.readable()?;
        match reading.read_block(|key| disk.get(key))? {
            BlockRead::Whole => Ok(true),
            BlockRead::None => Ok(false),
            BlockRead::Damaged => Err(self.lost(reading.last.sequence)),
        }
    }

    /// Adds where the damage is, if that is known.
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

    pub(super) fn read_snapshot(&self) -> Option<Box<dyn Read + Send>> {
        let file = self.dir.read(SNAPSHOT).ok()?;
        Some(Box::new(file))
    }

    pub(super) fn write_snapshot(&mut self, write: WriteSnapshot) -> Result<(), StoreError> {
        self.dir
            .replace(SNAPSHOT, write)
            .map_err(|source| io_error(Action::Write, &self.dir.path().join(SNAPSHOT), source))
    }
}

impl Drop for StoreFiles {
    fn drop(&mut self) {
        let was_open = matches!(self.files, Files::Open(_));
        self.files = Files::Closed;
        if !was_open || !self.is_intact || self.failed || thread::panicking() || !keeps_promises() {
            return;
        }
        // The path may lead to another store by now.
        if self.known.check().is_err() {
            return;
        }
        let sealed = Seal::new(&self.path, self.head).and_then(|seal| seal.write(&self.dir));
        if let Err(error) = sealed {
            debug!(path = %self.path.display(), %error, "the ledger is not sealed; opening it will take longer");
        }
    }
}

fn summary(path: &Path, refusal: Refusal) -> StoreError {
    StoreError::Summary {
        path: path.to_owned(),
        files: refusal.removed.iter().map(|file| format!("`{file}`")).collect(),
        source: Box::new(refusal.error),
    }
}

fn names(files: &[String]) -> String {
    let names: Vec<_> = files.iter().map(|file| format!("`{file}`")).collect();
    names.join(" or ")
}

/// The ledger's directory, and its files as far as they are open.
struct OpenDir {
    dir: Directory,
    known: Arc<KnownFiles>,
}

impl OpenDir {
    fn new(path: &Path, store: &Path, head: &HeadFile) -> Result<Self, StoreError> {
        let known = KnownFiles::default();
        let dir = Directory::open(path).map_err(|source| io_error(Action::Open, path, source))?;
        dir.add_to(&known)
            .map_err(|source| io_error(Action::LookAt, path, source))?;
        known
            .add_directory(store)
            .map_err(|source| io_error(Action::Open, store, source))?;
        head.add_to(&known)
            .map_err(|source| io_error(Action::LookAt, head.path(), source))?;
        Ok(Self {
            dir,
            known: Arc::new(known),
        })
    }
}

/// Whether appends are made durable and the head is written. False only in the test that must fail without.
#[cfg(not(debug_assertions))]
const fn keeps_promises() -> bool {
    true
}

#[cfg(debug_assertions)]
fn keeps_promises() -> bool {
    std::env::var_os("RUNNER_FAULT_NEVER_FLUSH").is_none()
}
