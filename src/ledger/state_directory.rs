//! The directories of ledgers: `.runner` and those below it. They belong to this user alone.
//!
//! A user who may write to one of them can replace each file in it, and the directory itself by a link to another place. So
//! each is opened by its name in the one above it, and refused unless it belongs to this user and no other may write to it.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, mkdirat, openat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::attempted_action::Action;
use super::known_files::Directory;
use crate::catalogue::ledger;

/// Why a directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum NotOwn {
    /// It belongs to another user.
    #[error("{}", ledger::OfAnotherUser { uid, ours: &geteuid().as_raw() })]
    OfAnotherUser {
        /// The user.
        uid: u32,
    },
    /// Other users may write to it.
    #[error("{}", ledger::Writable { mode: &format!("{mode:o}") })]
    Writable {
        /// Its mode.
        mode: u32,
    },
    /// The system refused an operation.
    #[error("{}", ledger::CannotDoIt { action })]
    Io {
        /// What was attempted.
        action: Action,
        /// The error of the system.
        source: io::Error,
    },
}

/// A directory that is not used, and why.
#[derive(Debug)]
pub struct Refused {
    /// The directory.
    pub path: PathBuf,
    /// Why.
    pub why: NotOwn,
}

/// Opens the directory at `names`, each in the one before, below `base`. `None` if one of them does not exist.
///
/// # Errors
/// When one of them is not this user's alone, or cannot be opened.
pub fn open(base: &Path, names: &[&str]) -> Result<Option<Directory>, Refused> {
    walk(base, names, |_, _| Ok(false))
}

/// Like [`open`], and creates those that do not exist, for this user only. Returns `None` if one of them was removed meanwhile.
///
/// # Errors
/// Like [`open`], and when one of them cannot be created.
pub fn create(base: &Path, names: &[&str]) -> Result<Option<Directory>, Refused> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(base);
    made.map_err(|error| refused(base, failed(Action::Create, error)))?;
    walk(base, names, |above, name| match mkdirat(above, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    })
}

/// Opens each directory in the one before. `make` makes one that does not exist, and returns whether it exists now.
fn walk(
    base: &Path,
    names: &[&str],
    make: impl Fn(&File, &str) -> io::Result<bool>,
) -> Result<Option<Directory>, Refused> {
    let mut path = base.to_owned();
    let mut directory = match File::open(base) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| refused(base, failed(Action::Open, error)))?,
    };
    for name in names {
        path.push(name);
        let not_made = |error| refused(&path, failed(Action::Create, error));
        let mut below = open_own(&directory, name).map_err(|why| refused(&path, why))?;
        if below.is_none() && make(&directory, name).map_err(not_made)? {
            below = open_own(&directory, name).map_err(|why| refused(&path, why))?;
        }
        let Some(below) = below else { return Ok(None) };
        directory = below;
    }
    Ok(Some(Directory::new(path, directory)))
}

/// Opens a directory in another one. `None` if it does not exist.
fn open_own(above: &File, name: &str) -> Result<Option<File>, NotOwn> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = match openat(above, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
        // A link that this user has made may lead to another disk.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            check_link(above, name)?;
            openat(above, name, flags, Mode::empty())
        }
        Err(Errno::ACCESS) => {
            check_user(stat(above, name)?.st_uid)?;
            Err(Errno::ACCESS)
        }
        opened => opened,
    };
    let directory: File = match opened {
        Ok(opened) => opened.into(),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(failed(Action::Open, error)),
    };
    let found = directory.metadata().map_err(|error| failed(Action::LookAt, error))?;
    check_user(found.uid())?;
    let mode = found.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(NotOwn::Writable { mode });
    }
    Ok(Some(directory))
}

fn check_link(above: &File, name: &str) -> Result<(), NotOwn> {
    let found = stat(above, name)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
        return Err(failed(Action::Open, io::ErrorKind::NotADirectory));
    }
    check_user(found.st_uid)
}

fn stat(above: &File, name: &str) -> Result<Stat, NotOwn> {
    statat(above, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| failed(Action::LookAt, error))
}

fn check_user(uid: u32) -> Result<(), NotOwn> {
    if uid == geteuid().as_raw() {
        Ok(())
    } else {
        Err(NotOwn::OfAnotherUser { uid })
    }
}

fn failed(action: Action, error: impl Into<io::Error>) -> NotOwn {
    let source = error.into();
    NotOwn::Io { action, source }
}

fn refused(path: &Path, why: NotOwn) -> Refused {
    let path = path.to_owned();
    Refused { path, why }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    const NAMES: [&str; 3] = [".runner", "live", "tt1"];

    fn refusal(base: &Path) -> String {
        let refused = open(base, &NAMES).unwrap_err();
        format!(
            "{}: {}",
            refused.path.strip_prefix(base).unwrap().display(),
            refused.why
        )
    }

    #[test]
    fn new_directories_are_this_user_s_alone() {
        let base = tempfile::tempdir().unwrap();
        let state = base.path().join("state");
        assert!(open(&state, &NAMES).unwrap().is_none());
        let made = create(&state, &NAMES).unwrap().unwrap();
        assert_eq!(made.path(), state.join(".runner/live/tt1"));
        for path in made.path().ancestors().take(3) {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
        }
        assert!(open(&state, &NAMES).unwrap().is_some());
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        create(base.path(), &NAMES).unwrap();
        for (level, name) in [".runner", ".runner/live", ".runner/live/tt1"].iter().enumerate() {
            for mode in [0o777, 0o1777, 0o770, 0o702] {
                let path = base.path().join(name);
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                let expected = format!("{name}: other users may write to it (its mode is {mode:o})");
                assert_eq!(refusal(base.path()), expected, "level {level}");
                assert!(create(base.path(), &NAMES).is_err());
                fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
            }
        }
        assert!(open(base.path(), &NAMES).unwrap().is_some(), "others may read");
    }

    #[test]
    fn a_directory_or_a_link_of_another_user_is_refused() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root can give a file to another user");
            return;
        }
        let base = tempfile::tempdir().unwrap();
        create(base.path(), &NAMES).unwrap();
        let live = base.path().join(".runner/live");
        chown(&live, Some(65_534), None).unwrap();
        let expected = ".runner/live: it belongs to another user (uid 65534), and this process runs as uid 0";
        assert_eq!(refusal(base.path()), expected);
        chown(&live, Some(0), None).unwrap();
        let aside = base.path().join("aside");
        fs::rename(&live, &aside).unwrap();
        symlink(&aside, &live).unwrap();
        assert!(
            open(base.path(), &NAMES).unwrap().is_some(),
            "this user may move it to another disk"
        );
        std::os::unix::fs::lchown(&live, Some(65_534), None).unwrap();
        assert_eq!(refusal(base.path()), expected);
    }

    #[test]
    fn something_else_than_a_directory_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join(".runner"), "").unwrap();
        assert_eq!(refusal(base.path()), ".runner: cannot open it");
    }
}
