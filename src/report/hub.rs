//! Where the events of a run arrive, and from where they are shown. Emitting never waits for a terminal, a pipe or a
//! disk: the tally is kept on the spot, so no count is ever lost, and what is shown one by one goes through a bounded
//! queue to a thread of its own. When that queue is full, events are left out of the record, and the record says so.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::event::{Emit, Event, EventKind, Owner};

use super::json::Object;
use super::lines::{Lines, SCHEMA};
use super::metrics::Metrics;
use super::progress::{Look, Setup};
use super::show::{Piece, Show};
use super::status::Written;
use super::summary;
use super::tally::Tally;

/// How many events may wait to be shown.
const QUEUE: usize = 65_536;
/// How often the display looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// How people are told on stderr.
#[derive(Clone, Debug)]
pub enum Talk {
    /// By a bar of these, for a terminal whose columns the function tells.
    Bar(MultiProgress, fn() -> usize),
    /// By a line every ten seconds and at each change.
    Plain,
    /// Not at all.
    Silent,
}

/// Where a run is shown.
#[derive(Clone, Debug)]
pub struct Outlets {
    /// To people, while it goes on.
    pub talk: Talk,
    /// To programs, without the single attempts; none when people read stdout.
    pub json: Option<Lines>,
    /// The record of everything, `--events`.
    pub events: Option<Lines>,
    /// To Prometheus.
    pub metrics: Option<Arc<Metrics>>,
}

/// The listener to one run.
#[derive(Debug)]
pub struct Hub {
    tally: Arc<Mutex<Tally>>,
    queue: SyncSender<Message>,
    missed: Arc<AtomicU64>,
    /// Whether there is a record, the only one who wants the single attempts.
    record: bool,
    metrics: Option<Arc<Metrics>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    setup: Arc<Setup>,
    clock: Clock,
    /// Told when the run does something else.
    changes: Notify,
}

enum Message {
    Event(Event),
    Finish,
}

impl Hub {
    /// Begins to listen, with a thread that shows.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(setup: Setup, outlets: Outlets, clock: Clock) -> std::io::Result<Self> {
        let (queue, arrivals) = sync_channel(QUEUE);
        let tally = Arc::new(Mutex::new(Tally::default()));
        let missed = Arc::new(AtomicU64::new(0));
        let setup = Arc::new(setup);
        let record = outlets.events.is_some();
        let metrics = outlets.metrics.clone();
        let reporter = Reporter {
            tally: Arc::clone(&tally),
            missed: Arc::clone(&missed),
            clock: clock.clone(),
            show: Show::new(Arc::clone(&setup), matches!(outlets.talk, Talk::Plain)),
            outlets,
            bar: None,
        };
        let thread = std::thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || reporter.run(&arrivals))?;
        Ok(Self {
            tally,
            queue,
            missed,
            record,
            metrics,
            thread: Mutex::new(Some(thread)),
            setup,
            clock,
            changes: Notify::new(),
        })
    }

    /// Shows what is left to show, takes the bar away, and returns the tally. Later calls return the same.
    pub fn finish(&self) -> Tally {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = self.queue.send(Message::Finish);
            if thread.join().is_err() {
                tracing::error!("the reporter broke; the ledger is not concerned");
            }
        }
        lock(&self.tally).clone()
    }

    /// Ends when the run does something else than when this was last waited for.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }

    /// How the campaign stands while `owner` applies it, as one line of JSON for `status.json`; nothing before the run has
    /// said whose it is. `broken` says why it broke off.
    #[must_use]
    pub fn status(&self, owner: &Owner, broken: Option<&str>) -> Option<String> {
        let tally = lock(&self.tally);
        tally.run.as_ref()?;
        let look = Look {
            tally: &tally,
            setup: &self.setup,
            now: self.clock.now(),
        };
        let written = Written {
            schema: SCHEMA,
            object: Object::status(&look, owner, broken),
        };
        serde_json::to_string(&written).ok()
    }

    /// The summary of the run for people; empty when it did not come to its end.
    #[must_use]
    pub fn summary(&self) -> String {
        summary::text(&Look {
            tally: &lock(&self.tally),
            setup: &self.setup,
            now: self.clock.now(),
        })
    }
}

impl Emit for Hub {
    fn emit(&self, event: Event) {
        lock(&self.tally).fold(&event);
        if let Some(metrics) = &self.metrics {
            metrics.hear(&event);
        }
        if matches!(
            event.kind,
            EventKind::RunBegan { .. }
                | EventKind::Asking
                | EventKind::Admitted { .. }
                | EventKind::Phase(_)
                | EventKind::Halted(_)
        ) {
            self.changes.notify_one();
        }
        // Starts and counts are in the tally and in nothing else that is shown.
        let shown = match event.kind {
            EventKind::AttemptBegan { .. }
            | EventKind::Counted { .. }
            | EventKind::Flushed { .. }
            | EventKind::WavesAhead { .. }
            | EventKind::AudienceRead { .. }
            | EventKind::Admitting { .. } => false,
            EventKind::AttemptEnded(_) => self.record,
            _ => true,
        };
        if !shown {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Event(event)) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A fold cannot leave a tally half changed in a way that matters to a report, so a poisoned one is used on.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Reporter {
    tally: Arc<Mutex<Tally>>,
    missed: Arc<AtomicU64>,
    clock: Clock,
    show: Show,
    outlets: Outlets,
    bar: Option<ProgressBar>,
}

impl Reporter {
    /// What is shown is composed while the tally is locked, and written when it no longer is: a pipe that nobody reads
    /// holds up this thread alone.
    fn run(mut self, arrivals: &Receiver<Message>) {
        let mut ticked = Instant::now();
        loop {
            match arrivals.recv_timeout(TICK.saturating_sub(ticked.elapsed())) {
                Ok(Message::Event(event)) => {
                    let pieces = self.show.event(&lock(&self.tally), &event);
                    self.put(pieces);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let pieces = self.show.tick(&lock(&self.tally), self.clock.now());
                self.put(pieces);
                self.flush();
            }
        }
        let missed = self.missed.load(Ordering::Relaxed);
        let pieces = self.show.finish(&lock(&self.tally), self.clock.now(), missed);
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.put(pieces);
        self.flush();
    }

    fn put(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Moving => self.draw(),
                Piece::Line(line) => self.say(&line),
                Piece::Json(object) => self.outlets.json.iter().for_each(|lines| lines.line(&object)),
                Piece::Record(object) => self.outlets.events.iter().for_each(|lines| lines.line(&object)),
            }
        }
    }

    fn draw(&mut self) {
        let Talk::Bar(bars, width) = &self.outlets.talk else {
            return;
        };
        let lines = self.show.bar(&lock(&self.tally), self.clock.now(), width());
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            bars.add(ProgressBar::no_length().with_style(style))
        });
        bar.set_message(lines.join("\n"));
        turn_back();
    }

    /// Nobody hears of a stderr that cannot be written to; least of all the run.
    fn say(&self, line: &str) {
        let write = || writeln!(anstream::stderr(), "{line}");
        let _ = match &self.outlets.talk {
            Talk::Bar(bars, _) => bars.suspend(write).inspect(|()| turn_back()),
            Talk::Plain => write(),
            Talk::Silent => Ok(()),
        };
    }

    fn flush(&self) {
        for lines in self.outlets.json.iter().chain(&self.outlets.events) {
            lines.flush();
        }
    }
}

/// Puts the cursor at the beginning of the bar's last line. It is left at the end of the last column, from where the `^C`
/// that a terminal echoes would go on to the next line, and the bar would then be cleared one line too low.
fn turn_back() {
    let _ = std::io::stderr().write_all(b"\r");
}

#[cfg(test)]
mod tests;
