//! Who: one file per kind of source. A source is read as a stream of rows, never as a list, and each row arrives either
//! with an open_id that may be sent to or with the reason why not.
//!
//! A kind of source is a type that can pour its rows out (`reading::Pour`), and a variant of [`Source`].

mod activity;
mod artefact;
mod batch;
mod cell;
mod csv;
mod error;
mod expected;
mod flaw;
mod jsonl;
mod mysql;
mod opened;
mod parquet;
mod postgres;
mod query;
mod reading;
mod sound;
mod source;
mod sqlite;

use crate::event::FileShare;

pub use crate::campaign::Files;
pub use batch::{Activity, Batch, Place, Row};
pub use error::{AudienceError, Blame, Role, Said};
pub use flaw::{Flaw, Foreign};
pub use opened::Input;
pub use query::{Limits, Query, Server};
pub use reading::{Next, Reading};
pub use source::{Columns, CsvSource, Encoding, JsonlSource, ParquetSource, Source, SqliteSource};

/// What was read, when all of it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows, unusable ones included; neither headers nor blank lines.
    pub rows: u64,
    /// How many bytes, uncompressed.
    pub bytes: u64,
    /// SHA-256 of what was read: of these bytes, or of the rows where a source has no bytes of its own. Of several files
    /// that of their hashes.
    pub hash: [u8; 32],
    /// What each file, or the one query, brought.
    pub shares: Vec<FileShare>,
}

/// Reads the whole of `source` and shows each batch of rows to `on_rows`, in the order of the source. For whoever has nothing
/// else to watch meanwhile; a run reads by [`Reading`].
///
/// What was shown counts only when this returns `Ok`; see [`Reading::next`].
///
/// # Errors
/// When the source cannot be read to its end, is malformed, or has changed meanwhile.
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
