//! The reporter: receives the events of runs and has them displayed. Emitting never waits for a terminal, a pipe or a
//! disk. The run statistics are updated at once, so no count is lost; events that are displayed one by one go through a
//! bounded queue to one thread, which all runs of a process share. When the queue is full, events are missing from the
//! record, and the record says how many.

mod displayer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::model::clock::{Clock, monotonic_now};
use crate::model::event::{Emit, Event, EventKind, Owner};

use super::console::Console;
use super::json::Object;
use super::lines::{Lines, SCHEMA};
use super::metrics::Metrics;
use super::progress::{Look, Setup};
use super::run_stats::RunStats;
use super::status::Written;
use super::summary;

use displayer::Displayer;

/// The capacity of the queue of events, for all runs together.
const QUEUE: usize = 65_536;
/// How often the display is refreshed.
const TICK: Duration = Duration::from_secs(1);

/// How progress is displayed on stderr.
#[derive(Clone, Debug)]
pub enum ProgressDisplay {
    /// A bar, with lines above it.
    Bar(Console),
    /// A line every ten seconds and at each change.
    Plain(Console),
    /// Nothing.
    Silent,
}

/// The outputs of a reporter.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The display for people.
    pub talk: ProgressDisplay,
    /// The JSON stream for programs, without single attempts; `None` when stdout is for people.
    pub json: Option<Lines>,
    /// The record of all events, `--events`.
    pub events: Option<Lines>,
}

/// The receiver of one run's events.
#[derive(Debug)]
pub struct Reporter {
    heard: Arc<Heard>,
    /// The index of the run among those of the reporter.
    at: usize,
    queue: SyncSender<Message>,
    /// Whether there is a record of events; only that includes single attempts.
    record: bool,
    metrics: Option<Arc<Metrics>>,
    clock: Clock,
    /// Notified when the run does something else.
    changes: Notify,
}

/// The state of one run.
#[derive(Debug)]
struct Heard {
    stats: Mutex<RunStats>,
    setup: Arc<Setup>,
    missed: AtomicU64,
    /// Why the run ended early, if it did.
    broken: OnceLock<String>,
}

/// Displays runs, in one thread for all of them.
#[derive(Debug)]
pub struct Display {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    /// An event of a run, and when it arrived.
    Event(usize, Event, Instant),
    /// The last message about a run.
    Ended(usize),
    /// A text for people that belongs to no run.
    Say(String),
    Finish,
}

impl Display {
    /// Starts the display thread and returns a receiver for each of the `setups`, which come with their metrics.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        setups: Vec<(Setup, Option<Arc<Metrics>>)>,
        outputs: Outputs,
        clock: &Clock,
    ) -> std::io::Result<(Self, Vec<Reporter>)> {
        let (queue, arrivals) = sync_channel(QUEUE);
        let record = outputs.events.is_some();
        let reporter = |(at, (setup, metrics))| Reporter {
            heard: Arc::new(Heard::new(setup)),
            at,
            queue: queue.clone(),
            record,
            metrics,
            clock: clock.clone(),
            changes: Notify::new(),
        };
        let reporters: Vec<_> = setups.into_iter().enumerate().map(reporter).collect();
        let heard = reporters.iter().map(|reporter| Arc::clone(&reporter.heard)).collect();
        let displayer = Displayer::new(heard, outputs, clock.clone());
        let thread = std::thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || displayer.run(&arrivals))?;
        let thread = Mutex::new(Some(thread));
        Ok((Self { queue, thread }, reporters))
    }

    /// Displays a text, unless the queue is full.
    pub fn say(&self, text: String) {
        let _ = self.queue.try_send(Message::Say(text));
    }

    /// Displays everything in the queue and removes the bar.
    pub fn finish(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = self.queue.send(Message::Finish);
            if thread.join().is_err() {
                tracing::error!("the reporter broke; the ledger is not concerned");
            }
        }
    }
}

impl Heard {
    fn new(setup: Setup) -> Self {
        Self {
            stats: Mutex::default(),
            setup: Arc::new(setup),
            missed: AtomicU64::new(0),
            broken: OnceLock::new(),
        }
    }

    /// A panic in the fold does no harm that matters to a report, so a poisoned lock is used on.
    fn stats(&self) -> MutexGuard<'_, RunStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// A copy of the run's statistics.
    #[must_use]
    pub fn stats(&self) -> RunStats {
        self.heard.stats().clone()
    }

    /// Ends the display of the run; `broken` is the error that ended it early. Does not block: if the queue is full,
    /// the end is displayed when the reporter finishes.
    pub fn ended(&self, broken: Option<String>) {
        if let Some(broken) = broken {
            let _ = self.heard.broken.set(broken);
        }
        let _ = self.queue.try_send(Message::Ended(self.at));
    }

    /// Waits until the run does something else than when this last returned.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }

    /// The present status of the campaign while `owner` applies it, as one line of JSON for `status.json`; `broken` is
    /// the error that ended the run early. `None` before the run has begun.
    #[must_use]
    pub fn status(&self, owner: &Owner, broken: Option<&str>) -> Option<String> {
        let stats = self.heard.stats();
        stats.run.as_ref()?;
        let written = Written {
            schema: SCHEMA,
            object: Object::status(&self.look(&stats), owner, broken),
        };
        serde_json::to_string(&written).ok()
    }

    /// The state of the run or of its end, as a word of the JSON schema.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.look(&self.heard.stats()).state()
    }

    /// Why the run ended before its campaign was complete; `None` if it did not.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        summary::why(&self.heard.stats())
    }

    /// The summary of the run for people; empty before the run has ended.
    #[must_use]
    pub fn summary(&self) -> String {
        summary::text(&self.look(&self.heard.stats()))
    }

    fn look<'a>(&'a self, stats: &'a RunStats) -> Look<'a> {
        Look {
            stats,
            setup: &self.heard.setup,
            now: self.clock.moment(),
        }
    }
}

impl Emit for Reporter {
    fn emit(&self, event: Event) {
        let now = monotonic_now();
        self.heard.stats().fold(&event, now);
        if let Some(metrics) = &self.metrics {
            metrics.hear(&event, now);
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
        // Of these events only the statistics are displayed.
        let shown = match event.kind {
            EventKind::AttemptBegan { .. }
            | EventKind::Queued
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
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Event(self.at, event, now)) {
            self.heard.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
