//! The approvals that the runs of a ledger cite.

use jiff::Timestamp;

use super::fact::Fact;
use crate::model::envelope::RunApproval;

/// A run, with the approval that it cites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// When the run started.
    pub run: Timestamp,
    /// The approval, as the ledger has it.
    pub approval: RunApproval,
}

/// The approvals that the runs of a ledger cite: each once, with the first run that cites it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citations {
    all: Vec<Citation>,
}

impl Citations {
    /// Takes a fact.
    pub fn add<R, O>(&mut self, fact: &Fact<R, O>) {
        if let Fact::RunApproved { at, approval } = fact
            && !self.all.iter().any(|known| known.approval == **approval)
        {
            self.all.push(Citation {
                run: *at,
                approval: (**approval).clone(),
            });
        }
    }

    /// All of them, in the order of the ledger.
    #[must_use]
    pub fn all(&self) -> &[Citation] {
        &self.all
    }
}
