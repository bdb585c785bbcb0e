//! Rewrites `status.json` after a decision, so that `runner status` shows the present counts.

use crate::control::status_file;
use crate::ledger::LedgerState;
use crate::plan::Plan;
use crate::report::reason::Reason;
use crate::report::render::json::{Status, StockLeft, WorthBody};

use super::activity;
use super::locked_ledger::LockedLedger;

/// Replaces the status that the last run left. If that fails, the decision is still valid, and `runner status` says that
/// the ledger has changed since.
pub(super) fn write(locked: &LockedLedger, plan: &Plan, ledger_state: &LedgerState, at: String, reason: Reason) {
    let identity = &plan.identity;
    let counts = ledger_state.counts();
    let valuation = ledger_state.valuation(&plan.activity_id, plan.coupon_value);
    let worth = WorthBody::new(&valuation, &counts);
    let earlier = status_file::read(&locked.status()).ok().flatten();
    let status = match earlier.as_deref().map(Status::parse) {
        Some(Ok(status)) => status,
        None => Status::unknown(identity.campaign.as_str(), identity.app_id.as_str(), "idle", ""),
        // Do not overwrite the file of a newer program.
        Some(Err(_)) => return,
    };
    let mut status = status.resolved(&counts, worth, at, reason);
    status.stock = activity::stock(plan, ledger_state).map(|note| StockLeft {
        stock: note.stock,
        left: note.left,
    });
    let text = status.text();
    let written = text
        .map_err(Into::into)
        .and_then(|text| status_file::write(locked.lock().directory(), &locked.status_name(), &text));
    if let Err(error) = written {
        tracing::warn!("cannot write status.json: {error}; `runner status` shows an older state");
    }
}
