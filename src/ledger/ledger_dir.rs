//! The directory of a campaign's ledger: its layout, its creation, and what is refused.
//!
//! ```text
//! .runner/                         this user's alone, with a .gitignore of its own
//! └── live/ or sandbox/
//!     └── <app_id>/
//!         ├── <campaign>.lock      the lock
//!         ├── <campaign>.sock      the owner's socket
//!         ├── <campaign>.waiting-<pid>.sock   the socket of an apply that waits for the lock
//!         ├── <campaign>.status.json   the owner's progress
//!         ├── <campaign>.settings.json   the settings of the plan that was applied last
//!         ├── <campaign>.bills/    the platform's bills that were fetched
//!         ├── <campaign>.probes.jsonl   the journal of the probes
//!         ├── <campaign>.notices-<pid>.jsonl   messages to chat groups that are not sent yet
//!         └── <campaign>/
//!             ├── ledger.json      the manifest
//!             ├── head             the last durable batch
//!             ├── store/           the batches
//!             ├── seal             the lengths and checksums of the store's files; missing while the store is open
//!             ├── aside/           a copy of the store, while it is checked
//!             ├── damaged/         a damaged store that was replaced by a copy; damaged-2/ and so on after it
//!             └── shortcut         the snapshot
//! ```
//!
//! A ledger whose open_ids are erased is written again as `<campaign>.erasing`, and exchanged with the old one, which is removed then.
//! A ledger is built under another name (`*.new`) and then renamed, so a kill leaves a whole ledger or none. One that was copied to a
//! database is kept as `<campaign>.moved-1`. `service_log` has the directories of a service beside `live/`. A ledger with a missing part
//! is damaged and is never replaced by a new one.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use crate::catalogue::ledger;
use crate::model::event::Owner;
use crate::model::identity::{AppId, CampaignName, Identity, PlatformName};

use super::attempted_action::Action;
use super::known_files::{self, Directory};
use super::snapshot;
use super::state_directory::{self, NotOwn, Refused};
use crate::ledger::lock::{self, CampaignLock, LockError, Purpose};
use crate::ledger::log::head::HeadFile;
use crate::ledger::store::{SledStore, Store as _, StoreError};

/// The layout that this program writes.
const FORMAT: u32 = 1;
const MANIFEST: &str = "ledger.json";
const ROOT: &str = ".runner";
const SNAPSHOT: &str = "shortcut";
const IGNORE: &str = ".gitignore";
/// The end of the name of the ledger that replaces another one, and of the replaced one until it is removed.
const ERASING: &str = "erasing";
/// The directories of real campaigns and of rehearsals.
const KINDS: [&str; 2] = ["live", "sandbox"];
const PARTS: [&str; 3] = [MANIFEST, "head", "store"];

/// Why a ledger cannot be found, created or used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerDirError {
    /// The system refused an operation.
    #[error("{}", ledger::CannotDo { action, path: &path.display() })]
    Io {
        /// What was attempted.
        action: Action,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A directory above the ledger, or the ledger's own, is not this user's alone.
    #[error("{}", ledger::NotOwn { path: &path.display(), why })]
    NotOwn {
        /// The directory.
        path: PathBuf,
        /// Why.
        why: NotOwn,
    },
    /// The directory is on a network file system, whose locks and flushes are not reliable.
    #[error("{}", ledger::Network { path: &path.display(), kind })]
    Network {
        /// The directory.
        path: PathBuf,
        /// The file system.
        kind: &'static str,
    },
    /// The ledger belongs to another campaign, app or platform.
    #[error("{}", ledger::Foreign { path: &path.display(), what, theirs, ours })]
    Foreign {
        /// The ledger's directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// The value in the manifest.
        theirs: String,
        /// The expected value.
        ours: String,
        /// Whether the ledger itself says so, and not the manifest alone.
        is_proven: bool,
    },
    /// The manifest was altered: the ledger itself is of the expected campaign, app and platform.
    #[error("{}", ledger::Altered { path: &path.display(), what, theirs, ours })]
    Altered {
        /// The ledger's directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// The value in the manifest.
        theirs: String,
        /// The value that the ledger has.
        ours: String,
    },
    /// A newer version wrote the ledger.
    #[error("{}", ledger::Newer { path: &path.display(), found, known: &FORMAT })]
    Newer {
        /// The ledger's directory.
        path: PathBuf,
        /// The format.
        found: u64,
    },
    /// The manifest cannot be read.
    #[error("{}", ledger::Illegible { path: &path.display(), why })]
    Illegible {
        /// The file.
        path: PathBuf,
        /// The error.
        why: String,
    },
    /// A part of the ledger is missing.
    #[error("{}", ledger::Missing { path: &path.display(), missing })]
    Missing {
        /// The ledger's directory.
        path: PathBuf,
        /// The part.
        missing: &'static str,
    },
    /// A ledger of real deliveries is never deleted.
    #[error("{}", ledger::Real { path: &path.display() })]
    Real {
        /// The ledger's directory.
        path: PathBuf,
    },
    /// Another process has the lock, or it cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The content of `ledger.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout's version.
    pub format: u32,
    /// The campaign's name.
    pub campaign: String,
    /// The app's id.
    pub app_id: String,
    /// The platform: its base URL, or `sandbox`.
    pub platform: String,
    /// A random id. A new ledger of the same campaign has another one.
    pub id: String,
    /// When the ledger was created.
    pub created: Timestamp,
    /// Whether it is a rehearsal's. Earlier versions did not write that, and called each loopback address `sandbox`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
}

impl Manifest {
    /// The manifest of a new log that no campaign has, with a random id.
    #[must_use]
    pub fn of_log(platform: &str, app_id: &str, name: &str, created: Timestamp) -> Self {
        Self {
            format: FORMAT,
            campaign: name.to_owned(),
            app_id: app_id.to_owned(),
            platform: platform.to_owned(),
            id: format!("{:032x}", fastrand::u128(..)),
            created,
            rehearsal: false,
        }
    }

    /// The manifest of a new ledger, with a random id.
    #[must_use]
    pub fn new(identity: &Identity, created: Timestamp) -> Self {
        let platform = identity.platform.to_string();
        Self {
            rehearsal: identity.platform == PlatformName::FakePlatform,
            ..Self::of_log(&platform, identity.app_id.as_str(), identity.campaign.as_str(), created)
        }
    }

    /// The campaign, app and platform. `None` if a name is not valid.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        Identity::parse_kept(&self.campaign, &self.app_id, &self.platform)
    }

    /// Whether an earlier version wrote it for a loopback address, which may lead to the real platform.
    fn is_of_any_loopback(&self) -> bool {
        self.platform == PlatformName::FakePlatform.to_string() && !self.rehearsal
    }
}

/// The directory of one campaign's ledger.
#[derive(Clone, Debug)]
pub struct LedgerDir {
    identity: Identity,
    root: PathBuf,
    dir: PathBuf,
}

impl LedgerDir {
    /// The directory of a campaign's ledger under `root`. Reads and creates nothing. Names have no `/` and no `.`, so the
    /// directory is always in `root`.
    #[must_use]
    pub fn new(root: &Path, identity: &Identity) -> Self {
        // The directory of a file that is named without one.
        let root = if root.as_os_str().is_empty() {
            Path::new(".")
        } else {
            root
        };
        let mut place = Self {
            identity: identity.clone(),
            root: root.join(ROOT),
            dir: PathBuf::new(),
        };
        place.dir = place.names().iter().fold(root.to_owned(), |path, name| path.join(name));
        place
    }

    /// Whether `root` has a state directory.
    #[must_use]
    pub fn has_state(root: &Path) -> bool {
        root.join(ROOT).is_dir()
    }

    /// The places under `root` with a lock file or with an apply that waits, of rehearsals or of real campaigns, sorted. Their
    /// identities have no address of a platform.
    ///
    /// # Errors
    /// When the state directory is not this user's alone, or cannot be read.
    pub fn locked_below(root: &Path, is_rehearsal: bool) -> Result<Vec<Self>, LedgerDirError> {
        let platform = if is_rehearsal {
            PlatformName::FakePlatform
        } else {
            PlatformName::Live(String::new())
        };
        let kind = root.join(ROOT).join(KINDS[usize::from(is_rehearsal)]);
        let mut places = Vec::new();
        for app in list(&kind)? {
            let Ok(app_id) = AppId::parse(&app) else { continue };
            let mut campaigns: Vec<_> = list(&kind.join(&app))?
                .iter()
                .filter_map(|file| CampaignName::parse_kept(file.split_once('.')?.0).ok())
                .collect();
            campaigns.dedup();
            for campaign in campaigns {
                let identity = Identity {
                    campaign,
                    app_id: app_id.clone(),
                    platform: platform.clone(),
                };
                places.push(Self::new(root, &identity));
            }
        }
        Ok(places)
    }

    /// The ledgers under `root` whose manifests can be read, those of rehearsals included, sorted by app and campaign.
    ///
    /// # Errors
    /// When the state directory cannot be read.
    pub fn ledgers_below(root: &Path) -> Result<Vec<Self>, LedgerDirError> {
        let mut places = Vec::new();
        for kind in KINDS {
            let kind = root.join(ROOT).join(kind);
            for app in list(&kind)? {
                let app = kind.join(app);
                let names = list(&app)?.into_iter();
                let ledgers = names.filter(|name| CampaignName::parse_kept(name).is_ok() && app.join(name).is_dir());
                let dirs = ledgers.map(|name| app.join(name));
                let identities = dirs.filter_map(|dir| Some((read_manifest_at(&dir).ok()?.identity()?, dir)));
                let at_place = identities.map(|(identity, dir)| (Self::new(root, &identity), dir));
                // The manifest of a ledger that was copied to another name leads elsewhere.
                places.extend(
                    at_place
                        .filter(|(place, dir)| place.dir == *dir)
                        .map(|(place, _)| place),
                );
            }
        }
        Ok(places)
    }

    /// The dates of the occurrences of this recurring campaign that have a ledger.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn occurrences(&self) -> Result<BTreeSet<Date>, LedgerDirError> {
        let beside = |name: &str| self.dir.with_file_name(name);
        let names = self.names_beside()?.into_iter();
        let ledgers = names.filter(|name| beside(name).is_dir());
        Ok(ledgers.filter_map(|name| self.date_of(&name)).collect())
    }

    /// The dates of the occurrences of this recurring campaign that a process has locked at some time.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn locked_occurrences(&self) -> Result<BTreeSet<Date>, LedgerDirError> {
        let names = self.names_beside()?;
        let locked = names.iter().filter_map(|name| name.split_once('.'));
        Ok(locked.filter_map(|(name, _)| self.date_of(name)).collect())
    }

    /// Whether another campaign of the app has a ledger here. Occurrences of one campaign are others of each other.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn has_other_of_app(&self) -> Result<bool, LedgerDirError> {
        let own = self.dir.file_name().and_then(|name| name.to_str());
        let is_other = |name: &String| {
            let is_name = CampaignName::parse_kept(name).is_ok();
            is_name && Some(name.as_str()) != own && self.dir.with_file_name(name).is_dir()
        };
        Ok(self.names_beside()?.iter().any(is_other))
    }

    fn names_beside(&self) -> Result<Vec<String>, LedgerDirError> {
        self.dir.parent().map_or_else(|| Ok(Vec::new()), list)
    }

    /// The date of an occurrence of the same campaign by its name. `None` for any other name.
    fn date_of(&self, name: &str) -> Option<Date> {
        let name = CampaignName::parse_kept(name).ok()?;
        name.date().filter(|_| name.series() == self.identity.campaign.series())
    }

    /// The campaign, app and platform.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The identity in the manifest, with which the hash chain begins. Only its platform can differ from
    /// [`LedgerDir::identity`].
    ///
    /// # Errors
    /// As [`LedgerDir::look`].
    pub fn ledger_identity(&self) -> Result<Identity, LedgerDirError> {
        let mut identity = self.identity.clone();
        if self.look()?.is_some_and(|manifest| manifest.is_of_any_loopback()) {
            identity.platform = PlatformName::FakePlatform;
        }
        Ok(identity)
    }

    /// The number of the last durable batch. `None` if there is no ledger, or its head cannot be read.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        Some(HeadFile::read(&self.dir.join("head")).ok()??.sequence)
    }

    /// The ledger's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The socket of the process that applies the campaign.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.beside("sock")
    }

    /// The status file of the process that applies the campaign.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.dir.with_file_name(self.status_name())
    }

    /// The name of the status file beside the ledger.
    #[must_use]
    pub fn status_name(&self) -> String {
        self.name_beside("status.json")
    }

    /// The file with the settings of the plan that was applied last.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.dir.with_file_name(self.settings_name())
    }

    /// The name of that file beside the ledger.
    #[must_use]
    pub fn settings_name(&self) -> String {
        self.name_beside("settings.json")
    }

    /// The directory of the platform's bills that were fetched for this campaign.
    #[must_use]
    pub fn bills(&self) -> PathBuf {
        self.dir.with_file_name(self.name_beside("bills"))
    }

    /// The journal of the probes that were made with this campaign's file.
    #[must_use]
    pub fn probes(&self) -> PathBuf {
        self.dir.with_file_name(self.name_beside("probes.jsonl"))
    }

    /// The socket of the process `pid`, which waits to apply the campaign.
    #[must_use]
    pub fn waiting_socket(&self, pid: u32) -> PathBuf {
        self.beside(&format!("waiting-{pid}.sock"))
    }

    /// The processes that wait to apply the campaign, with their sockets. Some may have been killed.
    #[must_use]
    pub fn waiting_sockets(&self) -> Vec<(u32, PathBuf)> {
        let prefix = self.name_beside("waiting-");
        let pid = |name: &str| name.strip_prefix(&prefix)?.strip_suffix(".sock")?.parse().ok();
        let entries = self.dir.parent().and_then(|above| fs::read_dir(above).ok());
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut sockets: Vec<_> = paths
            .filter_map(|path| Some((pid(path.file_name()?.to_str()?)?, path)))
            .collect();
        sockets.sort_unstable();
        sockets
    }

    /// Checks that the ledger and the directories above it are this user's alone, as far as they exist. Creates nothing.
    ///
    /// # Errors
    /// When one of them is not.
    pub fn check_own(&self) -> Result<(), LedgerDirError> {
        state_directory::open(self.base(), &self.names())?;
        Ok(())
    }

    /// Checks that the ledger's directory, or the nearest one above it that exists, is not on a network file system.
    ///
    /// # Errors
    /// When it is, or the system does not say.
    pub fn check_file_system(&self) -> Result<(), LedgerDirError> {
        refuse_network(&self.dir)
    }

    /// Reads the manifest. `None` if there is no ledger. Creates nothing, and needs no lock.
    ///
    /// # Errors
    /// When the ledger belongs to another campaign, or a part of it is missing.
    pub fn look(&self) -> Result<Option<Manifest>, LedgerDirError> {
        self.check_own()?;
        let mut there = Vec::new();
        for part in PARTS {
            let path = self.dir.join(part);
            if path
                .try_exists()
                .map_err(|source| failed(Action::LookFor, &path, source))?
            {
                there.push(part);
            }
        }
        if there.is_empty() {
            return Ok(None);
        }
        if let Some(missing) = PARTS.into_iter().find(|part| !there.contains(part)) {
            return Err(LedgerDirError::Missing {
                path: self.dir.clone(),
                missing,
            });
        }
        let manifest = self.read_manifest()?;
        self.check(&manifest)?;
        Ok(Some(manifest))
    }

    /// Takes the campaign's lock, and creates the directories above the ledger if they are missing.
    pub fn lock(&self, owner: &Owner, purpose: Purpose) -> Result<CampaignLock, LedgerDirError> {
        refuse_network(&self.dir)?;
        let removed = || {
            let error = io::ErrorKind::NotFound.into();
            failed(Action::Create, self.dir.parent().unwrap_or(&self.root), error)
        };
        let take = || {
            let directory = self.make_directories()?.ok_or_else(removed)?;
            Ok(CampaignLock::take(
                directory,
                &self.name_beside("lock"),
                owner,
                purpose,
            )?)
        };
        match take() {
            // Another run without a ledger has just removed the directories.
            Err(LedgerDirError::Lock(LockError::Io { source, .. }) | LedgerDirError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                take()
            }
            taken => taken,
        }
    }

    /// The time of the last append, by the clock of the file system. `None` if it is not known.
    #[must_use]
    pub fn appended(&self) -> Option<SystemTime> {
        fs::metadata(self.dir.join("head")).ok()?.modified().ok()
    }

    /// The process that applies the campaign. Creates nothing.
    pub fn applier(&self) -> Result<Option<Owner>, LedgerDirError> {
        self.check_own()?;
        match state_directory::open(self.base(), &self.names_above())? {
            Some(directory) => Ok(lock::applier(&directory, &self.name_beside("lock"))?),
            None => Ok(None),
        }
    }

    /// If there is no ledger, removes the files and directories around it, the lock's file included, so that a run without
    /// effect leaves nothing. Those that cannot be removed, or are used by others, stay.
    pub fn leave_nothing(&self, lock: &CampaignLock) {
        // If the lock's file was removed, the one at its path may belong to another process.
        if !lock.is_in_place() || self.dir.try_exists().unwrap_or(true) {
            return;
        }
        for file in [self.beside("lock"), self.socket(), self.status()] {
            let _ = fs::remove_file(file);
        }
        for above in self.dir.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(above);
        }
        let only_ignore = fs::read_dir(&self.root)
            .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == IGNORE)));
        if only_ignore {
            let _ = fs::remove_file(self.root.join(IGNORE));
            let _ = fs::remove_dir(&self.root);
        }
    }

    /// Opens the ledger's store. `None` if there is no ledger.
    ///
    /// # Errors
    /// Like [`LedgerDir::look`], and when the store cannot be opened.
    pub async fn open(&self, lock: &CampaignLock) -> Result<Option<SledStore>, LedgerDirError> {
        match self.look()? {
            Some(_) => Ok(Some(self.open_store(lock).await?)),
            None => Ok(None),
        }
    }

    /// Opens the store of an existing ledger, and adds the other files of the ledger to it.
    async fn open_store(&self, lock: &CampaignLock) -> Result<SledStore, LedgerDirError> {
        let store = SledStore::open(&self.dir).await?;
        let manifest = self.dir.join(MANIFEST);
        let known = store.known();
        known
            .add(&manifest)
            .map_err(|source| failed(Action::Open, &manifest, source))?;
        lock.add_to(known)
            .map_err(|source| failed(Action::LookAt, lock.path(), source))?;
        Ok(store)
    }

    /// Creates a ledger if there is none, and opens its store.
    ///
    /// # Errors
    /// When there is a ledger of another campaign, or it cannot be created.
    pub async fn create(&self, lock: &CampaignLock, at: Timestamp) -> Result<SledStore, LedgerDirError> {
        if let Some(store) = self.open(lock).await? {
            return Ok(store);
        }
        let new = self.beside("new");
        remove(&new)?;
        make_directory(&new)?;
        drop(SledStore::create(&new).await?);
        write_manifest(&new, &Manifest::new(&self.identity, at))?;
        self.put_in_place(&new)?;
        self.open_store(lock).await
    }

    /// Creates the ledger of a manifest with the batches that `fill` appends. A kill leaves a whole ledger or none.
    ///
    /// # Errors
    /// When there is a ledger, or it cannot be created. The error of `fill` is returned as it is.
    pub async fn import<E: From<LedgerDirError>>(
        &self,
        _lock: &CampaignLock,
        manifest: &Manifest,
        fill: impl AsyncFnOnce(&mut SledStore) -> Result<(), E>,
    ) -> Result<(), E> {
        let new = self.beside("new");
        remove(&new)?;
        make_directory(&new)?;
        let mut store = SledStore::create(&new).await.map_err(LedgerDirError::Store)?;
        fill(&mut store).await?;
        store.close().await;
        write_manifest(&new, manifest)?;
        self.put_in_place(&new)?;
        Ok(())
    }

    /// Makes a whole ledger durable, and renames it into its place.
    fn put_in_place(&self, new: &Path) -> Result<(), LedgerDirError> {
        sync_tree(new)?;
        fs::rename(new, &self.dir).map_err(|source| failed(Action::RenameIntoPlace, new, source))?;
        for above in self.dir.ancestors().skip(1).take(4) {
            sync(above)?;
        }
        Ok(())
    }

    /// Renames a ledger that was moved elsewhere, so that no command finds it. Returns its new place.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn retire(&self, _lock: &CampaignLock) -> Result<PathBuf, LedgerDirError> {
        let places = (1_u32..).map(|number| self.beside(&format!("moved-{number}")));
        let Some(retired) = places.into_iter().find(|place| !place.exists()) else {
            return Ok(self.dir.clone());
        };
        fs::rename(&self.dir, &retired).map_err(|source| failed(Action::RenameIntoPlace, &self.dir, source))?;
        self.dir.parent().map_or(Ok(()), sync)?;
        Ok(retired)
    }

    /// Makes an empty directory for the ledger that replaces this one. Removes what an earlier try has left there: its own new ledger, or
    /// the old one that it had replaced.
    pub(super) fn begin_erasure(&self, _lock: &CampaignLock) -> Result<PathBuf, LedgerDirError> {
        let new = self.beside(ERASING);
        remove(&new)?;
        make_directory(&new)?;
        Ok(new)
    }

    /// Exchanges the ledger with the one in `new`, which is whole but for its manifest. There is no moment without a ledger.
    pub(super) fn exchange(&self, _lock: &CampaignLock, new: &Path) -> Result<(), LedgerDirError> {
        write_manifest(new, &self.read_manifest()?)?;
        // The status of the last run stays valid: no delivery has changed.
        if let Some(appended) = self.appended() {
            let head = new.join("head");
            File::open(&head)
                .and_then(|file| file.set_modified(appended))
                .map_err(|source| failed(Action::Write, &head, source))?;
        }
        sync_tree(new)?;
        renameat_with(CWD, new, CWD, &self.dir, RenameFlags::EXCHANGE)
            .map_err(|error| failed(Action::Exchange, &self.dir, error.into()))?;
        self.dir.parent().map_or(Ok(()), sync)
    }

    /// Removes the [leftovers](Self::leftovers) of a ledger with this id whose own open_ids were erased.
    ///
    /// # Errors
    /// When one of them cannot be removed.
    pub fn remove_leftovers(&self, _lock: &CampaignLock, id: &str) -> Result<(), LedgerDirError> {
        for leftover in self.leftovers(id)? {
            let removed = if leftover.is_dir() {
                fs::remove_dir_all(&leftover)
            } else {
                fs::remove_file(&leftover)
            };
            removed.map_err(|source| failed(Action::Remove, &leftover, source))?;
        }
        match self.dir.parent() {
            Some(parent) if parent.is_dir() => sync(parent),
            _ => Ok(()),
        }
    }

    /// What has open_ids beside a ledger with this id: the ledger that an erasure has replaced, what interrupted commands have left,
    /// copies that were moved to a database, the platform's bills, and the journal of probes.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn leftovers(&self, id: &str) -> Result<Vec<PathBuf>, LedgerDirError> {
        let mut leftovers: Vec<_> = [ERASING, "new", "old", "bills"].map(|name| self.beside(name)).into();
        leftovers.push(self.probes());
        leftovers.retain(|path| path.symlink_metadata().is_ok());
        let of_ledger = |place: &PathBuf| read_manifest_at(place).is_ok_and(|manifest| manifest.id == id);
        leftovers.extend(self.retired_places()?.into_iter().filter(of_ledger));
        Ok(leftovers)
    }

    /// Where ledgers are kept that were moved to a database.
    fn retired_places(&self) -> Result<Vec<PathBuf>, LedgerDirError> {
        let prefix = self.name_beside("moved-");
        let names = self.names_beside()?.into_iter();
        let retired = names.filter(|name| name.starts_with(&prefix));
        Ok(retired.map(|name| self.dir.with_file_name(name)).collect())
    }

    /// Deletes a rehearsal's ledger, whatever its condition.
    ///
    /// # Errors
    /// When it is not a rehearsal's, or cannot be removed.
    pub fn discard(&self, _lock: &CampaignLock) -> Result<(), LedgerDirError> {
        if self.identity.platform != PlatformName::FakePlatform {
            return Err(LedgerDirError::Real { path: self.dir.clone() });
        }
        let old = self.beside("old");
        remove(&old)?;
        match fs::rename(&self.dir, &old) {
            Ok(()) => remove(&old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(failed(Action::Remove, &self.dir, source)),
        }
    }

    /// A path beside the ledger's directory. No campaign's ledger has it, because names have no `.`.
    fn beside(&self, what: &str) -> PathBuf {
        self.dir.with_file_name(self.name_beside(what))
    }

    fn name_beside(&self, what: &str) -> String {
        format!("{}.{what}", self.identity.campaign)
    }

    /// The directory in which `.runner` is.
    fn base(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    /// The directories from `.runner` to the one above the ledger.
    fn names_above(&self) -> [&str; 3] {
        [ROOT, self.kind(), self.identity.app_id.as_str()]
    }

    /// The directories from `.runner` to the ledger.
    fn names(&self) -> [&str; 4] {
        let [root, kind, app_id] = self.names_above();
        [root, kind, app_id, self.identity.campaign.as_str()]
    }

    const fn kind(&self) -> &'static str {
        match self.identity.platform {
            PlatformName::FakePlatform => KINDS[1],
            PlatformName::Live(_) => KINDS[0],
        }
    }

    /// Creates the directories above the ledger. Returns the lowest, or `None` if one was removed meanwhile.
    fn make_directories(&self) -> Result<Option<Directory>, LedgerDirError> {
        let Some(above) = state_directory::create(self.base(), &self.names_above())? else {
            return Ok(None);
        };
        Ok(create_ignore(self.base())?.then_some(above))
    }

    fn read_manifest(&self) -> Result<Manifest, LedgerDirError> {
        read_manifest_at(&self.dir)
    }

    fn check(&self, manifest: &Manifest) -> Result<(), LedgerDirError> {
        let pairs = [
            ("campaign", &manifest.campaign, self.identity.campaign.to_string()),
            ("app_id", &manifest.app_id, self.identity.app_id.to_string()),
            ("platform", &manifest.platform, self.identity.platform.to_string()),
        ];
        let is_loopback = manifest.is_of_any_loopback() && self.identity.platform.is_loopback();
        let differs =
            |(what, theirs, ours): &(&str, &String, String)| *theirs != ours && !(*what == "platform" && is_loopback);
        match pairs.into_iter().find(differs) {
            None => Ok(()),
            Some((what, theirs, ours)) => Err(self.differs(what, theirs.clone(), ours, manifest)),
        }
    }

    /// Says whether the ledger or only its manifest is of another campaign, as far as the snapshot shows that.
    fn differs(&self, what: &'static str, theirs: String, ours: String, manifest: &Manifest) -> LedgerDirError {
        let path = self.dir.clone();
        let is_of = |identity: &Identity| {
            let file = known_files::open_to_read(&self.dir.join(SNAPSHOT));
            file.is_ok_and(|mut file| snapshot::read_info(&mut file, identity).is_some())
        };
        if is_of(&self.identity) {
            return LedgerDirError::Altered {
                path,
                what,
                theirs,
                ours,
            };
        }
        let is_proven = manifest.identity().is_some_and(|identity| is_of(&identity));
        LedgerDirError::Foreign {
            path,
            what,
            theirs,
            ours,
            is_proven,
        }
    }
}

impl From<Refused> for LedgerDirError {
    fn from(Refused { path, why }: Refused) -> Self {
        match why {
            NotOwn::Io { action, source } => Self::Io { action, path, source },
            why => Self::NotOwn { path, why },
        }
    }
}

/// Writes the `.gitignore` of the state directory in `base`, unless there is one. Returns false if the state directory was removed
/// meanwhile.
pub(super) fn create_ignore(base: &Path) -> Result<bool, LedgerDirError> {
    let Some(root) = state_directory::open(base, &[ROOT])? else {
        return Ok(false);
    };
    match root.create(IGNORE).and_then(|mut file| file.write_all(b"*\n")) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(failed(Action::Write, &base.join(ROOT).join(IGNORE), error))
        }
        _ => Ok(true),
    }
}

/// The names in a directory that are text, sorted. None if it does not exist.
fn list(directory: &Path) -> Result<Vec<String>, LedgerDirError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(Action::Read, directory, source)),
    };
    let mut names: Vec<_> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    Ok(names)
}

pub(super) fn failed(action: Action, path: &Path, source: io::Error) -> LedgerDirError {
    LedgerDirError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Reads the manifest of the ledger in `dir`.
fn read_manifest_at(dir: &Path) -> Result<Manifest, LedgerDirError> {
    let path = dir.join(MANIFEST);
    let mut text = Vec::new();
    known_files::open_to_read(&path)
        .and_then(|mut file| file.read_to_end(&mut text))
        .map_err(|source| failed(Action::Read, &path, source))?;
    let illegible = |error: serde_json::Error| LedgerDirError::Illegible {
        path: path.clone(),
        why: error.to_string(),
    };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(illegible)?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(FORMAT) => Err(LedgerDirError::Newer {
            path: dir.to_owned(),
            found,
        }),
        _ => serde_json::from_value(value).map_err(illegible),
    }
}

fn write_manifest(dir: &Path, manifest: &Manifest) -> Result<(), LedgerDirError> {
    let path = dir.join(MANIFEST);
    let write = || {
        let mut file = known_files::open(known_files::options().write(true).create_new(true).mode(0o600), &path)?;
        serde_json::to_writer_pretty(&file, manifest)?;
        file.write_all(b"\n")
    };
    write().map_err(|source| failed(Action::Write, &path, source))
}

pub(super) fn make_directory(path: &Path) -> Result<(), LedgerDirError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| failed(Action::Create, path, source))
}

pub(super) fn remove(path: &Path) -> Result<(), LedgerDirError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(Action::Remove, path, error)),
        _ => Ok(()),
    }
}

pub(super) fn sync(path: &Path) -> Result<(), LedgerDirError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| failed(Action::Sync, path, source))
}

/// Makes all files and names below `path` durable.
pub(super) fn sync_tree(path: &Path) -> Result<(), LedgerDirError> {
    let entries = fs::read_dir(path).map_err(|source| failed(Action::Read, path, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| failed(Action::Read, path, source))?;
        let is_dir = entry
            .file_type()
            .map_err(|source| failed(Action::Read, path, source))?
            .is_dir();
        if is_dir {
            sync_tree(&entry.path())?;
        } else {
            sync(&entry.path())?;
        }
    }
    sync(path)
}

/// Network file systems, whose locks may not reach other machines and whose flushes may not reach a disk. FUSE is not among
/// them, because it is often a local disk or a container's.
#[cfg(target_os = "linux")]
const NETWORK: [(u32, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
];

#[cfg(target_os = "linux")]
fn network(magic: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

#[cfg(target_os = "linux")]
pub(super) fn refuse_network(dir: &Path) -> Result<(), LedgerDirError> {
    let Some(exists) = dir.ancestors().find(|path| path.exists()) else {
        return Ok(());
    };
    let exists = if exists.as_os_str().is_empty() {
        Path::new(".")
    } else {
        exists
    };
    let found = rustix::fs::statfs(exists).map_err(|error| failed(Action::LookAtFileSystem, exists, error.into()))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the kernel's magic numbers are 32 bits, whatever the width of the field"
    )]
    let magic = found.f_type as u32;
    match network(magic) {
        None => Ok(()),
        Some(kind) => Err(LedgerDirError::Network {
            path: exists.to_owned(),
            kind,
        }),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_network(_dir: &Path) -> Result<(), LedgerDirError> {
    Ok(())
}

#[cfg(test)]
mod tests;
