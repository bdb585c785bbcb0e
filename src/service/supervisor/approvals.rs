//! Applies the plans that were approved, and lets approvals lapse.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::service::act::{Act, Who, gate};
use crate::service::campaign_entry::{CampaignEntry, EndedRun, Planned};
use crate::service::error::ActError;
use crate::service::record::Entry;
use crate::service::state::ServiceState;

use super::Supervisor;

/// How old a plan may be that is applied without a person. An older one is made again first.
const FRESH_PLAN: SignedDuration = SignedDuration::from_secs(60);

impl Supervisor {
    /// Records the approvals and requests that have lapsed.
    pub(super) async fn note_lapsed(&self) {
        let config = self.config().current();
        let Some(rules) = config.policy() else { return };
        let expires = rules.expires();
        let now = self.now();
        loop {
            let Some((on, of)) = self.state().requests.first_lapsed(now, expires) else {
                return;
            };
            if self.record(Entry::Lapsed { on, of }).await.is_err() {
                return;
            }
        }
    }

    /// Applies the plans that have what the policy asks for.
    pub(super) async fn apply_approved(self: &Arc<Self>) {
        for act in self.approved_plans() {
            let file = act.on().map(|on| on.file.clone()).unwrap_or_default();
            if let Err(error) = self.perform(act, Who::scheduler()).await {
                tracing::warn!("the approved plan of {file:?} is not applied: {error:?}");
                self.note_not_begun(&file, error);
            }
        }
    }

    /// Shows that the run of an approved plan did not begin.
    pub(super) fn note_not_begun(&self, file: &str, error: ActError) {
        let ActError::Failed(fault) = error else { return };
        if let Some(entry) = self.state().entries.get_mut(file) {
            entry.ended = Some(EndedRun::failed(self.now(), fault));
        }
    }

    /// The acts that apply the plans that can go on now. A plan that needs nobody is made again first if it is old, because its
    /// audience may have changed.
    fn approved_plans(self: &Arc<Self>) -> Vec<Act> {
        let config = self.config().current();
        if config.policy().is_none() {
            return Vec::new();
        }
        let now = self.now();
        let mut acts = Vec::new();
        let mut old = Vec::new();
        {
            let state = self.state();
            for entry in state.entries.values() {
                let Some(act) = self.approved_plan(&state, entry, now) else {
                    continue;
                };
                let is_old = |planned: &Arc<Planned>| now.duration_since(planned.at) > FRESH_PLAN;
                if state.request(entry).is_none() && entry.planned().is_some_and(is_old) {
                    old.push(entry.file.clone());
                } else {
                    acts.push(act);
                }
            }
        }
        for file in old {
            self.plan_soon(&file);
        }
        acts
    }

    fn approved_plan(&self, state: &ServiceState, entry: &CampaignEntry, now: Timestamp) -> Option<Act> {
        let planned = entry.planned()?;
        let policy = state.policy(entry, &self.config().current(), now)?;
        let request = state.request(entry);
        let given = policy
            .verdict
            .requirements
            .iter()
            .flat_map(|needed| needed.given.iter().cloned());
        let by: BTreeSet<String> = given.collect();
        let act = Act::Apply {
            on: entry.subject(),
            fingerprint: planned.preview.fingerprint.to_string(),
            accept: request.map(|request| request.accept.clone()).unwrap_or_default(),
            fresh: planned.is_fresh,
            by: by.into_iter().collect(),
            envelope: None,
            spent: None,
        };
        let situation = self.situation(state, &act, now);
        gate(act.clone(), Who::scheduler(), &situation).ok().map(|_| act)
    }
}
