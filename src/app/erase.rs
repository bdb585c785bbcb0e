//! Erases the open_ids of campaigns that have ended. Ids, states and sums stay in their ledgers.

use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::ledger::Ledger;
use crate::ledger::erasure::{self, ErasureRequest};
use crate::ledger::ledger_dir::{LedgerDir, LedgerDirError};
use crate::ledger::lock::{CampaignLock, LockError, Purpose};
use crate::ledger::witness::{Subject, Witness, Witnesses};
use crate::model::actor::Actor;
use crate::model::identity::PlatformName;

use super::campaign::LoadedCampaign;
use super::environment::Environment;
use super::error::AppError;
use super::locked_ledger::{ASK_AGAIN, LockedLedger};
use super::person_ledger;
use super::process::this_process;
use super::readonly_ledger;

pub use crate::ledger::erasure::Eligibility;

/// How long a process is waited for that only reads the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns whether the open_ids of a campaign's ledger can be erased now. `None` if there is no ledger. Changes nothing.
pub async fn preview(campaign: &LoadedCampaign, older_than: Duration) -> Result<Option<Eligibility>, AppError> {
    check_files(campaign)?;
    let Some(mut view) = readonly_ledger::open(campaign).await? else {
        return Ok(None);
    };
    view.release().await;
    let now = campaign.environment.clock.now();
    Ok(Some(Eligibility::new(view.ledger.state(), older_than, now)))
}

/// Erases the open_ids of a campaign's ledger, if they can be erased. Returns whether they could. A process that applies the campaign
/// is an error.
pub async fn erase(campaign: &LoadedCampaign, older_than: Duration, by: Actor) -> Result<Eligibility, AppError> {
    check_files(campaign)?;
    person_ledger::check(campaign).await?;
    let locked = LockedLedger::take(campaign, Purpose::Apply).await?;
    let eraser = PlaceEraser {
        place: &campaign.ledger_dir(),
        environment: &campaign.environment,
    };
    let request = ErasureRequest {
        at: campaign.environment.clock.now(),
        by,
        older_than,
    };
    let erased = Box::pin(eraser.erase(locked.lock(), &request)).await;
    locked.release().await;
    erased?.ok_or_else(|| readonly_ledger::no_ledger(campaign))
}

/// Returns whether the open_ids of a ledger can be erased now, whose campaign file may be gone. `None` if there is no ledger. Changes
/// nothing. A process that uses the ledger is an error.
pub async fn preview_at(
    place: &LedgerDir,
    environment: &Environment,
    older_than: Duration,
) -> Result<Option<Eligibility>, AppError> {
    let now = environment.clock.now();
    let lock = lock(place, now, Purpose::Look).await?;
    let Some(store) = place.open(&lock).await? else {
        return Ok(None);
    };
    let mut ledger = Ledger::open(store, place.ledger_identity()?).await?;
    let eligibility = Eligibility::new(ledger.state(), older_than, now);
    // A reader writes no snapshot.
    ledger.store_of_reader();
    ledger.close().await;
    Ok(Some(eligibility))
}

/// Erases the open_ids of a ledger whose campaign file may be gone. `None` if there is no ledger. A process that uses the ledger is
/// an error.
pub async fn erase_at(
    place: &LedgerDir,
    environment: &Environment,
    older_than: Duration,
    by: Actor,
) -> Result<Option<Eligibility>, AppError> {
    let now = environment.clock.now();
    let lock = lock(place, now, Purpose::Apply).await?;
    let eraser = PlaceEraser { place, environment };
    let request = ErasureRequest {
        at: now,
        by,
        older_than,
    };
    Box::pin(eraser.erase(&lock, &request)).await
}

/// Takes the lock of a ledger. Waits a little for a process that only reads.
async fn lock(place: &LedgerDir, now: Timestamp, purpose: Purpose) -> Result<CampaignLock, LedgerDirError> {
    let began = Instant::now();
    loop {
        match place.lock(&this_process(now), purpose) {
            // A process without a name is just taking or releasing the lock.
            Err(LedgerDirError::Lock(
                LockError::Taken {
                    purpose: Purpose::Look, ..
                }
                | LockError::Taken { owner: None, .. },
            )) if began.elapsed() < PATIENCE => tokio::time::sleep(ASK_AGAIN).await,
            locked => return locked,
        }
    }
}

/// Checks that the ledger is in files. The log in a database takes new batches only at its end.
fn check_files(campaign: &LoadedCampaign) -> Result<(), AppError> {
    match campaign.database() {
        None => Ok(()),
        Some(_) => Err(AppError::EraseInDatabase {
            name: campaign.plan.identity.campaign.clone(),
        }),
    }
}

struct PlaceEraser<'a> {
    place: &'a LedgerDir,
    environment: &'a Environment,
}

impl PlaceEraser<'_> {
    async fn erase(&self, lock: &CampaignLock, request: &ErasureRequest) -> Result<Option<Eligibility>, AppError> {
        let Some(manifest) = self.place.look()? else {
            return Ok(None);
        };
        let witness = self.witness(&manifest.id);
        let known = witness.as_ref().map(Witness::head);
        let Some(outcome) = Box::pin(erasure::erase(self.place, lock, known, request)).await? else {
            return Ok(None);
        };
        if let (Some(head), Some(witness)) = (outcome.head, witness) {
            let subject = Subject {
                identity: self.place.identity().clone(),
                ledger: witness.ledger,
                file: witness.file.into(),
                directory: witness.directory.into(),
            };
            self.write_witness(subject.witness(head, request.at)).await;
        }
        Ok(Some(outcome.eligibility))
    }

    /// The ledger's witness. `None` for a rehearsal, and if there is none that can be read.
    fn witness(&self, id: &str) -> Option<Witness> {
        let witnesses = self.witnesses()?;
        witnesses.read(self.place.identity(), id).unwrap_or_else(|error| {
            tracing::warn!("cannot read the ledger's witness: {error}; it proves nothing");
            None
        })
    }

    fn witnesses(&self) -> Option<&Witnesses> {
        let is_rehearsal = self.place.identity().platform == PlatformName::FakePlatform;
        self.environment.witnesses.as_ref().filter(|_| !is_rehearsal)
    }

    /// Makes the witness name the last batch of the new ledger, so that a copy from before the erasure counts as older.
    async fn write_witness(&self, witness: Witness) {
        let Some(witnesses) = self.witnesses().cloned() else {
            return;
        };
        let identity = self.place.identity().clone();
        let wrote = spawn_blocking(move || witnesses.write(&identity, &witness)).await;
        if let Err(error) = wrote.map_err(io::Error::other).and_then(|wrote| wrote) {
            tracing::info!("cannot write the ledger's witness: {error}");
        }
    }
}
