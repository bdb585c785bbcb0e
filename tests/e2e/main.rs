//! Whole runs of the built program, checked against a fake platform in a separate process and against the ledger.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod activity_kills;
mod approvals;
mod control;
#[path = "../database_common/mod.rs"]
mod database;
mod disk_faults;
mod doctor;
mod dry_run;
#[path = "../files_common/mod.rs"]
mod files;
mod fleet;
mod fleet_erasure;
mod fleet_link;
mod fleet_network;
mod fleet_trials;
mod gone;
mod hostile_text;
mod interrupted;
mod kills;
mod many_campaigns;
mod metrics;
mod midrun;
#[path = "../ledger_disk/mounted.rs"]
mod mounted;
mod network;
mod notify;
mod objects;
mod obstacles;
mod occurrences;
mod privacy;
#[path = "../process_common/mod.rs"]
mod process;
mod report;
mod scene;
mod second_ledger;
mod secrets;
mod shortages;
mod stock;
mod stuck_readers;
mod terminal;
mod tls;
mod two_processes;
mod views;
mod witness;
