//! The files and directories of a ledger. They are never opened through links, nor as anything but regular files, and they are known by device and inode: after a
//! deletion, a rename or a restore from a backup, the same path leads to nothing or to another file.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};

use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::store::StoreError;

/// Options that open no symbolic link, and do not wait for the other end of a named pipe.
#[must_use]
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Opens `path` by [`options`] if it is a regular file, and names anything else as what it is.
///
/// # Errors
/// When it cannot be opened.
pub fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    regular(options.open(path))
}

/// Returns a file that was opened with the flags of [`options`], or the error of anything else.
fn regular(opened: io::Result<File>) -> io::Result<File> {
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => io::Error::other(ledger::Link.to_string()),
        // A named pipe that nobody reads, or a socket.
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => io::Error::other(ledger::NoFile.to_string()),
        _ => error,
    })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other(ledger::NoFile.to_string()))
    }
}

/// Opens `path` for reading if it is a regular file.
///
/// # Errors
/// When it is something else, or cannot be opened.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    open(options().read(true), path)
}

/// Refuses `path` if it is a link. For files that a library opens by their paths.
///
/// # Errors
/// When it is a link, or its metadata cannot be read.
pub(in crate::ledger) fn refuse_link(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_symlink() {
        return Err(io::Error::other(ledger::Link.to_string()));
    }
    Ok(())
}

/// The identity of a file among all that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The id of the file that has this metadata.
    #[must_use]
    pub fn new(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Whether `path` leads to this file.
    #[must_use]
    pub fn is_at(self, path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|found| Self::new(&found) == self)
    }
}

/// The bytes that are written at a time.
const BUFFER: usize = 1024 * 1024;

/// A directory that is held open. Its methods use this directory even if its path leads elsewhere by then.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    file: File,
}

impl Directory {
    /// Opens a directory.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: File::open(path)?,
        })
    }

    /// A directory that the caller has opened at `path`.
    pub(in crate::ledger) const fn new(path: PathBuf, file: File) -> Self {
        Self { path, file }
    }

    /// The path under which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file in it for reading if it is a regular file.
    ///
    /// # Errors
    /// When it is something else, or cannot be opened.
    pub fn read(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::RDONLY)
    }

    /// Opens a file in it for reading and writing if it is a regular file, and creates it if it does not exist.
    ///
    /// # Errors
    /// When it is something else, or cannot be opened.
    pub(in crate::ledger) fn open_or_create(&self, name: &str) -> io::Result<File> {
        match self.open_file(name, OFlags::RDWR | OFlags::CREATE) {
            // A lock can be held on a file that this process may only read.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
                ) =>
            {
                self.open_file(name, OFlags::RDONLY).map_err(|_| error)
            }
            opened => opened,
        }
    }

    /// Creates a file in it.
    ///
    /// # Errors
    /// When there is something of this name, or it cannot be created.
    pub(in crate::ledger) fn create(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    fn open_file(&self, name: &str, how: OFlags) -> io::Result<File> {
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&self.file, name, flags, Mode::RUSR | Mode::WUSR);
        regular(opened.map(File::from).map_err(io::Error::from))
    }

    /// Replaces a file in it as a whole. A reader finds the old file or the new one. Nothing is synced.
    ///
    /// # Errors
    /// When it cannot be written. The old file stays.
    pub fn replace(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let new = format!("{name}.new");
        let replace = || {
            // A process that was killed may have left it.
            match self.remove(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = self.create(&new)?;
            let mut file = BufWriter::with_capacity(BUFFER, file);
            write(&mut file)?;
            file.flush()?;
            renameat(&self.file, new.as_str(), &self.file, name)?;
            Ok(())
        };
        replace().inspect_err(|_| {
            let _ = self.remove(&new);
        })
    }

    /// Removes a file in it.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.file, name, AtFlags::empty())?)
    }

    /// Adds the directory to those of a ledger.
    pub(in crate::ledger) fn add_to(&self, known: &KnownFiles) -> io::Result<()> {
        known.push(Known {
            path: self.path.clone(),
            id: FileId::new(&self.file.metadata()?),
            through_links: true,
            _file: None,
        });
        Ok(())
    }
}

/// A file or directory, and the path where the next process looks for it.
#[derive(Debug)]
struct Known {
    path: PathBuf,
    id: FileId,
    /// A directory may be reached through links.
    through_links: bool,
    /// Held open, so that its inode is not given to another file.
    _file: Option<File>,
}

/// The files and directories of a ledger.
#[derive(Debug, Default)]
pub struct KnownFiles(Mutex<Vec<Known>>);

impl KnownFiles {
    /// Adds a directory, and holds it open.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn add_directory(&self, path: &Path) -> io::Result<()> {
        let directory = File::open(path)?;
        self.push(Known {
            path: path.to_owned(),
            id: FileId::new(&directory.metadata()?),
            through_links: true,
            _file: Some(directory),
        });
        Ok(())
    }

    /// Adds a file, and holds it open.
    ///
    /// # Errors
    /// When it cannot be opened, or is a link.
    pub fn add(&self, path: &Path) -> io::Result<()> {
        let file = open_to_read(path)?;
        self.push(Known {
            path: path.to_owned(),
            id: FileId::new(&file.metadata()?),
            through_links: false,
            _file: Some(file),
        });
        Ok(())
    }

    /// Adds a file that the caller holds open.
    ///
    /// # Errors
    /// When its metadata cannot be read.
    pub fn add_open(&self, path: &Path, file: &File) -> io::Result<()> {
        self.push(Known {
            path: path.to_owned(),
            id: FileId::new(&file.metadata()?),
            through_links: false,
            _file: None,
        });
        Ok(())
    }

    fn push(&self, known: Known) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.path != known.path);
        all.push(known);
    }

    /// Checks that each path still leads to its file. Batches that are appended to a removed or replaced ledger are lost.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when one does not, [`StoreError::Io`] when that cannot be found out.
    pub fn check(&self) -> Result<(), StoreError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Known {
            path,
            id,
            through_links,
            ..
        } in &*known
        {
            let gone = |replaced| StoreError::Gone {
                path: path.clone(),
                replaced,
            };
            let found = if *through_links {
                path.metadata()
            } else {
                path.symlink_metadata()
            };
            match found {
                Ok(found) if FileId::new(&found) == *id => {}
                Ok(_) => return Err(gone(true)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Err(gone(false));
                }
                Err(source) => {
                    return Err(StoreError::Io {
                        action: Action::LookFor,
                        path: path.clone(),
                        source,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gone(files: &KnownFiles) -> Option<bool> {
        match files.check() {
            Ok(()) => None,
            Err(StoreError::Gone { replaced, .. }) => Some(replaced),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_path_that_leads_to_nothing_or_to_another_file_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let (dir, moved) = (root.path().join("ledger"), root.path().join("aside"));
        let head = dir.join("head");
        let begin = || {
            let _ = fs::remove_file(&dir);
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir(&dir).unwrap();
            fs::write(&head, "1").unwrap();
            let files = KnownFiles::default();
            files.add_directory(&dir).unwrap();
            files.add(&head).unwrap();
            assert_eq!(gone(&files), None);
            files
        };

        let files = begin();
        fs::rename(&dir, &moved).unwrap();
        assert_eq!(gone(&files), Some(false), "it was moved away");
        fs::rename(&moved, &dir).unwrap();
        assert_eq!(gone(&files), None, "and put back");

        let files = begin();
        fs::remove_file(&head).unwrap();
        assert_eq!(gone(&files), Some(false));
        fs::write(&head, "1").unwrap();
        assert_eq!(gone(&files), Some(true), "the same bytes are another file");

        let files = begin();
        fs::remove_dir_all(&dir).unwrap();
        fs::write(&dir, "no directory").unwrap();
        assert_eq!(gone(&files), Some(true));

        let files = begin();
        fs::rename(&head, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &head).unwrap();
        assert_eq!(gone(&files), Some(true), "a link is not the file that it leads to");
    }

    #[test]
    fn a_write_through_a_directory_never_goes_to_the_one_that_replaced_it() {
        let root = tempfile::tempdir().unwrap();
        let (path, moved) = (root.path().join("ledger"), root.path().join("aside"));
        fs::create_dir(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        directory.replace("seal", |to| to.write_all(b"1")).unwrap();
        fs::rename(&path, &moved).unwrap();
        fs::create_dir(&path).unwrap();
        directory.replace("seal", |to| to.write_all(b"2")).unwrap();
        assert_eq!(fs::read_to_string(moved.join("seal")).unwrap(), "2");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);

        fs::remove_dir_all(&moved).unwrap();
        assert!(directory.replace("seal", |to| to.write_all(b"3")).is_err());
        assert!(!moved.exists());
    }

    #[test]
    fn a_link_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let (file, link) = (root.path().join("file"), root.path().join("link"));
        fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(open_to_read(&file).is_ok() && refuse_link(&file).is_ok());
        for refused in [open_to_read(&link).map(drop), refuse_link(&link)] {
            assert_eq!(refused.unwrap_err().to_string(), ledger::Link.to_string());
        }
    }

    /// To open a named pipe waits for its other end, and to read it waits for a writer.
    #[test]
    fn a_named_pipe_is_refused_at_once() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        for options in [
            options().read(true),
            options().write(true),
            options().read(true).write(true),
        ] {
            assert_eq!(
                open(options, &pipe).unwrap_err().to_string(),
                ledger::NoFile.to_string()
            );
        }
        let _listener = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
        assert_eq!(
            open_to_read(&root.path().join("socket")).unwrap_err().to_string(),
            ledger::NoFile.to_string()
        );
        let directory = open_to_read(root.path()).unwrap_err();
        assert_eq!(directory.to_string(), ledger::NoFile.to_string());
    }
}
