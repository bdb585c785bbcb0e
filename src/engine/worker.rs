//! One attempt, from its permit to its outcome: a token at hand, then the pace, then a last look whether it may still
//! go, then the send.
//!
//! The pace comes after the durable intent and after the token. The other way round, a disk or a token endpoint that
//! stalls would gather starts that were paced apart and let them leave together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

use crate::clock::{AgeInstant, Clock};
use crate::delivery::DeliveryKey;
use crate::douyin::{Connection, NotReady, Platform, Sent};
use crate::event::{Emit, Event, EventKind};
use crate::identity::OpenId;
use crate::ledger::Permit;
use crate::merchant_coupon_id::MerchantCouponId;
use crate::order::Order;
use crate::outcome::Outcome;
use crate::plan::Schedule;
use crate::planted::planted;

use super::answers::{Answers, Whose};
use super::lane::Lane;

/// What came of a permit.
#[derive(Debug)]
pub enum Done {
    /// The attempt was made.
    Ended {
        /// Of which delivery.
        key: DeliveryKey,
        /// Which attempt.
        attempted: Attempted,
        /// What it proved, if its answer is its own.
        outcome: Box<Outcome>,
        /// Whose answer it is.
        whose: Whose,
        /// When it ended.
        ended: Instant,
    },
    /// Not a byte was sent.
    CalledOff {
        /// Of which delivery.
        key: DeliveryKey,
        /// Why, when it was for want of a token.
        why: Option<NotReady>,
    },
}

impl Done {
    /// Of which delivery.
    pub const fn key(&self) -> DeliveryKey {
        let (Self::Ended { key, .. } | Self::CalledOff { key, .. }) = self;
        *key
    }
}

/// The attempt that was made.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// To whom.
    pub open_id: OpenId,
    /// By which key.
    pub merchant_coupon_id: MerchantCouponId,
    /// Which attempt of the delivery, from 1.
    pub attempt: u32,
}

/// The last moment at which an attempt may start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latest {
    /// By the wall: the end of the day that it counts for, or when its user lapses.
    pub wall: Option<Timestamp>,
    /// By the age of its doubt.
    pub age: Option<AgeInstant>,
}

impl Latest {
    fn is_past(self, clock: &Clock, wall: Timestamp) -> bool {
        self.wall.is_some_and(|latest| latest < wall) || self.age.is_some_and(|latest| latest < clock.age_now())
    }
}

/// What all attempts of a run share.
#[derive(Debug)]
pub struct Shared<P> {
    /// To whom they are sent.
    pub platform: Arc<P>,
    /// What tells an attempt's own answer from another delivery's.
    pub answers: Answers,
    /// Where the app id's pace is kept.
    pub lane: Arc<Lane>,
    /// Whose turn it is to wait for a slot and the pace, in the order of the intents.
    pub line: Semaphore,
    /// A slot for each request that may be under way at once.
    pub slots: Semaphore,
    /// How many intents are durable and not started.
    pub armed: AtomicUsize,
    /// Told when an armed one starts.
    pub started: Notify,
    /// The wall clock.
    pub clock: Clock,
    /// When something may start.
    pub schedule: Schedule,
    /// What the run is told meanwhile.
    pub orders: watch::Receiver<Order>,
    /// When the run began.
    pub run_began: Instant,
}

impl<P> Shared<P> {
    /// Waits for the next start, and says when it was. The slot is given back when it is dropped.
    async fn paced(&self) -> Start<'_> {
        // The semaphores are never closed, so there is always a place in the line, and a slot in the end.
        let _place = self.line.acquire().await;
        let slot = self.slots.acquire().await.ok();
        let at = if planted!(PacedEarly) {
            Instant::now()
        } else {
            self.lane.start().await
        };
        Start { at, _slot: slot }
    }
}

/// The start of an attempt, and its slot until it has ended.
struct Start<'s> {
    at: Instant,
    _slot: Option<SemaphorePermit<'s>>,
}

/// Makes the attempt that `permit` allows, unless `open` turns false before it starts, or `latest` is past by then.
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
    shared.armed.fetch_sub(1, Ordering::SeqCst);
    shared.started.notify_one();
    let (access, start) = match ready {
        Some(Ok(ready)) => ready,
        Some(Err(why)) => return Done::CalledOff { key, why: Some(why) },
        None => return Done::CalledOff { key, why: None },
    };
    let began = shared.clock.now();
    // Whoever decides may be waiting for the disk, and have seen neither an order nor the end of a window.
    if *shared.orders.borrow() != Order::Go
        || !*open.borrow()
        || !(planted!(WindowWhenQueued) || shared.schedule.allows(began))
        || latest.is_past(&shared.clock, began)
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
    let ended = Instant::now();
    // The answer is judged before the connection can carry another request, which might be answered by what is still on its
    // way if this answer is not the attempt's own.
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
