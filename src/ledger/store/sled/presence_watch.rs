//! Checks every second whether a ledger is still in its place, while nothing is appended to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_blocking};

use crate::ledger::known_files::KnownFiles;
use crate::ledger::store::error::StoreError;

const INTERVAL: Duration = Duration::from_secs(1);

/// A task that checks, until this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    gone: mpsc::Receiver<StoreError>,
    task: AbortHandle,
}

impl Watch {
    pub(super) fn start(known: Arc<KnownFiles>) -> Self {
        let (sender, gone) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let known = Arc::clone(&known);
                // A disk that stalls delays only this task. If no thread is available, the next round tries again.
                if let Ok(Err(error)) = spawn_blocking(move || known.check()).await {
                    let _ = sender.send(error).await;
                    return;
                }
            }
        });
        Self {
            gone,
            task: task.abort_handle(),
        }
    }

    /// Waits until the ledger is gone.
    pub(super) async fn gone(&mut self) -> StoreError {
        match self.gone.recv().await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
