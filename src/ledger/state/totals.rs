//! What a ledger state has beside its recipients and deliveries, and is small.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::fact::{RecordedErasure, TermOwner};
use crate::ledger::fact_rules::Rules;
use crate::model::activity::ActivityLog;
use crate::model::daily_attempts::DailyAttempts;

use super::coupon_value::CouponValue;
use super::run_approvals::RunApprovals;
use super::waves::Waves;

/// A rollback copies it whole, and a snapshot has it as it is: a new or a moved field changes the snapshot's version.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::ledger) struct Totals {
    /// `None` without any time. The smallest [`Timestamp`] cannot be serialized.
    newest: Option<Timestamp>,
    pub(super) accepts_replays: bool,
    pub(super) reopened_doubts: u64,
    pub(super) reopened_held: u64,
    pub(super) rules: Rules,
    pub(super) attempts: DailyAttempts,
    pub(super) waves: Waves,
    pub(super) coupon_value: CouponValue,
    /// The owner of the app id, in a fleet.
    pub(super) owner: Option<TermOwner>,
    pub(super) approvals: RunApprovals,
    pub(super) activities: ActivityLog,
    pub(super) erased: ErasedState,
}

/// What a ledger state knows of the erasure of its open_ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::ledger) struct ErasedState {
    /// The number of ids that each recipient has in place of its open_id. `None` if the open_ids were not erased.
    pub(super) coupons: Option<u8>,
    /// The last fact of the ledger. `None` if the open_ids were not erased.
    pub(super) erasure: Option<Box<RecordedErasure>>,
}

impl Totals {
    pub(super) const fn newest(&self) -> Timestamp {
        match self.newest {
            Some(newest) => newest,
            None => Timestamp::MIN,
        }
    }

    /// Whether all but the erasure, and the newest time, is the same.
    pub(super) fn is_same_but_for_erasure(&self, before: &Self) -> bool {
        let bytes = |totals: &Self| {
            let totals = Self {
                newest: None,
                erased: ErasedState::default(),
                ..totals.clone()
            };
            postcard::to_stdvec(&totals).ok()
        };
        bytes(self) == bytes(before)
    }

    pub(super) fn note(&mut self, at: Timestamp) {
        if at > self.newest() {
            self.newest = Some(at);
        }
    }

    /// Makes `at` the newest time.
    pub(super) fn clamp(&mut self, at: Timestamp) {
        self.newest = Some(at).filter(|at| *at != Timestamp::MIN);
        self.attempts.clamp(at);
        self.waves.clamp(at);
    }
}
