//! The heart of the service: it scans the directory, plans, applies what was approved, executes acts, and keeps what pages show.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::app::apply::load::{AppLimiters, Prepared, ReadFile, ReadyCampaign, prepare_beside};
use crate::app::apply::{ApplyRequest, RunResult, RunSetup, apply};
use crate::app::campaign_files::Neighbours;
use crate::app::occurrences::Series;
use crate::app::plan::PlanRequest;
use crate::app::process::{actor, signalled, this_process, this_requester};
use crate::app::resolve;
use crate::app::run_command::{self, Verb};
use crate::app::simulate::{SimulationRequest, SimulationResult, simulate};
use crate::app::status::{CampaignStatus, StatusReader};
use crate::app::{AppError, CampaignRef, Environment, LoadedCampaign, Rehearsal, approve, decisions, notify, plan};
use crate::campaign::{self, Budget, Diagnostic};
use crate::catalogue::{Language, Text, service as texts};
use crate::control::{Command, ControlServer};
use crate::fake_platform;
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::{CampaignLock, LockError};
use crate::ledger::service_log::{LogCheck, ServiceDir, ServiceLog, ServiceLogError};
use crate::ledger::witness::{LogWitness, Witnesses};
use crate::ledger::{Head, LedgerError};
use crate::model::clock::{Moment, until};
use crate::model::delivery::{Resolution, StateName};
use crate::model::event::Ending;
use crate::model::money::Money;
use crate::model::problem::Problem;
use crate::model::recurrence::Occurrence;
use crate::model::resolve::{Expected, ResolveRequest, Selection, Which};
use crate::model::run_command::{Requester, RunCommand};
use crate::notify::channel::Channel;
use crate::notify::notice::{ServiceEvent, ServiceNotice, What};
use crate::notify::notifier::{Notifier, Warn};
use crate::plan::{Fingerprint, PlanError, RunOptions};
use crate::report::reason::Reason;
use crate::report::render::prometheus::Metrics;
use crate::report::reporter::{Display, Listener, Outputs, ProgressDisplay, ReportedRun, Reporter};
use crate::report::run_view::CampaignInfo;
use crate::report::times::date_time;

use super::act::{
    Act, ActKind, Allowed, Applier, BulkDecision, CampaignSituation, Denied, OccurrenceSituation, PolicySituation,
    RequestSituation, Situation, Subject, Who, gate,
};
use super::bounds;
use super::budget::{BudgetUse, CampaignSpend, Reservations};
use super::campaign_entry::{
    Attention, CampaignEntry, EndedRun, LiveRun, PlanState, Planned, Simulated, SimulatedResult, Source,
};
use super::comparison::compare;
use super::config::{ConfigFile, ServerConfig};
use super::directory::{list_files, read_file};
use super::fault::{Classify, Fault};
use super::freeze::{self, Frozen, ManualFreeze};
use super::log_socket::{LogSocket, LogSocketError, read_log};
use super::messages::{self, ServiceMessages, run_over};
use super::pages::links;
use super::person::Searched;
use super::record::{ApprovedPlan, Charge, Charges, Entry, Record, VERSION};
use super::requests::{OpenRequest, Requests};
use super::scan::Scanner;
use super::schedule::Turn;
use super::series::{LoadedOccurrence, OccurrenceEntry, SeriesEntry, SeriesRecords, file_of, occurrence_key};

/// How often the service looks which occurrences have a ledger: another process may begin one.
const READ_LEDGERS: Duration = Duration::from_secs(10);
/// How often the clock is compared with freezes, besides at their beginnings and ends: the machine may have slept.
const LOOK_AT_FREEZES: Duration = Duration::from_millis(250);
/// How often the directory is scanned.
const SCAN_EVERY: Duration = Duration::from_secs(2);
/// How soon the second scan follows the first one of the service.
const FIRST_SCANS: Duration = Duration::from_millis(200);
/// How many campaigns are planned at once.
const PLANS: usize = 2;
/// The percentage of a budget at which a message says so.
const NEARLY: u64 = 80;
/// How old a plan may be that is applied without a person. An older one is made again first.
const FRESH_PLAN: SignedDuration = SignedDuration::from_secs(60);
/// The largest audience that is simulated, in deliveries.
const MOST_SIMULATED: u64 = 500_000;
/// The longest simulation.
const LONGEST_SIMULATION: Duration = Duration::from_secs(30);
/// How many requests a plan shows.
const SHOWN_REQUESTS: usize = 3;
/// How many records the audit page can show.
const MOST_RECORDS: usize = 5000;
/// How long the end waits for the runs.
const LAST_WAIT: Duration = Duration::from_mins(2);

/// What a service is given.
pub struct ServiceSettings {
    /// The directory of campaign files.
    pub directory: PathBuf,
    /// The state directory. `None` for that of the campaign files.
    pub state_dir: Option<PathBuf>,
    /// Whether every campaign is rehearsed.
    pub is_rehearsal: bool,
    /// The clock and the witnesses.
    pub environment: Environment,
    /// The file of the service.
    pub config: Arc<ConfigFile>,
    /// Tells which problem an error is.
    pub classify: Classify,
}

/// Why the service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The log cannot be opened, or another service has it.
    #[error(transparent)]
    Log(#[from] ServiceLogError),
    /// The log cannot be written.
    #[error(transparent)]
    Append(#[from] LedgerError),
    /// A use case failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The socket for the records of the log cannot be made.
    #[error(transparent)]
    Socket(io::Error),
}

/// How far the log is durable.
#[derive(Clone, Copy)]
struct Durable {
    head: Head,
    /// Whether the service ends, so that no record follows.
    is_last: bool,
}

/// Where the log of a service is, and where its witness.
struct LogPlace {
    witnesses: Witnesses,
    directory: PathBuf,
}

impl LogPlace {
    /// `None` for rehearsals, and if the user has no directory for witnesses.
    fn new(settings: &ServiceSettings, place: &ServiceDir) -> Option<Self> {
        let witnesses = settings.environment.witnesses.clone();
        Some(Self {
            witnesses: witnesses.filter(|_| !settings.is_rehearsal)?,
            directory: fs::canonicalize(place.dir()).ok()?,
        })
    }

    /// The witness. `None` if there is none, or if it cannot be read and proves nothing.
    fn read(&self) -> Option<LogWitness> {
        self.witnesses.read_log(&self.directory).unwrap_or_else(|error| {
            tracing::warn!("cannot read the witness of the service log: {error}; it proves nothing");
            None
        })
    }

    fn witness(&self, head: Head, now: Timestamp) -> LogWitness {
        LogWitness::new(&self.directory, head, now)
    }
}

/// Why an act did not happen.
#[derive(Clone, Debug)]
pub enum ActError {
    /// It is not allowed.
    Denied(Denied),
    /// It failed.
    Failed(Arc<Fault>),
}

/// A record of the log with its number.
#[derive(Clone, Debug)]
pub struct NumberedRecord {
    /// Its number.
    pub sequence: u64,
    /// The record.
    pub record: Arc<Record>,
}

/// What pages show and acts change.
#[derive(Default)]
pub struct ServiceState {
    /// The campaigns by the names of their files.
    pub entries: BTreeMap<String, CampaignEntry>,
    /// What the service has to do with each.
    pub charges: Charges,
    /// The last records of the log.
    pub records: VecDeque<NumberedRecord>,
    /// Why the log cannot be written. `None` while it can.
    pub read_only: Option<Text>,
    /// Why the directory cannot be read. `None` while it can.
    pub scan_failure: Option<Text>,
    /// Whether the directory has no campaign file, though it had some.
    pub is_directory_empty: bool,
    /// Whether the directory was read at least once.
    pub is_scanned: bool,
    /// What the records say of recurring campaigns.
    pub series: SeriesRecords,
    /// Why channels of the service do not take its messages, by their labels.
    pub channel_faults: BTreeMap<String, Text>,
    /// What was requested.
    pub requests: Requests,
    /// What the runs of approved plans may spend.
    pub reservations: Reservations,
    /// The freeze that a person began. `None` without one.
    pub frozen: Option<ManualFreeze>,
    /// The first record that was gone when this service began, and the last one that its witness saw. `None` if none was.
    pub lost_records: Option<(u64, u64)>,
}

impl ServiceState {
    /// The charge of a campaign. `None` if the service has nothing to do with it.
    #[must_use]
    pub fn charge(&self, entry: &CampaignEntry) -> Option<&Charge> {
        let on = entry.run.as_ref().map_or_else(|| entry.subject(), |run| run.on.clone());
        self.charges.of(&on.campaign, &on.app_id)
    }

    /// What freezes a campaign at `now`. `None` if nothing does.
    #[must_use]
    pub fn freeze<'a>(&'a self, campaign: &str, config: &'a ServerConfig, now: Timestamp) -> Option<Frozen<'a>> {
        let policy = config.file.as_ref().and_then(|file| file.policy.as_ref());
        freeze::find(policy, self.frozen.as_ref(), campaign, now)
    }

    /// Why nothing of a campaign begins or goes on at `now`, in spite of any approval: a freeze, or a policy that cannot be read. `None` if nothing
    /// holds it back.
    #[must_use]
    pub fn held_back(&self, campaign: &str, config: &ServerConfig, now: Timestamp) -> Option<Text> {
        if config.is_outdated && config.policy().is_some() {
            return Some(Text::new(&texts::PolicyBroken));
        }
        let frozen = self.freeze(campaign, config, now)?;
        Some(frozen_text(frozen, config))
    }

    /// The budgets that an app has a share in, and how each is used.
    #[must_use]
    pub fn budgets<'a>(&self, app_id: &str, config: &'a ServerConfig, now: Timestamp) -> Vec<(&'a Budget, BudgetUse)> {
        let Some(rules) = config.policy() else {
            return Vec::new();
        };
        let known = |app_id: &str, campaign: &str| {
            let mut entries = self.entries.values();
            let entry = entries.find(|entry| {
                let on = entry.subject();
                (on.app_id.as_str(), on.campaign.as_str()) == (app_id, campaign)
            });
            CampaignSpend {
                worth: entry.and_then(CampaignEntry::worth),
                running: match self.charges.of(campaign, app_id) {
                    Some(Charge::Run(plan) | Charge::Paused { plan, .. }) => {
                        plan.approval.as_ref().map(|approval| approval.sequence)
                    }
                    Some(Charge::Stopped { .. }) | None => None,
                },
            }
        };
        let all = rules.policy.budgets.iter();
        let own = all.filter(|budget| budget.app.iter().any(|pattern| pattern.is_match(app_id)));
        own.map(|budget| (budget, self.reservations.usage(budget, rules.zone, now, known)))
            .collect()
    }

    /// Why no budget has room for the plan of a campaign. `None` if all have.
    fn over_budget(&self, entry: &CampaignEntry, config: &ServerConfig, now: Timestamp) -> Option<Text> {
        let loaded = entry.loaded.as_ref().filter(|loaded| !loaded.at.rehearsal.is_on())?;
        let usage = &entry.planned()?.preview.usage;
        let most = bounds::envelope(&entry.planned()?.preview, &loaded.plan, now).worth;
        let budgets = self.budgets(&entry.subject().app_id, config, now);
        let needs = most.map(|most| Money::from_fen(most.fen().saturating_sub(usage.worth.fen())));
        budgets.iter().find_map(|(budget, used)| {
            let left = used.left(budget.worth);
            match needs {
                None => Some(Text::new(&texts::BudgetUnknown)),
                Some(needs) if needs > left => Some(Text::new(&texts::OverBudget {
                    needs: &needs,
                    left: &left,
                    max: &budget.worth,
                })),
                Some(_) => None,
            }
        })
    }

    /// The request for the plan of a campaign as it is now. `None` without one, and if it was for another plan.
    #[must_use]
    pub fn request(&self, entry: &CampaignEntry) -> Option<&OpenRequest> {
        let planned = entry.planned()?;
        let fingerprint = planned.preview.fingerprint.to_string();
        let request = self.requests.of(&entry.subject())?;
        (request.fingerprint == fingerprint && request.is_fresh == planned.is_fresh).then_some(request)
    }

    /// What the policy of the service says of the plan of a campaign. `None` without a policy, and without a plan.
    #[must_use]
    pub fn policy(&self, entry: &CampaignEntry, config: &ServerConfig, now: Timestamp) -> Option<PolicySituation> {
        let rules = config.policy()?;
        let accounts = &config.accounts;
        let request = self.request(entry);
        let mut given = request.map(OpenRequest::given).unwrap_or_default();
        // Who may approve no longer has not approved.
        given.retain(|given| {
            let roles = accounts.roles(&given.by);
            accounts.is_local() || roles.is_some_and(|roles| ActKind::GiveApproval.allows(roles))
        });
        let charge = self.charge(entry);
        Some(PolicySituation {
            verdict: entry.verdict(&rules, &given, now)?,
            request: request.map(|request| RequestSituation {
                by: request.by.name.clone(),
                approved_by: given.into_iter().map(|given| given.by).collect(),
            }),
            is_local: accounts.is_local(),
            waits: self
                .held_back(&entry.subject().campaign, config, now)
                .or_else(|| self.over_budget(entry, config, now)),
            is_undisturbed: charge.is_none()
                && !self.requests.is_unfinished(&entry.subject())
                && entry.may_begin_by_itself(now),
        })
    }
}

/// A running service.
pub struct Supervisor {
    settings: ServiceSettings,
    state: Mutex<ServiceState>,
    log: AsyncMutex<ServiceLog>,
    limiters: Mutex<AppLimiters>,
    fake_platform: Option<String>,
    plans: Arc<Semaphore>,
    /// One simulation at a time.
    simulations: Semaphore,
    stopping: watch::Sender<bool>,
    ended: Notify,
    /// Notified when something was approved.
    approved: Notify,
    /// Notified when a person begins or ends a freeze.
    frozen: Notify,
    /// The last durable record, for the witness.
    heads: watch::Sender<Durable>,
    /// Sends messages. `None` for rehearsals.
    messages: Option<ServiceMessages>,
    /// The channels of the service that have the messages of every campaign.
    shared_channels: Mutex<Vec<Channel>>,
}

/// What the service holds for as long as it runs, and gives back at its end.
pub struct ServiceResources {
    lock: CampaignLock,
    fake_platform: Option<fake_platform::Running>,
    /// Writes the witness of the log. `None` for rehearsals.
    witness: Option<JoinHandle<()>>,
    /// Shows the log to other processes.
    shows_log: JoinHandle<()>,
    /// Sends messages. `None` for rehearsals.
    notifier: Option<Notifier>,
}

impl Supervisor {
    /// Takes the lock of the directory and reads the log.
    ///
    /// # Errors
    /// When another service has the lock, or the log is damaged.
    pub async fn open(settings: ServiceSettings) -> Result<(Arc<Self>, ServiceResources), ServiceError> {
        let place = settings.place();
        let owner = this_process(settings.environment.clock.now());
        let lock = place.lock(&owner).map_err(ServiceLogError::Dir)?;
        let (log, logged) = place.open(&lock).await?;
        let reader = log.reader().await?;
        let witness = LogPlace::new(&settings, &place);
        let lost = witness
            .as_ref()
            .and_then(LogPlace::read)
            .filter(|lost| !logged.has(lost.head()));
        let fake_platform = if settings.is_rehearsal {
            let started = fake_platform::start(fake_platform::Settings::default()).await;
            Some(started.map_err(AppError::FakePlatform)?)
        } else {
            None
        };
        let head = log.head();
        let mut state = ServiceState::default();
        for record in logged.records() {
            match serde_json::from_slice::<Record>(&record.body) {
                Ok(read) if read.version <= VERSION => {
                    let head = Head {
                        sequence: record.sequence,
                        link: record.link,
                    };
                    state.add(head, read);
                }
                // It may say that a person stopped something, so nothing is continued.
                Ok(_) | Err(_) => state.read_only = Some(Text::new(&texts::NewerRecords)),
            }
        }
        let (messages, notifier) = if settings.is_rehearsal {
            (None, None)
        } else {
            let started = ServiceMessages::start(&settings.environment.clock, settings.classify);
            let (messages, notifier) = started.map_err(AppError::Thread)?;
            (Some(messages), Some(notifier))
        };
        let supervisor = Arc::new(Self {
            messages,
            shared_channels: Mutex::default(),
            fake_platform: fake_platform.as_ref().map(|running| running.base_url().to_owned()),
            settings,
            state: Mutex::new(state),
            log: AsyncMutex::new(log),
            limiters: Mutex::default(),
            plans: Arc::new(Semaphore::new(PLANS)),
            simulations: Semaphore::new(1),
            stopping: watch::channel(false).0,
            ended: Notify::new(),
            approved: Notify::new(),
            frozen: Notify::new(),
            heads: watch::channel(Durable { head, is_last: false }).0,
        });
        supervisor.share_channels();
        let unusable = supervisor.state().read_only.clone();
        if let Some(why) = unusable {
            supervisor.announce_read_only(&why);
        }
        let began = Entry::ServiceBegan {
            host: owner.host,
            pid: owner.pid,
            user: actor(None).user,
        };
        supervisor.record(began).await?;
        if let Some(lost) = lost {
            // A record that is gone may say that a person stopped something, so nothing is continued.
            let known = lost.sequence;
            let first = logged.head().sequence + 1;
            supervisor.record(Entry::RecordsLost { first, known }).await?;
        }
        let witness = witness.map(|witness| tokio::spawn(Arc::clone(&supervisor).write_witness(witness)));
        let socket = LogSocket::bind(&place.log_socket()).map_err(ServiceError::Socket)?;
        let shows_log = tokio::spawn(socket.serve(reader));
        Ok((
            supervisor,
            ServiceResources {
                lock,
                fake_platform,
                witness,
                shows_log,
                notifier,
            },
        ))
    }

    /// Scans and applies until [`Supervisor::stop`].
    pub async fn run(self: &Arc<Self>) {
        let freezing = tokio::spawn(Arc::clone(self).keep_frozen());
        self.watch_directory().await;
        freezing.abort();
    }

    /// Pauses what is frozen, and lets it go on after that. A freeze that begins while the machine sleeps holds as soon as it wakes.
    async fn keep_frozen(self: Arc<Self>) {
        loop {
            let now = self.now();
            self.hold_frozen(now);
            let config = self.config().current();
            let policy = config.file.as_ref().and_then(|file| file.policy.as_ref());
            let next = policy.and_then(|policy| freeze::next_change(policy, now));
            let left = next.and_then(|next| until(now, next)).unwrap_or(LOOK_AT_FREEZES);
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_AT_FREEZES)) => {}
                () = self.frozen.notified() => {}
            }
        }
    }

    /// Holds each run that is frozen at `now`, and releases those that are not any longer.
    fn hold_frozen(&self, now: Timestamp) {
        let config = self.config().current();
        let state = self.state();
        for entry in state.entries.values() {
            let Some(run) = &entry.run else { continue };
            let frozen = state.freeze(&run.on.campaign, &config, now);
            match (frozen, run.server.is_frozen()) {
                (Some(frozen), false) => run.server.freeze(freezer(frozen)),
                (None, true) => {
                    let charge = state.charges.of(&run.on.campaign, &run.on.app_id);
                    let goes_on = matches!(charge, Some(Charge::Run(_)));
                    let by = goes_on.then(|| this_requester(Some(&texts::Unfreezes.to_string())));
                    run.server.thaw(by);
                }
                (Some(_), true) | (None, false) => {}
            }
        }
    }

    /// Scans and applies until [`Supervisor::stop`].
    async fn watch_directory(self: &Arc<Self>) {
        let mut scanner = Scanner::default();
        let mut stopping = self.stopping.subscribe();
        let mut wait = FIRST_SCANS;
        let mut scans = 0_u32;
        let mut is_continued = false;
        let mut comparing: Option<JoinHandle<()>> = None;
        loop {
            if *stopping.borrow() {
                return;
            }
            let config = Arc::clone(&self.settings.config);
            // A secret may be in a file that does not answer.
            let _ = spawn_blocking(move || config.read_again()).await;
            self.share_channels();
            self.scan(&mut scanner).await;
            self.schedule_occurrences().await;
            self.read_statuses().await;
            if comparing.as_ref().is_none_or(JoinHandle::is_finished) {
                let supervisor = Arc::clone(self);
                comparing = Some(tokio::spawn(async move { supervisor.compare_after_days().await }));
            }
            scans = scans.saturating_add(1);
            if scans >= 2 {
                wait = SCAN_EVERY;
                self.state().is_scanned = true;
                // A directory that is empty or not there yet is not a reason to pause every campaign.
                if !is_continued && self.has_files() {
                    is_continued = true;
                    self.continue_charges().await;
                    self.send_kept();
                }
            }
            if is_continued {
                self.note_lapsed().await;
                self.apply_approved().await;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.approved.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Whether the last scan found a campaign file.
    fn has_files(&self) -> bool {
        let state = self.state();
        state.scan_failure.is_none() && !state.entries.is_empty()
    }

    /// What pages show. Must not be held across an await.
    pub fn state(&self) -> MutexGuard<'_, ServiceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every campaign is rehearsed.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.settings.is_rehearsal
    }

    /// The directory of campaign files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.settings.directory
    }

    /// The file of the service.
    #[must_use]
    pub fn config(&self) -> &ConfigFile {
        &self.settings.config
    }

    /// Tells which problem an error is.
    #[must_use]
    pub const fn classify(&self) -> Classify {
        self.settings.classify
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.settings.environment.clock.now()
    }

    /// The present moment.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.settings.environment.clock.moment()
    }

    /// Whether the service is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Becomes true when the service stops.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Stops every run in order, because of the signal with this name, and returns when they have ended.
    pub async fn stop(&self, signal: &str, resources: ServiceResources) {
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
        if let Err(error) = self.record(Entry::ServiceEnded).await {
            tracing::warn!("the end of the service is not in its log: {error}");
        }
        if let Some(notifier) = resources.notifier {
            messages::finish(notifier).await;
        }
        if let Some(running) = resources.fake_platform {
            running.stop().await;
        }
        self.heads.send_modify(|durable| durable.is_last = true);
        if let Some(writing) = resources.witness {
            let _ = writing.await;
        }
        resources.shows_log.abort();
        let _ = resources.shows_log.await;
        drop(resources.lock);
    }

    /// Writes the witness of the log after each record, until the service ends. A disk that stalls delays no act.
    async fn write_witness(self: Arc<Self>, place: LogPlace) {
        let mut heads = self.heads.subscribe();
        loop {
            let durable = *heads.borrow_and_update();
            let witness = place.witness(durable.head, self.now());
            let witnesses = place.witnesses.clone();
            let written = spawn_blocking(move || witnesses.write_log(&witness)).await;
            if let Ok(Err(error)) = written {
                tracing::warn!("cannot write the witness of the service log: {error}");
            }
            if durable.is_last || heads.changed().await.is_err() {
                return;
            }
        }
    }

    /// Makes a record durable. Returns its number.
    pub async fn record(&self, entry: Entry) -> Result<u64, LedgerError> {
        let record = Record {
            version: VERSION,
            at: self.now(),
            entry,
        };
        let body = serde_json::to_vec(&record).unwrap_or_default();
        let mut log = self.log.lock().await;
        let appended = log.append(&body).await;
        if appended.is_ok() {
            self.heads.send_modify(|durable| durable.head = log.head());
        }
        let mut state = self.state();
        match &appended {
            Ok(head) => state.add(*head, record),
            Err(error) => {
                tracing::error!("the service log cannot be written: {error}");
                if state.read_only.is_none() {
                    let why = Text::new(error);
                    self.announce_read_only(&why);
                    state.read_only = Some(why);
                }
            }
        }
        appended.map(|head| head.sequence)
    }

    /// The number of the last record, and the last link of the hash chain in hexadecimal digits.
    pub async fn log_head(&self) -> (u64, String) {
        let head = self.log.lock().await.head();
        (head.sequence, hexadecimal(&head.link))
    }

    /// Decides on an act, records it, and executes it. An act goes on when its caller is gone.
    ///
    /// # Errors
    /// When it is not allowed, or fails.
    pub async fn perform(self: &Arc<Self>, act: Act, who: Who) -> Result<(), ActError> {
        let supervisor = Arc::clone(self);
        let performed = tokio::spawn(async move { supervisor.perform_now(act, who).await });
        performed.await.unwrap_or_else(|error| {
            let fault = Fault::new(AppError::RunBroke(error), self.settings.classify);
            Err(ActError::Failed(Arc::new(fault)))
        })
    }

    async fn perform_now(self: &Arc<Self>, act: Act, who: Who) -> Result<(), ActError> {
        let kind = act.kind();
        let asker = who.clone();
        let recorded = self.with_envelope(act.clone());
        let act = recorded.clone();
        let allowed = match self.decide(act, who) {
            Ok(allowed) => allowed,
            Err(denied) => {
                let refused = Language::English.scope(|| denied.to_string());
                let entry = Entry::Act {
                    who: asker,
                    act: recorded,
                    refused: Some(refused),
                };
                // The act is refused, whether or not that is recorded.
                let _ = self.record(entry).await;
                return Err(ActError::Denied(denied));
            }
        };
        let entry = Entry::Act {
            who: asker,
            act: recorded,
            refused: None,
        };
        if kind.only_holds_back() {
            let done = self.execute(allowed).await;
            let _ = self.record(entry).await;
            return done.map_err(|fault| ActError::Failed(Arc::new(fault)));
        }
        let file = allowed.act().on().map(|on| on.file.clone());
        let of = match self.record(entry).await {
            Ok(of) => of,
            Err(error) => {
                self.unreserve(file.as_deref());
                let fault = Fault::new(AppError::Ledger(error), self.settings.classify);
                return Err(ActError::Failed(Arc::new(fault)));
            }
        };
        let done = Box::pin(self.execute(allowed)).await;
        self.unreserve(file.as_deref());
        if !kind.only_shows() {
            let failed = done.as_ref().err().map(Fault::english);
            let _ = self.record(Entry::Result { of, failed }).await;
        }
        done.map_err(|fault| ActError::Failed(Arc::new(fault)))
    }

    /// Records the approvals and requests that have lapsed.
    async fn note_lapsed(&self) {
        let config = self.config().current();
        let Some(rules) = config.policy() else { return };
        let expires = rules.expires();
        let now = self.now();
        loop {
            let Some((on, of)) = self.state().requests.first_lapsed(now, expires) else {
                return;
            };
            if self.record(Entry::Lapsed { on, of }).await.is_err() {
                return;
            }
        }
    }

    /// Applies the plans that have what the policy asks for.
    async fn apply_approved(self: &Arc<Self>) {
        for act in self.approved_plans() {
            let file = act.on().map(|on| on.file.clone()).unwrap_or_default();
            if let Err(error) = self.perform(act, Who::scheduler()).await {
                tracing::warn!("the approved plan of {file:?} is not applied: {error:?}");
                self.note_not_begun(&file, error);
            }
        }
    }

    /// Shows that the run of an approved plan did not begin.
    fn note_not_begun(&self, file: &str, error: ActError) {
        let ActError::Failed(fault) = error else { return };
        if let Some(entry) = self.state().entries.get_mut(file) {
            entry.ended = Some(EndedRun::failed(self.now(), fault));
        }
    }

    /// The acts that apply the plans that can go on now. A plan that needs nobody is made again first if it is old, because its
    /// audience may have changed.
    fn approved_plans(self: &Arc<Self>) -> Vec<Act> {
        let config = self.config().current();
        if config.policy().is_none() {
            return Vec::new();
        }
        let now = self.now();
        let mut acts = Vec::new();
        let mut old = Vec::new();
        {
            let state = self.state();
            for entry in state.entries.values() {
                let Some(act) = self.approved_plan(&state, entry, now) else {
                    continue;
                };
                let is_old = |planned: &Arc<Planned>| now.duration_since(planned.at) > FRESH_PLAN;
                if state.request(entry).is_none() && entry.planned().is_some_and(is_old) {
                    old.push(entry.file.clone());
                } else {
                    acts.push(act);
                }
            }
        }
        for file in old {
            self.plan_soon(&file);
        }
        acts
    }

    fn approved_plan(&self, state: &ServiceState, entry: &CampaignEntry, now: Timestamp) -> Option<Act> {
        let planned = entry.planned()?;
        let policy = state.policy(entry, &self.config().current(), now)?;
        let request = state.request(entry);
        let given = policy
            .verdict
            .requirements
            .iter()
            .flat_map(|needed| needed.given.iter().cloned());
        let by: BTreeSet<String> = given.collect();
        let act = Act::Apply {
            on: entry.subject(),
            fingerprint: planned.preview.fingerprint.to_string(),
            accept: request.map(|request| request.accept.clone()).unwrap_or_default(),
            fresh: planned.is_fresh,
            by: by.into_iter().collect(),
            envelope: None,
            spent: None,
        };
        let situation = self.situation(state, &act, now);
        gate(act.clone(), Who::scheduler(), &situation).ok().map(|_| act)
    }

    /// Fills in what an approval allows: that which the plan needs, and nothing more.
    fn with_envelope(&self, mut act: Act) -> Act {
        let (Act::Approve {
            on,
            fingerprint,
            envelope,
            ..
        }
        | Act::Apply {
            on,
            fingerprint,
            envelope,
            ..
        }) = &mut act
        else {
            return act;
        };
        let mut spent_before = None;
        *envelope = {
            let state = self.state();
            let entry = state.entries.get(&on.file);
            entry.and_then(|entry| {
                let planned = entry.planned()?;
                let loaded = entry.loaded.as_ref()?;
                let is_shown = planned.preview.fingerprint.to_string() == *fingerprint;
                spent_before = Some(planned.preview.usage.worth).filter(|_| !self.is_rehearsal());
                is_shown.then(|| Box::new(bounds::envelope(&planned.preview, &loaded.plan, self.now())))
            })
        };
        if let Act::Apply { spent, .. } = &mut act {
            *spent = spent_before;
        }
        act
    }

    /// What an act depends on besides its user.
    fn situation(&self, state: &ServiceState, act: &Act, now: Timestamp) -> Situation {
        let mut situation = Situation {
            is_read_only: state.read_only.is_some(),
            is_stopping: self.is_stopping(),
            is_frozen: state.frozen.is_some(),
            campaign: act.on().and_then(|on| state.situation(&on.file)),
        };
        let config = self.config().current();
        if let (Some(on), Some(campaign)) = (act.on(), &mut situation.campaign) {
            campaign.frozen = state.held_back(&on.campaign, &config, now);
        }
        if let Some(entry) = act.on().and_then(|on| state.entries.get(&on.file))
            && let Some(plan) = situation.campaign.as_mut().and_then(|campaign| campaign.plan.as_mut())
        {
            plan.policy = state.policy(entry, &config, now);
        }
        situation
    }

    /// Asks the gate, and reserves the campaign for an act that takes its ledger.
    fn decide(&self, act: Act, who: Who) -> Result<Allowed, Denied> {
        let mut state = self.state();
        if let Some(on) = act.on() {
            state.reschedule(file_of(&on.file), self.now());
        }
        let situation = self.situation(&state, &act, self.now());
        let allowed = gate(act, who, &situation)?;
        let takes_ledger = matches!(
            allowed.act(),
            Act::Approve { .. } | Act::Apply { .. } | Act::Compare { .. } | Act::Resolve { .. } | Act::Resume { .. }
        );
        if let Some(entry) = allowed.act().on().and_then(|on| state.entries.get_mut(&on.file))
            && takes_ledger
            && entry.run.is_none()
        {
            entry.is_reserved = true;
        }
        Ok(allowed)
    }

    fn unreserve(&self, file: Option<&str>) {
        if let Some(file) = file
            && let Some(entry) = self.state().entries.get_mut(file)
        {
            entry.is_reserved = false;
        }
        self.ended.notify_waiters();
    }

    async fn execute(self: &Arc<Self>, allowed: Allowed) -> Result<(), Fault> {
        let who = allowed.who();
        match allowed.act() {
            Act::See | Act::SeeDeliveries { .. } | Act::SeePerson { .. } | Act::Reject { .. } => Ok(()),
            Act::Request { .. } | Act::GiveApproval { .. } => {
                self.approved.notify_one();
                Ok(())
            }
            Act::Compare { on } => {
                let loaded = self.loaded(&on.file)?;
                self.note_comparing(&on.file, true);
                let by = actor(Some(&who.name));
                let mut stopping = self.stopping();
                let comparing = Box::pin(compare(&loaded, by, self.settings.classify));
                // Every answer so far is in the ledger.
                let compared = tokio::select! {
                    compared = comparing => compared,
                    _ = stopping.wait_for(|stopping| *stopping) => Err(Fault::of_text(Text::new(&Denied::Stopping))),
                };
                self.note_comparing(&on.file, false);
                self.plan_soon(&on.file);
                compared
            }
            Act::Plan { on, fresh } => {
                if let Some(entry) = self.state().entries.get_mut(&on.file) {
                    entry.is_fresh = *fresh && self.is_rehearsal();
                }
                self.plan_soon(&on.file);
                Ok(())
            }
            Act::Approve { on, fresh, .. } | Act::Apply { on, fresh, .. } => {
                // The record of the act has made it a charge by now.
                let charged = self.state().charges.of(&on.campaign, &on.app_id).cloned();
                match charged {
                    Some(Charge::Run(plan)) => {
                        let is_fresh = *fresh && self.is_rehearsal();
                        self.start_run(&on.file, &plan, is_fresh, who).await?;
                        self.tell_of_budgets(on, &plan);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            Act::Pause { on } => self.command(&on.file, Verb::Pause, who).await,
            Act::Stop { on } => self.command(&on.file, Verb::Stop, who).await,
            Act::Resume { on } => {
                let plan = {
                    let state = self.state();
                    let entry = state.entries.get(&on.file);
                    let idle = entry.filter(|entry| entry.run.is_none() && entry.status_owner().is_none());
                    match idle.and_then(|entry| state.charge(entry)) {
                        // The record of the act has made a pause a charge to run by now.
                        Some(Charge::Run(plan) | Charge::Paused { plan, .. }) => Some(plan.clone()),
                        Some(Charge::Stopped { .. }) | None => None,
                    }
                };
                match plan {
                    Some(plan) => self.start_run(&on.file, &plan, false, who).await,
                    None => self.command(&on.file, Verb::Resume, who).await,
                }
            }
            Act::Freeze { note } => {
                self.state().frozen = Some(ManualFreeze {
                    by: who.clone(),
                    at: self.now(),
                    note: note.clone(),
                });
                self.hold_frozen(self.now());
                Ok(())
            }
            Act::Unfreeze => {
                // The record of the act has ended the freeze by now.
                self.frozen.notify_one();
                Ok(())
            }
            Act::StopAll => {
                let files: Vec<_> = {
                    let state = self.state();
                    let applied = state
                        .entries
                        .values()
                        .filter(|entry| entry.run.is_some() || entry.status_owner().is_some());
                    applied.map(|entry| entry.file.clone()).collect()
                };
                let mut done = Ok(());
                for file in files {
                    done = done.and(self.command(&file, Verb::Stop, who).await);
                }
                done
            }
            Act::ApproveWave { on, wave } => {
                let loaded = self.loaded(&on.file)?;
                let approved = Box::pin(approve::approve(&loaded, Some(*wave), &actor(Some(&who.name)))).await;
                approved.map(drop).map_err(|error| self.fault(error))
            }
            Act::Resolve { on, decision } => {
                let loaded = self.loaded(&on.file)?;
                let decided = Box::pin(self.resolve(&loaded, decision, who)).await;
                self.plan_soon(&on.file);
                decided
            }
        }
    }

    /// Sends a message for each budget that the run of a plan has made be used to [`NEARLY`] percent.
    fn tell_of_budgets(self: &Arc<Self>, on: &Subject, plan: &ApprovedPlan) {
        let config = self.config().current();
        let (loaded, nearly) = {
            let state = self.state();
            let Some(entry) = state.entries.get(&on.file) else {
                return;
            };
            let Some(loaded) = entry.loaded.clone() else { return };
            let max = plan.approval.as_ref().and_then(|approval| approval.envelope.worth);
            let own = max.map_or(0, |max| {
                max.fen()
                    .saturating_sub(entry.worth().unwrap_or_default().committed().fen())
            });
            let is_over =
                |used: u64, budget: &Budget| used.saturating_mul(100) >= budget.worth.fen().saturating_mul(NEARLY);
            let budgets = state.budgets(&on.app_id, &config, self.now()).into_iter();
            let crossed = budgets.filter(|(budget, used)| {
                let used = used.total().fen();
                is_over(used, budget) && !is_over(used.saturating_sub(own), budget)
            });
            let nearly: Vec<_> = crossed
                .map(|(budget, used)| What::Budget {
                    used: used.total(),
                    max: budget.worth,
                })
                .collect();
            (loaded, nearly)
        };
        if self.is_rehearsal() {
            return;
        }
        for what in nearly {
            self.send_messages(&on.file, &loaded, Some(what), None);
        }
    }

    fn note_comparing(&self, file: &str, is_comparing: bool) {
        if let Some(entry) = self.state().entries.get_mut(file) {
            entry.is_comparing = is_comparing;
            entry.comparison_tried = Some(self.now());
        }
    }

    /// Compares the ledgers whose last day with attempts has ended, one after the other. Only those that can ask the platform for
    /// something: its count, or the coupons of a user in doubt.
    async fn compare_after_days(self: &Arc<Self>) {
        if self.is_rehearsal() {
            return;
        }
        let now = self.now();
        let due: Vec<_> = {
            let state = self.state();
            let idle = state
                .entries
                .values()
                .filter(|entry| entry.applier() == Applier::Nobody && matches!(entry.source, Source::Good));
            idle.filter(|entry| entry.is_comparison_due(now))
                .map(CampaignEntry::subject)
                .collect()
        };
        for on in due {
            if let Err(error) = self.perform(Act::Compare { on }, Who::scheduler()).await {
                tracing::warn!("a ledger is not compared with the platform's records: {error:?}");
            }
        }
    }

    fn fault(&self, error: AppError) -> Fault {
        Fault::new(error, self.settings.classify)
    }

    fn loaded(&self, file: &str) -> Result<Arc<LoadedCampaign>, Fault> {
        let state = self.state();
        let loaded = state.entries.get(file).and_then(|entry| entry.loaded.clone());
        loaded.ok_or_else(|| Fault::of_text(Text::new(&Denied::NoFile)))
    }

    /// Passes a command to the run of a campaign, here or in another process.
    async fn command(&self, file: &str, verb: Verb, who: &Who) -> Result<(), Fault> {
        let (server, place) = {
            let state = self.state();
            let entry = state.entries.get(file);
            let server = entry.and_then(|entry| Some(entry.run.as_ref()?.server.clone()));
            let loaded = entry.and_then(|entry| entry.loaded.clone());
            (server, loaded.map(|loaded| loaded.ledger_dir()))
        };
        let by = this_requester(Some(&who.name));
        if let Some(server) = server {
            let command = match verb {
                Verb::Pause => Command::Pause { by },
                Verb::Resume => Command::Resume { by: Some(by) },
                Verb::Stop => Command::Stop { by },
            };
            let taken = server.respond(command).await;
            return taken.map(drop).map_err(|error| self.fault(AppError::Command(error)));
        }
        let Some(place) = place else { return Ok(()) };
        let sent = run_command::send(&place, None, verb, Some(&who.name)).await;
        sent.map(drop).map_err(|error| self.fault(error))
    }

    async fn resolve(&self, campaign: &LoadedCampaign, decision: &BulkDecision, who: &Who) -> Result<(), Fault> {
        let (Some(state), Some(to)) = (
            waiting_state(&decision.state),
            resolution(&decision.to, decision.may_double),
        ) else {
            return Err(Fault::of_text(Text::new(&texts::BadForm)));
        };
        let selection = Selection {
            which: match decision.code {
                Some(_) => Which::All(state),
                None => Which::AllWithoutCode(state),
            },
            code: decision.code,
        };
        let code = decision.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let request = ResolveRequest {
            selection,
            to,
            note: decision.note.trim().to_owned(),
            typed: format!("all {} with code {code}", decision.state),
            by: crate::app::process::person(Some(&who.name)),
            expect: Some(Expected::Count(decision.count)),
        };
        match Box::pin(resolve::resolve(campaign, &request)).await {
            Ok(_) => Ok(()),
            Err(AppError::SelectionChanged { now, .. }) => {
                let shown = decision.count;
                Err(Fault::of_text(Text::new(&texts::OtherCount { shown, now })))
            }
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Starts a run of an approved plan.
    async fn start_run(
        self: &Arc<Self>,
        file: &str,
        plan: &ApprovedPlan,
        is_fresh: bool,
        who: &Who,
    ) -> Result<(), Fault> {
        let loaded = self.loaded(file)?;
        let unusable = || Fault::of_text(Text::new(&texts::BadForm));
        let expect = plan.fingerprint.parse().map_err(|_| unusable())?;
        let accept: Result<Vec<_>, _> = plan.accept.iter().map(|word| word.parse()).collect();
        let accept = accept.map_err(|_| unusable())?;
        let ready = self.prepare(&loaded).await?;
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
        let clock = &self.settings.environment.clock;
        let notices = match &self.messages {
            Some(messages) => Some(messages.add(&ready.loaded, self.page_of(file), self.notes_fault(file))?),
            None => None,
        };
        let reported = ReportedRun {
            campaign: info,
            metrics: Some(Arc::clone(&metrics)),
            listener: notices.clone().map(|notices| notices as Arc<dyn Listener>),
        };
        let outputs = Outputs {
            progress: ProgressDisplay::Silent,
            json: None,
            events: None,
        };
        let started = Display::start(vec![reported], outputs, clock);
        let (display, reporters) = started.map_err(|error| self.fault(AppError::Thread(error)))?;
        let reporter = reporters.into_iter().next().map(Arc::new).ok_or_else(unusable)?;
        let server = ControlServer::default();
        let on = Subject {
            file: file.to_owned(),
            campaign: identity.campaign.to_string(),
            app_id: identity.app_id.to_string(),
        };
        let before = {
            let state = self.state();
            let ledger = state.entries.get(file).and_then(|entry| entry.ledger.as_ref());
            ledger.filter(|_| !is_fresh).map(|ledger| ledger.attempts.clone())
        };
        let run = LiveRun {
            before: before.unwrap_or_default(),
            token: ready.token(),
            on: on.clone(),
            reporter: Arc::clone(&reporter),
            server: server.clone(),
            metrics,
            sends_until: ready.loaded.plan.schedule.end,
        };
        {
            let mut state = self.state();
            let Some(entry) = state.entries.get_mut(file) else {
                return Err(unusable());
            };
            entry.run = Some(run);
            entry.ended = None;
            entry.channel_faults.clear();
            entry.is_fresh = false;
            entry.plan = PlanState::Unplanned;
        }
        if self.is_stopping() {
            server.signalled(signalled("SIGTERM"));
        }
        // A run that a restart continues in a freeze waits for its end.
        self.hold_frozen(self.now());
        let request = ApplyRequest {
            approval: plan.approval.clone(),
            accept,
            expect: Some(expect),
            by: Some(actor(Some(&who.name))),
            fresh: is_fresh,
            yes: true,
            confirm: None,
        };
        let setup = RunSetup {
            campaign: ready,
            server: server.clone(),
            reporter: Arc::clone(&reporter),
            notices: notices.clone(),
        };
        let watching = tokio::spawn(Arc::clone(self).record_commands(on.clone(), server));
        let supervisor = Arc::clone(self);
        tokio::spawn(async move {
            let mut results = Box::pin(apply(request, vec![setup], |_, result| result)).await;
            watching.abort();
            // The thread of the display ends at once: it displays nothing.
            let _ = spawn_blocking(move || display.finish()).await;
            let Some(result) = results.pop() else { return };
            let problem = supervisor.run_ended(on, &reporter, result).await;
            if let Some(notices) = notices {
                run_over(&notices, problem);
            }
        });
        Ok(())
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
            let mut limiters = supervisor.limiters.lock().unwrap_or_else(PoisonError::into_inner);
            prepare_beside(vec![file], &options, &supervisor.settings.environment, &mut limiters)
        });
        let prepared = preparing.await.map_err(|error| self.fault(AppError::RunBroke(error)))?;
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
            if by.pid == std::process::id() {
                continue;
            }
            let entry = Entry::Act {
                who: Who::terminal(&by.actor().name, &by.command),
                act,
                refused: None,
            };
            let _ = self.record(entry).await;
        }
    }

    /// Notes the end of a run. Returns the problem of a run that failed.
    async fn run_ended(
        self: &Arc<Self>,
        on: Subject,
        reporter: &Reporter,
        result: Result<RunResult, AppError>,
    ) -> Option<Problem> {
        let stats = reporter.stats();
        let spent = reporter.view(|run| {
            let worth = run.stats.valuation.worth(&run.stats.counts);
            run.is_admitted().then(|| worth.committed())
        });
        let spent = spent.filter(|_| !self.is_rehearsal());
        let (state, why, fault, ending) = match result {
            Ok(RunResult::Ended(outcome)) => {
                let why = Reason::of_stop(&stats)
                    .map(|reason| Text::from_fn(|| reason.text(Timestamp::UNIX_EPOCH, &TimeZone::UTC)));
                (reporter.state().to_owned(), why, None, Some(outcome.ending))
            }
            Ok(early @ (RunResult::Stopped { .. } | RunResult::Declined)) => {
                let why = Text::from_fn(|| early.broken().unwrap_or_default());
                ("incomplete".to_owned(), Some(why), None, Some(Ending::Incomplete))
            }
            Err(error) => {
                let fault = self.fault(error);
                (
                    "failed".to_owned(),
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
        // What the end of the service stopped continues at its next start.
        let is_interrupted = self.is_stopping() && ending == Some(Ending::Incomplete);
        if !is_interrupted {
            let english = match &fault {
                Some(fault) => Some(fault.english()),
                None => why.as_ref().map(|why| why.english().to_owned()),
            };
            let entry = Entry::RunEnded {
                on: on.clone(),
                state: state.clone(),
                why: english,
                spent,
            };
            let _ = self.record(entry).await;
        }
        if let Some(entry) = self.state().entries.get_mut(&on.file) {
            let before = entry.run.take().map(|run| run.before).unwrap_or_default();
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
        problem.copied()
    }

    /// Plans a campaign in a task of its own.
    fn plan_soon(self: &Arc<Self>, file: &str) {
        let (loaded, version, is_fresh) = {
            let mut state = self.state();
            let Some(entry) = state.entries.get_mut(file) else {
                return;
            };
            let Some(loaded) = entry.loaded.clone() else { return };
            entry.version += 1;
            entry.plan = PlanState::Planning;
            (loaded, entry.version, entry.is_fresh)
        };
        let supervisor = Arc::clone(self);
        let file = file.to_owned();
        let mut stopping = self.stopping();
        tokio::spawn(async move {
            tokio::select! {
                () = async {
                    supervisor.plan_now(&file, &loaded, version, is_fresh).await;
                    supervisor.announce_plan(&file, &loaded);
                    supervisor.simulate(&file, &loaded, version).await;
                } => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        });
    }

    async fn plan_now(&self, file: &str, loaded: &LoadedCampaign, version: u64, is_fresh: bool) {
        let Ok(_turn) = self.plans.acquire().await else { return };
        let request = PlanRequest {
            requests: SHOWN_REQUESTS,
            fresh: is_fresh,
            every_language: true,
            ..PlanRequest::default()
        };
        let planned = Box::pin(plan::plan(loaded, &request)).await;
        let ledger = Box::pin(decisions::read(loaded)).await;
        let place = loaded.ledger_dir();
        let looked = spawn_blocking(move || place.has_other_of_app()).await;
        // What cannot be read counts as new: a policy asks for more then.
        let is_new_app = !matches!(looked, Ok(Ok(true)));
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(file).filter(|entry| entry.version == version) else {
            return;
        };
        entry.plan = match planned {
            Ok(preview) => PlanState::Ready(Arc::new(Planned {
                preview,
                at: self.settings.environment.clock.now(),
                is_fresh,
                is_new_app,
            })),
            Err(error) => PlanState::Failed(Arc::new(Fault::new(error, self.settings.classify))),
        };
        match ledger {
            Ok(ledger) => entry.ledger = ledger.map(Arc::new),
            Err(error) => tracing::warn!("the ledger of {file:?} cannot be read: {error}"),
        }
    }

    /// Simulates the plan of a campaign, unless that was done before. Nothing waits for it.
    async fn simulate(&self, file: &str, loaded: &LoadedCampaign, version: u64) {
        let note = |fingerprint: &Fingerprint, result| {
            let mut state = self.state();
            let entry = state.entries.get_mut(file);
            if let Some(entry) = entry.filter(|entry| entry.version == version) {
                let fingerprint = fingerprint.clone();
                entry.simulated = Some(Simulated { fingerprint, result });
            }
        };
        let Some(planned) = self.plan_to_simulate(file, version) else {
            return;
        };
        let fingerprint = &planned.preview.fingerprint;
        if planned.preview.view.deliveries.counts.audience() > MOST_SIMULATED {
            return note(fingerprint, SimulatedResult::TooLarge);
        }
        note(fingerprint, SimulatedResult::Running);
        let Ok(_turn) = self.simulations.acquire().await else {
            return;
        };
        if self.plan_to_simulate(file, version).is_none() {
            return;
        }
        let accept = planned.needs().iter().filter_map(|word| word.parse().ok()).collect();
        let request = SimulationRequest::in_background(self.now(), accept);
        let simulating = Box::pin(simulate(loaded, &request));
        let result = match tokio::time::timeout(LONGEST_SIMULATION, simulating).await {
            Ok(Ok(SimulationResult::Ended { simulated, .. })) => SimulatedResult::Ended(Arc::new(*simulated)),
            Ok(Ok(SimulationResult::Refused(_))) => SimulatedResult::Refused,
            Ok(Err(error)) => SimulatedResult::Failed(Arc::new(self.fault(error))),
            Err(_) => SimulatedResult::TooLong,
        };
        note(fingerprint, result);
    }

    /// The plan of this version, if it sends something and was not simulated. `None` for a rehearsal from the beginning: the
    /// ledger that it would delete is not what it begins with.
    fn plan_to_simulate(&self, file: &str, version: u64) -> Option<Arc<Planned>> {
        let state = self.state();
        let entry = state.entries.get(file).filter(|entry| entry.version == version)?;
        let planned = entry.planned().filter(|planned| planned.sends() && !planned.is_fresh)?;
        let known = entry.simulated.as_ref();
        let known = known.filter(|known| known.fingerprint == planned.preview.fingerprint);
        known
            .is_none_or(|known| matches!(known.result, SimulatedResult::Running))
            .then(|| Arc::clone(planned))
    }

    /// Looks at the directory.
    async fn scan(self: &Arc<Self>, scanner: &mut Scanner) {
        let directory = self.settings.directory.clone();
        let listed = spawn_blocking(move || list_files(&directory)).await;
        let seen = match listed {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => {
                self.state().scan_failure = Some(Text::from(error.to_string()));
                return;
            }
            Err(_) => return,
        };
        let result = scanner.observe(&seen);
        {
            let mut state = self.state();
            state.scan_failure = None;
            state.is_directory_empty = result.is_empty;
        }
        for file in &result.settled {
            let supervisor = Arc::clone(self);
            let read = file.clone();
            let is_read = spawn_blocking(move || supervisor.take_file(&read.name)).await;
            if let Ok(is_new) = is_read {
                scanner.note_read(file);
                if is_new {
                    self.plan_soon(&file.name);
                }
            }
        }
        for file in result.vanished {
            self.vanished(&file).await;
        }
    }

    /// Reads a file whose content may have changed. Returns whether its campaign is to be planned.
    fn take_file(&self, name: &str) -> bool {
        let path = self.settings.directory.join(name);
        let parse = || match campaign::load(&path) {
            Err(mistakes) => Err(mistakes),
            Ok(parsed) => {
                let mistakes = Neighbours::default().mistakes(&path.clone().into(), &parsed);
                if mistakes.is_empty() { Ok(parsed) } else { Err(mistakes) }
            }
        };
        let content = read_file(&path);
        let mut broken: Vec<(Language, Vec<Diagnostic>)> = Vec::new();
        let mut parsed: Option<campaign::Parsed> = None;
        for language in Language::ALL {
            match language.scope(parse) {
                Ok(good) => parsed = Some(good),
                Err(mistakes) => broken.push((language, mistakes)),
            }
        }
        let source = if broken.is_empty() {
            Source::Good
        } else {
            Source::Broken(Arc::new(broken))
        };
        let at = CampaignRef {
            file: path.into(),
            occurrence: None,
            rehearsal: if self.is_rehearsal() {
                Rehearsal::Inside
            } else {
                Rehearsal::No
            },
            state_dir: self.settings.state_dir.clone(),
            store: None,
        };
        if let Some(parsed) = parsed.take_if(|parsed| parsed.campaign.recurrence().is_some()) {
            let mut state = self.state();
            let entry = state.entries.entry(name.to_owned());
            let entry = entry.or_insert_with(|| CampaignEntry::new(name.to_owned(), source.clone()));
            let is_same = content.is_some() && entry.content == content && entry.series.is_some();
            entry.content = content;
            entry.source = source;
            if !is_same && entry.run.is_none() {
                entry.loaded = None;
                entry.status_source = None;
                entry.status = None;
                entry.plan = PlanState::Unplanned;
                entry.series = Some(Box::new(SeriesEntry::new(at, parsed)));
            }
            return false;
        }
        let load =
            |parsed: campaign::Parsed| LoadedCampaign::new(at.clone(), parsed, self.settings.environment.clone());
        // Looks at other ledgers on the disk, which may be slow, so the state is not locked meanwhile.
        let usable = parsed.filter(|_| matches!(source, Source::Good)).map(|parsed| {
            let for_status = CampaignStatus::new(load(parsed.clone())?);
            Ok::<_, PlanError>((load(parsed)?, for_status))
        });
        let mut state = self.state();
        let entry = state.entries.entry(name.to_owned());
        let entry = entry.or_insert_with(|| CampaignEntry::new(name.to_owned(), source.clone()));
        let is_same = content.is_some() && entry.content == content && matches!(entry.source, Source::Good);
        entry.content = content;
        entry.source = source;
        match usable.filter(|_| !is_same) {
            None => false,
            Some(Ok((loaded, for_status))) => {
                entry.series = None;
                entry.loaded = Some(Arc::new(loaded));
                entry.status_source = Some(Arc::new(vec![for_status]));
                entry.status = None;
                true
            }
            Some(Err(error)) => {
                entry.loaded = None;
                entry.series = None;
                entry.plan = PlanState::Failed(Arc::new(self.fault(error.into())));
                false
            }
        }
    }

    /// Looks at the ledgers of recurring campaigns, and plans the occurrences that are due or come soon.
    async fn schedule_occurrences(self: &Arc<Self>) {
        let files: Vec<_> = {
            let state = self.state();
            let entries = state
                .entries
                .values()
                .filter(|entry| matches!(entry.source, Source::Good));
            let recurring = entries.filter_map(|entry| Some((entry.file.clone(), entry.series.as_ref()?)));
            let is_old = |series: &SeriesEntry| {
                series
                    .read
                    .is_none_or(|read| self.moment().instant - read >= READ_LEDGERS)
            };
            recurring
                .map(|(file, series)| {
                    let look = is_old(series).then(|| (series.at.clone(), series.parsed.clone()));
                    (file, look)
                })
                .collect()
        };
        for (file, look) in files {
            if let Some((at, parsed)) = look {
                self.read_series(&file, &at, &parsed).await;
            }
            self.note_found(&file).await;
            let turned = self.state().reschedule(&file, self.now());
            for key in turned {
                self.plan_soon(&key);
            }
            self.add_occurrences(&file).await;
            self.note_missed(&file).await;
        }
        self.drop_occurrences();
    }

    /// Looks which occurrences have a ledger.
    async fn read_series(&self, file: &str, at: &CampaignRef, parsed: &campaign::Parsed) {
        let read = Series::read(at, parsed, &self.settings.environment).await;
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(file) else {
            return;
        };
        let Some(known) = &mut entry.series else { return };
        known.read = Some(self.moment().instant);
        match read {
            Ok(series) => {
                known.series = series;
                entry.plan = PlanState::Unplanned;
            }
            Err(error) => entry.plan = PlanState::Failed(Arc::new(self.fault(error))),
        }
    }

    /// Records when a recurring campaign was first read, so that earlier occurrences are not missed.
    async fn note_found(&self, file: &str) {
        let on = {
            let mut state = self.state();
            let state = &mut *state;
            let entry = state.entries.get_mut(file);
            let Some(series) = entry.and_then(|entry| entry.series.as_mut()) else {
                return;
            };
            let on = series.subject(file);
            series.found = state.series.found(&on).or(series.found);
            if series.found.is_some() {
                return;
            }
            series.found = Some(self.now());
            on
        };
        // If the log cannot be written, the service knows it until it ends.
        let _ = self.record(Entry::SeriesFound { on }).await;
    }

    /// Makes a campaign of each occurrence that is due, comes soon or has something to show, and plans it.
    async fn add_occurrences(self: &Arc<Self>, file: &str) {
        let (content, series, new) = {
            let state = self.state();
            let Some(entry) = state.entries.get(file) else { return };
            let Some(known) = &entry.series else { return };
            let Some(series) = known.series.clone() else { return };
            let is_new = |turn: &Turn| {
                let own = state.entries.get(&occurrence_key(file, turn.occurrence.date));
                let made_from = own.and_then(|own| Some((own.occurrence.as_ref()?, &own.loaded, &own.source)));
                made_from.is_none_or(|(made_from, loaded, source)| {
                    made_from.content != entry.content
                        || made_from.turn.occurrence != turn.occurrence
                        || loaded.is_none()
                        || !matches!(source, Source::Good)
                })
            };
            let turns = known.schedule.turns.iter().copied();
            (entry.content, series, turns.filter(is_new).collect::<Vec<_>>())
        };
        for turn in new {
            let key = occurrence_key(file, turn.occurrence.date);
            let series = series.clone();
            let environment = self.settings.environment.clone();
            let loading = spawn_blocking(move || SeriesEntry::load(&series, &turn.occurrence, &environment));
            let Ok(loading) = loading.await else { continue };
            {
                let mut state = self.state();
                let entry = state.entries.entry(key.clone());
                let entry = entry.or_insert_with(|| CampaignEntry::new(key.clone(), Source::Good));
                entry.source = Source::Good;
                entry.occurrence = Some(OccurrenceEntry { turn, content });
                match loading {
                    Ok(loaded) => {
                        entry.loaded = Some(loaded.loaded);
                        entry.status_source = Some(Arc::new(vec![loaded.status]));
                        entry.status = None;
                    }
                    Err(error) => {
                        entry.loaded = None;
                        entry.plan = PlanState::Failed(Arc::new(self.fault(error.into())));
                    }
                }
            }
            self.plan_soon(&key);
        }
    }

    /// Records the occurrences that nobody began in time.
    async fn note_missed(self: &Arc<Self>, file: &str) {
        let missed: Vec<_> = {
            let state = self.state();
            let entry = state.entries.get(file);
            let Some(series) = entry.and_then(|entry| entry.series.as_ref()) else {
                return;
            };
            let missed = series.schedule.missed.iter();
            let missed = missed.map(|missed| (series.subject_on(file, missed.date), *missed));
            missed.filter(|(on, _)| !state.series.has_missed(on)).collect()
        };
        for (on, occurrence) in missed {
            if self.record(Entry::OccurrenceMissed { on }).await.is_err() {
                return;
            }
            let start = occurrence.start;
            self.announce(file, &occurrence, What::Missed { start }).await;
        }
    }

    /// Sends a message about an occurrence that has no run, in a task of its own. A rehearsal has no messages.
    async fn announce(self: &Arc<Self>, file: &str, occurrence: &Occurrence, what: What) {
        let series = {
            let state = self.state();
            let entry = state.entries.get(file);
            entry.and_then(|entry| entry.series.as_ref()?.series.clone())
        };
        let Some(series) = series.filter(|_| !self.is_rehearsal()) else {
            return;
        };
        let environment = self.settings.environment.clone();
        let occurrence = *occurrence;
        let loading = spawn_blocking(move || SeriesEntry::load(&series, &occurrence, &environment));
        let Ok(Ok(LoadedOccurrence { loaded, .. })) = loading.await else {
            return;
        };
        self.send_messages(file, &loaded, Some(what), None);
    }

    /// Sends what earlier processes kept for campaigns that no run of this one takes over: after a kill, a halt may not have reached
    /// anybody, and nothing runs until a person knows of it.
    fn send_kept(self: &Arc<Self>) {
        if self.is_rehearsal() {
            return;
        }
        let idle: Vec<_> = {
            let state = self.state();
            let idle = state
                .entries
                .values()
                .filter(|entry| entry.applier() == Applier::Nobody);
            idle.filter_map(|entry| Some((entry.file.clone(), entry.loaded.clone()?)))
                .collect()
        };
        for (file, loaded) in idle {
            let place = loaded.ledger_dir();
            let Some(directory) = place.dir().parent().filter(|_| place.dir().is_dir()) else {
                continue;
            };
            self.send_messages(&file, &loaded, None, Some(directory.to_owned()));
        }
    }

    fn send_messages(
        self: &Arc<Self>,
        key: &str,
        campaign: &LoadedCampaign,
        what: Option<What>,
        kept: Option<PathBuf>,
    ) {
        let Some(messages) = &self.messages else { return };
        match messages.add(campaign, self.page_of(key), self.notes_fault(key)) {
            Ok(notices) => {
                if let Some(kept) = kept {
                    notices.keep_in(kept);
                }
                if let Some(what) = what {
                    notices.announce(what);
                }
                notices.over();
            }
            Err(fault) => self.notes_fault(key)("", Some(fault.message)),
        }
    }

    /// The address of the page of a campaign. `None` if the file of the service has no `url`.
    fn page_of(&self, file: &str) -> Option<String> {
        let config = self.settings.config.current();
        let url = config.file.as_ref()?.url.as_ref()?;
        Some(format!("{url}{}", links::campaign(file)))
    }

    /// Gives the channels of the service, as its file names them at present, the messages of every campaign.
    fn share_channels(self: &Arc<Self>) {
        let Some(messages) = &self.messages else { return };
        let channels = self.settings.config.current().channels.clone();
        let mut shared = self.shared_channels.lock().unwrap_or_else(PoisonError::into_inner);
        if *shared == channels {
            return;
        }
        shared.clone_from(&channels);
        self.state().channel_faults.clear();
        let supervisor = Arc::downgrade(self);
        let warn: Warn = Arc::new(move |channel: &str, why: Option<Text>| {
            if let Some(supervisor) = supervisor.upgrade() {
                note(&mut supervisor.state().channel_faults, channel, why);
            }
        });
        let directory = self.settings.place().dir();
        if let Err(fault) = messages.share(channels, Arc::clone(&warn), directory) {
            warn("", Some(fault.message));
        }
    }

    /// Says to the channels of the service that its log cannot be written.
    fn announce_read_only(&self, why: &Text) {
        let Some(messages) = &self.messages else { return };
        let config = &self.settings.config;
        if let Some(file) = &config.current().file {
            messages.announce(ServiceNotice {
                origin: notify::service_origin(config.path(), file),
                at: self.now(),
                what: ServiceEvent::ReadOnly { why: why.clone() },
            });
        }
    }

    /// Says once of each plan that it waits for an approval.
    fn announce_plan(self: &Arc<Self>, file: &str, campaign: &LoadedCampaign) {
        let config = self.config().current();
        let what = {
            let mut state = self.state();
            let Some(entry) = state.entries.get(file) else { return };
            let policy = state.policy(entry, &config, self.now());
            let attention = entry.attention(state.charge(entry), policy.as_ref());
            let waits = attention.into_iter().find_map(|item| match item {
                Attention::Approval { to_send, changes } => Some(What::PlanWaits { to_send, changes }),
                _ => None,
            });
            let fingerprint = entry.planned().map(|planned| planned.preview.fingerprint.to_string());
            let (Some(what), Some(entry)) = (waits, state.entries.get_mut(file)) else {
                return;
            };
            if entry.announced_plan == fingerprint {
                return;
            }
            entry.announced_plan = fingerprint;
            what
        };
        self.send_messages(file, campaign, Some(what), None);
    }

    /// Shows that a channel of a campaign does not take its messages.
    fn notes_fault(self: &Arc<Self>, key: &str) -> Warn {
        let supervisor = Arc::downgrade(self);
        let key = key.to_owned();
        Arc::new(move |channel: &str, why: Option<Text>| {
            let Some(supervisor) = supervisor.upgrade() else { return };
            if let Some(entry) = supervisor.state().entries.get_mut(&key) {
                note(&mut entry.channel_faults, channel, why);
            }
        })
    }

    /// Drops the occurrences that are not shown any longer.
    fn drop_occurrences(&self) {
        let mut state = self.state();
        let shown: BTreeSet<String> = {
            let recurring = state
                .entries
                .values()
                .filter_map(|entry| Some((&entry.file, entry.series.as_ref()?)));
            let turns = recurring.flat_map(|(file, series)| series.schedule.turns.iter().map(move |turn| (file, turn)));
            turns
                .map(|(file, turn)| occurrence_key(file, turn.occurrence.date))
                .collect()
        };
        // A file with mistakes may be mended, and one that vanished has paused its campaign.
        let is_good = |file: &str, entries: &BTreeMap<String, CampaignEntry>| {
            entries
                .get(file)
                .is_some_and(|entry| matches!(entry.source, Source::Good))
        };
        let old: Vec<_> = state
            .entries
            .values()
            .filter(|entry| entry.occurrence.is_some() && !shown.contains(&entry.file))
            .filter(|entry| entry.applier() == Applier::Nobody && is_good(file_of(&entry.file), &state.entries))
            .map(|entry| entry.file.clone())
            .collect();
        for file in old {
            state.entries.remove(&file);
        }
    }

    /// Pauses the campaign of a file that is gone, or its occurrences.
    async fn vanished(self: &Arc<Self>, file: &str) {
        let mut subjects = Vec::new();
        {
            let mut state = self.state();
            for key in state.keys_of(file) {
                let Some(entry) = state.entries.get_mut(&key) else {
                    continue;
                };
                entry.source = Source::Vanished;
                let on = entry.run.as_ref().map(|run| run.on.clone());
                if on.is_none() && entry.status_owner().is_none() && state.charges_nothing(&key) {
                    // Nothing is going on, and nothing is to be decided.
                    state.entries.remove(&key);
                }
                subjects.extend(on);
            }
        }
        for on in subjects {
            let act = Act::Pause { on };
            if let Err(error) = self.perform(act, Who::scheduler()).await {
                tracing::warn!("the campaign of {file:?}, which vanished, is not paused: {error:?}");
            }
        }
    }

    /// Reads what other processes say of the campaigns that this one does not apply.
    async fn read_statuses(&self) {
        let sources: Vec<_> = {
            let state = self.state();
            let idle = state.entries.values().filter(|entry| entry.run.is_none());
            idle.filter_map(|entry| Some((entry.file.clone(), entry.status_source.clone()?)))
                .collect()
        };
        for (file, source) in sources {
            let read = async { StatusReader::connect(&source).await?.rows().await };
            let status = match read.await {
                Ok(mut rows) => rows.pop().map(|row| row.status),
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
    async fn continue_charges(self: &Arc<Self>) {
        let charges: Vec<(Subject, Charge)> = {
            let state = self.state();
            if state.read_only.is_some() {
                return;
            }
            state
                .charges
                .all()
                .map(|(on, charge)| (on.clone(), charge.clone()))
                .collect()
        };
        for (on, charge) in charges {
            let Charge::Run(plan) = charge else {
                self.keep_entry(&on, &charge);
                continue;
            };
            let file = {
                let mut state = self.state();
                let found = state.entries.values_mut().find(|entry| {
                    let subject = entry.subject();
                    (subject.campaign, subject.app_id) == (on.campaign.clone(), on.app_id.clone())
                        && matches!(entry.source, Source::Good)
                });
                found.map(|entry| {
                    let may_begin = entry.situation(None).occurrence == OccurrenceSituation::Open;
                    entry.is_reserved = may_begin;
                    (entry.file.clone(), may_begin)
                })
            };
            if let Some((_, false)) = &file {
                // It was approved, and a crash kept it from its ledger until it was too late.
                let entry = Entry::RunEnded {
                    on,
                    state: "missed".to_owned(),
                    why: None,
                    spent: None,
                };
                let _ = self.record(entry).await;
                continue;
            }
            let Some((file, _)) = file else {
                self.keep_entry(&on, &Charge::Run(plan));
                let entry = Entry::Act {
                    who: Who::scheduler(),
                    act: Act::Pause { on },
                    refused: None,
                };
                let _ = self.record(entry).await;
                continue;
            };
            let started = self.start_run(&file, &plan, false, &Who::scheduler()).await;
            self.unreserve(Some(&file));
            if let Err(fault) = started {
                let entry = Entry::RunEnded {
                    on,
                    state: "failed".to_owned(),
                    why: Some(fault.english()),
                    spent: None,
                };
                let _ = self.record(entry).await;
                self.note_not_begun(&file, ActError::Failed(Arc::new(fault)));
            }
        }
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

    /// The metrics of the runs of this process.
    #[must_use]
    pub fn metrics(&self) -> Vec<Arc<Metrics>> {
        let state = self.state();
        let runs = state.entries.values().filter_map(|entry| entry.run.as_ref());
        runs.map(|run| Arc::clone(&run.metrics)).collect()
    }
}

impl ServiceState {
    /// The campaigns of an app, whose ledgers may know a user.
    #[must_use]
    pub fn campaigns_of(&self, app_id: &str) -> Vec<Searched> {
        let entries = self.entries.values();
        let campaigns = entries.filter_map(|entry| {
            let loaded = entry.loaded.as_ref()?;
            (loaded.plan.identity.app_id.as_str() == app_id).then(|| Searched {
                file: entry.file.clone(),
                heading: entry.heading(),
                loaded: Arc::clone(loaded),
            })
        });
        campaigns.collect()
    }

    fn add(&mut self, head: Head, record: Record) {
        self.charges.apply(head, &record);
        self.requests.apply(head, &record);
        self.reservations.apply(head, &record);
        match &record.entry {
            Entry::SeriesFound { on } => self.series.note_found(on, record.at),
            Entry::OccurrenceMissed { on } => self.series.note_missed(on),
            Entry::Act {
                who,
                act: Act::Freeze { note },
                refused: None,
            } => {
                self.frozen = Some(ManualFreeze {
                    by: who.clone(),
                    at: record.at,
                    note: note.clone(),
                });
            }
            Entry::Act {
                act: Act::Unfreeze,
                refused: None,
                ..
            } => self.frozen = None,
            Entry::ServiceBegan { .. } => self.lost_records = None,
            Entry::RecordsLost { first, known } => self.lost_records = Some((*first, *known)),
            _ => {}
        }
        if self.records.len() == MOST_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(NumberedRecord {
            sequence: head.sequence,
            record: Arc::new(record),
        });
    }

    /// The campaign of a file and the occurrences of a recurring one.
    fn keys_of(&self, file: &str) -> Vec<String> {
        let keys = self.entries.keys();
        keys.filter(|key| file_of(key) == file).cloned().collect()
    }

    /// What an act on a campaign depends on. `None` if there is no such campaign.
    fn situation(&self, key: &str) -> Option<CampaignSituation> {
        let entry = self.entries.get(key)?;
        let mut situation = entry.situation(self.charge(entry));
        if situation.occurrence == OccurrenceSituation::Open && self.overlaps(entry) {
            situation.occurrence = OccurrenceSituation::Overlaps;
        }
        Some(situation)
    }

    /// Whether an earlier occurrence is running that may still send when this one begins. The rule has changed meanwhile: by one rule
    /// occurrences never overlap.
    fn overlaps(&self, entry: &CampaignEntry) -> bool {
        let Some(own) = &entry.occurrence else { return false };
        let start = own.turn.occurrence.start;
        let others = self
            .entries
            .values()
            .filter(|other| file_of(&other.file) == file_of(&entry.file) && other.file != entry.file);
        let mut running = others.filter(|other| other.applier() != Applier::Nobody);
        running.any(|other| {
            let Some(occurrence) = &other.occurrence else {
                return false;
            };
            let until = other.run.as_ref().map(|run| run.sends_until);
            let until = until.unwrap_or(occurrence.turn.occurrence.end);
            occurrence.turn.occurrence.start < start && start < until
        })
    }

    /// Decides again which occurrences of a file are due. Does nothing for other files. Returns the occurrences that are due now and
    /// were not before.
    fn reschedule(&mut self, file: &str, now: Timestamp) -> Vec<String> {
        let mut applied = BTreeSet::new();
        let mut charged = BTreeSet::new();
        for key in self.keys_of(file) {
            let Some(entry) = self.entries.get(&key) else { continue };
            let Some(occurrence) = &entry.occurrence else { continue };
            if entry.applier() != Applier::Nobody {
                applied.insert(occurrence.turn.occurrence.date);
            }
        }
        let Some(CampaignEntry {
            series: Some(series), ..
        }) = self.entries.get_mut(file)
        else {
            return Vec::new();
        };
        let on = series.subject(file);
        for (own, charge) in self.charges.all() {
            if own.app_id != on.app_id || matches!(charge, Charge::Stopped { .. }) {
                continue;
            }
            if let Some((name, date)) = own.campaign.rsplit_once('@')
                && name == on.campaign
                && let Ok(date) = date.parse()
            {
                charged.insert(date);
            }
        }
        series.reschedule(now, &applied, &charged);
        let turns = series.schedule.turns.clone();
        let mut due = Vec::new();
        for turn in turns {
            let key = occurrence_key(file, turn.occurrence.date);
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            let is_idle = entry.applier() == Applier::Nobody;
            if let Some(known) = &mut entry.occurrence {
                let was = known.turn.state;
                known.turn.state = turn.state;
                if is_idle && was != turn.state {
                    due.push(key);
                }
            }
        }
        due
    }

    /// Whether the service has nothing to do with the campaign of a file.
    fn charges_nothing(&self, file: &str) -> bool {
        !self
            .charges
            .all()
            .any(|(on, charge)| on.file == file && !matches!(charge, Charge::Stopped { .. }))
    }
}

impl ServiceSettings {
    /// Where the log is.
    #[must_use]
    pub fn place(&self) -> ServiceDir {
        let base = self.state_dir.as_ref().unwrap_or(&self.directory);
        ServiceDir::new(base, self.is_rehearsal)
    }
}

/// A log that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedLog {
    /// The number of its records.
    pub records: u64,
    /// How many of them only a newer version understands.
    pub newer: u64,
    /// The last link of the hash chain, in hexadecimal digits.
    pub link: String,
    /// The time of the last record that is understood. `None` without one.
    pub last: Option<Timestamp>,
    /// The witness of a record that the log does not have. `None` if it has what its witness saw, and without a witness.
    pub older_than: Option<LogWitness>,
    /// How many times the log says that records of it were lost.
    pub losses: u64,
}

/// Checks every record of a log. A service that has it shows its records.
///
/// # Errors
/// When a record was altered or lost, or the service does not show its records.
pub async fn verify_log(settings: &ServiceSettings) -> Result<CheckedLog, ServiceError> {
    let place = settings.place();
    // The witness is read first: the service goes on meanwhile.
    let witness = LogPlace::new(settings, &place).and_then(|witness| witness.read());
    let check = match place.lock(&this_process(settings.environment.clock.now())) {
        Ok(lock) => {
            let (log, check) = place.open(&lock).await?;
            log.close().await;
            check
        }
        Err(taken @ LedgerDirError::Lock(LockError::Taken { .. })) => {
            read_log(&place.log_socket()).await.map_err(|error| match error {
                // A service of an earlier version shows nothing.
                LogSocketError::Io(_) => ServiceLogError::Dir(taken),
                LogSocketError::Log(error) => ServiceLogError::Log(error),
            })?
        }
        Err(error) => return Err(ServiceLogError::Dir(error).into()),
    };
    Ok(CheckedLog::new(&check, witness))
}

impl CheckedLog {
    fn new(check: &LogCheck, witness: Option<LogWitness>) -> Self {
        let head = check.head();
        let mut checked = Self {
            records: head.sequence,
            newer: 0,
            link: hexadecimal(&head.link),
            last: None,
            older_than: witness.filter(|witness| !check.has(witness.head())),
            losses: 0,
        };
        for record in check.records() {
            match serde_json::from_slice::<Record>(&record.body) {
                Ok(read) => {
                    checked.last = Some(read.at);
                    checked.losses += u64::from(matches!(read.entry, Entry::RecordsLost { .. }));
                }
                Err(_) => checked.newer += 1,
            }
        }
        checked
    }
}

/// What freezes a campaign, for people.
#[must_use]
pub fn frozen_text(frozen: Frozen<'_>, config: &ServerConfig) -> Text {
    match frozen {
        Frozen::By(ManualFreeze { by, note, .. }) if note.is_empty() => Text::new(&texts::FrozenBy { by: &by.name }),
        Frozen::By(ManualFreeze { by, note, .. }) => Text::new(&texts::FrozenByFor { by: &by.name, note }),
        Frozen::Until(freeze) => {
            let utc = TimeZone::UTC;
            let zone = config.file.as_ref().map_or(&utc, |file| &file.timezone);
            Text::new(&texts::FrozenUntil {
                name: &freeze.name,
                until: &date_time(freeze.until, zone),
            })
        }
    }
}

/// Who pauses a run because of a freeze, as the ledger keeps it.
fn freezer(frozen: Frozen<'_>) -> Requester {
    let name = match frozen {
        Frozen::By(manual) => manual.by.name.clone(),
        Frozen::Until(freeze) => freeze.name.clone(),
    };
    this_requester(Some(&texts::Freezes { name: &name }.to_string()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Notes why a channel takes no messages, or that it takes them.
fn note(faults: &mut BTreeMap<String, Text>, channel: &str, why: Option<Text>) {
    match why {
        Some(why) => drop(faults.insert(channel.to_owned(), why)),
        None => drop(faults.remove(channel)),
    }
}

fn waiting_state(word: &str) -> Option<StateName> {
    [StateName::Held, StateName::InDoubt]
        .into_iter()
        .find(|state| state.word() == word)
}

fn resolution(word: &str, may_double: bool) -> Option<Resolution> {
    match word {
        "issued" => Some(Resolution::Issued),
        "refused" => Some(Resolution::Refused),
        "owed" => Some(Resolution::Owed { may_double }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
