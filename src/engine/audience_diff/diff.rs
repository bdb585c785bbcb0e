//! An audience compared with the ledger.

use super::admission::Admission;
use super::refusal::{Change, Refusal};

/// Whether a person accepts a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The change can surprise nobody.
    NotNeeded,
    /// The change is accepted.
    Given,
    /// The change is not accepted.
    Missing,
}

/// A change since the last apply, with its acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What changed.
    pub change: Change,
    /// Whether a person accepts it.
    pub acceptance: Acceptance,
}

impl Found {
    pub(super) fn refusal(&self) -> Option<Refusal> {
        (self.acceptance == Acceptance::Missing).then(|| Refusal::Change(self.change.clone()))
    }
}

/// An audience compared with the ledger.
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

    /// What changed in the campaign file and the source since the last apply.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// Every reason to refuse the audience.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The admission that would follow without the refusals.
    #[must_use]
    pub const fn foreseen(&self) -> &Admission {
        &self.admission
    }

    /// Admits the audience.
    ///
    /// # Errors
    /// Every reason to refuse it.
    pub fn accept(self) -> Result<Admission, Vec<Refusal>> {
        if self.refusals.is_empty() {
            Ok(self.admission)
        } else {
            Err(self.refusals)
        }
    }

    /// Like [`Self::foreseen`], for a plan.
    #[must_use]
    pub fn supposed(self) -> Admission {
        self.admission
    }
}
