//! The ownership of an app id in one term, as the campaigns of the app id see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::boot_clock::boot_now;
use super::statement::AppKey;
use crate::model::clock::monotonic_now;

/// Until when this worker may send, as its campaigns read it.
#[derive(Debug, Default)]
pub struct Trust(AtomicU64);

impl Trust {
    /// Sets the time until which the worker may send.
    pub fn set(&self, until: Duration) {
        let nanoseconds = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanoseconds, Ordering::SeqCst);
    }

    fn is_valid(&self) -> bool {
        boot_now() < Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// What became of an ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The campaigns may run.
    Held,
    /// Another worker is to own the app id: nothing more starts.
    HandOver,
    /// Nothing is in flight any more.
    Drained,
    /// It was dropped before it was drained, so requests may be in flight.
    Abandoned,
    /// The worker is fenced.
    Lost,
}

/// Is called with an app id, the term, and the stage in which the ownership has ended.
type OnEnd = Box<dyn Fn(&AppKey, u64, Stage) + Send + Sync>;

/// What the worker and its campaigns know of an ownership.
pub struct Owned {
    /// The app id.
    pub app: AppKey,
    /// The term.
    pub term: u64,
    /// When the first attempt may start, on the monotonic clock.
    pub not_before: Instant,
    trust: Arc<Trust>,
    stage: watch::Sender<Stage>,
    /// Called when the campaigns give the app id up, or drop it.
    on_end: OnEnd,
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned")
            .field("app", &self.app)
            .field("term", &self.term)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}

impl Owned {
    /// An ownership whose first attempt may start at `not_before` of the boot clock.
    pub fn new(
        app: AppKey,
        term: u64,
        not_before: Duration,
        trust: Arc<Trust>,
        on_end: impl Fn(&AppKey, u64, Stage) + Send + Sync + 'static,
    ) -> Self {
        Self {
            app,
            term,
            not_before: monotonic_now() + not_before.saturating_sub(boot_now()),
            trust,
            stage: watch::channel(Stage::Held).0,
            on_end: Box::new(on_end),
        }
    }

    /// The present stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Moves to a later stage. One that is drained, abandoned or lost stays so.
    pub fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let moves = matches!(
                (*stage, to),
                (Stage::Held, _) | (Stage::HandOver, Stage::Drained | Stage::Abandoned | Stage::Lost)
            );
            if moves {
                *stage = to;
            }
            moves
        });
    }

    /// Waits until the worker can record nothing more for the app id.
    pub async fn ended(&self) {
        self.reach(|stage| matches!(stage, Stage::Drained | Stage::Lost)).await;
    }

    async fn reach(&self, is_it: impl Fn(Stage) -> bool) {
        let mut stage = self.stage.subscribe();
        // The sender is a field, so it is never closed.
        let _ = stage.wait_for(|stage| is_it(*stage)).await;
    }
}

/// The ownership of an app id in one term. If it is dropped before [`Ownership::drained`], requests may be in flight: this worker
/// keeps the app id until it ends, and no campaign of it can run here before.
#[derive(Debug)]
pub struct Ownership(Arc<Owned>);

impl Ownership {
    pub(super) const fn new(owned: Arc<Owned>) -> Self {
        Self(owned)
    }

    pub(super) const fn owned(&self) -> &Arc<Owned> {
        &self.0
    }

    /// The app id.
    #[must_use]
    pub fn app(&self) -> &AppKey {
        &self.0.app
    }

    /// How many owners the app id has had, this one included.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.0.term
    }

    /// When the first attempt may start: no request of the previous owner can arrive later. Compare it with
    /// [`monotonic_now`].
    #[must_use]
    pub fn not_before(&self) -> Instant {
        self.0.not_before
    }

    /// Whether an attempt may start now. It is cheap, and is asked right before the first byte leaves.
    #[must_use]
    pub fn still_mine(&self) -> bool {
        self.0.stage() == Stage::Held && self.0.trust.is_valid()
    }

    /// Waits until the app id is to be handed over. Nothing more starts then, and what is in flight is waited for.
    pub async fn hand_over_asked(&self) {
        self.0.reach(|stage| stage == Stage::HandOver).await;
    }

    /// Waits until this worker is fenced. It records nothing more.
    pub async fn lost(&self) {
        self.0.reach(|stage| stage == Stage::Lost).await;
    }

    /// Gives the app id up. Nothing is in flight, and every outcome is recorded. If no hand-over was asked, and the worker still
    /// wants the app id, another [`Ownership`] of the same term can be had.
    pub fn drained(&self) {
        self.end(Stage::Drained);
    }

    fn end(&self, stage: Stage) {
        self.0.advance(stage);
        (self.0.on_end)(&self.0.app, self.0.term, stage);
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        if matches!(self.0.stage(), Stage::Held | Stage::HandOver) {
            self.end(Stage::Abandoned);
        }
    }
}
