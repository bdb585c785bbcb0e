//! A file that a command writes as a whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::catalogue::cli;
use crate::model::problem::Problem;
use crate::report::console::Console;
use crate::report::outlet::{Outlet, Patience};
use crate::report::text::visible_path;

use super::append_file;
pub use super::append_file::PRIVATE;
use super::failure::Failure;

/// The mode of a new file for everybody, which the user's umask restricts.
pub const PUBLIC: u32 = 0o666;
/// How long the reader of a named pipe may take nothing.
const PATIENCE: Patience = Patience::AtMost(Duration::from_mins(1));

/// A temporary file that replaces the destination once it is complete.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    out: Destination,
}

#[derive(Debug)]
enum Destination {
    Aside(NamedTempFile),
    /// A destination that is not a regular file, such as a device or a named pipe. It is written directly and never
    /// replaced.
    Direct(Outlet),
}

impl WholeFile {
    /// Begins a file at `path` for this user only. An existing file stays until [`WholeFile::keep`], which keeps its mode.
    ///
    /// # Errors
    /// The destination cannot be written. A named pipe without a reader cannot.
    pub fn begin(path: &Path, console: &Console) -> Result<Self, Failure> {
        Self::begin_with(path, PRIVATE, console)
    }

    fn begin_with(path: &Path, mode: u32, console: &Console) -> Result<Self, Failure> {
        let begun = match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => append_file::open_with(OpenOptions::new().write(true), path)
                .map(|file| Destination::Direct(console.outlet(file, PATIENCE))),
            _ => aside(path, mode),
        };
        let refused = |error: io::Error| {
            let path = &visible_path(path);
            Failure::new(Problem::OutputPlace, cli::CannotWriteTo { path })
                .caused_by(&error)
                .help(append_file::help(&error))
        };
        Ok(Self {
            path: path.to_owned(),
            out: begun.map_err(refused)?,
        })
    }

    /// Whether the file is on a disk, and not a pipe or a device whose reader may be slow.
    #[must_use]
    pub const fn is_on_disk(&self) -> bool {
        matches!(self.out, Destination::Aside(_))
    }

    /// Moves the complete file to its destination, and syncs it so that it survives a loss of power.
    ///
    /// # Errors
    /// The file cannot be moved. Then it is removed, and an existing file stays.
    pub fn keep(mut self) -> Result<(), Failure> {
        let kept = self.flush().and_then(|()| match self.out {
            Destination::Direct(_) => Ok(()),
            Destination::Aside(file) => {
                file.as_file().sync_all()?;
                let place = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
                file.persist(place).map(drop).map_err(|error| error.error)
            }
        });
        kept.map_err(|error| failed(&self.path, &error))
    }
}

/// Writes `bytes` to the file at `path`, all or nothing. A new file has this mode.
///
/// # Errors
/// The file cannot be written. An existing file stays.
pub fn write(path: &Path, mode: u32, bytes: &[u8], console: &Console) -> Result<(), Failure> {
    let mut file = WholeFile::begin_with(path, mode, console)?;
    file.write_all(bytes).map_err(|error| failed(path, &error))?;
    file.keep()
}

/// Returns the failure of a write to `path`.
#[must_use]
pub fn failed(path: &Path, error: &io::Error) -> Failure {
    let path = &visible_path(path);
    Failure::new(Problem::OutputFile, cli::CannotWrite { path })
        .caused_by(error)
        .help(cli::MakeRoomElsewhere)
}

fn aside(path: &Path, mode: u32) -> io::Result<Destination> {
    // Write through a link, so that the link stays.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // The user has chosen the mode of a file that is replaced.
    let mode = fs::metadata(&place).map_or(mode, |there| there.permissions().mode() & 0o666);
    // Report a bad folder by its own error, not by the name of the temporary file.
    fs::metadata(folder)?;
    let name = place
        .file_name()
        .ok_or(io::ErrorKind::InvalidFilename)?
        .to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map(Destination::Aside)
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Destination::Aside(file) => file.write(bytes),
            Destination::Direct(file) => Write::write(file, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Destination::Aside(file) => file.flush(),
            Destination::Direct(file) => Write::flush(file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console() -> Console {
        Console::of_process(None)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_is_not_kept_never_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        fs::write(&path, "before").unwrap();
        let mut file = WholeFile::begin(&path, &console()).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(names(dir.path()), ["a.csv"]);
        let mut file = WholeFile::begin(&path, &console()).unwrap();
        file.write_all(b"whole").unwrap();
        file.keep().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(names(dir.path()), ["a.csv"]);
    }

    /// The files name users and coupons.
    #[test]
    fn a_new_file_is_for_this_user_only_and_a_replaced_one_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        write(&path, PRIVATE, b"new", &console()).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        write(&path, PRIVATE, b"again", &console()).unwrap();
        assert_eq!(mode(), 0o640);
    }

    #[test]
    fn a_link_keeps_leading_where_it_led_and_a_device_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        let link = dir.path().join("link");
        fs::write(&real, "before").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = WholeFile::begin(&link, &console()).unwrap();
        file.write_all(b"whole").unwrap();
        file.keep().unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "whole");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let device = WholeFile::begin(Path::new("/dev/null"), &console()).unwrap();
        assert!(!device.is_on_disk());
        device.keep().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(
            WholeFile::begin(dir.path(), &console()).unwrap_err().code,
            Problem::OutputPlace
        );
    }
}
