//! Why an audience cannot be read, with the place.

use std::io;
use std::path::{Path, PathBuf};

use super::opened::Damage;
use super::sound::Found;

/// Why an audience cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// The system does not let it be opened or read: it is absent, or a permission is missing, or the disk fails.
    #[error("cannot read the audience {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is something else in the file's place.
    #[error("cannot read the audience {}: it is {what}, not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is: "a directory".
        what: &'static str,
    },
    /// A pattern that cannot be read as one.
    #[error("cannot look for the audience {}: {why}", path.display())]
    Pattern {
        /// The pattern.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A pattern that no file has.
    #[error("no file matches the audience's pattern {}", path.display())]
    NoMatch {
        /// The pattern.
        path: PathBuf,
    },
    /// Nothing is piped in.
    #[error("cannot read the audience from the standard input: it is a terminal")]
    Terminal,
    /// Something else than what the campaign file says.
    #[error("cannot read the audience {}: it is {}", path.display(), what.name())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: Foreign,
    },
    /// Compressed data that ends too early, or is not what was compressed.
    #[error("cannot read the audience {}: its {how} data {}", path.display(), if *cut { "ends too early" } else { "is damaged" })]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The compression.
        how: &'static str,
        /// Whether the end is missing.
        cut: bool,
    },
    /// Not even a header.
    #[error("the audience {} is empty: it has no header line", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Its header does not have the column.
    #[error("the audience {} has no column {column:?}: its header on line {line} has {}", path.display(), list(found))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The line of the header.
        line: u64,
        /// The column that was asked for.
        column: String,
        /// The columns that there are.
        found: Vec<String>,
        /// The one of them that was probably meant.
        nearest: Option<String>,
    },
    /// Its header has the column more than once.
    #[error("the audience {} has the column {column:?} {times} times in its header on line {line}", path.display())]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The line of the header.
        line: u64,
        /// The column that was asked for.
        column: String,
        /// How often it is there.
        times: usize,
    },
    /// A place in it that cannot be read as rows. Nothing behind such a place can be trusted.
    #[error("the audience {}, line {line}: {flaw}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong there.
        flaw: Flaw,
    },
    /// It was written to, or another file was put in its place, while it was read.
    #[error("the audience {} changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Whoever took the rows wants no more of them. Nobody is left to be told.
    #[error("the reading of the audience was broken off")]
    BrokenOff,
    /// The system gives no thread to read on.
    #[error("cannot begin to read the audience")]
    NoThread {
        /// What the system said.
        source: io::Error,
    },
    /// The thread that reads ended without a word.
    #[error("the reading of the audience ended before its end; this is a defect")]
    Broken,
}

/// What a file is that is none of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A Parquet file.
    Parquet,
    /// A zip archive, as which spreadsheets are saved.
    Zip,
    /// An SQLite database.
    Sqlite,
    /// An archive or a compression that is not taken off here, by its name.
    Archive(&'static str),
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

    const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "a Parquet file",
            Self::Zip => "a zip archive or an Excel workbook",
            Self::Sqlite => "an SQLite database",
            Self::Archive(name) => name,
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Parquet => "write `parquet:` in place of the source's kind",
            Self::Zip => "save the sheet as \"CSV UTF-8\", or unpack the archive",
            Self::Sqlite => "write `sqlite: {path: …, query: …}` as the source",
            Self::Archive(_) => "unpack it; gzip and zstd are read as they are",
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
}

impl AudienceError {
    /// What whoever wrote the file could do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoColumn {
                nearest: Some(nearest), ..
            } => Some(format!("did you mean {nearest:?}?")),
            Self::NoColumn { .. } => {
                Some("name the column of the open_ids in `open_id`, or the file's `delimiter` or `encoding`".into())
            }
            Self::RepeatedColumn { .. } => Some("rename one of them: which of the two is meant is not guessed".into()),
            Self::Malformed { flaw, .. } => flaw.help().map(Into::into),
            Self::Changed { .. } => Some("run it again when the file is written completely".into()),
            Self::Pattern { .. } => {
                Some("write `*` for any characters of a name, `?` for one, `[abc]` for one of these".into())
            }
            Self::NoMatch { .. } => Some("`*` does not match `/`, nor a point at the beginning of a name".into()),
            Self::Terminal => Some("pipe the audience in, as in `export-members | runner apply campaign.yaml`".into()),
            Self::Foreign { what, .. } => Some(what.help().into()),
            Self::Damaged { cut: true, .. } => Some("the file was cut off: copy or export it again".into()),
            Self::Damaged { .. } => Some("copy or export the file again".into()),
            Self::Unreadable { .. }
            | Self::NotAFile { .. }
            | Self::Empty { .. }
            | Self::BrokenOff
            | Self::NoThread { .. }
            | Self::Broken => None,
        }
    }

    /// What went wrong while a file was read, below the parser that wanted its bytes.
    pub(super) fn of(path: &Path, error: io::Error) -> Self {
        let error = match error.downcast::<Found>() {
            Ok(Found { line, flaw }) => {
                let path = path.into();
                return Self::Malformed { path, line, flaw };
            }
            Err(error) => error,
        };
        match error.downcast::<Damage>() {
            Ok(Damage { how, cut }) => {
                let path = path.into();
                Self::Damaged { path, how, cut }
            }
            Err(source) => {
                let path = path.into();
                Self::Unreadable { path, source }
            }
        }
    }
}

impl Flaw {
    const fn help(self) -> Option<&'static str> {
        match self {
            Self::UnclosedQuote | Self::TextBehindQuote => Some("write a quote inside a quoted field twice: \"\""),
            Self::Nul => Some("a file that was cut by a full disk looks like this too: export it again"),
            Self::Utf16 => Some("save it as \"CSV UTF-8\""),
            Self::TooLong => None,
            Self::LoneCarriageReturn => Some("save it with the line ends of Windows or Unix"),
        }
    }
}

/// A header in a sentence. One of a thousand columns is cut: nobody reads them.
fn list(columns: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<_> = columns.iter().take(SHOWN).map(|column| format!("{column:?}")).collect();
    if let Some(more) = columns.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}
