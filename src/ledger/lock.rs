//! The two locks of a run. The kernel releases them when the process dies. A process that finds one taken learns its owner.
//!
//! The campaign's lock is a file beside its ledger, held for the whole run. The app lock is held while requests are sent. It
//! covers all users and directories of the machine, because the platform's quota counts by app id.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::event::Owner;
use crate::model::identity::AppId;

use crate::ledger::known_files::{self, FileId, KnownFiles};

/// The lock in messages.
const CAMPAIGN: &str = "the campaign's ledger";
/// An owner writes less than this.
const LONGEST_LINE: u64 = 64 * 1024;

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has the lock.
    #[error("{what} is taken by {}", .owner.as_deref().map_or_else(|| "another process".to_owned(), shown))]
    Taken {
        /// The lock.
        what: &'static str,
        /// The owner. `None` if it has not written that yet.
        owner: Option<Box<Owner>>,
        /// Its purpose, as far as it has written that.
        purpose: Purpose,
    },
    /// The system refused an operation.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// The operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// Why a process locks a campaign's ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To apply the campaign.
    #[default]
    Apply,
    /// To read the ledger or to record a person's decision. That is short, so other processes wait.
    Look,
}

/// The content of a lock's file.
#[derive(Debug, Serialize, Deserialize)]
struct Line<O> {
    #[serde(flatten)]
    owner: O,
    #[serde(default)]
    purpose: Purpose,
}

impl LockError {
    /// `owner` applies the campaign.
    #[must_use]
    pub fn taken_by(owner: Owner) -> Self {
        Self::Taken {
            what: CAMPAIGN,
            owner: Some(Box::new(owner)),
            purpose: Purpose::Apply,
        }
    }
}

fn shown(owner: &Owner) -> String {
    let Owner {
        host,
        pid,
        since,
        command,
    } = owner;
    format!("process {pid} on {host} since {since}: {command}")
}

/// The lock of one campaign's ledger on this machine.
#[derive(Debug)]
pub struct CampaignLock {
    path: PathBuf,
    file: File,
}

impl Drop for CampaignLock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started may have inherited the file for a moment.
        let _ = self.file.unlock();
    }
}

impl CampaignLock {
    /// Takes the lock whose file is at `path`, and writes the owner and the purpose there.
    pub fn take(path: &Path, owner: &Owner, purpose: Purpose) -> Result<Self, LockError> {
        let file = take_file(path, &Line { owner, purpose }, CAMPAIGN)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// The lock's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to the locked file. Otherwise another process may have the lock at this path, and the files
    /// beside it.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    /// The id of the locked file.
    ///
    /// # Errors
    /// When its metadata cannot be read.
    pub fn file_id(&self) -> io::Result<FileId> {
        Ok(FileId::new(&self.file.metadata()?))
    }

    /// Adds the locked file to those that make a ledger.
    pub(in crate::ledger) fn add_to(&self, known: &KnownFiles) -> io::Result<()> {
        known.add_open(&self.path, &self.file)
    }
}

fn take_file(path: &Path, line: &Line<&Owner>, what: &'static str) -> Result<File, LockError> {
    let failed = |what| {
        move |source| LockError::Io {
            what,
            path: path.to_owned(),
            source,
        }
    };
    let mut file = open(path).map_err(failed("open"))?;
    match file.try_lock() {
        // The last owner may have removed the file meanwhile, because there was no ledger. Then this is not the lock.
        Ok(()) if !is_at(&file, path) => {
            return Err(LockError::Taken {
                what,
                owner: None,
                purpose: Purpose::Look,
            });
        }
        Ok(()) => {}
        // Another process is asking whether the lock is taken.
        Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
            let _ = file.unlock();
            return Err(LockError::Taken {
                what,
                owner: None,
                purpose: Purpose::Look,
            });
        }
        Err(TryLockError::WouldBlock) => {
            let said = read_line(&mut file);
            let purpose = said.as_ref().map_or(Purpose::Apply, |line| line.purpose);
            let owner = said.map(|line| line.owner);
            return Err(LockError::Taken { what, owner, purpose });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
    }
    // The owner is only for messages, so a full disk must not prevent the lock.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(text(line).as_bytes()));
    Ok(file)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = known_files::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    known_files::open(&options, path)
}

/// Whether `path` leads to `file`.
fn is_at(file: &File, path: &Path) -> bool {
    file.metadata().is_ok_and(|file| FileId::new(&file).is_at(path))
}

/// Returns the process that applies the campaign whose lock's file is at `path`. Takes no lock and creates no file.
pub fn applier(path: &Path) -> Result<Option<Owner>, LockError> {
    let failed = |what| {
        move |source| LockError::Io {
            what,
            path: path.to_owned(),
            source,
        }
    };
    let mut file = match known_files::open_to_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("open")(source)),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => Ok(read_line(&mut file)
            .filter(|line: &Line<Box<Owner>>| line.purpose == Purpose::Apply)
            .map(|line| *line.owner)),
        Err(TryLockError::Error(source)) => Err(failed("look at")(source)),
    }
}

fn text(line: &Line<&Owner>) -> String {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}

fn read_line(from: impl Read) -> Option<Line<Box<Owner>>> {
    let mut line = String::new();
    from.take(LONGEST_LINE).read_to_string(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// The lock of an app id on a platform, for this machine.
#[derive(Debug)]
pub struct AppIdLock {
    _held: held::Held,
}

impl AppIdLock {
    /// Takes the lock of `app_id` on the platform at `base_url`, if it is free. A caller that waits for it tries again.
    pub fn try_take(base_url: &str, app_id: &AppId, owner: &Owner) -> Result<Self, LockError> {
        held::take(base_url, app_id, owner).map(|held| Self { _held: held })
    }
}

/// The name of the lock. No two pairs of base URL and app id have the same.
fn name(base_url: &str, app_id: &AppId) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new()
        .chain_update((base_url.len() as u64).to_be_bytes())
        .chain_update(base_url)
        .chain_update(app_id.as_str())
        .finalize();
    let number = digest
        .iter()
        .take(16)
        .fold(0, |number, byte| number << 8 | u128::from(*byte));
    format!("runner-app-id-{number:032x}")
}

/// An abstract socket: no file, no permissions, gone with its process. A process that connects to it receives the owner.
#[cfg(target_os = "linux")]
mod held {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use super::{AppId, Line, LockError, Owner, PathBuf, Purpose, Write, io, name, read_line, text};

    const WHAT: &str = "sending for this app id";
    const PATIENCE: Duration = Duration::from_secs(1);
    /// How often the owner may die before it answers.
    const TRIES: u32 = 5;

    #[derive(Debug)]
    pub(in crate::ledger) struct Held {
        address: SocketAddr,
        leaving: Arc<AtomicBool>,
        answering: Option<JoinHandle<()>>,
    }

    pub(in crate::ledger) fn take(base_url: &str, app_id: &AppId, owner: &Owner) -> Result<Held, LockError> {
        let name = name(base_url, app_id);
        let failed = |source| LockError::Io {
            what: "take the app id's lock",
            path: PathBuf::from(format!("@{name}")),
            source,
        };
        let address = SocketAddr::from_abstract_name(&name).map_err(failed)?;
        let purpose = Purpose::Apply;
        let line = Line { owner, purpose };
        for _ in 0..TRIES {
            match UnixListener::bind_addr(&address) {
                Ok(listener) => return answer(listener, address, text(&line)).map_err(failed),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(failed(error)),
            }
            match UnixStream::connect_addr(&address) {
                Ok(stream) => {
                    let asked = stream.set_read_timeout(Some(PATIENCE));
                    let owner = asked.ok().and_then(|()| read_line(&stream)).map(|line| line.owner);
                    return Err(LockError::Taken {
                        what: WHAT,
                        owner,
                        purpose,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        Err(LockError::Taken {
            what: WHAT,
            owner: None,
            purpose,
        })
    }

    fn answer(listener: UnixListener, address: SocketAddr, line: String) -> io::Result<Held> {
        let leaving = Arc::new(AtomicBool::new(false));
        let left = Arc::clone(&leaving);
        let answering = thread::Builder::new().name("app-id-lock".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if left.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(mut stream) = stream {
                    // A client that does not read gets no answer.
                    let _ = stream
                        .set_write_timeout(Some(PATIENCE))
                        .and_then(|()| stream.write_all(line.as_bytes()));
                }
            }
        })?;
        Ok(Held {
            address,
            leaving,
            answering: Some(answering),
        })
    }

    impl Drop for Held {
        fn drop(&mut self) {
            self.leaving.store(true, Ordering::SeqCst);
            // Wakes the thread. The socket is closed when it ends.
            let woken = UnixStream::connect_addr(&self.address);
            if let (Ok(_), Some(answering)) = (woken, self.answering.take()) {
                let _ = answering.join();
            }
        }
    }
}

/// A locked file in the directory for temporary files, which users share.
#[cfg(not(target_os = "linux"))]
mod held {
    use super::{AppId, File, Line, LockError, Owner, Purpose, name, take_file};

    #[derive(Debug)]
    pub(in crate::ledger) struct Held(#[expect(dead_code, reason = "locked as long as it is open")] File);

    pub(in crate::ledger) fn take(base_url: &str, app_id: &AppId, owner: &Owner) -> Result<Held, LockError> {
        let path = std::env::temp_dir().join(name(base_url, app_id));
        let purpose = Purpose::Apply;
        take_file(&path, &Line { owner, purpose }, "sending for this app id").map(Held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;

    fn owner(pid: u32) -> Owner {
        Owner {
            host: "here".to_owned(),
            pid,
            since: from_ms(0),
            command: "runner apply summer.yaml".to_owned(),
        }
    }

    fn take(path: &Path, pid: u32) -> Result<CampaignLock, LockError> {
        CampaignLock::take(path, &owner(pid), Purpose::Apply)
    }

    #[test]
    fn the_purpose_of_a_taken_lock_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summer.lock");
        for purpose in [Purpose::Look, Purpose::Apply] {
            let first = CampaignLock::take(&path, &owner(1), purpose).unwrap();
            let Err(LockError::Taken { purpose: found, .. }) = take(&path, 2) else {
                panic!("it was free");
            };
            assert_eq!(found, purpose);
            drop(first);
        }
    }

    fn taken_by<T>(result: Result<T, LockError>) -> Option<u32> {
        match result {
            Err(LockError::Taken { owner, .. }) => owner.map(|owner| owner.pid),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it was free"),
        }
    }

    #[test]
    fn a_campaign_has_one_owner_that_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summer.lock");
        let first = take(&path, 1).unwrap();
        let second = take(&path, 2);
        assert_eq!(
            second.as_ref().map(|_| ()).unwrap_err().to_string(),
            "the campaign's ledger is taken by process 1 on here since 1970-01-01T00:00:00Z: runner apply summer.yaml"
        );
        assert_eq!(taken_by(second), Some(1));
        drop(first);
        let third = take(&path, 3).unwrap();
        assert_eq!(taken_by(take(&path, 4)), Some(3));
        drop(third);
    }

    #[test]
    fn an_app_id_has_one_owner_for_each_platform_that_answers() {
        let app_id = AppId::parse(&format!("tt-lock-test-{}", std::process::id())).unwrap();
        let first = AppIdLock::try_take("http://127.0.0.1:1", &app_id, &owner(1)).unwrap();
        let other = AppIdLock::try_take("http://127.0.0.1:2", &app_id, &owner(2)).unwrap();
        for _ in 0..3 {
            assert_eq!(
                taken_by(AppIdLock::try_take("http://127.0.0.1:1", &app_id, &owner(3))),
                Some(1)
            );
        }
        assert_eq!(
            taken_by(AppIdLock::try_take("http://127.0.0.1:2", &app_id, &owner(3))),
            Some(2)
        );
        drop(first);
        let again = AppIdLock::try_take("http://127.0.0.1:1", &app_id, &owner(4)).unwrap();
        drop((again, other));
    }
}
