//! The runs of this process in a fleet, as other machines see them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::control::ControlServer;
use crate::fleet::AppKey;
use crate::model::event::Owner;
use crate::model::identity::Identity;
use crate::report::reporter::Reporter;

/// A campaign in a fleet: its app id and its name.
pub(super) type RunKey = (AppKey, String);

/// Returns the key of a campaign.
pub(super) fn key(identity: &Identity) -> RunKey {
    (AppKey::of_ledger(identity), identity.campaign.to_string())
}

/// A run of this process.
#[derive(Clone)]
pub(super) struct FleetRun {
    /// Takes commands.
    pub server: ControlServer,
    /// Knows the status.
    pub reporter: Arc<Reporter>,
    /// This process.
    pub process: Owner,
    /// Whether this process owns the app id. It waits for it otherwise.
    pub is_owner: bool,
}

/// The runs of this process.
#[derive(Default)]
pub(super) struct FleetRuns {
    runs: Mutex<BTreeMap<RunKey, FleetRun>>,
    /// Held while statuses are read and published, so that none replaces a later one.
    pub publishing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for FleetRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().keys()).finish()
    }
}

impl FleetRuns {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunKey, FleetRun>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a run, or replaces what is known of it.
    pub fn set(&self, identity: &Identity, run: FleetRun) {
        self.lock().insert(key(identity), run);
    }

    /// Removes a run that has ended.
    pub fn remove(&self, identity: &Identity) {
        self.lock().remove(&key(identity));
    }

    /// This process's run of a campaign. `None` if it has none.
    pub fn get(&self, key: &RunKey) -> Option<FleetRun> {
        self.lock().get(key).cloned()
    }

    /// Returns the status of each run whose app id this process owns.
    pub fn statuses(&self) -> Vec<(RunKey, String)> {
        let runs = self.lock().clone();
        let owned = runs.into_iter().filter(|(_, run)| run.is_owner);
        owned
            .filter_map(|(key, run)| Some((key, run.reporter.status(&run.process, None)?)))
            .collect()
    }
}
