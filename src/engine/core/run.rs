//! The state machine of a run, from its first intent to its last outcome.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use crate::catalogue::Text;
use crate::douyin::NotReady;
use crate::engine::approval::{self, Approvable};
use crate::engine::earlier_requests::{EarlierRequest, earlier_requests};
use crate::engine::eligibility::activity_of;
use crate::engine::limits::Limits;
use crate::engine::limits::app_share::{AppState, Report, TermState};
use crate::engine::limits::circuit_breaker::Reach;
use crate::engine::limits::envelope_limit::EnvelopeLimit;
use crate::engine::limits::limit::{Allowance, Candidate, Limit as _, Mode, Reserved, RunEvent, View};
use crate::engine::limits::outage_limit::OutageChange;
use crate::engine::limits::reservations::User;
use crate::engine::limits::waves::{Leave, WaveChange, WaveCheck};
use crate::engine::queue::{Pick, Queue};
use crate::engine::resolution::{self, Selected};
use crate::engine::send_order::SendOrder;
use crate::ledger::{Fact, LedgerState, Permit};
use crate::model::approval::{ApprovalAnswer, ApprovalRequest};
use crate::model::clock::{LOOK_AGAIN, Moment, later, until};
use crate::model::delivery::{ActivityNo, DeliveryKey, State};
use crate::model::event::{AppLockHolder, Ending, Event, EventKind, Halted, Phase, Waiting};
use crate::model::mutants::mutant;
use crate::model::outcome::{Outcome, Proof};
use crate::model::person_request::{PersonAnswer, PersonRequest};
use crate::model::resolve::{ResolveAnswer, ResolveRequest, Resolved};
use crate::model::run_command::RunCommand;
use crate::pace::backoff;
use crate::plan::Plan;
use crate::plan::forecast::RELEASE_AFTER;

use super::answer_proof::{Judged, judge};
use super::attempt_result::{Attempted, Done, Latest};
use super::decision::{self, Context, RunEffect};
use super::event_dedup::EventDedup;
use super::in_flight::{Completion, InFlight, attempt_event, unusual_status};
use super::run_outcome::{RunOutcome, StopReason};
use super::step::{Action, Asked, Awaits, Changes, Decisions, Input, Outside};

/// How far ahead attempts are prepared. A flush shorter than this delays no send.
const LOOKAHEAD: Duration = Duration::from_millis(250);
/// How far ahead attempts are prepared while connects take long.
const MOST_AHEAD: Duration = Duration::from_secs(1);

/// The most recipients that expire in one batch.
const MOST_EXPIRED: usize = 512;

/// How many deliveries the answer to a decision describes.
const MOST_DESCRIBED: usize = 20_000;

/// A run, from its first intent to its last outcome.
#[derive(Debug)]
pub struct Run {
    queue: Queue,
    limits: Limits,
    in_flight: HashMap<DeliveryKey, InFlight>,
    /// The facts to make durable next.
    batch: Batch,
    stage: Stage,
    /// Why nothing more is started.
    stopped: Option<StopReason>,
    /// Whether attempts may start: not in a pause, outside the window or at the end.
    open: bool,
    command: RunCommand,
    /// The decisions of persons that wait until nothing is in flight. Nothing new is started meanwhile.
    resolves: VecDeque<PendingResolve>,
    /// Until when a request with a lost answer may be at the platform.
    lost_until: Instant,
    /// The attempts that were started and have sent nothing yet.
    prepared: u32,
    connecting: u32,
    /// The state of the app limiter, as last read.
    app: AppState,
    /// The activity of deliveries that are not in doubt.
    activity: ActivityNo,
    /// The number of deliveries that this run has attempted.
    deliveries: u64,
    random: fastrand::Rng,
    announced: EventDedup,
    actions: Vec<Action>,
}

/// Facts to make durable, and the effects to apply once they are.
#[derive(Debug, Default)]
struct Batch {
    facts: Vec<Fact>,
    completions: Vec<Completion>,
    intents: u32,
    /// Intents for deliveries that were not in doubt. Each may add a coupon.
    fresh: u64,
    /// Recipients whose activity expires before their send.
    expired: BTreeSet<u32>,
    /// Events to emit once the batch is durable.
    events: Vec<EventKind>,
    /// The approvals among the facts.
    approvals: Vec<DurableSoon>,
    /// The decision among the facts. No intent is beside it.
    resolved: Option<ResolvedSoon>,
}

/// A decision that waits until nothing is in flight.
#[derive(Debug)]
struct PendingResolve {
    /// The number of the request.
    id: u64,
    request: ResolveRequest,
}

/// A decision that is answered once it is durable.
#[derive(Debug)]
struct ResolvedSoon {
    resolve: PendingResolve,
    selected: Vec<Selected>,
}

/// An approval that is answered once it is durable.
#[derive(Debug)]
struct DurableSoon {
    /// The numbers of the requests.
    ids: Vec<u64>,
    approvable: Approvable,
}

impl Batch {
    fn add(&mut self, fact: Fact, completion: Completion) {
        self.facts.push(fact);
        self.completions.push(completion);
    }
}

/// What the run does at present.
#[derive(Debug)]
enum Stage {
    /// It decides.
    Running,
    /// It awaits the flush of a batch.
    Flushing {
        batch: Box<Batch>,
        facts: u64,
        intended: Vec<DeliveryKey>,
        since: Instant,
    },
    /// It awaits the app lock.
    Locking,
    /// The ledger failed, or another owner writes it. Attempts in flight end, and nothing is recorded.
    Failed,
    /// It releases the app lock, or has ended.
    Leaving,
}

impl Run {
    /// A run that begins now.
    #[must_use]
    pub fn new(plan: &Plan, state: &LedgerState, mut send_order: SendOrder, now: Moment, seed: u64) -> Self {
        let present = Moment {
            wall: state.present(now.wall),
            ..now
        };
        let queue = Queue::new(plan, state, send_order.take_order(), present);
        Self {
            limits: Limits::new(plan, state, &queue, send_order, now),
            queue,
            in_flight: HashMap::new(),
            batch: Batch::default(),
            stage: Stage::Running,
            stopped: None,
            open: true,
            command: RunCommand::Go,
            resolves: VecDeque::new(),
            lost_until: now.instant,
            prepared: 0,
            connecting: 0,
            app: AppState::unread(now.instant),
            activity: state.current_activity().unwrap_or(ActivityNo(0)),
            deliveries: 0,
            random: fastrand::Rng::with_seed(seed),
            announced: EventDedup::default(),
            actions: Vec::new(),
        }
    }

    /// Takes in an input and decides what follows. An input that the run does not await is ignored, apart from changes.
    pub fn step(&mut self, input: Input, mut outside: Outside<'_>) -> Decisions {
        let outside = &mut outside;
        self.read_app(outside);
        let awaits = match input {
            Input::Begin => self.begin(outside),
            Input::Changed(changes) => self.on_change(changes, outside),
            Input::Flushed(permits) => self.on_flushed(permits, outside),
            Input::LedgerFailed => {
                self.stop_recording(outside);
                Awaits::LastAttempts
            }
            Input::AppLockTaken => self.on_app_lock_taken(outside),
            Input::AppLockTakenBy(holder) => self.on_app_lock_taken_by(holder, outside),
            Input::Left => self.on_left(outside),
        };
        Decisions {
            actions: mem::take(&mut self.actions),
            awaits,
        }
    }

    /// Reserves the users of the ledger's doubts for as long as a request of an earlier process may be at the platform. Other
    /// campaigns do not send to them until then.
    fn reserve_doubts(&mut self, outside: &mut Outside<'_>) {
        let Outside { now, plan, state, .. } = *outside;
        for EarlierRequest { open_id, left } in earlier_requests(state, plan.retry.timeout, now.wall) {
            let user = User::new(&open_id);
            let end = now.instant + left;
            self.lost_until = self.lost_until.max(end);
            outside.app.report(Report::Inherited { user, end }, now.instant);
        }
    }

    fn begin(&mut self, outside: &mut Outside<'_>) -> Awaits {
        self.reserve_doubts(outside);
        let Outside { now, plan, state, .. } = *outside;
        if let Some(event) = self.limits.waves.ahead(plan, state, &self.queue, now) {
            self.emit(event, now);
        }
        Awaits::Nothing
    }

    fn on_change(&mut self, changes: Changes, outside: &mut Outside<'_>) -> Awaits {
        self.follow(changes.command, outside.now);
        self.prepared = changes.prepared;
        self.connecting = changes.connecting;
        let mut finished = changes.finished;
        // Cancelled attempts finish in any order. Sort them by key so that runs are deterministic.
        finished.sort_by_key(Done::key);
        if self.app.term == TermState::Lost && matches!(self.stage, Stage::Running) {
            self.stop_recording(outside);
        }
        if matches!(self.stage, Stage::Failed) {
            for done in finished {
                self.on_unrecorded(done, outside);
            }
            return Awaits::LastAttempts;
        }
        for done in finished {
            self.on_attempt_finished(done, outside);
        }
        for Asked { id, request } in changes.requests {
            match request {
                PersonRequest::Approve(request) => self.on_approval(id, request, outside),
                PersonRequest::Resolve(request) => self.await_resolve(PendingResolve { id, request }),
            }
        }
        self.check(changes.freed, outside);
        self.resolve_next(outside);
        self.check_waves(outside);
        if !matches!(self.stage, Stage::Running) {
            return Awaits::Nothing;
        }
        if let Some(allowance) = self.may_prepare(outside) {
            if !self.app.sending {
                self.stage = Stage::Locking;
                return Awaits::AppLock;
            }
            self.prepare(allowance, outside);
        }
        self.close(outside)
    }

    /// Obeys a command, and records who gave it.
    fn follow(&mut self, command: RunCommand, now: Moment) {
        if command != self.command
            && !matches!(self.stage, Stage::Failed)
            && let Some(act) = command.act()
        {
            let act = Box::new(act);
            self.batch.facts.push(Fact::Acted { at: now.wall, act });
        }
        self.command = command;
    }

    /// Adds the fact of an approval to the batch, or answers that it has no effect.
    fn on_approval(&mut self, id: u64, request: ApprovalRequest, outside: &Outside<'_>) {
        let Outside { now, plan, state, .. } = *outside;
        let approvable = match approval::check(plan, state, request.wave, now.wall) {
            Ok(approvable) => approvable,
            Err(answer) => return self.answer(id, PersonAnswer::Approval(answer)),
        };
        let mut others = self.batch.approvals.iter_mut();
        if let Some(same) = others.find(|other| other.approvable == approvable) {
            return same.ids.push(id);
        }
        self.batch.facts.push(approvable.fact(request.by.clone(), now.wall));
        self.batch.events.push(EventKind::Approved {
            wave: approvable.wave,
            by: request.by,
        });
        self.batch.approvals.push(DurableSoon {
            ids: vec![id],
            approvable,
        });
    }

    fn answer(&mut self, id: u64, answer: PersonAnswer) {
        self.actions.push(Action::Answer { id, answer });
    }

    /// Takes in a decision. It is about what the ledger says once nothing is in flight, so prepared attempts are cancelled.
    fn await_resolve(&mut self, resolve: PendingResolve) {
        self.resolves.push_back(resolve);
        self.cancel();
    }

    /// Whether a decision waits or is being written, so that nothing new may be started.
    fn is_resolving(&self) -> bool {
        !self.resolves.is_empty() || self.batch.resolved.is_some()
    }

    /// Adds the facts of the next decision to the batch, once nothing is in flight and everything is durable. Answers those
    /// that have no effect. A decision that owes a doubt again waits until no request of a doubt is at the platform: the ledger
    /// no longer says then that it may be.
    fn resolve_next(&mut self, outside: &Outside<'_>) {
        let Outside { now, state, .. } = *outside;
        let is_quiet = self.in_flight.is_empty() || mutant!(DecidedInFlight);
        let is_settled = matches!(self.stage, Stage::Running) && is_quiet;
        while is_settled
            && self.batch.facts.is_empty()
            && let Some(resolve) = self.resolves.pop_front()
        {
            let PendingResolve { id, request } = &resolve;
            let selected = match resolution::check(state, request) {
                Ok(selected) => selected,
                Err(answer) => {
                    self.answer(*id, PersonAnswer::Resolve(answer));
                    continue;
                }
            };
            if selected.is_empty() {
                let answer = ResolveAnswer::Resolved(Resolved::default());
                self.answer(*id, PersonAnswer::Resolve(answer));
                continue;
            }
            let mut doubts = selected
                .iter()
                .filter(|it| state.status(it.key).reopens_doubt(request.to));
            if now.instant < self.lost_until && doubts.next().is_some() && !mutant!(ReopenedUnderWay) {
                return self.resolves.push_front(resolve);
            }
            self.batch.facts = resolution::facts(&selected, request, now.wall);
            self.batch.resolved = Some(ResolvedSoon { resolve, selected });
        }
    }

    /// Applies the effects of a decision that is durable: the run goes on with what is owed now.
    fn on_resolved(&mut self, resolved: ResolvedSoon, outside: &Outside<'_>) {
        let ResolvedSoon {
            resolve: PendingResolve { id, request },
            selected,
        } = resolved;
        let Outside { now, plan, state, .. } = *outside;
        if !mutant!(DecisionUnheard) {
            self.queue.resolved(state, selected.iter().map(|it| it.key));
        }
        self.limits.waves.recount(plan, state, &self.queue);
        self.emit(
            EventKind::Resolved {
                deliveries: selected.len() as u64,
                to: request.to,
                by: request.by,
            },
            now,
        );
        let resolved = resolution::resolved(state, &selected, MOST_DESCRIBED);
        self.answer(id, PersonAnswer::Resolve(ResolveAnswer::Resolved(resolved)));
    }

    fn on_app_lock_taken(&mut self, outside: &mut Outside<'_>) -> Awaits {
        if !matches!(self.stage, Stage::Locking) {
            return Awaits::Nothing;
        }
        self.stage = Stage::Running;
        self.limits.app_lock.taken();
        // A window may have closed meanwhile.
        self.check(Vec::new(), outside);
        if let Some(allowance) = self.may_prepare(outside).filter(|_| self.app.sending) {
            self.prepare(allowance, outside);
        }
        self.close(outside)
    }

    fn on_app_lock_taken_by(&mut self, holder: AppLockHolder, outside: &mut Outside<'_>) -> Awaits {
        if !matches!(self.stage, Stage::Locking) {
            return Awaits::Nothing;
        }
        self.stage = Stage::Running;
        if outside.plan.run.no_wait {
            self.finish(StopReason::AppIdTaken(holder.clone()));
        }
        self.limits.app_lock.taken_by(holder, outside.now.instant);
        self.close(outside)
    }

    /// Handles a finished or cancelled attempt: adds its fact to the batch and applies its effects on the run.
    fn on_attempt_finished(&mut self, done: Done, outside: &mut Outside<'_>) {
        let now = outside.now;
        outside.app.report(Report::Probed, now.instant);
        let Some(in_flight) = self.in_flight.remove(&done.key()) else {
            return;
        };
        match done {
            Done::CalledOff { key, why } => {
                self.queue.withdraw(key, in_flight.first_in_run);
                self.deliveries -= u64::from(in_flight.first_in_run);
                self.limits
                    .release(in_flight.user, Duration::ZERO, now.instant, outside.app);
                let completion = Completion {
                    key,
                    intended: None,
                    due: now.instant,
                    event: None,
                };
                self.batch.add(Fact::Withdrawn { key }, completion);
                if let Some(why) = why {
                    self.on_not_ready(&why, now);
                }
            }
            Done::Ended {
                key,
                attempted,
                outcome,
                whose,
                ended,
            } => {
                let Judged { outcome, halted: mixed } = judge(outside.state, &attempted, *outcome, whose);
                let context = self.context(key, &in_flight, &attempted, &outcome, outside);
                let mut decision = decision::decide(&outcome, &context);
                if let Some(mixed) = mixed {
                    decision.effect = RunEffect::Halt(mixed);
                }
                let rest = decision::rest(&outcome, context.timeout);
                self.lost_until = self.lost_until.max(now.instant + rest);
                self.limits.release(in_flight.user, rest, now.instant, outside.app);
                let observed = RunEvent::Outcome {
                    outcome: &outcome,
                    resend: in_flight.doubt.is_some(),
                };
                self.observe(&observed, now);
                self.apply_effect(key, decision.effect, &outcome, outside);
                let completion = Completion {
                    key,
                    intended: Some(in_flight.intended),
                    due: ended + decision.wait,
                    event: Some(attempt_event(&attempted, &outcome, now)),
                };
                let unusual = unusual_status(&outcome);
                if let Some(warning) = unusual.and_then(|status| self.announced.coupon_status(status)) {
                    self.emit(warning, now);
                }
                let fact = Fact::Ended {
                    key,
                    decision: decision.decision,
                    outcome: Box::new(outcome),
                };
                self.batch.add(fact, completion);
            }
        }
    }

    fn context(
        &mut self,
        key: DeliveryKey,
        in_flight: &InFlight,
        attempted: &Attempted,
        outcome: &Outcome,
        outside: &Outside<'_>,
    ) -> Context {
        let retry = &outside.plan.retry;
        let failed = self.queue.failed(key).max(1);
        let random = self.random.f64();
        Context {
            open_id: attempted.open_id.clone(),
            merchant_coupon_id: attempted.merchant_coupon_id.to_string(),
            doubt: in_flight.doubt,
            reopened: in_flight.reopened,
            former_activity: in_flight.former_activity,
            accepts_replays: outside.state.accepts_replays(),
            wrong_address: outcome.wrong_address() && self.limits.halt_policy.wrong_address(),
            timeout: retry.timeout,
            delay: backoff::delay(failed, retry.first_delay, retry.max_delay, random),
        }
    }

    /// Applies the effects of an outcome on later attempts.
    fn apply_effect(&mut self, key: DeliveryKey, effect: RunEffect, outcome: &Outcome, outside: &mut Outside<'_>) {
        let now = outside.now;
        let reach = effect.reach();
        let began = now.instant.checked_sub(outcome.latency).unwrap_or(now.instant);
        self.read_app(outside);
        let waited = self.limits.platform.lasts() || self.app.outage.is_some();
        outside.app.report(Report::Ended { key, reach, began }, now.instant);
        self.check_limiter(outside);
        if reach == Reach::Answered && waited {
            self.observe(&RunEvent::Recovered, now);
        }
        let mut counts = !waited && self.app.outage.is_none();
        match effect {
            RunEffect::Answered => {
                let settled = matches!(outcome.proof, Proof::Issued { .. } | Proof::Refused);
                self.observe(&RunEvent::Answered { settled }, now);
            }
            // The attempt does not count, but the delay before the next one grows.
            RunEffect::NotSent if counts && !mutant!(NotSentCounts) => return self.queue.uncount_unsent(key),
            RunEffect::Unable | RunEffect::Lost | RunEffect::NotSent => {}
            RunEffect::Throttled => {
                let recipient = key.recipient;
                outside.app.report(Report::Throttled { recipient, began }, now.instant);
                self.read_app(outside);
                counts &= self.app.slowed.is_none();
            }
            RunEffect::Token => counts = false,
            RunEffect::Wait { code, message } => {
                counts = false;
                let message = &message;
                self.observe(&RunEvent::AskedToWait { code, message }, now);
                self.cancel();
            }
            RunEffect::Halt(halted) => self.halt(halted, now),
        }
        if !counts {
            self.queue.uncount(key);
        }
    }

    fn on_not_ready(&mut self, why: &NotReady, now: Moment) {
        match why {
            NotReady::Refused { .. } | NotReady::Expired { .. } => {
                self.halt(Halted::Credentials { why: Text::new(why) }, now);
            }
            NotReady::BadCertificate { .. } => {
                let detail = Text::new(why);
                self.halt(Halted::Certificate { detail }, now);
            }
            NotReady::OutOfReach { why, again } => {
                let again = again.into_std();
                self.observe(&RunEvent::NoToken { why, again }, now);
            }
        }
    }

    /// Checks the conditions from outside that end the run or change its pace.
    fn check(&mut self, freed: Vec<User>, outside: &mut Outside<'_>) {
        let Outside { now, plan, state, .. } = *outside;
        let paused = matches!(self.command, RunCommand::Pause { .. });
        let shut = self.check_window(outside);
        self.pause(paused || shut, outside);
        let lost = self.limits.out_of_reach_since(&self.app);
        let lost = lost.filter(|_| !paused && !shut);
        if self.command.stops() {
            let by = self.command.stopped_by().cloned();
            self.finish(by.map_or(StopReason::Interrupted, StopReason::Stopped));
        } else if self.app.term == TermState::HandOver {
            self.finish(StopReason::HandedOver);
        } else if now.wall >= plan.schedule.end {
            self.finish(StopReason::End);
        } else if let Some(why) = self.must_not_wait(outside) {
            self.finish(why);
        } else if lost.is_some_and(|since| now.instant.saturating_duration_since(since) >= plan.retry.give_up) {
            self.finish(StopReason::GaveUp);
        } else if plan.run.no_wait && self.waits_for_day(outside) {
            self.finish(StopReason::DayUsedUp);
        }
        outside.app.report(Report::Checked, now.instant);
        self.check_limiter(outside);
        for user in freed {
            self.queue.freed(state, user, now.instant);
        }
    }

    /// Checks the send window. Returns whether it is shut.
    fn check_window(&mut self, outside: &Outside<'_>) -> bool {
        let schedule = &outside.plan.schedule;
        let wall = outside.now.wall;
        let skipped = if schedule.shown.is_always() || !self.may_send(outside) {
            None
        } else {
            self.limits.window.skip(&schedule.shown, wall)
        };
        let changed = self.limits.window.check(schedule, wall);
        for event in [skipped, changed].into_iter().flatten() {
            self.emit(event, outside.now);
        }
        self.limits.window.is_shut()
    }

    /// Why the run ends instead of waiting for the send window. `None` if it waits, or the window is open.
    fn must_not_wait(&mut self, outside: &Outside<'_>) -> Option<StopReason> {
        let wait = self.limits.window.wait(&outside.plan.schedule)?;
        if wait.until.is_none() {
            return Some(StopReason::NoWindow);
        }
        // If nothing is left to send, the run ends for that reason.
        let leaves = outside.plan.run.no_wait && self.may_send(outside);
        leaves.then_some(match wait.why {
            Waiting::Start => StopReason::NotStarted,
            _ => StopReason::OutsideHours,
        })
    }

    /// Whether the run has nothing to do before the next day.
    fn waits_for_day(&mut self, outside: &Outside<'_>) -> bool {
        let view = self.view(outside);
        self.limits.daily_limit.waiting(&view).is_some() && self.may_send(outside)
    }

    /// Begins or ends a pause or the time outside the window. Its beginning cancels the prepared attempts.
    fn pause(&mut self, paused: bool, outside: &mut Outside<'_>) {
        if self.stopped.is_some() || paused != self.open {
            return;
        }
        self.open = !paused;
        if paused {
            self.actions.push(Action::CancelPrepared);
        } else {
            outside.app.report(Report::Resumed, outside.now.instant);
            self.read_app(outside);
            self.observe(&RunEvent::Resumed, outside.now);
        }
    }

    /// Handles changes of the outage and of the throttle, whichever campaign of the app id caused them.
    fn check_limiter(&mut self, outside: &mut Outside<'_>) {
        self.read_app(outside);
        let view = self.view(outside);
        match self.limits.outage.change(&view) {
            Some(OutageChange::Began) => self.cancel(),
            Some(OutageChange::Ended) => self.observe(&RunEvent::OutageEnded, outside.now),
            None => {}
        }
        if let Some(event) = self.announced.pace(&self.app, outside.now) {
            self.emit(event, outside.now);
        }
    }

    /// Ends a wave that has nothing left, begins the next one, and halts if too few deliveries of one were issued.
    fn check_waves(&mut self, outside: &Outside<'_>) {
        if outside.plan.schedule.waves.is_empty() || self.stopped.is_some() {
            return;
        }
        let view = self.view(outside);
        let in_flight: Vec<_> = self.in_flight.keys().copied().collect();
        let check = WaveCheck {
            queue: &mut self.queue,
            in_flight: &in_flight,
            settled: self.batch.facts.is_empty(),
        };
        match self.limits.waves.check(&view, check) {
            None => {}
            Some(WaveChange::Began(event)) => self.emit(event, outside.now),
            Some(WaveChange::Ended { fact, event, skipped }) => {
                self.batch.facts.push(fact);
                self.batch.events.push(event);
                if let Some(wait) = skipped {
                    self.limits.window.fast_forward(wait);
                }
            }
            Some(WaveChange::Halted { fact, halted }) => {
                self.batch.facts.extend(fact);
                self.halt(halted, outside.now);
            }
            Some(WaveChange::Leaves(leave)) => {
                let why = match leave {
                    Leave::TooLate => StopReason::NoWave,
                    Leave::Waits => StopReason::BetweenWaves,
                    Leave::NotApproved(done) => StopReason::NotApproved(done),
                };
                self.finish_instead_of_waiting(why, outside);
            }
        }
    }

    /// Ends a run that would wait, unless it is over for another reason.
    fn finish_instead_of_waiting(&mut self, why: StopReason, outside: &Outside<'_>) {
        if self.finished(outside).is_none() {
            self.finish(why);
        }
    }

    /// What the limits allow to prepare. `None` if nothing may be prepared now.
    fn may_prepare(&mut self, outside: &mut Outside<'_>) -> Option<Allowance> {
        if !self.open || self.is_resolving() {
            return None;
        }
        self.rehearse_day(outside);
        let view = self.view(outside);
        let allowance = self.limits.allowance(&view);
        if self.room(&allowance, outside.now.instant) == 0 {
            return None;
        }
        if self.app.sending {
            return Some(allowance);
        }
        // The lock is taken when a delivery is due, and tried again only after a while.
        let pick = self.pick(&allowance, outside);
        let asks =
            self.queue.has_next(outside.state, outside.now, pick) && self.limits.app_lock.may_ask(outside.now.instant);
        asks.then_some(allowance)
    }

    /// Adds intents for the deliveries that are due, as far as all limits allow.
    fn prepare(&mut self, allowance: Allowance, outside: &mut Outside<'_>) {
        let now = outside.now.instant;
        for _ in 0..self.room(&allowance, now) {
            let pick = self.pick(&allowance, outside);
            let Some(candidate) = self.next_candidate(pick, outside) else {
                break;
            };
            if allowance.mode(now) == Mode::Probe {
                outside.app.report(Report::Probing, now);
            }
            self.intend(candidate, outside);
        }
    }

    /// Returns how many intents may be added now. No more attempts are prepared than start within [`LOOKAHEAD`], so that a
    /// crash leaves few doubts: an intent whose request was not sent cannot be distinguished from one whose request was. Those
    /// that wait for a connection come on top of that, up to the starts of [`MOST_AHEAD`], so that slow connects delay no send.
    fn room(&self, allowance: &Allowance, now: Instant) -> u64 {
        let in_flight = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a pace is positive and small"
        )]
        let starts = |within: Duration| ((self.app.per_second * within.as_secs_f64()) as u32).max(1);
        let connected = self.prepared.saturating_sub(self.connecting);
        let prepare = starts(LOOKAHEAD).saturating_sub(connected);
        let prepare = prepare.min(starts(MOST_AHEAD).saturating_sub(self.prepared));
        let room = match allowance.mode(now) {
            Mode::Send => {
                let room = allowance.in_flight.saturating_sub(in_flight);
                room.min(prepare)
            }
            Mode::Probe => u32::from(in_flight == 0),
            Mode::NotBefore(_) => 0,
        };
        u64::from(room).min(allowance.starts)
    }

    /// Which deliveries may be picked for the next intent.
    fn pick(&mut self, allowance: &Allowance, outside: &Outside<'_>) -> Pick {
        let capped = self.is_capped(outside.plan);
        if self.exhausted(outside, self.batch.fresh).is_some() {
            Pick::Doubt { again: capped }
        } else if capped {
            Pick::Again
        } else if allowance.mode(outside.now.instant) == Mode::Probe {
            Pick::Probe
        } else {
            Pick::Send
        }
    }

    /// Returns the next delivery that all limits allow, with their reservations. Recipients who expire before their start are
    /// skipped. Each is a fact, so that the next run knows it as well. Deliveries to users with a request in flight in another
    /// campaign are set aside.
    fn next_candidate(&mut self, pick: Pick, outside: &mut Outside<'_>) -> Option<Candidate> {
        while self.batch.expired.len() < MOST_EXPIRED {
            let Outside { now, state, .. } = *outside;
            let key = self.queue.next(state, now, pick)?;
            let user = User::new(&state.open_id(key.recipient));
            let candidate = Candidate { key, user };
            let view = self.view(outside);
            match self.limits.reserve(candidate, &view, outside.app) {
                Reserved::Yes => return Some(candidate),
                Reserved::Busy(busy) => self.queue.set_aside(key, user, busy),
                Reserved::Expired => {
                    let recipient = key.recipient;
                    self.queue.forget(key);
                    if self.batch.expired.insert(recipient) {
                        self.batch.facts.push(Fact::Lapsed {
                            recipient,
                            at: now.wall,
                        });
                    }
                }
            }
        }
        None
    }

    fn intend(&mut self, candidate: Candidate, outside: &Outside<'_>) {
        let Candidate { key, user } = candidate;
        let status = outside.state.status(key);
        let doubt = status.doubt.filter(|_| status.state == State::InDoubt);
        let activity = activity_of(&status, self.activity);
        let first_in_run = self.queue.count(key);
        let in_flight = InFlight {
            user,
            doubt,
            reopened: status.reopened,
            former_activity: activity != self.activity,
            first_in_run,
            intended: outside.now.age,
        };
        self.in_flight.insert(key, in_flight);
        self.deliveries += u64::from(first_in_run);
        self.batch.fresh += u64::from(doubt.is_none());
        self.batch.intents += 1;
        self.batch.facts.push(Fact::Intent {
            key,
            activity,
            at: outside.now.wall,
        });
    }

    /// A rehearsal shows the wait for the next day and skips it.
    fn rehearse_day(&mut self, outside: &Outside<'_>) {
        let present = self.limits.window.present(outside.now.wall);
        let Some(ends) = self
            .limits
            .daily_limit
            .rehearse(outside.state, present, outside.now.wall)
        else {
            return;
        };
        if self.may_send(outside) {
            let wait = until(present, ends).unwrap_or_default();
            self.limits.window.fast_forward(wait);
            self.limits.daily_limit.skip_day(outside.state, ends, outside.now.wall);
            let skipped = EventKind::DayPassedOver {
                most: outside.plan.pace.per_day,
                until: ends,
                wait,
            };
            self.emit(skipped, outside.now);
        }
    }

    /// Decides what the run awaits: the flush of its batch, its end, or a change.
    fn close(&mut self, outside: &mut Outside<'_>) -> Awaits {
        if !self.batch.facts.is_empty() {
            if mutant!(ToldEarly) {
                self.emit_completions();
            }
            let mut batch = mem::take(&mut self.batch);
            let facts = mem::take(&mut batch.facts);
            let intended = facts.iter().filter_map(|fact| match fact {
                Fact::Intent { key, .. } => Some(*key),
                _ => None,
            });
            self.stage = Stage::Flushing {
                batch: Box::new(batch),
                facts: facts.len() as u64,
                intended: intended.collect(),
                since: outside.now.instant,
            };
            return Awaits::Flush(facts);
        }
        if self.in_flight.is_empty()
            && self.resolves.is_empty()
            && let Some(why) = self.finished(outside)
        {
            if let (None, StopReason::Halted(halted)) = (&self.stopped, &why) {
                self.emit(EventKind::Halted(halted.clone()), outside.now);
            }
            self.stopped = Some(why);
            self.announce_phase(outside);
            self.stage = Stage::Leaving;
            return Awaits::Leave;
        }
        self.announce_phase(outside);
        self.wait(outside)
    }

    /// Applies the effects of a durable batch, and starts its attempts.
    fn on_flushed(&mut self, permits: Vec<Permit>, outside: &mut Outside<'_>) -> Awaits {
        if !matches!(self.stage, Stage::Flushing { .. }) {
            return Awaits::Nothing;
        }
        let Stage::Flushing {
            batch, facts, since, ..
        } = mem::replace(&mut self.stage, Stage::Running)
        else {
            return Awaits::Nothing;
        };
        let Outside { now, state, .. } = *outside;
        for completion in batch.completions {
            self.settle(completion, outside);
        }
        for event in batch.events {
            self.emit(event, now);
        }
        for DurableSoon { ids, approvable } in batch.approvals {
            let answer = ApprovalAnswer::Approved { wave: approvable.wave };
            for id in ids {
                self.answer(id, PersonAnswer::Approval(answer.clone()));
            }
        }
        if let Some(resolved) = batch.resolved {
            self.on_resolved(resolved, outside);
        }
        let took = now.instant.saturating_duration_since(since);
        self.emit(EventKind::Flushed { took, facts }, now);
        let counts = state.counts();
        let valuation = state.valuation(&outside.plan.activity_id, outside.plan.coupon_value);
        self.emit(EventKind::Counted { counts, valuation }, now);
        for permit in permits {
            let latest = self.latest_start(permit.key(), state);
            self.actions.push(Action::Start { permit, latest });
        }
        Awaits::Nothing
    }

    /// The last moment at which a delivery whose intent is durable may start.
    fn latest_start(&mut self, key: DeliveryKey, state: &LedgerState) -> Latest {
        let today = match state.status(key).state {
            State::Attempting { began, .. } => self.limits.daily_limit.latest(began),
            _ => None,
        };
        let expires = self.limits.expiry.latest(state, key);
        let is_resend = self
            .in_flight
            .get(&key)
            .is_some_and(|in_flight| in_flight.doubt.is_some());
        let approved = EnvelopeLimit::latest(state).filter(|_| !is_resend);
        Latest {
            wall: [expires, today, approved].into_iter().flatten().min(),
            age: self.queue.resend_until(key),
        }
    }

    /// Queues the delivery again or forgets it, and emits its event.
    fn settle(&mut self, completion: Completion, outside: &Outside<'_>) {
        let Completion {
            key,
            intended,
            due,
            event,
        } = completion;
        let status = outside.state.status(key);
        let settled = RunEvent::Settled {
            wave: self.queue.wave_of(key.recipient),
            state: status.state,
            stuck: status.doubt.is_some_and(|doubt| doubt.stuck),
        };
        self.observe(&settled, outside.now);
        match status.state {
            State::Issued => self.queue.issued(outside.state, key),
            State::Refused { .. } | State::Held { .. } | State::Skipped(_) => self.queue.forget(key),
            State::Pending | State::Deferred { .. } | State::InDoubt => {
                if let (State::InDoubt, Some(intended)) = (status.state, intended) {
                    self.queue.doubted(key, intended);
                }
                self.queue.put(key, &status, due);
            }
            State::Attempting { .. } => {}
        }
        self.actions.extend(event.map(Action::Emit));
    }

    fn emit_completions(&mut self) {
        let events = self.batch.completions.iter_mut();
        let events = events.filter_map(|completion| completion.event.take());
        self.actions.extend(events.map(Action::Emit));
    }

    /// Stops the run after the ledger failed, or because another owner writes it. The outcomes that cannot be recorded are
    /// emitted: these events are the only trace of coupons that the platform may have issued.
    fn stop_recording(&mut self, outside: &mut Outside<'_>) {
        self.open = false;
        self.actions.push(Action::CancelPrepared);
        let mut lost = vec![mem::take(&mut self.batch)];
        if let Stage::Flushing { batch, intended, .. } = mem::replace(&mut self.stage, Stage::Failed) {
            lost.insert(0, *batch);
            // Without a permit, none of these was sent.
            for in_flight in intended.into_iter().filter_map(|key| self.in_flight.remove(&key)) {
                self.limits
                    .release(in_flight.user, Duration::ZERO, outside.now.instant, outside.app);
            }
        }
        for batch in lost {
            if let Some(resolved) = batch.resolved {
                self.answer(resolved.resolve.id, PersonAnswer::Resolve(ResolveAnswer::Unknown));
            }
            for event in batch.completions.into_iter().filter_map(|completion| completion.event) {
                self.emit_unrecorded(event);
            }
        }
    }

    fn on_unrecorded(&mut self, done: Done, outside: &mut Outside<'_>) {
        let now = outside.now;
        let key = done.key();
        let mut rest = Duration::ZERO;
        if let Done::Ended {
            attempted,
            outcome,
            whose,
            ..
        } = done
        {
            let outcome = judge(outside.state, &attempted, *outcome, whose).outcome;
            rest = decision::rest(&outcome, outside.plan.retry.timeout);
            self.emit_unrecorded(attempt_event(&attempted, &outcome, now));
        }
        if let Some(in_flight) = self.in_flight.remove(&key) {
            self.limits.release(in_flight.user, rest, now.instant, outside.app);
        }
    }

    fn emit_unrecorded(&mut self, event: Event) {
        if let EventKind::AttemptEnded(attempt) = event.kind {
            self.actions.push(Action::Emit(Event {
                at: event.at,
                kind: EventKind::AttemptUnrecorded(attempt),
            }));
        }
    }

    /// Why the run is over when nothing is in flight. `None` if it goes on.
    fn finished(&mut self, outside: &Outside<'_>) -> Option<StopReason> {
        if self.stopped.is_some() {
            return self.stopped.clone();
        }
        let capped = self.is_capped(outside.plan);
        if self.queue.is_exhausted(outside.state, capped) {
            return Some(if capped {
                StopReason::AtMost
            } else {
                StopReason::NothingLeft
            });
        }
        let reached = self.exhausted(outside, 0)?;
        (!self.queue.has_doubt(outside.state, capped)).then_some(StopReason::Halted(reached))
    }

    fn on_left(&mut self, outside: &Outside<'_>) -> Awaits {
        let Some(why) = self.stopped.clone().filter(|_| matches!(self.stage, Stage::Leaving)) else {
            return Awaits::Nothing;
        };
        let Outside { now, state, .. } = *outside;
        let counts = state.counts();
        let ending = if counts.complete() {
            Ending::Complete
        } else {
            let present = state.present(now.wall);
            why.ending(self.queue.next_run_goes_on(state, present, now.age))
        };
        self.emit(EventKind::RunEnded { ending, counts }, now);
        Awaits::End(RunOutcome { ending, why, counts })
    }

    /// Whether this run has begun as many deliveries as it may.
    fn is_capped(&self, plan: &Plan) -> bool {
        self.deliveries >= plan.run.at_most
    }

    /// Whether there is something that this run may send, now or later.
    fn may_send(&mut self, outside: &Outside<'_>) -> bool {
        let capped = self.is_capped(outside.plan);
        !self.queue.has_nothing_left(outside.state, capped)
    }

    /// Which limit leaves no room for another coupon after `fresh` new intents. `None` if there is room.
    fn exhausted(&mut self, outside: &Outside<'_>, fresh: u64) -> Option<Halted> {
        let view = self.view(outside);
        self.limits.exhausted(&view, fresh)
    }

    /// When the next delivery becomes due that the limits have room for. `None` if no such delivery waits.
    fn next_due(&mut self, outside: &Outside<'_>) -> Option<Instant> {
        if self.exhausted(outside, 0).is_none() {
            self.queue.next_due()
        } else {
            self.queue.next_doubt_due()
        }
    }

    /// Emits the phase of the run if it changed.
    fn announce_phase(&mut self, outside: &Outside<'_>) {
        let phase = self.phase(outside);
        if let Some(event) = self.announced.phase(phase) {
            self.emit(event, outside.now);
        }
    }

    fn phase(&mut self, outside: &Outside<'_>) -> Phase {
        if let Some(why) = &self.stopped {
            return Phase::Draining { why: why.draining() };
        }
        if let RunCommand::Pause { by } = &self.command {
            return Phase::Paused { by: by.clone() };
        }
        let view = self.view(outside);
        let waits: Vec<_> = self.limits.waiting(&view).collect();
        for wait in waits {
            // A run with nothing left to send does not wait for the next day.
            if !matches!(wait.why, Waiting::Day { .. }) || self.may_send(outside) {
                let why = wait.why;
                let until = wait.until;
                return Phase::Waiting { why, until };
            }
        }
        if !self.in_flight.is_empty() {
            return Phase::Sending;
        }
        let capped = self.is_capped(outside.plan);
        let why = if self.queue.waits_only_for_users(outside.state, capped) {
            Waiting::User
        } else {
            Waiting::Due
        };
        let due = self.next_due(outside);
        let until = due.map(|due| later(outside.now.wall, due.saturating_duration_since(outside.now.instant)));
        match (&why, until) {
            (Waiting::Due, None) => Phase::Sending,
            _ => Phase::Waiting { why, until },
        }
    }

    /// Waits for a change, or for the next time that matters. A run that waits long lets other processes send.
    fn wait(&mut self, outside: &Outside<'_>) -> Awaits {
        let now = outside.now;
        let next = self.next_time(outside);
        let long = match self.limits.window.shut_for(now.wall) {
            Some(wait) => wait >= RELEASE_AFTER,
            None => next >= now.instant + RELEASE_AFTER || !self.open,
        };
        // An attempt of another campaign ends soon, so the lock is kept for it.
        if long && !self.queue.waits_for_user() && self.in_flight.is_empty() {
            self.actions.push(Action::ReleaseAppLock);
        }
        Awaits::Change {
            until: next.min(now.instant + LOOK_AGAIN),
        }
    }

    /// The next moment at which time alone changes what may be done, or one far away.
    fn next_time(&mut self, outside: &Outside<'_>) -> Instant {
        let now = outside.now;
        let far = now.instant + RELEASE_AFTER * 60;
        let quiet = Some(self.lost_until).filter(|quiet| *quiet > now.instant && !self.resolves.is_empty());
        if self.stopped.is_some() {
            return quiet.unwrap_or(far);
        }
        let view = self.view(outside);
        let due = match self.limits.allowance(&view).mode(now.instant) {
            Mode::NotBefore(probe) => Some(probe),
            Mode::Send | Mode::Probe => self.next_due(outside),
        };
        let end = until(now.wall, outside.plan.schedule.end).and_then(|left| now.instant.checked_add(left));
        let recovers = self.app.slowed.map(|slowed| slowed.next_step);
        let times = [due.filter(|_| self.open && !self.is_resolving()), end, recovers, quiet];
        let times = times.into_iter().flatten();
        let times = times.chain(self.limits.changes_at(&view));
        times.filter(|time| *time > now.instant).min().unwrap_or(far)
    }

    /// Stops new attempts and cancels the prepared ones. Only the first reason counts.
    fn finish(&mut self, why: StopReason) {
        if self.stopped.is_none() {
            self.stopped = Some(why);
            self.open = false;
            self.actions.push(Action::CancelPrepared);
        }
    }

    fn halt(&mut self, halted: Halted, now: Moment) {
        if self.stopped.is_none() {
            self.emit(EventKind::Halted(halted.clone()), now);
        }
        self.finish(StopReason::Halted(halted));
    }

    /// Cancels the prepared attempts. Attempts prepared later may start.
    fn cancel(&mut self) {
        if self.open {
            self.actions.push(Action::CancelPrepared);
        }
    }

    /// Passes an event to all limits, and halts if one of them says so.
    fn observe(&mut self, event: &RunEvent<'_>, now: Moment) {
        if let Some(halted) = self.limits.observe(event, now) {
            self.halt(halted, now);
        }
    }

    fn read_app(&mut self, outside: &mut Outside<'_>) {
        self.app = outside.app.state(outside.now.instant);
    }

    fn emit(&mut self, kind: EventKind, now: Moment) {
        self.actions.push(Action::Emit(Event { at: now.wall, kind }));
    }

    fn view<'v>(&self, outside: &Outside<'v>) -> View<'v> {
        View {
            now: outside.now,
            plan: outside.plan,
            state: outside.state,
            app: self.app,
            in_flight: self.in_flight.len(),
            ahead: self.prepared.saturating_add(self.batch.intents),
            open: self.open && !self.is_resolving(),
        }
    }
}
