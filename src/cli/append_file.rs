//! Opens files that a command writes at their end. A named pipe may have no reader, and the system would wait for one
//! without an end.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::catalogue::cli;

/// The mode of a new file that names users and coupons, or may do so: only this user reads it.
pub const PRIVATE: u32 = 0o600;

/// How long to wait for the reader of a named pipe: it may be starting.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);

/// The error of a named pipe without a reader.
#[derive(Debug, thiserror::Error)]
#[error("{}", cli::NobodyReadsPipe)]
struct NoReader;

/// Opens the file at `path` for writing at its end. Creates it for this user only if it does not exist.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().create(true).append(true).mode(PRIVATE), path)
}

/// Opens a file as `options` say. A named pipe that nobody reads is an error.
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let options = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let began = Instant::now();
    let file = loop {
        match options.open(path) {
            // So says a named pipe without a reader, and a socket.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) && is_pipe(path) => {
                if began.elapsed() >= PATIENCE {
                    return Err(io::Error::new(io::ErrorKind::NotConnected, NoReader));
                }
                park_timeout(LOOK);
            }
            opened => break opened?,
        }
    };
    // Only the opening must not block. Writes have a thread that waits.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Returns what to do about a file that cannot be opened for writing.
#[must_use]
pub fn help(error: &io::Error) -> &'static dyn Display {
    if matches!(error.get_ref(), Some(error) if error.is::<NoReader>()) {
        &cli::StartReaderFirst
    } else {
        &cli::NameWritableFile
    }
}

fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn a_named_pipe_needs_a_reader() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error.to_string(), "nobody reads this named pipe");
        assert!(help(&error).to_string().contains("start its reader first"));
        let reader = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut text = String::new();
                File::open(path).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        let mut file = loop {
            // The reader may take longer to start than this waits.
            if let Ok(file) = open(&path) {
                break file;
            }
        };
        file.write_all(b"text").unwrap();
        assert!(!fcntl_getfl(&file).unwrap().contains(OFlags::NONBLOCK));
        drop(file);
        assert_eq!(reader.join().unwrap(), "text");
    }

    #[test]
    fn other_files_are_opened_or_refused_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        std::fs::write(&path, "a").unwrap();
        open(&path).unwrap().write_all(b"b").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "ab");
        let error = open(&dir.path().join("absent/events")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(help(&error).to_string().contains("a directory that exists"));
    }
}
