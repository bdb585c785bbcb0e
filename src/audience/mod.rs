//! Who: one file per kind of source. A source is read as a stream of rows, never as a list, and each row arrives either
//! with an open_id that may be sent to or with the reason why not.
//!
//! A kind of source is a type that can [pour](reading::Pour) its rows out, and a variant of [`Source`].

mod activity;
mod batch;
mod csv;
mod error;
mod opened;
mod reading;
mod sound;

use jiff::tz::TimeZone;

use crate::campaign;
use crate::event::FileShare;

pub use batch::{Activity, Batch, Place, Row};
pub use error::{AudienceError, Flaw, Foreign};
pub use opened::{Files, Input};
pub use reading::{Next, Reading};

/// Where an audience comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Comma-separated values with a header line.
    Csv(CsvSource),
}

/// Comma-separated values with a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSource {
    /// Where the text comes from.
    pub input: Input,
    /// What is read of each row.
    pub columns: Columns,
    /// How its bytes are to be read as text.
    pub encoding: Encoding,
    /// What separates its fields: `,` `;` or a tab. None: what the header line suggests.
    pub delimiter: Option<u8>,
}

/// What is read of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The name of the column that holds open_ids.
    pub open_id: String,
    /// The name of the column that says when the user was last active.
    pub last_active: Option<String>,
    /// The zone of times in it that name none.
    pub zone: TimeZone,
}

impl Source {
    /// What the campaign file says, with times by the clocks of its zone.
    #[must_use]
    pub fn of(said: &campaign::Source, zone: &TimeZone) -> Self {
        let csv = &said.csv;
        Self::Csv(CsvSource {
            input: Input::Files(csv.path.as_path().into()),
            columns: Columns {
                open_id: csv.open_id.clone(),
                last_active: csv.last_active.clone(),
                zone: zone.clone(),
            },
            encoding: match csv.encoding {
                Some(campaign::Encoding::Gb18030) => Encoding::Gb18030,
                Some(campaign::Encoding::Utf8) | None => Encoding::Utf8,
            },
            delimiter: csv.delimiter.map(campaign::Delimiter::byte),
        })
    }

    fn kind(&self) -> &dyn reading::Pour {
        match self {
            Self::Csv(source) => source,
        }
    }
}

/// How bytes are to be read as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB18030, and so GBK and GB2312 as well.
    Gb18030,
}

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

/// Reads the whole of `source` and shows each batch of rows to `on_rows`, in the order of the source.
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
