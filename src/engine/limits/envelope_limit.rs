//! The envelope of the approval that the run goes by. The approval is in the ledger, which holds each intent against it again when
//! it is read.

use std::time::Instant;

use jiff::Timestamp;

use crate::ledger::LedgerState;
use crate::model::clock::until;
use crate::model::event::Halted;
use crate::model::mutants::mutant;

use super::limit::{Limit, View};

/// Leaves no room for another coupon outside the envelope. A run without an approval has no envelope.
#[derive(Debug)]
pub struct EnvelopeLimit;

impl EnvelopeLimit {
    /// The last moment at which an attempt that may add a coupon may start. `None` without an end.
    pub fn latest(state: &LedgerState) -> Option<Timestamp> {
        let until = state.run_approval()?.envelope.until?;
        Timestamp::from_nanosecond(until.as_nanosecond() - 1).ok()
    }
}

impl Limit for EnvelopeLimit {
    fn exhausted(&mut self, view: &View<'_>, fresh: u64) -> Option<Halted> {
        if mutant!(OutsideEnvelope) {
            return None;
        }
        let envelope = &view.state.run_approval()?.envelope;
        let usage = view.state.usage(&view.plan.activity_id, envelope.coupon_value);
        let excess = envelope.check(&usage, fresh, view.now.wall).err()?;
        Some(Halted::Envelope { excess })
    }

    fn changes_at(&mut self, view: &View<'_>) -> Option<Instant> {
        let ends = view.state.run_approval()?.envelope.until?;
        view.now.instant.checked_add(until(view.now.wall, ends)?)
    }
}
