//! The erasure of open_ids on a disk: no file keeps one, and a kill at any moment leaves the old ledger or the new one.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use runner::ledger::erasure::{Eligibility, ErasureRequest, erase};
use runner::ledger::lock::Purpose;
use runner::ledger::verify::{SnapshotCheck, verify};
use runner::model::actor::Actor;
use runner::model::clock::later;

use crate::child::{command, start};
use crate::common::{Open, open as laid_open, owner, towards_the_end};
use crate::files::{copy_dir, files};
use crate::history::History;
use crate::{chain, open, place};

/// Erases the open_ids of the ledger below `root`.
pub async fn erased(root: &Path) -> Result<(), String> {
    outcome(root).await.map(drop)
}

async fn outcome(root: &Path) -> Result<Eligibility, String> {
    let place = place(root);
    let lock = place.lock(&owner(), Purpose::Apply).map_err(|error| chain(&error))?;
    let request = ErasureRequest {
        at: later(jiff::Timestamp::UNIX_EPOCH, Duration::from_hours(24 * 365 * 80)),
        by: Actor {
            name: "li".into(),
            user: "li".into(),
            host: "till-3".into(),
            command: "runner erase summer.yaml".into(),
        },
        older_than: Duration::from_hours(24 * 400),
    };
    let erased = erase(&place, &lock, None, &request).await;
    Ok(erased.map_err(|error| chain(&error))?.unwrap().eligibility)
}

/// A ledger that is complete, and the open_ids of its users.
async fn completed(root: &Path) -> Vec<String> {
    let (mut ledger, _lock) = open(root).await.unwrap();
    let mut history = History::new(7);
    for _ in 0..60 {
        let facts = history.next(ledger.state());
        ledger.append(facts).await.unwrap();
    }
    while !ledger.state().is_complete() {
        let facts = towards_the_end(ledger.state());
        ledger.append(facts).await.unwrap();
    }
    let state = ledger.state();
    let open_ids = (0..state.recipients())
        .map(|recipient| state.open_id(recipient))
        .collect();
    ledger.close().await;
    open_ids
}

async fn state(root: &Path) -> Open {
    let (ledger, _lock) = open(root).await.unwrap();
    laid_open(ledger.state())
}

/// The bytes of an open_id as text, and as the log packs it if it is a UUID.
fn forms(open_id: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![open_id.as_bytes().to_vec()];
    let digits: String = open_id.chars().filter(|c| *c != '-').collect();
    if open_id.len() == 36 && digits.len() == 32 {
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        forms.push((0..32).step_by(2).map(byte).collect());
    }
    forms
}

/// The first file below `root` that has an open_id.
fn file_with_open_id(root: &Path, open_ids: &[String]) -> Option<String> {
    // A number of few digits may be in any file.
    let long = open_ids.iter().filter(|open_id| open_id.contains(['-', '_']));
    let forms: Vec<_> = long.flat_map(|open_id| forms(open_id)).collect();
    assert!(forms.len() > 50);
    let has_one = |bytes: &[u8]| {
        forms
            .iter()
            .any(|form| bytes.windows(form.len()).any(|part| part == form))
    };
    let found = files(root).into_iter().find(|(_, bytes)| has_one(bytes));
    found.map(|(path, _)| path.display().to_string())
}

/// Puts things with open_ids beside the ledger, as commands leave them.
fn leave_traces(root: &Path, open_ids: &[String]) {
    let dir = place(root).dir().to_owned();
    let beside = |name: &str| dir.with_file_name(format!("summer.{name}"));
    fs::create_dir(beside("bills")).unwrap();
    fs::write(beside("bills").join("2026-06-01.csv"), &open_ids[0]).unwrap();
    fs::write(beside("probes.jsonl"), open_ids.concat()).unwrap();
    copy_dir(&dir, &beside("moved-2"));
    copy_dir(&dir, &beside("new"));
    fs::create_dir(dir.join("damaged")).unwrap();
    fs::write(dir.join("damaged/db"), open_ids.concat()).unwrap();
}

#[tokio::test]
async fn no_file_of_the_state_directory_keeps_an_open_id() {
    let root = tempfile::tempdir().unwrap();
    let open_ids = completed(root.path()).await;
    leave_traces(root.path(), &open_ids);
    assert!(file_with_open_id(root.path(), &open_ids).is_some(), "it can be found");
    let before = state(root.path()).await;
    let recipients = u32::try_from(open_ids.len()).unwrap();
    assert_eq!(outcome(root.path()).await, Ok(Eligibility::Due { recipients }));
    assert_eq!(file_with_open_id(root.path(), &open_ids), None);
    let after = state(root.path()).await;
    assert_eq!((after.counts, &after.statuses), (before.counts, &before.statuses));
    let place = place(root.path());
    let lock = place.lock(&owner(), Purpose::Look).unwrap();
    let report = verify(&place, &lock).await.unwrap().unwrap();
    assert!(matches!(report.snapshot, SnapshotCheck::Agrees { .. }), "{report:?}");
    assert_eq!(report.facts.get("erased"), Some(&1));
    assert_eq!(report.facts.get("admitted"), None);
    drop(lock);
    // A second time changes nothing.
    assert!(matches!(outcome(root.path()).await, Ok(Eligibility::Erased { .. })));
    assert_eq!(state(root.path()).await, after);
}

#[tokio::test]
async fn the_next_try_goes_on_after_each_step() {
    let root = tempfile::tempdir().unwrap();
    let open_ids = completed(root.path()).await;
    let erasing = place(root.path()).dir().with_file_name("summer.erasing");
    let old = tempfile::tempdir().unwrap();
    copy_dir(place(root.path()).dir(), &old.path().join("old"));
    // Killed while it wrote the new ledger.
    fs::create_dir_all(erasing.join("store")).unwrap();
    fs::write(erasing.join("store/db"), "half").unwrap();
    assert!(matches!(outcome(root.path()).await, Ok(Eligibility::Due { .. })));
    assert!(!erasing.exists());
    let new = state(root.path()).await;
    // Killed after it exchanged them, before the old one was removed.
    copy_dir(&old.path().join("old"), &erasing);
    assert!(file_with_open_id(root.path(), &open_ids).is_some());
    assert!(matches!(outcome(root.path()).await, Ok(Eligibility::Erased { .. })));
    assert!(!erasing.exists());
    assert_eq!(file_with_open_id(root.path(), &open_ids), None);
    assert_eq!(state(root.path()).await, new);
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_the_old_ledger_or_the_new_one() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let whole = tempfile::tempdir().unwrap();
    let open_ids = completed(whole.path()).await;
    let old = state(whole.path()).await;
    let try_once = |kill_after: Option<Duration>| {
        let root = tempfile::tempdir().unwrap();
        copy_dir(whole.path(), root.path());
        let mut said = start(command("erase", root.path()));
        assert_eq!(said.next().as_deref(), Some("begun"));
        let begun = Instant::now();
        let Some(kill_after) = kill_after else {
            assert_eq!(said.next().as_deref(), Some("done"));
            let took = begun.elapsed();
            said.kill();
            return (root, took);
        };
        let (_keep, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(kill_after);
        said.kill();
        (root, begun.elapsed())
    };
    let (root, took) = try_once(None);
    let new = state(root.path()).await;
    let mut were_old = 0;
    let trials = 16;
    for _ in 0..trials {
        let at = Duration::from_micros(random.u64(0..u64::try_from(took.as_micros()).unwrap()));
        let (root, _) = try_once(Some(at));
        let left = state(root.path()).await;
        let is_old = left == old;
        were_old += u32::from(is_old);
        assert!(is_old || left == new, "killed after {at:?}");
        let again = outcome(root.path()).await.unwrap();
        assert_eq!(matches!(again, Eligibility::Due { .. }), is_old);
        assert_eq!(state(root.path()).await, new);
        assert_eq!(file_with_open_id(root.path(), &open_ids), None);
    }
    println!("{were_old} of {trials} kills left the old ledger");
}
