//! How many coupons a campaign may give, and what they are worth.

use crate::model::delivery::MOST_COUPONS_PER_USER;
use crate::model::money::Money;

use super::keys::keys;
use super::money::Amount;
use super::number::IntegerRange;

/// A larger number is more than all people could receive, so it is a mistake.
const MOST: u64 = 1_000_000_000_000;

keys! {
    /// How many coupons the campaign may give, and what they are worth.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Coupons {
        /// How many coupons each user is owed; each has an id of its own.
        per_user as "coupons_per_user": u8 = IntegerRange(1..=MOST_COUPONS_PER_USER.into()), default 1;
        /// The most coupons that the campaign may give, over its whole life.
        most as "max_coupons": u64 = IntegerRange(1..=MOST), optional;
        /// The face value of a coupon. Without it, the first issued coupon shows the value. A value that the platform states takes
        /// precedence.
        value as "coupon_value": Money = Amount, optional "10 CNY";
        /// The most that the coupons may be worth together, over the campaign's whole life.
        max_worth: Money = Amount, optional "30000 CNY";
    }
}
