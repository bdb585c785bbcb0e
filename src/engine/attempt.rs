//! One attempt, from its permit to its outcome: it waits for a token, then for the pace, checks a last time whether it
//! may start, and sends.
//!
//! The pace comes after the durable intent and after the token. In the other order, a stalled disk or token endpoint
//! would collect paced starts and release them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

use crate::douyin::{Connection, NotReady, Platform, Sent};
use crate::ledger::Permit;
use crate::model::clock::{Clock, monotonic_now};
use crate::model::event::{Emit, Event, EventKind};
use crate::model::mutants::mutant;
use crate::model::run_command::RunCommand;
use crate::plan::Schedule;

use super::answers::{Answers, Whose};
use super::app_limiter::AppLimiter;
use super::core::{Attempted, Done, Latest};

/// State that all attempts of a run share.
#[derive(Debug)]
pub struct Shared<P> {
    /// The platform.
    pub platform: Arc<P>,
    /// Tells an attempt's own answer from another delivery's.
    pub answers: Answers,
    /// The limiter of the app id, which keeps the pace.
    pub limiter: Arc<AppLimiter>,
    /// Lets one attempt at a time wait for a slot and the pace, in the order of the intents.
    pub line: Semaphore,
    /// One slot for each request that may be in flight at once.
    pub slots: Semaphore,
    /// The number of durable intents whose attempt has not started.
    pub prepared: AtomicUsize,
    /// Notified when a prepared attempt starts.
    pub started: Notify,
    /// The clocks.
    pub clock: Clock,
    /// The schedule.
    pub schedule: Schedule,
    /// Commands to the run.
    pub commands: watch::Receiver<RunCommand>,
    /// The start of the run.
    pub run_began: Instant,
}

impl<P> Shared<P> {
    /// Waits for the next start and returns it. Dropping it frees its slot.
    async fn paced(&self) -> Start<'_> {
        // The semaphores are never closed, so both are acquired in the end.
        let _place = self.line.acquire().await;
        let slot = self.slots.acquire().await.ok();
        let at = if mutant!(PacedEarly) {
            monotonic_now()
        } else {
            self.limiter.start().await
        };
        Start { at, _slot: slot }
    }
}

/// The start of an attempt. Holds its slot until the attempt ends.
struct Start<'s> {
    at: Instant,
    _slot: Option<SemaphorePermit<'s>>,
}

/// Makes the attempt that `permit` allows. Cancels it if `open` turns false or `latest` passes before it starts.
pub async fn attempt<P: Platform>(
    shared: Arc<Shared<P>>,
    mut open: watch::Receiver<bool>,
    emit: Arc<dyn Emit>,
    permit: Permit,
    latest: Latest,
) -> Done {
    let key = permit.key();
    let ready = async {
        let access = shared.platform.ready().await?;
        Ok::<_, NotReady>((access, shared.paced().await))
    };
    let ready = tokio::select! {
        biased;
        _ = open.wait_for(|open| !open) => None,
        ready = ready => Some(ready),
    };
    shared.prepared.fetch_sub(1, Ordering::SeqCst);
    shared.started.notify_one();
    let (access, start) = match ready {
        Some(Ok(ready)) => ready,
        Some(Err(why)) => return Done::CalledOff { key, why: Some(why) },
        None => return Done::CalledOff { key, why: None },
    };
    let began = shared.clock.now();
    // The driver may be waiting for the disk, unaware of a command or of the end of a window.
    if *shared.commands.borrow() != RunCommand::Go
        || !*open.borrow()
        || !(mutant!(WindowWhenQueued) || shared.schedule.allows(began))
        || latest.is_past(began, shared.clock.age_now())
        || !shared.platform.is_current(&access)
    {
        return Done::CalledOff { key, why: None };
    }
    emit.emit(Event {
        at: began,
        kind: EventKind::AttemptBegan {
            since_run_began: start.at.saturating_duration_since(shared.run_began),
        },
    });
    let attempted = Attempted {
        open_id: permit.open_id().clone(),
        merchant_coupon_id: permit.merchant_coupon_id(),
        attempt: permit.attempt(),
    };
    let Sent { outcome, connection } = shared.platform.send(access, permit).await;
    let ended = monotonic_now();
    // Judge the answer before the connection carries another request. If the answer is another delivery's, the next
    // request could receive an answer that is still on its way.
    let whose = shared.answers.whose(key, &outcome);
    if let (Whose::ThisAttempt, Some(connection)) = (&whose, connection) {
        connection.release();
    }
    Done::Ended {
        key,
        attempted,
        outcome: Box::new(outcome),
        whose,
        ended,
    }
}
