//! How long open_ids are kept.

use std::time::Duration;

/// A day: a service looks once a day.
pub(super) const LEAST: Duration = Duration::from_hours(24);
/// A hundred years.
pub(super) const MOST: Duration = Duration::from_hours(24 * 36_500);
