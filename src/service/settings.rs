//! The settings of a service, and what they say of its log.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::Environment;
use crate::app::process::this_process;
use crate::ledger::lock::{CampaignLock, Purpose};
use crate::ledger::service_log::{ServiceDir, ServiceLogError};

use super::config::ConfigFile;
use super::error::ServiceError;
use super::fault::Classify;

/// The settings of a service.
#[derive(Clone)]
pub struct ServiceSettings {
    /// The directory of campaign files.
    pub directory: PathBuf,
    /// The state directory. `None` for that of the campaign files.
    pub state_dir: Option<PathBuf>,
    /// Whether every campaign is rehearsed.
    pub is_rehearsal: bool,
    /// The clock and the witnesses.
    pub environment: Environment,
    /// The file of the service.
    pub config: Arc<ConfigFile>,
    /// Tells which problem an error is.
    pub classify: Classify,
}

impl ServiceSettings {
    /// Whether the log and the ledgers are in a database. Those of a rehearsal are in files.
    #[must_use]
    pub const fn is_in_database(&self) -> bool {
        self.environment.database.is_some()
    }

    /// Takes the lock of the service for the directory.
    ///
    /// # Errors
    /// When another process has the lock, or the directory cannot be used.
    pub async fn lock(&self) -> Result<Arc<CampaignLock>, ServiceError> {
        let owner = this_process(self.environment.clock.now());
        let lock = self
            .place()
            .lock(&owner, Purpose::Apply)
            .await
            .map_err(ServiceLogError::Dir)?;
        Ok(Arc::new(lock))
    }

    /// Where the log is.
    #[must_use]
    pub fn place(&self) -> ServiceDir {
        let base = self.state_dir.as_ref().unwrap_or(&self.directory);
        ServiceDir::new(base, self.is_rehearsal)
    }
}
