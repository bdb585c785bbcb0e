//! Says when a wait for sled has lasted too long.
//!
//! sled loses the wakeup of a flush whose write fails: the thread that left a full buffer notes the error and notifies nobody.

use std::time::{Duration, Instant};

/// The longest time of an append. A disk that takes longer has failed.
pub(super) const APPEND_LIMIT: Duration = Duration::from_secs(30);
/// The longest time that sled takes to close.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(30);
/// How long a call may last after one of sled's threads has failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often a wait is checked.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// A wait for sled.
#[derive(Debug)]
pub(super) struct Wait {
    began: Instant,
    /// `None` for work whose length depends on the ledger's.
    limit: Option<Duration>,
    failed: Option<Instant>,
}

impl Wait {
    pub(super) const fn new(limit: Option<Duration>, now: Instant) -> Self {
        Self {
            began: now,
            limit,
            failed: None,
        }
    }

    /// Whether it has lasted too long. `has_failed` says whether one of sled's threads has failed.
    pub(super) fn is_overdue(&mut self, has_failed: bool, now: Instant) -> bool {
        if has_failed && self.failed.is_none() {
            self.failed = Some(now);
        }
        let lasts = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        self.limit.is_some_and(|limit| lasts(self.began, limit))
            || self.failed.is_some_and(|failed| lasts(failed, AFTER_ERROR))
    }

    /// How long it has lasted.
    pub(super) fn lasted(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_overdue_at_its_limit_or_a_second_after_an_error() {
        let began = Instant::now();
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);

        let mut append = Wait::new(Some(APPEND_LIMIT), began);
        assert!(!append.is_overdue(false, at(29.9)));
        assert!(append.is_overdue(false, at(30.0)));

        let mut append = Wait::new(Some(APPEND_LIMIT), began);
        assert!(!append.is_overdue(true, at(5.0)));
        assert!(!append.is_overdue(true, at(5.9)));
        assert!(append.is_overdue(true, at(6.0)));

        let mut open = Wait::new(None, began);
        assert!(!open.is_overdue(false, at(3_600.0)));
        assert!(!open.is_overdue(true, at(3_600.0)));
        assert!(open.is_overdue(true, at(3_601.0)));
    }
}
