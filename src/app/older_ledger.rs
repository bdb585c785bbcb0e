//! A ledger that is older than its witness.

use std::fmt;

use crate::engine::audience_diff::{Accept, Change};
use crate::ledger::witness::Witness;
use crate::ledger::{LedgerState, Older};

/// What a person does about an older ledger.
pub const HELP: &str = "restore the newest ledger there is: users whom it does not know are sent to again. if there is none, apply with \
                    `--accept older_ledger`";

/// A ledger that is older than its witness, or is missing although a witness names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OlderLedger {
    witness: Witness,
    /// The ledger's last batch. `None` if there is no ledger.
    last: Option<u64>,
    why: String,
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
            last: Some(older.last),
            why: older.to_string(),
            is_accepted: accepted,
        })
    }

    /// Creates it for a ledger that a witness names and that is missing.
    #[must_use]
    pub fn lost(witness: Witness) -> Self {
        Self {
            why: format!(
                "there is no ledger, and batch {} of one was durable before",
                witness.sequence
            ),
            witness,
            last: None,
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
            from: format!("batch {sequence} on {written}"),
            to: self
                .last
                .map_or_else(|| "no ledger".to_owned(), |last| format!("batch {last}")),
            owed_again: 0,
        }
    }

    /// Returns why the ledger is older than its witness.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for OlderLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.last {
            Some(_) => "the ledger is older than its witness; nothing was sent",
            None => "the ledger that this campaign had is gone; nothing was sent",
        })
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
