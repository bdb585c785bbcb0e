//! Reports of runs for people and programs. Reporters receive events; nothing they do, or fail to do, affects the run.
//!
//! Events fold into a [`tally`]. [`progress`] and [`summary`] render it for people and [`json`] for programs, all three
//! pure; [`board`] and [`roundup`] do so for several campaigns. [`html`] renders a page, [`status`] the output of
//! `runner status`, and [`metrics`] the text for Prometheus. [`show`] decides what to write when, and [`hub`] writes it
//! in a thread of its own, through [`lines`] for programs and [`console`] for people.
//!
//! [`plan`] renders a plan before it is applied, and [`simulation`] the result of a simulation.

pub mod board;
pub mod console;
pub mod html;
pub mod hub;
pub mod json;
pub mod lines;
pub mod metrics;
pub mod plan;
pub mod progress;
pub mod roundup;
pub mod show;
pub mod simulation;
pub mod status;
pub mod summary;
pub mod tally;
pub mod text;
pub mod times;

#[cfg(test)]
mod testing;
