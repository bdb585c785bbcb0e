//! Flipped bits, lost tails, and parts from different times.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use runner::ledger::Ledger;

use crate::common::{Open, identity, open as laid_open};
use crate::files::{copy_dir, files};
use crate::history::History;
use runner::ledger::lock::Purpose;

use crate::{open, place};

/// Writes a ledger whose store has been opened several times, like that of an interrupted campaign. sled summarised the
/// first batches at an open; the last ones come after that.
pub async fn written(root: &Path) -> (u64, Open) {
    let mut was = None;
    for _ in 0..3 {
        let (mut ledger, _lock) = open(root).await.unwrap();
        let mut history = History::new(ledger.sequence());
        for _ in 0..80 {
            ledger.append(history.next(ledger.state())).await.unwrap();
        }
        was = Some((ledger.sequence(), laid_open(ledger.state())));
        ledger.close().await;
    }
    was.unwrap()
}

/// Returns every file in the ledger's directory.
pub fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(place(root).dir())
}

/// Opens a damaged ledger. It must be unchanged, or refused with a message. A refused ledger must not change by a byte, so
/// that what follows the damage is not lost.
async fn as_it_was_or_refused(root: &Path, was: &(u64, Open), what: &str) -> Option<String> {
    let mut refusals = Vec::new();
    for _ in 0..2 {
        let before = contents(root);
        match open(root).await {
            Ok((ledger, _lock)) => {
                assert_eq!(ledger.sequence(), was.0, "{what}: it is another ledger");
                assert!(laid_open(ledger.state()) == was.1, "{what}: the state differs");
            }
            Err(refusal) => {
                assert!(
                    refusal.contains(root.to_str().unwrap()) || refusal.contains("batch"),
                    "{what}: {refusal}"
                );
                assert!(before == contents(root), "{what}: the refusal changed its files");
                refusals.push(refusal);
            }
        }
    }
    refusals.pop()
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_harmless_or_refused() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let root = tempfile::tempdir().unwrap();
    let was = written(root.path()).await;
    let found = contents(root.path());
    let names: Vec<_> = found
        .keys()
        .map(|path| path.strip_prefix(root.path()).unwrap())
        .collect();
    let mut refused = 0;
    let mut harmless = 0;
    for name in &names {
        let bytes = fs::read(root.path().join(name)).unwrap();
        let written: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        for _ in 0..40 {
            let anywhere = random.usize(0..bytes.len().max(1));
            let at = if random.u8(0..4) == 0 {
                anywhere
            } else {
                *random.choice(&written).unwrap_or(&anywhere)
            };
            let Some(byte) = bytes.get(at) else { continue };
            let bit = random.u8(0..8);
            let damaged = tempfile::tempdir().unwrap();
            copy_dir(root.path(), damaged.path());
            let file = fs::OpenOptions::new()
                .write(true)
                .open(damaged.path().join(name))
                .unwrap();
            file.write_all_at(&[byte ^ (1 << bit)], at as u64).unwrap();
            let unsealed = random.bool();
            if unsealed {
                fs::remove_file(place(damaged.path()).dir().join("seal")).unwrap();
            }
            let what = format!("bit {bit} of byte {at} in {}, unsealed: {unsealed}", name.display());
            match as_it_was_or_refused(damaged.path(), &was, &what).await {
                Some(refusal) => {
                    refused += 1;
                    if let Some((_, file)) = name.to_str().unwrap().split_once("/store/") {
                        let told =
                            refusal.contains("the last good one is batch") || refusal.contains("before it is sound");
                        let file_told = unsealed || refusal.contains(&format!("`{file}` of the ledger's store"));
                        assert!(told && file_told, "{what}: {refusal}");
                    }
                }
                None => harmless += 1,
            }
        }
    }
    println!("{refused} refused, {harmless} harmless");
    assert!(
        refused > 20,
        "only {refused} flips were refused, so they did not reach what matters"
    );
}

#[tokio::test]
async fn a_store_or_a_head_that_is_cut_short_is_harmless_or_refused() {
    let root = tempfile::tempdir().unwrap();
    let was = written(root.path()).await;
    let dir = place(root.path()).dir().strip_prefix(root.path()).unwrap().to_owned();
    let mut refused = 0;
    for name in ["store/db", "head", "ledger.json", "store/conf"] {
        let length = fs::metadata(root.path().join(&dir).join(name)).unwrap().len();
        for left in [0, 1, length / 3, length / 2, length - 1] {
            for sealed in [true, false] {
                let damaged = tempfile::tempdir().unwrap();
                copy_dir(root.path(), damaged.path());
                let file = fs::OpenOptions::new()
                    .write(true)
                    .open(damaged.path().join(&dir).join(name))
                    .unwrap();
                file.set_len(left).unwrap();
                if !sealed {
                    fs::remove_file(damaged.path().join(&dir).join("seal")).unwrap();
                }
                let what = format!("{name} cut to {left} of {length} bytes, sealed: {sealed}");
                refused += u32::from(as_it_was_or_refused(damaged.path(), &was, &what).await.is_some());
            }
        }
    }
    assert!(refused > 16, "only {refused} were refused");
}

/// A backup of which only a part was restored.
#[tokio::test]
async fn a_store_and_a_head_of_different_times_are_refused() {
    let [early, late, next] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    drop(written(early.path()).await);
    copy_dir(early.path(), late.path());
    drop(written(late.path()).await);
    copy_dir(early.path(), next.path());
    let (mut ledger, lock) = open(next.path()).await.unwrap();
    let facts = History::new(7).next(ledger.state());
    ledger.append(facts).await.unwrap();
    let was = (ledger.sequence(), laid_open(ledger.state()));
    drop((ledger, lock));

    let part = |from: &Path, to: &Path, part: &str| {
        let from = place(from).dir().join(part);
        let to = place(to).dir().join(part);
        let _ = fs::remove_dir_all(&to);
        if from.is_dir() {
            copy_dir(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    };
    let mixed = |head: &Path, store: &Path| {
        let mixed = tempfile::tempdir().unwrap();
        copy_dir(head, mixed.path());
        part(store, mixed.path(), "store");
        mixed
    };
    let lost = mixed(late.path(), early.path());
    let refusal = open(lost.path()).await.unwrap_err();
    assert!(
        refusal.contains("the last good one is batch 240") && refusal.contains("480"),
        "{refusal}"
    );
    let ahead = mixed(early.path(), late.path());
    assert!(open(ahead.path()).await.is_err());

    // A store one batch ahead of its head is a crash between the two, and sound. It must stay sound when it continues.
    let crashed = mixed(early.path(), next.path());
    for _ in 0..2 {
        let (ledger, _lock) = open(crashed.path()).await.unwrap();
        assert_eq!((ledger.sequence(), laid_open(ledger.state())), was);
    }
    let (mut ledger, lock) = open(crashed.path()).await.unwrap();
    ledger.append(History::new(8).next(ledger.state())).await.unwrap();
    let went_on = laid_open(ledger.state());
    drop((ledger, lock));
    let (ledger, _lock) = open(crashed.path()).await.unwrap();
    assert_eq!((ledger.sequence(), laid_open(ledger.state())), (was.0 + 1, went_on));
}

#[tokio::test]
async fn a_snapshot_that_a_kill_left_half_written_is_not_taken_for_one() {
    let root = tempfile::tempdir().unwrap();
    let was = written(root.path()).await;
    let store = place(root.path()).dir().join("store");
    fs::write(store.join("snap.00000000000FFFFF.generating"), b"half").unwrap();
    let refusal = as_it_was_or_refused(root.path(), &was, "a half-written snapshot").await;
    assert_eq!(refusal, None);
}

/// If one campaign's store were used under another's name, coupons would be sent again.
#[tokio::test]
async fn a_store_of_another_campaign_is_refused_by_its_batches_alone() {
    let root = tempfile::tempdir().unwrap();
    drop(written(root.path()).await);
    let place = place(root.path());
    let lock = place.lock(&crate::common::owner(), Purpose::Apply).unwrap();
    let store = place.open(&lock).await.unwrap().unwrap();
    let another = runner::model::identity::Identity {
        campaign: runner::model::identity::CampaignName::parse("autumn").unwrap(),
        ..identity()
    };
    assert!(Ledger::open(store, another).await.is_err());
}

/// The whole ledger was refused, though sled can make these files again.
#[tokio::test]
async fn damaged_files_of_sled_without_batches_are_made_again_and_kept() {
    for start in ["conf", "snap."] {
        let root = tempfile::tempdir().unwrap();
        let was = written(root.path()).await;
        let dir = place(root.path()).dir().to_owned();
        let name = fs::read_dir(dir.join("store"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .find(|name| name.starts_with(start))
            .unwrap();
        let damaged: Vec<_> = fs::read(dir.join("store").join(&name))
            .unwrap()
            .into_iter()
            .map(|byte| byte ^ 0x55)
            .collect();
        fs::write(dir.join("store").join(&name), &damaged).unwrap();
        let before = contents(root.path());

        let (ledger, lock) = open(root.path()).await.unwrap();
        assert_eq!(ledger.sequence(), was.0, "{name}");
        assert!(laid_open(ledger.state()) == was.1, "{name}");
        drop((ledger, lock));
        assert!(before == contents(root.path()), "{name}: reading it changes nothing");

        let (mut ledger, lock) = open(root.path()).await.unwrap();
        let mut history = History::new(ledger.sequence());
        ledger.append(history.next(ledger.state())).await.unwrap();
        let now = (ledger.sequence(), laid_open(ledger.state()));
        ledger.close().await;
        drop(lock);
        assert_eq!(fs::read(dir.join("damaged").join(&name)).unwrap(), damaged);

        let (ledger, _lock) = open(root.path()).await.unwrap();
        assert!((ledger.sequence(), laid_open(ledger.state())) == now, "{name}");
    }
}
