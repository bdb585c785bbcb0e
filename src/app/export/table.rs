//! A writer of deliveries in one format.

use std::io;

use crate::history::row::Row;
#[cfg(test)]
use crate::model::delivery::StateName;

/// A writer of rows in one format.
pub trait Table: Send {
    /// Writes one delivery.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;
    /// Writes what follows the last row.
    fn end(&mut self) -> io::Result<()>;
}

#[cfg(test)]
/// A delivery that is owed and was never attempted.
pub(super) fn pending(open_id: &str) -> Row<'_> {
    Row {
        open_id: open_id.to_owned(),
        ordinal: 1,
        merchant_coupon_id: None,
        state: StateName::Pending,
        activity_id: None,
        attempts: 0,
        unknown_attempts: 0,
        first_attempt_at: None,
        settled_at: None,
        outcome: None,
        reason: None,
        decision: None,
        found: None,
    }
}
