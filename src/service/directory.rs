//! Reads the directory of campaign files.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::app::campaign_files::is_campaign_file;
use crate::campaign::MOST_BYTES;

use super::scan::{SeenFile, Stamp};

/// The hash of a file's content.
pub type Content = [u8; 32];

/// Lists the campaign files of a directory. Files whose names are no text are left out.
pub fn list_files(directory: &Path) -> io::Result<Vec<SeenFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_hidden = name.starts_with('.');
        if is_hidden || !is_campaign_file(&path) {
            continue;
        }
        // A file that vanishes meanwhile is gone at the next scan, too. A link is followed.
        let Ok(found) = fs::metadata(&path) else { continue };
        if found.is_file() {
            let stamp = Stamp {
                size: found.len(),
                modified: found.modified().ok(),
                inode: found.ino(),
            };
            files.push(SeenFile { name, stamp });
        }
    }
    Ok(files)
}

/// Returns the hash of a file's content. `None` if it cannot be read or is too large for a campaign file.
pub fn read_file(path: &Path) -> Option<Content> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MOST_BYTES).then(|| Sha256::digest(&bytes).into())
}
