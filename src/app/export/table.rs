//! A writer of deliveries in one format.

use std::io;

use crate::history::row::Row;

/// A writer of rows in one format.
pub trait Table: Send {
    /// Writes one delivery.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;
    /// Writes what follows the last row.
    fn end(&mut self) -> io::Result<()>;
}
