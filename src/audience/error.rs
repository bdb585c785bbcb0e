//! Why an audience cannot be read, with the place.

use std::io;
use std::path::{Path, PathBuf};

use super::flaw::{Flaw, Foreign};
use super::opened::Damage;
use super::sound::Found;
use crate::secret::{SecretError, SecretRef};

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
    #[error("cannot read the audience {}: its {how} data {}{}", path.display(), if *cut { "ends too early" } else { "is damaged" }, behind("line", *line))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The last line that came out of it whole; 0 if there is none.
        line: u64,
        /// The compression.
        how: &'static str,
        /// Whether the end is missing.
        cut: bool,
    },
    /// Not even a header.
    #[error("the audience {} is empty: it has no {lacks}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What has to be there at least.
        lacks: &'static str,
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
    /// A Parquet file or the result of a query that does not have the column.
    #[error("{place} has no column {column:?}: it has {}", list(found))]
    NoSuchColumn {
        /// The file or the query.
        place: String,
        /// The column that was asked for.
        column: String,
        /// The columns that there are.
        found: Vec<String>,
        /// The one of them that was probably meant.
        nearest: Option<String>,
    },
    /// A query's result that has the column more than once.
    #[error("{place} has the column {column:?} {times} times")]
    Ambiguous {
        /// The query.
        place: String,
        /// The column that was asked for.
        column: String,
        /// How often it is there.
        times: usize,
    },
    /// A column that holds something else.
    #[error("the column {column:?} of {place} is of type {found}, which is no {}", role.name())]
    ColumnType {
        /// The file or the query.
        place: String,
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What it should hold.
        role: Role,
    },
    /// No Parquet file.
    #[error("cannot read the audience {}: it is not a Parquet file", path.display())]
    NotParquet {
        /// The file.
        path: PathBuf,
    },
    /// A Parquet file without its end, where everything is written that is needed to read it.
    #[error("cannot read the audience {}: the footer of the Parquet file is missing", path.display())]
    NoFooter {
        /// The file.
        path: PathBuf,
    },
    /// A Parquet file that cannot be read.
    #[error("cannot read the Parquet file {}{}: {why}", path.display(), behind("row", *row))]
    BadParquet {
        /// The file.
        path: PathBuf,
        /// The last row that was read of it; 0 if there is none.
        row: u64,
        /// Why.
        why: String,
    },
    /// No SQLite database.
    #[error("cannot read the audience {}: it is not an SQLite database", path.display())]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// A value that is too long to be an open_id by orders of magnitude.
    #[error("{place}: the open_id is longer than 1 MiB")]
    LongValue {
        /// Where: "row 3 of the query".
        place: String,
    },
    /// The URL of a server cannot be had.
    #[error("cannot connect to the audience's {server} server")]
    Secret {
        /// Which kind of server.
        server: &'static str,
        /// Why; names the reference only.
        source: SecretError,
    },
    /// The URL of a server is none that can be used. It is not shown: there is a password in it.
    #[error("cannot connect to the audience's {server} server: {reference} holds no URL of one: {why}")]
    Url {
        /// Which kind of server.
        server: &'static str,
        /// Where the URL is to be found.
        reference: SecretRef,
        /// What is wrong with it.
        why: String,
    },
    /// A query that is no query: it returns nothing, or is more than one statement.
    #[error("cannot read the audience by its query: {why}")]
    NoQuery {
        /// Why.
        why: &'static str,
    },
    /// A database that refuses or fails.
    #[error("cannot {doing}")]
    Database {
        /// What was attempted.
        doing: String,
        /// Whose fault it is, and so what to do.
        blame: Blame,
        /// What was said.
        source: Said,
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

/// What a file of a format without a header lacks.
const LINE: &str = "line";

/// What is in a file's place.
pub(super) const DIRECTORY: &str = "a directory";

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It holds open_ids.
    OpenId,
    /// It says when a user was last active.
    LastActive,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::OpenId => "text or whole number, as an open_id is",
            Self::LastActive => "time",
        }
    }
}

/// What a database said, without anything secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Said(pub(super) String);

/// Whose fault it is that a database gives no audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// What the campaign file names is wrong: its query, or the password behind its URL.
    File(&'static str),
    /// The server's, the network's or the disk's.
    Server(&'static str),
}

impl AudienceError {
    /// Not even a line, in a format that has no header.
    #[must_use]
    pub fn no_line(name: &str) -> Self {
        Self::Empty {
            path: name.into(),
            lacks: LINE,
        }
    }

    /// What whoever wrote the file could do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoColumn {
                nearest: Some(nearest), ..
            }
            | Self::NoSuchColumn {
                nearest: Some(nearest), ..
            } => Some(format!("did you mean {nearest:?}?")),
            Self::NoColumn { .. } => Some(
                "name the file's own columns in `open_id` and `last_active`, or its `delimiter` or `encoding`".into(),
            ),
            Self::NoSuchColumn { .. } => Some("name the columns in `open_id` and `last_active`".into()),
            Self::Ambiguous { .. } => {
                Some("name them apart in the query, with `as`: which is meant is not guessed".into())
            }
            Self::ColumnType { role: Role::OpenId, .. } => {
                Some("name a column of text or whole numbers, or cast it to text in the query".into())
            }
            Self::ColumnType { .. } => Some("name a column of times, dates or Unix times".into()),
            Self::NotParquet { .. } | Self::NotSqlite { .. } => {
                Some("write the source as what the file is: `csv:` or `jsonl:`".into())
            }
            Self::NoFooter { .. } => Some("the file was cut off, or is still being written: export it again".into()),
            Self::BadParquet { .. } => {
                Some("export it again, unencrypted, with snappy, gzip, zstd or lz4 as compression or none".into())
            }
            Self::Secret { .. } => {
                Some("set it to the URL of the server, such as scheme://user:password@host/database".into())
            }
            Self::Url { server, .. } => Some(format!("a {server} URL is {}", example(server))),
            Self::NoQuery { .. } => Some("write one `select` that returns the open_ids".into()),
            Self::Database {
                blame: Blame::File(help) | Blame::Server(help),
                ..
            } => Some((*help).into()).filter(|help: &String| !help.is_empty()),
            Self::RepeatedColumn { .. } => Some("rename one of them: which of the two is meant is not guessed".into()),
            Self::Malformed { flaw, .. } => Some(flaw.help().into()),
            Self::Changed { .. } => Some("run it again when the file is written completely".into()),
            Self::Pattern { .. } => {
                Some("write `*` for any characters of a name, `?` for one, `[abc]` for one of these".into())
            }
            Self::NoMatch { .. } => Some("`*` does not match `/`, nor a point at the beginning of a name".into()),
            Self::Terminal => Some("pipe the audience in, as in `export-members | runner apply campaign.yaml`".into()),
            Self::Foreign { what, .. } => Some(what.help().into()),
            Self::Damaged { cut: true, .. } => Some("the file was cut off: copy or export it again".into()),
            Self::Damaged { .. } => Some("copy or export the file again".into()),
            Self::Unreadable { source, .. } => Some(unreadable(source.kind()).into()),
            Self::NotAFile { what: DIRECTORY, .. } => {
                Some("name the file in it, or several by a pattern such as folder/*.csv".into())
            }
            Self::NotAFile { .. } => Some("pipe it in, and write `stdin:` as the source".into()),
            Self::Empty { lacks: LINE, .. } => Some("export it again; a list of nobody has an empty line in it".into()),
            Self::Empty { .. } => Some("export it again: the export failed, or has not been written yet".into()),
            Self::LongValue { .. } => Some("name the column of the open_ids: one has at most 128 characters".into()),
            Self::BrokenOff | Self::NoThread { .. } | Self::Broken => None,
        }
    }

    /// Whether it is the campaign file, or what it names, that has to be put right; else something failed that may work
    /// when it is tried again.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(
            self,
            Self::Database {
                blame: Blame::Server(_),
                ..
            } | Self::BrokenOff
                | Self::NoThread { .. }
                | Self::Broken
        )
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
                let (path, line) = (path.into(), 0);
                Self::Damaged { path, line, how, cut }
            }
            Err(source) => {
                let path = path.into();
                Self::Unreadable { path, source }
            }
        }
    }
}

impl AudienceError {
    /// The same, with the last line or row that was read before, where it is a compression or a page that failed.
    pub(super) fn behind(mut self, read: u64) -> Self {
        if let Self::Damaged { line: last, .. } | Self::BadParquet { row: last, .. } = &mut self {
            *last = read;
        }
        self
    }
}

/// What is told of the last place that was read, if there is one.
fn behind(unit: &str, number: u64) -> String {
    match number {
        0 => String::new(),
        _ => format!(" behind {unit} {number}"),
    }
}

/// What helps against what a system says of a file.
const fn unreadable(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "check the path; it begins at the folder of the campaign file",
        io::ErrorKind::PermissionDenied => "let the user who runs this read it",
        _ => "check the disk that it is on, then run the same command again",
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

/// How a server's URL is written.
fn example(server: &str) -> &'static str {
    if server == "PostgreSQL" {
        "postgres://user:password@host:5432/database?sslmode=verify-full"
    } else {
        "mysql://user:password@host:3306/database?ssl-mode=verify_identity"
    }
}

/// The column that was probably meant: the same but for its case, or one or two typing mistakes away.
pub(super) fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let folded = wanted.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.clone())
}
