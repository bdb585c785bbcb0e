//! This process as a worker of a fleet: the tasks that renew its lease, claim app ids and append.

mod copy;
mod erasure;
mod notices;

pub use self::notices::NoticeRows;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;

use super::Timing;
use super::append_queue::AppendQueue;
use super::continuity::Continuity;
use super::database::{Database, LedgerEntry, SERVICE_LOG};
use super::database_store::{DatabaseStore, WorkerLink};
use super::error::{DatabaseAction, DatabaseError};
use super::lease_task::{LeaseTask, Requests};
use super::ownership::{Ownership, Trust};
use super::postgres::{Channel, DatabaseUrl, Me, StatementError, create_ledger};
use super::statement::{AppKey, View, WorkerId};
use crate::ledger::ledger_dir::Manifest;
use crate::model::identity::Identity;

/// The longest time of a statement that reads a page of a log, or writes a part of a snapshot.
const READ: Duration = Duration::from_secs(30);

/// How long the creation of a ledger is tried again.
const CREATE: Duration = Duration::from_secs(30);

/// This process as a worker. Clones are the same worker. When the last clone is dropped, the worker stops renewing its lease, and
/// others fence it after a while.
#[derive(Clone, Debug)]
pub struct Member(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    link: Arc<WorkerLink>,
    requests: Arc<Mutex<Requests>>,
    changed: Arc<Notify>,
    views: watch::Receiver<Arc<View>>,
    failure: watch::Receiver<Option<Arc<StatementError>>>,
    /// Whether the worker is fenced. The sender is dropped when the worker has ended.
    lost: watch::Receiver<bool>,
    continuity: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.continuity.abort();
        lock(&self.requests).is_abandoned = true;
        self.changed.notify_one();
    }
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    /// Connects, checks the server and its tables, and starts a worker with a new identity. It registers on its own.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn start(url: &DatabaseUrl, timing: Timing, host: String) -> Result<Self, DatabaseError> {
        let database = Database::connect(url).await?;
        let me = Me {
            id: WorkerId(fastrand::u128(..)),
            host,
            pid: std::process::id(),
        };
        let channel = |limit| Channel::new(url.clone(), limit);
        let trust = Arc::new(Trust::default());
        let requests = Arc::new(Mutex::new(Requests::default()));
        let changed = Arc::new(Notify::new());
        let (task, watched) = LeaseTask::new(
            me.clone(),
            timing,
            [channel(timing.statement), channel(timing.statement)],
            Arc::clone(&requests),
            Arc::clone(&changed),
            trust,
        );
        tokio::spawn(task.run());
        let link = WorkerLink {
            place: url.place(),
            appends: AppendQueue::start(channel(timing.statement), me.clone()),
            reads: channel(READ),
            me,
            known: Mutex::default(),
        };
        let link = Arc::new(link);
        let continuity = Continuity {
            database: database.clone(),
            link: Arc::clone(&link),
            views: watched.views.clone(),
        };
        Ok(Self(Arc::new(Shared {
            database,
            link,
            continuity: tokio::spawn(continuity.run()).abort_handle(),
            requests,
            changed,
            views: watched.views,
            failure: watched.failure,
            lost: watched.lost,
        })))
    }

    /// The identity of this worker.
    #[must_use]
    pub fn id(&self) -> WorkerId {
        self.0.link.me.id
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// All workers and the owners of all app ids, as of the last renewal of the lease. [`Database::workers`] has their machines.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.0.views.clone()
    }

    /// Why the lease could not be renewed. `None` if the last renewal succeeded.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<Option<Arc<StatementError>>> {
        self.0.failure.clone()
    }

    fn request(&self, change: impl FnOnce(&mut Requests)) {
        change(&mut lock(&self.0.requests));
        self.0.changed.notify_one();
    }

    /// Sets the app ids for which this process has campaigns. Those that are not wanted any more are handed over.
    pub fn want(&self, apps: BTreeSet<AppKey>) {
        self.request(|requests| requests.wanted = Some(apps));
    }

    /// Waits until this worker owns a wanted app id, and no other [`Ownership`] of it is in use here. [`Member::views`] says who
    /// owns it meanwhile. `None` once the worker is fenced or has left.
    pub async fn own(&self, app: AppKey) -> Option<Ownership> {
        let (grant, granted) = oneshot::channel();
        self.request(|requests| requests.own.push((app, grant)));
        let mut lost = self.0.lost.clone();
        tokio::select! {
            offered = granted => offered.ok()?.accept(),
            // It is closed when the worker has ended.
            _ = lost.wait_for(|_| false) => None,
        }
    }

    /// Waits until this worker is fenced. Never ends for one that leaves in order.
    pub async fn lost(&self) {
        let mut lost = self.0.lost.clone();
        if lost.wait_for(|is_lost| *is_lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Asks to hand over every app id, waits for [`Ownership::drained`] of each, and leaves. It ends within ten seconds after the
    /// last of them, even if the database cannot be reached; the others fence this worker then.
    pub async fn stop(&self) {
        self.request(|requests| requests.is_stopping = true);
        let mut lost = self.0.lost.clone();
        // It ends with an error when the worker has ended.
        let _ = lost.wait_for(|_| false).await;
    }

    fn not_owner(&self, ownership: &Ownership) -> DatabaseError {
        DatabaseError::NotOwner {
            place: self.0.link.place.clone(),
            app: ownership.app().app.clone(),
        }
    }

    /// Creates the ledger of a campaign, which must not have one.
    ///
    /// # Errors
    /// When the database fails, has a ledger of the campaign, or takes nothing more from this worker.
    pub async fn create(
        &self,
        identity: &Identity,
        manifest: &Manifest,
        ownership: &Ownership,
    ) -> Result<DatabaseStore, DatabaseError> {
        let app = AppKey::of_ledger(identity);
        self.create_named(identity.campaign.as_str(), &app, manifest, ownership)
            .await
    }

    /// Opens the log of the service, and creates it at `now` if there is none.
    ///
    /// # Errors
    /// When the database fails, or this worker does not own the service.
    pub async fn service_log(&self, ownership: &Ownership, now: Timestamp) -> Result<DatabaseStore, DatabaseError> {
        let store = if let Some(entry) = self.0.database.service_log().await? {
            self.open(&entry, ownership)?
        } else {
            let app = AppKey::of_service();
            let manifest = Manifest::of_log(&app.platform, &app.app, SERVICE_LOG, now);
            self.create_named(SERVICE_LOG, &app, &manifest, ownership).await?
        };
        Ok(store.waiting_for_ever())
    }

    async fn create_named(
        &self,
        campaign: &str,
        app: &AppKey,
        manifest: &Manifest,
        ownership: &Ownership,
    ) -> Result<DatabaseStore, DatabaseError> {
        if ownership.app() != app || !ownership.still_mine() {
            return Err(self.not_owner(ownership));
        }
        let link = &self.0.link;
        let failed = |source| DatabaseError::Failed {
            action: DatabaseAction::CreateLedger,
            place: link.place.clone(),
            source,
        };
        let text = serde_json::to_string(manifest).map_err(|error| DatabaseError::Illegible {
            place: link.place.clone(),
            ledger: 0,
            why: error.to_string(),
        })?;
        let begun = tokio::time::Instant::now();
        let created = loop {
            let created = async {
                let acquired = link.reads.acquire().await?;
                let created = create_ledger(acquired.connection(), &link.me, app, campaign, &text).await?;
                acquired.release();
                Ok(created)
            };
            match created.await {
                Ok(created) => break created,
                Err(error) if begun.elapsed() >= CREATE => return Err(failed(error)),
                Err(error) => tracing::warn!(%error, "whether a ledger was created is not known"),
            }
        };
        if let Some(no) = created {
            return Ok(DatabaseStore::new(Arc::clone(link), no, Arc::clone(ownership.owned())));
        }
        // An earlier try may have created it.
        match self.0.database.find(app, campaign).await? {
            Some(entry) if entry.manifest == *manifest => self.open(&entry, ownership),
            Some(_) => Err(DatabaseError::HasLedger {
                place: link.place.clone(),
                campaign: campaign.to_owned(),
            }),
            None => Err(self.not_owner(ownership)),
        }
    }

    /// Opens a ledger of an app id that this worker owns.
    ///
    /// # Errors
    /// When the ledger is of another app id.
    pub fn open(&self, entry: &LedgerEntry, ownership: &Ownership) -> Result<DatabaseStore, DatabaseError> {
        if entry.app() != *ownership.app() {
            return Err(self.not_owner(ownership));
        }
        let link = Arc::clone(&self.0.link);
        Ok(DatabaseStore::new(link, entry.no, Arc::clone(ownership.owned())))
    }
}
