//! The hand that moves deliveries along the line: from what is owed, through the pace, to the platform and back to the
//! ledger. Everything that a person sees of it leaves as events.
//!
//! - Before a run: `admit` lets the audience in and makes the `send_order`; `reread` and `next` say what is owed and when; `preview`
//!   foretells.
//! - The run: the `dispatcher`, whose methods lie by subject in `landing`, `ending`, `in_time`, `day`, `hours` and `waves`.
//! - What it asks, small machines that know no I/O: `queue`, `decision`, and `limits` with `slow_start`, `outage` and `guard`.
//! - Around it: the `worker` makes one attempt, `answers` tells its answer from another delivery's, the `limiter` is shared with
//!   other campaigns and keeps the `reservations` of users, the `emitter` tells.

mod answers;
pub mod app_limiter;
mod attempt;
pub mod audience_diff;
mod circuit_breaker;
mod completion;
mod daily_limit;
mod decision;
mod dispatcher;
mod ending;
mod event_emitter;
mod halt_policy;
mod in_time;
mod limits;
pub mod next;
pub mod preview;
mod queue;
pub mod reread;
mod reservations;
pub mod send_order;
mod send_window;
mod slow_start;
mod waves;

use std::sync::Arc;

use tokio::sync::watch;

use crate::douyin::Platform;
use crate::ledger::{Ledger, LedgerError, Store};
use crate::model::clock::Clock;
use crate::model::delivery::Counts;
use crate::model::event::{DrainReason, Emit, Ending, Halted, Owner};
use crate::model::run_command::{Requester, RunCommand};
use crate::plan::Plan;

use app_limiter::AppLimiter;
use send_order::SendOrder;

/// Everything that one run needs. The ledger's audience has been admitted.
pub struct Apply<S, P> {
    /// What is to be made so.
    pub plan: Arc<Plan>,
    /// What is owed and settled.
    pub ledger: Ledger<S>,
    /// Who sends the coupons.
    pub platform: Arc<P>,
    /// Who comes when, as the audience was read.
    pub send_order: SendOrder,
    /// What it shares with the other campaigns of its app id in this process.
    pub limiter: Arc<AppLimiter>,
    /// The wall clock.
    pub clock: Clock,
    /// What the run is told meanwhile. That nobody can tell it anything any more is an order to stop.
    pub commands: watch::Receiver<RunCommand>,
    /// Who is told.
    pub emit: Arc<dyn Emit>,
    /// The seed of every random choice, which is jitter only.
    pub seed: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    /// In a word.
    pub ending: Ending,
    /// Why nothing more was started.
    pub why: StopReason,
    /// Where all deliveries stand.
    pub counts: Counts,
}

/// Why a run started nothing more.
#[derive(Clone, Debug, PartialEq)]
pub enum StopReason {
    /// Nothing is left that the machine may send in this run.
    NothingLeft,
    /// A signal asked it to stop.
    Interrupted,
    /// Another process asked it to stop.
    Stopped(Requester),
    /// A guard or a code.
    Halted(Halted),
    /// `schedule.end` is past.
    End,
    /// `--at-most` is reached.
    AtMost,
    /// The platform was out of reach for longer than `retry.give_up`.
    GaveUp,
    /// It would have had to wait for the start, and was told not to.
    NotStarted,
    /// It would have had to wait for a window, and was told not to.
    OutsideHours,
    /// No window opens before `schedule.end`.
    NoWindow,
    /// It would have had to wait for the next day, and was told not to.
    DayUsedUp,
    /// It would have had to wait for a wave, and was told not to.
    BetweenWaves,
    /// The wait for the next wave reaches `schedule.end`, or no window opens between them.
    NoWave,
    /// Another process sends for the app id, and the run was told not to wait.
    AppIdTaken(Owner),
}

impl StopReason {
    fn draining(&self) -> DrainReason {
        match self {
            Self::NothingLeft => DrainReason::NothingLeft,
            Self::Interrupted => DrainReason::Interrupted,
            Self::Stopped(by) => DrainReason::Stopped { by: by.clone() },
            Self::NotStarted => DrainReason::NotStarted,
            Self::OutsideHours => DrainReason::OutsideHours,
            Self::NoWindow => DrainReason::NoWindow,
            Self::DayUsedUp => DrainReason::DayUsedUp,
            Self::BetweenWaves => DrainReason::BetweenWaves,
            Self::NoWave => DrainReason::NoWave,
            Self::AppIdTaken(_) => DrainReason::AppIdTaken,
            Self::Halted(_) => DrainReason::Halted,
            Self::End => DrainReason::End,
            Self::AtMost => DrainReason::AtMost,
            Self::GaveUp => DrainReason::GaveUp,
        }
    }
}

/// Why a run broke off. What was in flight will be found in doubt by the next one.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The ledger could not be written: nothing is sent without it.
    #[error("the ledger failed, so sending stopped at once")]
    Ledger(#[from] LedgerError),
    /// The app id's turn could not be asked for.
    #[error("cannot take this app id's turn to send on this machine")]
    AppId(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A defect of the program.
    #[error("an attempt ended in a defect of this program")]
    Worker(#[from] tokio::task::JoinError),
}

impl<S: Store, P: Platform> Apply<S, P> {
    /// Sends what is owed until nothing is left, or something says stop. Returns the ledger beside how it ended.
    ///
    /// # Errors
    /// When the ledger fails: sending stops at once.
    pub async fn run(self) -> Result<(RunOutcome, Ledger<S>), EngineError> {
        dispatcher::Dispatcher::new(self).run().await
    }
}
