//! Work that waits for the disk, in a thread of its own.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use tokio::task::{JoinError, spawn_blocking};

use super::catch_panic::catch_panic;
use crate::ledger::store::error::StoreError;

/// Runs `work` in a thread for blocking work. A panic of sled is an error.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(move || catch_panic(AssertUnwindSafe(work))).await;
    let why = match done {
        Ok(Ok(result)) => return result,
        Ok(Err(panicked)) => panicked,
        Err(error) => join_failure(&error).to_owned(),
    };
    Err(StoreError::Broken {
        what,
        path: path.to_owned(),
        why,
    })
}

fn join_failure(error: &JoinError) -> &'static str {
    if error.is_cancelled() {
        "the process is ending"
    } else {
        "its thread panicked"
    }
}
