//! The thread that displays runs. It composes output while it holds the lock of the run statistics and writes after
//! releasing it: a pipe that nobody reads blocks only this thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::{Clock, Moment};
use crate::report::board::{self, Stand};
use crate::report::console::Bar;
use crate::report::progress::Look;
use crate::report::show::{Piece, Show};

use super::{Heard, Message, Outlets, TICK, Talk};

/// How often a line shows the progress of several campaigns.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Teller {
    runs: Vec<Run>,
    outlets: Outlets,
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

impl Teller {
    pub(super) fn new(heard: Vec<Arc<Heard>>, outlets: Outlets, clock: Clock) -> Self {
        let several = heard.len() > 1;
        let plain = matches!(outlets.talk, Talk::Plain(_));
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
            outlets,
            clock,
            bar: None,
            told: None,
        }
    }

    pub(super) fn run(mut self, arrivals: &Receiver<Message>) {
        let mut ticked = Instant::now();
        loop {
            match arrivals.recv_timeout(TICK.saturating_sub(ticked.elapsed())) {
                Ok(Message::Event(at, event, instant)) => {
                    let pieces = self.of(at, |run| run.show.event(&run.heard.tally(), &event, instant));
                    self.put(pieces);
                }
                Ok(Message::Ended(at)) => self.end(at),
                Ok(Message::Say(text)) => self.say(text.trim_end()),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
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

    fn of(&mut self, at: usize, show: impl FnOnce(&mut Run) -> Vec<Piece>) -> Vec<Piece> {
        self.runs.get_mut(at).map(show).unwrap_or_default()
    }

    fn several(&self) -> bool {
        self.runs.len() > 1
    }

    /// Displays the end of a run, once.
    fn end(&mut self, at: usize) {
        let now = self.clock.moment();
        let pieces = self.of(at, |run| {
            if std::mem::replace(&mut run.ended, true) {
                return Vec::new();
            }
            let missed = run.heard.missed.load(Ordering::Relaxed);
            run.show.finish(&run.heard.tally(), now, missed)
        });
        self.put(pieces);
    }

    fn tick(&mut self) {
        let now = self.clock.moment();
        for at in 0..self.runs.len() {
            let pieces = self.of(at, |run| run.show.tick(&run.heard.tally(), now));
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
        if !matches!(self.outlets.talk, Talk::Plain(_)) || recent {
            return;
        }
        self.told = Some(now.instant);
        let line = board::line(&self.stands(now), now.wall);
        self.say(&line);
    }

    fn stands(&self, now: Moment) -> Vec<Stand> {
        let stand = |run: &Run| {
            let tally = run.heard.tally();
            let look = Look {
                tally: &tally,
                setup: &run.heard.setup,
                now,
            };
            Stand::of(&look, run.heard.broken.get().map(String::as_str))
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
                Piece::Json(object) => self.outlets.json.iter().for_each(|lines| lines.line(&object)),
                Piece::Record(object) => self.outlets.events.iter().for_each(|lines| lines.line(&object)),
            }
        }
    }

    fn draw(&mut self) {
        let Talk::Bar(console) = &self.outlets.talk else {
            return;
        };
        let now = self.clock.moment();
        let lines = match self.runs.as_slice() {
            [run] => run.show.bar(&run.heard.tally(), now, console.size().columns),
            _ => board::screen(&self.stands(now), now.wall, console.size()),
        };
        self.bar.get_or_insert_with(|| console.bar()).draw(lines);
    }

    fn say(&self, line: &str) {
        match &self.outlets.talk {
            Talk::Bar(console) | Talk::Plain(console) => console.print(&format!("{line}\n")),
            Talk::Silent => {}
        }
    }

    fn flush(&self) {
        for lines in self.outlets.json.iter().chain(&self.outlets.events) {
            lines.flush();
        }
    }
}
