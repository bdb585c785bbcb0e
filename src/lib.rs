//! The campaign runner for Douyin mini-app coupons.
//!
//! A campaign file names an activity, an audience and a schedule. [`engine::Apply`] sends each user their coupon once, and a
//! ledger proves it after any failure. Data moves in one direction, left to right:
//!
//! ```text
//! campaign ──► plan ──► audience ──► ledger ──► engine ──► douyin ──► outcome
//! ```
//!
//! [`model`] has the domain types that every room may use. `engine` makes every decision of a run, `report` receives its events,
//! [`simulation`] runs a campaign against the [`fake_platform`] on a virtual clock. [`app`] has the use cases, for the command line in
//! `cli` and for other programs. `catalogue` has every text that a person reads, in each [`Language`].

#[cfg(not(unix))]
compile_error!(
    "runner needs a Unix system, such as Linux or macOS. On Windows, build it in WSL2 or use the container (docs/install.md)"
);

pub mod model;

pub mod app;
pub mod audience;
pub mod campaign;
mod catalogue;
pub mod cli;
pub mod control;
pub mod douyin;
pub mod engine;
pub mod fake_platform;
pub mod fleet;
pub mod history;
pub mod ledger;
pub mod notify;
pub mod pace;
pub mod plan;
pub mod report;
pub mod service;
pub mod simulation;

pub use self::catalogue::Language;
