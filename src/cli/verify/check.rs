//! Everything of a ledger that can be checked, behind one function.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::cli::failure::Failure;
use crate::delivery::{Counts, DeliveryKey, StateName};
use crate::ledger::{Book, Ledger, Store};
use crate::problem::Problem;

/// What a ledger says that is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many batches there are.
    pub batches: u64,
    /// How many facts.
    pub facts: u64,
    /// Where all deliveries stand.
    pub counts: Counts,
    /// How many of them are issued or refused.
    pub settled: u64,
    /// SHA-256 over those, in the order of their ids.
    pub sha256: [u8; 32],
}

/// Checks a ledger that was opened, by which every checksum and transition was checked once: reads every batch again,
/// counts every delivery anew, and holds the sum against what was counted on the way.
pub async fn check<S: Store>(ledger: &mut Ledger<S>) -> Result<Checked, Failure> {
    let mut facts = 0_u64;
    ledger.facts(|_, _| facts += 1).await?;
    let book = ledger.book();
    let (counts, recounted) = (book.counts(), book.recount());
    let all = u64::from(book.recipients()) * u64::from(book.ordinals());
    if counts != recounted || counts.audience() != all {
        let message = "the ledger's sum is not right, though each of its facts is: a defect of this program";
        let counted = format!("{all} deliveries; counted on the way {counts:?}, counted anew {recounted:?}");
        let mut failure = Failure::new(Problem::Sum, message).help("please report this");
        failure.causes.push(counted);
        return Err(failure);
    }
    Ok(Checked {
        batches: ledger.sequence(),
        facts,
        counts,
        settled: counts.settled(),
        sha256: sha256(book),
    })
}

/// Over a line for each settled delivery, as `sort` and `sha256sum` would make of an export.
fn sha256(book: &Book) -> [u8; 32] {
    let mut settled = Vec::new();
    for recipient in 0..book.recipients() {
        for ordinal in 1..=book.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let state = book.standing(key).state.name();
            if let StateName::Issued | StateName::Refused = state {
                settled.extend(book.merchant_coupon_id(key).map(|id| (id, state)));
            }
        }
    }
    settled.sort_unstable();
    let (mut hash, mut line) = (Sha256::new(), String::new());
    for (id, state) in settled {
        line.clear();
        // A string takes whatever is written to it.
        let _ = writeln!(line, "{id} {}", state.word());
        hash.update(line.as_bytes());
    }
    hash.finalize().into()
}
