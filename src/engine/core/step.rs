//! The inputs of a step and its decisions.

use std::time::Instant;

use crate::engine::limits::app_share::AppShare;
use crate::engine::limits::reservations::User;
use crate::ledger::{Fact, LedgerState, Permit};
use crate::model::clock::Moment;
use crate::model::event::{AppLockHolder, Event};
use crate::model::person_request::{PersonAnswer, PersonRequest};
use crate::model::run_command::RunCommand;
use crate::plan::Plan;

use super::attempt_result::{Done, Latest};
use super::run_outcome::RunOutcome;

/// What a step sees beside its input.
pub struct Outside<'o> {
    /// The present.
    pub now: Moment,
    /// The plan.
    pub plan: &'o Plan,
    /// The ledger state, with all facts that are durable.
    pub state: &'o LedgerState,
    /// The run's side of the app limiter.
    pub app: &'o mut dyn AppShare,
}

/// An input of the run.
#[derive(Debug)]
pub enum Input {
    /// The run begins.
    Begin,
    /// Something changed, or the time came that the run awaited.
    Changed(Changes),
    /// The facts are durable. A permit for each intent among them, in order.
    Flushed(Vec<Permit>),
    /// The ledger failed, or it was removed or replaced.
    LedgerFailed,
    /// The run has the app lock now.
    AppLockTaken,
    /// Another process has the app lock.
    AppLockTakenBy(AppLockHolder),
    /// The app lock is released for good, or another run of this process sends.
    Left,
}

/// What changed since the last step.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The attempts that ended, in any order.
    pub finished: Vec<Done>,
    /// The attempts that were started and have sent nothing yet.
    pub prepared: u32,
    /// Those of them that wait for a connection to be made.
    pub connecting: u32,
    /// The command that the run follows.
    pub command: RunCommand,
    /// The users that this run passed over and whose attempts in other campaigns are over.
    pub freed: Vec<User>,
    /// The approvals and decisions that came in.
    pub requests: Vec<Asked>,
}

/// A request of a person that came in, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The number of the request in this run.
    pub id: u64,
    /// The request.
    pub request: PersonRequest,
}

/// What the driver does after a step, and what it awaits then.
#[derive(Debug)]
pub struct Decisions {
    /// In order.
    pub actions: Vec<Action>,
    /// What the run awaits.
    pub awaits: Awaits,
}

/// An action that the driver performs at once.
#[derive(Debug)]
pub enum Action {
    /// Emit an event.
    Emit(Event),
    /// Start an attempt, which sends no later than `latest`.
    Start {
        /// The permit.
        permit: Permit,
        /// The last moment of the send.
        latest: Latest,
    },
    /// Cancel the attempts that were started and have sent nothing yet.
    CancelPrepared,
    /// Answer a request of a person.
    Answer {
        /// The number of the request.
        id: u64,
        /// What became of it.
        answer: PersonAnswer,
    },
    /// Release the app lock for a while. If a request with a lost answer may be at the platform, look again when that is over.
    ReleaseAppLock,
}

/// What a run awaits. Its result is the next input.
#[derive(Debug)]
pub enum Awaits {
    /// Nothing: step again with what has changed by now.
    Nothing,
    /// A change, or this moment.
    Change {
        /// The moment.
        until: Instant,
    },
    /// That these facts are durable.
    Flush(Vec<Fact>),
    /// The app lock, or that another process has it.
    AppLock,
    /// The next attempt that ends, after the ledger failed or the term was lost. Without one the run fails.
    LastAttempts,
    /// The release of the app lock for good.
    Leave,
    /// Nothing more: the run ended.
    End(RunOutcome),
}
