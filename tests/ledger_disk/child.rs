//! Runs this test binary as a separate process that can be killed.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::erasure::erased;
use crate::history::History;
use crate::{chain, open};

const ROLE: &str = "LEDGER_TEST_CHILD";
const ROOT: &str = "LEDGER_TEST_ROOT";
/// The prefix of a child's own lines, which separates them from the lines of the test harness.
const MINE: &str = "child: ";

/// A running child and its output.
pub struct Said {
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Said {
    /// Returns the next line. `None` if the child has ended.
    pub fn next(&mut self) -> Option<String> {
        let mut mine = self.lines.by_ref().map_while(Result::ok);
        mine.find_map(|line| line.split_once(MINE).map(|(_, said)| said.to_owned()))
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command for a child in this role. `root` contains its ledger.
pub fn command(role: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["child::act", "--exact", "--ignored", "--nocapture"])
        .env(ROLE, role)
        .env(ROOT, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

pub fn start(mut command: Command) -> Said {
    let mut child = command.spawn().expect("a child");
    let stdout = child.stdout.take().expect("its output");
    Said {
        child,
        lines: BufReader::new(stdout).lines(),
    }
}

#[test]
#[ignore = "only another test starts it, as a child"]
fn act() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let root = PathBuf::from(std::env::var_os(ROOT).expect("a root"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    match role.as_str() {
        "append" => runtime.block_on(append(&root, usize::MAX)),
        "close" => runtime.block_on(append(&root, 5)),
        "erase" => runtime.block_on(erase(&root)),
        other => panic!("no role {other}"),
    }
}

fn say(line: &str) {
    println!("{MINE}{line}");
}

/// Erases the open_ids of the ledger, and prints when it is done.
async fn erase(root: &Path) {
    say("begun");
    match erased(root).await {
        Ok(()) => say("done"),
        Err(refusal) => say(&format!("refused {refusal}")),
    }
}

/// Writes history, and prints after each batch how many are durable. Ends at the first failure. After `together` batches it
/// closes the ledger and opens it again.
async fn append(root: &Path, together: usize) {
    say("begun");
    let mut history = None;
    loop {
        let (mut ledger, _lock) = match open(root).await {
            Ok(opened) => opened,
            Err(refusal) => return say(&format!("refused {refusal}")),
        };
        say(&format!("opened {}", ledger.sequence()));
        if together < usize::MAX {
            // It also writes its snapshot from time to time while it is open.
            ledger.keep_after(300);
        }
        let history = history.get_or_insert_with(|| History::new(ledger.sequence()));
        for _ in 0..together {
            let facts = history.next(ledger.state());
            match ledger.append(facts).await {
                Ok(_) => say(&format!("durable {}", ledger.sequence())),
                Err(error) => return say(&format!("failed {}", chain(&error))),
            }
        }
        ledger.close().await;
    }
}
