//! Holds the runs of frozen campaigns.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::app::process::this_requester;
use crate::catalogue::{Language, service as texts};
use crate::model::clock::until;
use crate::service::freeze;
use crate::service::record::Charge;
use crate::service::state::freezer;

use super::Supervisor;

/// How often the clock is compared with freezes, besides at their beginnings and ends: the machine may have slept.
const LOOK_AT_FREEZES: Duration = Duration::from_millis(250);

impl Supervisor {
    /// Pauses what is frozen, and lets it go on after that. A freeze that begins while the machine sleeps holds as soon as it wakes.
    pub(super) async fn keep_frozen(self: Arc<Self>) {
        loop {
            let now = self.now();
            self.hold_frozen(now);
            let config = self.config().current();
            let policy = config.file.as_ref().and_then(|file| file.policy.as_ref());
            let next = policy.and_then(|policy| freeze::next_change(policy, now));
            let left = next.and_then(|next| until(now, next)).unwrap_or(LOOK_AT_FREEZES);
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_AT_FREEZES)) => {}
                () = self.frozen.notified() => {}
            }
        }
    }

    /// Holds each run that is frozen at `now`, and releases those that are not any longer.
    pub(super) fn hold_frozen(&self, now: Timestamp) {
        let config = self.config().current();
        let state = self.state();
        for entry in state.entries.values() {
            let Some(run) = &entry.run else { continue };
            let frozen = state.freeze(&run.on.campaign, &config, now);
            match (frozen, run.server.is_frozen()) {
                (Some(frozen), false) => run.server.freeze(freezer(frozen)),
                (None, true) => {
                    let charge = state.charges.of(&run.on.campaign, &run.on.app_id);
                    let goes_on = matches!(charge, Some(Charge::Run(_)));
                    let by = goes_on
                        .then(|| this_requester(Some(&Language::English.scope(|| texts::Unfreezes.to_string()))));
                    run.server.thaw(by);
                }
                (Some(_), true) | (None, false) => {}
            }
        }
    }
}
