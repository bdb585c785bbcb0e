//! All deliveries of a ledger, streamed in two passes over its facts with a few bytes of memory for each.
//!
//! Deliveries come in the order in which their last attempts ended; those that never had an outcome follow in the order
//! of admission.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::delivery::{DeliveryKey, State, StateName};
use crate::ledger::{Book, Fact, Ledger, LedgerError, Store};
use crate::outcome::Outcome;

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
    let index = Index::of(ledger).await?;
    let mut outcomes = 0_u32;
    let mut more = true;
    ledger
        .retell(|book, _, passing| {
            let Some((key, _)) = passing.ended() else {
                return Some(());
            };
            outcomes = outcomes.saturating_add(1);
            let is_last = index.last_outcome(key) == Some(outcomes);
            if more && is_last && states.contains(&book.standing(key).state.name()) {
                let Fact::Ended { outcome, .. } = passing.fact()? else {
                    return None;
                };
                more = show(&row(book, &index, key, Some(Cow::Owned(*outcome))));
            }
            Some(())
        })
        .await?;
    let book = ledger.book();
    for recipient in 0..book.recipients() {
        for ordinal in 1..=book.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let shown = index.last_outcome(key).is_some() || !states.contains(&book.standing(key).state.name());
            if more && !shown {
                more = show(&row(book, &index, key, None));
            }
        }
    }
    Ok(())
}

/// The row of one delivery; `outcome` is that of the last attempt that ended.
#[must_use]
pub fn row<'a>(book: &'a Book, index: &Index, key: DeliveryKey, outcome: Option<Cow<'a, Outcome>>) -> Row<'a> {
    let standing = book.standing(key);
    Row {
        open_id: book.open_id(key.recipient),
        ordinal: key.ordinal,
        merchant_coupon_id: book.merchant_coupon_id(key),
        state: standing.state.name(),
        activity_id: index.activity(key).and_then(|activity| book.activity(activity)),
        attempts: standing.attempts,
        unknown_attempts: index.unknown_attempts(key),
        first_attempt_at: index.first_attempt_at(key),
        settled_at: settled_at(standing.state.name(), index, key, outcome.as_deref()),
        reason: reason(&standing.state, index, key),
        outcome,
    }
}

fn settled_at(state: StateName, index: &Index, key: DeliveryKey, outcome: Option<&Outcome>) -> Option<Timestamp> {
    let settled = matches!(state, StateName::Issued | StateName::Refused);
    let later = index.later(key).and_then(|later| later.settled_at);
    later.or(outcome.map(|outcome| outcome.at)).filter(|_| settled)
}

/// The reason for being skipped is a fixed word; any other reason is a person's last decision.
fn reason(state: &State, index: &Index, key: DeliveryKey) -> Option<String> {
    if let State::Skipped(why) = state {
        return Some(why.word().to_owned());
    }
    let decision = index.later(key)?.decision.as_ref()?;
    Some(format!(
        "resolved as {} by {}: {}",
        decision.to.word(),
        decision.by,
        decision.note
    ))
}
