//! The lock of a campaign's ledger: a file beside it, held for the whole run. The kernel releases it when the process dies. A
//! process that finds it taken learns its owner.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::event::Owner;

use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::known_files::{Directory, FileId, KnownFiles};

/// An owner writes less than this.
pub(in crate::ledger) const LONGEST_LINE: u64 = 64 * 1024;

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has the lock.
    #[error("{}", taken(owner.as_deref()))]
    Taken {
        /// The owner. `None` if it has not written that yet.
        owner: Option<Box<Owner>>,
        /// Its purpose, as far as it has written that.
        purpose: Purpose,
    },
    /// The system refused an operation.
    #[error("{}", ledger::CannotDo { action, path: &path.display() })]
    Io {
        /// What was attempted.
        action: Action,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// Why a process locks a campaign's ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To apply the campaign.
    #[default]
    Apply,
    /// To read the ledger or to record a person's decision. That is short, so other processes wait.
    Look,
}

/// The content of a lock's file.
#[derive(Debug, Serialize, Deserialize)]
struct Line<O> {
    #[serde(flatten)]
    owner: O,
    #[serde(default)]
    purpose: Purpose,
}

impl LockError {
    /// `owner` applies the campaign.
    #[must_use]
    pub fn taken_by(owner: Owner) -> Self {
        Self::Taken {
            owner: Some(Box::new(owner)),
            purpose: Purpose::Apply,
        }
    }
}

fn taken(owner: Option<&Owner>) -> String {
    match owner {
        Some(Owner {
            host,
            pid,
            since,
            command,
        }) => ledger::Taken {
            host,
            pid,
            since,
            command,
        }
        .to_string(),
        None => ledger::TakenByUnknown.to_string(),
    }
}

/// The lock of one campaign's ledger on this machine.
#[derive(Debug)]
pub struct CampaignLock {
    path: PathBuf,
    file: File,
    directory: Arc<Directory>,
}

impl Drop for CampaignLock {
    fn drop(&mut self) {
        // The line has a command, which may name a user. It is only for messages while the lock is held.
        let _ = self.file.set_len(0);
        // Closing is not enough: a process that is being started may have inherited the file for a moment.
        let _ = self.file.unlock();
    }
}

impl CampaignLock {
    /// Takes the lock whose file has this name in `directory`, and writes the owner and the purpose there.
    pub fn take(directory: Directory, name: &str, owner: &Owner, purpose: Purpose) -> Result<Self, LockError> {
        let path = directory.path().join(name);
        let opened = directory.open_or_create(name);
        let file = take_file(opened, &path, &Line { owner, purpose })?;
        Ok(Self {
            path,
            file,
            directory: Arc::new(directory),
        })
    }

    /// The directory with the lock's file, as it was when the lock was taken.
    #[must_use]
    pub const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The lock's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to the locked file. Otherwise another process may have the lock at this path, and the files
    /// beside it.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    /// The id of the locked file.
    ///
    /// # Errors
    /// When its metadata cannot be read.
    pub fn file_id(&self) -> io::Result<FileId> {
        Ok(FileId::new(&self.file.metadata()?))
    }

    /// Adds the locked file to those that make a ledger.
    pub(in crate::ledger) fn add_to(&self, known: &KnownFiles) -> io::Result<()> {
        known.add_open(&self.path, &self.file)
    }
}

fn take_file(opened: io::Result<File>, path: &Path, line: &Line<&Owner>) -> Result<File, LockError> {
    let failed = |action| {
        move |source| LockError::Io {
            action,
            path: path.to_owned(),
            source,
        }
    };
    let mut file = opened.map_err(failed(Action::Open))?;
    match file.try_lock() {
        // The last owner may have removed the file meanwhile, because there was no ledger. Then this is not the lock.
        Ok(()) if !is_at(&file, path) => {
            return Err(LockError::Taken {
                owner: None,
                purpose: Purpose::Look,
            });
        }
        Ok(()) => {}
        // Another process is asking whether the lock is taken.
        Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
            let _ = file.unlock();
            return Err(LockError::Taken {
                owner: None,
                purpose: Purpose::Look,
            });
        }
        Err(TryLockError::WouldBlock) => {
            let said = read_line(&mut file);
            let purpose = said.as_ref().map_or(Purpose::Apply, |line| line.purpose);
            let owner = said.map(|line| line.owner);
            return Err(LockError::Taken { owner, purpose });
        }
        Err(TryLockError::Error(source)) => return Err(failed(Action::Lock)(source)),
    }
    // The owner is only for messages, so a full disk must not prevent the lock.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(text(line.owner, line.purpose).as_bytes()));
    Ok(file)
}

/// Whether `path` leads to `file`.
fn is_at(file: &File, path: &Path) -> bool {
    file.metadata().is_ok_and(|file| FileId::new(&file).is_at(path))
}

/// Returns the process that applies the campaign whose lock's file has this name in `directory`. Takes no lock and creates no
/// file.
pub fn applier(directory: &Directory, name: &str) -> Result<Option<Owner>, LockError> {
    let path = &directory.path().join(name);
    let failed = |action| {
        move |source| LockError::Io {
            action,
            path: path.to_owned(),
            source,
        }
    };
    let mut file = match directory.read(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(Action::Open)(source)),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => Ok(read_line(&mut file)
            .filter(|line: &Line<Box<Owner>>| line.purpose == Purpose::Apply)
            .map(|line| *line.owner)),
        Err(TryLockError::Error(source)) => Err(failed(Action::LookAt)(source)),
    }
}

/// The line that describes an owner to other processes.
pub(in crate::ledger) fn text(owner: &Owner, purpose: Purpose) -> String {
    let mut text = serde_json::to_string(&Line { owner, purpose }).unwrap_or_default();
    text.push('\n');
    text
}

/// The owner in a line of [`text`]. `None` if it is something else.
pub(in crate::ledger) fn parse_owner(line: &[u8]) -> Option<Box<Owner>> {
    let line: Line<Box<Owner>> = serde_json::from_slice(line).ok()?;
    Some(line.owner)
}

fn read_line(from: impl Read) -> Option<Line<Box<Owner>>> {
    let mut line = String::new();
    from.take(LONGEST_LINE).read_to_string(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;

    fn owner(pid: u32) -> Owner {
        Owner {
            host: "here".to_owned(),
            pid,
            since: from_ms(0),
            command: "runner apply summer.yaml".to_owned(),
        }
    }

    fn take_for(directory: &Path, pid: u32, purpose: Purpose) -> Result<CampaignLock, LockError> {
        CampaignLock::take(Directory::open(directory).unwrap(), "summer.lock", &owner(pid), purpose)
    }

    fn take(directory: &Path, pid: u32) -> Result<CampaignLock, LockError> {
        take_for(directory, pid, Purpose::Apply)
    }

    #[test]
    fn the_purpose_of_a_taken_lock_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        for purpose in [Purpose::Look, Purpose::Apply] {
            let first = take_for(path, 1, purpose).unwrap();
            let Err(LockError::Taken { purpose: found, .. }) = take(path, 2) else {
                panic!("it was free");
            };
            assert_eq!(found, purpose);
            drop(first);
        }
    }

    fn taken_by<T>(result: Result<T, LockError>) -> Option<u32> {
        match result {
            Err(LockError::Taken { owner, .. }) => owner.map(|owner| owner.pid),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it was free"),
        }
    }

    #[test]
    fn a_campaign_has_one_owner_that_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let first = take(path, 1).unwrap();
        let second = take(path, 2);
        assert_eq!(
            second.as_ref().map(|_| ()).unwrap_err().to_string(),
            "the campaign's ledger is taken by process 1 on here since 1970-01-01T00:00:00Z: runner apply summer.yaml"
        );
        assert_eq!(taken_by(second), Some(1));
        drop(first);
        let third = take(path, 3).unwrap();
        assert_eq!(taken_by(take(path, 4)), Some(3));
        drop(third);
    }
}
