//! Flaws in the content of a file.

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How many bytes of a file tell its kind: as many as a tar archive has before and in its magic word.
pub(super) const LOOK: usize = TAR_MAGIC_AT + 5;
const TAR_MAGIC_AT: usize = 257;

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
    /// A file of a program that can save it as text, by the name of its kind.
    Document(&'static str),
    /// A web page.
    Html,
    /// An archive or a compression that is not supported, by its name.
    Archive(&'static str),
    /// A compression that is supported for text only, by its name.
    Packed(&'static str),
}

impl Foreign {
    /// Detects the kind of file by its first bytes; `None` if it may be text.
    pub(super) fn new(start: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 13] = [
            (b"PAR1", Self::Parquet),
            (b"PK\x03\x04", Self::Zip),
            (b"SQLite format 3\0", Self::Sqlite),
            (b"\x1f\x8b", Self::Archive("gzip data within compressed data")),
            (b"\x28\xb5\x2f\xfd", Self::Archive("zstd data within compressed data")),
            (b"BZh", Self::Archive("compressed with bzip2")),
            (b"\xfd7zXZ\0", Self::Archive("compressed with xz")),
            (b"7z\xbc\xaf\x27\x1c", Self::Archive("a 7z archive")),
            (b"Rar!\x1a\x07", Self::Archive("a RAR archive")),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
                Self::Document("an old Excel workbook (.xls)"),
            ),
            (b"%PDF-", Self::Document("a PDF file")),
            (b"{\\rtf", Self::Document("an RTF document")),
            (b"Obj\x01", Self::Document("an Avro file")),
        ];
        let known = known.into_iter().find(|(magic, _)| start.starts_with(magic));
        let is_tar = start.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar"));
        let markup = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii_start();
        let begins = |tags: &[&str]| {
            let begins_with = |tag: &&str| {
                markup
                    .get(..tag.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(tag.as_bytes()))
            };
            tags.iter().any(begins_with)
        };
        match known {
            Some((_, what)) => Some(what),
            None if is_tar => Some(Self::Archive("a tar archive")),
            None if begins(&["<!doctype html", "<html", "<head", "<meta", "<table", "<script"]) => Some(Self::Html),
            None if begins(&["<?xml"]) => Some(Self::Document("an XML file, as some programs save a workbook")),
            None => None,
        }
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
            Self::Html => "a web page (HTML)",
            Self::Archive(name) | Self::Packed(name) | Self::Document(name) => name,
        }
    }

    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Parquet => "write `parquet:` in place of the source's kind",
            Self::Zip => "save the sheet as \"CSV UTF-8\", or unpack the archive",
            Self::Sqlite => "write `sqlite: {path: …, query: …}` as the source",
            Self::Json => "write `jsonl:` as the source, if each line is one object",
            Self::Document(_) => "convert it: open it in the program that it belongs to, and save it as \"CSV UTF-8\"",
            Self::Html => {
                "some systems export a table as HTML: open it in a spreadsheet program and save it as \"CSV UTF-8\"; a download that \
                 asks for a login looks like this too"
            }
            Self::Archive(_) => "unpack it; gzip and zstd are read as they are",
            Self::Packed(_) => "unpack it; only CSV and JSON lines are read as they are",
        }
    }
}

/// How to save a text again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveAs {
    /// As "CSV UTF-8", the name that spreadsheets have for it.
    CsvUtf8,
    /// As UTF-8.
    Utf8,
}

/// Whether a text is UTF-16, with a byte order mark or without one.
pub(super) fn is_utf16(text: &[u8]) -> bool {
    match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // Two ASCII characters, each with a zero byte.
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] => *first != 0 && *second != 0,
        _ => false,
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
    Utf16 {
        /// The encoding to save it in, by the name that its program has for it.
        save_as: SaveAs,
    },
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
            Self::Utf16 {
                save_as: SaveAs::CsvUtf8,
            } => "save it as \"CSV UTF-8\"",
            Self::Utf16 { save_as: SaveAs::Utf8 } | Self::NotUtf8 => "save it as UTF-8",
            Self::TooLong => "export it again: an open_id has at most 128 characters, and a row not many more",
            Self::LoneCarriageReturn => "save it with the line ends of Windows or Unix",
            Self::CutJson => "each line is one object; a file that was cut off looks like this too: export it again",
            Self::JsonArray => "write each object on a line of its own, without the array around them",
            Self::NotJson { .. } => "each line is one object, such as {\"open_id\": \"…\"}",
            Self::NoObject => {
                "each line is one object, such as {\"open_id\": \"…\"}; for a CSV file write `csv:` as the source"
            }
        }
    }
}
