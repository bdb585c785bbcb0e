//! How many coupons there are to give.

use crate::delivery::MOST_COUPONS_PER_USER;

use super::notes::Notes;
use super::value::{Mapping, Whole};

/// Coupons of one user.
pub const COUPONS_PER_USER: u8 = 1;

pub(super) const PER_USER: Whole = Whole {
    least: 1,
    most: MOST_COUPONS_PER_USER as u64,
};
/// More than the world's people could have: a larger number can only be a slip.
pub(super) const MOST: Whole = Whole {
    least: 1,
    most: 1_000_000_000_000,
};

/// How many coupons there are to give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coupons {
    /// To one user; from 1.
    pub per_user: Option<u8>,
    /// By the campaign, over its whole life.
    pub most: Option<u64>,
}

impl Coupons {
    pub(super) fn read(file: &Mapping<'_>, notes: &mut Notes) -> Self {
        let per_user = file
            .get("coupons_per_user")
            .and_then(|value| value.whole(PER_USER, notes));
        let most = file.get("max_coupons").and_then(|value| value.whole(MOST, notes));
        Self {
            per_user: per_user.and_then(|n| u8::try_from(n).ok()),
            most,
        }
    }
}
