//! Opens a campaign's ledger for use cases that only read it. They add no fact and create no ledger.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::ledger;
use crate::control::client::{BUSY_AGAIN, BUSY_PATIENCE};
use crate::control::{ControlError, OwnerStore};
use crate::fleet::{DatabaseReader, DatabaseUrl};
use crate::ledger::ledger_dir::Manifest;
use crate::ledger::lock::Purpose;
use crate::ledger::witness::Witness;
use crate::ledger::{Action, AppendError, Head, Ledger, LedgerError, ReadPage, Store, StoreError};

use super::campaign::LoadedCampaign;
use super::campaign_store::CampaignStore;
use super::environment::Notice;
use super::error::AppError;
use super::find_other_ledger;
use super::locked_ledger::{ASK_AGAIN, LockedLedger};
use super::older_ledger::OlderLedger;
use super::witness::CampaignWitnesses;

/// The longest time between a process's lock and its first answer, or between its last answer and its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the process that applies the campaign may end while it serves its ledger.
const TRIES: u32 = 3;

/// The store of a ledger that is only read: this process's own store, or one that the process that applies the campaign
/// serves.
#[derive(Debug)]
pub enum ReadonlyStore {
    /// No process applies the campaign. This process has the lock.
    Own {
        /// The store.
        store: CampaignStore,
        /// The lock.
        locked: Box<LockedLedger>,
    },
    /// The process that applies the campaign serves its store.
    Owner(OwnerStore),
    /// The database of a fleet.
    Database(DatabaseReader),
    /// The lock is released, and nothing more can be read.
    Released,
}

impl ReadonlyStore {
    /// The error of every later use.
    fn released(action: Action) -> StoreError {
        StoreError::Broken {
            action,
            path: PathBuf::new(),
            why: ledger::StoreReleased.to_string(),
        }
    }
}

impl Store for ReadonlyStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        match self {
            Self::Own { store, .. } => store.append(record).await,
            Self::Owner(store) => store.append(record).await,
            Self::Database(store) => Box::pin(store.append(record)).await,
            Self::Released => Err(AppendError::Failed(Self::released(Action::AppendTo))),
        }
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        match self {
            Self::Own { store, .. } => store.read(after).await,
            Self::Owner(store) => store.read(after).await,
            Self::Database(store) => Box::pin(store.read(after)).await,
            Self::Released => Err(Self::released(Action::Read)),
        }
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Own { store, .. } => store.read_snapshot().await,
            Self::Owner(store) => store.read_snapshot().await,
            Self::Database(store) => Box::pin(store.read_snapshot()).await,
            Self::Released => None,
        }
    }
}

/// A ledger at the moment it was opened, even while another process applies its campaign.
#[derive(Debug)]
pub struct ReadonlyLedger {
    /// Where the ledger is, as it is shown.
    pub dir: PathBuf,
    /// The ledger's manifest.
    pub manifest: Manifest,
    /// The ledger.
    pub ledger: Ledger<ReadonlyStore>,
    /// The ledger's witness, if there is one.
    pub witness: Option<Witness>,
    /// `None` unless the ledger is older than its witness.
    pub older: Option<OlderLedger>,
}

impl ReadonlyLedger {
    /// Closes the store and releases the lock, so that an apply need not wait for what is done with the state. Nothing more
    /// can be read.
    pub async fn release(&mut self) {
        let store = std::mem::replace(self.ledger.store_of_reader(), ReadonlyStore::Released);
        if let ReadonlyStore::Own { store, locked } = store {
            store.close().await;
            drop(locked);
        }
    }
}

/// Opens a campaign's ledger to read it. Returns `None` if there is no ledger. Adds no fact and creates no directory. If a
/// process applies the campaign, that process serves its ledger.
pub async fn open(campaign: &LoadedCampaign) -> Result<Option<ReadonlyLedger>, AppError> {
    if let Some(url) = campaign.database() {
        return Box::pin(open_in_database(campaign, url)).await;
    }
    let place = campaign.ledger_dir();
    let witnesses = CampaignWitnesses::new(campaign);
    let mut tries = 0;
    loop {
        // Read before the ledger: another process may send at the same time, and its ledger must not be older than this
        // witness.
        let id = place.look()?.map(|manifest| manifest.id);
        let witness = id.and_then(|id| witnesses.of_ledger(&id));
        let known = witness.as_ref().map(Witness::head);
        let Some(store) = store(campaign).await? else {
            return Ok(None);
        };
        tries += 1;
        let opened = Ledger::open_known(store, place.ledger_identity()?, Arc::default(), known).await;
        let ledger = match opened {
            // The run ended while it served the ledger, so the ledger's files can be opened now.
            Err(LedgerError::Store(StoreError::Owner { .. })) if tries < TRIES => continue,
            opened => opened?,
        };
        return Ok(place.look()?.map(|manifest| ReadonlyLedger {
            dir: place.dir().to_owned(),
            manifest,
            older: OlderLedger::of_ledger(witness.as_ref(), ledger.older(), ledger.state()),
            witness,
            ledger,
        }));
    }
}

/// Reads the manifest of a campaign's ledger. Returns `None` if there is no ledger.
pub async fn manifest(campaign: &LoadedCampaign) -> Result<Option<Manifest>, AppError> {
    match campaign.database() {
        Some(url) => {
            let database = campaign.environment.connect(url).await?;
            let entry = database.ledger(&campaign.plan.identity).await?;
            Ok(entry.map(|entry| entry.manifest))
        }
        None => Ok(campaign.ledger_dir().look()?),
    }
}

/// Opens a campaign's ledger in a database. Nobody is asked: readers do not disturb the worker that appends.
async fn open_in_database(campaign: &LoadedCampaign, url: &DatabaseUrl) -> Result<Option<ReadonlyLedger>, AppError> {
    let database = campaign.environment.connect(url).await?;
    let identity = &campaign.plan.identity;
    let Some(entry) = database.ledger(identity).await? else {
        return Ok(None);
    };
    let witness = CampaignWitnesses::new(campaign).of_ledger(&entry.manifest.id);
    let known = witness.as_ref().map(Witness::head);
    let open = || {
        let store = ReadonlyStore::Database(database.reader(entry.no));
        Ledger::open_known(store, identity.clone(), Arc::default(), known)
    };
    let ledger = match Box::pin(open()).await {
        // An erasure may have replaced batches between two pages.
        Err(LedgerError::Record { .. } | LedgerError::IllegalFact { .. }) => open().await?,
        opened => opened?,
    };
    Ok(Some(ReadonlyLedger {
        dir: campaign.ledger_location(),
        manifest: entry.manifest,
        older: OlderLedger::of_ledger(witness.as_ref(), ledger.older(), ledger.state()),
        witness,
        ledger,
    }))
}

async fn store(campaign: &LoadedCampaign) -> Result<Option<ReadonlyStore>, AppError> {
    let place = campaign.ledger_dir();
    let mut waited = Duration::ZERO;
    let mut waited_for_turn = Duration::ZERO;
    while place.look()?.is_some() {
        let owner = match LockedLedger::take_unless_applied(campaign, Purpose::Look).await? {
            Ok(locked) => {
                let store = locked.store().await?;
                return Ok(store.map(|store| ReadonlyStore::Own {
                    store,
                    locked: Box::new(locked),
                }));
            }
            Err(taken) => taken,
        };
        match OwnerStore::ask(&place.socket()).await {
            Ok(store) => return Ok(store.map(ReadonlyStore::Owner)),
            // That process is just starting or ending.
            Err(ControlError::Nobody { .. }) if waited < PATIENCE => {
                tokio::time::sleep(ASK_AGAIN).await;
                waited += ASK_AGAIN;
            }
            Err(source @ ControlError::Busy { .. }) if waited_for_turn < BUSY_PATIENCE => {
                if waited_for_turn.is_zero() {
                    campaign.environment.notify(Notice::WaitsForOwner(&source.to_string()));
                }
                tokio::time::sleep(BUSY_AGAIN).await;
                waited_for_turn += BUSY_AGAIN;
            }
            Err(source) => return Err(AppError::OwnerUnclear { source, owner }),
        }
    }
    Ok(None)
}

/// Opens a campaign's ledger to read it. A campaign without a ledger is an error.
pub async fn open_existing(campaign: &LoadedCampaign) -> Result<ReadonlyLedger, AppError> {
    campaign.environment.notify(Notice::ReadsLedger);
    open(campaign).await?.ok_or_else(|| no_ledger(campaign))
}

/// Returns why a use case that needs a ledger cannot continue without one.
#[must_use]
pub fn no_ledger(campaign: &LoadedCampaign) -> AppError {
    match find_other_ledger::find(campaign) {
        Ok(None) => AppError::NoLedger {
            at: Box::new(campaign.at.clone()),
            name: campaign.plan.identity.campaign.clone(),
            dir: campaign.ledger_location(),
        },
        Ok(Some(other)) => other.into(),
        Err(error) => error.into(),
    }
}
