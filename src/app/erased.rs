//! Ledgers whose open_ids were erased. Nothing that needs to know users can go on without them.

use crate::ledger::LedgerState;
use crate::model::identity::Identity;

use super::error::AppError;

/// Checks that a ledger has its open_ids.
pub(super) fn check_has_open_ids(identity: &Identity, state: &LedgerState) -> Result<(), AppError> {
    match state.erased_at() {
        None => Ok(()),
        Some(at) => Err(AppError::Erased {
            name: identity.campaign.clone(),
            at,
        }),
    }
}
