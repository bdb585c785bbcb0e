//! Where the events of a run arrive, and from where they are shown. Emitting never waits for a terminal, a pipe or a
//! disk: the tally is kept on the spot, so no count is ever lost, and what is shown one by one goes through a bounded
//! queue to a thread of its own, which all runs of a process share. When that queue is full, events are left out of the
//! record, and the record says so.

mod teller;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::event::{Emit, Event, EventKind, Owner};

use super::console::Console;
use super::json::Object;
use super::lines::{Lines, SCHEMA};
use super::metrics::Metrics;
use super::progress::{Look, Setup};
use super::status::Written;
use super::summary;
use super::tally::Tally;

use teller::Teller;

/// How many events may wait to be shown, of all runs together.
const QUEUE: usize = 65_536;
/// How often the display looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// How people are told on stderr.
#[derive(Clone, Debug)]
pub enum Talk {
    /// By a bar, and lines above it.
    Bar(Console),
    /// By a line every ten seconds and at each change.
    Plain(Console),
    /// Not at all.
    Silent,
}

/// Where runs are shown.
#[derive(Clone, Debug)]
pub struct Outlets {
    /// To people, while they go on.
    pub talk: Talk,
    /// To programs, without the single attempts; none when people read stdout.
    pub json: Option<Lines>,
    /// The record of everything, `--events`.
    pub events: Option<Lines>,
}

/// The listener to one run.
#[derive(Debug)]
pub struct Hub {
    heard: Arc<Heard>,
    /// Which run of those of the reporter it is.
    at: usize,
    queue: SyncSender<Message>,
    /// Whether there is a record, the only one who wants the single attempts.
    record: bool,
    metrics: Option<Arc<Metrics>>,
    clock: Clock,
    /// Told when the run does something else.
    changes: Notify,
}

/// What is known of one run.
#[derive(Debug)]
struct Heard {
    tally: Mutex<Tally>,
    setup: Arc<Setup>,
    missed: AtomicU64,
    /// Why the run broke off, if it did.
    broken: OnceLock<String>,
}

/// Shows runs, by one thread for all of them.
#[derive(Debug)]
pub struct Reporter {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    /// Something happened in this run.
    Event(usize, Event, Instant),
    /// Nothing more comes of this run.
    Ended(usize),
    /// Something to tell people beside what the runs tell.
    Say(String),
    Finish,
}

impl Reporter {
    /// Begins to listen to as many runs as there are `setups`, each of which has a hub with its metrics.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        setups: Vec<(Setup, Option<Arc<Metrics>>)>,
        outlets: Outlets,
        clock: &Clock,
    ) -> std::io::Result<(Self, Vec<Hub>)> {
        let (queue, arrivals) = sync_channel(QUEUE);
        let record = outlets.events.is_some();
        let hub = |(at, (setup, metrics))| Hub {
            heard: Arc::new(Heard::new(setup)),
            at,
            queue: queue.clone(),
            record,
            metrics,
            clock: clock.clone(),
            changes: Notify::new(),
        };
        let hubs: Vec<_> = setups.into_iter().enumerate().map(hub).collect();
        let heard = hubs.iter().map(|hub| Arc::clone(&hub.heard)).collect();
        let teller = Teller::new(heard, outlets, clock.clone());
        let thread = std::thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || teller.run(&arrivals))?;
        let thread = Mutex::new(Some(thread));
        Ok((Self { queue, thread }, hubs))
    }

    /// Tells people something, unless nobody keeps up with what they are told.
    pub fn say(&self, text: String) {
        let _ = self.queue.try_send(Message::Say(text));
    }

    /// Shows what is left to show, and takes the bar away.
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
            tally: Mutex::default(),
            setup: Arc::new(setup),
            missed: AtomicU64::new(0),
            broken: OnceLock::new(),
        }
    }

    /// A fold cannot leave a tally half changed in a way that matters to a report, so a poisoned one is used on.
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// What the run has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.heard.tally().clone()
    }

    /// Nothing more comes of the run; `broken` says why it broke off, if it came to no end of its own. Waits for nobody: an
    /// end that finds no room is shown when the reporter finishes.
    pub fn ended(&self, broken: Option<String>) {
        if let Some(broken) = broken {
            let _ = self.heard.broken.set(broken);
        }
        let _ = self.queue.try_send(Message::Ended(self.at));
    }

    /// Ends when the run does something else than when this was last waited for.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }

    /// How the campaign stands while `owner` applies it, as one line of JSON for `status.json`; nothing before the run has
    /// said whose it is. `broken` says why it broke off.
    #[must_use]
    pub fn status(&self, owner: &Owner, broken: Option<&str>) -> Option<String> {
        let tally = self.heard.tally();
        tally.run.as_ref()?;
        let written = Written {
            schema: SCHEMA,
            object: Object::status(&self.look(&tally), owner, broken),
        };
        serde_json::to_string(&written).ok()
    }

    /// What the run is doing or how it ended, in a word of the JSON schema.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.look(&self.heard.tally()).state()
    }

    /// Why the run ended before its campaign was complete.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        summary::why(&self.heard.tally())
    }

    /// The summary of the run for people; empty when it did not come to its end.
    #[must_use]
    pub fn summary(&self) -> String {
        summary::text(&self.look(&self.heard.tally()))
    }

    fn look<'a>(&'a self, tally: &'a Tally) -> Look<'a> {
        Look {
            tally,
            setup: &self.heard.setup,
            now: self.clock.moment(),
        }
    }
}

impl Emit for Hub {
    fn emit(&self, event: Event) {
        let now = Instant::now();
        self.heard.tally().fold(&event, now);
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
        // Starts and counts are in the tally and in nothing else that is shown.
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
