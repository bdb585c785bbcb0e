//! The status of the runs of a fleet. Each worker publishes its own in the database, which may lose it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::{Database, LedgerNo};
use crate::ledger::Ledger;
use crate::model::identity::Identity;
use crate::report::render::json::Status;

use super::error::AppError;
use super::fleet_runs::{FleetRuns, RunKey, key};

/// How often a worker publishes the status of its runs.
const EVERY: Duration = Duration::from_secs(2);
/// A worker that has published nothing for this long has ended.
const SILENT: Duration = Duration::from_secs(15);

/// Publishes the status of the runs of this process, for ever.
pub(super) async fn publish(runs: Arc<FleetRuns>, database: Database) {
    loop {
        {
            let _turn = runs.publishing.lock().await;
            write(&database, &runs.statuses()).await;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Publishes the status of a run that has ended.
pub(super) async fn publish_end(runs: &FleetRuns, database: &Database, identity: &Identity, status: Option<String>) {
    let _turn = runs.publishing.lock().await;
    if let Some(status) = status {
        write(database, &[(key(identity), status)]).await;
    }
}

/// Writes statuses. A failure is only logged: no run depends on them.
async fn write(database: &Database, statuses: &[(RunKey, String)]) {
    if let Err(error) = database.publish_statuses(statuses).await {
        tracing::warn!("cannot publish the status: {error}");
    }
}

/// What is published of the campaigns of a fleet.
pub struct FleetStatuses {
    database: Database,
    published: BTreeMap<RunKey, (Status, bool)>,
    ledgers: BTreeMap<RunKey, LedgerNo>,
}

impl FleetStatuses {
    /// Reads what is published.
    pub async fn read(database: &Database) -> Result<Self, AppError> {
        let mut published = BTreeMap::new();
        for row in database.statuses().await? {
            // The status of a newer program says nothing here.
            if let Ok(status) = Status::parse(&row.body) {
                published.insert((row.app, row.campaign), (status, row.age > SILENT));
            }
        }
        let mut ledgers = BTreeMap::new();
        for entry in database.ledgers().await? {
            if let Some(identity) = entry.manifest.identity() {
                ledgers.insert(key(&identity), entry.no);
            }
        }
        Ok(Self {
            database: database.clone(),
            published,
            ledgers,
        })
    }

    /// Returns the status of a campaign. `None` if it has no ledger.
    pub async fn of(&self, identity: &Identity) -> Result<Option<Status>, AppError> {
        match self.published.get(&key(identity)) {
            Some((status, is_silent)) if *is_silent && status.owner.is_some() => Ok(Some(status.clone().interrupted())),
            Some((status, _)) => Ok(Some(status.clone())),
            None => self.counted(identity).await,
        }
    }

    /// Returns the counts of a ledger about whose last run nothing is known.
    async fn counted(&self, identity: &Identity) -> Result<Option<Status>, AppError> {
        let Some(no) = self.ledgers.get(&key(identity)) else {
            return Ok(None);
        };
        let ledger = Ledger::open(self.database.reader(*no), identity.clone()).await?;
        let status = Status::unknown(identity.campaign.as_str(), identity.app_id.as_str(), "idle", "");
        Ok(Some(status.counted(&ledger.state().counts())))
    }
}
