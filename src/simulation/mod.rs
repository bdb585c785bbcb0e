//! A campaign lived through before it is applied: its run by the engine itself and the client itself, on a clock that leaps
//! over every wait, against the platform's stand-in within this process. Nothing is sent, no socket is opened, and what the
//! ledger is told is kept by nobody.

mod outages;
mod stand_in;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing::dispatcher::{Dispatch, with_default};

use crate::clock::Clock;
use crate::douyin::client::{Client, Config};
use crate::douyin::codes::Codes;
use crate::douyin::token::{Credentials, Tokens};
use crate::engine::lane::{AppIdTurn, Lane, NotTaken};
use crate::engine::roll::Roll;
use crate::engine::{Apply, Ended, EngineError};
use crate::event::Emit;
use crate::ledger::{Ledger, NoStore};
use crate::order::Order;
use crate::plan::Plan;
use crate::sandbox::Settings;
use crate::secret::Secret;

pub use outages::{Outage, Outages};
use stand_in::StandIn;

/// For how long a run is followed that does not end by itself, where nobody says otherwise.
pub const HORIZON: Duration = Duration::from_hours(3 * 366 * 24);

/// A run that is to be lived through. Its audience has been let into the ledger.
pub struct Simulation {
    /// What the campaign means.
    pub plan: Arc<Plan>,
    /// What is owed and settled.
    pub ledger: Ledger<NoStore>,
    /// Who comes when, as the audience was read.
    pub roll: Roll,
    /// The present at which it begins.
    pub from: Timestamp,
    /// For how long a run is followed that does not end by itself, such as one that the platform asks to wait for ever. It is
    /// told to stop then.
    pub horizon: Duration,
    /// What the platform is like.
    pub world: World,
    /// Who is told what happens.
    pub emit: Arc<dyn Emit>,
}

/// What the platform is like.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Its rules, its faults, and the seed of all that is left to chance, the client's part included.
    pub settings: Settings,
    /// When it is out of reach.
    pub outages: Outages,
}

/// Why a simulation came to no end.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// It had no clock to live by.
    #[error("cannot set up a clock for the simulation")]
    Clock(#[source] std::io::Error),
    /// The run broke off.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Simulation {
    /// Lives through it, on this thread, and says how the run would end. That takes as long as there is to compute, and
    /// waits for nothing.
    ///
    /// # Errors
    /// When there is no clock, or the run breaks off, which is a defect: there is no disk that could fail.
    pub fn run(self) -> Result<Ended, SimulationError> {
        let mut clock = Builder::new_current_thread();
        let clock = clock.enable_time().start_paused(true).build();
        let clock = clock.map_err(SimulationError::Clock)?;
        // The log is for what happened.
        with_default(&Dispatch::none(), || clock.block_on(Box::pin(self.live())))
    }

    async fn live(self) -> Result<Ended, SimulationError> {
        let clock = Clock::simulated(self.from);
        let World { settings, outages } = self.world;
        let (seed, timeout) = (settings.seed, self.plan.retry.timeout);
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
        let stand_in = StandIn::new(settings, outages, timeout, clock.clone());
        let (orders, told) = watch::channel(Order::Go);
        let apply = Apply {
            plan: self.plan,
            ledger: self.ledger,
            platform: Arc::new(Client::by(stand_in, config)),
            roll: self.roll,
            lane: Lane::new(Turn::default()),
            clock,
            orders: told,
            emit: self.emit,
            seed,
        };
        let run = apply.run();
        tokio::pin!(run);
        let over = tokio::time::sleep(self.horizon);
        let ended = tokio::select! {
            biased;
            ended = &mut run => ended,
            () = over => {
                orders.send_replace(Order::Stop { by: None });
                run.await
            }
        };
        Ok(ended?.0)
    }
}

/// The app id's turn, which nobody else wants. It is taken and let go of, so a run starts nothing for as long after taking
/// it as any other.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    held: bool,
}

impl AppIdTurn for Turn {
    fn take(&mut self) -> Result<(), NotTaken> {
        self.held = true;
        Ok(())
    }

    fn release(&mut self) {
        self.held = false;
    }

    fn held(&self) -> bool {
        self.held
    }
}
