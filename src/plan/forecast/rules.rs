//! The rules that a forecast and a run share.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::calendar::{Calendar, FAR};
use crate::model::clock::until;

/// The maximum interval between starts.
const FURTHEST: Duration = Duration::from_hours(48);
/// A run that waits at least this long releases the app id's lock.
pub const RELEASE_AFTER: Duration = Duration::from_mins(1);
/// The assumed latency of an answer. It matters only to the slow start and when few requests are in flight.
pub const ANSWER: Duration = Duration::from_millis(70);

/// How long a run starts nothing after it acquires the app id's lock, because the previous owner may have sent until
/// just before: a second, or the interval between starts when that is longer.
#[must_use]
pub fn after_taking(per_second: f64) -> Duration {
    let apart = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(FURTHEST);
    apart.clamp(Duration::from_secs(1), FURTHEST)
}

/// How much of the time between two moments is inside windows.
pub(super) fn open_between(hours: &Calendar, from: Timestamp, to: Timestamp) -> Duration {
    let windows = hours.windows(from).take(FAR);
    let inside = windows.map_while(|window| until(window.opens, window.closes.min(to)));
    inside.fold(Duration::ZERO, Duration::saturating_add)
}
