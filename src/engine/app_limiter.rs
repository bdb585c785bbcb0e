//! What all campaigns of one app id share in this process: the right to send for it on this machine, its pace, the
//! throttle of the platform, whether the platform is out of reach, and which users have a request in flight.
//!
//! Each run has a seat. Those that send take turns, start by start, so what one does not use the others have; the pace is
//! that of the slowest among them. An outage is everybody's, and one of them probes for all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};

use crate::model::clock::monotonic_now;
use crate::model::delivery::DeliveryKey;
use crate::model::event::Owner;
use crate::model::mutants::mutant;
use crate::pace::quota::Pacer;
use crate::pace::throttle::Throttle;
use crate::plan::forecast::after_taking;

use super::limits::app_share::{AppShare, AppState, Report, Slowed};
use super::limits::circuit_breaker::{Attempted, CircuitBreaker, MOST_BETWEEN, Reach};
use super::limits::reservations::{Busy, Reservations, User};

/// The right to send for an app id on this machine, which one process has at a time.
pub trait AppLock: Send {
    /// Takes it, or tells why not.
    ///
    /// # Errors
    /// When another process has it, or it cannot be asked for.
    fn take(&mut self) -> Result<(), NotTaken>;

    /// Releases it.
    fn release(&mut self);

    /// Whether this process has it.
    fn held(&self) -> bool;
}

/// The turn of an app id that nobody else sends for.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl AppLock for Alone {
    fn take(&mut self) -> Result<(), NotTaken> {
        Ok(())
    }

    fn release(&mut self) {}

    fn held(&self) -> bool {
        true
    }
}

/// Why an app id's turn was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// Another process has it.
    By(Owner),
    /// The system did not let it be asked for.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// What the campaigns of one app id on one platform share.
pub struct AppLimiter {
    shared: Mutex<Shared>,
    /// Whose start is next. Each run has one waiting for it at most, so they take turns.
    next: Semaphore,
    /// Changes whenever what somebody waits for may have changed.
    changes: watch::Sender<u64>,
}

struct Shared {
    turn: Box<dyn AppLock>,
    /// When the turn was taken last.
    taken: Option<Instant>,
    pacer: Pacer,
    throttle: Throttle,
    breaker: CircuitBreaker,
    /// Which seat probes while the platform is out of reach.
    probing: Option<u32>,
    reservations: Reservations,
    handles: BTreeMap<u32, Campaign>,
    seated: u32,
}

/// What is known of a seat.
struct Campaign {
    per_second: f64,
    sending: bool,
    /// Users that the seat passed over, whose attempts are over by now.
    freed: Vec<User>,
    /// Wakes the seat for them.
    woken: Arc<Notify>,
}

impl fmt::Debug for AppLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl AppLimiter {
    /// The lane of an app id that has this turn. Nobody sits in it.
    #[must_use]
    pub fn new(turn: impl AppLock + 'static) -> Arc<Self> {
        let full = 1.0;
        Arc::new(Self {
            shared: Mutex::new(Shared {
                turn: Box::new(turn),
                taken: None,
                pacer: Pacer::new(full, monotonic_now()),
                throttle: Throttle::new(full),
                breaker: CircuitBreaker::default(),
                probing: None,
                reservations: Reservations::default(),
                handles: BTreeMap::new(),
                seated: 0,
            }),
            next: Semaphore::new(1),
            changes: watch::channel(0).0,
        })
    }

    /// A seat for a run at this pace of its own, whose attempts may take as long as `timeout`.
    pub(super) fn join(self: &Arc<Self>, per_second: f64, timeout: Duration, now: Instant) -> LimiterHandle {
        let woken = Arc::new(Notify::new());
        let place = Campaign {
            per_second,
            sending: false,
            freed: Vec::new(),
            woken: Arc::clone(&woken),
        };
        let number = self.with(|shared| {
            shared.seated += 1;
            shared.handles.insert(shared.seated, place);
            shared.seated
        });
        LimiterHandle {
            limiter: Arc::clone(self),
            number,
            timeout,
            woken,
            joined: now,
            changes: self.changes.subscribe(),
        }
    }

    /// Waits for the next start and returns its time. `None` if the attempt that asks is no longer `able` to start; it then
    /// uses up no start.
    pub(super) async fn start(&self, able: impl Fn() -> bool) -> Option<Instant> {
        // It is never closed.
        let _next = self.next.acquire().await;
        loop {
            let mut changes = self.changes.subscribe();
            if !able() {
                return None;
            }
            let now = monotonic_now();
            match self.with(|shared| shared.pacer.start(now)) {
                Ok(()) => return Some(now),
                Err(at) => tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at.into()) => {}
                    _ = changes.changed() => {}
                },
            }
        }
    }

    fn with<R>(&self, change: impl FnOnce(&mut Shared) -> R) -> R {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn notify(&self) {
        self.changes.send_modify(|times| *times += 1);
    }
}

impl Shared {
    /// Applies the pace of the slowest campaign that sends, and the throttle.
    fn settle_pace(&mut self, now: Instant) {
        let sending = self.handles.values().filter(|place| place.sending);
        if let Some(lowest) = sending.map(|place| place.per_second).min_by(f64::total_cmp) {
            self.throttle.set_full(lowest);
        }
        let pace = self.throttle.per_second();
        if pace.total_cmp(&self.pacer.per_second()).is_ne() {
            self.pacer.set_pace(pace, now);
        }
        // Another process may have sent until the turn was taken.
        if let Some(taken) = self.taken
            && !mutant!(Forgetful)
        {
            self.pacer.hold_until(taken + after_taking(pace));
        }
    }

    fn sending(&self, number: u32) -> bool {
        self.handles.get(&number).is_some_and(|place| place.sending)
    }

    /// How many share the starts; one at least, who would have them all.
    fn senders(&self) -> u32 {
        let senders = self.handles.values().filter(|place| place.sending).count();
        u32::try_from(senders).unwrap_or(u32::MAX).max(1)
    }

    fn let_send(&mut self, number: u32, sends: bool, now: Instant) {
        if let Some(place) = self.handles.get_mut(&number) {
            place.sending = sends;
        }
        self.settle_pace(now);
    }

    /// Releases the turn when no seat sends.
    ///
    /// # Errors
    /// The time until which a request may be at the platform whose answer was lost. Another process does not know of it,
    /// so the turn is kept until then.
    fn release_app_lock(&mut self, now: Instant) -> Result<(), Instant> {
        if self.handles.values().any(|place| place.sending) || !self.turn.held() {
            return Ok(());
        }
        if let Some(end) = self.reservations.last_end(now) {
            return Err(end);
        }
        self.turn.release();
        Ok(())
    }

    /// Tells seats that a user's attempt is over.
    fn announce(&mut self, user: User, handles: Vec<u32>) {
        for limiter in handles {
            if let Some(place) = self.handles.get_mut(&limiter) {
                place.freed.push(user);
                place.woken.notify_one();
            }
        }
    }
}

/// One run's part in a lane. It is given up with it.
#[derive(Debug)]
pub(super) struct LimiterHandle {
    limiter: Arc<AppLimiter>,
    number: u32,
    /// The longest that an attempt of this run may take.
    timeout: Duration,
    /// Notified when a user is free that this run passed over.
    woken: Arc<Notify>,
    joined: Instant,
    changes: watch::Receiver<u64>,
}

impl LimiterHandle {
    /// Ends when another run has changed something that this one may wait for.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            biased;
            () = self.woken.notified() => {}
            // The lane outlives its seats, so its sender is never gone.
            _ = self.changes.changed() => {}
        }
    }

    /// Leaves all attempts of this run under way: nobody reads their answers.
    pub(super) fn abandon(&self, now: Instant) {
        self.limiter.with(|shared| {
            let end = now + self.timeout;
            for (user, waiting) in shared.reservations.abandon(self.number, end, now) {
                shared.announce(user, waiting);
            }
        });
    }

    /// Returns the users that this run passed over and whose attempts are over by now.
    pub(super) fn take_freed(&self) -> Vec<User> {
        self.limiter.with(|shared| {
            let place = shared.handles.get_mut(&self.number);
            place.map(|place| std::mem::take(&mut place.freed)).unwrap_or_default()
        })
    }

    /// Whether this run may send for the app id.
    pub(super) fn held(&self) -> bool {
        self.limiter.with(|shared| shared.sending(self.number))
    }

    /// Takes the app id's turn, or shares it with whoever has it in this process. Nothing starts in the first second after
    /// it was taken. If the slowest campaign that sends has a pace below one start a second, nothing starts for as long as
    /// that pace keeps starts apart.
    ///
    /// # Errors
    /// When another process has it, or it cannot be asked for.
    pub(super) fn take(&self, now: Instant) -> Result<(), NotTaken> {
        self.limiter.with(|shared| {
            if !shared.turn.held() {
                shared.turn.take()?;
                shared.taken = Some(now);
            }
            shared.let_send(self.number, true, now);
            Ok(())
        })?;
        self.limiter.notify();
        Ok(())
    }

    /// Stops sending, for a while or for good, and lets other processes send unless another run of this one does.
    ///
    /// # Errors
    /// The time until which the app id's turn is kept nevertheless: a request may be at the platform whose answer was lost,
    /// and another process could send to the same user meanwhile.
    pub(super) fn release(&self, now: Instant) -> Result<(), Instant> {
        if self.held() {
            self.limiter.with(|shared| shared.let_send(self.number, false, now));
            self.limiter.notify();
        }
        self.limiter.with(|shared| shared.release_app_lock(now))
    }

    /// Ends the probe of this run, if it probes.
    fn probed(&self) {
        let probed = |shared: &mut Shared| shared.probing.take_if(|by| *by == self.number).is_some();
        if self.limiter.with(probed) {
            self.limiter.notify();
        }
    }

    fn change_pace(&self, now: Instant, change: impl FnOnce(&mut Throttle) -> bool) {
        let changed = self.limiter.with(|shared| {
            let changed = change(&mut shared.throttle);
            if changed {
                shared.settle_pace(now);
            }
            changed
        });
        if changed {
            self.limiter.notify();
        }
    }

    /// Takes in how far an attempt of this run got.
    fn ended(&self, key: DeliveryKey, reach: Reach, began: Instant, now: Instant) {
        let limiter = self.number;
        let changed = self.limiter.with(|shared| {
            let before = shared.breaker.open().is_some();
            shared.breaker.ended(Attempted { limiter, key }, reach, began, now);
            before != shared.breaker.open().is_some()
        });
        if changed {
            self.limiter.notify();
        }
    }
}

impl AppShare for LimiterHandle {
    fn state(&mut self, now: Instant) -> AppState {
        self.limiter.with(|shared| {
            let senders = shared.senders();
            let next_start = shared.pacer.expected(now, 0);
            // What came before this run, and its pauses, do not count.
            let outage = shared.breaker.open().map(|open| open.seen_since(self.joined));
            let others_probe = shared.probing.is_some_and(|by| by != self.number);
            AppState {
                sending: shared.sending(self.number),
                per_second: shared.pacer.per_second() / f64::from(senders),
                next_start,
                between_starts: shared.pacer.expected(now, senders) - next_start,
                pace: shared.throttle.per_second(),
                slowed: shared.throttle.next_step().map(|next_step| Slowed {
                    lasts: shared.throttle.recovered_in(now).unwrap_or_default(),
                    next_step,
                }),
                outage,
                next_probe: outage.map(|open| {
                    if others_probe {
                        now + MOST_BETWEEN
                    } else {
                        open.next_probe
                    }
                }),
            }
        })
    }

    fn reserve(&mut self, user: User, now: Instant) -> Result<(), Busy> {
        if mutant!(UserTwice) {
            return Ok(());
        }
        self.limiter
            .with(|shared| shared.reservations.reserve(user, self.number, now))
    }

    fn report(&mut self, report: Report, now: Instant) {
        match report {
            Report::Inherited { user, end } => self
                .limiter
                .with(|shared| shared.reservations.inherit(user, self.number, end)),
            Report::Freed { user, end } => self.limiter.with(|shared| {
                let waiting = shared.reservations.release(user, self.number, end, now);
                shared.announce(user, waiting);
            }),
            Report::Probing => self.limiter.with(|shared| {
                if shared.breaker.open().is_some() {
                    shared.probing = Some(self.number);
                }
            }),
            Report::Probed => self.probed(),
            Report::Ended { key, reach, began } => self.ended(key, reach, began, now),
            Report::Throttled { recipient, began } => {
                let user = (u64::from(self.number) << 32) | u64::from(recipient);
                self.change_pace(now, |throttle| throttle.throttled(user, began, now).is_some());
            }
            Report::Checked => self.change_pace(now, |throttle| throttle.recover(now).is_some()),
            Report::Resumed => {
                self.joined = now;
                self.limiter.with(|shared| {
                    // Nobody else probed the platform meanwhile, so it is probed at once.
                    if shared.handles.values().all(|place| !place.sending) {
                        shared.breaker.resume(now);
                    }
                });
            }
        }
    }
}

impl Drop for LimiterHandle {
    fn drop(&mut self) {
        let now = monotonic_now();
        self.probed();
        self.abandon(now);
        // A turn that has to be kept longer is released by the next run that stops, or with the lane.
        let _ = self.release(now);
        self.limiter.with(|shared| shared.handles.remove(&self.number));
    }
}
