//! Keeps a campaign for one act.

use std::sync::Arc;

use crate::service::state::ServiceState;

use super::Supervisor;

/// Keeps a campaign, until it is dropped, for an act that takes its ledger.
pub(super) struct Reservation {
    supervisor: Arc<Supervisor>,
    pub(super) file: String,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(entry) = self.supervisor.state().entries.get_mut(&self.file) {
            entry.is_reserved = false;
        }
        self.supervisor.ended.notify_waiters();
    }
}

impl Supervisor {
    /// Reserves a campaign that nobody applies. `None` if there is no such campaign, or if somebody does.
    pub(super) fn reserve(self: &Arc<Self>, state: &mut ServiceState, file: &str) -> Option<Reservation> {
        let entry = state.entries.get_mut(file)?;
        if entry.run.is_some() || entry.is_reserved {
            return None;
        }
        entry.is_reserved = true;
        Some(Reservation {
            supervisor: Arc::clone(self),
            file: file.to_owned(),
        })
    }
}
