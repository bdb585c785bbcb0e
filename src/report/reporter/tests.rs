//! The reporter with its real thread: no count is lost, and a slow reader does not delay a run.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::model::event::{Ending, Phase};
use crate::report::json_lines::JsonLines;
use crate::report::outlet::{Outlet, Patience};

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

fn lines(name: &str, out: impl Write + Send + 'static) -> JsonLines {
    JsonLines::new(name, Outlet::new(out, Patience::Endless))
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
        listener: None,
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
            json: Some(lines("stdout", stdout.clone())),
            events: Some(lines("the record", record.clone())),
        },
    );
    for event in &script.events {
        reporter.emit(event.clone());
    }
    display.finish();
    assert_eq!(reporter.stats().counts, script.stats().counts);
    assert!(reporter.summary(80).contains("40 coupons = "));
    assert_eq!(
        stdout.types(),
        ["version", "progress", "progress", "progress", "summary"]
    );
    let record = record.types();
    assert_eq!(record.iter().filter(|kind| *kind == "attempt").count(), 40);
    assert_eq!(record.last().map(String::as_str), Some("summary"));
}

/// The reader of the record takes nothing while more events are emitted than fit its outlet, until after the end.
#[test]
fn a_reader_that_is_stuck_holds_up_nobody() {
    let (release, held): (Sender<()>, _) = channel();
    let outlet = Outlet::new(Stuck(held), Patience::AtMost(Duration::ZERO));
    let record = JsonLines::new("a pipe", outlet);
    let n = QUEUE as u64 + 10_000;
    let script = script(n);
    let (display, reporter) = start(
        &script,
        Outputs {
            progress: ProgressDisplay::Silent,
            json: None,
            events: Some(record.clone()),
        },
    );
    for event in &script.events {
        reporter.emit(event.clone());
    }
    display.finish();
    let missing = record.finish(Instant::now());
    let emitted = n + 4;
    let missed = reporter.run.missed.load(Ordering::Relaxed);
    assert!(
        missing.count + missed >= emitted,
        "{missing:?} and {missed} of {emitted}"
    );
    assert!(missing.failure.is_none());
    drop(release);
    let stats = reporter.stats();
    assert_eq!((stats.counts.settled(), stats.sends.attempts), (n, n));
    assert_eq!(stats.ended.map(|ended| ended.miscounted), Some(None));
}
