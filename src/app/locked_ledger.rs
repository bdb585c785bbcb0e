//! A campaign's ledger under this process's lock.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::control::ControlServer;
use crate::fleet::AppKey;
use crate::ledger::ledger_dir::{LedgerDir, LedgerDirError};
use crate::ledger::lock::{CampaignLock, LockError, Purpose};
use crate::ledger::witness::Witness;
use crate::ledger::{Action, Fact, Ledger, LedgerState};
use crate::model::event::Owner;
use crate::model::identity::Identity;

use super::campaign::LoadedCampaign;
use super::campaign_store::CampaignStore;
use super::environment::Notice;
use super::erased::check_has_open_ids;
use super::error::AppError;
use super::older_ledger::OlderLedger;
use super::process::{is_stopped, this_process};
use super::shared_ownership::SharedOwnership;
use super::witness::CampaignWitnesses;
use super::write_term::WriteTerm;

/// How often a use case asks for a ledger that another process is reading.
pub const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How often a lock without an owner is asked for again before it counts as that of an apply: a full disk has no room for a name.
const UNNAMED: u32 = 25;

/// An open ledger, compared with its witness.
#[derive(Debug)]
pub struct OpenLedger {
    /// The ledger.
    pub ledger: Ledger<CampaignStore>,
    /// Its id.
    pub id: String,
    /// `None` unless the ledger is older than its witness.
    pub older: Option<OlderLedger>,
}

/// A ledger's place and this process's lock on it. Removes its own files again if there was no ledger and none was created.
#[derive(Debug)]
pub struct LockedLedger {
    place: LedgerDir,
    /// Where the ledger is, as it is shown.
    location: PathBuf,
    /// The ownership of the app id in a fleet, whose database has the ledger. `None` if the ledger is in files.
    ownership: Option<Arc<SharedOwnership>>,
    /// The app id of a fleet that this process owns to write this ledger alone.
    write_term: Option<WriteTerm>,
    lock: CampaignLock,
    owner: Owner,
    /// Whether there was a ledger at some time. It may have been removed since.
    had_ledger: AtomicBool,
}

impl LockedLedger {
    /// Takes the campaign's lock. Waits for a process that only reads; a process that applies the campaign is an error.
    pub async fn take(campaign: &LoadedCampaign, purpose: Purpose) -> Result<Self, AppError> {
        Ok(Self::take_unless_applied(campaign, purpose).await??)
    }

    /// Takes the campaign's lock, or returns the error that names the process that applies the campaign. Waits for a
    /// process that only reads.
    pub async fn take_unless_applied(
        campaign: &LoadedCampaign,
        purpose: Purpose,
    ) -> Result<Result<Self, LockError>, LedgerDirError> {
        Self::take_waiting(campaign, purpose, |_| Ok(())).await
    }

    /// Takes the campaign's ledger to record a person's decision, in a fleet as the owner of its app id. A process that applies the
    /// campaign is an error, and so is another worker that owns the app id.
    pub async fn take_to_write(campaign: &LoadedCampaign) -> Result<Self, AppError> {
        let mut locked = Self::take(campaign, Purpose::Apply).await?;
        if let Some(url) = campaign.database() {
            let app = AppKey::of_ledger(&campaign.plan.identity);
            let timeout = campaign.plan.retry.timeout;
            let term = Box::pin(WriteTerm::begin(&campaign.environment, url, app, timeout)).await?;
            locked.ownership = term.ownership().cloned();
            locked.write_term = Some(term);
        }
        Ok(locked)
    }

    /// Takes the campaign's lock for an apply. While it waits for a process that only reads, `server` answers other
    /// processes, so that `stop` ends the wait. With `--no-wait`, such a process is an error, too.
    pub async fn take_for_apply(campaign: &LoadedCampaign, server: &ControlServer) -> Result<Self, AppError> {
        let place = campaign.ledger_dir();
        let mut listening = None;
        let waits = |taken| {
            if campaign.plan.run.no_wait {
                return Err(taken);
            }
            let socket = place.waiting_socket(std::process::id());
            let failed = |error| tracing::warn!("cannot listen at {}: {error}", socket.display());
            listening = server.listen(&socket).map_err(failed).ok();
            Ok(())
        };
        let locked = Self::take_waiting(campaign, Purpose::Apply, waits).await??;
        // The owner of the lock listens at another socket.
        drop(listening);
        Ok(locked)
    }

    /// Takes the campaign's lock. Calls `waits` once, before it waits for a process that only reads.
    async fn take_waiting(
        campaign: &LoadedCampaign,
        purpose: Purpose,
        mut waits: impl FnMut(LockError) -> Result<(), LockError>,
    ) -> Result<Result<Self, LockError>, LedgerDirError> {
        let place = campaign.ledger_dir();
        let owner = this_process(campaign.environment.clock.now());
        let mut is_noticed = false;
        let mut unnamed = 0;
        loop {
            let taking = {
                let place = place.clone();
                let owner = owner.clone();
                // A lock that is taken too late is released when this task drops it.
                spawn_blocking(move || place.lock(&owner, purpose))
            };
            let taken = taking.await.unwrap_or_else(|error| {
                Err(LedgerDirError::Io {
                    action: Action::Lock,
                    path: place.dir().to_owned(),
                    source: io::Error::other(error),
                })
            });
            match taken {
                Ok(lock) => {
                    return Ok(Ok(Self {
                        place,
                        location: campaign.ledger_location(),
                        ownership: None,
                        write_term: None,
                        lock,
                        owner,
                        had_ledger: AtomicBool::new(false),
                    }));
                }
                Err(LedgerDirError::Lock(
                    taken @ LockError::Taken {
                        purpose: Purpose::Look, ..
                    },
                )) => {
                    // A lock without an owner is only asked for, by a process that has released it by now.
                    if let LockError::Taken {
                        owner: Some(reader), ..
                    } = &taken
                        && !is_noticed
                    {
                        is_noticed = true;
                        campaign.environment.notify(Notice::WaitsForReader {
                            reader,
                            is_stopped: is_stopped(reader),
                        });
                        if let Err(taken) = waits(taken) {
                            return Ok(Err(taken));
                        }
                    }
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                // Its owner has just taken it, and is about to write its name and its purpose.
                Err(LedgerDirError::Lock(LockError::Taken { owner: None, .. })) if unnamed < UNNAMED => {
                    unnamed += 1;
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(LedgerDirError::Lock(taken @ LockError::Taken { .. })) => return Ok(Err(taken)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns this process, as the lock describes it.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Returns the path of `status.json`.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.place.status()
    }

    /// Returns the name of `status.json` in the directory of the lock.
    #[must_use]
    pub fn status_name(&self) -> String {
        self.place.status_name()
    }

    /// Returns the name of the file with the applied settings in the directory of the lock.
    #[must_use]
    pub fn settings_name(&self) -> String {
        self.place.settings_name()
    }

    /// Returns the path of the socket that serves other processes during an apply.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.place.socket()
    }

    /// Deletes a rehearsal's ledger, so that the rehearsal starts again.
    pub fn discard(&self) -> Result<(), LedgerDirError> {
        self.place.discard(&self.lock)?;
        self.had_ledger.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Sets the ownership of the app id in a fleet, or takes it away: nothing more can be written then.
    pub fn set_ownership(&mut self, ownership: Option<Arc<SharedOwnership>>) {
        self.ownership = ownership;
    }

    /// Returns the ownership of the app id in a fleet. `None` if the ledger is in files.
    #[must_use]
    pub const fn ownership(&self) -> Option<&Arc<SharedOwnership>> {
        self.ownership.as_ref()
    }

    /// Returns the fact that this worker owns the app id by now. `None` without a fleet, or if the ledger has it already.
    #[must_use]
    pub fn owner_changed(&self, ledger_state: &LedgerState, at: Timestamp, timeout: Duration) -> Option<Fact> {
        self.ownership.as_ref()?.owner_changed(ledger_state, at, timeout)
    }

    /// Releases the lock, and in a fleet the app id. The ledger is closed.
    pub async fn release(mut self) {
        self.ownership = None;
        if let Some(term) = self.write_term.take() {
            term.end().await;
        }
    }

    /// Returns where the ledger is, as it is shown.
    #[must_use]
    pub fn location(&self) -> &Path {
        &self.location
    }

    /// Returns the campaign's lock.
    #[must_use]
    pub const fn lock(&self) -> &CampaignLock {
        &self.lock
    }

    /// Opens the ledger's store. Returns `None` if there is no ledger.
    pub async fn store(&self) -> Result<Option<CampaignStore>, AppError> {
        Ok(self.open_store().await?.map(|(store, _)| store))
    }

    /// Opens the ledger's store, and returns the identity with which its hash chain begins and its id, too.
    async fn open_store(&self) -> Result<Option<(CampaignStore, LedgerName)>, AppError> {
        let opened = match &self.ownership {
            Some(ownership) => {
                let found = ownership.open(self.place.identity()).await?;
                found.map(|(store, id)| {
                    let identity = self.place.identity().clone();
                    (CampaignStore::Database(store), LedgerName { identity, id })
                })
            }
            None => match self.place.open(&self.lock).await? {
                Some(store) => Some((CampaignStore::Files(store), self.name_in_files()?)),
                None => None,
            },
        };
        self.had_ledger.fetch_or(opened.is_some(), Ordering::SeqCst);
        Ok(opened)
    }

    fn name_in_files(&self) -> Result<LedgerName, LedgerDirError> {
        Ok(LedgerName {
            identity: self.place.ledger_identity()?,
            id: self.place.look()?.map(|manifest| manifest.id).unwrap_or_default(),
        })
    }

    /// Opens the ledger, to add to it, and compares it with its witness. Returns `None` if there is no ledger. A ledger whose open_ids
    /// were erased is an error.
    pub async fn open(&self, witnesses: &CampaignWitnesses) -> Result<Option<OpenLedger>, AppError> {
        let Some((store, name)) = self.open_store().await? else {
            return Ok(None);
        };
        let opened = opened(store, name, witnesses).await?;
        check_has_open_ids(self.place.identity(), opened.ledger.state())?;
        Ok(Some(opened))
    }

    /// Creates a ledger.
    pub async fn begin(&self, now: Timestamp, witnesses: &CampaignWitnesses) -> Result<OpenLedger, AppError> {
        let (store, name) = if let Some(ownership) = &self.ownership {
            let identity = self.place.identity().clone();
            let (store, id) = ownership.create(&identity, now).await?;
            (CampaignStore::Database(store), LedgerName { identity, id })
        } else {
            let store = self.place.create(&self.lock, now).await?;
            (CampaignStore::Files(store), self.name_in_files()?)
        };
        self.had_ledger.store(true, Ordering::SeqCst);
        opened(store, name, witnesses).await
    }
}

/// The identity with which a ledger's hash chain begins, and its id.
struct LedgerName {
    identity: Identity,
    id: String,
}

/// Opens a ledger and compares it with its witness.
async fn opened(
    store: CampaignStore,
    LedgerName { identity, id }: LedgerName,
    witnesses: &CampaignWitnesses,
) -> Result<OpenLedger, AppError> {
    let witness = witnesses.of_ledger(&id);
    let known = witness.as_ref().map(Witness::head);
    let ledger = Ledger::open_known(store, identity, Arc::default(), known).await?;
    let older = OlderLedger::of_ledger(witness.as_ref(), ledger.older(), ledger.state());
    Ok(OpenLedger { ledger, id, older })
}

impl Drop for LockedLedger {
    fn drop(&mut self) {
        // If a ledger was removed during a run, the files around it are the only trace, so they stay.
        if !self.had_ledger.load(Ordering::SeqCst) {
            self.place.leave_nothing(&self.lock);
        }
    }
}
