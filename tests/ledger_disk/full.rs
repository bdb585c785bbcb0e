//! A full disk: a limit on the size of files, and a full file system. Durable batches stay, a failed batch is not reported
//! as durable, and the same command continues once there is room.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use runner::ledger::Fact;
use runner::model::identity::OpenId;

use crate::child::{command, start};
use crate::crashes::Mirror;
use crate::history::History;
use crate::mounted::Mounted;
use crate::open;

/// Appends until it fails. Returns how many batches were durable, and the failure.
fn until_full(command: Command) -> (u64, String) {
    let mut said = start(command);
    let mut durable = None;
    let mut failure = None;
    while let Some(line) = said.next() {
        match line.split_once(' ') {
            Some(("opened" | "durable", n)) => durable = n.parse().ok(),
            Some(("failed", why)) => failure = Some(why.to_owned()),
            _ => assert_eq!(line, "begun"),
        }
    }
    said.kill();
    (durable.expect("it was opened"), failure.expect("it failed"))
}

async fn goes_on(root: &Path, durable: u64) {
    let mut mirror = Mirror::new().await;
    let found = {
        let (ledger, _lock) = open(root).await.expect("it is sound");
        mirror.follow(&ledger).await;
        ledger.sequence()
    };
    assert!(
        (durable..=durable + 1).contains(&found),
        "{durable} were durable, and {found} are there"
    );
    let mut said = start(command("append", root));
    while said.next().expect("it goes on") != format!("durable {}", found + 20) {}
    said.kill();
    while said.next().is_some() {}
    let (ledger, _lock) = open(root).await.expect("it is sound");
    mirror.follow(&ledger).await;
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_stops_the_ledger_and_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    // The shell sets the limit and ignores the signal, so that the write fails instead of killing the process.
    let inner = command("append", root.path());
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args())
        .envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0);
    let (durable, failure) = until_full(limited);
    println!("{durable} batches, then {failure}");
    assert!(durable > 10, "it failed after {durable} batches");
    assert!(failure.contains("ile too large"), "{failure}");
    goes_on(root.path(), durable).await;
}

#[tokio::test]
async fn a_full_file_system_stops_the_ledger_and_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let Some(small) = Mounted::tmpfs(root.path(), "size=2m") else {
        println!("skipped: this user may not mount a small file system");
        return;
    };
    let (durable, failure) = until_full(command("append", root.path()));
    println!("{durable} batches, then {failure}");
    assert!(durable > 10, "it failed after {durable} batches");
    assert!(
        failure.contains("o space left") || failure.contains("o storage space"),
        "{failure}"
    );
    assert!(
        small.mount(&["-o", "remount,size=64m"]),
        "there is no more room to be had"
    );
    goes_on(root.path(), durable).await;
}

#[tokio::test]
async fn a_ledger_on_a_read_only_file_system_is_read_and_takes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::tmpfs(root.path(), "size=16m") else {
        println!("skipped: this user may not mount a small file system");
        return;
    };
    let mut mirror = Mirror::new().await;
    let (mut ledger, lock) = open(root.path()).await.unwrap();
    let mut history = History::new(0);
    for _ in 0..20 {
        let facts = history.next(ledger.state());
        ledger.append(facts).await.unwrap();
    }
    drop((ledger, lock));
    // sled's threads keep its files open for a moment, and until then the file system is in use.
    while !disk.mount(&["-o", "remount,ro"]) {
        tokio::task::yield_now().await;
    }
    let (mut ledger, lock) = open(root.path()).await.unwrap();
    mirror.follow(&ledger).await;
    let facts = history.next(ledger.state());
    let refusal = crate::chain(&ledger.append(facts).await.unwrap_err());
    assert!(refusal.contains("ead-only"), "{refusal}");
    drop((ledger, lock));
    assert!(disk.mount(&["-o", "remount,rw"]));
    let (ledger, _lock) = open(root.path()).await.unwrap();
    mirror.follow(&ledger).await;
}

/// sled never syncs a value that it stores in a file of its own, which it does with large values.
#[tokio::test]
async fn no_value_becomes_a_file_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let (mut ledger, lock) = open(root.path()).await.unwrap();
    for batch in 0..12 {
        let chunk = |n: u64| {
            let first = u128::from(batch * 8 + n) * Fact::CHUNK as u128;
            let names = (first..).take(Fact::CHUNK).map(|n| format!("{:032x}", n << 64));
            Fact::Admitted {
                recipients: names.map(|name| OpenId::parse(&name).unwrap()).collect(),
            }
        };
        ledger.append((0..8).map(chunk).collect()).await.unwrap();
    }
    let store = crate::place(root.path()).dir().join("store");
    assert_eq!(std::fs::read_dir(store.join("blobs")).unwrap().count(), 0);
    ledger.close().await;
    drop(lock);
    let (ledger, _lock) = open(root.path()).await.unwrap();
    assert_eq!(ledger.sequence(), 12);
}
