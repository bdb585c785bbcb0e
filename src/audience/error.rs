//! Why an audience cannot be read, with the place.

use std::path::PathBuf;

/// Why an audience cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// The system does not let it be opened or read: it is absent, or a permission is missing, or the disk fails.
    #[error("cannot read the audience {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is something else in the file's place.
    #[error("cannot read the audience {}: it is {what}, not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is: "a directory".
        what: &'static str,
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
    /// Whoever was shown the rows wanted no more of them.
    #[error("the reading of the audience {} was broken off", path.display())]
    BrokenOff {
        /// The file.
        path: PathBuf,
    },
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
            Self::Unreadable { .. } | Self::NotAFile { .. } | Self::Empty { .. } | Self::BrokenOff { .. } => None,
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
