//! The approvals that runs went by, and whether each attempt lay inside them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::delivery::DeliveryKey;
use crate::model::envelope::{Excess, RunApproval, Usage};

/// The approvals of a ledger. A snapshot has it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger) struct RunApprovals {
    /// Each approval that a run went by, once.
    all: Vec<RunApproval>,
    /// The place of the present run's approval. `None` if it goes by none.
    present: Option<u32>,
    /// Whether every run needs an approval.
    is_required: bool,
    attempts: ApprovedAttempts,
}

/// The attempts of a ledger that may have added a coupon, by their approvals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedAttempts {
    /// Those inside the envelope of an approval.
    pub inside: u64,
    /// Those of runs without an approval, while none was needed.
    pub free: u64,
    /// Those that had to lie inside an envelope and did not.
    pub outside: u64,
    /// The first of these.
    pub first_outside: Option<OutsideAttempt>,
}

/// An attempt outside each approved envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideAttempt {
    /// The delivery.
    pub key: DeliveryKey,
    /// The time of its intent.
    pub at: Timestamp,
    /// Why it is outside the envelope of its run. `None` if the run had no approval.
    pub why: Option<Excess>,
}

impl RunApprovals {
    /// A run starts. It goes by no approval before it cites one.
    pub(super) const fn begin_run(&mut self) {
        self.present = None;
    }

    /// The run goes by this approval.
    pub(super) fn cite(&mut self, approval: RunApproval) {
        self.is_required = approval.is_required;
        let known = self.all.iter().position(|known| *known == approval);
        let place = known.unwrap_or_else(|| {
            self.all.push(approval);
            self.all.len() - 1
        });
        self.present = u32::try_from(place).ok();
    }

    /// The approval of the present run. `None` if it goes by none.
    pub(super) fn present(&self) -> Option<&RunApproval> {
        self.all.get(self.present? as usize)
    }

    pub(super) fn all(&self) -> &[RunApproval] {
        &self.all
    }

    pub(super) const fn is_required(&self) -> bool {
        self.is_required
    }

    pub(super) const fn attempts(&self) -> ApprovedAttempts {
        self.attempts
    }

    /// Counts an attempt that may add a coupon, after `fresh` others of its batch. `usage` is that before the batch.
    pub(super) fn count(&mut self, key: DeliveryKey, at: Timestamp, usage: &Usage, fresh: u64) {
        let why = match self.present() {
            Some(approval) => match approval.envelope.check(usage, fresh, at) {
                Ok(()) => {
                    self.attempts.inside += 1;
                    return;
                }
                Err(excess) => Some(excess),
            },
            None if self.is_required => None,
            None => {
                self.attempts.free += 1;
                return;
            }
        };
        self.attempts.outside += 1;
        self.attempts
            .first_outside
            .get_or_insert(OutsideAttempt { key, at, why });
    }
}
