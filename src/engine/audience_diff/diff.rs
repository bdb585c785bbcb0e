//! An audience held against the ledger: what would follow from letting it in, and what speaks against that.

use super::Admission;
use super::refusal::{Change, Refusal};

/// Whether a person lets a change in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It surprises nobody.
    NotNeeded,
    /// It was accepted.
    Given,
    /// It was not.
    Missing,
}

/// A change, and whether a person lets it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What changed.
    pub change: Change,
    /// Whether that is let in.
    pub acceptance: Acceptance,
}

impl Found {
    pub(super) fn refusal(&self) -> Option<Refusal> {
        (self.acceptance == Acceptance::Missing).then(|| Refusal::Change(self.change.clone()))
    }
}

/// An audience held against the ledger.
#[derive(Debug)]
pub struct Diff {
    admission: Admission,
    found: Vec<Found>,
    refusals: Vec<Refusal>,
}

impl Diff {
    pub(super) const fn new(admission: Admission, found: Vec<Found>, refusals: Vec<Refusal>) -> Self {
        Self {
            admission,
            found,
            refusals,
        }
    }

    /// What the campaign's file and the source say otherwise than at the last apply.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// Everything that speaks against letting it in.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// What would follow if nothing spoke against it, to be looked at.
    #[must_use]
    pub const fn foreseen(&self) -> &Admission {
        &self.admission
    }

    /// Lets it in.
    ///
    /// # Errors
    /// Everything that speaks against it.
    pub fn accept(self) -> Result<Admission, Vec<Refusal>> {
        if self.refusals.is_empty() {
            Ok(self.admission)
        } else {
            Err(self.refusals)
        }
    }

    /// What would follow if nothing spoke against it, for those who only foretell.
    #[must_use]
    pub fn supposed(self) -> Admission {
        self.admission
    }
}
