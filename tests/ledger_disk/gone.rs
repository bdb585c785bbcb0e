//! A ledger whose directory is removed, renamed or replaced while it is open.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use runner::ledger::lock::CampaignLock;
use runner::ledger::{Ledger, LedgerError, SledStore, StoreError};

use crate::files::{copy_dir, files};
use crate::history::History;
use crate::{open, place};

/// An open ledger with some batches. This process appended the last one.
async fn appended(root: &Path) -> (Ledger<SledStore>, CampaignLock) {
    let (mut ledger, lock) = open(root).await.unwrap();
    for _ in 0..3 {
        append(&mut ledger).await.unwrap();
    }
    (ledger, lock)
}

async fn append(ledger: &mut Ledger<SledStore>) -> Result<(), LedgerError> {
    let facts = History::new(ledger.sequence()).next(ledger.state());
    ledger.append(facts).await.map(drop)
}

fn gone(error: &LedgerError) -> Option<bool> {
    match error {
        LedgerError::Store(StoreError::Gone { replaced, .. }) => Some(*replaced),
        _ => None,
    }
}

/// A change of the state directory by a person or a script, and whether another file takes its place.
type Happens = (&'static str, bool, fn(&Path));

const HAPPENS: [Happens; 9] = [
    ("the whole state is removed", false, |root| {
        fs::remove_dir_all(root.join(".runner")).unwrap();
    }),
    ("the whole state is renamed", false, |root| {
        fs::rename(root.join(".runner"), root.join("aside")).unwrap();
    }),
    ("the ledger is removed", false, |root| {
        fs::remove_dir_all(place(root).dir()).unwrap();
    }),
    ("the ledger is put back from a copy", true, |root| {
        let dir = place(root).dir().to_owned();
        copy_dir(&dir, &root.join("copy"));
        fs::remove_dir_all(&dir).unwrap();
        copy_dir(&root.join("copy"), &dir);
    }),
    ("only its passport is removed", false, |root| {
        fs::remove_file(place(root).dir().join("ledger.json")).unwrap();
    }),
    ("only its head is removed", false, |root| {
        fs::remove_file(place(root).dir().join("head")).unwrap();
    }),
    ("only its head is replaced", true, |root| {
        let head = place(root).dir().join("head");
        let bytes = fs::read(&head).unwrap();
        fs::remove_file(&head).unwrap();
        fs::write(&head, bytes).unwrap();
    }),
    ("only its store is removed", false, |root| {
        fs::remove_dir_all(place(root).dir().join("store")).unwrap();
    }),
    ("the lock is removed", false, |root| {
        let dir = place(root).dir().to_owned();
        fs::remove_file(dir.with_extension("lock")).unwrap();
    }),
];

#[tokio::test]
async fn an_append_to_a_ledger_that_was_removed_or_replaced_fails() {
    for (what, replaced, happen) in HAPPENS {
        let root = tempfile::tempdir().unwrap();
        let (mut ledger, _lock) = appended(root.path()).await;
        happen(root.path());
        let before = files(root.path());
        let error = append(&mut ledger).await.expect_err(what);
        assert_eq!(gone(&error), Some(replaced), "{what}: {error}");
        let error = append(&mut ledger).await.expect_err(what);
        assert!(matches!(error, LedgerError::Failed), "{what}: {error}");
        ledger.close().await;
        assert_eq!(
            files(root.path()).keys().collect::<Vec<_>>(),
            before.keys().collect::<Vec<_>>(),
            "{what}"
        );
    }
}

#[tokio::test]
async fn it_is_noticed_while_nothing_is_appended() {
    for (what, replaced, happen) in HAPPENS {
        let root = tempfile::tempdir().unwrap();
        let (mut ledger, _lock) = appended(root.path()).await;
        happen(root.path());
        let error = ledger.gone().await;
        assert_eq!(gone(&error), Some(replaced), "{what}: {error}");
        assert!(append(&mut ledger).await.is_err(), "{what}");
    }
}

/// sled creates the directories of the store that it opens, and the first append opens it.
#[tokio::test]
async fn the_first_append_does_not_make_the_directories_again() {
    let root = tempfile::tempdir().unwrap();
    let (ledger, lock) = appended(root.path()).await;
    ledger.close().await;
    drop(lock);
    let (mut ledger, _lock) = open(root.path()).await.unwrap();
    fs::remove_dir_all(root.path().join(".runner")).unwrap();
    let error = append(&mut ledger).await.unwrap_err();
    assert_eq!(gone(&error), Some(false), "{error}");
    ledger.close().await;
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is made again");
}

#[tokio::test]
async fn a_ledger_that_is_put_back_in_time_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let (mut ledger, _lock) = appended(root.path()).await;
    fs::rename(root.path().join(".runner"), root.path().join("aside")).unwrap();
    fs::rename(root.path().join("aside"), root.path().join(".runner")).unwrap();
    append(&mut ledger).await.unwrap();
    // A directory may be a link. It must lead to the same directory.
    fs::rename(root.path().join(".runner"), root.path().join("aside")).unwrap();
    symlink(root.path().join("aside"), root.path().join(".runner")).unwrap();
    append(&mut ledger).await.unwrap();
    assert_eq!(ledger.sequence(), 5);
}

/// Closing a ledger writes a snapshot and a seal. In the place of a replaced ledger they would belong to another one.
#[tokio::test]
async fn closing_writes_nothing_into_the_ledger_that_is_there_instead() {
    let root = tempfile::tempdir().unwrap();
    let (ledger, lock) = appended(root.path()).await;
    ledger.close().await;
    drop(lock);
    let backup = root.path().join("backup");
    copy_dir(place(root.path()).dir(), &backup);
    let (mut ledger, _lock) = open(root.path()).await.unwrap();
    append(&mut ledger).await.unwrap();
    let dir = place(root.path()).dir().to_owned();
    fs::rename(&dir, root.path().join("aside")).unwrap();
    copy_dir(&backup, &dir);
    let before = files(&dir);
    ledger.close().await;
    assert_eq!(files(&dir), before);
}

#[tokio::test]
async fn a_file_of_a_ledger_that_is_a_link_is_refused() {
    for file in ["ledger.json", "head", "store/db"] {
        let root = tempfile::tempdir().unwrap();
        let (ledger, lock) = appended(root.path()).await;
        ledger.close().await;
        drop(lock);
        let path = place(root.path()).dir().join(file);
        fs::rename(&path, root.path().join("aside")).unwrap();
        symlink(root.path().join("aside"), &path).unwrap();
        let opened = async {
            let (mut ledger, _lock) = open(root.path()).await?;
            append(&mut ledger).await.map_err(|error| crate::chain(&error))
        };
        let refused = opened.await.unwrap_err();
        assert!(refused.contains("it is a symbolic link"), "{file}: {refused}");
    }
}
