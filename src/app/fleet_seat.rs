//! This process as a worker of a fleet. It owns the app ids whose campaigns it applies, and the campaigns of one app id share a
//! [`Seat`] for one term.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::catalogue::app as text;
use crate::control::{Command, ControlServer, client};
use crate::engine::app_limiter::{AppLimiter, AppLock, HeldAppLock, Taking, TermState};
use crate::engine::unfinished::{Unfinished, unfinished};
use crate::fleet::{AppKey, Database, DatabaseError, DatabaseStore, DatabaseUrl, LedgerNo, Member, Ownership, Timing};
use crate::ledger::ledger_dir::Manifest;
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::witness::Witnesses;
use crate::ledger::{Fact, Ledger, LedgerState, TermOwner};
use crate::model::clock::{Clock, from_ms, monotonic_now};
use crate::model::event::{AppLockHolder, Owner};
use crate::model::identity::Identity;

use super::environment::{Environment, Notice};
use super::error::AppError;
use super::fleet_runs::{self, FleetRuns};
use super::process::host;
use super::{fleet_commands, fleet_origin, fleet_status};

/// How often a wait for an app id looks for who owns it.
const LOOK: Duration = Duration::from_secs(2);

/// How long a decision waits for an owner that may have died. A worker that is silent is fenced earlier.
const SOON: Duration = Duration::from_secs(20);

/// An app id of a fleet, as the campaigns to apply need it.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// The number of campaigns that have not ended.
    campaigns: usize,
    /// The longest `retry.timeout` of its campaigns.
    timeout: Duration,
}

/// This process as a worker.
#[derive(Debug)]
pub struct Fleet {
    url: DatabaseUrl,
    /// They show whether a database on another server has lost facts.
    witnesses: Option<Witnesses>,
    worker: tokio::sync::Mutex<Worker>,
    wanted: Mutex<BTreeMap<AppKey, Wanted>>,
    seats: Mutex<BTreeMap<AppKey, Arc<tokio::sync::Mutex<Weak<Seat>>>>>,
    /// The runs of this process.
    pub(super) runs: Arc<FleetRuns>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The worker of this process.
#[derive(Debug)]
enum Worker {
    /// Nobody needed it yet.
    NotStarted,
    /// It works.
    Member(Member),
    /// It could not be started.
    Failed(Arc<DatabaseError>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// A worker that claims its share of the app ids of these campaigns, each with its `retry.timeout`. It starts when the first
    /// campaign enters.
    #[must_use]
    pub fn new(
        url: &DatabaseUrl,
        witnesses: Option<Witnesses>,
        campaigns: impl IntoIterator<Item = (AppKey, Duration)>,
    ) -> Self {
        let mut wanted: BTreeMap<AppKey, Wanted> = BTreeMap::new();
        for (app, timeout) in campaigns {
            let app = wanted.entry(app).or_insert(Wanted { campaigns: 0, timeout });
            app.campaigns += 1;
            app.timeout = app.timeout.max(timeout);
        }
        Self {
            url: url.clone(),
            witnesses,
            worker: tokio::sync::Mutex::new(Worker::NotStarted),
            wanted: Mutex::new(wanted),
            seats: Mutex::default(),
            runs: Arc::default(),
            tasks: Mutex::default(),
        }
    }

    /// Returns the worker, and starts it if it was not started yet.
    async fn member(&self) -> Result<Member, AppError> {
        let mut worker = self.worker.lock().await;
        match &*worker {
            Worker::Member(member) => Ok(member.clone()),
            Worker::Failed(error) => Err(AppError::Database(Arc::clone(error))),
            Worker::NotStarted => match self.start().await {
                Ok(member) => {
                    let database = member.database();
                    let take = fleet_commands::take(Arc::clone(&self.runs), database.clone());
                    let publish = fleet_status::publish(Arc::clone(&self.runs), database.clone());
                    lock(&self.tasks).extend([tokio::spawn(take), tokio::spawn(publish)]);
                    *worker = Worker::Member(member.clone());
                    Ok(member)
                }
                Err(error) => {
                    let error = Arc::new(error);
                    *worker = Worker::Failed(Arc::clone(&error));
                    Err(AppError::Database(error))
                }
            },
        }
    }

    async fn start(&self) -> Result<Member, DatabaseError> {
        fleet_origin::check(&self.url, self.witnesses.as_ref()).await?;
        let member = Member::start(&self.url, Timing::default(), host()).await?;
        member.database().check_copies()?;
        member.want(lock(&self.wanted).keys().cloned().collect());
        Ok(member)
    }

    /// Starts another worker after `fenced` was fenced, for example because this machine was suspended. It begins like a new
    /// process.
    async fn start_again(&self, fenced: &Member) {
        let mut worker = self.worker.lock().await;
        while matches!(&*worker, Worker::Member(member) if member.id() == fenced.id()) {
            match self.start().await {
                Ok(member) => *worker = Worker::Member(member),
                Err(error) => {
                    tracing::warn!("cannot work in the fleet again yet: {error}");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Waits until this worker owns an app id, and takes a place for one campaign of it. Calls `waits` with each worker that owns it
    /// meanwhile.
    pub async fn enter(&self, app: &AppKey, mut waits: impl FnMut(AppLockHolder)) -> Result<Place, AppError> {
        let mut entering = Box::pin(self.take_place(app));
        let mut shown = None;
        loop {
            let look = async {
                tokio::time::sleep(LOOK).await;
                // A database that does not answer names nobody.
                self.holder(app).await.unwrap_or_default()
            };
            // Both go on, because the worker may be starting in `entering`, and `look` waits for it.
            let holder = tokio::select! {
                place = &mut entering => return place,
                holder = look => holder,
            };
            if let Some(holder) = holder.filter(|holder| shown.as_ref() != Some(holder)) {
                waits(AppLockHolder::from(holder.clone()));
                shown = Some(holder);
            }
        }
    }

    /// Passes the last order to a campaign that begins: a campaign that was paused stays paused on any worker. A stop has ended.
    pub(super) async fn keep_order(&self, identity: &Identity, server: &ControlServer) -> Result<(), AppError> {
        let database = self.member().await?.database().clone();
        let app = AppKey::of_ledger(identity);
        let mut kept = None;
        loop {
            let order = database.last_order(&app, identity.campaign.as_str()).await?;
            if order == kept {
                return Ok(());
            }
            let line = order.as_deref().unwrap_or_default();
            match client::command(Path::new("runner_command"), line.as_bytes()) {
                Ok(Command::Stop { .. } | Command::Approve(_)) => {}
                Ok(command) => {
                    server.respond(command).await.map_err(AppError::Command)?;
                }
                Err(error) => tracing::warn!("cannot read the last order: {error}"),
            }
            // Another order may have been taken meanwhile.
            kept = order;
        }
    }

    /// Publishes the status of a run that has ended.
    pub(super) async fn publish_end(&self, identity: &Identity, status: Option<String>) {
        let Some(status) = status else { return };
        let published = async {
            let member = self.member().await?;
            let rows = [(fleet_runs::key(identity), status)];
            Ok::<_, AppError>(member.database().publish_statuses(&rows).await?)
        };
        if let Err(error) = published.await {
            tracing::warn!("cannot publish the status: {error}");
        }
    }

    /// Like [`Fleet::enter`], for a command that records one decision. Another worker that owns the app id and works is an error.
    pub async fn enter_soon(&self, app: &AppKey, environment: &Environment) -> Result<Place, AppError> {
        let mut owner = None;
        let waits = |holder: AppLockHolder| {
            if let Some(holder) = &holder.owner {
                let why = text::WaitsForWorker {
                    host: &holder.host,
                    pid: &holder.pid,
                }
                .to_string();
                environment.notify(Notice::WaitsForOwner(&why));
            }
            owner = holder.owner;
        };
        match tokio::time::timeout(SOON, Box::pin(self.enter(app, waits))).await {
            Ok(place) => place,
            Err(_) => Err(AppError::Lock(LockError::Taken {
                owner: owner.map(Box::new),
                purpose: Purpose::Apply,
            })),
        }
    }

    async fn take_place(&self, app: &AppKey) -> Result<Place, AppError> {
        let slot = Arc::clone(lock(&self.seats).entry(app.clone()).or_default());
        let mut slot = slot.lock().await;
        if let Some(place) = slot.upgrade().and_then(Place::take) {
            return Ok(place);
        }
        loop {
            let member = self.member().await?;
            if let Some(ownership) = member.own(app.clone()).await {
                let wanted = lock(&self.wanted).get(app).copied();
                let seat = Arc::new(Seat::new(member, ownership));
                if let Some(Wanted { timeout, .. }) = wanted {
                    seat.pass_over(timeout).await?;
                }
                *slot = Arc::downgrade(&seat);
                if let Some(place) = Place::take(seat) {
                    return Ok(place);
                }
                continue;
            }
            self.start_again(&member).await;
        }
    }

    /// Returns the process that owns an app id. `None` if it is this one, or nobody.
    pub async fn holder(&self, app: &AppKey) -> Result<Option<Owner>, AppError> {
        let member = self.member().await?;
        let view = member.views().borrow().clone();
        let owner = view.apps.get(app).and_then(|row| row.owner);
        match owner.filter(|owner| *owner != member.id()) {
            Some(owner) => worker(member.database(), owner).await,
            None => Ok(None),
        }
    }

    /// Takes note that a campaign of an app id has ended for good. The app id of the last one is given up.
    pub async fn end(&self, app: &AppKey) {
        let apps: BTreeSet<_> = {
            let mut wanted = lock(&self.wanted);
            if let Some(left) = wanted.get_mut(app) {
                left.campaigns = left.campaigns.saturating_sub(1);
            }
            wanted.retain(|_, app| app.campaigns > 0);
            wanted.keys().cloned().collect()
        };
        if let Worker::Member(member) = &*self.worker.lock().await {
            member.want(apps);
        }
    }

    /// Hands over every app id, and leaves the fleet.
    pub async fn leave(&self) {
        if let Worker::Member(member) = &*self.worker.lock().await {
            member.stop().await;
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        lock(&self.tasks).iter().for_each(JoinHandle::abort);
    }
}

/// Returns a worker's process. `None` if its row is gone.
async fn worker(database: &Database, id: crate::fleet::WorkerId) -> Result<Option<Owner>, AppError> {
    let workers = database.workers().await?;
    Ok(workers.into_iter().find(|worker| worker.id == id).map(|worker| Owner {
        host: worker.host,
        pid: worker.pid,
        since: from_ms(worker.since_ms),
        command: String::new(),
    }))
}

/// The ownership of an app id for one term. The campaigns of the app id in this process share it.
#[derive(Debug)]
pub struct Seat {
    member: Member,
    ownership: Arc<Ownership>,
    limiter: Arc<AppLimiter>,
    places: Mutex<Places>,
    term: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    /// Whether a campaign has ended in a defect, so that its requests may be in flight.
    is_broken: bool,
    /// Whether the ownership was given up.
    is_over: bool,
}

impl Seat {
    fn new(member: Member, ownership: Ownership) -> Self {
        let ownership = Arc::new(ownership);
        let (states, term) = watch::channel(TermState::Lasts);
        let owned = Arc::clone(&ownership);
        let follow = async move {
            tokio::select! {
                biased;
                () = owned.lost() => {}
                () = owned.hand_over_asked() => {
                    states.send_replace(TermState::HandOver);
                    owned.lost().await;
                }
            }
            states.send_replace(TermState::Lost);
            // The receivers must not see the sender end.
            std::future::pending::<()>().await;
        };
        let lock = TermLock {
            ownership: Arc::clone(&ownership),
            term,
        };
        Self {
            member,
            limiter: AppLimiter::new(lock),
            ownership,
            places: Mutex::default(),
            term: tokio::spawn(follow),
        }
    }

    /// Returns what the campaigns of the app id share.
    #[must_use]
    pub fn limiter(&self) -> Arc<AppLimiter> {
        Arc::clone(&self.limiter)
    }

    /// Makes all campaigns pass over the users to whom a request of the previous owner may be on its way: those of attempts without
    /// an outcome in any ledger of the app id.
    async fn pass_over(&self, timeout: Duration) -> Result<(), AppError> {
        if self.ownership.term() <= 1 {
            return Ok(());
        }
        let now = monotonic_now();
        let wall = Clock::system().now();
        let database = self.member.database();
        for entry in database.ledgers().await? {
            if entry.app() != *self.ownership.app() {
                continue;
            }
            let Some(identity) = entry.manifest.identity() else {
                continue;
            };
            let ledger = Ledger::open(database.reader(entry.no), identity).await?;
            for Unfinished { open_id, left } in unfinished(ledger.state(), timeout, wall) {
                self.limiter.pass_over([&*open_id], now + left);
            }
        }
        Ok(())
    }

    /// Returns the fact that this worker owns the app id, with the `retry.timeout` of the campaign. `None` if the ledger has it already,
    /// or has later terms of another fleet, from which it was moved.
    #[must_use]
    pub fn owner_changed(&self, ledger_state: &LedgerState, at: Timestamp, timeout: Duration) -> Option<Fact> {
        let term = self.ownership.term();
        if ledger_state.owner().is_some_and(|owner| owner.term >= term) {
            return None;
        }
        let owner = Box::new(TermOwner {
            term,
            worker: self.member.id().to_string(),
            host: host(),
        });
        Some(Fact::OwnerChanged { at, timeout, owner })
    }

    /// Returns the database.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.member.database()
    }

    /// Creates a ledger that no command finds until [`Seat::publish`].
    pub async fn create_hidden(&self, identity: &Identity, manifest: &Manifest) -> Result<DatabaseStore, AppError> {
        Ok(self.member.create_hidden(identity, manifest, &self.ownership).await?)
    }

    /// Makes a hidden ledger that of its campaign.
    pub async fn publish(&self, no: LedgerNo, identity: &Identity) -> Result<(), AppError> {
        Ok(self.member.publish(no, identity).await?)
    }

    /// Hides a ledger that was moved elsewhere.
    pub async fn retire(&self, no: LedgerNo, identity: &Identity) -> Result<(), AppError> {
        Ok(self.member.retire(no, identity).await?)
    }

    /// Returns the error of a campaign that has another ledger already.
    #[must_use]
    pub fn has_ledger(&self, identity: &Identity) -> AppError {
        let place = self.member.database().place().to_owned();
        let campaign = identity.campaign.to_string();
        DatabaseError::HasLedger { place, campaign }.into()
    }

    /// Opens the ledger of a campaign. Returns its store and its id, or `None` if there is no ledger.
    pub async fn open(&self, identity: &Identity) -> Result<Option<(DatabaseStore, String)>, AppError> {
        let Some(entry) = self.member.database().ledger(identity).await? else {
            return Ok(None);
        };
        let store = self.member.open(&entry, &self.ownership)?;
        Ok(Some((store, entry.manifest.id)))
    }

    /// Creates the ledger of a campaign. Returns its store and its id.
    pub async fn create(&self, identity: &Identity, now: Timestamp) -> Result<(DatabaseStore, String), AppError> {
        let manifest = Manifest::new(identity, now);
        let store = self.member.create(identity, &manifest, &self.ownership).await?;
        Ok((store, manifest.id))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.term.abort();
    }
}

/// A campaign's place on a [`Seat`]. The last one that is left gives up the app id.
#[derive(Debug)]
pub struct Place {
    seat: Arc<Seat>,
    is_left: AtomicBool,
}

impl Place {
    /// Takes a place. Returns `None` if the term is over, or is to be handed over.
    fn take(seat: Arc<Seat>) -> Option<Self> {
        {
            let mut places = lock(&seat.places);
            if places.is_over || !seat.ownership.still_mine() {
                return None;
            }
            places.taken += 1;
        }
        Some(Self {
            seat,
            is_left: AtomicBool::new(false),
        })
    }

    /// Returns the seat.
    #[must_use]
    pub const fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// Leaves the seat: the campaign has no request in flight, and has recorded every outcome that it can.
    pub fn leave(self) {
        self.is_left.store(true, Ordering::SeqCst);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = lock(&self.seat.places);
        places.taken = places.taken.saturating_sub(1);
        places.is_broken |= !self.is_left.load(Ordering::SeqCst);
        if places.taken == 0 && !places.is_broken {
            places.is_over = true;
            self.seat.ownership.drained();
        }
    }
}

/// The term of an ownership as the app lock of its limiter.
#[derive(Debug)]
struct TermLock {
    ownership: Arc<Ownership>,
    term: watch::Receiver<TermState>,
}

impl AppLock for TermLock {
    fn take(&self) -> Taking<'_> {
        // The app id is this worker's for the whole term.
        Box::pin(std::future::ready(Ok(HeldAppLock::new(()))))
    }

    fn is_trusted(&self) -> bool {
        !checks_trust() || self.ownership.still_mine()
    }

    fn not_before(&self) -> Option<Instant> {
        Some(self.ownership.not_before())
    }

    fn term(&self) -> watch::Receiver<TermState> {
        self.term.clone()
    }
}

/// Whether a worker checks that it still owns an app id. False only in the test that must fail without.
#[cfg(not(feature = "faults"))]
const fn checks_trust() -> bool {
    true
}

#[cfg(feature = "faults")]
fn checks_trust() -> bool {
    std::env::var_os("RUNNER_FAULT_TRUST_UNCHECKED").is_none()
}
