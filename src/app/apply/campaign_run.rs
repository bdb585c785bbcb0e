//! One campaign's run: every step in order, and what it reports.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::catalogue::{Text, activity as activity_text, app as text, push};
use crate::control::{ControlServer, LedgerView, Listening};
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::engine::app_limiter::AppLimiter;
use crate::engine::audience_diff::{Accept, Admission, Change, NotTakenOver, owed_again};
use crate::engine::send_order::SendOrder;
use crate::engine::{Apply, EngineError, RunOutcome, StopReason};
use crate::fleet::{AppKey, Database, DatabaseError};
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::{Fact, Ledger, LedgerError, LedgerState, StoreError};
use crate::model::activity::DeclaredActivity;
use crate::model::actor::Actor;
use crate::model::clock::later;
use crate::model::delivery::StateName;
use crate::model::event::{AppLockHolder, Emit, Event, EventKind, Owner, Phase, Waiting};
use crate::model::identity::ActivityId;
use crate::model::problem::Problem;
use crate::model::run_command::{Requester, RunCommand};
use crate::notify::notifier::RunNotices;
use crate::plan::settings::settings;
use crate::report::reporter::Reporter;
use crate::report::text::visible;
use crate::report::times::{date_time, grouped};

use crate::app::activity::{self, Activities, ActivityError, LivePlatform, NextStep, ReleaseResult};
use crate::app::applied_settings;
use crate::app::audience_origin;
use crate::app::audience_reader::{AudienceReader, check_approved, check_reviewed, expected_rows};
use crate::app::campaign_store::CampaignStore;
use crate::app::doctor::with_causes;
use crate::app::environment::Notice;
use crate::app::error::AppError;
use crate::app::find_other_ledger;
use crate::app::fleet_commands;
use crate::app::fleet_runs::FleetRun;
use crate::app::fleet_status::{self, WaitingRun};
use crate::app::fleet_worker::{FleetWorker, Wait};
use crate::app::lists_elsewhere::ListsElsewhere;
use crate::app::locked_ledger::{LockedLedger, OpenLedger};
use crate::app::older_ledger::{self, OlderLedger};
use crate::app::reconcile::{Records, connect_in_run};
use crate::app::shared_ownership::OwnershipUse;
use crate::app::template::{self, TemplateNeeds};
use crate::app::witness::CampaignWitnesses;
use crate::app::wrong_clock;

use super::confirmation::{Answer, ConfirmationSeat, Facts, Question, needs_question};
use super::current_file;
use super::load::ReadyCampaign;
use super::owner::{self, StatusKeeper};
use super::request::ApplyRequest;

/// How often a run looks at first whether another machine has admitted the audience.
const LOOK_FOR_AUDIENCE: Duration = Duration::from_secs(2);
/// How often it looks after a while.
const LOOK_SELDOM: Duration = Duration::from_secs(10);

/// How long a run that takes over waits before it reads lists again whose server is away.
const READ_LISTS_AGAIN: Duration = Duration::from_secs(10);

/// How a run ended that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum RunResult {
    /// The engine ended it. The reporter has a summary.
    Ended(RunOutcome),
    /// It was stopped before it sent anything, or while it waited for the app id again.
    Stopped {
        /// The process that stopped it. `None` for a signal.
        by: Option<Requester>,
        /// Whether this process owned the app id before, and may have sent then.
        has_run: bool,
    },
    /// A person did not agree to it.
    Declined,
}

impl RunResult {
    /// Returns why the run ended before it could send. `None` if it has a summary to show.
    #[must_use]
    pub fn broken(&self) -> Option<String> {
        match self {
            Self::Ended(_) => None,
            Self::Stopped { by: Some(by), has_run } => {
                let by = by.to_string();
                let requester = &visible(&by);
                Some(if *has_run {
                    text::StoppedWhileWaitingBy { requester }.to_string()
                } else {
                    text::StoppedBeforeSendingBy { requester }.to_string()
                })
            }
            Self::Stopped { by: None, has_run } => Some(if *has_run {
                text::InterruptedWhileWaiting.to_string()
            } else {
                text::InterruptedBeforeSending.to_string()
            }),
            Self::Declined => Some(text::Declined.to_string()),
        }
    }
}

/// What the runs of one process share.
pub(super) struct SharedRun {
    pub(super) request: ApplyRequest,
    /// The person who applies.
    pub(super) by: Actor,
    /// This process as a worker. `None` if ledgers are in files.
    pub(super) fleet: Option<Arc<FleetWorker>>,
    /// Limits how many campaigns read their ledger and audience at once: one for each core.
    pub(super) reading: Semaphore,
    /// The interval at which `status.json` is replaced.
    pub(super) status_interval: Duration,
}

/// What one run receives in addition to [`SharedRun`].
pub(super) struct CampaignRun {
    pub(super) campaign: ReadyCampaign,
    /// Whether this machine lacks lists of users of the campaign, so that it cannot admit the audience.
    pub(super) lists_are_elsewhere: bool,
    pub(super) server: ControlServer,
    pub(super) reporter: Arc<Reporter>,
    pub(super) notices: Option<Arc<RunNotices>>,
    pub(super) seat: ConfirmationSeat,
}

/// Sends all coupons that one campaign still owes.
pub(super) async fn apply(shared: Arc<SharedRun>, one: CampaignRun) -> Result<RunResult, AppError> {
    let CampaignRun {
        campaign,
        lists_are_elsewhere,
        server,
        reporter,
        notices,
        seat,
    } = one;
    if let Some(other) = find_other_ledger::find_before_apply(&campaign.loaded)? {
        return Err(other.into());
    }
    let taking = LockedLedger::take_for_apply(&campaign.loaded, &server);
    let locked = tokio::select! {
        locked = taking => locked?,
        () = owner::stopped(server.commands()) => return Ok(stopped(&server.commands(), false)),
    };
    let listening = owner::listen(&server, &locked);
    if shared.request.fresh {
        locked.discard()?;
    }
    if let Some(notices) = notices {
        notices.keep_in(locked.lock().directory().path().to_owned());
    }
    let witnesses = CampaignWitnesses::new(&campaign.loaded);
    let status = StatusKeeper::start(&locked, &reporter, shared.status_interval);
    let mut run = StartedRun {
        shared: &shared,
        limiter: Arc::clone(&campaign.limiter),
        witnesses,
        campaign,
        lists_are_elsewhere,
        _listening: listening,
        locked,
        commands: server.commands(),
        has_run: false,
        takes_over: false,
        server,
        reporter,
    };
    let done = match shared
        .fleet
        .as_deref()
        .filter(|_| run.campaign.loaded.database().is_some())
    {
        Some(fleet) => Box::pin(run.run_in_fleet(fleet, seat)).await,
        None => Box::pin(run.run(Some(seat))).await,
    };
    run.server.close_requests();
    // Drops the reader's store before the lock is released: another process that asks now is about to take both.
    run.server.show(LedgerView::Opening);
    status.finish(broken(&done)).await;
    done
}

/// Returns why a run ended before it could send, or failed.
fn broken(done: &Result<RunResult, AppError>) -> Option<Text> {
    match done {
        Ok(result) => {
            let why = || result.broken().unwrap_or_default();
            result.broken().is_some().then(|| Text::from_fn(why))
        }
        Err(error) => Some(Text::new(error)),
    }
}

/// What is shown while this worker may not start again before a person has decided.
fn waits_for_decision(error: &DatabaseError) -> Text {
    let code = error.decision().map_or("", Problem::code);
    Text::from_fn(|| {
        let error = &with_causes(error);
        text::WaitsForDecision { error, code: &code }.to_string()
    })
}

fn taken_by(owner: Option<Owner>) -> AppError {
    let owner = owner.map(Box::new);
    let purpose = Purpose::Apply;
    LockError::Taken { owner, purpose }.into()
}

struct StartedRun<'a> {
    shared: &'a SharedRun,
    witnesses: CampaignWitnesses,
    campaign: ReadyCampaign,
    /// What the campaigns of the app id share, in a fleet for one term.
    limiter: Arc<AppLimiter>,
    /// Declared before `locked`, so that the socket is gone before the next process can take the lock.
    _listening: Option<Listening>,
    locked: LockedLedger,
    server: ControlServer,
    reporter: Arc<Reporter>,
    commands: watch::Receiver<RunCommand>,
    /// Whether a term of this process has ended.
    has_run: bool,
    /// Whether it goes on for another worker, or for an earlier term of this process.
    takes_over: bool,
    /// Whether this machine lacks lists of users, so that it cannot admit the audience.
    lists_are_elsewhere: bool,
}

impl StartedRun<'_> {
    /// Runs whenever this worker owns the app id, until a run ends other than by a change of the owner.
    async fn run_in_fleet(&mut self, fleet: &FleetWorker, seat: ConfirmationSeat) -> Result<RunResult, AppError> {
        let app = AppKey::of_ledger(&self.campaign.loaded.plan.identity);
        let timeout = self.campaign.loaded.plan.retry.timeout;
        let mut seat = Some(seat);
        let identity = self.campaign.loaded.plan.identity.clone();
        // A machine that cannot admit the audience must not keep the app id from one that can.
        let mut claims = !self.lists_are_elsewhere;
        let done = loop {
            fleet.runs.set(&identity, self.fleet_run(false));
            if !claims {
                match self.await_audience(fleet, &mut seat).await {
                    Ok(true) => fleet.join(&app, timeout).await,
                    Ok(false) => break Ok(self.broken_off()),
                    Err(error) => break Err(error),
                }
                claims = true;
            }
            let used = match Box::pin(self.own(fleet, &app, &mut seat)).await {
                Ok(Some((used, had_owner))) => {
                    self.takes_over |= had_owner;
                    used
                }
                Ok(None) => break Ok(self.broken_off()),
                Err(error) => break Err(error),
            };
            self.emit(EventKind::Phase(Phase::Planning));
            let done = Box::pin(self.run_as_owner(fleet, &used, seat.take())).await;
            used.end();
            if !self.campaign.loaded.plan.run.no_wait {
                match &done {
                    Err(AppError::ListsElsewhere(_)) => {
                        fleet.end(&app).await;
                        claims = false;
                        continue;
                    }
                    // Another worker may reach the server.
                    Err(error) if self.takes_over && error.is_audience_server_away() => {
                        fleet.end(&app).await;
                        claims = false;
                        let why = Text::from_fn(|| with_causes(error));
                        if self.await_server(fleet, why).await {
                            continue;
                        }
                        break Ok(self.broken_off());
                    }
                    Ok(_) | Err(_) => {}
                }
            }
            if !is_change_of_owner(&done) || self.commands.borrow().stops() {
                break done;
            }
            self.has_run = true;
            self.takes_over = true;
            tracing::info!("another worker goes on; this one waits for the app id again");
        };
        fleet.runs.remove(&identity);
        if claims {
            fleet.end(&app).await;
        }
        done
    }

    /// Waits until this machine can admit the audience, or go on with the one that another machine has admitted. Returns false if the run
    /// was stopped first.
    async fn await_audience(
        &mut self,
        fleet: &FleetWorker,
        seat: &mut Option<ConfirmationSeat>,
    ) -> Result<bool, AppError> {
        let mut interval = LOOK_FOR_AUDIENCE;
        let mut shown = None;
        let done = loop {
            let database = fleet.database().await?;
            match self.take_current_file().await {
                Ok(()) => {}
                Err(AppError::Database(error)) => tracing::debug!("cannot look for the pushed file: {error}"),
                Err(error) => break Err(error),
            }
            let campaign = &self.campaign.loaded;
            if audience_origin::first_missing(campaign).is_none() {
                break Ok(true);
            }
            let lists = match audience_origin::find_admitted(campaign, &database).await {
                Ok(None) => break Ok(true),
                Ok(Some(lists)) => Some(lists),
                Err(AppError::Database(error)) => {
                    tracing::debug!("cannot look for the audience: {error}");
                    None
                }
                Err(error) => break Err(error),
            };
            if let Some(lists) = lists.filter(|_| shown.is_none()) {
                if campaign.plan.run.no_wait {
                    break Err(AppError::ListsElsewhere(lists));
                }
                // The question of the other campaigns does not wait for another machine.
                seat.take();
                shown = Some(self.tell_of_lists(*lists));
            }
            if let Some(why) = &shown {
                self.publish_wait(&database, why.clone(), None).await;
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = owner::stopped(self.commands.clone()) => break Ok(false),
            }
            interval = (interval * 2).min(LOOK_SELDOM);
        };
        if shown.is_some() {
            self.withdraw_wait(fleet).await;
        }
        done
    }

    /// Waits before the lists of users are read again, whose server is away. Returns false if the run was stopped first.
    async fn await_server(&self, fleet: &FleetWorker, why: Text) -> bool {
        let until = Some(later(self.campaign.loaded.environment.clock.now(), READ_LISTS_AGAIN));
        let why = Waiting::Source { why };
        self.emit(EventKind::Phase(Phase::Waiting {
            why: why.clone(),
            until,
        }));
        if let Ok(database) = fleet.database().await {
            self.publish_wait(&database, why, until).await;
        }
        tokio::select! {
            () = tokio::time::sleep(READ_LISTS_AGAIN) => true,
            () = owner::stopped(self.commands.clone()) => {
                self.withdraw_wait(fleet).await;
                false
            }
        }
    }

    /// Lets other machines see what the run waits for.
    async fn publish_wait(&self, database: &Database, why: Waiting, until: Option<Timestamp>) {
        let now = self.campaign.loaded.environment.clock.now();
        self.waiting_run(database).publish(why, until, now).await;
    }

    async fn withdraw_wait(&self, fleet: &FleetWorker) {
        if let Ok(database) = fleet.database().await {
            self.waiting_run(&database).withdraw().await;
        }
    }

    fn waiting_run<'r>(&'r self, database: &'r Database) -> WaitingRun<'r> {
        let loaded = &self.campaign.loaded;
        WaitingRun {
            database,
            identity: &loaded.plan.identity,
            process: self.locked.owner(),
            zone: &loaded.parsed.campaign.timezone,
        }
    }

    /// Shows that the run waits for a machine with the lists of users, and why it cannot go on without them.
    fn tell_of_lists(&self, lists: ListsElsewhere) -> Waiting {
        let waits = Waiting::Lists {
            path: lists.first.path.display().to_string(),
            host: lists.pushed_from.clone().unwrap_or_default(),
        };
        self.emit(EventKind::Phase(Phase::Waiting {
            why: waits.clone(),
            until: None,
        }));
        if lists.why != NotTakenOver::NothingAdmitted {
            let message = Text::from_fn(move || lists.reason());
            self.emit(EventKind::Warning { message });
        }
        waits
    }

    /// Runs while this worker owns the app id.
    async fn run_as_owner(
        &mut self,
        fleet: &FleetWorker,
        used: &OwnershipUse,
        seat: Option<ConfirmationSeat>,
    ) -> Result<RunResult, AppError> {
        let identity = self.campaign.loaded.plan.identity.clone();
        let database = fleet.database().await?;
        self.limiter = used.ownership().limiter();
        self.locked.set_ownership(Some(Arc::clone(used.ownership())));
        fleet.runs.set(&identity, self.fleet_run(true));
        fleet_commands::keep_order(&database, &identity, &self.server).await?;
        self.take_current_file().await?;
        let done = Box::pin(self.run(seat)).await;
        self.locked.set_ownership(None);
        let status = self.reporter.status(self.locked.owner(), broken(&done).as_ref());
        fleet_status::publish_end(&fleet.runs, &database, &identity, status).await;
        done
    }

    /// Takes the pushed file as it is now: a person may have pushed it again while this worker waited. The rules of a changed file hold.
    async fn take_current_file(&mut self) -> Result<(), AppError> {
        if current_file::take(&mut self.campaign).await?
            && let Some(file) = self.campaign.loaded.at.file.pushed()
        {
            let by = file.by.clone();
            let host = file.host.clone();
            let message = Text::from_fn(move || {
                let by = &visible(&by);
                let host = &visible(&host);
                push::TakesPushed { by, host }.to_string()
            });
            self.emit(EventKind::Warning { message });
        }
        Ok(())
    }

    fn platform(&self) -> Result<HttpPlatform, AppError> {
        let plan = &self.campaign.loaded.plan;
        Ok(HttpPlatform::new(Config {
            base_url: plan.base_url.clone(),
            app_id: plan.identity.app_id.clone(),
            tokens: self.campaign.tokens.clone(),
            codes: Codes::new(plan.codes.clone()),
            timeout: plan.retry.timeout,
            clock: self.campaign.loaded.environment.clock.clone(),
            emit: Arc::clone(&self.reporter) as Arc<dyn Emit>,
        })?)
    }

    fn owner_changed(&self, ledger_state: &LedgerState, at: Timestamp) -> Option<Fact> {
        let timeout = self.campaign.loaded.plan.retry.timeout;
        self.locked.owner_changed(ledger_state, at, timeout)
    }

    fn fleet_run(&self, is_owner: bool) -> FleetRun {
        FleetRun {
            server: self.server.clone(),
            reporter: Arc::clone(&self.reporter),
            process: self.locked.owner().clone(),
            is_owner,
        }
    }

    /// Waits for the app id. Returns its use, and whether another worker owned it meanwhile. `None` if the run was stopped first.
    async fn own(
        &self,
        fleet: &FleetWorker,
        app: &AppKey,
        seat: &mut Option<ConfirmationSeat>,
    ) -> Result<Option<(OwnershipUse, bool)>, AppError> {
        let no_wait = self.campaign.loaded.plan.run.no_wait;
        let (met, mut is_met) = watch::channel(None);
        let waits = |wait: Wait| {
            // The question of the other campaigns does not wait for another worker.
            seat.take();
            let why = match &wait {
                Wait::Owner(holder) => Waiting::AppId { holder: holder.clone() },
                Wait::Decision(error) => {
                    let message = waits_for_decision(error);
                    self.emit(EventKind::Warning { message });
                    Waiting::Lease
                }
            };
            self.emit(EventKind::Phase(Phase::Waiting { why, until: None }));
            met.send_replace(Some(wait));
        };
        let used = tokio::select! {
            used = fleet.own(app, waits) => used?,
            () = owner::stopped(self.commands.clone()) => return Ok(None),
            Ok(wait) = is_met.wait_for(Option::is_some), if no_wait => return Err(match wait.clone() {
                Some(Wait::Decision(error)) => AppError::Database(error),
                Some(Wait::Owner(AppLockHolder { owner, .. })) => taken_by(owner),
                None => taken_by(None),
            }),
        };
        let had_owner = matches!(&*met.borrow(), Some(Wait::Owner(_)));
        Ok(Some((used, had_owner)))
    }

    /// Admits the audience and sends.
    async fn run(&self, seat: Option<ConfirmationSeat>) -> Result<RunResult, AppError> {
        let platform = Arc::new(self.platform()?);
        let Some(reading) = self.turn_to_read().await else {
            return Ok(self.broken_off());
        };
        let plan = &self.campaign.loaded.plan;
        let opened = tokio::select! {
            opened = self.locked.open(&self.witnesses) => opened?,
            () = owner::stopped(self.commands.clone()) => return Ok(self.broken_off()),
        };
        let activity_id = match &opened {
            Some(opened) => opened.ledger.state().resolve_activity(&plan.activity_id),
            None => plan.activity_id.clone(),
        };
        self.emit(self.began(opened.is_none(), activity_id));
        let older = match &opened {
            Some(opened) => opened.older.clone(),
            None => self.witnesses.of_lost().map(OlderLedger::lost),
        };
        let accepted = older_ledger::accepted(&self.shared.request.accept, older.as_ref())?;
        let change = older.as_ref().map(OlderLedger::change);
        let (mut existing, known_id) = match opened {
            Some(opened) => (Some(opened.ledger), opened.id),
            None => (None, String::new()),
        };
        let pauses = owner::show_pauses(&self.server, &self.reporter, &self.campaign.loaded.environment.clock);
        self.tell_of_waits();
        let reader = self.reader(&accepted, change.as_ref());
        if let Some(ledger) = &mut existing {
            wrong_clock::check(&reader, ledger.state())?;
            if ledger.state().needs_run_approval() && reader.approval.is_none() {
                let at = Box::new(self.campaign.loaded.at.clone());
                return Err(AppError::NeedsApproval { at });
            }
            ledger.accept_older();
            let changed = self.owner_changed(ledger.state(), reader.now);
            let first: Vec<_> = changed.into_iter().chain(reader.beginning(ledger.state())).collect();
            ledger.hold_back(&first)?;
            let counts = ledger.state().counts();
            let valuation = ledger.state().valuation(&plan.activity_id, plan.coupon_value);
            self.emit(EventKind::Counted { counts, valuation });
        }
        self.unless_stalled(self.show(existing.as_ref())).await?;
        let empty = LedgerState::new(plan.identity.clone());
        let ledger_state = existing.as_ref().map_or(&empty, Ledger::state);
        let of = expected_rows(
            &self.campaign.loaded.parsed,
            self.campaign.loaded.environment.clock.now(),
        );
        let progress = |rows| self.emit(EventKind::AudienceRead { rows, of });
        progress(0);
        let (diff, fingerprint) = tokio::select! {
            biased;
            () = owner::stopped(self.commands.clone()) => return Ok(self.broken_off()),
            read = reader.read_diff(ledger_state, progress) => read?,
        };
        drop(reading);
        let approval = self.shared.request.approval.as_deref();
        if approval.is_none() {
            check_reviewed(&self.campaign.loaded, self.shared.request.expect.as_ref(), &fingerprint)?;
        }
        let admission = diff.accept().map_err(AppError::Refused)?;
        if let Some(approval) = approval {
            let generation = &admission.changes.generation;
            check_approved(&self.campaign.loaded, approval, &fingerprint, generation, reader.now)?;
        }
        admission
            .remarks()
            .for_each(|message| self.emit(EventKind::Warning { message }));
        if let Some(held) = owed_again(admission.owed_under_new_activity) {
            let message = Text::new(&text::OtherActivity { held: &held });
            self.emit(EventKind::Warning { message });
        }
        let new_ledger = existing.is_none();
        match self
            .ask(&admission, (ledger_state, new_ledger), older.as_ref(), seat)
            .await?
        {
            Answer::Yes => {}
            Answer::No => return Ok(RunResult::Declined),
            Answer::Stopped => return Ok(self.broken_off()),
        }
        tokio::select! {
            biased;
            () = owner::stopped(self.commands.clone()) => return Ok(self.broken_off()),
            checked = self.check_template(ledger_state, &admission, &platform) => checked?,
        };
        let (mut ledger, id) = match existing {
            Some(ledger) => (ledger, known_id),
            None => Box::pin(self.unless_stalled(self.begin_ledger(&reader))).await??,
        };
        let mut admission = admission;
        if let Some(declared) = &plan.activity {
            let activity_id = tokio::select! {
                biased;
                () = owner::stopped(self.commands.clone()) => return Ok(self.broken_off()),
                activity_id = self.declared_activity(declared, &mut ledger, &admission, &platform) => activity_id?,
            };
            admission.changes.generation.activity_id = activity_id;
        }
        let reading = admission.reading.clone();
        let applied = admission.changes.generation.fingerprint.clone();
        let send_order = admission.send_order;
        let mut users = 0;
        let of = admission.changes.admitted.len() as u64;
        for batch in admission.changes.into_batches() {
            let batch = batch.map_err(LedgerError::Store)?;
            // The next run ignores a generation that was not closed and uses the one before.
            if self.commands.borrow().stops() {
                return Ok(self.broken_off());
            }
            users += batch.iter().map(Fact::newcomers).sum::<u64>();
            self.unless_stalled(ledger.append(batch)).await??;
            self.emit(EventKind::Admitting { users, of });
        }
        let counts = ledger.state().counts();
        let valuation = ledger.state().valuation(&plan.activity_id, plan.coupon_value);
        self.emit(EventKind::Admitted {
            reading: Box::new(reading),
            counts,
            valuation,
        });
        if let Some(newest) = ledger.state().activities_asked_for().newest() {
            let elsewhere = counts.count(StateName::Issued).saturating_sub(newest.issued);
            let stock = newest.order.stock;
            self.emit(EventKind::ActivityStock { stock, elsewhere });
        }
        pauses.end().await;
        applied_settings::write(&self.locked, &applied, settings(plan));
        // The accepted changes are durable now, so the witness may name the current head.
        let witness = self
            .witnesses
            .keep(&id, ledger.store().heads(), &self.campaign.loaded.environment.clock);
        let done = Box::pin(self.send(ledger, send_order, platform)).await;
        witness.finish().await;
        done
    }

    /// Asks for the coupon template before the first send, if the campaign file names it and something is owed.
    async fn check_template(
        &self,
        ledger_state: &LedgerState,
        admission: &Admission,
        platform: &Arc<HttpPlatform>,
    ) -> Result<(), AppError> {
        let campaign = &self.campaign.loaded.parsed.campaign;
        let Some(coupon_meta_id) = campaign.names.coupon_meta_id.clone() else {
            return Ok(());
        };
        if admission.counts.owed() + admission.counts.count(StateName::InDoubt) == 0 {
            return Ok(());
        }
        let plan = &self.campaign.loaded.plan;
        let needs = TemplateNeeds::new(plan, ledger_state, self.campaign.loaded.environment.clock.now());
        let answer = template::ask_in_run(plan, platform, &self.limiter, &coupon_meta_id).await;
        for message in template::warnings(&answer, needs, &campaign.timezone) {
            self.emit(EventKind::Warning { message });
        }
        match template::reasons(&answer, needs, &coupon_meta_id, &campaign.timezone) {
            reasons if reasons.is_empty() => Ok(()),
            reasons => Err(AppError::Template {
                coupon_meta_id,
                reasons,
            }),
        }
    }

    /// Returns the activity that the campaign declares, and creates it if something is owed and it does not exist yet.
    async fn declared_activity(
        &self,
        declared: &DeclaredActivity,
        ledger: &mut Ledger<CampaignStore>,
        admission: &Admission,
        platform: &Arc<HttpPlatform>,
    ) -> Result<ActivityId, AppError> {
        let to_send = admission.counts.owed() + admission.counts.count(StateName::InDoubt);
        let order = match activity::next_step(ledger.state().activities_asked_for(), declared) {
            NextStep::Send(activity_id) => return Ok(activity_id),
            NextStep::Released(activity_id) if to_send == 0 => return Ok(activity_id),
            NextStep::Released(activity_id) => {
                let error = ActivityError::Released { activity_id };
                return Err(activity::failed(&self.campaign.loaded, error));
            }
            NextStep::Create(_) if to_send == 0 => return Ok(ActivityId::not_created()),
            NextStep::Create(order) => order,
        };
        let created = self.with_activities(ledger, platform, async |mut activities| activities.create(&order).await);
        let created = created
            .await
            .map_err(|error| activity::failed(&self.campaign.loaded, error))?;
        let activity_id = created.activity_id;
        self.emit(EventKind::ActivityCreated {
            number: created.order.number,
            activity_id: activity_id.clone(),
            stock: created.order.stock,
        });
        Ok(activity_id)
    }

    /// Makes requests about the campaign's activity.
    async fn with_activities<T>(
        &self,
        ledger: &mut Ledger<CampaignStore>,
        platform: &HttpPlatform,
        request: impl AsyncFnOnce(Activities<'_, CampaignStore, LivePlatform<'_>>) -> T,
    ) -> T {
        let loaded = &self.campaign.loaded;
        let waits = |holder: &AppLockHolder| {
            let why = Waiting::AppId { holder: holder.clone() };
            self.emit(EventKind::Phase(Phase::Waiting { why, until: None }));
        };
        let live = LivePlatform::new(platform, &self.limiter, &loaded.plan, &waits);
        let activities = Activities {
            ledger,
            platform: &live,
            retry: &loaded.plan.retry,
            clock: &loaded.environment.clock,
        };
        request(activities).await
    }

    /// Says after a halt whether the platform counts as many coupons as the activity has: no document gives a code for that.
    async fn explain_stock(&self, ledger_state: &LedgerState, platform: &Arc<HttpPlatform>) {
        let plan = &self.campaign.loaded.plan;
        let newest = ledger_state.activities_asked_for().newest();
        let Some(newest) = newest.filter(|_| plan.activity.is_some()) else {
            return;
        };
        let count = async {
            let records = connect_in_run(plan, platform, &self.limiter).await.ok()?;
            let counted = records.count(&newest.order.coupon_meta_id, &newest.activity_id).await;
            counted.ok()?.content.received
        };
        let received = tokio::select! {
            received = count => received,
            () = owner::stopped(self.commands.clone()) => None,
        };
        let Some(received) = received else { return };
        let stock = newest.order.stock;
        let activity: &dyn Display = &newest.activity_id;
        let message = if received >= stock {
            Text::new(&activity_text::StockUsedUp {
                activity,
                received: &grouped(received),
            })
        } else {
            Text::new(&activity_text::StockNotUsedUp {
                activity,
                received: &grouped(received),
                stock: &grouped(stock),
            })
        };
        self.emit(EventKind::Warning { message });
    }

    /// Releases the activity if the campaign file wants that, and nothing needs it any more. A failure is a warning, because each
    /// delivery has its outcome; the next apply asks again.
    async fn release_activity(&self, ledger: &mut Ledger<CampaignStore>, platform: &HttpPlatform) {
        let Some(declared) = &self.campaign.loaded.plan.activity else {
            return;
        };
        if !activity::is_release_due(declared, ledger.state()) {
            return;
        }
        let released = self.with_activities(ledger, platform, async |mut activities| activities.release().await);
        let stopped = owner::stopped(self.commands.clone());
        let released = tokio::select! {
            released = released => released,
            () = stopped => return,
        };
        let why = match released {
            Ok(ReleaseResult::Released(activity_id)) => return self.emit(EventKind::ActivityReleased { activity_id }),
            Ok(ReleaseResult::Before) => return,
            Ok(ReleaseResult::NotReleased(note)) => note.message,
            Err(error) => with_causes(&error),
        };
        let message = Text::new(&activity_text::ReleaseFailed { why: &visible(&why) });
        self.emit(EventKind::Warning { message });
    }

    async fn send(
        &self,
        ledger: Ledger<CampaignStore>,
        send_order: SendOrder,
        platform: Arc<HttpPlatform>,
    ) -> Result<RunResult, AppError> {
        let loaded = &self.campaign.loaded;
        let activity_id = ledger.state().resolve_activity(&loaded.plan.activity_id);
        let apply = Apply {
            plan: Arc::new(loaded.plan.with_activity(activity_id)),
            ledger,
            platform: Arc::clone(&platform),
            send_order,
            limiter: Arc::clone(&self.limiter),
            clock: self.campaign.loaded.environment.clock.clone(),
            commands: self.commands.clone(),
            requests: self.server.take_requests(),
            emit: Arc::clone(&self.reporter) as Arc<dyn Emit>,
            seed: fastrand::u64(..),
        };
        let (ended, mut ledger) = Box::pin(apply.run()).await?;
        if matches!(ended.why, StopReason::Halted(_)) {
            Box::pin(self.explain_stock(ledger.state(), &platform)).await;
        }
        Box::pin(self.release_activity(&mut ledger, &platform)).await;
        if Box::pin(self.unless_stalled(ledger.close())).await.is_err() {
            tracing::warn!("the disk of the ledger stalls; the ledger is not closed, and opening it will take longer");
        }
        Ok(RunResult::Ended(ended))
    }

    /// Completes `work` on the ledger. Fails if the run is stopped and the disk does not answer within `retry.timeout`.
    async fn unless_stalled<T>(&self, work: impl Future<Output = T>) -> Result<T, AppError> {
        let given_up = async {
            owner::stopped(self.commands.clone()).await;
            tokio::time::sleep(self.campaign.loaded.plan.retry.timeout).await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = given_up => Err(LedgerError::GivenUp.into()),
        }
    }

    /// Lets other processes see the present state of the ledger.
    async fn show(&self, ledger: Option<&Ledger<CampaignStore>>) {
        let shown = match ledger {
            Some(ledger) => match ledger.store().view().await {
                Ok(view) => view,
                Err(error) => {
                    tracing::warn!("other processes cannot be shown the ledger: {error}");
                    LedgerView::Opening
                }
            },
            None => LedgerView::Empty,
        };
        self.server.show(shown);
    }

    /// Creates the ledger. Returns it with its id.
    async fn begin_ledger(&self, reader: &AudienceReader<'_>) -> Result<(Ledger<CampaignStore>, String), AppError> {
        let OpenLedger { mut ledger, id, .. } = self.locked.begin(reader.now, &self.witnesses).await?;
        let changed = self.owner_changed(ledger.state(), reader.now);
        let first = changed.into_iter().chain(reader.run_began());
        ledger.append(first.collect()).await?;
        self.show(Some(&ledger)).await;
        Ok((ledger, id))
    }

    fn reader<'c>(&'c self, accepted: &'c [Accept], older_ledger: Option<&'c Change>) -> AudienceReader<'c> {
        AudienceReader {
            campaign: &self.campaign.loaded,
            accepted,
            older_ledger,
            by: Some(&self.shared.by),
            approval: self.shared.request.approval.as_deref(),
            takes_over: self.takes_over,
            now: self.campaign.loaded.environment.clock.now(),
        }
    }

    /// Waits until this campaign may read its ledger and its audience. Returns `None` if the run was stopped first.
    async fn turn_to_read(&self) -> Option<SemaphorePermit<'_>> {
        let reading = &self.shared.reading;
        if let Ok(turn) = reading.try_acquire() {
            return Some(turn);
        }
        self.emit(EventKind::Queued);
        tokio::select! {
            turn = reading.acquire() => turn.ok(),
            () = owner::stopped(self.commands.clone()) => None,
        }
    }

    /// Asks a person where that is needed. Returns [`Answer::Yes`] where it is not.
    async fn ask(
        &self,
        admission: &Admission,
        (ledger_state, new_ledger): (&LedgerState, bool),
        older: Option<&OlderLedger>,
        seat: Option<ConfirmationSeat>,
    ) -> Result<Answer, AppError> {
        let fingerprint = &admission.changes.generation.fingerprint;
        let to_send = admission.counts.owed() + admission.counts.count(StateName::InDoubt);
        let facts = Facts {
            can_ask: self.shared.request.confirm.is_some(),
            to_send,
            yes: self.shared.request.yes,
            sandbox: self.campaign.loaded.at.rehearsal.is_on(),
            agreed: ledger_state
                .generation()
                .is_some_and(|last| last.fingerprint == *fingerprint),
        };
        if !needs_question(&facts) {
            return Ok(Answer::Yes);
        }
        let Some(seat) = seat else {
            // It waited for another worker while the question was asked.
            self.campaign.loaded.environment.notify(Notice::NobodyAsked);
            return Ok(Answer::No);
        };
        let plan = &self.campaign.loaded.plan;
        let price = ledger_state.valuation(&plan.activity_id, plan.coupon_value).price;
        let names = &self.campaign.loaded.parsed.campaign.names;
        let question = Question {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: ledger_state.resolve_activity(&plan.activity_id),
            base_url: self.campaign.loaded.plan.base_url.clone(),
            to_send,
            worth: price.map(|price| price.each.times(to_send)),
            owed_again: admission.owed_under_new_activity,
            ledger: self.locked.location().to_owned(),
            new_ledger,
            earlier: self.earlier(new_ledger, older),
        };
        self.emit(EventKind::Asking);
        let began = Instant::now();
        let answer = seat.ask(question, self.commands.clone()).await;
        let waited = began.elapsed();
        self.emit(EventKind::Asked { waited });
        answer
    }

    /// Returns what a person must know about an earlier ledger before a send. `None` if there is nothing to say.
    fn earlier(&self, new_ledger: bool, older: Option<&OlderLedger>) -> Option<String> {
        let another = || self.witnesses.of_another_file().filter(|_| new_ledger);
        let seen = match older {
            Some(older) => older.witness().clone(),
            None => another()?,
        };
        let earlier = text::EarlierLedger {
            seen: &date_time(seen.written, &self.campaign.loaded.parsed.campaign.timezone),
            batch: &grouped(seen.sequence),
            directory: &visible(&seen.directory),
        };
        Some(earlier.to_string())
    }

    /// Shows the times that a rehearsal does not wait for. A start that is past does not count.
    fn tell_of_waits(&self) {
        let said = &self.campaign.loaded.parsed.campaign;
        let schedule = &said.schedule;
        let zone = &said.timezone;
        let now = self.campaign.loaded.environment.clock.now();
        let times = [
            schedule.start.filter(|start| *start > now).map(|start| {
                let start = &date_time(start, zone);
                text::NoSendBefore { start }.to_string()
            }),
            schedule.end.map(|end| {
                let end = &date_time(end, zone);
                text::NoSendFrom { end }.to_string()
            }),
            schedule.hours.as_deref().map(|hours| {
                let hours = &listed(hours);
                text::OnlyInHours { hours }.to_string()
            }),
            schedule
                .closed
                .as_deref()
                .filter(|closed| !closed.is_empty())
                .map(|closed| {
                    let days = &listed(closed);
                    text::NotOnDays { days }.to_string()
                }),
        ];
        let list = |first: String, second: String| {
            let both = text::ListOfTwo {
                first: &first,
                second: &second,
            };
            both.to_string()
        };
        let said = times.into_iter().flatten().reduce(list);
        if let Some(said) = said.filter(|_| self.campaign.loaded.at.rehearsal.is_on()) {
            self.campaign.loaded.environment.notify(Notice::SkipsWaits(&said));
        }
    }

    fn began(&self, new_ledger: bool, activity_id: ActivityId) -> EventKind {
        let names = &self.campaign.loaded.parsed.campaign.names;
        EventKind::RunBegan {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id,
            platform: self.campaign.loaded.plan.identity.platform.clone(),
            ledger: self.locked.location().to_owned(),
            new_ledger,
        }
    }

    /// Ends a run that was stopped before it sent.
    fn broken_off(&self) -> RunResult {
        let by = owner::by_whom(&self.commands);
        let notice = if self.has_run {
            Notice::StoppedWaiting(&by)
        } else {
            Notice::StoppedEarly(&by)
        };
        self.campaign.loaded.environment.notify(notice);
        stopped(&self.commands, self.has_run)
    }

    fn emit(&self, kind: EventKind) {
        let at = self.campaign.loaded.environment.clock.now();
        self.reporter.emit(Event { at, kind });
    }
}

/// Whether a run ended because another worker is to go on.
fn is_change_of_owner(done: &Result<RunResult, AppError>) -> bool {
    match done {
        Ok(RunResult::Ended(outcome)) => outcome.why == StopReason::HandedOver,
        Err(AppError::Engine(EngineError::TermLost)) => true,
        Err(AppError::Ledger(error) | AppError::Engine(EngineError::Ledger(error))) => matches!(
            error,
            LedgerError::Store(StoreError::Fenced { .. } | StoreError::Overtaken { .. })
        ),
        Ok(RunResult::Stopped { .. } | RunResult::Declined) | Err(_) => false,
    }
}

fn listed(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn stopped(commands: &watch::Receiver<RunCommand>, has_run: bool) -> RunResult {
    RunResult::Stopped {
        by: owner::requester(commands),
        has_run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_owned_the_app_id_does_not_say_that_nothing_was_sent() {
        let why = |has_run| RunResult::Stopped { by: None, has_run }.broken();
        assert_eq!(why(false).as_deref(), Some("interrupted before anything was sent"));
        assert_eq!(
            why(true).as_deref(),
            Some("interrupted while it waited for the app id again")
        );
    }
}
