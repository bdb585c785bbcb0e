//! What a ledger says about its comparisons with the platform's own records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::fact::Fact;
use super::platform_record::{BillContent, PlatformRecord};

/// What a ledger says about its comparisons with the platform's own records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComparisonSummary {
    /// When the platform answered last. `None` if it was never asked.
    pub at: Option<Timestamp>,
    /// How many deliveries its records have settled.
    pub found: u64,
    /// How often it was asked for the coupons of a user.
    pub users: u64,
    /// How many issued coupons it was asked for by their ids.
    pub spots: u64,
    /// The states of those that it showed, by `coupon_status`. `None` if an answer does not say.
    pub statuses: BTreeMap<Option<i64>, u64>,
    /// The last count of each activity.
    pub counts: BTreeMap<String, Option<u64>>,
    /// The last bill of each day. `None` for a day without data.
    pub bills: BTreeMap<Date, Option<BillContent>>,
}

impl ComparisonSummary {
    /// Takes a fact.
    pub fn add<R, O>(&mut self, fact: &Fact<R, O>) {
        match fact {
            Fact::Recorded { at, record } => {
                self.at = Some(*at);
                match &**record {
                    PlatformRecord::Count(count) => {
                        self.counts.insert(count.activity_id.to_string(), count.received);
                    }
                    PlatformRecord::Coupons(_) => self.users += 1,
                    PlatformRecord::Bill(bill) => {
                        self.bills.insert(bill.day, bill.content.clone());
                    }
                    PlatformRecord::Spot(spot) => {
                        self.spots += 1;
                        if let Some(shown) = &spot.shown {
                            *self.statuses.entry(shown.coupon_status).or_default() += 1;
                        }
                    }
                }
            }
            Fact::Found { .. } => self.found += 1,
            _ => {}
        }
    }
}
