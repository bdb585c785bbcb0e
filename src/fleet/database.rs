//! The database of a fleet, as every command reads it.

mod examination;
mod files;
mod origin;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use super::error::{DatabaseAction, DatabaseError};
use super::log_reader::DatabaseReader;
use super::postgres::{
    Acquired, Channel, DatabaseUrl, LedgerRow, Owner, Recording, Server, StatementError, Worker, accept_single_copy,
    check, find_ledger, has_leftovers, init, ledgers, owners, workers,
};
use super::statement::{AppKey, LedgerNo};
use crate::ledger::ledger_dir::Manifest;
use crate::model::identity::Identity;

pub use examination::Examination;

/// The longest time of a statement.
const LIMIT: Duration = Duration::from_secs(30);

/// The name of the log of the service among the ledgers. It has a space, which the name of no campaign has, so that it is in no list
/// of ledgers.
pub const SERVICE_LOG: &str = "service log";

/// A ledger in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its number.
    pub no: LedgerNo,
    /// Its campaign, app id, platform and id.
    pub manifest: Manifest,
}

impl LedgerEntry {
    /// The app id that the ledger belongs to.
    #[must_use]
    pub fn app(&self) -> AppKey {
        AppKey {
            platform: self.manifest.platform.clone(),
            app: self.manifest.app_id.clone(),
        }
    }
}

/// A database whose server and tables were checked. Clones share one connection, which is made again after a failure.
#[derive(Clone, Debug)]
pub struct Database {
    channel: Channel,
    place: Arc<str>,
    server: Arc<Server>,
}

impl Database {
    /// Connects, and checks the server and the tables.
    ///
    /// # Errors
    /// When the database cannot be reached or used.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        let place = url.place();
        let channel = Channel::new(url.clone(), LIMIT);
        let acquired = acquire(&channel, &place).await?;
        let server = check(acquired.connection())
            .await
            .map_err(|error| DatabaseError::of_schema(DatabaseAction::Connect, place.clone(), error))?;
        acquired.release();
        Ok(Self {
            channel,
            place: place.into(),
            server: Arc::new(server),
        })
    }

    /// Creates the tables. Does nothing if they exist.
    ///
    /// # Errors
    /// When the server fails, refuses, or has tables of another version.
    pub async fn init(url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        let place = url.place();
        let channel = Channel::new(url.clone(), LIMIT);
        let acquired = acquire(&channel, &place).await?;
        init(acquired.connection())
            .await
            .map_err(|error| DatabaseError::of_schema(DatabaseAction::CreateTables, place.clone(), error))?;
        drop(acquired);
        let database = Self::connect(url).await?;
        database.record(Recording::First).await?;
        Self::connect(url).await
    }

    /// Records that a person accepts a database without a standby.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_single_copy(url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        let database = Self::connect(url).await?;
        let acquired = acquire(&database.channel, &database.place).await?;
        let accepted = accept_single_copy(acquired.connection()).await;
        accepted.map_err(database.failed(DatabaseAction::CreateTables))?;
        acquired.release();
        Self::connect(url).await
    }

    /// The hosts and the name of the database, to show.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What the server promised when it was checked.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Checks that a standby confirms each commit.
    ///
    /// # Errors
    /// [`DatabaseError::SingleCopy`], which a person can accept.
    pub fn check_copies(&self) -> Result<(), DatabaseError> {
        if self.server.has_standby || self.server.accepts_single_copy {
            return Ok(());
        }
        Err(DatabaseError::SingleCopy {
            place: self.place.to_string(),
        })
    }

    fn failed(&self, action: DatabaseAction) -> impl Fn(StatementError) -> DatabaseError {
        move |source| DatabaseError::Failed {
            action,
            place: self.place.to_string(),
            source,
        }
    }

    fn entry(&self, row: &LedgerRow) -> Result<LedgerEntry, DatabaseError> {
        let manifest = serde_json::from_str(&row.manifest).map_err(|error| DatabaseError::Illegible {
            place: self.place.to_string(),
            ledger: row.no.0,
            why: error.to_string(),
        })?;
        Ok(LedgerEntry { no: row.no, manifest })
    }

    /// Reads the list of all ledgers, sorted by app id and campaign.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledgers(&self) -> Result<Vec<LedgerEntry>, DatabaseError> {
        let acquired = acquire(&self.channel, &self.place).await?;
        let rows = ledgers(acquired.connection()).await;
        let rows = rows.map_err(self.failed(DatabaseAction::FindLedgers))?;
        acquired.release();
        rows.iter().map(|row| self.entry(row)).collect()
    }

    /// Finds the ledger of a campaign. `None` if there is no such ledger.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger(&self, identity: &Identity) -> Result<Option<LedgerEntry>, DatabaseError> {
        self.find(&AppKey::of_ledger(identity), identity.campaign.as_str())
            .await
    }

    /// Whether something with open_ids was left beside a ledger whose own were erased.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_leftovers(&self, identity: &Identity, manifest: &Manifest) -> Result<bool, DatabaseError> {
        let app = AppKey::of_ledger(identity);
        let acquired = acquire(&self.channel, &self.place).await?;
        let found = has_leftovers(acquired.connection(), &app, identity.campaign.as_str(), &manifest.id).await;
        let found = found.map_err(self.failed(DatabaseAction::FindLedgers))?;
        acquired.release();
        Ok(found)
    }

    /// Finds the log of the service. `None` if no service has begun with this database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn service_log(&self) -> Result<Option<LedgerEntry>, DatabaseError> {
        self.find(&AppKey::of_service(), SERVICE_LOG).await
    }

    /// Finds the ledger with this name, also one that no campaign has.
    pub(super) async fn find(&self, app: &AppKey, name: &str) -> Result<Option<LedgerEntry>, DatabaseError> {
        let acquired = acquire(&self.channel, &self.place).await?;
        let row = find_ledger(acquired.connection(), app, name).await;
        let row = row.map_err(self.failed(DatabaseAction::FindLedgers))?;
        acquired.release();
        row.map(|row| self.entry(&row)).transpose()
    }

    /// Reads all workers. Those that ended long ago are removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workers(&self) -> Result<Vec<Worker>, DatabaseError> {
        let acquired = acquire(&self.channel, &self.place).await?;
        let workers = workers(acquired.connection()).await;
        let workers = workers.map_err(self.failed(DatabaseAction::ReadWorkers))?;
        acquired.release();
        Ok(workers)
    }

    /// Reads the owners of all app ids that were ever claimed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owners(&self) -> Result<Vec<Owner>, DatabaseError> {
        let acquired = acquire(&self.channel, &self.place).await?;
        let owners = owners(acquired.connection()).await;
        let owners = owners.map_err(self.failed(DatabaseAction::ReadWorkers))?;
        acquired.release();
        Ok(owners)
    }

    /// A store that reads a ledger while a worker appends to it.
    #[must_use]
    pub fn reader(&self, no: LedgerNo) -> DatabaseReader {
        DatabaseReader::new(self.channel.clone(), self.place.to_string(), no)
    }
}

async fn acquire<'c>(channel: &'c Channel, place: &str) -> Result<Acquired<'c>, DatabaseError> {
    channel.acquire().await.map_err(|error| DatabaseError::Failed {
        action: DatabaseAction::Connect,
        place: place.to_owned(),
        source: error.into(),
    })
}
