//! The campaign runner for Douyin mini-app coupons.
//!
//! A campaign file names an activity, an audience and a schedule. [`engine::Apply`] sends every user their coupon once,
//! and a ledger proves it after any failure. Data moves along one line, left to right:
//!
//! ```text
//! campaign ──► plan ──► audience ──► ledger ──► pace ──► douyin ──► outcome ──► report
//!  (said)    (meant)     (who)       (owed)    (when)    (act)      (fact)      (shown)
//! ```
//!
//! The shared types ([`calendar`], [`clock`], [`identity`], [`merchant_coupon_id`], [`draw`], [`delivery`],
//! [`outcome`], [`event`], [`order`], [`planted`], [`problem`], [`secret`]) depend only on each other, and every module
//! may use them. `engine` moves data along the line, reporters receive its events, [`simulation`] runs a campaign
//! against a fake platform in virtual time, and only `cli` depends on everything.

pub mod calendar;
pub mod clock;
pub mod delivery;
pub mod draw;
pub mod event;
pub mod identity;
pub mod merchant_coupon_id;
pub mod order;
pub mod outcome;
pub mod planted;
pub mod problem;
pub mod secret;

pub mod audience;
pub mod campaign;
pub mod cli;
pub mod control;
pub mod douyin;
pub mod engine;
pub mod ledger;
pub mod pace;
pub mod plan;
pub mod report;
pub mod sandbox;
pub mod simulation;
pub mod story;
