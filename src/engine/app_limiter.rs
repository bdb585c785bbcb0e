//! The state that the campaigns of one app id share in this process: the app lock, the pace, the throttle, the circuit breaker,
//! and the users with a request in flight.
//!
//! On one machine the kernel keeps the app lock, and one process after the other takes it. In a fleet a worker owns the app id for
//! a term, and a limiter is for one term. See [`AppLock`].
//!
//! Each run has a handle. Runs that send take turns, start by start, and unused turns go to the others. The pace is that of the
//! slowest run that sends. During an outage one run probes for all.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};

use crate::model::clock::monotonic_now;
use crate::model::delivery::DeliveryKey;
use crate::model::event::AppLockHolder;
use crate::model::mutants::mutant;
use crate::pace::quota::Pacer;
use crate::pace::throttle::Throttle;
use crate::plan::forecast::after_taking;

pub use super::limits::app_share::TermState;
use super::limits::app_share::{AppShare, AppState, Report, Slowed};
use super::limits::circuit_breaker::{CircuitBreaker, MOST_BETWEEN, Reach, SeatedDelivery};
use super::limits::reservations::{Busy, Reservations, User};

/// The time that a lock's `not_before` has after the last start of the previous owner.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The app lock: one process at a time sends for an app id.
///
/// A lock of the kernel is this process's as long as it has it. For a term of a fleet the other methods say how far this process may
/// rely on it.
pub trait AppLock: Send + Sync {
    /// Takes the lock. Does not block the thread, and ends within a few seconds, whatever the process does that has the lock.
    fn take(&self) -> Taking<'_>;

    /// Whether nobody else can own the app id now. Called right before each send, so it has to be quick.
    fn is_trusted(&self) -> bool {
        true
    }

    /// When the first attempt of the term may start: a second after the last moment at which a request of the previous owner can
    /// start. `None` if it can start until the lock is taken.
    fn not_before(&self) -> Option<Instant> {
        None
    }

    /// How the term goes on.
    fn term(&self) -> watch::Receiver<TermState> {
        watch::channel(TermState::Lasts).1
    }
}

/// The result of [`AppLock::take`].
pub type Taking<'l> = Pin<Box<dyn Future<Output = Result<HeldAppLock, NotTaken>> + Send + 'l>>;

/// The app lock while this process has it.
pub struct HeldAppLock(#[expect(dead_code, reason = "held as long as it exists")] Box<dyn Any + Send>);

impl HeldAppLock {
    /// The lock that `lock` releases when it is dropped. The drop waits for no other process.
    #[must_use]
    pub fn new(lock: impl Send + 'static) -> Self {
        Self(Box::new(lock))
    }
}

/// The lock of an app id that no other process sends for.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl AppLock for Alone {
    fn take(&self) -> Taking<'_> {
        Box::pin(std::future::ready(Ok(HeldAppLock::new(()))))
    }
}

/// Why the app lock was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// Another process has it.
    By(AppLockHolder),
    /// The system refused the request.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// The state that the campaigns of one app id on one platform share.
pub struct AppLimiter {
    lock: Box<dyn AppLock>,
    /// One run at a time takes or releases the app lock. The process that has it, by the last answer.
    taking: tokio::sync::Mutex<Option<AppLockHolder>>,
    shared: Mutex<Shared>,
    /// Grants the next start. Each run has at most one attempt waiting here, so runs take turns.
    next: Semaphore,
    /// Changes whenever a waiting run has to look again.
    changes: watch::Sender<u64>,
}

struct Shared {
    /// The app lock. `None` while this process does not have it.
    held: Option<HeldAppLock>,
    /// The last moment at which another process can have started an attempt.
    others_until: Option<Instant>,
    pacer: Pacer,
    throttle: Throttle,
    breaker: CircuitBreaker,
    /// The run that probes while the platform is out of reach.
    probing: Option<u32>,
    reservations: Reservations,
    handles: BTreeMap<u32, RunShare>,
    seated: u32,
}

/// Makes calls to the platform that are not sends. This process has the app lock as long as it exists.
#[derive(Debug)]
pub struct Caller(LimiterHandle);

impl Caller {
    /// Waits for the next start of the app id, which the call takes.
    pub async fn start(&self) {
        if let Some(first) = self.0.limiter.not_before() {
            tokio::time::sleep_until(first.into()).await;
        }
        self.0.limiter.start(|| true).await;
    }

    /// Whether nobody else can own the app id now. Asked right before the call.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.0.limiter.is_trusted()
    }
}

/// The state of one run.
struct RunShare {
    per_second: f64,
    sending: bool,
    /// Users that the run passed over, whose attempts have ended since.
    freed: Vec<User>,
    /// Wakes the run for them.
    woken: Arc<Notify>,
}

impl fmt::Debug for AppLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppLimiter").finish_non_exhaustive()
    }
}

impl AppLimiter {
    /// A limiter with this app lock and no runs.
    #[must_use]
    pub fn new(lock: impl AppLock + 'static) -> Arc<Self> {
        let full = 1.0;
        Arc::new(Self {
            lock: Box::new(lock),
            taking: tokio::sync::Mutex::default(),
            shared: Mutex::new(Shared {
                held: None,
                others_until: None,
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

    /// Adds a run with a pace of its own, whose attempts take at most `timeout`.
    pub(super) fn join(self: &Arc<Self>, per_second: f64, timeout: Duration, now: Instant) -> LimiterHandle {
        let woken = Arc::new(Notify::new());
        let place = RunShare {
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
            term: self.lock.term(),
        }
    }

    /// Takes the app lock for calls to the platform beside the sends of runs, at this pace.
    ///
    /// # Errors
    /// If another process has the app lock, or the system refuses it.
    pub async fn take_for_calls(self: &Arc<Self>, per_second: f64, timeout: Duration) -> Result<Caller, NotTaken> {
        let handle = self.join(per_second, timeout, monotonic_now());
        handle.take().await?;
        Ok(Caller(handle))
    }

    /// Makes all campaigns pass over these users until `until`. To be called before the campaigns of the app id run, with the open_ids
    /// of the users who may have a request of a previous owner on its way, in any ledger of the app id (see
    /// [`earlier_requests`](super::earlier_requests::earlier_requests)).
    pub fn pass_over(&self, open_ids: impl IntoIterator<Item: AsRef<str>>, until: Instant) {
        if mutant!(UnfinishedForgotten) {
            return;
        }
        self.with(|shared| {
            for open_id in open_ids {
                shared.reservations.pass_over(User::new(open_id.as_ref()), until);
            }
        });
    }

    /// Whether nobody else can own the app id now.
    pub(super) fn is_trusted(&self) -> bool {
        self.lock.is_trusted()
    }

    /// When the first attempt of the term may start. `None` outside a fleet.
    fn not_before(&self) -> Option<Instant> {
        self.lock.not_before().filter(|_| !mutant!(StartsBeforeTerm))
    }

    /// The last moment at which another process can have started an attempt, if this one takes the lock now.
    fn others_until(&self) -> Option<Instant> {
        let now = monotonic_now();
        match self.lock.not_before() {
            None => Some(now),
            Some(_) if mutant!(StartsBeforeTerm) => None,
            Some(first) => Some(first.checked_sub(SHORTEST_WAIT).unwrap_or(first)),
        }
    }

    /// Waits for the next start and returns its time. `None` if the attempt that asks is no longer `able` to start; it then
    /// uses up no start.
    pub(super) async fn start(&self, able: impl Fn() -> bool) -> Option<Instant> {
        // The semaphore is never closed.
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
        if let Some(others_until) = self.others_until
            && !mutant!(Forgetful)
        {
            self.pacer.hold_until(others_until + after_taking(pace));
        }
    }

    fn sending(&self, number: u32) -> bool {
        self.handles.get(&number).is_some_and(|place| place.sending)
    }

    /// The number of runs that send, at least 1.
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

    /// Yields the lock for its release, if this process has it and no run sends.
    ///
    /// # Errors
    /// The time until which a request with a lost answer may be at the platform. The lock is kept until then, because another
    /// process does not know of that request.
    fn yield_app_lock(&mut self, now: Instant) -> Result<Option<HeldAppLock>, Instant> {
        if self.handles.values().any(|place| place.sending) || self.held.is_none() {
            return Ok(None);
        }
        match self.reservations.last_end(now) {
            Some(end) => Err(end),
            None => Ok(self.held.take()),
        }
    }

    /// Notifies runs that a user's attempt has ended.
    fn announce(&mut self, user: User, handles: Vec<u32>) {
        for limiter in handles {
            if let Some(place) = self.handles.get_mut(&limiter) {
                place.freed.push(user);
                place.woken.notify_one();
            }
        }
    }
}

/// The side of one run. Dropping it removes the run.
#[derive(Debug)]
pub(super) struct LimiterHandle {
    limiter: Arc<AppLimiter>,
    number: u32,
    /// The longest that an attempt of this run may take.
    timeout: Duration,
    /// Notified when a user that this run passed over is free.
    woken: Arc<Notify>,
    joined: Instant,
    changes: watch::Receiver<u64>,
    term: watch::Receiver<TermState>,
}

impl LimiterHandle {
    /// Completes when another run or the term has changed something that this run may wait for.
    pub(super) async fn changed(&mut self) {
        let can_change = self.term.has_changed().is_ok();
        tokio::select! {
            biased;
            () = self.woken.notified() => {}
            _ = self.term.changed(), if can_change => {}
            // The limiter outlives its handles, so the sender exists.
            _ = self.changes.changed() => {}
        }
    }

    /// Whether another process may own the app id, and this one can record nothing more.
    pub(super) fn has_lost_term(&self) -> bool {
        *self.term.borrow() == TermState::Lost
    }

    /// Gives up all attempts in flight of this run. Their answers are not read.
    pub(super) fn abandon(&self, now: Instant) {
        self.limiter.with(|shared| {
            let end = now + self.timeout;
            for (user, waiting) in shared.reservations.abandon(self.number, end, now) {
                shared.announce(user, waiting);
            }
        });
    }

    /// Returns the users that this run passed over and whose attempts have ended since.
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

    /// Takes the app lock, or shares it with another run of this process. Nothing starts in the first second after another process
    /// can have sent, or in the interval between starts of the slowest campaign that sends, if that is longer.
    ///
    /// # Errors
    /// If another process has it, or the system refuses the request.
    pub(super) async fn take(&self) -> Result<(), NotTaken> {
        let limiter = &*self.limiter;
        let (mut holder, is_answered) = match limiter.taking.try_lock() {
            Ok(holder) => (holder, false),
            Err(_) => (limiter.taking.lock().await, true),
        };
        if !self.share() {
            // The answer to one run is the answer to all that waited for it.
            if let Some(holder) = holder.as_ref().filter(|_| is_answered) {
                return Err(NotTaken::By(holder.clone()));
            }
            *holder = None;
            match limiter.lock.take().await {
                Ok(held) => limiter.with(|shared| {
                    shared.held = Some(held);
                    shared.others_until = limiter.others_until();
                }),
                Err(NotTaken::By(found)) => {
                    *holder = Some(found.clone());
                    return Err(NotTaken::By(found));
                }
                Err(failed) => return Err(failed),
            }
            self.share();
        }
        limiter.notify();
        Ok(())
    }

    /// Lets this run send if this process has the app lock. Returns whether it has.
    fn share(&self) -> bool {
        let now = monotonic_now();
        self.limiter.with(|shared| {
            let is_held = shared.held.is_some();
            if is_held {
                shared.let_send(self.number, true, now);
            }
            is_held
        })
    }

    /// Stops sending, and releases the lock unless another run of this process sends.
    ///
    /// # Errors
    /// The time until which the lock is kept: a request with a lost answer may be at the platform, and another process could
    /// send to the same user meanwhile.
    pub(super) fn release(&self, now: Instant) -> Result<(), Instant> {
        if self.held() {
            self.limiter.with(|shared| shared.let_send(self.number, false, now));
            self.limiter.notify();
        }
        // While it is released, no run of this process asks for it and finds it taken.
        let _taking = self.limiter.taking.try_lock();
        drop(self.limiter.with(|shared| shared.yield_app_lock(now))?);
        Ok(())
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

    /// Records how far an attempt of this run got.
    fn ended(&self, key: DeliveryKey, reach: Reach, began: Instant, now: Instant) {
        let seat = self.number;
        let changed = self.limiter.with(|shared| {
            let before = shared.breaker.open().is_some();
            shared.breaker.ended(SeatedDelivery { seat, key }, reach, began, now);
            before != shared.breaker.open().is_some()
        });
        if changed {
            self.limiter.notify();
        }
    }
}

impl AppShare for LimiterHandle {
    fn state(&mut self, now: Instant) -> AppState {
        let is_trusted = self.limiter.is_trusted();
        let not_before = self.limiter.not_before();
        let term = *self.term.borrow_and_update();
        self.limiter.with(|shared| {
            let senders = shared.senders();
            let next_start = shared.pacer.expected(now, 0);
            // Attempts before this run, and its pauses, do not count.
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
                term,
                is_trusted,
                not_before,
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
                    // No other run probed meanwhile, so probe at once.
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
        // A lock that has to be kept longer is released by the next run that stops, or with the limiter.
        let _ = self.release(now);
        self.limiter.with(|shared| shared.handles.remove(&self.number));
    }
}
