//! SIGKILL at any moment: while the ledger is created, opened or appended to.

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use runner::ledger::memory::MemoryStore;
use runner::ledger::{Ledger, SledStore};

use crate::child::{command, start};
use crate::common::{check, identity, open as laid_open};
use crate::history::History;
use crate::open;

/// The same history in memory, of a process that is never killed.
pub struct Mirror(Ledger<MemoryStore>);

impl Mirror {
    pub async fn new() -> Self {
        Self(Ledger::open(MemoryStore::default(), identity()).await.unwrap())
    }

    /// Continues as one process that began at this point would, up to the number of batches on disk. Then both must be
    /// equal.
    pub async fn follow(&mut self, ledger: &Ledger<SledStore>) {
        let mut history = History::new(self.0.sequence());
        while self.0.sequence() < ledger.sequence() {
            let facts = history.next(self.0.state());
            self.0.append(facts).await.unwrap();
        }
        assert_eq!(self.0.sequence(), ledger.sequence(), "batches are lost");
        check(ledger.state());
        assert_eq!(laid_open(ledger.state()), laid_open(self.0.state()));
    }
}

/// Starts a process that appends and kills it when `enough` returns. Returns how many batches it reported as durable.
/// `None` if it was killed before the ledger was open.
fn kill_one(command: Command, mut enough: impl FnMut(&mpsc::Receiver<String>)) -> Option<u64> {
    let mut said = start(command);
    let (tell, told) = mpsc::channel();
    let mut lines = Vec::new();
    std::thread::scope(|scope| {
        let pid = said.child.id();
        let heard = scope.spawn(move || {
            while let Some(line) = said.next() {
                let _ = tell.send(line.clone());
                lines.push(line);
            }
            let _ = said.child.wait();
            lines
        });
        enough(&told);
        let pid = i32::try_from(pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let lines = heard.join().unwrap();
        let last = lines.last()?;
        assert!(!last.starts_with("refused") && !last.starts_with("failed"), "{last}");
        last.split_once(' ').and_then(|(_, n)| n.parse().ok())
    })
}

async fn after_kills(role: &str, kills: u32, with: impl Fn(&mut fastrand::Rng, &mpsc::Receiver<String>)) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let root = tempfile::tempdir().unwrap();
    let mut mirror = Mirror::new().await;
    for _ in 0..kills {
        let durable = kill_one(command(role, root.path()), |told| with(&mut random, told));
        let (ledger, _lock) = open(root.path()).await.unwrap();
        if let Some(durable) = durable {
            let found = ledger.sequence();
            assert!(
                (durable..=durable + 1).contains(&found),
                "{durable} were durable, and {found} are there"
            );
        }
        mirror.follow(&ledger).await;
    }
}

#[tokio::test]
async fn a_kill_while_it_appends_loses_nothing_that_was_durable() {
    after_kills("append", 12, |random, told| {
        let batches = random.usize(2..60);
        told.iter().take(batches).for_each(drop);
    })
    .await;
}

/// Receives the child's lines for `time`, or until the child ends.
fn listen(told: &mpsc::Receiver<String>, time: Duration) {
    let from = std::time::Instant::now();
    while let Some(left) = time.checked_sub(from.elapsed()) {
        if told.recv_timeout(left).is_err() {
            break;
        }
    }
}

#[tokio::test]
async fn a_kill_while_a_ledger_is_created_or_opened_leaves_a_whole_one_or_none() {
    after_kills("append", 24, |random, told| {
        // The first line comes before anything is opened. After it, any moment may be tested.
        let _ = told.recv();
        let until = Duration::from_micros(random.u64(0..15_000));
        listen(told, until);
    })
    .await;
}

/// Between two batches the child closes the ledger, which writes a snapshot and a seal, and opens it again from them.
#[tokio::test]
async fn a_kill_while_a_ledger_is_closed_or_opened_leaves_a_whole_one() {
    after_kills("close", 24, |random, told| {
        let lines = random.usize(2..30);
        told.iter().take(lines).for_each(drop);
        let until = Duration::from_micros(random.u64(0..10_000));
        listen(told, until);
    })
    .await;
}

/// sled's own threads hold its lock for a moment after the close. The next open must not notice that.
#[tokio::test]
async fn a_closed_ledger_can_be_opened_at_once() {
    for _ in 0..40 {
        let root = tempfile::tempdir().unwrap();
        for durable in 0..3 {
            let (mut ledger, _lock) = open(root.path()).await.unwrap();
            assert_eq!(ledger.sequence(), durable);
            let facts = History::new(durable).next(ledger.state());
            ledger.append(facts).await.unwrap();
        }
    }
}

/// The null control: the same kills, of processes that never flush. If none of them lost anything, the other tests would
/// prove nothing. A single process may lose nothing, because the store also writes at times of its own.
#[cfg(debug_assertions)]
#[tokio::test]
async fn without_flushes_kills_lose_what_was_called_durable() {
    let root = tempfile::tempdir().unwrap();
    drop(open(root.path()).await.unwrap());
    let unflushed = || {
        let mut command = command("append", root.path());
        command.env("RUNNER_FAULT_NEVER_FLUSH", "1");
        command
    };
    let mut lost = 0;
    for batches in 20..40 {
        let durable = kill_one(unflushed(), |told| told.iter().take(batches).for_each(drop)).unwrap();
        let mut next = start(unflushed());
        let found =
            std::iter::from_fn(|| next.next()).find_map(|line| line.strip_prefix("opened ")?.parse::<u64>().ok());
        next.kill();
        lost += durable.saturating_sub(found.expect("it is opened"));
    }
    assert!(lost > 0, "nothing was lost");
}
