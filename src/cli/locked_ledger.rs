//! Locates a campaign's ledger and takes this process's lock on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::Ledger;
use crate::ledger::ledger_dir::{LedgerDir, LedgerDirError};
use crate::ledger::lock::{CampaignLock, LockError, Purpose};
use crate::ledger::store::SledStore;
use crate::ledger::witness::Witness;
use crate::model::event::Owner;
use crate::plan::Plan;

use super::Context;
use super::app_lock::this_process;
use super::failure::Failure;
use super::rehearsal::RehearsalArgs;
use super::witness::{OlderLedger, Testimony};

/// How often a command asks for a ledger that another process is reading.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Returns the command `verb` for a campaign file, as a user would type it.
#[must_use]
pub fn again(verb: &str, rehearsal: &RehearsalArgs, context: &Context, file: &Path) -> String {
    again_with(verb, rehearsal, context, &[file])
}

/// Like [`again`], for several files or directories.
#[must_use]
pub fn again_with(verb: &str, rehearsal: &RehearsalArgs, context: &Context, paths: &[impl AsRef<Path>]) -> String {
    let mut command = format!("runner {verb}");
    for path in paths {
        command.push(' ');
        command.push_str(&quoted(&path.as_ref().display().to_string()));
    }
    command.push_str(&rehearsal.typed());
    if let Some(root) = &context.state_dir {
        command.push_str(" --state-dir ");
        command.push_str(&quoted(&root.display().to_string()));
    }
    command
}

/// Quotes a path for a shell if needed.
pub(super) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// Returns the place of a campaign's ledger, even if the ledger does not exist. Reads no ledger and creates nothing.
#[must_use]
pub fn ledger_dir(context: &Context, file: &Path, plan: &Plan) -> LedgerDir {
    LedgerDir::new(&roots(context, file).own, &plan.identity)
}

/// The directories whose `.runner` may contain a campaign's ledger.
#[derive(Clone, Debug)]
pub(super) struct Roots {
    /// The directory that the command uses.
    pub(super) own: PathBuf,
    /// The campaign file's directory. `None` unless another state directory was given.
    pub(super) beside_file: Option<PathBuf>,
    /// The directory of a link to the campaign file. `None` if the path is not a link.
    pub(super) beside_link: Option<PathBuf>,
}

pub(super) fn roots(context: &Context, file: &Path) -> Roots {
    let beside = |file: &Path| file.parent().map_or_else(PathBuf::new, Path::to_owned);
    let real = real_file(file);
    Roots {
        own: context.state_dir.clone().unwrap_or_else(|| beside(&real)),
        beside_file: context.state_dir.is_some().then(|| beside(&real)),
        beside_link: (real != file).then(|| beside(file)),
    }
}

/// Resolves a link to the campaign file. Other paths are returned unchanged.
pub(super) fn real_file(file: &Path) -> PathBuf {
    let is_link = file.symlink_metadata().is_ok_and(|found| found.is_symlink());
    is_link
        .then(|| fs::canonicalize(file).ok())
        .flatten()
        .unwrap_or_else(|| file.to_owned())
}

/// An open ledger, compared with its witness.
#[derive(Debug)]
pub struct OpenLedger {
    /// The ledger.
    pub ledger: Ledger<SledStore>,
    /// Its id.
    pub id: String,
    /// `None` unless the ledger is older than its witness.
    pub older: Option<OlderLedger>,
}

/// A ledger's place and this process's lock on it. Removes its own files again if there was no ledger and none was created.
#[derive(Debug)]
pub struct LockedLedger {
    place: LedgerDir,
    lock: CampaignLock,
    owner: Owner,
    /// Whether there was a ledger at some time. It may have been removed since.
    had_ledger: AtomicBool,
}

impl LockedLedger {
    /// Takes the campaign's lock. Waits for a process that only reads; a process that applies the campaign is an error.
    pub async fn take(context: &Context, file: &Path, plan: &Plan, purpose: Purpose) -> Result<Self, Failure> {
        match Self::take_unless_applied(context, file, plan, purpose).await? {
            Ok(locked) => Ok(locked),
            Err(taken) => Err(taken.into()),
        }
    }

    /// Takes the campaign's lock, or returns the error that names the process that applies the campaign. Waits for a
    /// process that only reads.
    pub(super) async fn take_unless_applied(
        context: &Context,
        file: &Path,
        plan: &Plan,
        purpose: Purpose,
    ) -> Result<Result<Self, LockError>, Failure> {
        let place = ledger_dir(context, file, plan);
        let this = this_process(context.clock.now());
        let mut told = false;
        loop {
            match place.lock(&this, purpose) {
                Ok(lock) => {
                    return Ok(Ok(Self {
                        place,
                        lock,
                        owner: this,
                        had_ledger: AtomicBool::new(false),
                    }));
                }
                Err(LedgerDirError::Lock(LockError::Taken {
                    owner,
                    purpose: Purpose::Look,
                    ..
                })) => {
                    if !told {
                        tell_of_reader(context, owner.as_deref());
                        told = true;
                    }
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(LedgerDirError::Lock(taken @ LockError::Taken { .. })) => return Ok(Err(taken)),
                Err(error) => return Err(error.into()),
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

    /// Returns the path of the socket that serves other processes during an apply.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.place.socket()
    }

    /// Deletes a rehearsal's ledger, so that the rehearsal starts again.
    pub fn discard(&self) -> Result<(), Failure> {
        self.place.discard(&self.lock)?;
        self.had_ledger.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Returns the id of the ledger. Empty if there is no ledger.
    pub fn ledger_id(&self) -> Result<String, Failure> {
        Ok(self.place.look()?.map(|manifest| manifest.id).unwrap_or_default())
    }

    /// Returns the ledger's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.place.dir()
    }

    /// Returns the campaign's lock.
    #[must_use]
    pub const fn lock(&self) -> &CampaignLock {
        &self.lock
    }

    /// Opens the ledger's store. Returns `None` if there is no ledger.
    pub async fn store(&self) -> Result<Option<SledStore>, Failure> {
        let store = self.place.open(&self.lock).await?;
        self.had_ledger.fetch_or(store.is_some(), Ordering::SeqCst);
        Ok(store)
    }

    /// Opens the ledger and compares it with its witness. Returns `None` if there is no ledger.
    pub async fn open(&self, testimony: &Testimony) -> Result<Option<OpenLedger>, Failure> {
        match self.store().await? {
            Some(store) => Ok(Some(self.opened(store, testimony).await?)),
            None => Ok(None),
        }
    }

    /// Creates a ledger.
    pub async fn begin(&self, now: Timestamp, testimony: &Testimony) -> Result<OpenLedger, Failure> {
        let store = self.place.create(&self.lock, now).await?;
        self.had_ledger.store(true, Ordering::SeqCst);
        self.opened(store, testimony).await
    }

    async fn opened(&self, store: SledStore, testimony: &Testimony) -> Result<OpenLedger, Failure> {
        let id = self.ledger_id()?;
        let identity = self.place.ledger_identity()?;
        let witness = testimony.of_ledger(&id);
        let known = witness.as_ref().map(Witness::head);
        let ledger = Ledger::open_known(store, identity, Arc::default(), known).await?;
        let older = OlderLedger::of_ledger(witness.as_ref(), ledger.older(), ledger.state());
        Ok(OpenLedger { ledger, id, older })
    }
}

impl Drop for LockedLedger {
    fn drop(&mut self) {
        // If a ledger was removed during a run, the files around it are the only trace, so they stay.
        if !self.had_ledger.load(Ordering::SeqCst) {
            self.place.leave_nothing(&self.lock);
        }
    }
}

fn tell_of_reader(context: &Context, owner: Option<&Owner>) {
    if let Some(owner) = owner {
        tracing::info!(
            pid = owner.pid,
            command = owner.command,
            "waiting for a process that reads the ledger"
        );
        context.talk(&format!(
            "waiting for process {}, which reads the ledger: {}\n",
            owner.pid,
            crate::report::text::visible(&owner.command)
        ));
    }
}
