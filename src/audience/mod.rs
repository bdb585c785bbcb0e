//! Audiences: one file per kind of source. A source is read as a stream of rows, never as a list, and each row has
//! either a usable open_id or the reason why it is unusable.
//!
//! A kind of source is a type that implements `reading::RowSource`, and a variant of [`Source`].

mod activity;
mod artefact;
mod batch;
mod cell;
mod csv;
mod error;
mod expected;
mod input;
mod jsonl;
mod mysql;
mod parquet;
mod postgres;
mod query;
mod quote_validator;
mod reading;
mod source;
mod sqlite;
mod syntax_error;

use crate::model::event::FileShare;

pub use crate::campaign::Files;
#[cfg(test)]
pub(crate) use artefact::find as find_artefact;
pub use batch::{Activity, Batch, Place, Row};
pub use error::{AudienceError, Responsible, Role, Said};
pub use input::Input;
pub use query::{Limits, Query, Server};
pub use reading::{Next, Reading};
pub use source::{Columns, CsvSource, Encoding, JsonlSource, ParquetSource, Source, SqliteSource};
pub use syntax_error::{Foreign, SyntaxError};

/// The totals of a source that was read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of rows, unusable ones included; neither headers nor blank lines.
    pub rows: u64,
    /// The number of bytes, uncompressed.
    pub bytes: u64,
    /// The SHA-256 of the bytes, or of the rows for a source without bytes of its own. For several files, the hash of
    /// their hashes.
    pub hash: [u8; 32],
    /// The number of rows of each file, or of the query.
    pub shares: Vec<FileShare>,
}

/// Reads `source` to its end and calls `on_rows` for each batch, in the order of the source. It suits callers that do
/// nothing else at the same time; a run uses [`Reading`].
///
/// The batches are valid only if this returns `Ok`; see [`Reading::next`].
///
/// # Errors
/// If the source cannot be read to its end, is malformed, or changed while it was read.
pub async fn read(source: &Source, mut on_rows: impl FnMut(&Batch)) -> Result<Totals, AudienceError> {
    let mut reading = Reading::begin(source)?;
    loop {
        match reading.next().await? {
            Next::Rows(batch) => on_rows(&batch),
            Next::End(totals) => return Ok(totals),
        }
    }
}

#[cfg(test)]
mod tests;
