//! Work that waits for the disk, in a thread of its own. If it lasts too long, the caller gets an error and the thread is left
//! behind. It still has sled's lock on the store, so no other process opens the store before it has ended.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};

use super::catch_panic::catch_panic;
use super::sled_db::SledErrors;
use super::wait_limit::{INTERVAL, Wait};
use crate::catalogue::ledger;
use crate::ledger::attempted_action::Action;
use crate::ledger::store::error::StoreError;
use crate::model::clock::monotonic_now;

/// A store, and how long an operation on it may last.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// What was attempted.
    pub(super) action: Action,
    /// The store.
    pub(super) path: PathBuf,
    /// What sled's threads report of it.
    pub(super) errors: SledErrors,
    /// `None` for an operation whose length depends on the ledger's.
    pub(super) limit: Option<Duration>,
}

impl Operation {
    /// An operation that may take as long as it needs, as long as sled's threads work.
    pub(super) fn new(action: Action, path: &Path, errors: &SledErrors) -> Self {
        Self {
            action,
            path: path.to_owned(),
            errors: errors.clone(),
            limit: None,
        }
    }
}

/// Runs `work` in a thread for blocking work. A panic of sled is an error, and so is work that lasts too long.
pub(super) async fn blocking<T: Send + 'static>(
    operation: &Operation,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let task = spawn_blocking(move || catch_panic(AssertUnwindSafe(work)));
    let done = tokio::select! {
        biased;
        done = task => done,
        error = overdue(operation) => return Err(error),
    };
    let why = match done {
        Ok(Ok(result)) => return result,
        Ok(Err(panicked)) => panicked,
        Err(error) => join_failure(&error),
    };
    Err(StoreError::Broken {
        action: operation.action,
        path: operation.path.clone(),
        why,
    })
}

/// Ends when the operation has lasted too long.
async fn overdue(operation: &Operation) -> StoreError {
    let mut wait = Wait::new(operation.limit, monotonic_now());
    let watch = operation.errors.watch();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = monotonic_now();
        let has_failed = watch.has_failed();
        if wait.is_overdue(has_failed, now) {
            return watch
                .error(operation.action, &operation.path)
                .unwrap_or_else(|| StoreError::Stalled {
                    action: operation.action,
                    path: operation.path.clone(),
                    seconds: wait.lasted(now).as_secs(),
                });
        }
        if has_failed {
            let watch = watch.clone();
            spawn_blocking(move || watch.wake());
        }
    }
}

fn join_failure(error: &JoinError) -> String {
    if error.is_cancelled() {
        ledger::ProcessEnding.to_string()
    } else {
        ledger::ThreadPanicked.to_string()
    }
}
