//! The place of a service log, and of its witness.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::app::service_ownership::witnessed_log;
use crate::ledger::Head;
use crate::ledger::service_log::ServiceDir;
use crate::ledger::witness::{LogWitness, Witnesses};

use super::settings::ServiceSettings;

/// Where the log of a service is, and where its witness.
pub(super) struct LogPlace {
    witnesses: Witnesses,
    directory: PathBuf,
}

impl LogPlace {
    /// `None` for rehearsals, and if the user has no directory for witnesses.
    pub(super) fn new(settings: &ServiceSettings, place: &ServiceDir) -> Option<Self> {
        let witnesses = settings.environment.witnesses.clone();
        let directory = match witnessed_log(&settings.environment) {
            Some(log) => log,
            None => fs::canonicalize(place.dir()).ok()?,
        };
        Some(Self {
            witnesses: witnesses.filter(|_| !settings.is_rehearsal)?,
            directory,
        })
    }

    /// The witness. `None` if there is none, or if it cannot be read and proves nothing.
    pub(super) fn read(&self) -> Option<LogWitness> {
        self.witnesses.read_log(&self.directory).unwrap_or_else(|error| {
            tracing::warn!("cannot read the witness of the service log: {error}; it proves nothing");
            None
        })
    }

    /// Writes the witness of a log that ends so.
    pub(super) async fn write(&self, head: Head, now: Timestamp) {
        let witness = LogWitness::new(&self.directory, head, now);
        let witnesses = self.witnesses.clone();
        let written = spawn_blocking(move || witnesses.write_log(&witness)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("cannot write the witness of the service log: {error}");
        }
    }
}
