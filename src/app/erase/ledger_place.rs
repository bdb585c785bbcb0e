//! Where a ledger is whose campaign file may be gone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::app::campaign::LoadedCampaign;
use crate::app::environment::Environment;
use crate::app::error::AppError;
use crate::app::locked_ledger::ASK_AGAIN;
use crate::app::process::this_process;
use crate::fleet::DatabaseUrl;
use crate::ledger::ledger_dir::{LedgerDir, LedgerDirError};
use crate::ledger::lock::{CampaignLock, LockError, Purpose};
use crate::model::identity::{Identity, PlatformName};

/// How long a process is waited for that only reads the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// The place of a ledger.
#[derive(Clone, Debug)]
pub struct LedgerPlace {
    /// The ledger's directory. If the ledger is in a database: where this machine keeps what belongs to its campaign.
    dir: LedgerDir,
    /// The database that has the ledger. `None` if it is in files.
    database: Option<DatabaseUrl>,
}

impl LedgerPlace {
    pub(super) fn of_campaign(campaign: &LoadedCampaign) -> Self {
        Self {
            dir: campaign.ledger_dir(),
            database: campaign.database().cloned(),
        }
    }

    /// The campaign, app and platform.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        self.dir.identity()
    }

    pub(super) const fn dir(&self) -> &LedgerDir {
        &self.dir
    }

    pub(super) const fn database(&self) -> Option<&DatabaseUrl> {
        self.database.as_ref()
    }

    /// Takes the lock of the ledger on this machine. Waits a little for a process that only reads.
    pub(super) async fn lock(&self, now: Timestamp, purpose: Purpose) -> Result<CampaignLock, LedgerDirError> {
        let began = Instant::now();
        loop {
            match self.dir.lock(&this_process(now), purpose) {
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
}

/// Finds the ledgers in the state directories of `roots` and in the database of the environment, also those without a campaign file.
/// What this machine keeps of ledgers in the database is below the first root.
pub async fn places(roots: &[PathBuf], environment: &Environment) -> Result<Vec<LedgerPlace>, AppError> {
    let own = roots.first().cloned().unwrap_or_default();
    let searched = roots.to_vec();
    let below = spawn_blocking(move || places_below(searched));
    let mut places = below.await.map_err(AppError::RunBroke)??;
    let Some(url) = &environment.database else {
        return Ok(places);
    };
    // Only rehearsals are in files beside a database.
    places.retain(|place| place.identity().platform == PlatformName::FakePlatform);
    let entries = environment.connect(url).await?.ledgers().await?;
    let identities = entries.iter().filter_map(|entry| entry.manifest.identity());
    places.extend(identities.map(|identity| LedgerPlace {
        dir: LedgerDir::new(&own, &identity),
        database: Some(url.clone()),
    }));
    Ok(places)
}

/// Finds the place of a ledger. `None` if there is no such ledger.
pub async fn find(
    roots: &[PathBuf],
    identity: &Identity,
    environment: &Environment,
) -> Result<Option<LedgerPlace>, AppError> {
    let dirs: Vec<_> = roots.iter().map(|root| LedgerDir::new(root, identity)).collect();
    if let Some(url) = &environment.database
        && identity.platform != PlatformName::FakePlatform
    {
        let entry = environment.connect(url).await?.ledger(identity).await?;
        let database = Some(url.clone());
        return Ok(entry
            .and_then(|_| dirs.into_iter().next())
            .map(|dir| LedgerPlace { dir, database }));
    }
    let first = spawn_blocking(move || dirs.into_iter().find(|dir| matches!(dir.look(), Ok(Some(_)))));
    let found = first.await.map_err(AppError::RunBroke)?;
    Ok(found.map(|dir| LedgerPlace { dir, database: None }))
}

fn places_below(roots: Vec<PathBuf>) -> Result<Vec<LedgerPlace>, AppError> {
    // Two roots may be the same directory by different names.
    let mut places = BTreeMap::new();
    for root in roots {
        for dir in LedgerDir::ledgers_below(&root)? {
            let real = dir.dir().canonicalize().unwrap_or_else(|_| dir.dir().to_owned());
            places.entry(real).or_insert(LedgerPlace { dir, database: None });
        }
    }
    Ok(places.into_values().collect())
}
