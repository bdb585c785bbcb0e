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
    /// The owners of all app ids that were ever claimed.
    pub owners: Vec<Owner>,
    /// The number of ledgers.
    pub ledgers: usize,
}

/// Creates the tables, unless they exist. `accepts_single_copy` records that a database without a standby is accepted.
pub async fn init(url: &DatabaseUrl, accepts_single_copy: bool) -> Result<StoreReport, AppError> {
    let mut database = Database::init(url).await?;
    if accepts_single_copy {
        database = Database::accept_single_copy(url).await?;
    }
    report(&database).await
}

/// Checks the server and the tables.
pub async fn check(url: &DatabaseUrl) -> Result<StoreReport, AppError> {
    report(&Database::connect(url).await?).await
}

async fn report(database: &Database) -> Result<StoreReport, AppError> {
    Ok(StoreReport {
        place: database.place().to_owned(),
        server: database.server().clone(),
        workers: database.workers().await?,
        owners: database.owners().await?,
        ledgers: database.ledgers().await?.len(),
    })
}
