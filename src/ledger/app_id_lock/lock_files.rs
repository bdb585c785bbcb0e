//! The part of the lock that is a file in each directory that all users of the machine may write to. Abstract sockets belong
//! to a network namespace; these files are shared by all processes that see the directory, in whatever namespace.
//!
//! The directories are shared with hostile users too. So a file is never written, never followed if it is a link, and locked
//! only if it is a regular file. What a user leaves there, for example a link or a file without permissions, is passed over:
//! it must not block other users after the user's processes have ended. A process that holds the lock of the file blocks
//! others, as one that has the socket does, and the kernel says which process that is.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::ledger::known_files::{self, FileId};

use super::process::Process;

/// The directories by the conventions of Linux. Both are in memory, so their files end with the machine.
#[cfg(target_os = "linux")]
const DIRECTORIES: [&str; 2] = ["/run/lock", "/dev/shm"];
#[cfg(not(target_os = "linux"))]
const DIRECTORIES: [&str; 1] = ["/tmp"];

/// The mode of a directory in which all users create files and remove only their own.
const SHARED: u32 = 0o1777;
/// All users may lock the file, and nobody writes to it.
const READABLE: u32 = 0o444;
/// How often the file may be removed while it is being locked.
const TRIES: u32 = 5;

/// The locked files. Dropping them unlocks them, and removes those that this user created.
#[derive(Debug)]
pub(super) struct LockFiles(
    #[allow(dead_code, reason = "locked as long as they are open; only tests look at them")] Vec<LockFile>,
);

#[derive(Debug)]
struct LockFile {
    path: PathBuf,
    file: File,
}

/// Why a file is not locked.
#[derive(Debug)]
enum NotLocked {
    Taken(Process),
    /// The file cannot be used, so nobody is kept out by it.
    Unusable(io::Error),
}

impl LockFiles {
    /// Locks the file of this name in every directory that can be used.
    ///
    /// # Errors
    /// The process that has one of them.
    pub(super) fn lock(name: &str) -> Result<Self, Process> {
        Self::lock_in(DIRECTORIES.iter().map(Path::new), name)
    }

    fn lock_in<'d>(directories: impl Iterator<Item = &'d Path>, name: &str) -> Result<Self, Process> {
        let mut files = Vec::new();
        for directory in directories.filter(|directory| is_shared(directory)) {
            match LockFile::lock(directory, name) {
                Ok(file) => files.push(file),
                Err(NotLocked::Taken(process)) => return Err(process),
                Err(NotLocked::Unusable(error)) => warn(&directory.join(name), &error),
            }
        }
        Ok(Self(files))
    }
}

/// Warns once: the lock is asked for every second.
fn warn(path: &Path, error: &io::Error) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "cannot lock {}: {error}; runs of this app id in other network namespaces are not noticed by it. If it is there, \
             remove it",
            path.display()
        );
    });
}

/// Whether all users of the machine find the same directory and may create files there.
fn is_shared(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|found| found.is_dir() && found.mode() & SHARED == SHARED)
}

impl LockFile {
    fn lock(directory: &Path, name: &str) -> Result<Self, NotLocked> {
        let path = directory.join(name);
        for _ in 0..TRIES {
            let file = match known_files::open_to_read(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    create(directory, &path).map_err(NotLocked::Unusable)?;
                    continue;
                }
                Err(error) => return Err(NotLocked::Unusable(error)),
            };
            match file.try_lock() {
                Ok(()) => {
                    let id = file.metadata().map(|found| FileId::new(&found));
                    // The last owner removes its file before it unlocks it. Then this is not the lock.
                    if id.map_err(NotLocked::Unusable)?.is_at(&path) {
                        return Ok(Self { path, file });
                    }
                }
                Err(TryLockError::WouldBlock) => return Err(NotLocked::Taken(holder(&file))),
                Err(TryLockError::Error(error)) => return Err(NotLocked::Unusable(error)),
            }
        }
        Err(NotLocked::Taken(Process::default()))
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // In these directories a user can only remove a file that the user created.
        if self
            .file
            .metadata()
            .is_ok_and(|found| FileId::new(&found).is_at(&self.path))
        {
            let _ = fs::remove_file(&self.path);
        }
        // Closing is not enough: a process that is being started may have inherited the file for a moment.
        let _ = self.file.unlock();
    }
}

/// Creates the file under another name, so that no process finds it before all users may open it.
fn create(directory: &Path, path: &Path) -> io::Result<()> {
    let file = tempfile::Builder::new().prefix(".runner-").tempfile_in(directory)?;
    file.as_file().set_permissions(Permissions::from_mode(READABLE))?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// The process that has the lock of `file`, by the kernel's list of locks.
#[cfg(target_os = "linux")]
fn holder(file: &File) -> Process {
    let pid = || {
        let found = file.metadata().ok()?;
        let device = found.dev();
        let id = format!(
            "{:02x}:{:02x}:{}",
            rustix::fs::major(device),
            rustix::fs::minor(device),
            found.ino()
        );
        find_pid(&fs::read_to_string("/proc/locks").ok()?, &id)
    };
    let pid = pid();
    let uid = pid.and_then(|pid| Some(fs::metadata(format!("/proc/{pid}")).ok()?.uid()));
    Process { pid, uid }
}

#[cfg(not(target_os = "linux"))]
fn holder(_file: &File) -> Process {
    Process::default()
}

/// The process that has the lock of the file with this device and inode, from the text of `/proc/locks`. `None` if the list
/// has no such lock, as for a process in another container.
#[cfg(target_os = "linux")]
fn find_pid(locks: &str, id: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        // A line with an arrow is about a process that waits.
        let is_held = fields.next()? == "FLOCK";
        let pid = fields.nth(2)?;
        (is_held && fields.next()? == id).then(|| pid.parse().ok())?
    })
}

#[cfg(test)]
mod tests;
