//! A worker's lease, as the worker sees it.

use std::time::Duration;

use super::Timing;
use crate::model::mutants::mutant;

/// Until when a worker may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    trusted_until: Duration,
    is_lost: bool,
}

impl Lease {
    /// The request of a renewal was sent at `sent`, and the database answered by `now` that it renewed the lease. No other worker
    /// can have fenced this one before the answer's renewal is older than a lease.
    pub fn renew(&mut self, timing: &Timing, sent: Duration, now: Duration) {
        let from = if mutant!(TrustFromAnswer) { now } else { sent };
        self.trusted_until = self.trusted_until.max(from + timing.trust());
    }

    /// The worker is fenced: it never sends again.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Whether the worker is fenced.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Until when no other worker can have been allowed to send for this one's app ids.
    #[must_use]
    pub const fn trusted_until(&self) -> Duration {
        if self.is_lost {
            Duration::ZERO
        } else {
            self.trusted_until
        }
    }
}
