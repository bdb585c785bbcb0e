//! The thread that displays runs. It composes output while it holds the lock of the run statistics and writes after
//! releasing it: a pipe that nobody reads blocks only this thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::model::clock::{Clock, Moment, monotonic_now};
use crate::report::console::Bar;
use crate::report::dashboard::{self, CampaignRow};
use crate::report::progress::Look;
use crate::report::show::{Piece, Show};

use super::{Heard, Message, Outputs, ProgressDisplay, TICK};

/// How often a line shows the progress of several campaigns.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Displayer {
    runs: Vec<Run>,
    outputs: Outputs,
    clock: Clock,
    bar: Option<Bar>,
    /// When that line was last written.
    told: Option<Instant>,
}

struct Run {
    heard: Arc<Heard>,
    show: Show,
    ended: bool,
}

impl Displayer {
    pub(super) fn new(heard: Vec<Arc<Heard>>, outputs: Outputs, clock: Clock) -> Self {
        let several = heard.len() > 1;
        let plain = matches!(outputs.talk, ProgressDisplay::Plain(_));
        let run = |heard: Arc<Heard>| Run {
            show: if several {
                Show::among(Arc::clone(&heard.setup), plain)
            } else {
                Show::new(Arc::clone(&heard.setup), plain)
            },
            heard,
            ended: false,
        };
        Self {
            runs: heard.into_iter().map(run).collect(),
            outputs,
            clock,
            bar: None,
            told: None,
        }
    }

    pub(super) fn run(mut self, arrivals: &Receiver<Message>) {
        let mut ticked = monotonic_now();
        loop {
            match arrivals.recv_timeout(TICK.saturating_sub(ticked.elapsed())) {
                Ok(Message::Event(at, event, instant)) => {
                    let pieces = self.with_run(at, |run| run.show.event(&run.heard.stats(), &event, instant));
                    self.put(pieces);
                }
                Ok(Message::Ended(at)) => self.end(at),
                Ok(Message::Say(text)) => self.say(text.trim_end()),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() >= TICK {
                ticked = monotonic_now();
                self.tick();
                self.flush();
            }
        }
        self.bar = None;
        for at in 0..self.runs.len() {
            self.end(at);
        }
        self.flush();
    }

    fn with_run(&mut self, at: usize, show: impl FnOnce(&mut Run) -> Vec<Piece>) -> Vec<Piece> {
        self.runs.get_mut(at).map(show).unwrap_or_default()
    }

    fn several(&self) -> bool {
        self.runs.len() > 1
    }

    /// Displays the end of a run, once.
    fn end(&mut self, at: usize) {
        let now = self.clock.moment();
        let pieces = self.with_run(at, |run| {
            if std::mem::replace(&mut run.ended, true) {
                return Vec::new();
            }
            let missed = run.heard.missed.load(Ordering::Relaxed);
            run.show.finish(&run.heard.stats(), now, missed)
        });
        self.put(pieces);
    }

    fn tick(&mut self) {
        let now = self.clock.moment();
        for at in 0..self.runs.len() {
            let pieces = self.with_run(at, |run| run.show.tick(&run.heard.stats(), now));
            self.put(pieces);
        }
        if self.several() {
            self.draw();
            self.say_how_far_all_are(now);
        }
    }

    fn say_how_far_all_are(&mut self, now: Moment) {
        let recent = self
            .told
            .is_some_and(|told| now.instant.saturating_duration_since(told) < EVERY);
        if !matches!(self.outputs.talk, ProgressDisplay::Plain(_)) || recent {
            return;
        }
        self.told = Some(now.instant);
        let line = dashboard::line(&self.rows(now), now.wall);
        self.say(&line);
    }

    fn rows(&self, now: Moment) -> Vec<CampaignRow> {
        let stand = |run: &Run| {
            let stats = run.heard.stats();
            let look = Look {
                stats: &stats,
                setup: &run.heard.setup,
                now,
            };
            CampaignRow::new(&look, run.heard.broken.get().map(String::as_str))
        };
        self.runs.iter().map(stand).collect()
    }

    fn put(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                // Several campaigns change many times a second: they are drawn at each tick.
                Piece::Moving if self.several() => {}
                Piece::Moving => self.draw(),
                Piece::Line(line) => self.say(&line),
                Piece::Json(object) => self.outputs.json.iter().for_each(|lines| lines.line(&object)),
                Piece::Record(object) => self.outputs.events.iter().for_each(|lines| lines.line(&object)),
            }
        }
    }

    fn draw(&mut self) {
        let ProgressDisplay::Bar(console) = &self.outputs.talk else {
            return;
        };
        let now = self.clock.moment();
        let lines = match self.runs.as_slice() {
            [run] => run.show.bar(&run.heard.stats(), now, console.size().columns),
            _ => dashboard::screen(&self.rows(now), now.wall, console.size()),
        };
        self.bar.get_or_insert_with(|| console.bar()).draw(lines);
    }

    fn say(&self, line: &str) {
        match &self.outputs.talk {
            ProgressDisplay::Bar(console) | ProgressDisplay::Plain(console) => console.print(&format!("{line}\n")),
            ProgressDisplay::Silent => {}
        }
    }

    fn flush(&self) {
        for lines in self.outputs.json.iter().chain(&self.outputs.events) {
            lines.flush();
        }
    }
}
