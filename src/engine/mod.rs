//! The engine: sends what is owed, and records every outcome in the ledger. What people see of it leaves as events.
//!
//! - `core` makes every decision of a run, by `Run::step`, without I/O. It asks the `limits` and the `queue`.
//! - `driver` is the loop around it, and `attempt` is one attempt. The runs of an app id share its `app_limiter`.
//! - `audience_diff` compares the audience with the ledger before a run, and `send_order` has the turns of its users.
//!   `delivery_forecast` and `preview` tell what a run would do; `eligibility` has the rules that they share with the queue.
//! - `resolution` and `approval` are what persons decide about deliveries and waves, `reclassify` what a new class of a code changes.
//! - `query_pace` paces the questions to the platform's own records.

pub mod app_limiter;
pub mod approval;
mod attempt;
pub mod audience_diff;
mod core;
pub mod delivery_forecast;
mod driver;
pub mod earlier_requests;
mod eligibility;
mod limits;
mod mixed_up_answers;
pub mod preview;
pub mod query_pace;
mod queue;
pub mod reclassify;
pub mod resolution;
pub mod send_order;
mod wave_members;

pub use core::decision;
pub use core::{Recording, ReplayLedger, RunOutcome, StopReason};
pub use driver::{Apply, EngineError, Requests, no_requests};
