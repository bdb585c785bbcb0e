//! This process as a worker of a fleet: it owns the app ids whose campaigns it applies, one term after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fleet::{AppKey, Database, DatabaseError, DatabaseUrl, Member, NoticeRows, Timing, WorkerId};
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::witness::Witnesses;
use crate::model::clock::from_ms;
use crate::model::event::{AppLockHolder, Owner};

use super::error::AppError;
use super::fleet_runs::FleetRuns;
use super::process::host;
use super::shared_ownership::{OwnershipUse, SharedOwnership};
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

/// What a wait for an app id meets.
#[derive(Clone, Debug)]
pub enum Wait {
    /// Another worker owns it.
    Owner(AppLockHolder),
    /// This worker was fenced, and may not start again before a person has decided. It goes on by itself after that.
    Decision(Arc<DatabaseError>),
}

/// This process as a worker.
#[derive(Debug)]
pub struct FleetWorker {
    url: DatabaseUrl,
    /// They show whether a database on another server has lost facts.
    witnesses: Option<Witnesses>,
    state: tokio::sync::Mutex<WorkerState>,
    /// Why this worker may not start again before a person has decided.
    decision: watch::Sender<Option<Arc<DatabaseError>>>,
    wanted: Mutex<BTreeMap<AppKey, Wanted>>,
    /// The ownership of each app id, if there is one. The task that waits for it has the lock.
    ownerships: Mutex<BTreeMap<AppKey, Arc<tokio::sync::Mutex<Weak<SharedOwnership>>>>>,
    /// The runs of this process.
    pub(super) runs: Arc<FleetRuns>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Whether this process works in the fleet.
#[derive(Debug)]
enum WorkerState {
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

impl FleetWorker {
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
            state: tokio::sync::Mutex::new(WorkerState::NotStarted),
            decision: watch::Sender::default(),
            wanted: Mutex::new(wanted),
            ownerships: Mutex::default(),
            runs: Arc::default(),
            tasks: Mutex::default(),
        }
    }

    /// Returns the worker, and starts it if it was not started yet.
    async fn member(&self) -> Result<Member, AppError> {
        let mut state = self.state.lock().await;
        match &*state {
            WorkerState::Member(member) => Ok(member.clone()),
            WorkerState::Failed(error) => Err(AppError::Database(Arc::clone(error))),
            WorkerState::NotStarted => match self.start().await {
                Ok(member) => {
                    let database = member.database();
                    let take = fleet_commands::take(Arc::clone(&self.runs), database.clone());
                    let publish = fleet_status::publish(Arc::clone(&self.runs), database.clone());
                    lock(&self.tasks).extend([tokio::spawn(take), tokio::spawn(publish)]);
                    *state = WorkerState::Member(member.clone());
                    Ok(member)
                }
                Err(error) => {
                    let error = Arc::new(error);
                    *state = WorkerState::Failed(Arc::clone(&error));
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
        let mut state = self.state.lock().await;
        while matches!(&*state, WorkerState::Member(member) if member.id() == fenced.id()) {
            match self.start().await {
                Ok(member) => {
                    self.decision.send_replace(None);
                    *state = WorkerState::Member(member);
                }
                Err(error) => {
                    if error.decision().is_some() {
                        self.ask(error);
                    } else {
                        tracing::warn!("cannot work in the fleet again yet: {error}");
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Makes each campaign that waits show what a person has to decide, once.
    fn ask(&self, error: DatabaseError) {
        self.decision.send_if_modified(|shown| {
            let is_new = shown.is_none();
            if is_new {
                *shown = Some(Arc::new(error));
            }
            is_new
        });
    }

    /// Waits until this worker owns an app id, for one campaign of it. Calls `waits` with each worker that owns it meanwhile, and
    /// with what a person has to decide.
    pub async fn own(&self, app: &AppKey, mut waits: impl FnMut(Wait)) -> Result<OwnershipUse, AppError> {
        let mut owning = Box::pin(self.own_in_turn(app));
        let mut decision = self.decision.subscribe();
        decision.mark_changed();
        let mut shown = None;
        loop {
            let look = async {
                tokio::time::sleep(LOOK).await;
                // A database that does not answer names nobody.
                self.holder(app).await.unwrap_or_default()
            };
            // Both go on, because the worker may be starting in `owning`, and `look` waits for it.
            let holder = tokio::select! {
                used = &mut owning => return used,
                Ok(()) = decision.changed() => {
                    if let Some(error) = decision.borrow_and_update().clone() {
                        waits(Wait::Decision(error));
                    }
                    continue;
                }
                holder = look => holder,
            };
            if let Some(holder) = holder.filter(|holder| shown.as_ref() != Some(holder)) {
                waits(Wait::Owner(AppLockHolder::from(holder.clone())));
                shown = Some(holder);
            }
        }
    }

    /// Returns the database, for what the runs of this process exchange with other machines.
    pub async fn database(&self) -> Result<Database, AppError> {
        Ok(self.member().await?.database().clone())
    }

    /// Returns the lines that this worker keeps about the messages of a campaign.
    pub(super) async fn notice_rows(&self, app: &str, campaign: &str) -> Result<NoticeRows, AppError> {
        Ok(self.member().await?.notice_rows(app, campaign))
    }

    /// Like [`FleetWorker::own`], for a command that records one decision. Another worker that owns the app id and works is an error.
    /// Calls `waits` with each worker that owns it meanwhile.
    pub async fn own_soon(&self, app: &AppKey, mut waits: impl FnMut(&Owner)) -> Result<OwnershipUse, AppError> {
        let mut owner = None;
        let note = |wait: Wait| {
            // A worker that starts is refused at once.
            let Wait::Owner(holder) = wait else { return };
            if let Some(holder) = &holder.owner {
                waits(holder);
            }
            owner = holder.owner;
        };
        match tokio::time::timeout(SOON, Box::pin(self.own(app, note))).await {
            Ok(used) => used,
            Err(_) => Err(AppError::Lock(LockError::Taken {
                owner: owner.map(Box::new),
                purpose: Purpose::Apply,
            })),
        }
    }

    async fn own_in_turn(&self, app: &AppKey) -> Result<OwnershipUse, AppError> {
        let slot = Arc::clone(lock(&self.ownerships).entry(app.clone()).or_default());
        let mut slot = slot.lock().await;
        if let Some(used) = slot.upgrade().and_then(OwnershipUse::begin) {
            return Ok(used);
        }
        loop {
            let member = self.member().await?;
            if let Some(ownership) = member.own(app.clone()).await {
                let wanted = lock(&self.wanted).get(app).copied();
                let shared = Arc::new(SharedOwnership::new(member, ownership));
                if let Some(Wanted { timeout, .. }) = wanted {
                    shared.pass_over(timeout).await?;
                }
                *slot = Arc::downgrade(&shared);
                if let Some(used) = OwnershipUse::begin(shared) {
                    return Ok(used);
                }
                continue;
            }
            self.start_again(&member).await;
        }
    }

    /// Returns the address of this machine from which it reaches the database. `None` if it has none of the family of `listen`.
    pub async fn local_address(&self, listen: IpAddr) -> Option<IpAddr> {
        self.url.local_address(listen).await
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

    /// Claims an app id for one more campaign.
    pub async fn join(&self, app: &AppKey, timeout: Duration) {
        let apps: BTreeSet<_> = {
            let mut wanted = lock(&self.wanted);
            let joined = wanted.entry(app.clone()).or_insert(Wanted { campaigns: 0, timeout });
            joined.campaigns += 1;
            joined.timeout = joined.timeout.max(timeout);
            wanted.keys().cloned().collect()
        };
        if let WorkerState::Member(member) = &*self.state.lock().await {
            member.want(apps);
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
        if let WorkerState::Member(member) = &*self.state.lock().await {
            member.want(apps);
        }
    }

    /// Hands over every app id, and leaves the fleet.
    pub async fn leave(&self) {
        if let WorkerState::Member(member) = &*self.state.lock().await {
            member.stop().await;
        }
    }
}

impl Drop for FleetWorker {
    fn drop(&mut self) {
        lock(&self.tasks).iter().for_each(JoinHandle::abort);
    }
}

/// Returns a worker's process. `None` if its row is gone.
async fn worker(database: &Database, id: WorkerId) -> Result<Option<Owner>, AppError> {
    let workers = database.workers().await?;
    Ok(workers.into_iter().find(|worker| worker.id == id).map(|worker| Owner {
        host: worker.host,
        pid: worker.pid,
        since: from_ms(worker.since_ms),
        command: String::new(),
    }))
}
