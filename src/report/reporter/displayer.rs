//! The thread that displays runs. It composes output while it holds the lock of the run statistics and writes after
//! releasing it: a pipe that nobody reads blocks only this thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::model::clock::{Clock, Moment, monotonic_now};
use crate::report::console::Bar;
use crate::report::render::terminal::bar;
use crate::report::render::terminal::dashboard::{self, CampaignRow};
use crate::report::text::visible;

use super::outputs::{Outputs, ProgressDisplay};
use super::run_display::{DisplayItem, RunDisplay};
use super::shared_run::{Message, SharedRun};

/// How often the display is refreshed.
const TICK: Duration = Duration::from_secs(1);
/// How often a line shows the progress of several runs.
const EVERY: Duration = Duration::from_secs(10);

/// Displays a list of runs.
pub struct Displayer {
    runs: Vec<DisplayedRun>,
    outputs: Outputs,
    clock: Clock,
    bar: Option<Bar>,
    /// When the line about several runs was last written.
    written: Option<Instant>,
}

struct DisplayedRun {
    shared: Arc<SharedRun>,
    display: RunDisplay,
    ended: bool,
}

impl Displayer {
    /// A display of these runs.
    pub fn new(runs: Vec<Arc<SharedRun>>, outputs: Outputs, clock: Clock) -> Self {
        let run = |shared: Arc<SharedRun>| DisplayedRun {
            display: RunDisplay::new(Arc::clone(&shared.campaign)),
            shared,
            ended: false,
        };
        Self {
            runs: runs.into_iter().map(run).collect(),
            outputs,
            clock,
            bar: None,
            written: None,
        }
    }

    /// Displays what arrives, until there is no more.
    pub fn run(mut self, arrivals: &Receiver<Message>) {
        let mut ticked = monotonic_now();
        loop {
            match arrivals.recv_timeout(TICK.saturating_sub(ticked.elapsed())) {
                Ok(Message::Event { run, event, instant }) => {
                    self.write(run, |run| run.display.event(&run.shared.stats(), &event, instant));
                }
                Ok(Message::RunEnded(run)) => self.end(run),
                Ok(Message::Print(text)) => self.outputs.progress.print(text.trim_end()),
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
        for run in 0..self.runs.len() {
            self.end(run);
        }
        self.flush();
    }

    /// Displays the end of a run, once.
    fn end(&mut self, run: usize) {
        let now = self.clock.moment();
        self.write(run, |run| {
            if std::mem::replace(&mut run.ended, true) {
                return Vec::new();
            }
            let missed = run.shared.missed.load(Ordering::Relaxed);
            run.display.finish(&run.shared.stats(), now, missed)
        });
    }

    fn tick(&mut self) {
        let now = self.clock.moment();
        let several = self.runs.len() > 1;
        for run in 0..self.runs.len() {
            self.write(run, |run| run.display.tick(&run.shared.stats(), now, several));
        }
        // Several runs change many times a second: they are drawn at each tick only.
        if several {
            self.draw();
            self.write_totals(now);
        }
    }

    /// Writes what a run has to show. An only run has a bar, or a line every ten seconds. Several runs have a table or a
    /// line for all of them, and the lines of each begin with its name.
    fn write(&mut self, run: usize, show: impl FnOnce(&mut DisplayedRun) -> Vec<DisplayItem>) {
        let several = self.runs.len() > 1;
        let Some(run) = self.runs.get_mut(run) else { return };
        let items = show(run);
        let name = several.then(|| visible(&run.shared.campaign.name).into_owned());
        for item in items {
            match item {
                DisplayItem::Redraw if !several => self.draw(),
                DisplayItem::Json(object) => self.outputs.json.iter().for_each(|lines| lines.line(&object)),
                DisplayItem::Record(object) => self.outputs.events.iter().for_each(|lines| lines.line(&object)),
                item => {
                    if let Some(line) = item.line(name.as_deref(), self.outputs.progress.is_plain()) {
                        self.outputs.progress.print(&line);
                    }
                }
            }
        }
    }

    /// Writes the line about several runs, unless that was done recently.
    fn write_totals(&mut self, now: Moment) {
        let recent = self
            .written
            .is_some_and(|written| now.instant.saturating_duration_since(written) < EVERY);
        if !self.outputs.progress.is_plain() || recent {
            return;
        }
        self.written = Some(now.instant);
        self.outputs.progress.print(&dashboard::line(&self.rows(now), now.wall));
    }

    fn rows(&self, now: Moment) -> Vec<CampaignRow> {
        let row = |DisplayedRun { shared, .. }: &DisplayedRun| {
            let broken = shared.broken.get().map(String::as_str);
            shared.view(now, |run| CampaignRow::new(run, broken))
        };
        self.runs.iter().map(row).collect()
    }

    fn draw(&mut self) {
        let ProgressDisplay::Bar(console) = &self.outputs.progress else {
            return;
        };
        let now = self.clock.moment();
        let size = console.size();
        let lines = match self.runs.as_slice() {
            [run] => run.shared.view(now, |run| bar::bar(run, size.columns)),
            _ => dashboard::screen(&self.rows(now), now.wall, size),
        };
        self.bar.get_or_insert_with(|| console.bar()).draw(lines);
    }

    fn flush(&self) {
        for lines in self.outputs.json.iter().chain(&self.outputs.events) {
            lines.flush();
        }
    }
}
