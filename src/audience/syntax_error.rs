//! Flaws in the content of a file.

use crate::catalogue::audience;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How many bytes of a file show its kind: up to the end of the magic word of a tar archive.
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
    /// A web page.
    Html,
    /// A file of a program that can save it as text.
    Document(Document),
    /// An archive or a compression that is not supported.
    Archive(Archive),
    /// Data compressed with gzip where a table is expected.
    Gzip,
    /// Data compressed with zstd where a table is expected.
    Zstd,
}

/// A file of a program that can save it as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// An old Excel workbook.
    Workbook,
    /// A PDF file.
    Pdf,
    /// An RTF document.
    Rtf,
    /// An Avro file.
    Avro,
    /// An XML file.
    Xml,
}

/// An archive or a compression that is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// gzip data within compressed data.
    GzipWithin,
    /// zstd data within compressed data.
    ZstdWithin,
    /// Data compressed with bzip2.
    Bzip2,
    /// Data compressed with xz.
    Xz,
    /// A 7z archive.
    SevenZip,
    /// A RAR archive.
    Rar,
    /// A tar archive.
    Tar,
}

impl Foreign {
    /// Detects the kind of file by its first bytes; `None` if it may be text.
    pub(super) fn new(start: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 13] = [
            (b"PAR1", Self::Parquet),
            (b"PK\x03\x04", Self::Zip),
            (b"SQLite format 3\0", Self::Sqlite),
            (b"\x1f\x8b", Self::Archive(Archive::GzipWithin)),
            (b"\x28\xb5\x2f\xfd", Self::Archive(Archive::ZstdWithin)),
            (b"BZh", Self::Archive(Archive::Bzip2)),
            (b"\xfd7zXZ\0", Self::Archive(Archive::Xz)),
            (b"7z\xbc\xaf\x27\x1c", Self::Archive(Archive::SevenZip)),
            (b"Rar!\x1a\x07", Self::Archive(Archive::Rar)),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Self::Document(Document::Workbook)),
            (b"%PDF-", Self::Document(Document::Pdf)),
            (b"{\\rtf", Self::Document(Document::Rtf)),
            (b"Obj\x01", Self::Document(Document::Avro)),
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
            None if is_tar => Some(Self::Archive(Archive::Tar)),
            None if begins(&["<!doctype html", "<html", "<head", "<meta", "<table", "<script"]) => Some(Self::Html),
            None if begins(&["<?xml"]) => Some(Self::Document(Document::Xml)),
            None => None,
        }
    }

    /// Detects the kind of file where a Parquet file or a database is expected; `None` if it is unknown.
    pub(super) fn in_place_of_table(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => Self::new(start),
        }
    }

    /// The word that selects a text of the catalogue.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Zip => "zip",
            Self::Sqlite => "sqlite",
            Self::Json => "json",
            Self::Html => "html",
            Self::Document(Document::Workbook) => "workbook",
            Self::Document(Document::Pdf) => "pdf",
            Self::Document(Document::Rtf) => "rtf",
            Self::Document(Document::Avro) => "avro",
            Self::Document(Document::Xml) => "xml",
            Self::Archive(Archive::GzipWithin) => "gzip-within",
            Self::Archive(Archive::ZstdWithin) => "zstd-within",
            Self::Archive(Archive::Bzip2) => "bzip2",
            Self::Archive(Archive::Xz) => "xz",
            Self::Archive(Archive::SevenZip) => "seven-zip",
            Self::Archive(Archive::Rar) => "rar",
            Self::Archive(Archive::Tar) => "tar",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    pub(super) fn help(self) -> String {
        match self {
            Self::Parquet => audience::ParquetHelp.to_string(),
            Self::Zip => audience::ZipHelp.to_string(),
            Self::Sqlite => audience::SqliteHelp.to_string(),
            Self::Json => audience::JsonHelp.to_string(),
            Self::Document(_) => audience::DocumentHelp.to_string(),
            Self::Html => audience::HtmlHelp.to_string(),
            Self::Archive(_) => audience::ArchiveHelp.to_string(),
            Self::Gzip | Self::Zstd => audience::PackedHelp.to_string(),
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
    #[error("{}", audience::OpenQuote)]
    UnclosedQuote,
    /// A closing quote does not end its field. A lenient parser would join several rows.
    #[error("{}", audience::TextAfterQuote)]
    TextBehindQuote,
    /// A NUL byte.
    #[error("{}", audience::Nul)]
    Nul,
    /// UTF-16 text.
    #[error("{}", audience::Utf16)]
    Utf16 {
        /// The encoding to save it in, by the name that its program has for it.
        save_as: SaveAs,
    },
    /// A row is longer than allowed.
    #[error("{}", audience::TooLong)]
    TooLong,
    /// Lines end with a carriage return alone, as on the Macs of the nineties.
    #[error("{}", audience::LoneCarriageReturn)]
    LoneCarriageReturn,
    /// The line is not valid UTF-8.
    #[error("{}", audience::NotUtf8)]
    NotUtf8,
    /// The line ends inside an object.
    #[error("{}", audience::CutJson)]
    CutJson,
    /// The line is an array.
    #[error("{}", audience::JsonArray)]
    JsonArray,
    /// The line begins like an object and is not valid JSON.
    #[error("{}", audience::NotJson { column })]
    NotJson {
        /// The column, in bytes.
        column: usize,
    },
    /// The line is not an object.
    #[error("{}", audience::NoObject)]
    NoObject,
}

impl SyntaxError {
    pub(super) fn help(self) -> String {
        match self {
            Self::UnclosedQuote | Self::TextBehindQuote => audience::QuoteHelp.to_string(),
            Self::Nul => audience::NulHelp.to_string(),
            Self::Utf16 {
                save_as: SaveAs::CsvUtf8,
            } => audience::SaveAsCsvUtf8.to_string(),
            Self::Utf16 { save_as: SaveAs::Utf8 } | Self::NotUtf8 => audience::SaveAsUtf8.to_string(),
            Self::TooLong => audience::TooLongHelp.to_string(),
            Self::LoneCarriageReturn => audience::LoneCarriageReturnHelp.to_string(),
            Self::CutJson => audience::CutJsonHelp.to_string(),
            Self::JsonArray => audience::JsonArrayHelp.to_string(),
            Self::NotJson { .. } => audience::NotJsonHelp.to_string(),
            Self::NoObject => audience::NoObjectHelp.to_string(),
        }
    }
}
