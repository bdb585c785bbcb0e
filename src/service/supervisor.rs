//! The tasks of the service: it scans the directory, plans, applies what was approved, executes acts, and keeps what pages show. The
//! files of the folder have one task each; `log_input.rs` and `reservation.rs` have what they share.

mod acts;
mod announcements;
mod approvals;
mod comparisons;
mod erasures;
mod files;
mod freezes;
mod log_input;
mod occurrences;
mod plans;
mod recording;
mod reservation;
mod runs;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use crate::app::AppError;
use crate::app::apply::load::AppLimiters;
use crate::app::campaign_store::CampaignStore;
use crate::app::process::{actor, this_process};
use crate::app::service_ownership::ServiceOwnership;
use crate::catalogue::{Text, service as texts};
use crate::fake_platform;
use crate::ledger::lock::CampaignLock;
use crate::ledger::service_log::{LogCheck, ServiceDir, ServiceLog, ServiceLogError};
use crate::ledger::witness::LogWitness;
use crate::ledger::{Head, Reader};
use crate::model::clock::Moment;
use crate::notify::channel::Channel;
use crate::notify::notifier::Notifier;
use crate::report::render::prometheus::Metrics;

use self::log_input::{Durable, LogInput, MOST_WAITING, RECORD_TIMEOUT};
use super::config::ConfigFile;
use super::error::ServiceError;
use super::fault::{Classify, Fault};
use super::log_place::LogPlace;
use super::log_socket::LogSocket;
use super::messages;
use super::messages::ServiceMessages;
use super::record::{Entry, Record, VERSION};
use super::settings::ServiceSettings;
use super::state::ServiceState;

/// How many campaigns are planned at once.
const MOST_PLANS: usize = 2;

/// A running service.
pub struct Supervisor {
    settings: ServiceSettings,
    state: Mutex<ServiceState>,
    /// The records that wait for the task that appends them.
    records: mpsc::Sender<LogInput>,
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
    /// The campaigns whose kept messages were looked for.
    kept_sent: Mutex<BTreeSet<String>>,
}

/// What the service holds for as long as it runs, and gives back at its end.
pub struct ServiceResources {
    lock: Arc<CampaignLock>,
    /// The ownership of the service in a fleet. `None` if the log is in files.
    ownership: Option<ServiceOwnership>,
    fake_platform: Option<fake_platform::Running>,
    /// Writes the witness of the log. `None` for rehearsals.
    witness: Option<JoinHandle<()>>,
    /// Appends to the log.
    appends: JoinHandle<()>,
    /// Shows the log to other processes. `None` if it is in a database, which they read themselves.
    shows_log: Option<JoinHandle<()>>,
    /// Follows whether the database answers. `None` if the log is in files.
    follows_store: Option<JoinHandle<()>>,
    /// Sends messages. `None` for rehearsals.
    notifier: Option<Notifier>,
}

impl Supervisor {
    /// Takes the lock of the directory and reads the log.
    ///
    /// # Errors
    /// When another service has the lock, or the log is damaged.
    pub async fn open(settings: ServiceSettings) -> Result<(Arc<Self>, ServiceResources), ServiceError> {
        let lock = settings.lock().await?;
        Box::pin(Self::open_locked(settings, lock, None)).await
    }

    /// Reads the log: that of the directory, or in a fleet that of the database, whose service this process owns.
    ///
    /// # Errors
    /// When the log is damaged, or cannot be read.
    pub async fn open_locked(
        settings: ServiceSettings,
        lock: Arc<CampaignLock>,
        ownership: Option<ServiceOwnership>,
    ) -> Result<(Arc<Self>, ServiceResources), ServiceError> {
        let place = settings.place();
        let (store, reader) = open_store(&settings, &place, &lock, ownership.as_ref()).await?;
        let (log, logged) = Box::pin(ServiceLog::read(store)).await.map_err(ServiceLogError::Log)?;
        let witness = LogPlace::new(&settings, &place);
        let lost = witness
            .as_ref()
            .and_then(LogPlace::read)
            .filter(|lost| !logged.has(lost.head()));
        let fake_platform = start_fake_platform(&settings).await?;
        let (messages, notifier) = start_messages(&settings)?.unzip();
        let (records, inputs) = mpsc::channel(MOST_WAITING);
        let base_url = fake_platform.as_ref().map(|running| running.base_url().to_owned());
        let state = state_of(&logged);
        let supervisor = Arc::new(Self::new(settings, state, log.head(), records, base_url, messages));
        let appends = tokio::spawn(Self::append_records(Arc::downgrade(&supervisor), log, inputs));
        supervisor.share_channels();
        supervisor.record_begin(&logged, lost).await?;
        let witness = witness.map(|witness| tokio::spawn(Arc::clone(&supervisor).write_witness(witness)));
        let shows_log = match reader {
            Some(reader) => {
                let socket = LogSocket::bind(&place.log_socket()).map_err(ServiceError::Socket)?;
                Some(tokio::spawn(socket.serve(reader)))
            }
            None => None,
        };
        let failure = ownership.as_ref().map(ServiceOwnership::failure);
        let follows_store = failure.map(|failure| tokio::spawn(Arc::clone(&supervisor).follow_store(failure)));
        let resources = ServiceResources {
            lock,
            ownership,
            fake_platform,
            witness,
            appends,
            shows_log,
            follows_store,
            notifier,
        };
        Ok((supervisor, resources))
    }

    /// A service of which no task runs yet. `head` is the last record of its log.
    fn new(
        settings: ServiceSettings,
        state: ServiceState,
        head: Head,
        records: mpsc::Sender<LogInput>,
        fake_platform: Option<String>,
        messages: Option<ServiceMessages>,
    ) -> Self {
        Self {
            records,
            messages,
            shared_channels: Mutex::default(),
            kept_sent: Mutex::default(),
            fake_platform,
            settings,
            state: Mutex::new(state),
            limiters: Mutex::default(),
            plans: Arc::new(Semaphore::new(MOST_PLANS)),
            simulations: Semaphore::new(1),
            stopping: watch::channel(false).0,
            ended: Notify::new(),
            approved: Notify::new(),
            frozen: Notify::new(),
            heads: watch::channel(Durable { head, is_last: false }).0,
        }
    }

    /// Records that the service begins, after the records `logged`. `lost` is the record that the witness saw and the log lacks.
    async fn record_begin(&self, logged: &LogCheck, lost: Option<LogWitness>) -> Result<(), ServiceError> {
        let unusable = self.state().read_only.clone();
        if let Some(why) = unusable {
            self.announce_read_only(&why);
        }
        let owner = this_process(self.now());
        let began = Entry::ServiceBegan {
            host: owner.host,
            pid: owner.pid,
            user: actor(None).user,
        };
        self.record(began).await?;
        if let Some(lost) = lost {
            // A record that is gone may say that a person stopped something, so nothing is continued.
            let known = lost.sequence;
            let first = logged.head().sequence + 1;
            self.record(Entry::RecordsLost { first, known }).await?;
        }
        Ok(())
    }

    /// Scans and applies until [`Supervisor::stop`].
    pub async fn run(self: &Arc<Self>) {
        let freezing = tokio::spawn(Arc::clone(self).keep_frozen());
        self.watch_directory().await;
        freezing.abort();
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

    /// Waits until another worker of the fleet has fenced this one. The log takes nothing more then. Never ends if the log is in files.
    pub async fn lost(resources: &ServiceResources) {
        match &resources.ownership {
            Some(ownership) => ownership.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Stops every run in order, because of the signal with this name, and returns when they have ended.
    pub async fn stop(&self, signal: &str, resources: ServiceResources) {
        self.stop_runs(signal).await;
        if let Err(error) = self.record(Entry::ServiceEnded).await {
            tracing::warn!("the end of the service is not in its log: {error}");
        }
        self.release(resources).await;
    }

    /// Stops every run after another worker has fenced this one, and returns when they have ended. Nothing is recorded: another
    /// service has the log, and continues them.
    pub async fn abandon(&self, resources: ServiceResources) {
        self.state().read_only = Some(Text::new(&texts::ServiceLost));
        self.stop_runs("SIGTERM").await;
        self.release(resources).await;
    }

    async fn release(&self, resources: ServiceResources) {
        if let Some(notifier) = resources.notifier {
            messages::finish(notifier).await;
        }
        if let Some(running) = resources.fake_platform {
            running.stop().await;
        }
        for task in [resources.shows_log, resources.follows_store].into_iter().flatten() {
            task.abort();
            let _ = task.await;
        }
        let closing = async {
            // The task ends without it if it has ended before.
            let _ = self.records.send(LogInput::Close).await;
            resources.appends.await
        };
        if tokio::time::timeout(RECORD_TIMEOUT, closing).await.is_err() {
            tracing::warn!("the database did not answer: the last records are not in the service log");
        }
        // The witness has the last record.
        self.heads.send_modify(|durable| durable.is_last = true);
        if let Some(writing) = resources.witness {
            let _ = writing.await;
        }
        if let Some(ownership) = resources.ownership {
            ownership.end();
        }
        drop(resources.lock);
    }

    pub(super) fn fault(&self, error: AppError) -> Fault {
        Fault::new(error, self.settings.classify)
    }

    /// The metrics of the runs of this process.
    #[must_use]
    pub fn metrics(&self) -> Vec<Arc<Metrics>> {
        let state = self.state();
        let runs = state.entries.values().filter_map(|entry| entry.run.as_ref());
        runs.map(|run| Arc::clone(&run.metrics)).collect()
    }
}

/// Opens the store of the log: that of the directory, with a reader for other processes, or that of the database.
async fn open_store(
    settings: &ServiceSettings,
    place: &ServiceDir,
    lock: &CampaignLock,
    ownership: Option<&ServiceOwnership>,
) -> Result<(CampaignStore, Option<Reader>), ServiceError> {
    if let Some(ownership) = ownership {
        return Ok((ownership.open_log(settings.environment.clock.now()).await?, None));
    }
    let store = place.open(lock).await?;
    let reader = store.reader().await;
    let reader = reader.map_err(|error| ServiceLogError::Log(error.into()))?;
    Ok((CampaignStore::Files(store), Some(reader)))
}

/// Starts the fake platform. `None` unless everything is rehearsed.
async fn start_fake_platform(settings: &ServiceSettings) -> Result<Option<fake_platform::Running>, ServiceError> {
    if !settings.is_rehearsal {
        return Ok(None);
    }
    let started = fake_platform::start(fake_platform::Settings::default()).await;
    Ok(Some(started.map_err(AppError::FakePlatform)?))
}

/// Starts what sends messages. `None` if everything is rehearsed.
fn start_messages(settings: &ServiceSettings) -> Result<Option<(ServiceMessages, Notifier)>, ServiceError> {
    if settings.is_rehearsal {
        return Ok(None);
    }
    let started = ServiceMessages::start(&settings.environment.clock, settings.classify);
    Ok(Some(started.map_err(AppError::Thread)?))
}

/// What the records of the log add up to.
fn state_of(logged: &LogCheck) -> ServiceState {
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
    state
}

#[cfg(test)]
mod tests;
