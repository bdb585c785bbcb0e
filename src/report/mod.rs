//! What people and programs are shown of a run. Reporters listen to events; nothing that they do, or fail to do, reaches
//! back into the run.
//!
//! Events fold into a [`tally`]; [`progress`] and [`summary`] say it to people and [`json`] to programs, all three pure; of
//! several campaigns [`board`] and [`roundup`] say it. [`html`] makes a page of it, [`status`] what `runner status` shows, and
//! [`metrics`] what Prometheus sees. [`show`] decides what is worth saying when, and [`hub`] says it, in a thread of its own,
//! through [`lines`] where programs listen and [`console`] where people do.
//!
//! A [`plan`] is shown before anything happens, and a [`simulation`] as what would happen.

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
