//! A copy of a store beside it. sled writes to a store while it opens it, and drops everything after a damaged place. So a store
//! that was not closed in order is first opened as a copy. If the copy is damaged, the original is left unchanged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::wait_unlocked::wait_unlocked;
use crate::ledger::known_files::refuse_link;
use crate::ledger::store::error::{StoreError, io_error};

/// The space that a copy leaves free, so that a ledger does not fill the disk.
const LEFT_FREE: u64 = 64 * 1024 * 1024;

/// A copy that is removed when this is dropped. The next opening removes one that a kill left.
#[derive(Debug)]
pub(super) struct ScratchCopy(PathBuf);

impl ScratchCopy {
    fn path_beside(dir: &Path) -> PathBuf {
        dir.join("aside")
    }

    /// Removes a copy that a kill left.
    pub(super) fn clear(dir: &Path) -> Result<(), StoreError> {
        let path = Self::path_beside(dir);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path, error)),
            _ => Ok(()),
        }
    }

    pub(super) fn copy(dir: &Path, store: &Path) -> io::Result<Self> {
        if !has_room(dir, size(store)?) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let scratch_copy = Self(Self::path_beside(dir));
        copy(store, &scratch_copy.0)?;
        Ok(scratch_copy)
    }

    /// Removes the files that sled can create again: its snapshot, and its settings, which are always the default ones. Returns
    /// their names.
    pub(super) fn remove_snapshot(&self) -> io::Result<Vec<String>> {
        wait_unlocked(&self.0.join("db"));
        let mut removed = Vec::new();
        for entry in fs::read_dir(&self.0)? {
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
        &self.0
    }
}

impl Drop for ScratchCopy {
    fn drop(&mut self) {
        // Threads of sled may still write there. The next opening removes what is left.
        wait_unlocked(&self.0.join("db"));
        let _ = fs::remove_dir_all(&self.0);
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
    rustix::fs::statvfs(dir).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= size + LEFT_FREE)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            refuse_link(&entry.path())?;
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
