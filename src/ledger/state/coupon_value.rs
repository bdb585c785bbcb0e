//! What the coupons of a ledger were worth, as far as the platform told.

use std::collections::{BTreeMap, HashMap};

use crate::model::delivery::{ActivityNo, DeliveryKey};
use crate::model::outcome::Proof;

use crate::ledger::Fact;

/// What the coupons were worth, in fen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CouponValue {
    given: u64,
    told: u64,
    latest: BTreeMap<u16, u64>,
    under_way: HashMap<DeliveryKey, ActivityNo>,
}

impl CouponValue {
    /// Takes one fact, in the order of the ledger.
    pub fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Intent { key, activity, .. } => {
                self.under_way.insert(*key, *activity);
            }
            Fact::Withdrawn { key } => {
                self.under_way.remove(key);
            }
            Fact::Ended { key, outcome, .. } => {
                let activity = self.under_way.remove(key);
                let Proof::Issued { coupon, .. } = &outcome.proof else {
                    return;
                };
                let Some(fen) = coupon.discount_amount.and_then(|fen| u64::try_from(fen).ok()) else {
                    return;
                };
                self.told += 1;
                self.given = self.given.saturating_add(fen);
                if let Some(ActivityNo(activity)) = activity {
                    self.latest.insert(activity, fen);
                }
            }
            _ => {}
        }
    }

    /// What all coupons together take off whose value was told.
    #[must_use]
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// How many coupons that are.
    #[must_use]
    pub const fn told(&self) -> u64 {
        self.told
    }

    /// What the latest coupon of an activity takes off.
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
    fn what_was_told_is_added_up_and_the_latest_of_each_activity_is_known() {
        let mut worth = CouponValue::default();
        for (recipient, activity, fen) in [(0, 0, Some(1_000)), (1, 0, None), (2, 1, Some(500)), (3, 1, Some(-1))] {
            worth.take(&intent(recipient, activity));
            worth.take(&issued(recipient, fen));
        }
        worth.take(&intent(4, 1));
        worth.take(&Fact::Withdrawn { key: key(4) });
        assert_eq!((worth.given(), worth.told()), (1_500, 2));
        assert_eq!(
            [0, 1, 2].map(|activity| worth.amount(ActivityNo(activity))),
            [Some(1_000), Some(500), None]
        );
        assert_eq!(worth.under_way, HashMap::new());
    }
}
