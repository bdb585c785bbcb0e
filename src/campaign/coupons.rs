//! The numbers of coupons.

use crate::model::delivery::MOST_COUPONS_PER_USER;

use super::keys::keys;
use super::number::IntegerRange;

/// A larger number is more than all people could receive, so it is a mistake.
const MOST: u64 = 1_000_000_000_000;

keys! {
    /// The numbers of coupons that the campaign may give.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Coupons {
        /// How many coupons each user is owed; each has an id of its own.
        per_user as "coupons_per_user": u8 = IntegerRange(1..=MOST_COUPONS_PER_USER.into()), default 1;
        /// The most coupons that the campaign may give, over its whole life.
        most as "max_coupons": u64 = IntegerRange(1..=MOST), optional;
    }
}
