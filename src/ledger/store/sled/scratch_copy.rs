//! A copy of a store, beside it or in a directory for temporary files. sled writes to a store while it opens it, and drops everything after a damaged place. So a store
//! that was not closed in order is first opened as a copy. If the copy is damaged, the original is left unchanged.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::wait_unlocked::wait_unlocked;
use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::known_files::refuse_link;
use crate::ledger::recipients::spill::temporary_directories;
use crate::ledger::store::error::{StoreError, io_error, takes_nothing};

/// The space that a copy leaves free, so that a ledger does not fill the disk.
const LEFT_FREE: u64 = 64 * 1024 * 1024;

/// A copy that is removed when this is dropped. The next opening removes one beside the store that a kill left.
#[derive(Debug)]
pub(super) struct ScratchCopy {
    path: PathBuf,
    /// The directory around a copy that is not beside the store.
    elsewhere: Option<TempDir>,
}

impl ScratchCopy {
    fn path_beside(dir: &Path) -> PathBuf {
        dir.join("aside")
    }

    /// Removes a copy that a kill left.
    pub(super) fn clear(dir: &Path) -> Result<(), StoreError> {
        let path = Self::path_beside(dir);
        match fs::remove_dir_all(&path) {
            // A disk that is read-only keeps it, and the next copy is made elsewhere.
            Err(error) if error.kind() != io::ErrorKind::NotFound && !takes_nothing(error.kind()) => {
                Err(io_error(Action::Remove, &path, error))
            }
            _ => Ok(()),
        }
    }

    /// Copies the store to the first place that has room.
    pub(super) fn copy(dir: &Path, store: &Path) -> io::Result<Self> {
        let needed = size(store)? + LEFT_FREE;
        let mut tried = vec![dir.to_owned()];
        tried.extend(temporary_directories());
        for place in &tried {
            if !has_room(place, needed) {
                continue;
            }
            match Self::copy_to(place, dir, store) {
                Ok(scratch_copy) => return Ok(scratch_copy),
                Err(error) if takes_nothing(error.kind()) || error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let tried: Vec<_> = tried.iter().map(|place| place.display().to_string()).collect();
        let needed = needed.div_ceil(1024 * 1024);
        Err(io::Error::new(
            io::ErrorKind::StorageFull,
            ledger::NoRoomForCopy {
                needed: &needed,
                places: &tried.join(", "),
            }
            .to_string(),
        ))
    }

    fn copy_to(place: &Path, dir: &Path, store: &Path) -> io::Result<Self> {
        let scratch_copy = if place == dir {
            Self {
                path: Self::path_beside(dir),
                elsewhere: None,
            }
        } else {
            let elsewhere = tempfile::Builder::new().prefix("runner-ledger-").tempdir_in(place)?;
            Self {
                path: elsewhere.path().join("store"),
                elsewhere: Some(elsewhere),
            }
        };
        fs::create_dir(&scratch_copy.path)?;
        copy(store, &scratch_copy.path)?;
        Ok(scratch_copy)
    }

    /// Puts the copy, which sled has closed, in the place of the store in `dir`. The store is kept as `damaged` beside it.
    /// Fails without a change if the copy is on another disk.
    pub(super) fn replace(self, dir: &Path, store: &Path) -> io::Result<()> {
        if self.elsewhere.is_some() {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        sync_files(&self.path)?;
        let kept = (1..).map(|number| {
            dir.join(if number == 1 {
                "damaged".to_owned()
            } else {
                format!("damaged-{number}")
            })
        });
        let kept = kept
            .into_iter()
            .find(|path| !path.exists())
            .ok_or(io::ErrorKind::Other)?;
        renameat_with(CWD, &self.path, CWD, store, RenameFlags::EXCHANGE)?;
        fs::rename(&self.path, kept)?;
        fs::File::open(dir)?.sync_all()
    }

    /// Removes the files that sled can create again: its snapshot, and its settings, which are always the default ones. Returns
    /// their names.
    pub(super) fn remove_snapshot(&self) -> io::Result<Vec<String>> {
        wait_unlocked(&self.path.join("db"));
        let mut removed = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == "conf" || name.as_encoded_bytes().starts_with(b"snap.") {
                fs::remove_file(entry.path())?;
                removed.push(name.to_string_lossy().into_owned());
            }
        }
        removed.sort_unstable();
        Ok(removed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchCopy {
    fn drop(&mut self) {
        // Threads of sled may still write there. The next opening removes what is left.
        wait_unlocked(&self.path.join("db"));
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn size(dir: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let found = entry.metadata()?;
        size += if found.is_dir() {
            self::size(&entry.path())?
        } else {
            found.len()
        };
    }
    Ok(size)
}

fn has_room(dir: &Path, size: u64) -> bool {
    rustix::fs::statvfs(dir).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= size)
}

fn sync_files(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_files(&path)?;
        } else {
            fs::File::open(path)?.sync_all()?;
        }
    }
    fs::File::open(dir)?.sync_all()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            refuse_link(&entry.path())?;
            fs::copy(entry.path(), &to)?;
            // The original may be read-only, and sled writes to what it opens.
            fs::set_permissions(&to, Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_read_only_store_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        fs::create_dir(&store).unwrap();
        let db = store.join("db");
        fs::write(&db, "batches").unwrap();
        fs::set_permissions(&db, Permissions::from_mode(0o400)).unwrap();
        let copied = ScratchCopy::copy(dir.path(), &store).unwrap();
        let copied = copied.path().join("db");
        assert_eq!(fs::read(&copied).unwrap(), b"batches");
        assert_eq!(copied.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
