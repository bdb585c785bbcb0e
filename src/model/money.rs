//! Amounts of money, and what the coupons of a campaign are worth.

use std::fmt;
use std::ops::Add;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Grouped, money};
use crate::model::delivery::{Counts, StateName};

/// An amount in fen, a hundredth of a yuan. A sum that does not fit is the largest amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money {
    fen: u64,
}

impl Money {
    /// An amount in fen.
    #[must_use]
    pub const fn from_fen(fen: u64) -> Self {
        Self { fen }
    }

    /// The amount in fen.
    #[must_use]
    pub const fn fen(self) -> u64 {
        self.fen
    }

    /// The worth of `coupons` of this value.
    #[must_use]
    pub const fn times(self, coupons: u64) -> Self {
        Self::from_fen(self.fen.saturating_mul(coupons))
    }

    /// The amount as a campaign file writes it: `10 CNY`, `0.50 CNY`.
    #[must_use]
    pub fn written(self) -> String {
        match self.fen % 100 {
            0 => format!("{} CNY", self.fen / 100),
            fen => format!("{}.{fen:02} CNY", self.fen / 100),
        }
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::from_fen(self.fen.saturating_add(other.fen))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Grouped(self.fen / 100);
        let yuan = match self.fen % 100 {
            0 => whole.to_string(),
            fen => format!("{whole}.{fen:02}"),
        };
        f.pad(&money::Amount { yuan: &yuan }.to_string())
    }
}

/// Who states the value of a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// `coupon_value` in the campaign file.
    File,
    /// The platform, for an issued coupon of the same activity.
    Platform,
}

/// The value of one coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The value.
    pub each: Money,
    /// Who states it.
    pub source: PriceSource,
}

/// What is known of the value of a campaign's coupons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Valuation {
    /// The sum of the values that the platform stated for issued coupons.
    pub given: Money,
    /// The number of these coupons.
    pub stated: u64,
    /// The value of every other coupon. `None` if nobody has stated it.
    pub price: Option<Price>,
    /// The coupons that may exist beside those that are counted, because a delivery was reopened.
    pub reopened: u64,
}

impl Valuation {
    /// Like [`Valuation::worth`]. `None` if nobody has stated a value.
    #[must_use]
    pub fn known_worth(&self, counts: &Counts) -> Option<Worth> {
        (self.price.is_some() || self.stated > 0).then(|| self.worth(counts))
    }

    /// What the deliveries in these states are worth.
    #[must_use]
    pub fn worth(&self, counts: &Counts) -> Worth {
        let unstated = counts.count(StateName::Issued).saturating_sub(self.stated);
        let open = counts.count(StateName::InDoubt) + counts.count(StateName::InFlight) + self.reopened;
        let held = counts.count(StateName::Held);
        let owed = counts.count(StateName::Pending) + counts.count(StateName::Deferred);
        let Some(Price { each, .. }) = self.price else {
            return Worth {
                issued: self.given,
                unpriced: unstated + open + held + owed,
                ..Worth::default()
            };
        };
        Worth {
            issued: self.given + each.times(unstated),
            open: each.times(open),
            held: each.times(held),
            owed: each.times(owed),
            unpriced: 0,
        }
    }
}

/// What deliveries are worth, by what is known of their coupons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// Coupons that were issued.
    pub issued: Money,
    /// Coupons that may have been issued: in doubt, in flight, and reopened after an unknown outcome.
    pub open: Money,
    /// Coupons that wait for a person and may have been issued.
    pub held: Money,
    /// Coupons that are owed.
    pub owed: Money,
    /// The number of coupons of unknown value, which no sum has.
    pub unpriced: u64,
}

impl Worth {
    /// The most that the campaign can come to cost.
    #[must_use]
    pub fn at_most(&self) -> Money {
        self.issued + self.open + self.held + self.owed
    }

    /// What may have been spent so far.
    #[must_use]
    pub fn committed(&self) -> Money {
        self.issued + self.open + self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn an_amount_is_written_for_files_and_for_people() {
        let written = |fen| {
            let money = Money::from_fen(fen);
            (
                money.written(),
                Language::English.scope(|| money.to_string()),
                Language::Chinese.scope(|| money.to_string()),
            )
        };
        let text = |file: &str, english: &str, chinese: &str| (file.to_owned(), english.to_owned(), chinese.to_owned());
        assert_eq!(written(1_000), text("10 CNY", "10 CNY", "10 元"));
        assert_eq!(written(5), text("0.05 CNY", "0.05 CNY", "0.05 元"));
        assert_eq!(
            written(123_456_750),
            text("1234567.50 CNY", "1,234,567.50 CNY", "1,234,567.50 元")
        );
    }

    #[test]
    fn every_coupon_is_in_one_sum() {
        let mut counts = Counts::default();
        for (state, n) in StateName::ALL.into_iter().zip(1..) {
            counts.add(state, n);
        }
        let price = |fen| Price {
            each: Money::from_fen(fen),
            source: PriceSource::File,
        };
        let known = Valuation {
            given: Money::from_fen(700),
            stated: 1,
            price: Some(price(500)),
            reopened: 2,
        };
        let unknown = Valuation { price: None, ..known };
        let of = |state| counts.count(state);
        let worth = known.worth(&counts);
        assert_eq!(worth.issued.fen(), 700 + 500 * (of(StateName::Issued) - 1));
        assert_eq!(
            worth.open.fen(),
            500 * (of(StateName::InDoubt) + of(StateName::InFlight) + 2)
        );
        assert_eq!(worth.held.fen(), 500 * of(StateName::Held));
        assert_eq!(
            worth.owed.fen(),
            500 * (of(StateName::Pending) + of(StateName::Deferred))
        );
        let settled = of(StateName::Refused) + of(StateName::Skipped);
        let possible = counts.audience() - settled + 2;
        assert_eq!(worth.at_most().fen(), 700 + 500 * (possible - 1));
        let worth = unknown.worth(&counts);
        assert_eq!((worth.at_most().fen(), worth.unpriced), (700, possible - 1));
    }
}
