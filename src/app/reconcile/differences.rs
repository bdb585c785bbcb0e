//! In what the platform's records differ from the ledger. Pure. A delivery in doubt is no difference: the ledger says so itself.

use crate::catalogue::{Text, reconcile as text};

use super::judgement::{BillVerdict, CountVerdict};
use super::use_case::Compared;

/// Says in what the platform's records differ from the ledger. Empty if they agree, as far as they are known.
#[must_use]
pub fn differences(compared: &Compared) -> Vec<Text> {
    let counts = compared.counts.iter().filter_map(|count| {
        let received = count.received?;
        let activity: &dyn std::fmt::Display = &count.activity_id;
        match count.verdict {
            CountVerdict::More => Some(Text::new(&text::DifferMore { activity, received })),
            // A single small count may only be late.
            CountVerdict::Behind if count.is_confirmed => Some(Text::new(&text::DifferFewer {
                activity,
                received,
                certain: count.account.certain,
            })),
            _ => None,
        }
    });
    let bills = compared.bills.iter().filter_map(|bill| {
        let verdict = &bill.read.as_ref()?.verdict;
        let is_bad = matches!(verdict, BillVerdict::Lacks { .. } | BillVerdict::Flawed(_));
        is_bad.then(|| Text::new(&text::UntrustedBill { day: &bill.day }))
    });
    let foreign = (compared.foreign_count > 0).then(|| {
        let n = compared.foreign_count;
        Text::new(&text::DifferForeign { n })
    });
    let spots = (!compared.spots.differ.is_empty()).then(|| {
        let n = compared.spots.differ.len() as u64;
        Text::new(&text::CouponsDiffer { n })
    });
    counts.chain(bills).chain(foreign).chain(spots).collect()
}
