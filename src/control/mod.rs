//! How other processes reach the one that applies a campaign: over a Unix socket beside its lock they see its ledger as it
//! stands, and tell the run to pause, to go on or to stop.
//!
//! The owner ships its sealed batches as they lie in its store, and whoever asks folds them itself, so that looking at a
//! ledger is the same code with and without an owner. Nothing that comes in over the socket is trusted, waited for without
//! a limit, or let near the run's own work.

pub mod address;
pub mod client;
pub mod desk;
pub mod status_file;
mod wire;

pub use client::{ControlError, OwnerStore};
pub use desk::{Desk, Listening, Shown};

#[cfg(test)]
mod tests;
