//! Plans campaigns and simulates the plans.

use std::sync::Arc;
use std::time::Duration;

use crate::app::plan::PlanRequest;
use crate::app::simulate::{SimulationRequest, SimulationResult, simulate};
use crate::app::{LoadedCampaign, decisions, plan};
use crate::plan::Fingerprint;
use crate::service::campaign_entry::{CampaignEntry, PlanState, Planned, Simulated, SimulatedResult};
use crate::service::fault::Fault;

use super::Supervisor;

/// The largest audience that is simulated, in deliveries.
const MOST_SIMULATED: u64 = 500_000;
/// The longest simulation. Nothing waits for it, so a busy machine may take its time.
const LONGEST_SIMULATION: Duration = Duration::from_mins(2);
/// How many requests a plan shows.
const SHOWN_REQUESTS: usize = 3;

impl Supervisor {
    /// Plans a campaign in a task of its own.
    pub(super) fn plan_soon(self: &Arc<Self>, file: &str) {
        let (loaded, version, is_fresh) = {
            let mut state = self.state();
            let Some(entry) = state.entries.get_mut(file) else {
                return;
            };
            let Some(loaded) = entry.loaded.clone() else { return };
            entry.set_plan(PlanState::Planning);
            (loaded, entry.version, entry.is_fresh)
        };
        let supervisor = Arc::clone(self);
        let file = file.to_owned();
        let mut stopping = self.stopping();
        tokio::spawn(async move {
            tokio::select! {
                () = async {
                    supervisor.plan_now(&file, &loaded, version, is_fresh).await;
                    supervisor.announce_plan(&file, &loaded);
                    supervisor.simulate(&file, &loaded, version).await;
                } => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        });
    }

    async fn plan_now(&self, file: &str, loaded: &LoadedCampaign, version: u64, is_fresh: bool) {
        let Ok(_turn) = self.plans.acquire().await else { return };
        let is_current = |entry: &CampaignEntry| entry.version == version;
        if !self.state().entries.get(file).is_some_and(is_current) {
            return;
        }
        let request = PlanRequest {
            requests: SHOWN_REQUESTS,
            fresh: is_fresh,
            every_language: true,
            ..PlanRequest::default()
        };
        let planned = Box::pin(plan::plan(loaded, &request)).await;
        let ledger = Box::pin(decisions::read(loaded)).await;
        // What cannot be read counts as new: a policy asks for more then.
        let is_new_app = !matches!(loaded.has_other_of_app().await, Ok(true));
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(file).filter(|entry| is_current(entry)) else {
            return;
        };
        entry.plan = match planned {
            Ok(preview) => PlanState::Ready(Arc::new(Planned {
                preview,
                at: self.settings.environment.clock.now(),
                is_fresh,
                is_new_app,
            })),
            Err(error) => PlanState::Failed(Arc::new(Fault::new(error, self.settings.classify))),
        };
        match ledger {
            Ok(ledger) => entry.ledger = ledger.map(Arc::new),
            Err(error) => tracing::warn!("the ledger of {file:?} cannot be read: {error}"),
        }
    }

    /// Plans the campaigns again whose plan failed, perhaps because the database was away.
    pub(super) fn plan_failed_again(self: &Arc<Self>) {
        let failed: Vec<_> = {
            let state = self.state();
            let failed = state
                .entries
                .values()
                .filter(|entry| matches!(entry.plan, PlanState::Failed(_)));
            failed.map(|entry| entry.file.clone()).collect()
        };
        for file in failed {
            self.plan_soon(&file);
        }
        self.approved.notify_one();
    }

    /// Simulates the plan of a campaign, unless that was done before. Nothing waits for it.
    async fn simulate(&self, file: &str, loaded: &LoadedCampaign, version: u64) {
        let note = |fingerprint: &Fingerprint, result| {
            let mut state = self.state();
            let entry = state.entries.get_mut(file);
            if let Some(entry) = entry.filter(|entry| entry.version == version) {
                let fingerprint = fingerprint.clone();
                entry.simulated = Some(Simulated { fingerprint, result });
            }
        };
        let Some(planned) = self.plan_to_simulate(file, version) else {
            return;
        };
        let fingerprint = &planned.preview.fingerprint;
        if planned.preview.view.deliveries.counts.audience() > MOST_SIMULATED {
            return note(fingerprint, SimulatedResult::TooLarge);
        }
        note(fingerprint, SimulatedResult::Running);
        let Ok(_turn) = self.simulations.acquire().await else {
            return;
        };
        if self.plan_to_simulate(file, version).is_none() {
            return;
        }
        let accept = planned.needs().iter().filter_map(|word| word.parse().ok()).collect();
        let request = SimulationRequest::in_background(self.now(), accept);
        let simulating = Box::pin(simulate(loaded, &request));
        let result = match tokio::time::timeout(LONGEST_SIMULATION, simulating).await {
            Ok(Ok(SimulationResult::Ended { simulated, .. })) => SimulatedResult::Ended(Arc::new(*simulated)),
            Ok(Ok(SimulationResult::Refused(_))) => SimulatedResult::Refused,
            Ok(Err(error)) => SimulatedResult::Failed(Arc::new(self.fault(error))),
            Err(_) => SimulatedResult::TooLong,
        };
        note(fingerprint, result);
    }

    /// The plan of this version, if it sends something and was not simulated. `None` for a rehearsal from the beginning: the
    /// ledger that it would delete is not what it begins with.
    fn plan_to_simulate(&self, file: &str, version: u64) -> Option<Arc<Planned>> {
        let state = self.state();
        let entry = state.entries.get(file).filter(|entry| entry.version == version)?;
        let planned = entry.planned().filter(|planned| planned.sends() && !planned.is_fresh)?;
        let known = entry.simulated.as_ref();
        let known = known.filter(|known| known.fingerprint == planned.preview.fingerprint);
        known
            .is_none_or(|known| matches!(known.result, SimulatedResult::Running))
            .then(|| Arc::clone(planned))
    }
}
