//! When: how far apart attempts start for one app id, and how long a delivery waits before it is tried again.

pub mod backoff;
pub mod quota;
pub mod throttle;
