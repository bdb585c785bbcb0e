//! A copy of a store beside it. sled writes to a store while it opens it, and throws away what lies behind damage; so what
//! was not closed in order is first opened as a copy, and the original is as it was if that shows damage.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::wait::wait_unlocked_blocking;
use crate::ledger::files::refuse_link;

/// What has to stay free behind a copy: a ledger must not be what fills a disk.
const LEFT_FREE: u64 = 64 * 1024 * 1024;

/// A copy, gone with this value. One that a kill left is removed before the next one is made.
#[derive(Debug)]
pub(super) struct ScratchCopy(PathBuf);

impl ScratchCopy {
    /// Where a store's copy lies.
    fn path_beside(dir: &Path) -> PathBuf {
        dir.join("aside")
    }

    /// Removes what a kill left.
    pub(super) fn clear(dir: &Path) -> Result<(), (PathBuf, io::Error)> {
        let path = Self::path_beside(dir);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err((path, error)),
            _ => Ok(()),
        }
    }

    /// Copies a store.
    pub(super) fn copy(dir: &Path, store: &Path) -> io::Result<Self> {
        if !has_room(dir, size(store)?) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let scratch_copy = Self(Self::path_beside(dir));
        copy(store, &scratch_copy.0)?;
        Ok(scratch_copy)
    }

    /// Removes what sled can make anew from the log: what it has summed up of it, and its settings, which are never other
    /// than its own. Says which files that were.
    pub(super) fn forget_summary(&self) -> io::Result<Vec<String>> {
        wait_unlocked_blocking(&self.0.join("db"));
        let mut forgotten = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == "conf" || name.as_encoded_bytes().starts_with(b"snap.") {
                fs::remove_file(entry.path())?;
                forgotten.push(name.to_string_lossy().into_owned());
            }
        }
        forgotten.sort_unstable();
        Ok(forgotten)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchCopy {
    fn drop(&mut self) {
        // Threads of sled may still write there. What stays is removed by whoever opens the ledger next.
        wait_unlocked_blocking(&self.0.join("db"));
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
