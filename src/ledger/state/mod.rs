//! The state that the facts of a ledger add up to.

mod coupon_value;
pub(super) mod deliveries;
pub(super) mod illegal_fact;
pub(super) mod ledger_state;
pub(super) mod pending_generation;
pub(super) mod present_time;
mod rollback;
pub(super) mod run_approvals;
pub(super) mod tentative_batch;
pub(super) mod totals;
pub(super) mod waves;
