//! The rate of attempts.

use super::keys::keys;
use super::number::{IntegerRange, Rate};

keys! {
    /// The rate at which attempts start for the app id.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Pace {
        /// Attempts that start in any rolling second, also below 1. The platform's documented limit is 100.
        // Two below the limit, because the platform's clock and ours differ.
        per_second: f64 = Rate, default 98.0;
        /// Attempts in one calendar day of the campaign's time zone, retries and resends included; kept across restarts.
        per_day: u64 = IntegerRange(1..=1_000_000_000), optional;
        /// The most requests in flight at once.
        max_in_flight: u16 = IntegerRange(1..=1024), default 64;
    }
}
