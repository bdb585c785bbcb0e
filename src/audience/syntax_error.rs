//! Flaws in the content of a file.

/// A kind of file that the source does not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A Parquet file.
    Parquet,
    /// A zip archive; spreadsheets are zip archives.
    Zip,
    /// An SQLite database.
    Sqlite,
    /// JSON where CSV is expected.
    Json,
    /// An archive or a compression that is not supported, by its name.
    Archive(&'static str),
    /// A compression that is supported for text only, by its name.
    Packed(&'static str),
}

impl Foreign {
    /// Detects the kind of file by its first bytes; `None` if it may be text.
    pub(super) fn new(start: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 8] = [
            (b"PAR1", Self::Parquet),
            (b"PK\x03\x04", Self::Zip),
            (b"SQLite format 3\0", Self::Sqlite),
            (b"\x1f\x8b", Self::Archive("gzip data within compressed data")),
            (b"\x28\xb5\x2f\xfd", Self::Archive("zstd data within compressed data")),
            (b"BZh", Self::Archive("compressed with bzip2")),
            (b"\xfd7zXZ\0", Self::Archive("compressed with xz")),
            (b"7z\xbc\xaf\x27\x1c", Self::Archive("a 7z archive")),
        ];
        known
            .into_iter()
            .find(|(magic, _)| start.starts_with(magic))
            .map(|(_, what)| what)
    }

    /// Detects the kind of file where a Parquet file or a database is expected; `None` if it is unknown.
    pub(super) fn in_place_of_table(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Packed("compressed with gzip")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Packed("compressed with zstd")),
            _ => Self::new(start),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "a Parquet file",
            Self::Zip => "a zip archive or an Excel workbook",
            Self::Sqlite => "an SQLite database",
            Self::Json => "JSON, not CSV",
            Self::Archive(name) | Self::Packed(name) => name,
        }
    }

    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Parquet => "write `parquet:` in place of the source's kind",
            Self::Zip => "save the sheet as \"CSV UTF-8\", or unpack the archive",
            Self::Sqlite => "write `sqlite: {path: …, query: …}` as the source",
            Self::Json => "write `jsonl:` as the source, if each line is one object",
            Self::Archive(_) => "unpack it; gzip and zstd are read as they are",
            Self::Packed(_) => "unpack it; only CSV and JSON lines are read as they are",
        }
    }
}

/// A flaw at a place in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// A quote is never closed: the rest of the file would be one field.
    #[error("the quote that opens here is never closed")]
    UnclosedQuote,
    /// A closing quote does not end its field. A lenient parser would join several rows.
    #[error("there is text behind a closing quote, so the quotes do not pair")]
    TextBehindQuote,
    /// A NUL byte.
    #[error("there is a NUL byte, so this is no text")]
    Nul,
    /// UTF-16 text.
    #[error("the text is UTF-16")]
    Utf16,
    /// A row is longer than allowed.
    #[error("the row that begins here is longer than 1 MiB")]
    TooLong,
    /// Lines end with a carriage return alone, as on the Macs of the nineties.
    #[error("its lines end with a carriage return alone")]
    LoneCarriageReturn,
    /// The line is not valid UTF-8.
    #[error("the line is not UTF-8 text")]
    NotUtf8,
    /// The line ends inside an object.
    #[error("the line ends within a JSON object")]
    CutJson,
    /// The line is an array.
    #[error("the line is a JSON array, not an object")]
    JsonArray,
    /// The line begins like an object and is not valid JSON.
    #[error("the line is not JSON from column {column} on")]
    NotJson {
        /// The column, in bytes.
        column: usize,
    },
    /// The line is not an object.
    #[error("the line is not a JSON object")]
    NoObject,
}

impl SyntaxError {
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::UnclosedQuote | Self::TextBehindQuote => "write a quote inside a quoted field twice: \"\"",
            Self::Nul => "a file that was cut by a full disk looks like this too: export it again",
            Self::Utf16 => "save it as \"CSV UTF-8\"",
            Self::TooLong => "export it again: an open_id has at most 128 characters, and a row not many more",
            Self::LoneCarriageReturn => "save it with the line ends of Windows or Unix",
            Self::NotUtf8 => "save it as UTF-8",
            Self::CutJson => "each line is one object; a file that was cut off looks like this too: export it again",
            Self::JsonArray => "write each object on a line of its own, without the array around them",
            Self::NotJson { .. } => "each line is one object, such as {\"open_id\": \"…\"}",
            Self::NoObject => {
                "each line is one object, such as {\"open_id\": \"…\"}; for a CSV file write `csv:` as the source"
            }
        }
    }
}
