//! What the last comparisons said of each activity, as the ledger keeps it.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{Ledger, LedgerError, Store};
use crate::model::delivery::ActivityNo;
use crate::model::identity::ActivityId;

use super::judgement::{COUNT_DELAY, CountVerdict, is_settled, judge_count};
use super::known::{Account, Facts};

/// The last count of an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCount {
    /// The activity.
    pub activity_id: ActivityId,
    /// What there must be.
    pub account: Account,
    /// When the platform was asked.
    pub at: Timestamp,
    /// What it counted. `None` if it did not say.
    pub received: Option<u64>,
    /// What follows. `None` if coupons were sent since, or just before: a count is then of less.
    pub verdict: Option<CountVerdict>,
}

impl LastCount {
    /// Whether the platform and the ledger contradict each other.
    #[must_use]
    pub const fn differs(&self) -> bool {
        matches!(self.verdict, Some(CountVerdict::Behind | CountVerdict::More))
    }
}

/// Reads the last count of each activity that was counted.
///
/// # Errors
/// As [`Ledger::facts`].
pub async fn last_counts<S: Store>(ledger: &mut Ledger<S>, timeout: Duration) -> Result<Vec<LastCount>, LedgerError> {
    let facts = Facts::read(ledger, timeout, 0).await?;
    let state = ledger.state();
    let counts = facts.accounts.iter().filter_map(|(no, account)| {
        let activity_id = state.activity(ActivityNo(*no))?.clone();
        let count = facts.counts.get(&activity_id)?;
        let last = facts.last_attempts.get(no);
        let is_settled = is_settled(count.at, last.copied(), COUNT_DELAY);
        Some(LastCount {
            activity_id,
            account: *account,
            at: count.at,
            received: count.received,
            verdict: is_settled.then(|| judge_count(*account, count.received)),
        })
    });
    Ok(counts.collect())
}
