//! One attempt, from its permit to its outcome: it waits for a token, for a connection and then for the pace, checks a
//! last time whether it may start, and sends.
//!
//! The pace comes after the durable intent, the token and the connection. In another order, a disk, a token endpoint or
//! connects that stall would collect paced starts and release them together.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

use crate::douyin::{Connection, NotReady, Platform, Sent};
use crate::ledger::Permit;
use crate::model::clock::{Clock, monotonic_now};
use crate::model::event::{Emit, Event, EventKind};
use crate::model::mutants::mutant;
use crate::model::outcome::Outcome;
use crate::model::run_command::RunCommand;
use crate::plan::Schedule;

use super::app_limiter::AppLimiter;
use super::core::{Attempted, Done, Latest};
use super::mixed_up_answers::{Answers, Whose};

/// State that all attempts of a run share.
#[derive(Debug)]
pub struct Shared<P> {
    /// The platform.
    pub platform: Arc<P>,
    /// Tells an attempt's own answer from another delivery's.
    pub answers: Answers,
    /// The limiter of the app id, which keeps the pace.
    pub limiter: Arc<AppLimiter>,
    /// Lets one attempt at a time wait for the pace, in the order of their connections, which is the order of the intents
    /// unless connects take long.
    pub line: Semaphore,
    /// One slot for each request that may be in flight at once.
    pub slots: Semaphore,
    /// The number of durable intents whose attempt has not started.
    pub prepared: AtomicUsize,
    /// The number of these that wait for a connection to be made.
    pub connecting: AtomicUsize,
    /// Notified when a prepared attempt starts, or waits for a connection.
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

impl<P: Platform> Shared<P> {
    /// Waits for a connection and then for the next start. Dropping the start frees its slot.
    ///
    /// # Errors
    /// The outcome of an attempt without a connection.
    async fn paced(&self) -> Result<(P::Connection, Start<'_>), Box<Outcome>> {
        // The semaphores are never closed, so all are acquired in the end. A slot is held from here on, so there are never
        // more connections than requests that may be in flight.
        let slot = self.slots.acquire().await.ok();
        loop {
            if mutant!(ConnectedLate) {
                let _place = self.line.acquire().await;
                let at = self.limiter.start(|| true).await.unwrap_or_else(monotonic_now);
                return Ok((self.connection().await?, Start { at, _slot: slot }));
            }
            let connection = self.connection().await?;
            let _place = self.line.acquire().await;
            let start = if mutant!(PacedEarly) {
                Some(monotonic_now())
            } else {
                self.limiter.start(|| connection.is_usable()).await
            };
            if let Some(at) = start {
                return Ok((connection, Start { at, _slot: slot }));
            }
        }
    }

    async fn connection(&self) -> Result<P::Connection, Box<Outcome>> {
        let mut connect = pin!(self.platform.connect());
        // An idle connection is there at once. During a longer wait others are prepared, so that waits overlap.
        tokio::select! {
            biased;
            made = &mut connect => return made,
            () = std::future::ready(()) => {}
        }
        self.connecting.fetch_add(1, Ordering::SeqCst);
        let _connecting = Connecting(&self.connecting);
        self.started.notify_one();
        connect.await
    }
}

/// An attempt that waits for a connection, until it has one or is cancelled.
struct Connecting<'s>(&'s AtomicUsize);

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
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
    let mut attempted = Attempted {
        open_id: permit.open_id().clone(),
        merchant_coupon_id: permit.merchant_coupon_id(),
        attempt: permit.attempt(),
        started: false,
    };
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
    let (access, connection, start) = match ready {
        Some(Ok((access, Ok((connection, start))))) => (access, connection, start),
        Some(Ok((_, Err(outcome)))) => {
            return Done::Ended {
                key,
                attempted,
                outcome,
                whose: Whose::ThisAttempt,
                ended: monotonic_now(),
            };
        }
        Some(Err(why)) => return Done::CalledOff { key, why: Some(why) },
        None => return Done::CalledOff { key, why: None },
    };
    let began = shared.clock.now();
    // The driver may be waiting for the disk, unaware of a command or of the end of a window.
    if !shared.commands.borrow().goes_on()
        || !*open.borrow()
        || !(mutant!(WindowWhenQueued) || shared.schedule.allows(began))
        || latest.is_past(began, shared.clock.age_now())
        || !shared.platform.is_current(&access)
        // The last one, because the lease of a worker may end at any moment.
        || !(mutant!(TrustUnchecked) || shared.limiter.is_trusted())
    {
        return Done::CalledOff { key, why: None };
    }
    emit.emit(Event {
        at: began,
        kind: EventKind::AttemptBegan {
            since_run_began: start.at.saturating_duration_since(shared.run_began),
        },
    });
    attempted.started = true;
    let Sent { outcome, connection } = shared.platform.send(access, connection, permit).await;
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
