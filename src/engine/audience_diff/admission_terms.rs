//! The conditions under which an audience is admitted.

use jiff::Timestamp;

use crate::audience::Totals;
use crate::ledger::{LedgerState, Present};
use crate::model::outcome::Class;
use crate::plan::Plan;

use super::accept_word::Accept;

/// The conditions under which an audience is admitted.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// The plan of the campaign file as it is now.
    pub plan: &'t Plan,
    /// The totals of the source once it was read to its end.
    pub totals: &'t Totals,
    /// The changes that a person accepts.
    pub accepted: &'t [Accept],
    /// Whether this is a rehearsal, which needs no acceptance.
    pub rehearsal: bool,
    /// The class of a platform code by the campaign file.
    pub class: &'t dyn Fn(i64) -> Class,
    /// The wall clock.
    pub wall: Timestamp,
}

impl Terms<'_> {
    /// The current time of an apply under these conditions.
    pub(super) fn present(&self, ledger_state: &LedgerState) -> Present {
        ledger_state.present_of_apply(self.wall)
    }
}
