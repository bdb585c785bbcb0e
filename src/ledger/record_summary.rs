//! What a ledger says about its comparisons with the platform's own records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::fact::Fact;
use super::platform_record::{BillContent, PlatformRecord};

/// What a ledger says about its comparisons with the platform's own records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSummary {
    /// When the platform answered last. `None` if it was never asked.
    pub at: Option<Timestamp>,
    /// How many deliveries its records have settled.
    pub found: u64,
    /// How often it was asked for the coupons of a user.
    pub users: u64,
    /// The last count of each activity.
    pub counts: BTreeMap<String, Option<u64>>,
    /// The last bill of each day. `None` for a day without data.
    pub bills: BTreeMap<Date, Option<BillContent>>,
}

impl RecordSummary {
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
                }
            }
            Fact::Found { .. } => self.found += 1,
            _ => {}
        }
    }
}
