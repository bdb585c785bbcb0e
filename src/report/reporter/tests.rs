//! The reporter with its real thread: no count is lost, and a slow reader does not delay a run.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::model::event::{Ending, Phase};
use crate::report::json_lines::JsonLines;

use super::*;
use crate::report::testing::{ISSUED, RunScript};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn types(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let kind = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        text.lines().map(kind).collect()
    }
}

/// A writer that blocks until the other end is dropped.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn script(n: u64) -> RunScript {
    let mut script = RunScript::new();
    script.begin().admit(n).phase(Phase::Sending).send(n, 1, ISSUED);
    script.end(Ending::Complete);
    script
}

fn start(script: &RunScript, outputs: Outputs) -> (Display, Reporter) {
    let runs = vec![ReportedRun {
        campaign: (*script.campaign).clone(),
        metrics: None,
    }];
    let (display, mut reporters) = Display::start(runs, outputs, &Clock::system()).expect("a thread");
    (display, reporters.remove(0))
}

#[test]
fn everything_arrives_where_it_belongs() {
    let stdout = Shared::default();
    let record = Shared::default();
    let script = script(40);
    let (display, reporter) = start(
        &script,
        Outputs {
            progress: ProgressDisplay::Silent,
            json: Some(JsonLines::new("stdout", stdout.clone())),
            events: Some(JsonLines::new("the record", record.clone())),
        },
    );
    for event in &script.events {
        reporter.emit(event.clone());
    }
    display.finish();
    assert_eq!(reporter.stats().counts, script.stats().counts);
    assert!(reporter.summary().contains("40 coupons = 40 issued"));
    assert_eq!(
        stdout.types(),
        ["version", "progress", "progress", "progress", "summary"]
    );
    let record = record.types();
    assert_eq!(record.iter().filter(|kind| *kind == "attempt").count(), 40);
    assert_eq!(record.last().map(String::as_str), Some("summary"));
}

/// The writer blocks while more events are emitted than fit the queue.
#[test]
fn a_reader_that_is_stuck_holds_up_nobody() {
    let (release, held): (Sender<()>, _) = channel();
    let n = QUEUE as u64 + 10_000;
    let script = script(n);
    let (display, reporter) = start(
        &script,
        Outputs {
            progress: ProgressDisplay::Silent,
            json: None,
            events: Some(JsonLines::new("a pipe", Stuck(held))),
        },
    );
    for event in &script.events {
        reporter.emit(event.clone());
    }
    assert!(
        reporter.run.missed.load(Ordering::Relaxed) > 0,
        "the queue was never full"
    );
    drop(release);
    display.finish();
    let stats = reporter.stats();
    assert_eq!((stats.counts.settled(), stats.sends.attempts), (n, n));
    assert_eq!(stats.ended.map(|ended| ended.miscounted), Some(None));
}
