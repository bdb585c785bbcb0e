//! A run in a fleet: it sends whenever this worker owns the app id, and waits while another one does.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::app::audience_origin;
use crate::app::doctor::with_causes;
use crate::app::error::AppError;
use crate::app::fleet_commands;
use crate::app::fleet_runs::FleetRun;
use crate::app::fleet_status::{self, WaitingRun};
use crate::app::fleet_worker::{FleetWorker, Wait};
use crate::app::lists_elsewhere::ListsElsewhere;
use crate::app::shared_ownership::OwnershipUse;
use crate::catalogue::{Text, app as text, push};
use crate::engine::audience_diff::NotTakenOver;
use crate::engine::{EngineError, StopReason};
use crate::fleet::{AppKey, Database, DatabaseError};
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::{LedgerError, StoreError};
use crate::model::clock::later;
use crate::model::event::{AppLockHolder, EventKind, Owner, Phase, Waiting};
use crate::model::problem::Problem;
use crate::report::text::visible;

use super::super::confirmation::ConfirmationSeat;
use super::super::{current_file, owner};
use super::{RunResult, StartedRun, broken};

/// How often a run looks at first whether another machine has admitted the audience.
const LOOK_FOR_AUDIENCE: Duration = Duration::from_secs(2);
/// The longest interval between two looks.
const LOOK_SELDOM: Duration = Duration::from_secs(10);
/// How long a run that takes over waits before it reads lists again whose server is away.
const READ_LISTS_AGAIN: Duration = Duration::from_secs(10);

impl StartedRun<'_> {
    /// Runs whenever this worker owns the app id, until a run ends other than by a change of the owner.
    pub(super) async fn run_in_fleet(
        &mut self,
        fleet: &FleetWorker,
        seat: ConfirmationSeat,
    ) -> Result<RunResult, AppError> {
        let app = AppKey::of_ledger(&self.campaign.loaded.plan.identity);
        let timeout = self.campaign.loaded.plan.retry.timeout;
        let mut seat = Some(seat);
        let identity = self.campaign.loaded.plan.identity.clone();
        // A machine that cannot admit the audience must not keep the app id from one that can.
        let mut claims = !self.lists_are_elsewhere;
        if claims && self.shared.is_fleet_shared {
            fleet.join(&app, timeout).await;
        }
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
        // The log of a service says what is paused.
        if !self.shared.is_fleet_shared {
            fleet_commands::keep_order(&database, &identity, &self.server).await?;
        }
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
