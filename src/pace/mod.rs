//! Pacing: how far apart the attempts of one app id start, and how long a delivery waits before a retry.

pub mod backoff;
pub mod quota;
pub mod throttle;
