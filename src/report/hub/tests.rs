//! The reporter with its real thread: no count is lost, and a slow reader does not delay a run.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::event::{Ending, Phase};

use super::super::testing::{ISSUED, Story};
use super::*;

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

fn story(n: u64) -> Story {
    let mut story = Story::new();
    story.begin().admit(n).phase(Phase::Sending).send(n, 1, ISSUED);
    story.end(Ending::Complete);
    story
}

fn start(story: &Story, outlets: Outlets) -> (Reporter, Hub) {
    let setups = vec![((*story.setup).clone(), None)];
    let (reporter, mut hubs) = Reporter::start(setups, outlets, &Clock::system()).expect("a thread");
    (reporter, hubs.remove(0))
}

#[test]
fn everything_arrives_where_it_belongs() {
    let stdout = Shared::default();
    let record = Shared::default();
    let story = story(40);
    let (reporter, hub) = start(
        &story,
        Outlets {
            talk: Talk::Silent,
            json: Some(Lines::new("stdout", stdout.clone())),
            events: Some(Lines::new("the record", record.clone())),
        },
    );
    for event in &story.events {
        hub.emit(event.clone());
    }
    reporter.finish();
    assert_eq!(hub.tally().counts, story.tally().counts);
    assert!(hub.summary().contains("40 coupons = 40 issued"));
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
    let story = story(n);
    let (reporter, hub) = start(
        &story,
        Outlets {
            talk: Talk::Silent,
            json: None,
            events: Some(Lines::new("a pipe", Stuck(held))),
        },
    );
    for event in &story.events {
        hub.emit(event.clone());
    }
    assert!(hub.heard.missed.load(Ordering::Relaxed) > 0, "the queue was never full");
    drop(release);
    reporter.finish();
    let tally = hub.tally();
    assert_eq!((tally.counts.settled(), tally.sends.attempts), (n, n));
    assert_eq!(tally.ended.map(|ended| ended.miscounted), Some(None));
}
