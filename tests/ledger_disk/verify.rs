//! `verify`: what it reports for a sound ledger, and that it detects every flipped bit.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use runner::ledger::Fact;
use runner::ledger::lock::Purpose;
use runner::ledger::store::Condition;
use runner::ledger::verify::{Report, SnapshotCheck, VerifyError, verify};
use runner::model::delivery::{DeliveryKey, State};
use sha2::{Digest, Sha256};

use crate::common::owner;
use crate::damage::{contents, written};
use crate::files::{copy_dir, files};
use crate::{chain, open, place};

async fn verified(root: &Path) -> Result<Report, VerifyError> {
    let place = place(root);
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    verify(&place, &lock).await.map(Option::unwrap)
}

/// What a simple count over the ledger gives.
async fn naive(root: &Path) -> (BTreeMap<&'static str, u64>, u64, [u8; 32]) {
    let (mut ledger, _lock) = open(root).await.unwrap();
    let mut kinds = BTreeMap::new();
    let show = |_, fact: Fact| {
        let kind = match fact {
            Fact::RunBegan { .. } => "run_began",
            Fact::Admitted { .. } => "admitted",
            Fact::Away { .. } => "away",
            Fact::Lapsed { .. } => "lapsed",
            Fact::Returned { .. } => "returned",
            Fact::Closed(_) => "closed",
            Fact::Intent { .. } => "intent",
            Fact::Withdrawn { .. } => "withdrawn",
            Fact::Ended { .. } => "ended",
            Fact::Reread { .. } => "reread",
            Fact::Decided { .. } => "decided",
            Fact::KeptOut(_) => "kept_out",
            Fact::Testers { .. } => "testers",
            Fact::Origin(_) => "audience_origin",
            Fact::LastActive { .. } => "last_active",
            Fact::WaveEnded { .. } => "wave_ended",
            Fact::WaveHalted { .. } => "wave_halted",
            Fact::Acted { .. } => "acted",
            Fact::OwnerChanged { .. } => "owner_changed",
            Fact::RunApproved { .. } => "run_approved",
            Fact::Recorded { .. } => "recorded",
            Fact::Found { .. } => "found",
            Fact::Activity { .. } => "activity",
            Fact::AdmittedErased(_) => "admitted_erased",
            Fact::Erased { .. } => "erased",
        };
        *kinds.entry(kind).or_default() += 1;
    };
    ledger.facts(show).await.unwrap();
    let ledger_state = ledger.state();
    let mut lines = Vec::new();
    for recipient in 0..ledger_state.recipients() {
        for ordinal in 1..=ledger_state.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let id = ledger_state.merchant_coupon_id(key).unwrap();
            match ledger_state.status(key).state {
                State::Issued => lines.push(format!("{id} issued\n")),
                State::Refused { .. } => lines.push(format!("{id} refused\n")),
                _ => {}
            }
        }
    }
    lines.sort();
    (kinds, lines.len() as u64, Sha256::digest(lines.concat()).into())
}

#[tokio::test]
async fn it_says_what_the_ledger_says_and_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (sequence, was) = written(root.path()).await;
    let before = contents(root.path());
    let report = verified(root.path()).await.unwrap();
    assert!(before == contents(root.path()));
    assert_eq!(report.last.sequence, sequence);
    assert_eq!((report.counts, report.last.newest), (was.counts, was.newest));
    assert_eq!(report.recipients as usize, was.people.len());
    assert_eq!(report.snapshot, SnapshotCheck::Agrees { sequence });
    assert_eq!(report.condition, Condition::Sealed);
    let (kinds, many, sha256) = naive(root.path()).await;
    assert!(many > 20, "only {many} are settled");
    assert_eq!(
        (report.facts, report.settled.many, report.settled.sha256),
        (kinds, many, sha256)
    );
}

#[tokio::test]
async fn no_flipped_bit_passes_it_by() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let root = tempfile::tempdir().unwrap();
    drop(written(root.path()).await);
    let was = verified(root.path()).await.unwrap();
    let mut refused = 0;
    let mut sound = 0;
    for (path, bytes) in files(&place(root.path()).dir().join("store")) {
        let name = path.strip_prefix(root.path()).unwrap();
        let file = path.strip_prefix(place(root.path()).dir().join("store")).unwrap();
        for _ in 0..if bytes.len() > 10_000 { 80 } else { 20 } {
            let damaged = tempfile::tempdir().unwrap();
            copy_dir(root.path(), damaged.path());
            let at = random.usize(0..bytes.len());
            let bit = 1 << random.u8(0..8);
            let open = fs::OpenOptions::new()
                .write(true)
                .open(damaged.path().join(name))
                .unwrap();
            open.write_all_at(&[bytes[at] ^ bit], at as u64).unwrap();
            let what = format!("byte {at} of {}", file.display());
            match verified(damaged.path()).await {
                Ok(report) => {
                    sound += 1;
                    let Condition::Damaged(damage) = &report.condition else {
                        panic!("{what}: not even the seal noticed")
                    };
                    assert_eq!(damage[0].file, file);
                    let same = Report {
                        condition: was.condition.clone(),
                        ..report
                    };
                    assert_eq!(same, was, "{what}");
                }
                Err(error) => {
                    refused += 1;
                    let text = chain(&error);
                    let told = text.contains("the last good one is batch") || text.contains("before it is sound");
                    assert!(
                        told && text.contains(&format!("`{}`", file.display())),
                        "{what}: {text}"
                    );
                }
            }
        }
    }
    println!("{refused} refused, {sound} sound");
    assert!(refused > 20, "only {refused} were refused");
}

#[tokio::test]
async fn a_snapshot_of_another_ledger_differs_from_a_wrong_one() {
    let root = tempfile::tempdir().unwrap();
    drop(written(root.path()).await);
    let snapshot = place(root.path()).dir().join("shortcut");
    let sound = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, b"another program's").unwrap();
    assert_eq!(verified(root.path()).await.unwrap().snapshot, SnapshotCheck::None);
    // A change with a correct checksum: the file was not damaged but written like this.
    let mut lying = sound[..sound.len() - 32].to_vec();
    *lying.last_mut().unwrap() ^= 1;
    let sum = Sha256::digest(&lying);
    lying.extend_from_slice(&sum);
    fs::write(&snapshot, lying).unwrap();
    let error = verified(root.path()).await.unwrap_err();
    assert!(matches!(error, VerifyError::SnapshotCheck { .. }), "{error:?}");
}
