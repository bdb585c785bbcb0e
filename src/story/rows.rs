//! Every delivery of a ledger, one after another, in two passes over its facts and with a few bytes kept for each.
//!
//! They come in the order in which their last attempts ended, those without one behind them in the order of admission.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::delivery::{DeliveryKey, State, StateName};
use crate::ledger::{Book, Fact, Ledger, LedgerError, Store};
use crate::outcome::Outcome;

use super::index::Index;
use super::row::Row;

/// Shows every delivery whose state is among `states`, until `show` says that it has seen enough.
///
/// # Errors
/// As [`Ledger::facts`].
pub async fn each<S: Store>(
    ledger: &mut Ledger<S>,
    states: &[StateName],
    mut show: impl FnMut(&Row<'_>) -> bool + Send,
) -> Result<(), LedgerError> {
    let index = Index::of(ledger).await?;
    let (mut outcomes, mut more) = (0_u32, true);
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

/// One delivery, whose last attempt that ended did so by `outcome`.
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

/// A skipped one's reason is a word that programs know; any other is what a person decided last.
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
