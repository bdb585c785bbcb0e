//! Domain types that every other room may use: identifiers, the states of a delivery and their transition table, outcomes,
//! events, commands and problem codes. They import nothing else of this crate, do no I/O and know no executor. The exceptions are
//! [`clock`], which is the only place that reads the time, and `threads`, which shares long computations among the cores.

pub mod activity;
pub mod actor;
pub mod approval;
pub mod bucketing;
pub mod calendar;
pub mod certificate;
pub mod clock;
pub mod daily_attempts;
pub mod delivery;
pub mod envelope;
pub mod error_chain;
pub mod event;
pub mod foreign;
pub mod hexadecimal;
pub mod identity;
pub mod merchant_coupon_id;
pub mod money;
pub mod mutants;
pub mod name_pattern;
pub mod outcome;
pub mod person_request;
pub mod probe;
pub mod problem;
pub mod quiet_panic;
pub mod recurrence;
pub mod redactor;
pub mod resolve;
pub mod run_command;
pub mod run_state;
pub mod secret;
pub mod shortage;
pub(crate) mod threads;
pub mod user;
pub mod visible;

#[cfg(test)]
mod texts;
