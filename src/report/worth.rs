//! What the coupons of a campaign are worth, as rows of a table: for pages and workbooks.

use crate::catalogue::worth as texts;
use crate::model::delivery::{Counts, StateName};
use crate::model::money::{Money, Price, PriceSource, Valuation};

/// The deliveries of a campaign, and what is known of the value of their coupons.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorthView {
    /// All deliveries by state.
    pub counts: Counts,
    /// What is known of the value of their coupons.
    pub valuation: Valuation,
    /// The most that they may be worth together. `None` without a limit.
    pub max_worth: Option<Money>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorthRow {
    /// The name of the coupons.
    pub name: String,
    /// What the name means.
    pub meaning: String,
    /// The number of coupons. `None` for the limit.
    pub coupons: Option<u64>,
    /// What they are worth.
    pub amount: Money,
}

impl WorthView {
    /// The rows, the sum and the limit last. Empty if nothing is known of the value and there is no limit.
    #[must_use]
    pub fn rows(&self) -> Vec<WorthRow> {
        let mut rows = Vec::new();
        if let Some(worth) = self.valuation.known_worth(&self.counts) {
            let count = |state| self.counts.count(state);
            let mut all = 0;
            let mut add = |name: String, meaning: String, coupons: u64, amount| {
                all += coupons;
                // Without issued coupons, the first row says so.
                if coupons > 0 || rows.is_empty() {
                    rows.push(WorthRow {
                        name,
                        meaning,
                        coupons: Some(coupons),
                        amount,
                    });
                }
            };
            let is_priced = self.valuation.price.is_some();
            let issued = if is_priced {
                count(StateName::Issued)
            } else {
                self.valuation.stated
            };
            add(
                texts::Issued.to_string(),
                texts::MeaningIssued.to_string(),
                issued,
                worth.issued,
            );
            if is_priced {
                let open = count(StateName::InDoubt) + count(StateName::InFlight) + self.valuation.reopened;
                add(
                    texts::Open.to_string(),
                    texts::MeaningOpen.to_string(),
                    open,
                    worth.open,
                );
                add(
                    texts::Held.to_string(),
                    texts::MeaningHeld.to_string(),
                    count(StateName::Held),
                    worth.held,
                );
                let owed = count(StateName::Pending) + count(StateName::Deferred);
                add(
                    texts::Owed.to_string(),
                    texts::MeaningOwed.to_string(),
                    owed,
                    worth.owed,
                );
            }
            // A sum without the coupons of unknown value is not the most that can be spent.
            if worth.unpriced == 0 {
                rows.push(WorthRow {
                    name: texts::AtMost.to_string(),
                    meaning: texts::MeaningAtMost.to_string(),
                    coupons: Some(all),
                    amount: worth.at_most(),
                });
            }
        }
        rows.extend(self.max_worth.map(|amount| WorthRow {
            name: texts::Limit.to_string(),
            meaning: texts::MeaningLimit.to_string(),
            coupons: None,
            amount,
        }));
        rows
    }

    /// What is to be said below the rows. In a text, code is between backticks.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.valuation.price {
            Some(Price {
                each,
                source: PriceSource::Platform,
            }) => notes.push(texts::EachByPlatform { each: &each }.to_string()),
            Some(Price {
                each,
                source: PriceSource::File,
            }) => notes.push(texts::EachByFile { each: &each }.to_string()),
            None => {}
        }
        let unpriced = self.valuation.worth(&self.counts).unpriced;
        if unpriced > 0 {
            notes.push(texts::Unpriced { unpriced }.to_string());
        }
        notes
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::catalogue::Language;

    /// A campaign with deliveries in every state.
    pub(crate) fn every_state() -> WorthView {
        let mut counts = Counts::default();
        for (state, n) in StateName::ALL.into_iter().zip(1..) {
            counts.add(state, n);
        }
        WorthView {
            counts,
            valuation: Valuation {
                given: Money::from_fen(2_750),
                stated: 5,
                price: Some(Price {
                    each: Money::from_fen(550),
                    source: PriceSource::Platform,
                }),
                reopened: 2,
            },
            max_worth: Some(Money::from_fen(1_000_000)),
        }
    }

    fn shown(view: &WorthView) -> String {
        let mut text = String::new();
        for row in view.rows() {
            let coupons = row.coupons.map_or_else(String::new, |coupons| coupons.to_string());
            let _ = writeln!(text, "{} | {coupons} | {} | {}", row.amount, row.name, row.meaning);
        }
        for note in view.notes() {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    #[test]
    fn every_coupon_is_in_one_row_and_the_sum_is_of_all_rows() {
        let view = every_state();
        let rows = view.rows();
        let sum = &rows[rows.len() - 2];
        let parts = &rows[..rows.len() - 2];
        let amount = parts.iter().fold(Money::default(), |sum, row| sum + row.amount);
        let coupons: Option<u64> = parts.iter().map(|row| row.coupons).sum();
        assert_eq!((sum.amount, sum.coupons), (amount, coupons));
        let settled = view.counts.count(StateName::Refused) + view.counts.count(StateName::Skipped);
        assert_eq!(
            coupons,
            Some(view.counts.audience() - settled + view.valuation.reopened)
        );
    }

    #[test]
    fn what_is_not_known_is_not_shown_as_an_amount() {
        let known = every_state();
        let view = |valuation| WorthView { valuation, ..known };
        let by_file = Valuation {
            price: known.valuation.price.map(|price| Price {
                source: PriceSource::File,
                ..price
            }),
            given: Money::default(),
            stated: 0,
            reopened: 0,
        };
        let in_part = Valuation {
            price: None,
            ..known.valuation
        };
        let views = [
            known,
            view(by_file),
            view(in_part),
            view(Valuation::default()),
            WorthView {
                max_worth: None,
                counts: Counts::default(),
                valuation: Valuation::default(),
            },
        ];
        let said = || views.iter().map(shown).collect::<Vec<_>>().join("--\n");
        let said = Language::ALL.map(|language| language.scope(said));
        insta::assert_snapshot!(said.join("\n"));
    }
}
