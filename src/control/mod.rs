//! How other processes reach the one that applies a campaign: over a Unix socket beside its lock they read its ledger, and
//! tell the run to pause, to resume or to stop.
//!
//! The owner sends its sealed batches as they are in its store, and the client folds them itself, so that the same code
//! reads a ledger with and without an owner. Input from the socket is checked, waited for with a timeout, and cannot delay
//! the run. A client that is silent or reads nothing is dropped, and commands never wait for clients that read the ledger.

pub mod address;
pub mod client;
pub mod server;
pub mod status_file;
mod wire;

pub use client::{ControlError, OwnerStore};
pub use server::{ControlServer, LedgerView, Listening};
pub use wire::Command;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;
