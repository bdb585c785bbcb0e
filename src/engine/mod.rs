//! The engine: sends what is owed, and records every outcome in the ledger. What people see of it leaves as events.
//!
//! - `core` makes every decision of a run, by `Run::step`, without I/O. It asks the `limits` and the `queue`.
//! - `driver` is the loop around it, and `attempt` is one attempt. Only these two and the `app_limiter` are async.
//! - `audience_diff` compares the audience with the ledger before a run. `next` and `preview` tell what a run would do;
//!   `eligibility` has the rules that they share with the queue.

mod answers;
pub mod app_limiter;
mod attempt;
pub mod audience_diff;
mod cohorts;
mod core;
mod driver;
mod eligibility;
mod limits;
pub mod next;
pub mod preview;
mod queue;
pub mod reread;
pub mod send_order;

use std::sync::Arc;

use tokio::sync::watch;

use crate::douyin::Platform;
use crate::ledger::{Ledger, LedgerError, Store};
use crate::model::clock::Clock;
use crate::model::event::Emit;
use crate::model::run_command::RunCommand;
use crate::plan::Plan;

use app_limiter::AppLimiter;
use send_order::SendOrder;

pub use core::{Recording, ReplayLedger, RunOutcome, StopReason};

/// Everything that one run needs. The ledger's audience has been admitted.
pub struct Apply<S, P> {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The ledger of the campaign.
    pub ledger: Ledger<S>,
    /// The platform.
    pub platform: Arc<P>,
    /// The order of recipients, from the audience that was read.
    pub send_order: SendOrder,
    /// The limiter of its app id, which it shares with other campaigns in this process.
    pub limiter: Arc<AppLimiter>,
    /// The clocks.
    pub clock: Clock,
    /// The commands to the run. It stops when the sender is dropped.
    pub commands: watch::Receiver<RunCommand>,
    /// Receives the events.
    pub emit: Arc<dyn Emit>,
    /// The seed of every random choice, which is jitter only.
    pub seed: u64,
}

/// Why a run failed. The next one finds the attempts that were in flight in doubt.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The ledger could not be written: nothing is sent without it.
    #[error("the ledger failed, so sending stopped at once")]
    Ledger(#[from] LedgerError),
    /// The app lock could not be asked for.
    #[error("cannot take this app id's turn to send on this machine")]
    AppId(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A defect of the program.
    #[error("an attempt ended in a defect of this program")]
    Worker(#[from] tokio::task::JoinError),
}

impl<S: Store, P: Platform> Apply<S, P> {
    /// Sends what is owed until nothing is left or the run is stopped. Returns the ledger too.
    ///
    /// # Errors
    /// When the ledger fails: sending stops at once.
    pub async fn run(self) -> Result<(RunOutcome, Ledger<S>), EngineError> {
        driver::Driver::new(self).run().await
    }

    /// Like [`Self::run`], and records the run so that it can be replayed.
    pub async fn run_recorded(self) -> (Result<(RunOutcome, Ledger<S>), EngineError>, Recording) {
        let seed = self.seed;
        driver::Driver::new(self).run_recorded(seed).await
    }
}
