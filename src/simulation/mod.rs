//! Simulates a campaign before it is applied: the real engine and the real client run on a virtual clock that skips every
//! wait, against the sandbox in this process. Nothing is sent, no socket is opened, and the ledger's new facts are not
//! stored.

mod outages;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tracing::dispatcher::{Dispatch, with_default};

use crate::catalogue::engine;
use crate::douyin::client::{Client, Config};
use crate::douyin::codes::Codes;
use crate::douyin::token::{Credentials, Tokens};
use crate::engine::app_limiter::{Alone, AppLimiter};
use crate::engine::send_order::SendOrder;
use crate::engine::{Apply, EngineError, RunOutcome, no_requests};
use crate::fake_platform::Settings;
use crate::ledger::{Ledger, NullStore};
use crate::model::clock::Clock;
use crate::model::event::Emit;
use crate::model::run_command::RunCommand;
use crate::model::secret::Secret;
use crate::plan::Plan;

pub use outages::{Outage, Outages};
use transport::FakeTransport;

/// The default time after which a run that does not end by itself is stopped.
pub const HORIZON: Duration = Duration::from_hours(3 * 366 * 24);

/// A run to simulate. Its audience is already admitted to the ledger.
pub struct Simulation {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The ledger, without a store.
    pub ledger: Ledger<NullStore>,
    /// The order of recipients, from the audience that was read.
    pub send_order: SendOrder,
    /// The simulated time at which it begins.
    pub from: Timestamp,
    /// The time after which the run is stopped if it has not ended by itself, for example because the platform asks it to
    /// wait for ever.
    pub horizon: Duration,
    /// The simulated platform.
    pub world: World,
    /// Receives the events.
    pub emit: Arc<dyn Emit>,
    /// Stops the run when the sender is used or dropped: nobody waits for its result any longer.
    pub cancel: oneshot::Receiver<()>,
}

/// The simulated platform.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Its rules, its faults, and the seed of all random choices, those of the client included.
    pub settings: Settings,
    /// When it cannot be reached.
    pub outages: Outages,
}

/// Why a simulation did not finish.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// No runtime with a virtual clock could be made.
    #[error("{}", engine::NoClock)]
    Clock(#[source] std::io::Error),
    /// The run failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Simulation {
    /// Runs the simulation on this thread, and returns how the run would end. It takes only the time to compute and waits
    /// for nothing.
    ///
    /// # Errors
    /// When there is no clock, or the run fails, which is a defect: no disk can fail here.
    pub fn run(self) -> Result<RunOutcome, SimulationError> {
        let mut clock = Builder::new_current_thread();
        let clock = clock.enable_time().start_paused(true).build();
        let clock = clock.map_err(SimulationError::Clock)?;
        // The log is for real events only.
        with_default(&Dispatch::none(), || clock.block_on(Box::pin(self.live())))
    }

    async fn live(self) -> Result<RunOutcome, SimulationError> {
        let clock = Clock::simulated(self.from);
        let World { settings, outages } = self.world;
        let seed = settings.seed;
        let timeout = self.plan.retry.timeout;
        let credentials = Credentials::Client {
            key: Secret::new("simulated"),
            secret: Secret::new("simulated"),
        };
        let config = Config {
            base_url: self.plan.base_url.clone(),
            app_id: self.plan.identity.app_id.clone(),
            tokens: Tokens::new(credentials, clock.clone()),
            codes: Codes::new(self.plan.codes.clone()),
            timeout,
            clock: clock.clone(),
            emit: Arc::clone(&self.emit),
        };
        let fake_platform = FakeTransport::new(settings, outages, timeout, clock.clone());
        let (commands, told) = watch::channel(RunCommand::Go);
        // Nobody approves here: the wait is only shown.
        let mut plan = Plan::clone(&self.plan);
        plan.schedule.approvals = false;
        let apply = Apply {
            plan: Arc::new(plan),
            ledger: self.ledger,
            platform: Arc::new(Client::by(fake_platform, config)),
            send_order: self.send_order,
            limiter: AppLimiter::new(Alone),
            clock,
            commands: told,
            requests: no_requests(),
            emit: self.emit,
            seed,
        };
        let run = apply.run();
        tokio::pin!(run);
        let over = tokio::time::sleep(self.horizon);
        let ended = tokio::select! {
            biased;
            ended = &mut run => ended,
            () = async { tokio::select! { () = over => {}, _ = self.cancel => {} } } => {
                commands.send_replace(RunCommand::Stop { by: None });
                run.await
            }
        };
        Ok(ended?.0)
    }
}
