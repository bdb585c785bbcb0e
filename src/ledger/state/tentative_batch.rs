//! A batch that is applied before it is durable.

use super::ledger_state::LedgerState;

/// A ledger state with facts that are not durable yet. Dropped without [`Tentative::commit`], it undoes them: after an error,
/// and when the future of the append is dropped.
pub(in crate::ledger) struct Tentative<'s>(&'s mut LedgerState);

impl<'s> Tentative<'s> {
    pub(in crate::ledger) fn begin(state: &'s mut LedgerState) -> Self {
        state.begin_batch();
        Self(state)
    }

    pub(in crate::ledger) const fn state(&mut self) -> &mut LedgerState {
        self.0
    }

    pub(in crate::ledger) fn commit(self) {
        self.0.commit();
    }
}

impl Drop for Tentative<'_> {
    fn drop(&mut self) {
        self.0.roll_back();
    }
}
