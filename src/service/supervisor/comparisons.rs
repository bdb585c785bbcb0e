//! Compares campaigns with the platform's records after each day.

use std::sync::Arc;

use crate::service::act::{Act, Applier, Who};
use crate::service::campaign_entry::{CampaignEntry, Source};

use super::Supervisor;

impl Supervisor {
    pub(super) fn note_comparing(&self, file: &str, is_comparing: bool) {
        if let Some(entry) = self.state().entries.get_mut(file) {
            entry.is_comparing = is_comparing;
            entry.comparison_tried = Some(self.now());
        }
    }

    /// Compares the ledgers whose last day with attempts has ended, one after the other. Only those that can ask the platform for
    /// something: its count, or the coupons of a user in doubt.
    pub(super) async fn compare_after_days(self: &Arc<Self>) {
        if self.is_rehearsal() {
            return;
        }
        let now = self.now();
        let due: Vec<_> = {
            let state = self.state();
            let idle = state.entries.values().filter(|entry| {
                entry.applier() == Applier::Nobody && matches!(entry.source, Source::Good) && !entry.is_erased()
            });
            idle.filter(|entry| entry.is_comparison_due(now))
                .map(CampaignEntry::subject)
                .collect()
        };
        for on in due {
            if let Err(error) = self.perform(Act::Compare { on }, Who::scheduler()).await {
                tracing::warn!("a ledger is not compared with the platform's records: {error:?}");
            }
        }
    }
}
