//! What all campaigns of one app id share in this process: the right to send for it on this machine, its pace, what the
//! platform bears of that, whether the platform is out of reach, and which users have a request in flight.
//!
//! Each run has a seat. Those that send take turns, start by start, so what one does not use the others have; the pace is
//! that of the slowest among them. An outage is everybody's, and one of them probes for all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use crate::delivery::DeliveryKey;
use crate::event::Owner;
use crate::pace::quota::Pacer;
use crate::pace::throttle::Throttle;
use crate::plan::forecast::after_taking;
use crate::planted::planted;

use super::outage::{Attempted, MOST_BETWEEN, Open, Outage, Reach};
use super::reservations::{Busy, Reservations, User};

/// The right to send for an app id on this machine, which one process has at a time.
pub trait AppIdTurn: Send {
    /// Takes it, or tells why not.
    ///
    /// # Errors
    /// When another process has it, or it cannot be asked for.
    fn take(&mut self) -> Result<(), NotTaken>;

    /// Lets go of it.
    fn release(&mut self);

    /// Whether this process has it.
    fn held(&self) -> bool;
}

/// The turn of an app id that nobody else sends for.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl AppIdTurn for Alone {
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
pub struct Lane {
    shared: Mutex<Shared>,
    /// Whose start is next. Each run has one waiting for it at most, so they take turns.
    next: Semaphore,
    /// Changes whenever what somebody waits for may have changed.
    changes: watch::Sender<u64>,
}

struct Shared {
    turn: Box<dyn AppIdTurn>,
    /// When the turn was taken last.
    taken: Option<Instant>,
    pacer: Pacer,
    throttle: Throttle,
    outage: Outage,
    /// Which seat probes while the platform is out of reach.
    probing: Option<u32>,
    reservations: Reservations,
    seats: BTreeMap<u32, Place>,
    seated: u32,
}

/// What is known of a seat.
struct Place {
    per_second: f64,
    sending: bool,
    /// Users that the seat passed over, whose attempts are over by now.
    freed: Vec<User>,
    /// Wakes the seat for them.
    woken: Arc<Notify>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl Lane {
    /// The lane of an app id that has this turn. Nobody sits in it.
    #[must_use]
    pub fn new(turn: impl AppIdTurn + 'static) -> Arc<Self> {
        let full = 1.0;
        Arc::new(Self {
            shared: Mutex::new(Shared {
                turn: Box::new(turn),
                taken: None,
                pacer: Pacer::new(full, Instant::now()),
                throttle: Throttle::new(full),
                outage: Outage::default(),
                probing: None,
                reservations: Reservations::default(),
                seats: BTreeMap::new(),
                seated: 0,
            }),
            next: Semaphore::new(1),
            changes: watch::channel(0).0,
        })
    }

    /// A seat for a run at this pace of its own, whose attempts may take as long as `timeout`.
    pub(super) fn join(self: &Arc<Self>, per_second: f64, timeout: Duration, now: Instant) -> Seat {
        let woken = Arc::new(Notify::new());
        let place = Place {
            per_second,
            sending: false,
            freed: Vec::new(),
            woken: Arc::clone(&woken),
        };
        let number = self.with(|shared| {
            shared.seated += 1;
            shared.seats.insert(shared.seated, place);
            shared.seated
        });
        Seat {
            lane: Arc::clone(self),
            number,
            timeout,
            woken,
            joined: now,
            changes: self.changes.subscribe(),
            told: None,
            out_of_reach: false,
        }
    }

    /// Waits for the next start, and says when it was.
    pub(super) async fn start(&self) -> Instant {
        // It is never closed.
        let _next = self.next.acquire().await;
        loop {
            let mut changes = self.changes.subscribe();
            let now = Instant::now();
            match self.with(|shared| shared.pacer.start(now)) {
                Ok(()) => return now,
                Err(at) => tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => {}
                    _ = changes.changed() => {}
                },
            }
        }
    }

    fn with<R>(&self, change: impl FnOnce(&mut Shared) -> R) -> R {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self) {
        self.changes.send_modify(|times| *times += 1);
    }
}

impl Shared {
    /// Goes by the slowest of those that send, and by what the platform bears.
    fn settle_pace(&mut self, now: Instant) {
        let sending = self.seats.values().filter(|place| place.sending);
        if let Some(lowest) = sending.map(|place| place.per_second).min_by(f64::total_cmp) {
            self.throttle.set_full(lowest);
        }
        let pace = self.throttle.per_second();
        if pace.total_cmp(&self.pacer.per_second()).is_ne() {
            self.pacer.set_pace(pace, now);
        }
        // Another process may have sent until the turn was taken.
        if let Some(taken) = self.taken
            && !planted!(Forgetful)
        {
            self.pacer.hold_until(taken + after_taking(pace));
        }
    }

    fn sending(&self, number: u32) -> bool {
        self.seats.get(&number).is_some_and(|place| place.sending)
    }

    /// How many share the starts; one at least, who would have them all.
    fn senders(&self) -> u32 {
        let senders = self.seats.values().filter(|place| place.sending).count();
        u32::try_from(senders).unwrap_or(u32::MAX).max(1)
    }

    fn let_send(&mut self, number: u32, sends: bool, now: Instant) {
        if let Some(place) = self.seats.get_mut(&number) {
            place.sending = sends;
        }
        self.settle_pace(now);
    }

    /// Releases the turn when no seat sends.
    ///
    /// # Errors
    /// The time until which a request may be at the platform whose answer was lost. Another process does not know of it,
    /// so the turn is kept until then.
    fn release_turn(&mut self, now: Instant) -> Result<(), Instant> {
        if self.seats.values().any(|place| place.sending) || !self.turn.held() {
            return Ok(());
        }
        if let Some(end) = self.reservations.last_end(now) {
            return Err(end);
        }
        self.turn.release();
        Ok(())
    }

    /// Tells seats that a user's attempt is over.
    fn announce(&mut self, user: User, seats: Vec<u32>) {
        for seat in seats {
            if let Some(place) = self.seats.get_mut(&seat) {
                place.freed.push(user);
                place.woken.notify_one();
            }
        }
    }
}

/// How the pace of an app id is slowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slowed {
    /// Starts a second.
    pub(super) per_second: f64,
    /// For how long it is expected to be below what is allowed; nothing when it is so no longer.
    pub(super) lasts: Option<Duration>,
}

/// One run's part in a lane. It is given up with it.
#[derive(Debug)]
pub(super) struct Seat {
    lane: Arc<Lane>,
    number: u32,
    /// The longest that an attempt of this run may take.
    timeout: Duration,
    /// Notified when a user is free that this run passed over.
    woken: Arc<Notify>,
    joined: Instant,
    changes: watch::Receiver<u64>,
    /// To what the platform had slowed the pace when that was last asked.
    told: Option<f64>,
    /// Whether the platform was out of reach when that was last asked.
    out_of_reach: bool,
}

impl Seat {
    /// Ends when another run has changed something that this one may wait for.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            biased;
            () = self.woken.notified() => {}
            // The lane outlives its seats, so its sender is never gone.
            _ = self.changes.changed() => {}
        }
    }

    /// Reserves a user for an attempt of this run. Otherwise the run is told through [`Self::take_freed`] when an attempt
    /// that is under way is over.
    ///
    /// # Errors
    /// When another campaign has an attempt under way for the user, or has lost an answer.
    pub(super) fn reserve(&self, user: User, now: Instant) -> Result<(), Busy> {
        if planted!(UserTwice) {
            return Ok(());
        }
        self.lane
            .with(|shared| shared.reservations.reserve(user, self.number, now))
    }

    /// Releases a user whose attempt is over. The request may be at the platform until `end`.
    pub(super) fn free(&self, user: User, end: Instant, now: Instant) {
        self.lane.with(|shared| {
            let waiting = shared.reservations.release(user, self.number, end, now);
            shared.announce(user, waiting);
        });
    }

    /// Reserves a user until `end`, because an earlier process lost an answer.
    pub(super) fn inherit(&self, user: User, end: Instant) {
        self.lane
            .with(|shared| shared.reservations.inherit(user, self.number, end));
    }

    /// Leaves all attempts of this run under way: nobody reads their answers.
    pub(super) fn abandon(&self, now: Instant) {
        self.lane.with(|shared| {
            let end = now + self.timeout;
            for (user, waiting) in shared.reservations.abandon(self.number, end, now) {
                shared.announce(user, waiting);
            }
        });
    }

    /// Returns the users that this run passed over and whose attempts are over by now.
    pub(super) fn take_freed(&self) -> Vec<User> {
        self.lane.with(|shared| {
            let place = shared.seats.get_mut(&self.number);
            place.map(|place| std::mem::take(&mut place.freed)).unwrap_or_default()
        })
    }

    /// Whether this run may send for the app id.
    pub(super) fn held(&self) -> bool {
        self.lane.with(|shared| shared.sending(self.number))
    }

    /// Takes the app id's turn, or shares it with whoever has it in this process. Nothing starts in the first second after
    /// it was taken. If the slowest campaign that sends has a pace below one start a second, nothing starts for as long as
    /// that pace keeps starts apart.
    ///
    /// # Errors
    /// When another process has it, or it cannot be asked for.
    pub(super) fn take(&self, now: Instant) -> Result<(), NotTaken> {
        self.lane.with(|shared| {
            if !shared.turn.held() {
                shared.turn.take()?;
                shared.taken = Some(now);
            }
            shared.let_send(self.number, true, now);
            Ok(())
        })?;
        self.lane.tell();
        Ok(())
    }

    /// Stops sending, for a while or for good, and lets other processes send unless another run of this one does.
    ///
    /// # Errors
    /// The time until which the app id's turn is kept nevertheless: a request may be at the platform whose answer was lost,
    /// and another process could send to the same user meanwhile.
    pub(super) fn release(&self, now: Instant) -> Result<(), Instant> {
        if self.held() {
            self.lane.with(|shared| shared.let_send(self.number, false, now));
            self.lane.tell();
        }
        self.lane.with(|shared| shared.release_turn(now))
    }

    /// How many starts a second this run may count on, if all that send use theirs.
    pub(super) fn per_second(&self) -> f64 {
        self.lane.with(|shared| {
            let senders = shared.senders();
            shared.pacer.per_second() / f64::from(senders)
        })
    }

    /// When a start of this run is to be expected that has so many of its own before it.
    pub(super) fn expected(&self, now: Instant, before: u32) -> Instant {
        self.lane.with(|shared| {
            let senders = shared.senders();
            shared.pacer.expected(now, before.saturating_mul(senders))
        })
    }

    /// Tells that the platform asked `recipient`, whose attempt began at `began`, to slow down.
    pub(super) fn throttled(&self, recipient: u32, began: Instant, now: Instant) {
        let user = (u64::from(self.number) << 32) | u64::from(recipient);
        self.change_pace(now, |throttle| throttle.throttled(user, began, now).is_some());
    }

    /// Lets the pace recover as far as it is time.
    pub(super) fn recover(&self, now: Instant) {
        self.change_pace(now, |throttle| throttle.recover(now).is_some());
    }

    fn change_pace(&self, now: Instant, change: impl FnOnce(&mut Throttle) -> bool) {
        let changed = self.lane.with(|shared| {
            let changed = change(&mut shared.throttle);
            if changed {
                shared.settle_pace(now);
            }
            changed
        });
        if changed {
            self.lane.tell();
        }
    }

    /// When the pace is to recover next.
    pub(super) fn next_step(&self) -> Option<Instant> {
        self.lane.with(|shared| shared.throttle.next_step())
    }

    /// Whether the platform has asked the app id as a whole to slow down.
    pub(super) fn slowed(&self) -> bool {
        self.lane.with(|shared| shared.throttle.slowed())
    }

    /// How the pace is slowed, if that is news to this run.
    pub(super) fn slowed_news(&mut self, now: Instant) -> Option<Slowed> {
        let slowed = self.lane.with(|shared| {
            let lasts = shared.throttle.recovered_in(now);
            let per_second = shared.throttle.per_second();
            Slowed { per_second, lasts }
        });
        let tell = slowed.lasts.map(|_| slowed.per_second);
        (std::mem::replace(&mut self.told, tell) != tell).then_some(slowed)
    }

    /// The outage under way, as far as this run has seen it: what was before it, and its pauses, count against nobody.
    pub(super) fn outage(&self) -> Option<Open> {
        let mut open = self.lane.with(|shared| shared.outage.open())?;
        open.since = open.since.max(self.joined);
        Some(open)
    }

    /// When this run may probe, while the platform is out of reach.
    pub(super) fn next_probe(&self, now: Instant) -> Option<Instant> {
        self.lane.with(|shared| {
            let open = shared.outage.open()?;
            let other = shared.probing.is_some_and(|by| by != self.number);
            Some(if other { now + MOST_BETWEEN } else { open.next_probe })
        })
    }

    /// Tells that this run's next attempt is the probe, if there is an outage.
    pub(super) fn probe(&self) {
        self.lane.with(|shared| {
            if shared.outage.open().is_some() {
                shared.probing = Some(self.number);
            }
        });
    }

    /// Tells that whatever this run probed with is back.
    pub(super) fn probed(&self) {
        let probed = |shared: &mut Shared| shared.probing.take_if(|by| *by == self.number).is_some();
        if self.lane.with(probed) {
            self.lane.tell();
        }
    }

    /// Tells how far an attempt of this run got that began at `began`.
    pub(super) fn ended(&self, key: DeliveryKey, reach: Reach, began: Instant, now: Instant) {
        let seat = self.number;
        let changed = self.lane.with(|shared| {
            let before = shared.outage.open().is_some();
            shared.outage.ended(Attempted { seat, key }, reach, began, now);
            before != shared.outage.open().is_some()
        });
        if changed {
            self.lane.tell();
        }
    }

    /// Whether the platform is out of reach, if that is news to this run.
    pub(super) fn outage_news(&mut self) -> Option<bool> {
        let open = self.lane.with(|shared| shared.outage.open().is_some());
        (std::mem::replace(&mut self.out_of_reach, open) != open).then_some(open)
    }

    /// Ends a pause of this run: where nobody else looked after the platform meanwhile, it is probed at once, and the time
    /// counts against nobody.
    pub(super) fn resume(&mut self, now: Instant) {
        self.joined = now;
        self.lane.with(|shared| {
            if shared.seats.values().all(|place| !place.sending) {
                shared.outage.resume(now);
            }
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let now = Instant::now();
        self.probed();
        self.abandon(now);
        // A turn that has to be kept longer is released by the next run that stops, or with the lane.
        let _ = self.release(now);
        self.lane.with(|shared| shared.seats.remove(&self.number));
    }
}
