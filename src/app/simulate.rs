//! Runs a whole campaign on a virtual clock against the fake platform, with the same code as an apply. It reads the ledger
//! and continues it in memory. It opens no socket to the platform and needs no secret.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::nice;
use tokio::sync::oneshot;

use crate::engine::RunOutcome;
use crate::engine::audience_diff::Accept;
use crate::ledger::{Ledger, LedgerError, NullStore};
use crate::model::clock::until;
use crate::model::event::{Emit, Event, EventKind, Reading};
use crate::report::feasibility::Reason;
use crate::report::run_stats::RunStats;
use crate::report::simulation::hours::Hours;
use crate::report::simulation::{SimulationSettings, SimulationView};
use crate::simulation::{HORIZON, Simulation, World};

use super::audience_reader::{AudienceReader, reasons};
use super::campaign::LoadedCampaign;
use super::environment::Notice;
use super::erased::check_has_open_ids;
use super::error::AppError;
use super::older_ledger::{self, OlderLedger};
use super::witness::CampaignWitnesses;
use super::{activity, find_other_ledger, readonly_ledger};

/// How often the progress of a simulation is reported.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// How far the priority of a thread in the background is lowered: as far as it can be.
const LEAST_URGENT: i32 = 19;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct SimulationRequest {
    /// When the run begins.
    pub from: Timestamp,
    /// The changes that count as accepted.
    pub accept: Vec<Accept>,
    /// The platform and its faults.
    pub world: World,
    /// Whether it computes only while nothing else needs the processor.
    pub in_background: bool,
}

impl SimulationRequest {
    /// A simulation of an ordinary platform in the background.
    #[must_use]
    pub fn in_background(from: Timestamp, accept: Vec<Accept>) -> Self {
        Self {
            from,
            accept,
            world: World::default(),
            in_background: true,
        }
    }
}

/// The result of a simulation.
pub enum SimulationResult {
    /// An apply would stop before it sends.
    Refused(Vec<Reason>),
    /// The run ended.
    Ended {
        /// The statistics of the run. The platform is not described yet.
        simulated: Box<SimulationView>,
        /// How the run ended.
        outcome: RunOutcome,
    },
}

/// Simulates a campaign. Drop the future to cancel it.
pub async fn simulate(campaign: &LoadedCampaign, request: &SimulationRequest) -> Result<SimulationResult, AppError> {
    let environment = &campaign.environment;
    if let Some(other) = find_other_ledger::find_before_apply(campaign)? {
        return Ok(SimulationResult::Refused(vec![other.reason()]));
    }
    let view = readonly_ledger::open(campaign).await?;
    if let Some(view) = &view {
        check_has_open_ids(&campaign.plan.identity, view.ledger.state())?;
    }
    let dir = view.as_ref().map(|view| view.dir.clone());
    let older = match &view {
        Some(view) => view.older.clone(),
        None => CampaignWitnesses::new(campaign).of_lost().map(OlderLedger::lost),
    };
    let accepted = older_ledger::with_accepted(&request.accept, older.as_ref());
    let older_ledger = older.as_ref().map(OlderLedger::change);
    let mut ledger = match view {
        Some(view) => view.ledger.without_store(),
        None => Ledger::open(NullStore, campaign.plan.identity.clone())
            .await?
            .without_store(),
    };
    // A simulation may begin at any time, so its start says nothing about the clock.
    let ledger_state = ledger.state();
    let now = match ledger_state.present_of_apply(environment.clock.now()).ahead {
        Some(_) => request.from,
        None => ledger_state.present(request.from),
    };
    let reader = AudienceReader {
        campaign,
        accepted: &accepted,
        older_ledger: older_ledger.as_ref(),
        by: None,
        approval: None,
        takes_over: false,
        now,
    };
    let mut beginning = reader.beginning(ledger.state());
    beginning.extend(activity::supposed(&campaign.plan, ledger.state(), now));
    ledger.append(beginning).await?;
    environment.notify(Notice::ReadsAudience);
    let (diff, _) = reader.read_diff(ledger.state(), |_| {}).await?;
    let reasons = reasons(&diff);
    if !reasons.is_empty() {
        return Ok(SimulationResult::Refused(reasons));
    }
    let admission = diff.supposed();
    for remark in admission.remarks() {
        environment.notify(Notice::Remark(&remark.to_string()));
    }
    for batch in admission.changes.into_batches() {
        ledger.append(batch.map_err(LedgerError::Store)?).await?;
    }
    let listener = Listener::new(campaign, request, &ledger, dir.clone(), admission.reading);
    let listener = Arc::new(Mutex::new(listener));
    let mut world = request.world.clone();
    // The fake platform knows nothing of the coupons that were issued before.
    let newest = ledger.state().activities_asked_for().newest();
    let left = newest.map(|newest| newest.order.stock.saturating_sub(newest.issued));
    world.settings.rules.stock = world.settings.rules.stock.or(left);
    let stock = world.settings.rules.stock;
    let (_keep, cancel) = oneshot::channel();
    let simulation = Simulation {
        cancel,
        plan: Arc::clone(&campaign.plan),
        ledger,
        send_order: admission.send_order,
        from: request.from,
        horizon: HORIZON,
        world,
        emit: emit_to(&listener),
    };
    let outcome = run(simulation, request.in_background, &listener, campaign).await?;
    let listener = lock(&listener);
    let settings = SimulationSettings {
        world: Vec::new(),
        stock,
        zone: campaign.parsed.campaign.timezone.clone(),
        from: request.from,
        ledger: dir,
        seed: request.world.settings.seed,
    };
    let simulated = Box::new(SimulationView {
        settings,
        stats: listener.stats.clone(),
        hours: listener.hours.clone().until(listener.latest),
    });
    Ok(SimulationResult::Ended { simulated, outcome })
}

/// Runs the simulation in its own thread: its virtual clock must not affect this one.
async fn run(
    simulation: Simulation,
    in_background: bool,
    listener: &Mutex<Listener>,
    campaign: &LoadedCampaign,
) -> Result<RunOutcome, AppError> {
    let (sender, mut outcome) = oneshot::channel();
    let run = move || {
        if in_background {
            // It computes at the usual priority if the system refuses.
            let _ = nice(LEAST_URGENT);
        }
        // The receiver is gone when the process is ending.
        let _ = sender.send(simulation.run());
    };
    let thread = std::thread::Builder::new().name("simulation".to_owned()).spawn(run);
    thread.map_err(AppError::Thread)?;
    let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            outcome = &mut outcome => return Ok(outcome.map_err(|_| AppError::SimulationBroke)??),
            _ = tick.tick() => campaign.environment.notify(lock(listener).progress()),
        }
    }
}

/// Receives the events of a simulated run.
struct Listener {
    stats: RunStats,
    hours: Hours,
    /// When the run began, on the virtual wall clock and on a clock for durations.
    from: Timestamp,
    began: Instant,
    latest: Timestamp,
}

impl Listener {
    /// Creates a listener that has already received the start of the run.
    fn new(
        campaign: &LoadedCampaign,
        request: &SimulationRequest,
        ledger: &Ledger<NullStore>,
        dir: Option<PathBuf>,
        reading: Reading,
    ) -> Self {
        let names = &campaign.parsed.campaign.names;
        let counts = ledger.state().counts();
        let from = request.from;
        let mut listener = Self {
            stats: RunStats::default(),
            hours: Hours::new(campaign.parsed.campaign.timezone.clone(), from, counts),
            from,
            began: Instant::now(),
            latest: from,
        };
        let began = EventKind::RunBegan {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: ledger.state().resolve_activity(&campaign.plan.activity_id),
            platform: campaign.plan.identity.platform.clone(),
            new_ledger: dir.is_none(),
            ledger: dir.unwrap_or_default(),
        };
        let admitted = EventKind::Admitted {
            reading: Box::new(reading),
            counts,
            valuation: ledger
                .state()
                .valuation(&campaign.plan.activity_id, campaign.plan.coupon_value),
        };
        for kind in [began, admitted] {
            listener.receive(&Event { at: from, kind });
        }
        listener
    }

    fn receive(&mut self, event: &Event) {
        self.latest = self.latest.max(event.at);
        // The wall clock of a simulation is never corrected.
        let since = until(self.from, event.at).unwrap_or_default();
        self.stats.fold(event, self.began + since);
        self.hours.count(event);
    }

    const fn progress(&self) -> Notice<'static> {
        Notice::Simulates {
            at: self.latest,
            attempts: self.stats.sends.attempts,
        }
    }
}

fn lock(listener: &Mutex<Listener>) -> MutexGuard<'_, Listener> {
    listener.lock().unwrap_or_else(PoisonError::into_inner)
}

fn emit_to(listener: &Arc<Mutex<Listener>>) -> Arc<dyn Emit> {
    let listener = Arc::clone(listener);
    Arc::new(move |event: Event| lock(&listener).receive(&event))
}
