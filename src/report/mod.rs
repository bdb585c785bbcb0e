//! Reports of runs for people and programs. Reporters receive events; nothing they do, or fail to do, affects the run.
//!
//! Events fold into a [`run_stats`]. [`progress`] and [`summary`] render it for people and [`json`] for programs, all three
//! pure; [`dashboard`] and [`summary_table`] do so for several campaigns. [`html`] renders a page, [`status`] the output of
//! `runner status`, and [`metrics`] the text for Prometheus. [`show`] decides what to write when, and [`reporter`] writes it
//! in a thread of its own, through [`lines`] for programs and [`console`] for people.
//!
//! [`plan`] renders a plan before it is applied, and [`simulation`] the result of a simulation.

pub mod console;
pub mod dashboard;
pub mod html;
pub mod json;
pub mod lines;
pub mod metrics;
pub mod plan;
pub mod progress;
pub mod reporter;
pub mod run_stats;
pub mod show;
pub mod simulation;
pub mod status;
pub mod summary;
pub mod summary_table;
pub mod text;
pub mod times;

#[cfg(test)]
mod testing;
