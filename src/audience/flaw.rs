//! What can be wrong with the content of a file.

/// What a file is that is none of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A Parquet file.
    Parquet,
    /// A zip archive, as which spreadsheets are saved.
    Zip,
    /// An SQLite database.
    Sqlite,
    /// JSON where CSV is expected.
    Json,
    /// An archive or a compression that is not taken off here, by its name.
    Archive(&'static str),
    /// A compression that is taken off text only, by its name.
    Packed(&'static str),
}

impl Foreign {
    /// What these first bytes begin, if it is no text.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
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

    /// What these first bytes begin, where a Parquet file or a database is expected.
    pub(super) fn in_place_of_table(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Packed("compressed with gzip")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Packed("compressed with zstd")),
            _ => Self::of(start),
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

/// What is wrong with a place in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A quote that opens there and is never closed: everything behind it would be one field.
    #[error("the quote that opens here is never closed")]
    UnclosedQuote,
    /// A quote that closes there and does not end its field. Taken leniently, it makes one row of several.
    #[error("there is text behind a closing quote, so the quotes do not pair")]
    TextBehindQuote,
    /// A NUL byte.
    #[error("there is a NUL byte, so this is no text")]
    Nul,
    /// Two bytes a character.
    #[error("the text is UTF-16")]
    Utf16,
    /// A row that is too long to be one.
    #[error("the row that begins here is longer than 1 MiB")]
    TooLong,
    /// Lines that end as they did on the Macs of the nineties.
    #[error("its lines end with a carriage return alone")]
    LoneCarriageReturn,
    /// Bytes that are no text in UTF-8.
    #[error("the line is not UTF-8 text")]
    NotUtf8,
    /// The end of the file within an object.
    #[error("the line ends within a JSON object")]
    CutJson,
    /// One array around everything.
    #[error("the line is a JSON array, not an object")]
    JsonArray,
    /// What begins like an object and is none.
    #[error("the line is not JSON from column {column} on")]
    NotJson {
        /// The column, in bytes.
        column: usize,
    },
    /// No object at all.
    #[error("the line is not a JSON object")]
    NoObject,
}

impl Flaw {
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
