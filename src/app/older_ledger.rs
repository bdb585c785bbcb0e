//! A ledger that is older than its witness.

use std::fmt;

use crate::catalogue::{Text, app};
use crate::engine::audience_diff::{Accept, Change};
use crate::ledger::witness::Witness;
use crate::ledger::{LedgerState, Older};

/// A ledger that is older than its witness, or is missing although a witness names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OlderLedger {
    witness: Witness,
    /// How they differ. `None` if there is no ledger.
    older: Option<Older>,
    /// Whether the ledger says that a person accepted this.
    is_accepted: bool,
}

impl OlderLedger {
    /// Compares a ledger with its witness. Returns `None` unless the ledger is older.
    pub fn of_ledger(witness: Option<&Witness>, older: Option<Older>, ledger_state: &LedgerState) -> Option<Self> {
        let witness = witness?;
        let older = older?;
        let accepted = ledger_state.generation().is_some_and(|last| {
            last.at >= witness.written && last.accepted.iter().any(|word| word == Accept::OlderLedger.word())
        });
        Some(Self {
            witness: witness.clone(),
            older: Some(older),
            is_accepted: accepted,
        })
    }

    /// Creates it for a ledger that a witness names and that is missing.
    #[must_use]
    pub fn lost(witness: Witness) -> Self {
        Self {
            witness,
            older: None,
            is_accepted: false,
        }
    }

    /// Whether a person accepted it in an earlier run that could not write its witness.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Returns the witness.
    #[must_use]
    pub const fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Returns the change that a person must accept.
    #[must_use]
    pub fn change(&self) -> Change {
        let Witness { sequence, written, .. } = &self.witness;
        Change {
            what: Accept::OlderLedger,
            from: Text::new(&app::OlderLedgerFrom { sequence, written }),
            to: match self.older {
                Some(Older { last, .. }) => Text::new(&app::OlderLedgerTo { last: &last }),
                None => Text::new(&app::OlderLedgerToNone),
            },
            owed_again: 0,
        }
    }

    /// Returns why the ledger is older than its witness.
    #[must_use]
    pub fn why(&self) -> String {
        match &self.older {
            Some(older) => older.to_string(),
            None => app::LostLedgerWhy {
                sequence: &self.witness.sequence,
            }
            .to_string(),
        }
    }
}

impl fmt::Display for OlderLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.older {
            Some(_) => app::OlderLedger.fmt(f),
            None => app::LostLedger.fmt(f),
        }
    }
}

/// Returns the changes that a person has accepted, now or in an earlier run.
///
/// # Errors
/// The ledger is older than its witness, and no person has accepted that.
pub fn accepted(given: &[Accept], older: Option<&OlderLedger>) -> Result<Vec<Accept>, Box<OlderLedger>> {
    match older {
        Some(older) if !older.is_accepted() && !given.contains(&Accept::OlderLedger) => Err(Box::new(older.clone())),
        older => Ok(with_accepted(given, older)),
    }
}

/// Like [`accepted`], for a plan: it shows an older ledger instead of failing.
#[must_use]
pub fn with_accepted(given: &[Accept], older: Option<&OlderLedger>) -> Vec<Accept> {
    let mut accepted = given.to_vec();
    if older.is_some_and(OlderLedger::is_accepted) && !accepted.contains(&Accept::OlderLedger) {
        accepted.push(Accept::OlderLedger);
    }
    accepted
}
