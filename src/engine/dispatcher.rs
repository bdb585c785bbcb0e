//! The dispatcher owns the state of a run. Workers return their attempts to it; it decides, makes the decisions
//! durable, emits events and gives out the next permits.
//!
//! One durable batch takes in the outcomes and the next intents that are ready together. One batch is written at a
//! time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::douyin::Platform;
use crate::ledger::{Fact, Ledger, LedgerError, LedgerState, Permit, Store};
use crate::model::clock::{LOOK_AGAIN, Moment, later, monotonic_now, until};
use crate::model::delivery::{ActivityNo, DeliveryKey, State};
use crate::model::event::{EventKind, Halted};
use crate::model::mutants::mutant;
use crate::model::run_command::RunCommand;
use crate::plan::Plan;
use crate::plan::forecast::LET_GO;

use super::answers::Answers;
use super::app_limiter::{LimiterHandle, NotTaken};
use super::attempt::{self, Done, Shared};
use super::completion::{Completion, InFlight, attempt_event};
use super::decision;
use super::event_emitter::{EventEmitter, Seen};
use super::in_time::Reserved;
use super::limits::{Allowance, Limits};
use super::queue::{self, Pick, Queue};
use super::reservations::User;
use super::send_order::Expiry;
use super::send_window::SendWindow;
use super::waves::Waves;
use super::{Apply, EngineError, RunOutcome, StopReason};

/// How often the lock of an app id is tried while another process has it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Facts to make durable next, and the effects to apply once they are durable.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) facts: Vec<Fact>,
    pub(super) completions: Vec<Completion>,
    /// Intents for deliveries that were not in doubt. Each may add a coupon.
    fresh: u64,
    pub(super) intents: u32,
    /// Recipients whose activity expires before their send.
    pub(super) lapsed: BTreeSet<u32>,
    /// Events to emit once the batch is durable.
    pub(super) events: Vec<EventKind>,
}

/// How far ahead attempts are prepared. A flush shorter than this delays no send.
const LOOKAHEAD: Duration = Duration::from_millis(250);

/// Runs a campaign from its first intent to its last outcome.
pub(super) struct Dispatcher<S, P> {
    pub(super) plan: Arc<Plan>,
    pub(super) ledger: Ledger<S>,
    pub(super) shared: Arc<Shared<P>>,
    pub(super) queue: Queue,
    pub(super) limits: Limits,
    pub(super) emitter: EventEmitter,
    pub(super) why: Option<StopReason>,
    pub(super) flight: InFlightTable,
    pub(super) send_window: SendWindow,
    asked: Option<Instant>,
    commands: watch::Receiver<RunCommand>,
}

/// The attempts in flight and their workers.
pub(super) struct InFlightTable {
    /// The activity of deliveries that are not in doubt.
    activity: ActivityNo,
    pub(super) expiry: Expiry,
    pub(super) trips: HashMap<DeliveryKey, InFlight>,
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
        let ledger_state = apply.ledger.state();
        let known = Moment {
            wall: ledger_state.present(wall),
            ..began
        };
        let mut send_order = apply.send_order;
        let queue = Queue::new(&apply.plan, ledger_state, send_order.take_order(), known);
        let waves = Waves::new(&apply.plan, ledger_state, &queue, began);
        let shared = Shared {
            platform: apply.platform,
            answers: Answers::new(ledger_state.recipients(), ledger_state.ordinals()),
            limiter: Arc::clone(&apply.limiter),
            line: Semaphore::new(1),
            slots: Semaphore::new(apply.plan.pace.max_in_flight.into()),
            prepared: AtomicUsize::new(0),
            started: Notify::new(),
            clock: apply.clock,
            schedule: apply.plan.schedule.clone(),
            commands: apply.commands.clone(),
            run_began: instant,
        };
        let limiter = apply
            .limiter
            .join(apply.plan.pace.per_second, apply.plan.retry.timeout, instant);
        reserve_doubts(&limiter, &apply.plan, ledger_state, known);
        let activity = ledger_state.current_activity().unwrap_or(ActivityNo(0));
        let lapse_clock = apply.plan.audience.as_of;
        Self {
            limits: Limits::new(&apply.plan, limiter, waves),
            send_window: SendWindow::new(&apply.plan, wall),
            emitter: EventEmitter::new(apply.emit),
            plan: apply.plan,
            ledger: apply.ledger,
            shared: Arc::new(shared),
            queue,
            why: None,
            flight: InFlightTable {
                activity,
                expiry: Expiry::new(send_order, lapse_clock, wall),
                trips: HashMap::new(),
                workers: JoinSet::new(),
                done: Vec::new(),
                open: watch::channel(true).0,
                deliveries: 0,
                random: fastrand::Rng::with_seed(apply.seed),
            },
            asked: None,
            commands: apply.commands,
        }
    }

    pub(super) async fn run(mut self) -> Result<(RunOutcome, Ledger<S>), EngineError> {
        match self.send().await {
            Ok(why) => Ok(self.end(why).await),
            Err(error) => {
                // The answers of attempts in flight are not read after an error, so they are lost.
                let now = monotonic_now();
                self.flight.workers.abort_all();
                self.limits.limiter.abandon(now);
                self.leave(now).await;
                Err(error)
            }
        }
    }

    /// Sends until the run is over, and returns the reason.
    async fn send(&mut self) -> Result<StopReason, EngineError> {
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
                self.on_attempt_finished(done, at, &mut batch);
            }
            self.check(at);
            self.check_waves(at, &mut batch);
            self.prepare(at, &mut batch)?;
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
        self.ledger.state().present(at.wall)
    }

    /// Checks the conditions from outside that end the run or change its pace.
    fn check(&mut self, at: Moment) {
        let order = self.commands.borrow_and_update().clone();
        let paused = matches!(order, RunCommand::Pause { .. });
        let shut = self.check_send_window(at);
        self.pause(paused || shut, at);
        let lost = self.limits.out_of_reach_since().filter(|_| !paused && !shut);
        if let RunCommand::Stop { by } = order {
            self.finish(by.map_or(StopReason::Interrupted, StopReason::Stopped));
        } else if at.wall >= self.plan.schedule.end {
            self.finish(StopReason::End);
        } else if let Some(why) = self.no_wait() {
            self.finish(why);
        } else if lost.is_some_and(|since| at.instant.saturating_duration_since(since) >= self.plan.retry.give_up) {
            self.finish(StopReason::GaveUp);
        } else {
            self.leave_for_today(at);
        }
        self.limits.limiter.recover(at.instant);
        self.check_limiter(at);
        for user in self.limits.limiter.take_freed() {
            self.queue.freed(self.ledger.state(), user, at.instant);
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
    pub(super) fn cancel(&mut self) {
        if self.may_start() {
            self.flight.open.send_replace(false);
            self.flight.open = watch::channel(true).0;
        }
    }

    /// Stops new attempts and cancels the prepared ones. Only the first reason counts.
    pub(super) fn finish(&mut self, why: StopReason) {
        if self.why.is_none() {
            self.why = Some(why);
            self.flight.open.send_replace(false);
        }
    }

    pub(super) fn halt(&mut self, halted: Halted, at: Moment) {
        if self.why.is_none() {
            self.emitter.emit(at.wall, EventKind::Halted(halted.clone()));
        }
        self.finish(StopReason::Halted(halted));
    }

    /// Handles changes in the circuit breaker and the throttle, whichever campaign of the app id caused them.
    pub(super) fn check_limiter(&mut self, at: Moment) {
        match self.limits.limiter.outage_news() {
            Some(true) => self.cancel(),
            Some(false) => self.limits.slow_start.restart(),
            None => {}
        }
        if let Some(slowed) = self.limits.limiter.slowed_news(at.instant) {
            let per_second = slowed.per_second;
            let until = slowed.lasts.map(|lasts| later(at.wall, lasts));
            self.emitter.emit(at.wall, EventKind::PaceChanged { per_second, until });
        }
    }

    /// Adds intents for the deliveries that are due, as far as all limits allow.
    fn prepare(&mut self, at: Moment, batch: &mut Batch) -> Result<(), EngineError> {
        if !self.may_start() {
            return Ok(());
        }
        let allowance = self.limits.allowance(at.instant);
        let room = u64::from(self.room(allowance)).min(self.left_today(at));
        let pick = |this: &Self, fresh| allowance.pick(this.capped(), !this.below_max_coupons(fresh));
        if room == 0 || !self.acquire_app_lock(pick(self, batch.fresh), at)? {
            return Ok(());
        }
        for _ in 0..room {
            let pick = pick(self, batch.fresh);
            let Some(reserved) = self.next_in_time(pick, at, batch) else {
                break;
            };
            if allowance == Allowance::Probe {
                self.limits.limiter.probe();
            }
            self.intend(reserved, at, batch);
        }
        Ok(())
    }

    /// Returns how many intents may be added now. No more attempts are prepared than start within [`LOOKAHEAD`], so that a
    /// crash leaves few doubts: an intent whose request was not sent cannot be distinguished from one whose request was. After
    /// the slow start, attempts are prepared beside those in flight, so that a free slot waits for no flush.
    fn room(&self, allowance: Allowance) -> u32 {
        let trips = u32::try_from(self.flight.trips.len()).unwrap_or(u32::MAX);
        let prepared = self.shared.prepared.load(Ordering::SeqCst);
        let per_second = self.limits.limiter.per_second();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a pace is positive and small"
        )]
        let most_armed = ((per_second * LOOKAHEAD.as_secs_f64()) as usize).max(1);
        let prepare = u32::try_from(most_armed.saturating_sub(prepared)).unwrap_or(u32::MAX);
        match allowance {
            Allowance::UpTo(allowed) => {
                // With one request at a time, each answer is judged before the next request starts.
                let beside = if self.limits.slow_start.is_over() {
                    allowed - 1
                } else {
                    0
                };
                (allowed + beside).saturating_sub(trips).min(prepare)
            }
            Allowance::Probe => u32::from(trips == 0),
            Allowance::NotBefore(_) => 0,
        }
    }

    fn intend(&mut self, reserved: Reserved, at: Moment, batch: &mut Batch) {
        let Reserved { key, user } = reserved;
        let ledger_state = self.ledger.state();
        let status = ledger_state.status(key);
        let doubt = status.doubt.filter(|_| status.state == State::InDoubt);
        let activity = queue::activity_of(&status, self.flight.activity);
        let first_in_run = self.queue.count(key);
        let trip = InFlight {
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
        if mutant!(ToldEarly) {
            let events = batch.completions.iter_mut().filter_map(Completion::take_event);
            events.for_each(|event| self.emitter.emit_event(event));
        }
        for _ in (0..batch.intents).filter(|_| mutant!(PacedEarly)) {
            self.shared.limiter.start().await;
        }
        let began = monotonic_now();
        let facts = batch.facts.len() as u64;
        let permits = match self.ledger.append(batch.facts).await {
            Ok(permits) => permits,
            Err(error) => return Err(self.break_off(error, batch.completions).await),
        };
        let took = began.elapsed();
        for completions in batch.completions {
            self.settle(completions);
        }
        let at = self.moment();
        for kind in batch.events {
            self.emitter.emit(at.wall, kind);
        }
        self.emitter.emit(at.wall, EventKind::Flushed { took, facts });
        let counts = self.ledger.state().counts();
        self.emitter.emit(at.wall, EventKind::Counted { counts });
        for permit in permits {
            self.spawn(permit);
        }
        Ok(())
    }

    /// Ends the run after the ledger failed. Waits for the attempts in flight and emits their outcomes, which cannot be
    /// recorded.
    async fn break_off(&mut self, error: LedgerError, mut completions: Vec<Completion>) -> EngineError {
        self.flight.open.send_replace(false);
        self.emit_unrecorded(completions.iter_mut().filter_map(Completion::take_event));
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
                    self.free_user(key, decision::rest(&outcome, self.plan.retry.timeout), at);
                    self.emit_unrecorded([attempt_event(&attempted, &outcome, at)]);
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
            self.limits.limiter.free(trip.user, at.instant + rest, at.instant);
        }
    }

    fn spawn(&mut self, permit: Permit) {
        self.shared.prepared.fetch_add(1, Ordering::SeqCst);
        let latest = self.latest_start(permit.key());
        let shared = Arc::clone(&self.shared);
        let open = self.flight.open.subscribe();
        self.flight
            .workers
            .spawn(attempt::attempt(shared, open, self.emitter.sink(), permit, latest));
    }

    /// Returns whether this run has the lock of the app id. Tries to take it if a delivery is due and the last try was
    /// long enough ago.
    fn acquire_app_lock(&mut self, pick: Pick, at: Moment) -> Result<bool, EngineError> {
        if self.limits.limiter.held() {
            return Ok(true);
        }
        if !self.queue.has_next(self.ledger.state(), at, pick) {
            return Ok(false);
        }
        if self.asked.is_some_and(|asked| at.instant < asked + ASK_AGAIN) {
            return Ok(false);
        }
        match self.limits.limiter.take(at.instant) {
            Ok(()) => {
                self.asked = None;
                self.emitter.app_id_taken_by(None);
                Ok(true)
            }
            Err(NotTaken::By(owner)) => {
                self.asked = Some(at.instant);
                if self.plan.run.no_wait {
                    self.finish(StopReason::AppIdTaken(owner.clone()));
                }
                self.emitter.app_id_taken_by(Some(owner));
                Ok(false)
            }
            Err(NotTaken::Failed(why)) => Err(EngineError::AppId(why)),
        }
    }

    async fn end(mut self, why: StopReason) -> (RunOutcome, Ledger<S>) {
        let at = self.moment();
        if let (None, StopReason::Halted(halted)) = (&self.why, &why) {
            self.emitter.emit(at.wall, EventKind::Halted(halted.clone()));
        }
        self.why = Some(why.clone());
        self.tell_phase(at);
        self.leave(at.instant).await;
        let at = self.moment();
        let counts = self.ledger.state().counts();
        let ending = self.ending(&why, at);
        self.emitter.emit(at.wall, EventKind::RunEnded { ending, counts });
        (RunOutcome { ending, why, counts }, self.ledger)
    }

    /// Releases the lock of the app id, unless another run of this process sends. Waits for as long as a request with a
    /// lost answer may be at the platform.
    async fn leave(&self, mut now: Instant) {
        while let Err(kept_until) = self.limits.limiter.release(now) {
            tokio::time::sleep_until(kept_until.into()).await;
            now = monotonic_now();
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
            draining: self.why.as_ref().map(StopReason::draining),
            paused: match &*self.commands.borrow() {
                RunCommand::Pause { by } => Some(by.clone()),
                RunCommand::Go | RunCommand::Stop { .. } => None,
            },
            shut: self.send_window.waiting(&self.plan.schedule),
            blocked: self.limits.waiting(at.wall, at.instant).or(tomorrow),
            wave: self.limits.waves.waiting(&self.plan, at).filter(|_| idle),
            due: self.next_due().filter(|_| idle),
        };
        self.emitter.phase(at, seen);
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
            && let Err(kept_until) = self.limits.limiter.release(at.instant)
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
            () = self.limits.limiter.changed() => {}
            changed = self.commands.changed(), if self.why.is_none() => {
                if changed.is_err() {
                    self.finish(StopReason::Interrupted);
                }
            }
            () = tokio::time::sleep_until(next.into()) => {}
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
            self.limits.limiter.next_step(),
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
fn reserve_doubts(limiter: &LimiterHandle, plan: &Plan, ledger_state: &LedgerState, known: Moment) {
    for (key, status) in ledger_state.unsettled() {
        let doubt = status.doubt.filter(|_| status.state == State::InDoubt);
        if let Some(left) = doubt.and_then(|doubt| until(known.wall, doubt.due)) {
            let end = known.instant + left.min(plan.retry.timeout);
            limiter.inherit(User::new(&ledger_state.open_id(key.recipient)), end);
        }
    }
}

impl Batch {
    pub(super) fn add(&mut self, fact: Fact, completions: Completion) {
        self.facts.push(fact);
        self.completions.push(completions);
    }
}
