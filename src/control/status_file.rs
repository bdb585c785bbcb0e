//! `status.json`: how far a campaign is, replaced as a whole by whoever applies it. A courtesy that can be read without a
//! lock and without the ledger; nothing is ever decided by it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

use crate::ledger::files;

/// Replaces the file at `path` by `text` and a line's end. Whoever reads it finds the old text or the new one. Makes no
/// directory.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut aside = path.to_owned().into_os_string();
    aside.push(".new");
    let mut options = files::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = files::open(&options, Path::new(&aside))?;
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
    let mut text = String::new();
    match files::open_to_read(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
