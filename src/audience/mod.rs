//! Who: one file per kind of source. A source is read as a stream of rows, never as a list, and each row arrives either
//! as an open_id that may be sent to or with the reason why not.
//!
//! Reading blocks: from async code it is called where blocking is allowed.

mod csv;
mod error;
mod sound;

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::campaign;
use crate::event::UnusableKind;

pub use error::{AudienceError, Flaw};

/// Where an audience comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of comma-separated values with a header line.
    Csv(CsvSource),
}

/// A file of comma-separated values with a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSource {
    /// The file.
    pub path: PathBuf,
    /// The name of the column that holds open_ids.
    pub open_id: String,
    /// How its bytes are to be read as text.
    pub encoding: Encoding,
    /// What separates its fields: `,` `;` or a tab. None: what the header line suggests.
    pub delimiter: Option<u8>,
}

impl From<&campaign::Source> for Source {
    fn from(said: &campaign::Source) -> Self {
        let csv = &said.csv;
        Self::Csv(CsvSource {
            path: csv.path.clone(),
            open_id: csv.open_id.clone(),
            encoding: match csv.encoding {
                Some(campaign::Encoding::Gb18030) => Encoding::Gb18030,
                Some(campaign::Encoding::Utf8) | None => Encoding::Utf8,
            },
            delimiter: csv.delimiter.map(campaign::Delimiter::byte),
        })
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

/// One row of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The line that it begins on, from 1; the header is on one too.
    pub line: u64,
    /// The user's id, trimmed and checked by the rule of [`crate::identity::OpenId`], or why there is none.
    pub open_id: Result<&'a str, UnusableKind>,
}

/// What was read, when all of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// How many rows, unusable ones included; neither the header nor blank lines.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub hash: [u8; 32],
}

/// Reads the whole of `source` and shows each row to `on_row`, in the order of the source.
///
/// What was shown counts only when this returns `Ok`: a flaw may lie at the very end, and whether the source stood still
/// is known only then.
///
/// # Errors
/// When the source cannot be read to its end, is malformed, has changed meanwhile, or `on_row` breaks it off.
pub fn read(source: &Source, on_row: impl FnMut(Row<'_>) -> ControlFlow<()>) -> Result<Totals, AudienceError> {
    match source {
        Source::Csv(source) => csv::read(source, on_row),
    }
}

#[cfg(test)]
mod tests;
