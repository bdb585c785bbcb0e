//! What a ledger state has beside its recipients and deliveries, and is small.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::fact::TermOwner;
use crate::ledger::rules::Rules;
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
}

impl Totals {
    pub(super) const fn newest(&self) -> Timestamp {
        match self.newest {
            Some(newest) => newest,
            None => Timestamp::MIN,
        }
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
