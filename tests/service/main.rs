//! The service as a person has it: the built program, its pages over HTTP, and its end.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod attacks;
mod browser;
mod budgets;
mod cited_approvals;
mod client;
mod database;
#[path = "../database_common/mod.rs"]
mod database_common;
mod erasure;
mod every_page;
mod fake_platform;
mod forwarding;
mod kills;
mod notices;
mod occurrences;
mod policy;
mod records;
mod remote;
mod restart;
mod story;
mod team_story;
mod tls;
