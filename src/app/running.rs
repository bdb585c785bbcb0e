//! Finds the places of campaigns that may be running, without their campaign files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fleet::{Database, DatabaseUrl};
use crate::ledger::ledger_dir::LedgerDir;

use super::error::AppError;

/// Returns the places of the ledgers that a process has locked at some time, or whose campaign waits for a lock, sorted. They are
/// those of `state_dir`, or without it those of every state directory below `directory`; of rehearsals, or of campaigns
/// themselves.
pub fn find(state_dir: Option<&Path>, directory: &Path, is_rehearsal: bool) -> Result<Vec<LedgerDir>, AppError> {
    let roots = match state_dir {
        Some(root) => vec![root.to_owned()],
        None => roots(directory).map_err(|source| AppError::Directory {
            path: directory.to_owned(),
            source,
        })?,
    };
    let mut places = Vec::new();
    for root in roots {
        places.extend(LedgerDir::locked_below(&root, is_rehearsal)?);
    }
    Ok(places)
}

/// Returns the places of the ledgers in a database, sorted. Their files are on the machines that apply them.
pub async fn in_database(url: &DatabaseUrl) -> Result<Vec<LedgerDir>, AppError> {
    let entries = Database::connect(url).await?.ledgers().await?;
    let identities = entries.into_iter().filter_map(|entry| entry.manifest.identity());
    let places = identities.map(|identity| LedgerDir::new(Path::new("."), &identity));
    Ok(places.collect())
}

/// Returns every directory at or below `directory` that has a state directory. Hidden directories and links are not searched,
/// and neither is a directory that cannot be read.
fn roots(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut roots = Vec::new();
    let mut rest = vec![(directory.to_owned(), fs::read_dir(directory)?)];
    while let Some((directory, entries)) = rest.pop() {
        if LedgerDir::has_state(&directory) {
            roots.push(directory);
        }
        for entry in entries.flatten() {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                rest.extend(fs::read_dir(&path).ok().map(|entries| (path, entries)));
            }
        }
    }
    roots.sort();
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_directory_below_is_found_and_no_hidden_one() {
        let top = tempfile::tempdir().unwrap();
        let create = |path: &str| fs::create_dir_all(top.path().join(path)).unwrap();
        for path in [".runner", "shop/spring/.runner", "shop/.git/.runner", "empty"] {
            create(path);
        }
        std::os::unix::fs::symlink(top.path().join("shop"), top.path().join("link")).unwrap();
        let found = roots(top.path()).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|root| root.strip_prefix(top.path()).unwrap())
            .collect();
        assert_eq!(names, [Path::new(""), Path::new("shop/spring")]);
    }
}
