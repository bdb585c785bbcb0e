//! The database of a fleet: its tables, who works in it, and ledgers that move between files and the database.

mod copy;

use super::error::AppError;
use crate::fleet::postgres::{Owner, Worker};
use crate::fleet::{Database, DatabaseUrl, Server};

pub use self::copy::{Copied, Direction, copy};

/// What is in a database.
#[derive(Clone, Debug)]
pub struct StoreReport {
    /// Its hosts and its name.
    pub place: String,
    /// What the server promises.
    pub server: Server,
    /// The workers that are known, also those that have ended.
    pub workers: Vec<Worker>,
    /// The owners of all app ids that were ever claimed, without that of the service.
    pub owners: Vec<Owner>,
    /// The number of ledgers.
    pub ledgers: usize,
}

/// What a person accepts of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// No standby confirms a commit.
    pub single_copy: bool,
    /// It may have lost facts: it is on another server than it was.
    pub older_ledger: bool,
}

/// Creates the tables, unless they exist, and records what a person accepts.
pub async fn init(url: &DatabaseUrl, accepted: Accepted) -> Result<StoreReport, AppError> {
    let mut database = Database::init(url).await?;
    if accepted.single_copy {
        database = Database::accept_single_copy(url).await?;
    }
    if accepted.older_ledger {
        database = Database::accept_older_ledger(url).await?;
    }
    report(&database).await
}

/// Checks the server and the tables.
pub async fn check(url: &DatabaseUrl) -> Result<StoreReport, AppError> {
    report(&Database::connect(url).await?).await
}

async fn report(database: &Database) -> Result<StoreReport, AppError> {
    let mut owners = database.owners().await?;
    // It is no app id of a campaign.
    owners.retain(|owner| !owner.app.is_service());
    Ok(StoreReport {
        place: database.place().to_owned(),
        server: database.server().clone(),
        workers: database.workers().await?,
        owners,
        ledgers: database.ledgers().await?.len(),
    })
}
