//! The driver of a run: the only async part of its loop. It gives inputs to the core, performs the actions, and awaits what the
//! core awaits. It decides nothing.
//!
//! `apply`, the simulation and the random histories run this driver. They differ in the platform, the store and the clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::catalogue::engine;
use crate::douyin::Platform;
use crate::ledger::{Fact, Ledger, LedgerError, Permit, Store};
use crate::model::clock::{Clock, Moment, monotonic_now};
use crate::model::event::Emit;
use crate::model::mutants::mutant;
use crate::model::person_request::{PersonAnswer, PersonRequest};
use crate::model::run_command::RunCommand;
use crate::plan::Plan;

use super::app_limiter::{AppLimiter, LimiterHandle, NotTaken};
use super::attempt::{self, Shared};
use super::core::{
    Action, Asked, Awaits, Changes, Decisions, Done, Input, Latest, Outside, Recording, Run, RunOutcome,
};
use super::mixed_up_answers::Answers;
use super::send_order::SendOrder;

/// Everything that one run needs. The ledger's audience has been admitted.
pub struct Apply<S, P> {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The ledger of the campaign.
    pub ledger: Ledger<S>,
    /// The platform.
    pub platform: Arc<P>,
    /// The order of recipients, from the audience that was read.
    pub send_order: SendOrder,
    /// The limiter of its app id, which it shares with other campaigns in this process.
    pub limiter: Arc<AppLimiter>,
    /// The clocks.
    pub clock: Clock,
    /// The commands to the run. It stops when the sender is dropped.
    pub commands: watch::Receiver<RunCommand>,
    /// The approvals and decisions of persons.
    pub requests: Requests,
    /// Receives the events.
    pub emit: Arc<dyn Emit>,
    /// The seed of every random choice, which is jitter only.
    pub seed: u64,
}

/// The approvals and decisions of persons, each with where its answer goes. The answer is dropped if the run ends before it takes
/// the request.
pub type Requests = mpsc::Receiver<(PersonRequest, oneshot::Sender<PersonAnswer>)>;

/// No requests.
#[must_use]
pub fn no_requests() -> Requests {
    mpsc::channel(1).1
}

/// Why a run failed. The next one finds the attempts that were in flight in doubt.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The ledger could not be written: nothing is sent without it.
    #[error("{}", engine::LedgerFailed)]
    Ledger(#[from] LedgerError),
    /// The app lock could not be asked for.
    #[error("{}", engine::AppLockFailed)]
    AppId(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another worker of the fleet may own the app id: nothing more is started or recorded.
    #[error("{}", engine::TermLost)]
    TermLost,
    /// A defect of the program.
    #[error("{}", engine::AttemptDefect)]
    Worker(#[from] tokio::task::JoinError),
}

impl<S: Store, P: Platform> Apply<S, P> {
    /// Sends what is owed until nothing is left or the run is stopped. Returns the ledger too.
    ///
    /// # Errors
    /// When the ledger fails or the term is lost: sending stops at once.
    pub async fn run(self) -> Result<(RunOutcome, Ledger<S>), EngineError> {
        Driver::new(self).run().await
    }

    /// Like [`Self::run`], and records the run so that it can be replayed.
    pub async fn run_recorded(self) -> (Result<(RunOutcome, Ledger<S>), EngineError>, Recording) {
        let seed = self.seed;
        Driver::new(self).run_recorded(seed).await
    }
}

/// Drives one run.
pub(super) struct Driver<S, P> {
    run: Run,
    plan: Arc<Plan>,
    ledger: Ledger<S>,
    limiter: LimiterHandle,
    shared: Arc<Shared<P>>,
    emit: Arc<dyn Emit>,
    commands: watch::Receiver<RunCommand>,
    requests: Requests,
    /// Where the answers go that the core has not given, by the number of the request.
    answers: HashMap<u64, oneshot::Sender<PersonAnswer>>,
    /// The requests that the core has not received.
    new_requests: Vec<Asked>,
    last_request: u64,
    attempts: JoinSet<Done>,
    finished: Vec<Done>,
    /// Turns false to cancel the prepared attempts that hold its receivers.
    open: watch::Sender<bool>,
    /// The time of the last step.
    now: Moment,
    recording: Option<Recording>,
}

impl<S: Store, P: Platform> Driver<S, P> {
    pub(super) fn new(apply: Apply<S, P>) -> Self {
        let now = apply.clock.moment();
        let plan = apply.plan;
        let limiter = apply
            .limiter
            .join(plan.pace.per_second, plan.retry.timeout, now.instant);
        let state = apply.ledger.state();
        let shared = Shared {
            platform: apply.platform,
            answers: Answers::new(state.recipients(), state.ordinals()),
            limiter: Arc::clone(&apply.limiter),
            line: Semaphore::new(1),
            slots: Semaphore::new(plan.pace.max_in_flight.into()),
            prepared: AtomicUsize::new(0),
            connecting: AtomicUsize::new(0),
            started: Notify::new(),
            clock: apply.clock,
            schedule: plan.schedule.clone(),
            commands: apply.commands.clone(),
            run_began: now.instant,
        };
        Self {
            run: Run::new(&plan, state, apply.send_order, now, apply.seed),
            plan,
            ledger: apply.ledger,
            limiter,
            shared: Arc::new(shared),
            emit: apply.emit,
            commands: apply.commands,
            requests: apply.requests,
            answers: HashMap::new(),
            new_requests: Vec::new(),
            last_request: 0,
            attempts: JoinSet::new(),
            finished: Vec::new(),
            open: watch::channel(true).0,
            now,
            recording: None,
        }
    }

    /// Like [`Self::run`], and records the run.
    pub(super) async fn run_recorded(mut self, seed: u64) -> (Result<(RunOutcome, Ledger<S>), EngineError>, Recording) {
        self.recording = Some(Recording::new(self.now, seed));
        let ended = self.end().await;
        let recording = self.recording.take().unwrap_or_else(|| Recording::new(self.now, seed));
        (ended.map(|outcome| (outcome, self.ledger)), recording)
    }

    pub(super) async fn run(mut self) -> Result<(RunOutcome, Ledger<S>), EngineError> {
        let outcome = self.end().await?;
        Ok((outcome, self.ledger))
    }

    async fn end(&mut self) -> Result<RunOutcome, EngineError> {
        let ended = self.drive().await;
        if ended.is_err() {
            // The answers of attempts in flight are not read after an error, so they are lost.
            let now = monotonic_now();
            self.attempts.abort_all();
            self.limiter.abandon(now);
            self.leave(now).await;
        }
        ended
    }

    async fn drive(&mut self) -> Result<RunOutcome, EngineError> {
        self.shared.answers.remember_coupons(&mut self.ledger).await?;
        let mut failed = None;
        let mut input = Input::Begin;
        loop {
            let decisions = self.step(input);
            let mut look_again = None;
            for action in decisions.actions {
                match action {
                    Action::Emit(event) => self.emit.emit(event),
                    Action::Start { permit, latest } => self.start(permit, latest),
                    Action::CancelPrepared => {
                        self.open.send_replace(false);
                        self.open = watch::channel(true).0;
                    }
                    Action::Answer { id, answer } => {
                        if let Some(sender) = self.answers.remove(&id) {
                            // The request counts also if the process that sent it has ended.
                            let _ = sender.send(answer);
                        }
                    }
                    Action::ReleaseAppLock => look_again = self.limiter.release(self.now.instant).err(),
                }
            }
            let awaited = match decisions.awaits {
                Awaits::Nothing => Ok(self.changes()?),
                Awaits::Change { until } => {
                    let until = look_again.map_or(until, |again| again.min(until));
                    self.wait(until).await?
                }
                Awaits::Flush(facts) => self.flush(facts).await.map(Input::Flushed),
                Awaits::AppLock => Ok(self.take_app_lock().await?),
                Awaits::LastAttempts => match self.attempts.join_next().await {
                    Some(done) => {
                        self.finished.extend(done);
                        Ok(Input::Changed(self.collect()))
                    }
                    // An owner whose term is lost is fenced, so its ledger may have failed too.
                    None if self.limiter.has_lost_term() => return Err(EngineError::TermLost),
                    None => return Err(failed.unwrap_or(LedgerError::Failed).into()),
                },
                Awaits::Leave => {
                    self.leave(self.now.instant).await;
                    Ok(Input::Left)
                }
                Awaits::End(outcome) => return Ok(outcome),
            };
            input = awaited.unwrap_or_else(|error| {
                failed = Some(error);
                Input::LedgerFailed
            });
        }
    }

    fn step(&mut self, input: Input) -> Decisions {
        self.now = self.shared.clock.moment();
        let outside = Outside {
            now: self.now,
            plan: &self.plan,
            state: self.ledger.state(),
            app: &mut self.limiter,
        };
        match &mut self.recording {
            Some(recording) => recording.step(&mut self.run, input, outside),
            None => self.run.step(input, outside),
        }
    }

    fn start(&mut self, permit: Permit, latest: Latest) {
        self.shared.prepared.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        let open = self.open.subscribe();
        let emit = Arc::clone(&self.emit);
        self.attempts
            .spawn(attempt::attempt(shared, open, emit, permit, latest));
    }

    async fn flush(&mut self, facts: Vec<Fact>) -> Result<Vec<Permit>, LedgerError> {
        if mutant!(PacedEarly) {
            for _ in facts.iter().filter(|fact| matches!(fact, Fact::Intent { .. })) {
                self.shared.limiter.start(|| true).await;
            }
        }
        let timeout = self.plan.retry.timeout;
        let mut commands = self.commands.clone();
        let given_up = async move {
            // Without a sender the run stops too.
            let _ = commands.wait_for(RunCommand::stops).await;
            tokio::time::sleep(timeout).await;
        };
        tokio::select! {
            biased;
            appended = self.ledger.append(facts) => appended,
            () = given_up => Err(LedgerError::GivenUp),
        }
    }

    async fn take_app_lock(&self) -> Result<Input, EngineError> {
        match self.limiter.take().await {
            Ok(()) => Ok(Input::AppLockTaken),
            Err(NotTaken::By(holder)) => Ok(Input::AppLockTakenBy(holder)),
            Err(NotTaken::Failed(why)) => Err(EngineError::AppId(why)),
        }
    }

    /// What has changed by now, without waiting.
    fn changes(&mut self) -> Result<Input, EngineError> {
        while let Some(done) = self.attempts.try_join_next() {
            self.finished.push(done?);
        }
        Ok(Input::Changed(self.collect()))
    }

    fn collect(&mut self) -> Changes {
        // A run that nobody can give a command to stops.
        let orphaned = self.commands.has_changed().is_err();
        let command = if orphaned {
            RunCommand::Stop { by: None }
        } else {
            self.commands.borrow_and_update().clone()
        };
        while let Ok(request) = self.requests.try_recv() {
            self.take_request(request);
        }
        let count = |counter: &AtomicUsize| u32::try_from(counter.load(Ordering::SeqCst)).unwrap_or(u32::MAX);
        Changes {
            finished: std::mem::take(&mut self.finished),
            prepared: count(&self.shared.prepared),
            connecting: count(&self.shared.connecting),
            command,
            freed: self.limiter.take_freed(),
            requests: std::mem::take(&mut self.new_requests),
        }
    }

    fn take_request(&mut self, (request, answer): (PersonRequest, oneshot::Sender<PersonAnswer>)) {
        self.last_request += 1;
        let id = self.last_request;
        self.answers.insert(id, answer);
        self.new_requests.push(Asked { id, request });
    }

    /// Waits for a change: an attempt that ended or started, a command, another campaign's news, or the moment `until`.
    async fn wait(&mut self, until: Instant) -> Result<Result<Input, LedgerError>, EngineError> {
        let orphaned = self.commands.has_changed().is_err();
        tokio::select! {
            biased;
            error = self.ledger.gone() => return Ok(Err(error)),
            Some(done) = self.attempts.join_next() => self.finished.push(done?),
            () = self.shared.started.notified() => {}
            () = self.limiter.changed() => {}
            _ = self.commands.changed(), if !orphaned => {}
            Some(request) = self.requests.recv() => self.take_request(request),
            () = tokio::time::sleep_until(until.into()) => {}
        }
        self.changes().map(Ok)
    }

    /// Releases the lock of the app id, unless another run of this process sends. Waits for as long as a request with a lost
    /// answer may be at the platform, unless another process may have the app id already.
    async fn leave(&self, mut now: Instant) {
        while let Err(kept_until) = self.limiter.release(now)
            && !self.limiter.has_lost_term()
        {
            tokio::time::sleep_until(kept_until.into()).await;
            now = monotonic_now();
        }
    }
}
