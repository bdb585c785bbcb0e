//! Whether a delivery may be attempted without a person, and when. The queue, the preview and [`super::delivery_forecast::next`] share these rules.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{LedgerState, Present};
use crate::model::clock::{later, until};
use crate::model::delivery::{ActivityNo, Away, DeliveryKey, DeliveryStatus, Doubt, State};
use crate::pace::backoff::MOST_RETRY_AFTER;
use crate::plan::{InDoubt, Plan};

/// Why a delivery waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Nobody has classified this code.
    Held {
        /// The code.
        code: i64,
    },
    /// It is in doubt, and was refused or held since, by this code.
    Answered {
        /// The code, if it is known.
        code: Option<i64>,
    },
    /// It is in doubt for longer than `retry.resend_within`.
    Old {
        /// Since when.
        since: Timestamp,
    },
    /// It is in doubt, and nobody knows for how long.
    Undated,
    /// It is in doubt, and `retry.in_doubt` is `ask`.
    Ask,
    /// It is in doubt, and `coupons_per_user` no longer reaches it.
    Beyond,
    /// It is in doubt, and an exclude list names its user by now.
    Excluded,
    /// `schedule.end` is past, or it comes before the delivery is due or before the next window.
    End {
        /// The end.
        end: Timestamp,
    },
}

/// The options of a plan that decide about resends.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResendRules {
    in_doubt: InDoubt,
    resend_within: Duration,
    coupons_per_user: u8,
}

impl ResendRules {
    pub(super) const fn new(plan: &Plan) -> Self {
        Self {
            in_doubt: plan.retry.in_doubt,
            resend_within: plan.retry.resend_within,
            coupons_per_user: plan.coupons_per_user,
        }
    }

    /// Checks whether a doubt may be resent without a person, whatever its age.
    ///
    /// # Errors
    /// Why it waits for a person.
    pub(super) fn check(&self, state: &LedgerState, key: DeliveryKey, doubt: &Doubt) -> Result<(), Waits> {
        if doubt.stuck {
            return Err(Waits::Answered { code: doubt.code });
        }
        // Nothing is sent to an excluded user, not even to resolve a doubt.
        if state.away(key.recipient) == Some(Away::Excluded) {
            return Err(Waits::Excluded);
        }
        if self.in_doubt == InDoubt::Ask {
            return Err(Waits::Ask);
        }
        if key.ordinal > self.coupons_per_user {
            return Err(Waits::Beyond);
        }
        Ok(())
    }

    /// Returns until when a doubt may be resent without a person, by an apply that begins at `present`.
    ///
    /// # Errors
    /// Why it waits for a person.
    pub(super) fn resend_until(
        &self,
        state: &LedgerState,
        key: DeliveryKey,
        doubt: &Doubt,
        present: Present,
    ) -> Result<Timestamp, Waits> {
        self.check(state, key, doubt)?;
        let Some(since) = doubt.since.filter(|_| present.ahead.is_none()) else {
            return Err(Waits::Undated);
        };
        let until = later(since, self.resend_within);
        if present.now > until {
            return Err(Waits::Old { since });
        }
        Ok(until)
    }
}

/// The activity of a delivery's next attempt: that of the unknown attempt for a doubt, else the `current` one.
pub(super) fn activity_of(status: &DeliveryStatus, current: ActivityNo) -> ActivityNo {
    let doubt = status.doubt.filter(|_| status.state == State::InDoubt);
    doubt.map_or(current, |doubt| doubt.activity)
}

/// Whether the coupon before this one is issued, so that this one may be sent.
pub(super) fn is_turn(state: &LedgerState, key: DeliveryKey) -> bool {
    let before = DeliveryKey {
        ordinal: key.ordinal - 1,
        ..key
    };
    key.ordinal == 1 || state.status(before).state == State::Issued
}

/// How long until an unsettled delivery is due. `None` if it waits for a person or is in flight.
pub(super) fn due_in(plan: &Plan, status: &DeliveryStatus, now: Timestamp) -> Option<Duration> {
    match (status.state, status.doubt) {
        (State::Deferred { until }, _) => Some(clamped(now, until, plan.retry.max_delay)),
        (State::InDoubt, Some(doubt)) => Some(clamped(now, doubt.due, plan.retry.timeout)),
        _ => None,
    }
}

/// How long until a stored time, for a run that begins now. A time further ahead than any that is stored means that the
/// clock was set back; the result is `most` then.
fn clamped(now: Timestamp, due: Timestamp, most: Duration) -> Duration {
    match until(now, due) {
        Some(left) if left > MOST_RETRY_AFTER.max(most) => most,
        left => left.unwrap_or_default(),
    }
}
