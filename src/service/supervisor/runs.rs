//! Starts runs, notes how they end, and goes on with those that were interrupted.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::task::spawn_blocking;

use crate::app::apply::load::{Prepared, ReadFile, ReadyCampaign, prepare_beside};
use crate::app::apply::{ApplyRequest, RunResult, RunSetup, apply};
use crate::app::process::{actor, signalled, this_requester};
use crate::app::status::PublishedStatuses;
use crate::app::{AppError, LoadedCampaign, approve};
use crate::catalogue::{Text, service as texts};
use crate::control::ControlServer;
use crate::model::daily_attempts::DailyAttempts;
use crate::model::event::Ending;
use crate::model::problem::Problem;
use crate::model::run_command::RunCommand;
use crate::model::run_state::EndState;
use crate::notify::notifier::RunNotices;
use crate::plan::RunOptions;
use crate::report::reason::Reason;
use crate::report::render::prometheus::Metrics;
use crate::report::reporter::{Display, Listener, Outputs, ProgressDisplay, ReportedRun, Reporter};
use crate::report::run_view::CampaignInfo;
use crate::report::run_view::state_at_end;
use crate::service::act::{Act, Denied, OccurrenceSituation, Subject, Who};
use crate::service::campaign_entry::{CampaignEntry, EndedRun, LiveRun, PlanState, Source};
use crate::service::error::ActError;
use crate::service::fault::Fault;
use crate::service::messages::run_over;
use crate::service::record::{ApprovedPlan, Charge, Entry};
use crate::service::series::file_of;

use super::Supervisor;
use super::reservation::Reservation;

/// How long the end waits for the runs.
const LAST_WAIT: Duration = Duration::from_mins(2);
/// How long secrets may take to be read. A file system that does not answer stops no other campaign.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a campaign is continued.
enum ChargePlace {
    /// In its file. It is kept for the run.
    File(Reservation),
    /// Nowhere: it is an occurrence that is too late.
    Missed,
    /// Nowhere: there is no file of it that can be used.
    NoFile,
}

/// What counts the events of a run. It displays nothing.
struct Reporting {
    display: Display,
    reporter: Arc<Reporter>,
    metrics: Arc<Metrics>,
}

impl Reporting {
    /// Ends the thread of the display.
    async fn end(self) {
        let _ = spawn_blocking(move || self.display.finish()).await;
    }
}

/// What an approved plan asks of its run. `None` if it has a word that this version does not know.
fn run_request(plan: &ApprovedPlan, is_fresh: bool, who: &Who) -> Option<ApplyRequest> {
    let accept: Result<Vec<_>, _> = plan.accept.iter().map(|word| word.parse()).collect();
    Some(ApplyRequest {
        approval: plan.approval.clone(),
        accept: accept.ok()?,
        expect: Some(plan.fingerprint.parse().ok()?),
        by: Some(actor(Some(&who.name))),
        fresh: is_fresh,
        yes: true,
        confirm: None,
    })
}

impl Supervisor {
    /// Starts a run of an approved plan, unless a person holds the campaign back while it is prepared.
    pub(super) async fn start_run(
        self: &Arc<Self>,
        file: &str,
        plan: &ApprovedPlan,
        is_fresh: bool,
        who: &Who,
    ) -> Result<(), Fault> {
        let loaded = self.loaded(file)?;
        let request = run_request(plan, is_fresh, who).ok_or_else(|| Fault::of_text(Text::new(&texts::BadForm)))?;
        let ready = self.prepare(&loaded).await?;
        let identity = &ready.loaded.plan.identity;
        let on = Subject {
            file: file.to_owned(),
            campaign: identity.campaign.to_string(),
            app_id: identity.app_id.to_string(),
        };
        let notices = match &self.messages {
            Some(messages) => Some(messages.add(&ready.loaded, self.page_of(file), self.notes_fault(file))?),
            None => None,
        };
        let not_begun = || {
            if let Some(notices) = &notices {
                run_over(notices, None);
            }
        };
        let reporting = self
            .start_reporting(&ready, notices.clone())
            .inspect_err(|_| not_begun())?;
        let server = ControlServer::default();
        let run = LiveRun {
            before: self.attempts_before(file, is_fresh),
            token: ready.token(),
            on: on.clone(),
            reporter: Arc::clone(&reporting.reporter),
            server: server.clone(),
            metrics: Arc::clone(&reporting.metrics),
            sends_until: ready.loaded.plan.schedule.end,
        };
        if !self.insert_run(run) {
            not_begun();
            reporting.end().await;
            return Ok(());
        }
        if self.is_stopping() {
            server.signalled(signalled("SIGTERM"));
        }
        // A run that a restart continues in a freeze waits for its end.
        self.hold_frozen(self.now());
        let setup = RunSetup {
            campaign: ready,
            server,
            reporter: Arc::clone(&reporting.reporter),
            notices: notices.clone(),
        };
        tokio::spawn(Arc::clone(self).run_to_end(on, request, setup, reporting));
        Ok(())
    }

    /// Runs a campaign, and notes how that ended.
    async fn run_to_end(self: Arc<Self>, on: Subject, request: ApplyRequest, setup: RunSetup, reporting: Reporting) {
        let notices = setup.notices.clone();
        let reporter = Arc::clone(&reporting.reporter);
        let watching = tokio::spawn(Arc::clone(&self).record_commands(on.clone(), setup.server.clone()));
        let mut results = Box::pin(apply(request, vec![setup], |_, result| result)).await;
        watching.abort();
        reporting.end().await;
        let Some(result) = results.pop() else { return };
        // After the record the run does not go on, so nobody would say again how it ended.
        if let Some(notices) = &notices {
            notices.kept().await;
        }
        let problem = self.run_ended(on, &reporter, result).await;
        if let Some(notices) = notices {
            run_over(&notices, problem);
        }
    }

    /// Begins to count what a run does.
    fn start_reporting(&self, ready: &ReadyCampaign, notices: Option<Arc<RunNotices>>) -> Result<Reporting, Fault> {
        let info = CampaignInfo {
            name: ready.name.clone(),
            zone: ready.loaded.parsed.campaign.timezone.clone(),
            calendar: ready.loaded.plan.schedule.hours.clone(),
            per_second: ready.loaded.plan.pace.per_second,
            again: String::new(),
        };
        let identity = &ready.loaded.plan.identity;
        let metrics = Metrics::new(&identity.campaign, Some(&identity.app_id), info.per_second);
        let metrics = metrics
            .map(Arc::new)
            .map_err(|error| Fault::of_text(Text::new(&error)))?;
        let reported = ReportedRun {
            campaign: info,
            metrics: Some(Arc::clone(&metrics)),
            listener: notices.map(|notices| notices as Arc<dyn Listener>),
        };
        let outputs = Outputs {
            progress: ProgressDisplay::Silent,
            json: None,
            events: None,
        };
        let started = Display::start(vec![reported], outputs, &self.settings.environment.clock);
        let (display, reporters) = started.map_err(|error| self.fault(AppError::Thread(error)))?;
        let reporter = reporters.into_iter().next().map(Arc::new);
        let reporter = reporter.ok_or_else(|| Fault::of_text(Text::new(&texts::BadForm)))?;
        Ok(Reporting {
            display,
            reporter,
            metrics,
        })
    }

    /// The attempts of the campaign's ledger before a run, as far back as the present day.
    fn attempts_before(&self, file: &str, is_fresh: bool) -> DailyAttempts {
        let state = self.state();
        let ledger = state.entries.get(file).and_then(|entry| entry.ledger.as_ref());
        let before = ledger.filter(|_| !is_fresh).map(|ledger| ledger.attempts.clone());
        before.unwrap_or_default()
    }

    /// Shows a run as begun, if the campaign is still to be sent. Returns whether it is.
    fn insert_run(&self, run: LiveRun) -> bool {
        let mut state = self.state();
        let charge = state.charges.of(&run.on.campaign, &run.on.app_id);
        if !matches!(charge, Some(Charge::Run(_))) {
            return false;
        }
        let Some(entry) = state.entries.get_mut(&run.on.file).filter(|entry| entry.run.is_none()) else {
            return false;
        };
        entry.run = Some(run);
        entry.ended = None;
        entry.channel_faults.clear();
        entry.is_fresh = false;
        entry.set_plan(PlanState::Unplanned);
        true
    }

    /// Plans a campaign for a run and reads its secrets. A secret may be in a file that does not answer.
    async fn prepare(self: &Arc<Self>, loaded: &LoadedCampaign) -> Result<ReadyCampaign, Fault> {
        let file = ReadFile {
            at: loaded.at.clone(),
            parsed: Some(loaded.parsed.clone()),
        };
        let options = RunOptions {
            sandbox: self.fake_platform.clone(),
            ..RunOptions::default()
        };
        let supervisor = Arc::clone(self);
        let preparing = spawn_blocking(move || {
            prepare_beside(
                vec![file],
                &options,
                &supervisor.settings.environment,
                &supervisor.limiters,
            )
        });
        let prepared = tokio::time::timeout(PREPARE_TIMEOUT, preparing).await;
        let prepared = prepared.map_err(|_| Fault::of_text(Text::new(&texts::SecretsUnread)))?;
        let prepared = prepared.map_err(|error| self.fault(AppError::RunBroke(error)))?;
        match prepared.into_iter().next() {
            Some(Prepared::Ready(ready)) => Ok(*ready),
            Some(Prepared::Unusable(unusable)) => {
                let fault = Fault::of_unusable(unusable, self.settings.classify);
                Err(fault.unwrap_or_else(|| Fault::of_text(Text::new(&Denied::NoFile))))
            }
            None => Err(Fault::of_text(Text::new(&Denied::NoFile))),
        }
    }

    /// Records the commands that other processes give to a run of this one, so that a restart respects them, too.
    async fn record_commands(self: Arc<Self>, on: Subject, server: ControlServer) {
        let mut commands = server.commands();
        while commands.changed().await.is_ok() {
            let command = commands.borrow_and_update().clone();
            let (by, act) = match &command {
                RunCommand::Pause { by } => (by, Act::Pause { on: on.clone() }),
                RunCommand::Resume { by } => (by, Act::Resume { on: on.clone() }),
                RunCommand::Stop { by: Some(by) } => (by, Act::Stop { on: on.clone() }),
                RunCommand::Go | RunCommand::Stop { by: None } | RunCommand::Interrupt { .. } => continue,
            };
            let this = this_requester(None);
            if (by.pid, &by.host) == (this.pid, &this.host) {
                continue;
            }
            let entry = Entry::Act {
                who: Who::terminal(&by.actor().name, &by.command),
                act,
                refused: None,
            };
            self.note(entry).await;
        }
    }

    /// Notes the end of a run. Returns the problem of a run that failed.
    async fn run_ended(
        self: &Arc<Self>,
        on: Subject,
        reporter: &Arc<Reporter>,
        result: Result<RunResult, AppError>,
    ) -> Option<Problem> {
        let stats = reporter.stats();
        let spent = reporter.view(|run| {
            let worth = run.stats.valuation.worth(&run.stats.counts);
            run.is_admitted().then(|| worth.committed())
        });
        let spent = spent.filter(|_| !self.is_rehearsal());
        let mut is_database_away = false;
        let (state, why, fault, ending) = match result {
            Ok(RunResult::Ended(outcome)) => {
                let why = Reason::of_stop(&stats)
                    .map(|reason| Text::from_fn(|| reason.text(Timestamp::UNIX_EPOCH, &TimeZone::UTC)));
                (state_at_end(&stats, outcome.ending), why, None, Some(outcome.ending))
            }
            Ok(early @ (RunResult::Stopped { .. } | RunResult::Declined)) => {
                let why = Text::from_fn(|| early.broken().unwrap_or_default());
                (EndState::Incomplete, Some(why), None, Some(Ending::Incomplete))
            }
            Err(error) => {
                is_database_away = error.is_database_away();
                let fault = self.fault(error);
                (
                    EndState::Failed,
                    Some(fault.message.clone()),
                    Some(Arc::new(fault)),
                    None,
                )
            }
        };
        let code = fault.as_ref().and_then(|fault| fault.code.clone());
        let problem = Problem::ALL
            .iter()
            .find(|problem| Some(problem.code()) == code.as_deref());
        // What the end of the service stopped continues at its next start, and what the database stopped once it is back.
        let is_interrupted = is_database_away || (self.is_stopping() && ending == Some(Ending::Incomplete));
        if !is_interrupted {
            let english = match &fault {
                Some(fault) => Some(fault.english()),
                None => why.as_ref().map(|why| why.english().to_owned()),
            };
            let entry = Entry::RunEnded {
                on: on.clone(),
                state,
                why: english,
                spent,
            };
            self.note(entry).await;
        }
        if is_database_away {
            self.state().interrupted = Some(self.moment().instant);
        }
        if let Some(entry) = self.state().entries.get_mut(&on.file) {
            let own = entry.run.take_if(|run| Arc::ptr_eq(&run.reporter, reporter));
            let before = own.map(|run| run.before).unwrap_or_default();
            entry.status = None;
            entry.ended = Some(EndedRun {
                at: self.now(),
                state,
                why,
                fault,
                stats,
                before,
            });
        }
        self.ended.notify_waiters();
        self.plan_soon(&on.file);
        problem.copied().filter(|_| !is_database_away)
    }

    /// Reads what is known of all campaigns outside of this process.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_statuses_now(&self) -> Result<PublishedStatuses, Fault> {
        let read = PublishedStatuses::read_and_count(&self.settings.environment).await;
        read.map_err(|error| self.fault(error))
    }

    /// Reads what other processes say of the campaigns that this one does not apply.
    pub(super) async fn read_statuses(&self) {
        let sources: Vec<_> = {
            let state = self.state();
            let idle = state.entries.values().filter(|entry| entry.run.is_none());
            idle.filter_map(|entry| Some((entry.file.clone(), entry.status_source.clone()?)))
                .collect()
        };
        if sources.is_empty() {
            return;
        }
        let published = match PublishedStatuses::read(&self.settings.environment).await {
            Ok(published) => published,
            Err(error) => {
                tracing::debug!("the statuses of campaigns cannot be read: {error}");
                return;
            }
        };
        for (file, source) in sources {
            let status = match published.row(&source).await {
                Ok(row) => Some(row.status),
                Err(error) => {
                    tracing::debug!("the status of {file:?} cannot be read: {error}");
                    None
                }
            };
            let mut state = self.state();
            if let Some(entry) = state.entries.get_mut(&file).filter(|entry| entry.run.is_none()) {
                entry.status = status;
            }
        }
    }

    /// Continues, after a restart, what was approved and what no person has held back since. A campaign whose file is gone is
    /// paused.
    pub(super) async fn continue_charges(self: &Arc<Self>) {
        let subjects: Vec<Subject> = {
            let mut state = self.state();
            if state.read_only.is_some() {
                return;
            }
            state.interrupted = None;
            state.charges.all().map(|(on, _)| on.clone()).collect()
        };
        for on in subjects {
            let Some((charge, place)) = self.take_charge(&on) else {
                continue;
            };
            if self.is_void(&on, &charge).await {
                let why = Text::new(&texts::ApprovalLapsed);
                self.end_charge(on, EndState::Lapsed, Some(why.english().to_owned()))
                    .await;
                continue;
            }
            let Charge::Run(plan) = charge else {
                self.keep_entry(&on, &charge);
                continue;
            };
            match place {
                ChargePlace::File(reservation) => self.continue_run(on, &plan, reservation).await,
                // It was approved, and the service was killed before its ledger existed.
                ChargePlace::Missed => self.end_charge(on, EndState::Missed, None).await,
                ChargePlace::NoFile => {
                    self.keep_entry(&on, &Charge::Run(plan));
                    let pause = Entry::Act {
                        who: Who::scheduler(),
                        act: Act::Pause { on },
                        refused: None,
                    };
                    // Without the record the next start pauses it.
                    let _ = self.record(pause).await;
                }
            }
        }
    }

    /// The charge of a campaign, which is reserved if it may begin. `None` if it is going on, or has no charge any longer.
    fn take_charge(self: &Arc<Self>, on: &Subject) -> Option<(Charge, ChargePlace)> {
        let mut state = self.state();
        if state.is_going_on(on) {
            return None;
        }
        let charge = state.charges.of(&on.campaign, &on.app_id)?.clone();
        let entry = state.good_entry(on);
        let file = entry.map(|entry| (entry.file.clone(), entry.situation(None).occurrence));
        let place = match file {
            None => ChargePlace::NoFile,
            Some((file, OccurrenceSituation::Open)) => ChargePlace::File(self.reserve(&mut state, &file)?),
            Some(_) => ChargePlace::Missed,
        };
        Some((charge, place))
    }

    async fn continue_run(self: &Arc<Self>, on: Subject, plan: &ApprovedPlan, reservation: Reservation) {
        let file = reservation.file.clone();
        let started = self.start_run(&file, plan, false, &Who::scheduler()).await;
        drop(reservation);
        if let Err(fault) = started {
            self.end_charge(on, EndState::Failed, Some(fault.english())).await;
            self.note_not_begun(&file, ActError::Failed(Arc::new(fault)));
            return;
        }
        // The service was killed before it recorded the result of the act.
        let unknown = plan.approval.as_ref().map(|approval| approval.sequence);
        let unknown = unknown.filter(|of| {
            let state = self.state();
            state.is_going_on(&on) && !state.charges.is_started(*of)
        });
        if let Some(of) = unknown {
            self.note(Entry::Result { of, failed: None }).await;
        }
    }

    /// Records that a campaign is not to be sent any longer.
    async fn end_charge(&self, on: Subject, state: EndState, why: Option<String>) {
        let ended = Entry::RunEnded {
            on,
            state,
            why,
            spent: None,
        };
        // Without the record the next start finds the same.
        let _ = self.record(ended).await;
    }

    /// Whether the approval of a charge is void: a kill kept its run from beginning, and it has expired by now, or its file is gone. What
    /// it reserved of a budget is free again.
    async fn is_void(&self, on: &Subject, charge: &Charge) -> bool {
        let (Charge::Run(plan) | Charge::Paused { plan, .. }) = charge else {
            return false;
        };
        let Some(approval) = plan.approval.as_ref().filter(|approval| approval.is_required) else {
            return false;
        };
        let loaded = {
            let state = self.state();
            if state.charges.is_started(approval.sequence) {
                return false;
            }
            state.good_entry(on).map(|entry| entry.loaded.clone())
        };
        let Some(Some(loaded)) = loaded else { return true };
        let config = self.config().current();
        let expires = config.policy().map(|rules| rules.expires());
        if expires.is_none_or(|expires| self.now().duration_since(approval.at) < expires) {
            return false;
        }
        // The record of the result may be missing though the run has begun. A ledger that cannot be read begins nothing anyway.
        !Box::pin(approve::is_used(&loaded, approval)).await.unwrap_or(true)
    }

    /// Shows a campaign with a charge whose file is gone.
    fn keep_entry(&self, on: &Subject, charge: &Charge) {
        if matches!(charge, Charge::Stopped { .. }) {
            return;
        }
        let mut state = self.state();
        let is_described = state
            .entries
            .get(file_of(&on.file))
            .is_some_and(|entry| entry.series.is_some());
        if !state.entries.contains_key(&on.file) && !is_described {
            let mut entry = CampaignEntry::new(on.file.clone(), Source::Vanished);
            entry.vanished = Some(on.clone());
            state.entries.insert(on.file.clone(), entry);
        }
    }

    pub(super) async fn stop_runs(&self, signal: &str) {
        self.stopping.send_replace(true);
        let servers: Vec<_> = {
            let state = self.state();
            let runs = state.entries.values().filter_map(|entry| entry.run.as_ref());
            runs.map(|run| run.server.clone()).collect()
        };
        for server in servers {
            server.signalled(signalled(signal));
        }
        let all_ended = async {
            loop {
                let ended = self.ended.notified();
                let is_busy = |entry: &CampaignEntry| entry.run.is_some() || entry.is_reserved;
                if !self.state().entries.values().any(is_busy) {
                    return;
                }
                ended.await;
            }
        };
        if tokio::time::timeout(LAST_WAIT, all_ended).await.is_err() {
            tracing::warn!("some runs have not ended; their ledgers are safe");
        }
    }
}
