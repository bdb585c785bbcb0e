//! The reporter: receives the events of runs and has them displayed. Emitting never waits for a terminal, a pipe or a
//! disk. The run statistics are updated at once, so no count is lost; events that are displayed one by one go through a
//! bounded queue to one thread, which all runs of a process share. When the queue is full, events are missing from the
//! record, and the record says how many.

mod displayer;
pub mod metrics_server;
mod outputs;
mod run_display;
mod shared_run;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::Notify;

use crate::catalogue::Text;
use crate::model::clock::{Clock, monotonic_now};
use crate::model::event::{Emit, Event, EventKind, Owner};
use crate::model::run_state::RunState;

use super::reason::stop_reason;
use super::render::json::{RunObject, Versioned};
use super::render::prometheus::Metrics;
use super::render::terminal::run_summary;
use super::run_stats::RunStats;
use super::run_view::{CampaignInfo, RunView};

use displayer::Displayer;
use shared_run::{Message, SharedRun};

pub use outputs::{Outputs, ProgressDisplay};

/// The capacity of the queue of events, for all runs together.
const QUEUE: usize = 65_536;

/// Receives every event of a run at once. It must not wait.
pub trait Listener: Send + Sync {
    /// Receives an event that arrived at `now`; `stats` includes it.
    fn listen(&self, event: &Event, stats: &RunStats, now: Instant);
}

/// A run to report: its campaign, its metrics and its listener, if there are any.
pub struct ReportedRun {
    /// Its campaign.
    pub campaign: CampaignInfo,
    /// Its metrics; `None` without `--metrics`.
    pub metrics: Option<Arc<Metrics>>,
    /// Its listener; `None` without one.
    pub listener: Option<Arc<dyn Listener>>,
}

/// The receiver of one run's events.
pub struct Reporter {
    run: Arc<SharedRun>,
    /// The place of the run in the list of runs.
    place: usize,
    queue: SyncSender<Message>,
    /// Whether there is a record of events; only that includes single attempts.
    has_record: bool,
    metrics: Option<Arc<Metrics>>,
    listener: Option<Arc<dyn Listener>>,
    clock: Clock,
    /// Notified when the run does something else.
    changes: Notify,
}

/// Displays runs, in one thread for all of them.
#[derive(Debug)]
pub struct Display {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Display {
    /// Starts the display thread and returns a receiver for each run.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(runs: Vec<ReportedRun>, outputs: Outputs, clock: &Clock) -> std::io::Result<(Self, Vec<Reporter>)> {
        let (queue, arrivals) = sync_channel(QUEUE);
        let has_record = outputs.events.is_some();
        let reporter = |(place, run): (usize, ReportedRun)| Reporter {
            run: Arc::new(SharedRun::new(run.campaign)),
            place,
            queue: queue.clone(),
            has_record,
            metrics: run.metrics,
            listener: run.listener,
            clock: clock.clone(),
            changes: Notify::new(),
        };
        let reporters: Vec<_> = runs.into_iter().enumerate().map(reporter).collect();
        let runs = reporters.iter().map(|reporter| Arc::clone(&reporter.run)).collect();
        let displayer = Displayer::new(runs, outputs, clock.clone());
        let thread = std::thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || displayer.run(&arrivals))?;
        let thread = Mutex::new(Some(thread));
        Ok((Self { queue, thread }, reporters))
    }

    /// Displays a text, unless the queue is full.
    pub fn print(&self, text: String) {
        let _ = self.queue.try_send(Message::Print(text));
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

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl Reporter {
    /// A copy of the run's statistics.
    #[must_use]
    pub fn stats(&self) -> RunStats {
        self.run.stats().clone()
    }

    /// Ends the display of the run; `broken` is the error that ended it early. Does not block: if the queue is full,
    /// the end is displayed when the reporter finishes.
    pub fn ended(&self, broken: Option<String>) {
        if let Some(broken) = broken {
            let _ = self.run.broken.set(broken);
        }
        let _ = self.queue.try_send(Message::RunEnded(self.place));
    }

    /// Waits until the run does something else than when this last returned.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }

    /// The present status of the campaign while `owner` applies it, as one line of JSON for `status.json`; `broken` is
    /// the error that ended the run early. `None` before the run has begun.
    #[must_use]
    pub fn status(&self, owner: &Owner, broken: Option<&Text>) -> Option<String> {
        self.view(|run| {
            run.stats.run.as_ref()?;
            serde_json::to_string(&Versioned::new(RunObject::status(run, owner, broken))).ok()
        })
    }

    /// The state of the run or of its end.
    #[must_use]
    pub fn state(&self) -> RunState {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is not general over the lifetime of the view"
        )]
        self.view(|run| run.state())
    }

    /// Why the run ended before its campaign was complete; `None` if it did not.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        stop_reason(&self.run.stats())
    }

    /// The summary of the run for people, in lines of at most `width` columns; empty before the run has ended.
    #[must_use]
    pub fn summary(&self, width: usize) -> String {
        self.view(|run| run_summary::text(run, width))
    }

    /// Shows the run as it is at this moment. The run waits meanwhile to count its next event.
    pub fn view<T>(&self, show: impl FnOnce(&RunView<'_>) -> T) -> T {
        self.run.view(self.clock.moment(), show)
    }
}

impl Emit for Reporter {
    fn emit(&self, event: Event) {
        let now = monotonic_now();
        {
            let mut stats = self.run.stats();
            stats.fold(&event, now);
            if let Some(listener) = &self.listener {
                listener.listen(&event, &stats, now);
            }
        }
        if let Some(metrics) = &self.metrics {
            metrics.count(&event, now);
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
            EventKind::AttemptEnded(_) => self.has_record,
            _ => true,
        };
        if !shown {
            return;
        }
        let run = self.place;
        let message = Message::Event {
            run,
            event,
            instant: now,
        };
        if let Err(TrySendError::Full(_)) = self.queue.try_send(message) {
            self.run.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
