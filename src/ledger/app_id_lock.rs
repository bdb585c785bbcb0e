//! The lock of an app id on a platform, for this machine. The kernel releases it when the process dies.
//!
//! It covers all users and directories of the machine, because the platform's quota counts by app id. It has two parts, and a
//! process needs both:
//!
//! - an abstract Unix socket, for all processes of one network namespace. It has no file and no permissions, and a process
//!   that connects to it receives the owner;
//! - a locked file in each directory of the machine that all users may write to, for processes of other network namespaces.
//!
//! Any user can have either part. So the kernel says which process that is and to which user it belongs, and only a process of
//! this user is believed what it says of itself.

mod lock_files;
mod process;
#[cfg_attr(not(target_os = "linux"), path = "app_id_lock/no_socket.rs")]
mod socket;

use std::io;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::catalogue;
use crate::ledger::lock::{self, Purpose};
use crate::model::event::Owner;
use crate::model::identity::AppId;

use self::lock_files::LockFiles;
use self::process::Asked;
pub use self::process::Process;
use self::socket::Listening;

/// How long the owner may take to describe itself, and the system to lock a file.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the owner may die before it is asked.
const TRIES: u32 = 5;

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AppIdLockError {
    /// Another process has it.
    #[error("{}", catalogue::ledger::AppLockTaken)]
    Taken(Holder),
    /// The system refused an operation.
    #[error("{}", catalogue::ledger::AppLock { name })]
    Io {
        /// The name of the lock.
        name: String,
        /// The error of the system.
        source: io::Error,
    },
}

/// The process that has the lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// What the kernel says of it.
    pub process: Process,
    /// How it describes itself. `None` if it does not answer, or belongs to another user.
    pub owner: Option<Box<Owner>>,
    /// Whether it was asked to describe itself and did not answer in time.
    pub is_silent: bool,
}

/// The lock. Dropping it releases it, and waits for no other process.
#[derive(Debug)]
pub struct AppIdLock {
    // The socket is closed before the files are unlocked: a process that has the files finds the socket free.
    _listening: Listening,
    _files: LockFiles,
}

impl AppIdLock {
    /// Takes the lock of `app_id` on the platform at `base_url`, if it is free. A caller that waits for it tries again.
    ///
    /// # Errors
    /// When another process has the lock, or the system refuses an operation. Within a few seconds, whatever other processes
    /// do.
    pub async fn try_take(base_url: &str, app_id: &AppId, owner: &Owner) -> Result<Self, AppIdLockError> {
        let name = name(base_url, app_id);
        let line = lock::text(owner, Purpose::Apply);
        let failed = |source| AppIdLockError::Io {
            name: name.clone(),
            source,
        };
        for _ in 0..TRIES {
            let taking = {
                let name = name.clone();
                let line = line.clone();
                // A lock that is taken too late is released when this task drops it.
                spawn_blocking(move || take(&name, line))
            };
            let Ok(taken) = timeout(PATIENCE, taking).await else {
                break;
            };
            let part = match taken.map_err(|error| failed(io::Error::other(error)))? {
                Ok(lock) => return Ok(lock),
                Err(NotTaken::Failed(error)) => return Err(failed(error)),
                Err(NotTaken::Part(part)) => part,
            };
            match (socket::ask(&name, PATIENCE).await, part) {
                (Asked::Process { process, answer }, _) => {
                    return Err(AppIdLockError::Taken(Holder {
                        process,
                        is_silent: answer.is_none() && process.is_of_this_user(),
                        owner: answer,
                    }));
                }
                (asked, Part::File(process)) => {
                    return Err(AppIdLockError::Taken(Holder {
                        process,
                        owner: None,
                        is_silent: matches!(asked, Asked::Unreachable),
                    }));
                }
                (Asked::Unreachable, Part::Socket) => break,
                (Asked::Nobody, Part::Socket) => {}
            }
        }
        Err(AppIdLockError::Taken(Holder {
            is_silent: true,
            ..Holder::default()
        }))
    }
}

/// Why one of the parts was not taken.
enum NotTaken {
    Part(Part),
    Failed(io::Error),
}

/// The part that another process has.
enum Part {
    Socket,
    File(Process),
}

fn take(name: &str, line: String) -> Result<AppIdLock, NotTaken> {
    let files = LockFiles::lock(name).map_err(|process| NotTaken::Part(Part::File(process)))?;
    let listening = Listening::start(name, line).map_err(NotTaken::Failed)?;
    Ok(AppIdLock {
        _listening: listening.ok_or(NotTaken::Part(Part::Socket))?,
        _files: files,
    })
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

#[cfg(test)]
mod tests;
