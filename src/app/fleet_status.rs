//! The status of the runs of a fleet. Each worker publishes its own in the database, which may lose it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::fleet::{Database, LedgerNo};
use crate::ledger::Ledger;
use crate::model::delivery::Counts;
use crate::model::event::{Owner, Waiting};
use crate::model::identity::Identity;
use crate::report::reason::Reason;
use crate::report::render::json::{Status, StatusOwner};

use super::error::AppError;
use super::fleet_runs::{FleetRuns, RunKey, key};

/// How often a worker publishes the status of its runs.
const EVERY: Duration = Duration::from_secs(2);
/// A worker that has published nothing for this long has ended, also if it was not declared dead.
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

/// A run of this process that waits before it can begin, as other machines see it.
pub(super) struct WaitingRun<'r> {
    pub database: &'r Database,
    pub identity: &'r Identity,
    pub process: &'r Owner,
    pub zone: &'r TimeZone,
}

impl WaitingRun<'_> {
    /// Publishes what it waits for. Has to be called more often than every [`SILENT`]. A worker that owns the app id is shown instead.
    pub async fn publish(&self, why: Waiting, until: Option<Timestamp>, now: Timestamp) {
        let cause = None;
        let reason = Reason::Waiting { why, until, cause };
        let owner = StatusOwner::new(self.process, self.zone);
        let status = Status::waiting(self.identity, reason, owner, now, self.zone);
        let Ok(body) = status.text() else { return };
        let run = key(self.identity);
        if let Err(error) = self.database.publish_waiting(&run, &body, SILENT).await {
            tracing::warn!("cannot publish the status: {error}");
        }
    }

    /// Takes back what was published: the wait is over.
    pub async fn withdraw(&self) {
        let process = StatusOwner::new(self.process, self.zone);
        let Ok(process) = serde_json::to_string(&process) else {
            return;
        };
        let run = key(self.identity);
        if let Err(error) = self.database.withdraw_status(&run, &process).await {
            tracing::warn!("cannot withdraw the status: {error}");
        }
    }
}

/// What is published of the campaigns of a fleet.
pub struct FleetStatuses {
    /// Counts the deliveries of ledgers whose status nobody has published. `None` if they are not counted.
    counting: Option<Database>,
    published: BTreeMap<RunKey, (Status, bool)>,
    ledgers: BTreeMap<RunKey, LedgerNo>,
}

impl FleetStatuses {
    /// Reads what is published. The ledgers of other campaigns are not read, which takes long.
    pub async fn read_published(database: &Database) -> Result<Self, AppError> {
        let read = Self::read(database).await?;
        Ok(Self { counting: None, ..read })
    }

    /// Reads what is published.
    pub async fn read(database: &Database) -> Result<Self, AppError> {
        let mut published = BTreeMap::new();
        for row in database.statuses().await? {
            // The status of a newer program says nothing here.
            if let Ok(status) = Status::parse(&row.body) {
                published.insert((row.app, row.campaign), (status, row.is_of_dead || row.age > SILENT));
            }
        }
        let mut ledgers = BTreeMap::new();
        for entry in database.ledgers().await? {
            if let Some(identity) = entry.manifest.identity() {
                ledgers.insert(key(&identity), entry.no);
            }
        }
        Ok(Self {
            counting: Some(database.clone()),
            published,
            ledgers,
        })
    }

    /// Returns the status of a campaign. `None` if it has no ledger.
    pub async fn of(&self, identity: &Identity) -> Result<Option<Status>, AppError> {
        let published = self.published.get(&key(identity));
        let is_waiting =
            |status: &Status| status.state == "waiting" && status.counts.is_empty() && status.owner.is_some();
        match published {
            Some((status, false)) if is_waiting(status) => {
                let counts = self.counts(identity).await?;
                Ok(Some(match counts {
                    Some(counts) => status.clone().with_counts(&counts),
                    None => status.clone(),
                }))
            }
            Some((status, true)) if status.owner.is_some() && !is_waiting(status) => {
                Ok(Some(status.clone().interrupted()))
            }
            Some((status, _)) if !is_waiting(status) => Ok(Some(status.clone())),
            // Nothing is known of the last run of its ledger. A worker that waited before it began has ended.
            Some(_) | None => {
                let counts = self.counts(identity).await?;
                let unknown = || Status::unknown(identity.campaign.as_str(), identity.app_id.as_str(), "idle", "");
                Ok(counts.map(|counts| unknown().counted(&counts)))
            }
        }
    }

    /// Returns the counts of a ledger. `None` if there is none, or if none is counted.
    async fn counts(&self, identity: &Identity) -> Result<Option<Counts>, AppError> {
        let Some((no, database)) = self.ledgers.get(&key(identity)).zip(self.counting.as_ref()) else {
            return Ok(None);
        };
        let ledger = Ledger::open(database.reader(*no), identity.clone()).await?;
        Ok(Some(ledger.state().counts()))
    }
}
