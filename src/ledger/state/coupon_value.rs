//! The values of a ledger's coupons, as far as the platform stated them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::delivery::ActivityNo;
use crate::model::money::Money;

/// The values that the platform stated. A snapshot has it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger) struct CouponValue {
    given: Money,
    stated: u64,
    /// The greatest value of a coupon of each activity: coupons of one activity have one template.
    greatest: BTreeMap<u16, Money>,
}

impl CouponValue {
    /// Adds an issued coupon, sent under this activity, with the value that the platform stated in fen. Other values than an amount
    /// are unknown.
    pub(super) fn add(&mut self, ActivityNo(activity): ActivityNo, discount_amount: Option<i64>) {
        let Some(fen) = discount_amount.and_then(|fen| u64::try_from(fen).ok()) else {
            return;
        };
        let value = Money::from_fen(fen);
        self.stated += 1;
        self.given = self.given + value;
        let greatest = self.greatest.entry(activity).or_default();
        *greatest = value.max(*greatest);
    }

    /// The sum of all stated values.
    pub(super) const fn given(&self) -> Money {
        self.given
    }

    /// The number of coupons whose value was stated.
    pub(super) const fn stated(&self) -> u64 {
        self.stated
    }

    /// The value of a coupon of an activity. `None` if the platform stated none.
    pub(super) fn of_activity(&self, ActivityNo(activity): ActivityNo) -> Option<Money> {
        self.greatest.get(&activity).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stated_values_are_added_up_and_the_value_of_each_activity_is_known() {
        let mut value = CouponValue::default();
        for (activity, fen) in [
            (0, Some(1_000)),
            (0, None),
            (1, Some(500)),
            (1, Some(300)),
            (1, Some(-1)),
        ] {
            value.add(ActivityNo(activity), fen);
        }
        assert_eq!((value.given().fen(), value.stated()), (1_800, 3));
        assert_eq!(
            [0, 1, 2].map(|activity| value.of_activity(ActivityNo(activity)).map(Money::fen)),
            [Some(1_000), Some(500), None]
        );
    }
}
