//! Erases the open_ids of campaigns that have ended. Ids, states and sums stay in their ledgers.

mod in_database;
mod in_files;
mod ledger_place;

use std::time::Duration;

use crate::ledger::Ledger;
use crate::ledger::erasure::ErasureRequest;
use crate::ledger::lock::{CampaignLock, Purpose};
use crate::model::actor::Actor;

use super::campaign::LoadedCampaign;
use super::environment::Environment;
use super::error::AppError;
use super::locked_ledger::LockedLedger;
use super::person_ledger;
use super::readonly_ledger;

pub use self::ledger_place::{LedgerPlace, find, places};
pub use crate::ledger::erasure::Eligibility;

/// Returns whether the open_ids of a campaign's ledger can be erased now. `None` if there is no ledger. Changes nothing.
pub async fn preview(campaign: &LoadedCampaign, older_than: Duration) -> Result<Option<Eligibility>, AppError> {
    let Some(mut view) = readonly_ledger::open(campaign).await? else {
        return Ok(None);
    };
    view.release().await;
    let now = campaign.environment.clock.now();
    Ok(Some(Eligibility::new(view.ledger.state(), older_than, now)))
}

/// Erases the open_ids of a campaign's ledger, if they can be erased. Returns whether they could. A process that applies the campaign
/// is an error, and so is another worker that owns its app id.
pub async fn erase(campaign: &LoadedCampaign, older_than: Duration, by: Actor) -> Result<Eligibility, AppError> {
    person_ledger::check(campaign).await?;
    let locked = LockedLedger::take_to_write(campaign).await?;
    let eraser = PlaceEraser {
        place: &LedgerPlace::of_campaign(campaign),
        environment: &campaign.environment,
        lock: locked.lock(),
        request: ErasureRequest {
            at: campaign.environment.clock.now(),
            by,
            older_than,
        },
    };
    let erased = match locked.ownership() {
        Some(ownership) => Box::pin(eraser.erase_in_database(ownership)).await,
        None => Box::pin(eraser.erase_in_files()).await,
    };
    locked.release().await;
    erased?.ok_or_else(|| readonly_ledger::no_ledger(campaign))
}

/// Returns whether the open_ids of a ledger can be erased now, whose campaign file may be gone. `None` if there is no ledger. Changes
/// nothing. A process that uses a ledger in files is an error.
pub async fn preview_at(
    place: &LedgerPlace,
    environment: &Environment,
    older_than: Duration,
) -> Result<Option<Eligibility>, AppError> {
    let now = environment.clock.now();
    if let Some(url) = place.database() {
        let database = environment.connect(url).await?;
        let Some(entry) = database.ledger(place.identity()).await? else {
            return Ok(None);
        };
        let ledger = Ledger::open(database.reader(entry.no), place.identity().clone()).await?;
        return Ok(Some(Eligibility::new(ledger.state(), older_than, now)));
    }
    let dir = place.dir();
    let lock = place.lock(now, Purpose::Look).await?;
    let Some(store) = dir.open(&lock).await? else {
        return Ok(None);
    };
    let mut ledger = Ledger::open(store, dir.ledger_identity()?).await?;
    let eligibility = Eligibility::new(ledger.state(), older_than, now);
    // A reader writes no snapshot.
    ledger.store_of_reader();
    ledger.close().await;
    Ok(Some(eligibility))
}

/// Erases the open_ids of a ledger whose campaign file may be gone. `None` if there is no ledger. A process that uses the ledger is
/// an error, and so is another worker that owns its app id.
pub async fn erase_at(
    place: &LedgerPlace,
    environment: &Environment,
    older_than: Duration,
    by: Actor,
) -> Result<Option<Eligibility>, AppError> {
    let now = environment.clock.now();
    let lock = place.lock(now, Purpose::Apply).await?;
    let eraser = PlaceEraser {
        place,
        environment,
        lock: &lock,
        request: ErasureRequest {
            at: now,
            by,
            older_than,
        },
    };
    match place.database() {
        Some(url) => {
            let erased = Box::pin(eraser.erase_as_worker(url)).await;
            // The lock may be all that this machine has of the campaign.
            if !place.dir().status().exists() {
                place.dir().leave_nothing(&lock);
            }
            erased
        }
        None => Box::pin(eraser.erase_in_files()).await,
    }
}

/// Whether something beside a campaign's ledger still has open_ids after those of the ledger were erased: the erasure was interrupted, or
/// made on another machine. Another try removes it.
pub async fn has_leftovers(campaign: &LoadedCampaign) -> Result<bool, AppError> {
    has_leftovers_at(&LedgerPlace::of_campaign(campaign), &campaign.environment).await
}

/// Like [`has_leftovers`], of a ledger whose campaign file may be gone.
pub async fn has_leftovers_at(place: &LedgerPlace, environment: &Environment) -> Result<bool, AppError> {
    let Some(url) = place.database() else {
        let manifest = place.dir().look()?;
        return match manifest {
            Some(manifest) => Ok(!place.dir().leftovers(&manifest.id)?.is_empty()),
            None => Ok(false),
        };
    };
    let database = environment.connect(url).await?;
    let Some(entry) = database.ledger(place.identity()).await? else {
        return Ok(false);
    };
    let is_here = !place.dir().leftovers(&entry.manifest.id)?.is_empty();
    Ok(is_here || database.has_leftovers(place.identity(), &entry.manifest).await?)
}

/// Erases the open_ids of one ledger.
struct PlaceEraser<'a> {
    place: &'a LedgerPlace,
    environment: &'a Environment,
    lock: &'a CampaignLock,
    request: ErasureRequest,
}
