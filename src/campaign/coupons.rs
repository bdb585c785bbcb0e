//! The numbers of coupons.

use crate::model::delivery::MOST_COUPONS_PER_USER;

use super::diagnostics::Diagnostics;
use super::value::{Mapping, Whole};

/// The default number of coupons of one user.
pub const COUPONS_PER_USER: u8 = 1;

pub(super) const PER_USER: Whole = Whole {
    least: 1,
    most: MOST_COUPONS_PER_USER as u64,
};
/// A larger number is more than all people could receive, so it is a mistake.
pub(super) const MOST: Whole = Whole {
    least: 1,
    most: 1_000_000_000_000,
};

/// The numbers of coupons that the campaign may give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coupons {
    /// The coupons of one user, from 1.
    pub per_user: Option<u8>,
    /// The most coupons of the campaign over its whole life.
    pub most: Option<u64>,
}

impl Coupons {
    pub(super) fn read(file: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Self {
        let per_user = file
            .get("coupons_per_user")
            .and_then(|value| value.whole(PER_USER, diagnostics));
        let most = file.get("max_coupons").and_then(|value| value.whole(MOST, diagnostics));
        Self {
            per_user: per_user.and_then(|n| u8::try_from(n).ok()),
            most,
        }
    }
}
