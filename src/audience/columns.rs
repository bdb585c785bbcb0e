//! The columns of a source.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The columns to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The name of the column that holds open_ids.
    pub open_id: String,
    /// The name of the column that says when the user was last active.
    pub last_active: Option<String>,
    /// The time zone of times without a zone.
    pub zone: TimeZone,
    /// The present. A time after the end of tomorrow is not valid.
    pub present: Timestamp,
}
