//! The core of a run: a state machine that makes every decision and does no I/O.
//!
//! The driver calls [`Run::step`] with an input, and performs what the step decides: its actions in order, and then the one
//! thing that the run awaits, whose result is the next input. So a run waits for one flush at a time, and never for two
//! things of which only one is possible. Nothing here is async, reads a clock or names a channel: the present, the ledger
//! state and the app limiter are arguments. The same inputs give the same decisions,
//! so a run can be recorded and replayed.

mod answer_proof;
mod attempt_result;
pub mod decision;
mod event_dedup;
mod in_flight;
mod recording;
mod run;
mod run_outcome;
mod step;
#[cfg(test)]
mod tests;

pub use attempt_result::{Attempted, Done, Latest};
pub use recording::{Recording, ReplayLedger};
pub use run::Run;
pub use run_outcome::{RunOutcome, StopReason};
pub use step::{Action, Asked, Awaits, Changes, Decisions, Input, Outside};
