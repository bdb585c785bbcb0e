//! Checks a service log against its own chain and its witness, as `runner verify` does.

use jiff::Timestamp;

use crate::app::LoadedCampaign;
use crate::app::process::this_process;
use crate::app::service_ownership::check_in_database;
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::service_log::{LogCheck, ServiceDir, ServiceLogError};
use crate::ledger::witness::LogWitness;
use crate::model::hexadecimal::hexadecimal;

use super::error::ServiceError;
use super::log_place::LogPlace;
use super::log_socket::{LogSocketError, read_log};
use super::record::{Entry, Record};
use super::settings::ServiceSettings;

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
    if settings.is_in_database() {
        let witness = LogPlace::new(settings, &settings.place()).and_then(|witness| witness.read());
        let check = check_in_database(&settings.environment).await?;
        return Ok(CheckedLog::new(&check.unwrap_or_default(), witness));
    }
    let place = settings.place();
    // The witness is read first: the service goes on meanwhile.
    let witness = LogPlace::new(settings, &place).and_then(|witness| witness.read());
    let check = check_files(&place, settings.environment.clock.now()).await?;
    Ok(CheckedLog::new(&check, witness))
}

/// Checks every record of a log in files. A service that has it shows its records.
async fn check_files(place: &ServiceDir, now: Timestamp) -> Result<LogCheck, ServiceLogError> {
    match place.lock(&this_process(now), Purpose::Look).await {
        Ok(lock) => Ok(Box::pin(place.check(&lock)).await?),
        Err(taken @ LedgerDirError::Lock(LockError::Taken { .. })) => {
            read_log(&place.log_socket()).await.map_err(|error| match error {
                // A service of an earlier version shows nothing.
                LogSocketError::Io(_) => ServiceLogError::Dir(taken),
                LogSocketError::Log(error) => ServiceLogError::Log(error),
            })
        }
        Err(error) => Err(ServiceLogError::Dir(error)),
    }
}

/// Reads and checks the log of the service that has a campaign: the one in the database of its ledger, or the one in files beside the
/// campaign file. `None` if there is none.
///
/// # Errors
/// When a record was altered or lost, or the log cannot be read.
pub async fn log_beside(campaign: &LoadedCampaign) -> Result<Option<LogCheck>, ServiceError> {
    if campaign.database().is_some() {
        return Ok(check_in_database(&campaign.environment).await?);
    }
    let is_rehearsal = campaign.at.rehearsal.is_on();
    let places = campaign.service_bases().into_iter();
    let mut places = places.map(|base| ServiceDir::new(&base, is_rehearsal));
    let Some(place) = places.find(ServiceDir::has_log) else {
        return Ok(None);
    };
    Ok(Some(check_files(&place, campaign.environment.clock.now()).await?))
}

impl CheckedLog {
    pub(super) fn new(check: &LogCheck, witness: Option<LogWitness>) -> Self {
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
