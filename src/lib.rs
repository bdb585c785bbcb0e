//! The campaign runner for Douyin mini-app coupons.
//!
//! A campaign file says which activity, which audience and which schedule; [`engine::Apply`] makes it so: every user
//! once, proven by a ledger, whatever happens on the way. Data moves along one line, left to right:
//!
//! ```text
//! campaign ──► plan ──► audience ──► ledger ──► pace ──► douyin ──► outcome ──► report
//!  (said)    (meant)     (who)       (owed)    (when)    (act)      (fact)      (shown)
//! ```
//!
//! The words below the line ([`calendar`], [`clock`], [`identity`], [`merchant_coupon_id`], [`draw`], [`delivery`], [`outcome`], [`event`],
//! [`order`], [`planted`], [`problem`], [`secret`]) are known to all and know only each other. `engine` is the hand that moves things along the line, reporters
//! listen to its events, [`simulation`] lets a run be lived through before it is made, and only `cli` sees everything.

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
