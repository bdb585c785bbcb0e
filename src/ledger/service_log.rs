//! The log of a service: records in the hash chain and the store of a ledger, with the service's own lock and socket beside it.
//!
//! ```text
//! .runner/
//! └── service/ or service-sandbox/
//!     ├── service.lock      the lock of the service
//!     ├── service.sock      its socket for links
//!     ├── log.sock          its socket for the records
//!     └── log/              head, store and seal, as in a ledger
//! ```
//!
//! A record is bytes here; the service knows what they mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{LastGood, LedgerError};
use super::ledger_dir::{
    LedgerDirError, create_ignore, failed, make_directory, refuse_network, remove, sync, sync_tree,
};
use super::log::head::Head;
use super::log::record::{Chain, Link};
use super::replay::read_batches;
use super::state_directory;
use super::store::{SledStore, Store};
use crate::ledger::attempted_action::Action;
use crate::ledger::lock::{CampaignLock, LockError, Purpose};
use crate::model::event::Owner;
use jiff::Timestamp;

const ROOT: &str = ".runner";
const LOCK: &str = "service.lock";
const SOCKET: &str = "service.sock";
const LOG_SOCKET: &str = "log.sock";
const LOG: &str = "log";
/// The start of the hash chain, so that no batch of a ledger follows it.
const ORIGIN: &str = "runner/service-log/v1";
/// How often the lock is asked for while another process reads the log, which is short.
const MOST_ASKS: u32 = 250;
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Where the log of a service is.
#[derive(Clone, Debug)]
pub struct ServiceDir {
    base: PathBuf,
    kind: &'static str,
}

/// A log that is open for writing.
#[derive(Debug)]
pub struct ServiceLog<S> {
    store: S,
    chain: Chain,
    sequence: u64,
    is_failed: bool,
}

/// Why the log of a service cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServiceLogError {
    /// Its directory or its lock cannot be used.
    #[error(transparent)]
    Dir(#[from] LedgerDirError),
    /// Its records cannot be read.
    #[error(transparent)]
    Log(#[from] LedgerError),
}

/// A record of the log, with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRecord {
    /// Its number, from 1.
    pub sequence: u64,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its link in the hash chain.
    pub link: Link,
}

/// The records of a log, checked one after another.
#[derive(Debug)]
pub struct LogCheck {
    chain: Chain,
    records: Vec<LoggedRecord>,
}

impl Default for LogCheck {
    fn default() -> Self {
        Self {
            chain: Chain::of_origin(ORIGIN),
            records: Vec::new(),
        }
    }
}

impl LogCheck {
    /// Adds the next record, as the store has it.
    ///
    /// # Errors
    /// When it is not what follows the record before.
    pub fn add(&mut self, record: &[u8]) -> Result<(), LedgerError> {
        let sequence = self.head().sequence + 1;
        let last = LastGood {
            sequence: sequence - 1,
            newest: Timestamp::MIN,
        };
        let opened = self.chain.open(record);
        let body = opened.map_err(|source| LedgerError::Record { sequence, last, source })?;
        self.records.push(LoggedRecord {
            sequence,
            body: body.to_owned(),
            link: self.chain.link(),
        });
        Ok(())
    }

    /// The number of records, and the last link of the hash chain.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            sequence: self.records.last().map_or(0, |last| last.sequence),
            link: self.chain.link(),
        }
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[LoggedRecord] {
        &self.records
    }

    /// Whether the log has the record that a witness names.
    #[must_use]
    pub fn has(&self, witnessed: Head) -> bool {
        let known = self.records.iter().find(|record| record.sequence == witnessed.sequence);
        known.map_or(witnessed.sequence == 0, |known| known.link == witnessed.link)
    }
}

impl ServiceDir {
    /// The place below the directory of campaigns, or below the state directory. A service that rehearses has a log of its own.
    #[must_use]
    pub fn new(base: &Path, is_rehearsal: bool) -> Self {
        let base = if base.as_os_str().is_empty() {
            Path::new(".")
        } else {
            base
        };
        Self {
            base: base.to_owned(),
            kind: if is_rehearsal { "service-sandbox" } else { "service" },
        }
    }

    /// The directory of the lock, the socket and the log.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.base.join(ROOT).join(self.kind)
    }

    /// The socket of the service.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir().join(SOCKET)
    }

    /// The socket over which the service shows its records.
    #[must_use]
    pub fn log_socket(&self) -> PathBuf {
        self.dir().join(LOG_SOCKET)
    }

    /// Whether there is a log. Creates nothing.
    #[must_use]
    pub fn has_log(&self) -> bool {
        self.dir().join(LOG).join("head").is_file()
    }

    /// Takes the lock of the service, and creates its directory if it is missing. Waits for a process that only reads the log.
    ///
    /// # Errors
    /// When another process has the lock, or the directory is not this user's alone or not on a local disk.
    pub async fn lock(&self, owner: &Owner, purpose: Purpose) -> Result<CampaignLock, LedgerDirError> {
        refuse_network(&self.dir())?;
        let gone = || failed(Action::Create, &self.dir(), std::io::ErrorKind::NotFound.into());
        let mut asks = 1;
        loop {
            let directory = state_directory::create(&self.base, &[ROOT, self.kind])?.ok_or_else(gone)?;
            create_ignore(&self.base)?;
            match CampaignLock::take(directory, LOCK, owner, purpose) {
                Err(LockError::Taken {
                    purpose: Purpose::Look, ..
                }) if asks < MOST_ASKS => tokio::time::sleep(ASK_AGAIN).await,
                taken => return Ok(taken?),
            }
            asks += 1;
        }
    }

    /// Reads and checks all records from a copy of the store, which stays as it is.
    ///
    /// # Errors
    /// When the store cannot be read, or a record was altered or lost.
    pub async fn check(&self, _lock: &CampaignLock) -> Result<LogCheck, LedgerError> {
        let mut store = SledStore::open_copy(&self.dir().join(LOG)).await?;
        let check = check_log(&mut store).await;
        store.close().await;
        check
    }

    /// Opens the store of the log. Creates it if there is none.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn open(&self, lock: &CampaignLock) -> Result<SledStore, ServiceLogError> {
        let dir = self.dir().join(LOG);
        if !dir.exists() {
            self.create(&dir).await?;
        }
        let store = SledStore::open(&dir).await.map_err(LedgerError::Store)?;
        lock.add_to(store.known())
            .map_err(|source| failed(Action::LookAt, lock.path(), source))?;
        Ok(store)
    }

    /// Creates an empty log. A kill leaves a whole log or none.
    async fn create(&self, dir: &Path) -> Result<(), LedgerDirError> {
        let new = self.dir().join("log.new");
        remove(&new)?;
        make_directory(&new)?;
        drop(SledStore::create(&new).await?);
        sync_tree(&new)?;
        std::fs::rename(&new, dir).map_err(|source| failed(Action::RenameIntoPlace, &new, source))?;
        sync(&self.dir())
    }
}

/// Reads and checks all records that a store has.
///
/// # Errors
/// When a record was altered or lost, or the store fails.
pub async fn check_log(store: &mut impl Store) -> Result<LogCheck, LedgerError> {
    let mut check = LogCheck::default();
    let mut broken = Ok(());
    let each = |_, record: &[u8]| {
        if broken.is_ok() {
            broken = check.add(record);
        }
    };
    read_batches(store, Head::default(), each).await?;
    broken?;
    Ok(check)
}

impl<S: Store> ServiceLog<S> {
    /// Reads and checks all records of a store, and continues after the last one.
    ///
    /// # Errors
    /// When a record was altered or lost, or the store fails.
    pub async fn read(mut store: S) -> Result<(Self, LogCheck), LedgerError> {
        let check = check_log(&mut store).await?;
        let head = check.head();
        let log = Self {
            store,
            chain: Chain::at(head.link),
            sequence: head.sequence,
            is_failed: false,
        };
        Ok((log, check))
    }

    /// Where the records are stored.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Makes a record durable. Returns its number and its link in the hash chain.
    ///
    /// # Errors
    /// When the store fails. Later appends fail, too: only opening the log again shows what is durable.
    pub async fn append(&mut self, body: &[u8]) -> Result<Head, LedgerError> {
        if self.is_failed {
            return Err(LedgerError::Failed);
        }
        self.is_failed = true;
        self.store.append(self.chain.seal(body)).await?;
        self.is_failed = false;
        self.sequence += 1;
        Ok(self.head())
    }

    /// The number of records, and the last link of the hash chain.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            link: self.chain.link(),
        }
    }

    /// Closes the store.
    pub async fn close(self) {
        self.store.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;

    fn owner() -> Owner {
        Owner {
            host: "here".to_owned(),
            pid: 1,
            since: from_ms(0),
            command: "runner serve".to_owned(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn records_are_read_again_in_order_and_a_lost_one_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let place = ServiceDir::new(dir.path(), false);
        assert!(!place.has_log());
        let lock = place.lock(&owner(), Purpose::Apply).await.unwrap();
        let store = place.open(&lock).await.unwrap();
        let (mut log, before) = ServiceLog::read(store).await.unwrap();
        assert_eq!(before.records(), []);
        for body in ["one", "two", "three"] {
            log.append(body.as_bytes()).await.unwrap();
        }
        let head = log.head();
        log.close().await;
        let store = place.open(&lock).await.unwrap();
        let (log, check) = ServiceLog::read(store).await.unwrap();
        assert_eq!(log.head(), head);
        assert!(check.has(head) && check.has(Head::default()));
        let later = Head { sequence: 4, ..head };
        let other = Head { sequence: 2, ..head };
        assert!(
            !check.has(later) && !check.has(other),
            "a witness of records that are gone"
        );
        let bodies: Vec<_> = check.records().iter().map(|record| record.body.as_slice()).collect();
        assert_eq!(bodies, [&b"one"[..], b"two", b"three"]);
        log.close().await;
        assert!(place.has_log());
        // The store of an empty log in the place of this one: its head says more.
        let store = place.dir().join("log/store");
        std::fs::remove_dir_all(&store).unwrap();
        let opened = place.open(&lock).await;
        let is_refused = match opened {
            Ok(store) => ServiceLog::read(store).await.is_err(),
            Err(_) => true,
        };
        assert!(is_refused);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_service_learns_of_the_first_and_a_rehearsal_has_its_own_place() {
        let dir = tempfile::tempdir().unwrap();
        let place = ServiceDir::new(dir.path(), false);
        let first = place.lock(&owner(), Purpose::Apply).await.unwrap();
        let second = place.lock(&owner(), Purpose::Apply).await;
        assert!(second.unwrap_err().to_string().contains("runner serve"));
        let rehearsal = ServiceDir::new(dir.path(), true);
        assert!(rehearsal.lock(&owner(), Purpose::Apply).await.is_ok());
        drop(first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_waits_for_a_process_that_only_reads_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let place = ServiceDir::new(dir.path(), false);
        let reader = place.lock(&owner(), Purpose::Look).await.unwrap();
        let me = owner();
        let ends = async {
            tokio::time::sleep(ASK_AGAIN * 10).await;
            drop(reader);
        };
        let (service, ()) = tokio::join!(place.lock(&me, Purpose::Apply), ends);
        drop(service.unwrap());
        // It does not wait for ever.
        let _reader = place.lock(&me, Purpose::Look).await.unwrap();
        assert!(place.lock(&me, Purpose::Apply).await.is_err());
    }
}
