//! The dispatcher owns the state of a run. Workers return their attempts to it; it decides, makes the decisions
//! durable, emits events and gives out the next permits.
//!
//! One durable batch takes in the outcomes and the next intents that are ready together. One batch is written at a
//! time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clock::{LOOK_AGAIN, Moment, later, until};
use crate::delivery::{ActivityNo, DeliveryKey, State};
use crate::douyin::Platform;
use crate::event::{EventKind, Halted};
use crate::ledger::{Book, Fact, Ledger, LedgerError, Permit, Store};
use crate::order::Order;
use crate::plan::Plan;
use crate::plan::forecast::LET_GO;
use crate::planted::planted;

use super::answers::Answers;
use super::hours::Gate;
use super::in_time::Reserved;
use super::landing::{Landed, Trip, told};
use super::lane::{NotTaken, Seat};
use super::limits::{Allowance, Limits};
use super::queue::{self, Pick, Queue};
use super::reservations::User;
use super::roll::Lapsing;
use super::verdict;
use super::voice::{Seen, Voice};
use super::waves::Waves;
use super::worker::{self, Done, Shared};
use super::{Apply, Ended, EngineError, Why};

/// How often the lock of an app id is tried while another process has it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Facts to make durable next, and the effects to apply once they are durable.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) facts: Vec<Fact>,
    pub(super) landed: Vec<Landed>,
    /// Intents for deliveries that were not in doubt. Each may add a coupon.
    fresh: u64,
    pub(super) intents: u32,
    /// Recipients whose activity expires before their send.
    pub(super) lapsed: BTreeSet<u32>,
    /// Events to emit once the batch is durable.
    pub(super) told: Vec<EventKind>,
}

/// How far ahead attempts are prepared. A flush shorter than this delays no send.
const AHEAD: Duration = Duration::from_millis(250);

/// Runs a campaign from its first intent to its last outcome.
pub(super) struct Dispatcher<S, P> {
    pub(super) plan: Arc<Plan>,
    pub(super) ledger: Ledger<S>,
    pub(super) shared: Arc<Shared<P>>,
    pub(super) queue: Queue,
    pub(super) limits: Limits,
    pub(super) voice: Voice,
    pub(super) why: Option<Why>,
    pub(super) flight: Flight,
    pub(super) gate: Gate,
    asked: Option<Instant>,
    orders: watch::Receiver<Order>,
}

/// The attempts in flight and their workers.
pub(super) struct Flight {
    /// The activity of deliveries that are not in doubt.
    activity: ActivityNo,
    pub(super) lapsing: Lapsing,
    pub(super) trips: HashMap<DeliveryKey, Trip>,
    workers: JoinSet<Done>,
    done: Vec<Done>,
    /// Whether prepared attempts may still start: not in a pause, outside the windows or at the end.
    open: watch::Sender<bool>,
    /// The number of deliveries that this run has attempted.
    pub(super) deliveries: u64,
    pub(super) random: fastrand::Rng,
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    pub(super) fn new(apply: Apply<S, P>) -> Self {
        let began = apply.clock.moment();
        let wall = began.wall;
        let instant = began.instant;
        let book = apply.ledger.book();
        let known = Moment {
            wall: book.present(wall),
            ..began
        };
        let mut roll = apply.roll;
        let queue = Queue::new(&apply.plan, book, roll.take_order(), known);
        let waves = Waves::new(&apply.plan, book, &queue, began);
        let shared = Shared {
            platform: apply.platform,
            answers: Answers::new(book.recipients(), book.ordinals()),
            lane: Arc::clone(&apply.lane),
            line: Semaphore::new(1),
            slots: Semaphore::new(apply.plan.pace.max_in_flight.into()),
            armed: AtomicUsize::new(0),
            started: Notify::new(),
            clock: apply.clock,
            schedule: apply.plan.schedule.clone(),
            orders: apply.orders.clone(),
            run_began: instant,
        };
        let lane = apply
            .lane
            .join(apply.plan.pace.per_second, apply.plan.retry.timeout, instant);
        reserve_doubts(&lane, &apply.plan, book, known);
        let activity = book.current_activity().unwrap_or(ActivityNo(0));
        let lapse_clock = apply.plan.audience.as_of;
        Self {
            limits: Limits::new(&apply.plan, lane, waves),
            gate: Gate::new(&apply.plan, wall),
            voice: Voice::new(apply.emit),
            plan: apply.plan,
            ledger: apply.ledger,
            shared: Arc::new(shared),
            queue,
            why: None,
            flight: Flight {
                activity,
                lapsing: Lapsing::new(roll, lapse_clock, wall),
                trips: HashMap::new(),
                workers: JoinSet::new(),
                done: Vec::new(),
                open: watch::channel(true).0,
                deliveries: 0,
                random: fastrand::Rng::with_seed(apply.seed),
            },
            asked: None,
            orders: apply.orders,
        }
    }

    pub(super) async fn run(mut self) -> Result<(Ended, Ledger<S>), EngineError> {
        match self.send().await {
            Ok(why) => Ok(self.end(why).await),
            Err(error) => {
                // The answers of attempts in flight are not read after an error, so they are lost.
                let now = Instant::now();
                self.flight.workers.abort_all();
                self.limits.lane.abandon(now);
                self.leave(now).await;
                Err(error)
            }
        }
    }

    /// Sends until the run is over, and returns the reason.
    async fn send(&mut self) -> Result<Why, EngineError> {
        self.remember_coupons().await?;
        self.tell_of_waves();
        loop {
            while let Some(done) = self.flight.workers.try_join_next() {
                self.flight.done.push(done?);
            }
            let at = self.moment();
            let mut batch = Batch::default();
            // Cancelled attempts finish in any order. Sort them by key so that runs are deterministic.
            self.flight.done.sort_by_key(Done::key);
            for done in std::mem::take(&mut self.flight.done) {
                self.land(done, at, &mut batch);
            }
            self.look(at);
            self.look_at_waves(at, &mut batch);
            self.arm(at, &mut batch)?;
            if !batch.facts.is_empty() {
                self.commit(batch).await?;
                continue;
            }
            if self.flight.workers.is_empty()
                && let Some(why) = self.finished()
            {
                return Ok(why);
            }
            self.tell_phase(at);
            self.wait(at).await?;
        }
    }

    pub(super) fn moment(&self) -> Moment {
        self.shared.clock.moment()
    }

    /// The present, for days and for the next run, which measures ages by it. Setting the clock back makes no doubt
    /// younger.
    pub(super) fn known(&self, at: Moment) -> Timestamp {
        self.ledger.book().present(at.wall)
    }

    /// Checks the conditions from outside that end the run or change its pace.
    fn look(&mut self, at: Moment) {
        let order = self.orders.borrow_and_update().clone();
        let paused = matches!(order, Order::Pause { .. });
        let shut = self.look_at_hours(at);
        self.pause(paused || shut, at);
        let lost = self.limits.out_of_reach_since().filter(|_| !paused && !shut);
        if let Order::Stop { by } = order {
            self.finish(by.map_or(Why::Interrupted, Why::Stopped));
        } else if at.wall >= self.plan.schedule.end {
            self.finish(Why::End);
        } else if let Some(why) = self.no_wait() {
            self.finish(why);
        } else if lost.is_some_and(|since| at.instant.saturating_duration_since(since) >= self.plan.retry.give_up) {
            self.finish(Why::GaveUp);
        } else {
            self.leave_for_today(at);
        }
        self.limits.lane.recover(at.instant);
        self.look_at_lane(at);
        for user in self.limits.lane.take_freed() {
            self.queue.freed(self.ledger.book(), user, at.instant);
        }
    }

    /// Begins or ends a pause or the time outside the windows. Its beginning cancels the prepared attempts.
    fn pause(&mut self, paused: bool, at: Moment) {
        if self.why.is_none() && paused == self.may_start() {
            self.flight.open.send_replace(!paused);
            if !paused {
                self.limits.resume(at.instant);
                self.asked = None;
            }
        }
    }

    /// Whether attempts may start: not in a pause, outside the windows or at the end.
    pub(super) fn may_start(&self) -> bool {
        *self.flight.open.borrow()
    }

    /// Cancels the prepared attempts. Attempts prepared later may start.
    pub(super) fn call_off(&mut self) {
        if self.may_start() {
            self.flight.open.send_replace(false);
            self.flight.open = watch::channel(true).0;
        }
    }

    /// Stops new attempts and cancels the prepared ones. Only the first reason counts.
    pub(super) fn finish(&mut self, why: Why) {
        if self.why.is_none() {
            self.why = Some(why);
            self.flight.open.send_replace(false);
        }
    }

    pub(super) fn halt(&mut self, halted: Halted, at: Moment) {
        if self.why.is_none() {
            self.voice.say(at.wall, EventKind::Halted(halted.clone()));
        }
        self.finish(Why::Halted(halted));
    }

    /// Handles changes in the circuit breaker and the throttle, whichever campaign of the app id caused them.
    pub(super) fn look_at_lane(&mut self, at: Moment) {
        match self.limits.lane.outage_news() {
            Some(true) => self.call_off(),
            Some(false) => self.limits.ramp.restart(),
            None => {}
        }
        if let Some(slowed) = self.limits.lane.slowed_news(at.instant) {
            let per_second = slowed.per_second;
            let until = slowed.lasts.map(|lasts| later(at.wall, lasts));
            self.voice.say(at.wall, EventKind::PaceChanged { per_second, until });
        }
    }

    /// Adds intents for the deliveries that are due, as far as all limits allow.
    fn arm(&mut self, at: Moment, batch: &mut Batch) -> Result<(), EngineError> {
        if !self.may_start() {
            return Ok(());
        }
        let allowance = self.limits.allowance(at.instant);
        let room = u64::from(self.room(allowance)).min(self.left_today(at));
        let pick = |this: &Self, fresh| allowance.pick(this.capped(), !this.below_max_coupons(fresh));
        if room == 0 || !self.take_turn(pick(self, batch.fresh), at)? {
            return Ok(());
        }
        for _ in 0..room {
            let pick = pick(self, batch.fresh);
            let Some(reserved) = self.next_in_time(pick, at, batch) else {
                break;
            };
            if allowance == Allowance::Probe {
                self.limits.lane.probe();
            }
            self.intend(reserved, at, batch);
        }
        Ok(())
    }

    /// Returns how many intents may be added now. No more attempts are prepared than start within [`AHEAD`], so that a
    /// crash leaves few doubts: an intent whose request was not sent cannot be told from one whose request was. After
    /// the slow start, attempts are prepared beside those in flight, so that a free slot waits for no flush.
    fn room(&self, allowance: Allowance) -> u32 {
        let trips = u32::try_from(self.flight.trips.len()).unwrap_or(u32::MAX);
        let armed = self.shared.armed.load(Ordering::SeqCst);
        let per_second = self.limits.lane.per_second();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a pace is positive and small"
        )]
        let most_armed = ((per_second * AHEAD.as_secs_f64()) as usize).max(1);
        let arm = u32::try_from(most_armed.saturating_sub(armed)).unwrap_or(u32::MAX);
        match allowance {
            Allowance::UpTo(allowed) => {
                // With one request at a time, each answer is judged before the next request starts.
                let beside = if self.limits.ramp.is_over() { allowed - 1 } else { 0 };
                (allowed + beside).saturating_sub(trips).min(arm)
            }
            Allowance::Probe => u32::from(trips == 0),
            Allowance::NotBefore(_) => 0,
        }
    }

    fn intend(&mut self, reserved: Reserved, at: Moment, batch: &mut Batch) {
        let Reserved { key, user } = reserved;
        let book = self.ledger.book();
        let standing = book.standing(key);
        let doubt = standing.doubt.filter(|_| standing.state == State::InDoubt);
        let activity = queue::activity_of(&standing, self.flight.activity);
        let first_in_run = self.queue.count(key);
        let trip = Trip {
            user,
            doubt,
            former_activity: activity != self.flight.activity,
            first_in_run,
            intended: at.age,
        };
        self.flight.trips.insert(key, trip);
        self.flight.deliveries += u64::from(first_in_run);
        batch.fresh += u64::from(doubt.is_none());
        batch.intents += 1;
        batch.facts.push(Fact::Intent {
            key,
            activity,
            at: at.wall,
        });
    }

    /// Makes a batch durable, then emits its events and starts its attempts.
    async fn commit(&mut self, mut batch: Batch) -> Result<(), EngineError> {
        if planted!(ToldEarly) {
            let told = batch.landed.iter_mut().filter_map(Landed::take_told);
            told.for_each(|told| self.voice.tell(told));
        }
        for _ in (0..batch.intents).filter(|_| planted!(PacedEarly)) {
            self.shared.lane.start().await;
        }
        let began = Instant::now();
        let facts = batch.facts.len() as u64;
        let permits = match self.ledger.append(batch.facts).await {
            Ok(permits) => permits,
            Err(error) => return Err(self.break_off(error, batch.landed).await),
        };
        let took = began.elapsed();
        for landed in batch.landed {
            self.settle(landed);
        }
        let at = self.moment();
        for kind in batch.told {
            self.voice.say(at.wall, kind);
        }
        self.voice.say(at.wall, EventKind::Flushed { took, facts });
        let counts = self.ledger.book().counts();
        self.voice.say(at.wall, EventKind::Counted { counts });
        for permit in permits {
            self.spawn(permit);
        }
        Ok(())
    }

    /// Ends the run after the ledger failed. Waits for the attempts in flight and emits their outcomes, which cannot be
    /// recorded.
    async fn break_off(&mut self, error: LedgerError, mut landed: Vec<Landed>) -> EngineError {
        self.flight.open.send_replace(false);
        self.tell_unrecorded(landed.iter_mut().filter_map(Landed::take_told));
        while let Some(done) = self.flight.workers.join_next().await {
            let at = self.moment();
            match done {
                Ok(Done::Ended {
                    key,
                    attempted,
                    outcome,
                    whose,
                    ended: _,
                }) => {
                    let outcome = self.judge_answer(&attempted, *outcome, whose).outcome;
                    self.free_user(key, verdict::rest(&outcome, self.plan.retry.timeout), at);
                    self.tell_unrecorded([told(&attempted, &outcome, at)]);
                }
                Ok(Done::CalledOff { key, .. }) => self.free_user(key, Duration::ZERO, at),
                Err(_) => {}
            }
        }
        error.into()
    }

    /// Ends the reservation of the user of a finished attempt, `rest` after now: until then the request may be at the
    /// platform.
    fn free_user(&mut self, key: DeliveryKey, rest: Duration, at: Moment) {
        if let Some(trip) = self.flight.trips.remove(&key) {
            self.limits.lane.free(trip.user, at.instant + rest, at.instant);
        }
    }

    fn spawn(&mut self, permit: Permit) {
        self.shared.armed.fetch_add(1, Ordering::SeqCst);
        let latest = self.latest_start(permit.key());
        let shared = Arc::clone(&self.shared);
        let open = self.flight.open.subscribe();
        self.flight
            .workers
            .spawn(worker::attempt(shared, open, self.voice.emit(), permit, latest));
    }

    /// Returns whether this run has the lock of the app id. Tries to take it if a delivery is due and the last try was
    /// long enough ago.
    fn take_turn(&mut self, pick: Pick, at: Moment) -> Result<bool, EngineError> {
        if self.limits.lane.held() {
            return Ok(true);
        }
        if !self.queue.has_next(self.ledger.book(), at, pick) {
            return Ok(false);
        }
        if self.asked.is_some_and(|asked| at.instant < asked + ASK_AGAIN) {
            return Ok(false);
        }
        match self.limits.lane.take(at.instant) {
            Ok(()) => {
                self.asked = None;
                self.voice.app_id_taken_by(None);
                Ok(true)
            }
            Err(NotTaken::By(owner)) => {
                self.asked = Some(at.instant);
                if self.plan.run.no_wait {
                    self.finish(Why::AppIdTaken(owner.clone()));
                }
                self.voice.app_id_taken_by(Some(owner));
                Ok(false)
            }
            Err(NotTaken::Failed(why)) => Err(EngineError::AppId(why)),
        }
    }

    async fn end(mut self, why: Why) -> (Ended, Ledger<S>) {
        let at = self.moment();
        if let (None, Why::Halted(halted)) = (&self.why, &why) {
            self.voice.say(at.wall, EventKind::Halted(halted.clone()));
        }
        self.why = Some(why.clone());
        self.tell_phase(at);
        self.leave(at.instant).await;
        let at = self.moment();
        let counts = self.ledger.book().counts();
        let ending = self.ending(&why, at);
        self.voice.say(at.wall, EventKind::RunEnded { ending, counts });
        (Ended { ending, why, counts }, self.ledger)
    }

    /// Releases the lock of the app id, unless another run of this process sends. Waits for as long as a request with a
    /// lost answer may be at the platform.
    async fn leave(&self, mut now: Instant) {
        while let Err(kept_until) = self.limits.lane.release(now) {
            tokio::time::sleep_until(kept_until).await;
            now = Instant::now();
        }
    }

    /// When the next delivery becomes due that `max_coupons` has room for. `None` if no such delivery waits.
    fn next_due(&self) -> Option<Instant> {
        if self.below_max_coupons(0) {
            self.queue.next_due()
        } else {
            self.queue.next_doubt_due()
        }
    }

    /// Emits the phase of the run if it changed.
    fn tell_phase(&mut self, at: Moment) {
        let idle = self.flight.workers.is_empty();
        let tomorrow = self.waiting_for_tomorrow(at).filter(|_| idle);
        let seen = Seen {
            draining: self.why.as_ref().map(Why::draining),
            paused: match &*self.orders.borrow() {
                Order::Pause { by } => Some(by.clone()),
                Order::Go | Order::Stop { .. } => None,
            },
            shut: self.gate.waiting(&self.plan.schedule),
            blocked: self.limits.waiting(at.wall, at.instant).or(tomorrow),
            wave: self.limits.waves.waiting(&self.plan, at).filter(|_| idle),
            due: self.next_due().filter(|_| idle),
        };
        self.voice.phase(at, seen);
    }

    /// Waits for a change: an attempt that ended or started, a command, or the next time that matters.
    async fn wait(&mut self, at: Moment) -> Result<(), EngineError> {
        let mut next = self.next_time(at);
        let long = match self.shut_for(at) {
            Some(wait) => wait >= LET_GO,
            None => next >= at.instant + LET_GO || !self.may_start(),
        };
        // An attempt of another campaign ends soon, so the lock is kept for it.
        if long
            && !self.queue.waits_for_user()
            && self.flight.workers.is_empty()
            && let Err(kept_until) = self.limits.lane.release(at.instant)
        {
            next = next.min(kept_until);
        }
        let next = next.min(at.instant + LOOK_AGAIN);
        let mut gone = None;
        tokio::select! {
            biased;
            error = self.ledger.gone() => gone = Some(error),
            Some(done) = self.flight.workers.join_next() => self.flight.done.push(done?),
            () = self.shared.started.notified() => {}
            () = self.limits.lane.changed() => {}
            changed = self.orders.changed(), if self.why.is_none() => {
                if changed.is_err() {
                    self.finish(Why::Interrupted);
                }
            }
            () = tokio::time::sleep_until(next) => {}
        }
        match gone {
            Some(error) => Err(self.break_off(error, Vec::new()).await),
            None => Ok(()),
        }
    }

    /// The next moment at which time alone changes what may be done, or one far away.
    fn next_time(&mut self, at: Moment) -> Instant {
        let wall = |time: Timestamp| until(at.wall, time).map(|left| at.instant.checked_add(left));
        let allowance = match self.limits.allowance(at.instant) {
            Allowance::NotBefore(probe) => Some(probe),
            Allowance::UpTo(_) | Allowance::Probe => self.next_due(),
        };
        let give_up = self
            .limits
            .out_of_reach_since()
            .map(|since| since + self.plan.retry.give_up);
        let starts = [allowance, give_up, self.asked.map(|asked| asked + ASK_AGAIN)];
        let end = wall(self.plan.schedule.end).flatten();
        let tomorrow = self.tomorrow(at);
        let always = [
            self.limits.lane.next_step(),
            self.hours_change(at),
            self.limits.waves.due(),
            tomorrow,
            end,
        ];
        let may_start = self.may_start();
        let draining = self.why.is_some();
        starts
            .into_iter()
            .filter(|_| may_start)
            .chain(always)
            .flatten()
            .filter(|next| !draining && *next > at.instant)
            .min()
            .unwrap_or(at.instant + LET_GO * 60)
    }
}

/// Reserves the users of the ledger's doubts for as long as a request of an earlier process may be at the platform.
/// Other campaigns do not send to them until then.
fn reserve_doubts(lane: &Seat, plan: &Plan, book: &Book, known: Moment) {
    for (key, standing) in book.unsettled() {
        let doubt = standing.doubt.filter(|_| standing.state == State::InDoubt);
        if let Some(left) = doubt.and_then(|doubt| until(known.wall, doubt.due)) {
            let end = known.instant + left.min(plan.retry.timeout);
            lane.inherit(User::new(&book.open_id(key.recipient)), end);
        }
    }
}

impl Batch {
    pub(super) fn add(&mut self, fact: Fact, landed: Landed) {
        self.facts.push(fact);
        self.landed.push(landed);
    }
}
