//! The time since this machine was started, suspended time included.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
/// Other platforms do not count the time of suspension.
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// The time since this machine was started.
#[must_use]
pub fn boot_now() -> Duration {
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}
