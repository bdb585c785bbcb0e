//! The batches that an erasure has written again, as one hash. The chain does not have their bodies, so the erasure keeps this hash.

use sha2::{Digest, Sha256};

use super::fact::Erasure;
use super::log::record::is_erased;
use super::state::illegal_fact::IllegalFact;
use super::state::ledger_state::LedgerState;

/// The batches so far.
#[derive(Clone, Debug, Default)]
pub(super) struct ErasedBatches {
    hash: Sha256,
    count: u64,
}

impl ErasedBatches {
    /// Adds a record, if it is one of them.
    pub(super) fn add(&mut self, sequence: u64, record: &[u8]) {
        if is_erased(record) {
            self.count += 1;
            self.hash.update(sequence.to_be_bytes());
            self.hash.update((record.len() as u64).to_be_bytes());
            self.hash.update(record);
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// Checks that an erasure has written exactly these batches.
    ///
    /// # Errors
    /// When it has not.
    pub(super) fn check(&self, erasure: &Erasure) -> Result<(), IllegalFact> {
        if (self.count, self.digest()) == (erasure.batches, erasure.digest) {
            return Ok(());
        }
        Err(IllegalFact::Erasure)
    }

    /// Checks that batches were erased only by an erasure that is recorded.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn check_end(&self, state: &LedgerState) -> Result<(), IllegalFact> {
        if self.count == 0 || state.erasure().is_some() {
            return Ok(());
        }
        Err(IllegalFact::Erasure)
    }
}
