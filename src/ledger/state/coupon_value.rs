//! The value of a ledger's coupons, as far as the platform stated it.

use std::collections::{BTreeMap, HashMap};

use crate::model::delivery::{ActivityNo, DeliveryKey};
use crate::model::outcome::Proof;

use crate::ledger::Fact;

/// The value of coupons, in fen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CouponValue {
    given: u64,
    stated: u64,
    latest: BTreeMap<u16, u64>,
    in_flight: HashMap<DeliveryKey, ActivityNo>,
}

impl CouponValue {
    /// Adds a fact, in the order of the ledger.
    pub fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Intent { key, activity, .. } => {
                self.in_flight.insert(*key, *activity);
            }
            Fact::Withdrawn { key } => {
                self.in_flight.remove(key);
            }
            Fact::Ended { key, outcome, .. } => {
                let activity = self.in_flight.remove(key);
                let Proof::Issued { coupon, .. } = &outcome.proof else {
                    return;
                };
                let Some(fen) = coupon.discount_amount.and_then(|fen| u64::try_from(fen).ok()) else {
                    return;
                };
                self.stated += 1;
                self.given = self.given.saturating_add(fen);
                if let Some(ActivityNo(activity)) = activity {
                    self.latest.insert(activity, fen);
                }
            }
            _ => {}
        }
    }

    /// The sum of all stated values.
    #[must_use]
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// The number of coupons whose value was stated.
    #[must_use]
    pub const fn told(&self) -> u64 {
        self.stated
    }

    /// The value of the latest coupon of an activity.
    #[must_use]
    pub fn amount(&self, ActivityNo(activity): ActivityNo) -> Option<u64> {
        self.latest.get(&activity).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::delivery::Decision;
    use crate::model::outcome::{Coupon, Outcome};

    fn key(recipient: u32) -> DeliveryKey {
        DeliveryKey { recipient, ordinal: 1 }
    }

    fn intent(recipient: u32, activity: u16) -> Fact {
        Fact::Intent {
            key: key(recipient),
            at: from_ms(0),
            activity: ActivityNo(activity),
        }
    }

    fn issued(recipient: u32, fen: Option<i64>) -> Fact {
        let coupon = Box::new(Coupon {
            discount_amount: fen,
            ..Coupon::default()
        });
        Fact::Ended {
            key: key(recipient),
            decision: Decision::Issued,
            outcome: Box::new(Outcome {
                proof: Proof::Issued { coupon, replay: false },
                answer: None,
                status: None,
                detail: None,
                retry_after: None,
                latency: Duration::ZERO,
                at: from_ms(0),
            }),
        }
    }

    #[test]
    fn stated_values_are_added_up_and_the_latest_of_each_activity_is_known() {
        let mut value = CouponValue::default();
        for (recipient, activity, fen) in [(0, 0, Some(1_000)), (1, 0, None), (2, 1, Some(500)), (3, 1, Some(-1))] {
            value.take(&intent(recipient, activity));
            value.take(&issued(recipient, fen));
        }
        value.take(&intent(4, 1));
        value.take(&Fact::Withdrawn { key: key(4) });
        assert_eq!((value.given(), value.told()), (1_500, 2));
        assert_eq!(
            [0, 1, 2].map(|activity| value.amount(ActivityNo(activity))),
            [Some(1_000), Some(500), None]
        );
        assert_eq!(value.in_flight, HashMap::new());
    }
}
