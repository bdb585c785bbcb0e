//! The app id of a fleet that this process owns to write one ledger.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::catalogue::app as text;
use crate::fleet::{AppKey, DatabaseUrl};
use crate::model::event::Owner;

use super::environment::{Environment, Notice};
use super::error::AppError;
use super::fleet_worker::FleetWorker;
use super::shared_ownership::{OwnershipUse, SharedOwnership};

/// An app id that this process owns to write one ledger.
#[derive(Debug)]
pub struct WriteTerm {
    worker: Arc<FleetWorker>,
    /// Whether the process is a worker beyond this ledger.
    is_shared: bool,
    /// `None` once it was given up.
    app: Option<AppKey>,
    used: Option<OwnershipUse>,
}

impl WriteTerm {
    /// Waits for an app id of the database at `url`, in which the longest `retry.timeout` is `timeout`. Another worker that owns the app
    /// id and works is an error.
    pub async fn begin(
        environment: &Environment,
        url: &DatabaseUrl,
        app: AppKey,
        timeout: Duration,
    ) -> Result<Self, AppError> {
        let worker = if let Some(worker) = &environment.worker {
            worker.join(&app, timeout).await;
            Arc::clone(worker)
        } else {
            let share = [(app.clone(), timeout)];
            Arc::new(FleetWorker::new(url, environment.witnesses.clone(), share))
        };
        let mut term = Self {
            worker,
            is_shared: environment.worker.is_some(),
            app: Some(app.clone()),
            used: None,
        };
        let waits = |holder: &Owner| {
            let why = text::WaitsForWorker {
                host: &holder.host,
                pid: &holder.pid,
            };
            environment.notify(Notice::WaitsForOwner(&why.to_string()));
        };
        term.used = Some(Box::pin(term.worker.own_soon(&app, waits)).await?);
        Ok(term)
    }

    /// Returns the ownership of the app id.
    pub fn ownership(&self) -> Option<&Arc<SharedOwnership>> {
        self.used.as_ref().map(OwnershipUse::ownership)
    }

    /// Gives the app id up. Nothing is under way.
    pub async fn end(mut self) {
        if let Some(app) = self.app.take() {
            self.worker.end(&app).await;
        }
        if let Some(used) = self.used.take() {
            used.end();
        }
        if !self.is_shared {
            self.worker.leave().await;
        }
    }
}

impl Drop for WriteTerm {
    fn drop(&mut self) {
        // It was not ended because something failed before anything was written. Other campaigns of this process need the app id.
        if let Some(app) = self.app.take().filter(|_| self.is_shared)
            && let Ok(runtime) = Handle::try_current()
        {
            if let Some(used) = self.used.take() {
                used.end();
            }
            let worker = Arc::clone(&self.worker);
            runtime.spawn(async move { worker.end(&app).await });
        }
    }
}
