//! `status.json`: how far a campaign is, replaced as a whole by whoever applies it. A courtesy that can be read without a
//! lock and without the ledger; nothing is ever decided by it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// Replaces the file at `path` by `text` and a line's end. Whoever reads it finds the old text or the new one.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut aside = path.to_owned().into_os_string();
    aside.push(".new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    // Not synced: after a loss of power the ledger is what counts.
    fs::rename(&aside, path)
}

/// When the file at `path` was replaced last; nothing when that is not known.
#[must_use]
pub fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// What the file at `path` says; nothing when there is none.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
