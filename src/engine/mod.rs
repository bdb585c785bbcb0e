//! The hand that moves deliveries along the line: from what is owed, through the pace, to the platform and back to the
//! ledger. Everything that a person sees of it leaves as events.
//!
//! - Before a run: `admit` lets the audience in and makes the `roll`; `reread` and `next` say what is owed and when; `outlook`
//!   foretells.
//! - The run: the `dispatcher`, whose methods lie by subject in `landing`, `ending`, `in_time`, `day`, `hours` and `waves`.
//! - What it asks, small machines that know no I/O: `queue`, `verdict`, and `limits` with `ramp`, `outage` and `guard`.
//! - Around it: the `worker` makes one attempt, `answers` tells its answer from another delivery's, the `lane` is shared with
//!   other campaigns and keeps the `reservations` of users, the `voice` tells.

pub mod admit;
mod answers;
mod day;
mod dispatcher;
mod ending;
mod guard;
mod hours;
mod in_time;
mod landing;
pub mod lane;
mod limits;
pub mod next;
mod outage;
pub mod outlook;
mod queue;
mod ramp;
pub mod reread;
mod reservations;
pub mod roll;
mod verdict;
mod voice;
mod waves;
mod worker;

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::delivery::Counts;
use crate::douyin::Platform;
use crate::event::{Draining, Emit, Ending, Halted, Owner};
use crate::ledger::{Ledger, LedgerError, Store};
use crate::order::{Asker, Order};
use crate::plan::Plan;

use lane::Lane;
use roll::Roll;

/// Everything that one run needs. The ledger's audience has been admitted.
pub struct Apply<S, P> {
    /// What is to be made so.
    pub plan: Arc<Plan>,
    /// What is owed and settled.
    pub ledger: Ledger<S>,
    /// Who sends the coupons.
    pub platform: Arc<P>,
    /// Who comes when, as the audience was read.
    pub roll: Roll,
    /// What it shares with the other campaigns of its app id in this process.
    pub lane: Arc<Lane>,
    /// The wall clock.
    pub clock: Clock,
    /// What the run is told meanwhile. That nobody can tell it anything any more is an order to stop.
    pub orders: watch::Receiver<Order>,
    /// Who is told.
    pub emit: Arc<dyn Emit>,
    /// The seed of every random choice, which is jitter only.
    pub seed: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// In a word.
    pub ending: Ending,
    /// Why nothing more was started.
    pub why: Why,
    /// Where all deliveries stand.
    pub counts: Counts,
}

/// Why a run started nothing more.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Nothing is left that the machine may send in this run.
    NothingLeft,
    /// A signal asked it to stop.
    Interrupted,
    /// Another process asked it to stop.
    Stopped(Asker),
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

impl Why {
    fn draining(&self) -> Draining {
        match self {
            Self::NothingLeft => Draining::NothingLeft,
            Self::Interrupted => Draining::Interrupted,
            Self::Stopped(by) => Draining::Stopped { by: by.clone() },
            Self::NotStarted => Draining::NotStarted,
            Self::OutsideHours => Draining::OutsideHours,
            Self::NoWindow => Draining::NoWindow,
            Self::DayUsedUp => Draining::DayUsedUp,
            Self::BetweenWaves => Draining::BetweenWaves,
            Self::NoWave => Draining::NoWave,
            Self::AppIdTaken(_) => Draining::AppIdTaken,
            Self::Halted(_) => Draining::Halted,
            Self::End => Draining::End,
            Self::AtMost => Draining::AtMost,
            Self::GaveUp => Draining::GaveUp,
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
    pub async fn run(self) -> Result<(Ended, Ledger<S>), EngineError> {
        dispatcher::Dispatcher::new(self).run().await
    }
}
