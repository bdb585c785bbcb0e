//! All deliveries of a ledger, streamed in two passes over its facts with a few bytes of memory for each.
//!
//! Deliveries come in the order in which their last attempts ended; those that never had an outcome follow in the order
//! of admission.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::ledger::{Evidence, Fact, Found, Ledger, LedgerError, LedgerState, ManualDecision, Store};
use crate::model::delivery::{DeliveryKey, State, StateName};
use crate::model::outcome::Outcome;

use super::index::Index;
use super::row::Row;

/// Calls `show` for every delivery whose state is among `states`, until `show` returns `false`.
///
/// # Errors
/// As [`Ledger::facts`].
pub async fn each<S: Store>(
    ledger: &mut Ledger<S>,
    states: &[StateName],
    mut show: impl FnMut(&Row<'_>) -> bool + Send,
) -> Result<(), LedgerError> {
    let index = Index::new(ledger).await?;
    let mut outcomes = 0_u32;
    let mut more = true;
    ledger
        .fact_views(|ledger_state, _, fact| {
            let Fact::Ended { key, outcome, .. } = fact else {
                return Some(());
            };
            outcomes = outcomes.saturating_add(1);
            let is_last = index.last_outcome(key) == Some(outcomes);
            if more && is_last && states.contains(&ledger_state.state_name(key)) {
                more = show(&row(ledger_state, &index, key, Some(Cow::Owned(outcome.decode()?))));
            }
            Some(())
        })
        .await?;
    let ledger_state = ledger.state();
    for recipient in 0..ledger_state.recipients() {
        for ordinal in 1..=ledger_state.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let shown = index.last_outcome(key).is_some() || !states.contains(&ledger_state.state_name(key));
            if more && !shown {
                more = show(&row(ledger_state, &index, key, None));
            }
        }
    }
    Ok(())
}

/// The row of one delivery; `outcome` is that of the last attempt that ended.
#[must_use]
pub fn row<'a>(
    ledger_state: &'a LedgerState,
    index: &Index,
    key: DeliveryKey,
    outcome: Option<Cow<'a, Outcome>>,
) -> Row<'a> {
    let status = ledger_state.status(key);
    let ids = ledger_state.delivery_ids(key);
    let later = match status.state {
        // It is skipped for the reason of the last apply, whatever a person decided before.
        State::Skipped(_) => None,
        _ => index.later(key),
    };
    let decision = later.and_then(|later| later.decision.clone());
    let found = later.and_then(|later| later.found.clone());
    Row {
        open_id: ids.open_id,
        ordinal: key.ordinal,
        merchant_coupon_id: ids.merchant_coupon_id,
        state: status.state.name(),
        activity_id: index.activity(key).and_then(|activity| ledger_state.activity(activity)),
        attempts: status.attempts,
        unknown_attempts: index.unknown_attempts(key),
        first_attempt_at: index.first_attempt_at(key),
        settled_at: settled_at(status.state.name(), index, key, outcome.as_deref()),
        reason: reason(&status.state, decision.as_deref(), found.as_deref()),
        decision,
        found,
        outcome,
    }
}

fn settled_at(state: StateName, index: &Index, key: DeliveryKey, outcome: Option<&Outcome>) -> Option<Timestamp> {
    let settled = matches!(state, StateName::Issued | StateName::Refused);
    let later = index.later(key).and_then(|later| later.settled_at);
    later.or(outcome.map(|outcome| outcome.at)).filter(|_| settled)
}

/// The reason for being skipped is a fixed word; any other reason is the platform's own record of a coupon, or a person's last
/// decision.
fn reason(state: &State, decision: Option<&ManualDecision>, found: Option<&Found>) -> Option<String> {
    if let State::Skipped(why) = state {
        return Some(why.word().to_owned());
    }
    match found.map(|found| found.evidence) {
        Some(Evidence::Coupons) => return Some("found among the user's coupons".to_owned()),
        Some(Evidence::Bill(day)) => return Some(format!("found in the platform's bill of {day}")),
        None => {}
    }
    let decision = decision?;
    Some(format!(
        "resolved as {} by {}: {}",
        decision.to.word(),
        decision.by,
        decision.note
    ))
}
