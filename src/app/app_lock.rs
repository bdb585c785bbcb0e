//! The app lock of an app id, as this process takes it.

use std::sync::{Mutex, PoisonError};

use tokio::task::spawn_blocking;
use url::Url;

use crate::engine::app_limiter::{AppLock, HeldAppLock, NotTaken, Taking};
use crate::ledger::app_id_lock::{AppIdLock, AppIdLockError, Holder, Process};
use crate::model::event::{AppLockHolder, Owner};
use crate::model::identity::{AppId, is_loopback};

use super::process::user_name;

/// Returns what the quota of an app id belongs to: the platform's address. For a loopback address that is its host and
/// port, without the path.
#[must_use]
pub fn quota_owner(base_url: &str) -> String {
    match Url::parse(base_url) {
        Ok(url) if is_loopback(&url) => url.origin().ascii_serialization(),
        _ => base_url.to_owned(),
    }
}

/// The app lock of one app id on one platform, as this process takes it.
#[derive(Debug)]
pub struct ProcessAppLock {
    base_url: String,
    app_id: AppId,
    owner: Owner,
    /// The last process that described itself.
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    process: Process,
    owner: Owner,
}

impl ProcessAppLock {
    /// Creates it without taking the lock. `base_url` is the [`quota_owner`].
    #[must_use]
    pub const fn new(base_url: String, app_id: AppId, owner: Owner) -> Self {
        Self {
            base_url,
            app_id,
            owner,
            known: Mutex::new(None),
        }
    }

    async fn try_take(&self) -> Result<HeldAppLock, NotTaken> {
        match AppIdLock::try_take(&self.base_url, &self.app_id, &self.owner).await {
            Ok(lock) => Ok(HeldAppLock::new(lock)),
            Err(AppIdLockError::Taken(holder)) => Err(NotTaken::By(self.describe(holder).await)),
            Err(error @ AppIdLockError::Io { .. }) => Err(NotTaken::Failed(Box::new(error))),
        }
    }

    async fn describe(&self, holder: Holder) -> AppLockHolder {
        let Holder {
            process,
            owner,
            is_silent,
        } = holder;
        let known = self.last_description(process, owner.map(|owner| *owner));
        let process = known.as_ref().map_or(process, |known| known.process);
        let other_user = match process.uid {
            Some(uid) if !process.is_of_this_user() => {
                let named = spawn_blocking(move || user_name(uid)).await;
                Some(named.unwrap_or_else(|_| format!("uid {uid}")))
            }
            _ => None,
        };
        AppLockHolder {
            pid: process.pid,
            other_user,
            owner: known.map(|known| known.owner),
            is_silent,
        }
    }

    /// Returns the last description of `process`. A process that is suspended does not repeat it, and when its queue is full, the
    /// kernel does not even name it.
    fn last_description(&self, process: Process, owner: Option<Owner>) -> Option<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = owner {
            *known = Some(Known { process, owner });
        }
        let is_unknown = process == Process::default();
        known.clone().filter(|known| known.process == process || is_unknown)
    }
}

impl AppLock for ProcessAppLock {
    fn take(&self) -> Taking<'_> {
        Box::pin(self.try_take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;

    #[test]
    fn a_loopback_platform_has_one_quota_for_each_host_and_port() {
        assert_eq!(quota_owner("http://127.0.0.1:8080/a"), "http://127.0.0.1:8080");
        assert_eq!(quota_owner("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_ne!(
            quota_owner("http://127.0.0.1:8081"),
            quota_owner("http://127.0.0.1:8080")
        );
        assert_eq!(quota_owner("https://gateway.example/a"), "https://gateway.example/a");
    }

    fn owner(command: &str) -> Owner {
        Owner {
            host: "here".to_owned(),
            pid: 1,
            since: from_ms(0),
            command: command.to_owned(),
        }
    }

    fn answered(process: Process, owner: Option<Owner>) -> Holder {
        Holder {
            process,
            is_silent: owner.is_none(),
            owner: owner.map(Box::new),
        }
    }

    #[tokio::test]
    async fn the_last_answer_of_a_process_that_is_suspended_is_kept() {
        let app_id = AppId::parse("tt1").unwrap();
        let lock = ProcessAppLock::new("http://127.0.0.1:1".to_owned(), app_id, owner("this"));
        let this_user = rustix::process::geteuid().as_raw();
        let process = |pid| Process {
            pid: Some(pid),
            uid: Some(this_user),
        };
        let unknown = lock.describe(answered(process(1), None)).await;
        assert_eq!((unknown.owner, unknown.is_silent), (None, true));
        let first = lock.describe(answered(process(1), Some(owner("first")))).await;
        assert_eq!((first.owner, first.is_silent), (Some(owner("first")), false));
        let suspended = lock.describe(answered(process(1), None)).await;
        assert_eq!((suspended.owner, suspended.is_silent), (Some(owner("first")), true));
        let unnamed = lock.describe(answered(Process::default(), None)).await;
        assert_eq!((unnamed.owner, unnamed.pid), (Some(owner("first")), Some(1)));
        let another = lock.describe(answered(process(2), None)).await;
        assert_eq!(another.owner, None, "it is of another process");
    }

    #[tokio::test]
    async fn a_process_of_another_user_is_named_by_its_user() {
        let app_id = AppId::parse("tt1").unwrap();
        let lock = ProcessAppLock::new("http://127.0.0.1:1".to_owned(), app_id, owner("this"));
        let uid = Some(rustix::process::geteuid().as_raw() + 1_234_567);
        let process = Process { pid: Some(1), uid };
        let described = lock.describe(answered(process, None)).await;
        assert_eq!(described.other_user, uid.map(|uid| format!("uid {uid}")));
    }
}
