//! `status.json`: the progress of a campaign, replaced as a whole by the process that applies it. It can be read without a
//! lock and without the ledger, and nothing is ever decided by it.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use crate::ledger::known_files::{self, Directory};

/// Replaces the file of this name in `directory` by `text` and a newline. A reader finds either the old text or the new one.
pub fn write(directory: &Directory, name: &str, text: &str) -> io::Result<()> {
    // Not synced: after a power failure only the ledger counts.
    directory.replace(name, |file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")
    })
}

/// When the file at `path` was last replaced. `None` when that is not known.
#[must_use]
pub fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Reads the file at `path`. `None` when there is no file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    match known_files::open_to_read(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
