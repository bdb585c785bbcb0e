//! What the coupons of a campaign are worth, for programs: in fen, a hundredth of a yuan.

use serde::{Deserialize, Serialize};

use crate::model::delivery::Counts;
use crate::model::money::{Money, PriceSource, Valuation, Worth};

/// The worth of coupons. It is omitted if nothing is known of their value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorthBody {
    /// The value of one coupon of the activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_fen: Option<u64>,
    /// Who states that value: the campaign file or the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PriceSource>,
    /// Coupons that were issued.
    pub issued_fen: u64,
    /// Coupons that may have been issued: in doubt, in flight, or reopened.
    pub open_fen: u64,
    /// Coupons that are held, and may have been issued.
    pub held_fen: u64,
    /// Coupons that are owed.
    pub owed_fen: u64,
    /// All of these.
    pub at_most_fen: u64,
    /// The number of coupons whose value nobody states, which no sum has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unpriced: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl WorthBody {
    /// The worth of deliveries in these states. `None` if nothing is known of the value of their coupons.
    #[must_use]
    pub fn new(valuation: &Valuation, counts: &Counts) -> Option<Self> {
        let worth = valuation.known_worth(counts)?;
        Some(Self {
            each_fen: valuation.price.map(|price| price.each.fen()),
            source: valuation.price.map(|price| price.source),
            issued_fen: worth.issued.fen(),
            open_fen: worth.open.fen(),
            held_fen: worth.held.fen(),
            owed_fen: worth.owed.fen(),
            at_most_fen: worth.at_most().fen(),
            unpriced: worth.unpriced,
        })
    }

    /// The sums as amounts.
    #[must_use]
    pub const fn worth(&self) -> Worth {
        Worth {
            issued: Money::from_fen(self.issued_fen),
            open: Money::from_fen(self.open_fen),
            held: Money::from_fen(self.held_fen),
            owed: Money::from_fen(self.owed_fen),
            unpriced: self.unpriced,
        }
    }
}
