//! The engine: sends what is owed, and records every outcome in the ledger. What people see of it leaves as events.
//!
//! - `core` makes every decision of a run, by `Run::step`, without I/O. It asks the `limits` and the `queue`.
//! - `driver` is the loop around it, and `attempt` is one attempt. Only these two and the `app_limiter` are async.
//! - `audience_diff` compares the audience with the ledger before a run. `next` and `preview` tell what a run would do;
//!   `eligibility` has the rules that they share with the queue.

mod answer_ids;
pub mod app_limiter;
pub mod approval;
mod attempt;
pub mod audience_diff;
mod core;
pub mod delivery_forecast;
mod driver;
mod eligibility;
mod limits;
pub mod preview;
pub mod query_pace;
mod queue;
pub mod reclassify;
pub mod resolution;
pub mod send_order;
pub mod unfinished;
mod wave_members;

pub use core::{Recording, ReplayLedger, RunOutcome, StopReason};
pub use driver::{Apply, EngineError, Requests, no_requests};
