//! A file that was asked for, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::problem::Problem;

use super::failure::Failure;

/// Puts `bytes` into the file at `path`. Whoever reads it meanwhile, and whoever finds it after a failure, has what was there
/// before. What is no file, such as `/dev/stdout`, is written to as it is: it cannot be replaced.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes).map_err(|error| {
        Failure::new(Problem::OutputFile, format!("cannot write {}", path.display()))
            .caused_by(&error)
            .help("name a file in a directory that exists, that you may write to, and that has room")
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays one, and what it points to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&path) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => return OpenOptions::new().write(true).open(&path)?.write_all(bytes),
        // One that must not be written to is not to be replaced either.
        Ok(_) => drop(OpenOptions::new().write(true).open(&path)?),
        Err(_) => {}
    }
    let draft = draft(&path)?;
    let put = fill(&draft, bytes).and_then(|()| fs::rename(&draft, &path));
    if put.is_err() {
        // What it was to become is the error to tell of, not the leftover.
        let _ = fs::remove_file(&draft);
    }
    put
}

/// A name beside the file's own, so that a rename never crosses file systems.
fn draft(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(draft))
}

fn fill(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_its_link_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("report.html"), dir.path().join("latest.html"));
        write(&file, b"one").unwrap();
        std::os::unix::fs::symlink("report.html", &link).unwrap();
        write(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn what_is_no_file_is_written_to_and_a_directory_is_refused() {
        write(Path::new("/dev/null"), b"one").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let dir = tempfile::tempdir().unwrap();
        let failure = write(dir.path(), b"one").unwrap_err();
        assert_eq!(failure.causes.len(), 1);
        write(&dir.path().join("none/report.html"), b"one").unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
