//! The audience that a ledger has, in place of a reading of its lists.

use crate::audience::Totals;
use crate::ledger::{AudienceOrigin, Generation, LedgerState};
use crate::plan::{ExpiryRule, Plan};

/// The audience of a ledger's last generation. A machine without its lists can go on with it.
#[derive(Clone, Copy, Debug)]
pub struct AdmittedAudience<'l> {
    pub(super) ledger_state: &'l LedgerState,
    pub(super) generation: &'l Generation,
    origin: &'l AudienceOrigin,
}

/// Why a run cannot go on with the audience in its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTakenOver {
    /// No audience was admitted yet.
    NothingAdmitted,
    /// The ledger does not say from which lists its audience was read: no fleet has admitted it.
    UnknownLists,
    /// The campaign file names other lists than the ones that were read.
    OtherLists,
    /// `active_within` was added since: the ledger does not say when its users were last active.
    UnknownActivity,
}

impl<'l> AdmittedAudience<'l> {
    /// Takes the audience of a ledger, for a campaign file whose lists have this hash.
    ///
    /// # Errors
    /// When the ledger does not have all of what a reading of the lists would say, or they are other lists.
    pub fn new(ledger_state: &'l LedgerState, plan: &Plan, lists: &[u8; 32]) -> Result<Self, NotTakenOver> {
        let generation = ledger_state.generation().ok_or(NotTakenOver::NothingAdmitted)?;
        let origin = ledger_state.origin().ok_or(NotTakenOver::UnknownLists)?;
        if origin.lists != *lists {
            return Err(NotTakenOver::OtherLists);
        }
        let is_dated = plan.audience.lapse != ExpiryRule::Never;
        if is_dated && ledger_state.last_active().len() != ledger_state.recipients() as usize {
            return Err(NotTakenOver::UnknownActivity);
        }
        Ok(Self {
            ledger_state,
            generation,
            origin,
        })
    }

    /// Where the audience was read.
    #[must_use]
    pub const fn origin(&self) -> &'l AudienceOrigin {
        self.origin
    }

    /// The totals of its source, as far as the ledger has them.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            rows: self.generation.listed,
            hash: self.generation.source,
            ..Totals::default()
        }
    }
}
