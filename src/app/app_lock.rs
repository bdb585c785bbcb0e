//! The app lock of an app id, as this process takes and releases it.

use url::Url;

use crate::engine::app_limiter::{AppLock, NotTaken};
use crate::ledger::lock::{AppIdLock, LockError};
use crate::model::event::Owner;
use crate::model::identity::{AppId, is_loopback};

/// Returns what the quota of an app id belongs to: the platform's address. For a loopback address that is its host and
/// port, without the path.
#[must_use]
pub fn quota_owner(base_url: &str) -> String {
    match Url::parse(base_url) {
        Ok(url) if is_loopback(&url) => url.origin().ascii_serialization(),
        _ => base_url.to_owned(),
    }
}

/// The app lock of one app id on one platform, as this process takes and releases it.
#[derive(Debug)]
pub struct ProcessAppLock {
    base_url: String,
    app_id: AppId,
    owner: Owner,
    lock: Option<AppIdLock>,
}

impl ProcessAppLock {
    /// Creates it without taking the lock. `base_url` is the [`quota_owner`].
    #[must_use]
    pub const fn new(base_url: String, app_id: AppId, owner: Owner) -> Self {
        Self {
            base_url,
            app_id,
            owner,
            lock: None,
        }
    }
}

impl AppLock for ProcessAppLock {
    fn take(&mut self) -> Result<(), NotTaken> {
        match AppIdLock::try_take(&self.base_url, &self.app_id, &self.owner) {
            Ok(lock) => {
                self.lock = Some(lock);
                Ok(())
            }
            Err(LockError::Taken { owner, .. }) => {
                Err(NotTaken::By(owner.map_or_else(|| unknown(&self.owner), |owner| *owner)))
            }
            Err(error @ LockError::Io { .. }) => Err(NotTaken::Failed(Box::new(error))),
        }
    }

    fn release(&mut self) {
        self.lock = None;
    }

    fn held(&self) -> bool {
        self.lock.is_some()
    }
}

/// Describes an owner that has not written its description: it started or died at this moment.
fn unknown(this: &Owner) -> Owner {
    Owner {
        host: this.host.clone(),
        pid: 0,
        since: this.since,
        command: "(it has not said)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
