//! What is asked of a ledger afterwards: who got what and why not, what a person decides, whether it is sound. Each command
//! runs as a process against a ledger on disk.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod desk;
mod export;
#[path = "../process_common/mod.rs"]
mod process;
mod resolve;
mod trace;
mod verify;
