//! Text for people.

pub mod bar;
pub mod dashboard;
mod details;
mod expiry;
pub mod occurrences;
pub mod plan;
pub mod plan_total;
pub mod run_summary;
pub mod simulation;
mod spans;
pub mod status;
pub mod styles;
pub mod summary;
mod table;
