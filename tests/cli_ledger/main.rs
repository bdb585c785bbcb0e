//! Commands on a ledger after a run: trace, export, resolve and verify. Each runs as a process against a ledger on disk.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod export;
mod fixture;
#[path = "../process_common/mod.rs"]
mod process;
mod resolve;
mod trace;
mod verify;
mod widths;
