//! The pace of queries about the platform's own records. They have the same limiter as sends, so that both together stay below
//! the platform's limit, and use a small part of the campaign's pace.

use std::sync::Arc;
use std::time::Duration;

use crate::model::clock::monotonic_now;

use super::app_limiter::{AppLimiter, LimiterHandle, NotTaken};

/// The part of a campaign's pace that queries use.
pub const SHARE: f64 = 0.1;

/// The right to ask the platform for its records, while the app lock is held.
#[derive(Debug)]
pub struct QueryPace {
    limiter: Arc<AppLimiter>,
    /// Releases the app lock when it is dropped.
    _handle: LimiterHandle,
}

impl QueryPace {
    /// Takes the app lock. `per_second` is the campaign's pace, and `timeout` the longest that a query takes.
    ///
    /// # Errors
    /// If another process sends for the app id, or the system refuses the lock.
    pub async fn take(limiter: &Arc<AppLimiter>, per_second: f64, timeout: Duration) -> Result<Self, NotTaken> {
        let handle = limiter.join(per_second * SHARE, timeout, monotonic_now());
        handle.take().await?;
        Ok(Self {
            limiter: Arc::clone(limiter),
            _handle: handle,
        })
    }

    /// Whether nobody else can own the app id now. Asked right before a request that may give a coupon.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.limiter.is_trusted()
    }

    /// Waits until the next query may start.
    pub async fn start(&self) {
        let _ = self.limiter.start(|| true).await;
    }
}
