//! Whole runs of the built program, judged by a stand-in of the platform in a process of its own and by the ledger.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod before;
mod control;
mod kills;
mod scene;
mod secrets;
mod tls;
mod two;
mod views;
mod walls;
