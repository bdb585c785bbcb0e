//! Reports of runs for people and programs. Reporters receive events; nothing they do, or fail to do, affects the run.
//!
//! [`reporter`] folds the events of each run into [`run_stats`] and displays them in a thread of its own: through
//! [`console`] for people and [`json_lines`] for programs, both over an [`outlet`], which a stuck reader does not block. [`render`] turns a [`run_view`], a [`plan_view`] or a
//! [`simulation`] into text.

pub mod approvals;
pub mod attempt_detail;
pub mod console;
pub mod ended_campaign;
pub mod feasibility;
pub mod history;
pub mod json_lines;
pub mod latencies;
pub mod lists;
pub mod occurrences;
pub mod outlet;
pub mod plan_view;
pub mod reason;
pub mod render;
pub mod reporter;
pub mod run_stats;
pub mod run_view;
pub mod simulation;
pub mod text;
pub mod times;
pub mod wording;
pub mod worth;

#[cfg(test)]
mod testing;
