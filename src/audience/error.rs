//! Errors of reading an audience, with their places.

use std::io;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::damage::Damage;
use super::parquet::TooLarge;
use super::quote_validator::Found;
use super::syntax_error::{Foreign, SyntaxError};
use crate::campaign::{Encoding, find_look_alike};
use crate::model::foreign::shortened;
use crate::model::secret::{SecretError, SecretRef};

/// The reason why an audience cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// The file cannot be opened or read: it is absent, a permission is missing, or the disk fails.
    #[error("cannot read the audience {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is not a regular file.
    #[error("cannot read the audience {}: it is {what}, not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is: "a directory".
        what: &'static str,
    },
    /// The pattern is not valid.
    #[error("cannot look for the audience {}: {why}", path.display())]
    Pattern {
        /// The pattern.
        path: PathBuf,
        /// The mistake in the pattern.
        why: &'static str,
    },
    /// No file matches the pattern.
    #[error("no file matches the audience's pattern {}", path.display())]
    NoMatch {
        /// The pattern.
        path: PathBuf,
    },
    /// The pattern matches a file that is no data.
    #[error("the audience's pattern {pattern} matches {}, which is {what} and no data", path.display())]
    Neighbour {
        /// The pattern, as written.
        pattern: String,
        /// The file.
        path: PathBuf,
        /// What the file is.
        what: &'static str,
        /// A pattern that does not match it.
        narrower: String,
    },
    /// Stdin is a terminal, so nothing is piped in.
    #[error("cannot read the audience from the standard input: it is a terminal")]
    Terminal,
    /// The file is of another kind than the campaign file says.
    #[error("cannot read the audience {}: it is {}", path.display(), what.name())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of the file.
        what: Foreign,
    },
    /// The compressed data is truncated or damaged.
    #[error("cannot read the audience {}: its {how} data {}{}", path.display(), if *cut { "ends too early" } else { "is damaged" }, behind("line", *line))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The last line that was decompressed completely; 0 if there was no such line.
        line: u64,
        /// The name of the compression.
        how: &'static str,
        /// Whether the data is truncated.
        cut: bool,
    },
    /// The file has not even a header.
    #[error("the audience {} is empty: it has no {lacks}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The part that is missing.
        lacks: &'static str,
    },
    /// The header lacks the column.
    #[error("the audience {} has no column {}: its header on line {line} {}", path.display(), quoted(column), header(found, hint.as_ref()))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The line of the header.
        line: u64,
        /// The wanted column.
        column: String,
        /// The columns of the header.
        found: Vec<String>,
        /// What the content suggests.
        hint: Option<HeaderHint>,
    },
    /// No object of a file of JSON lines has the key.
    #[error("the audience {} has no key {} in any line: the object on line {line} has {}", path.display(), quoted(key), keys(found))]
    NoKey {
        /// The file.
        path: PathBuf,
        /// The wanted key, with dots between the keys of nested objects.
        key: String,
        /// The line of the first object.
        line: u64,
        /// The keys of the first object.
        found: Vec<String>,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// The header has the column more than once.
    #[error("the audience {} has the column {} {times} times in its header on line {line}", path.display(), quoted(column))]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The line of the header.
        line: u64,
        /// The wanted column.
        column: String,
        /// How many times the header has it.
        times: usize,
    },
    /// A Parquet file or the result of a query lacks the column.
    #[error("{place} has no column {}: it has {}", quoted(column), list(found))]
    NoSuchColumn {
        /// The file or the query.
        place: String,
        /// The wanted column.
        column: String,
        /// The columns that exist.
        found: Vec<String>,
        /// The column that was probably meant.
        nearest: Option<String>,
    },
    /// The result of the query has the column more than once.
    #[error("{place} has the column {} {times} times", quoted(column))]
    Ambiguous {
        /// The query.
        place: String,
        /// The wanted column.
        column: String,
        /// How many times the result has it.
        times: usize,
    },
    /// The column has a type that cannot be used.
    #[error("the column {} of {place} is of type {}, which is no {}", quoted(column), shortened(found), role.name())]
    ColumnType {
        /// The file or the query.
        place: String,
        /// The column.
        column: String,
        /// The type of the column.
        found: String,
        /// The role of the column.
        role: Role,
        /// What contains the column.
        within: ColumnPlace,
    },
    /// The file is not a Parquet file.
    #[error("cannot read the audience {}: it is not a Parquet file", path.display())]
    NotParquet {
        /// The file.
        path: PathBuf,
    },
    /// A Parquet file without its footer, which describes the rest of the file.
    #[error("cannot read the audience {}: the footer of the Parquet file is missing", path.display())]
    NoFooter {
        /// The file.
        path: PathBuf,
    },
    /// The Parquet file cannot be read.
    #[error("cannot read the Parquet file {}{}: {}", path.display(), behind("row", *row), shortened(why))]
    BadParquet {
        /// The file.
        path: PathBuf,
        /// The last row that was read; 0 before the first.
        row: u64,
        /// The cause.
        why: String,
    },
    /// A part of the Parquet file would take too much memory.
    #[error("cannot read the Parquet file {}{}: {part}", path.display(), behind("row", *row))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The last row that was read; 0 before the first.
        row: u64,
        /// The part, its size and the limit.
        part: TooLarge,
    },
    /// The file is not an SQLite database.
    #[error("cannot read the audience {}: it is not an SQLite database", path.display())]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// A value is far too long to be an open_id.
    #[error("{place}: the open_id is longer than 1 MiB")]
    LongValue {
        /// The place: "row 3 of the query".
        place: String,
    },
    /// The URL of the server cannot be read.
    #[error("cannot connect to the audience's {server} server")]
    Secret {
        /// The kind of server.
        server: &'static str,
        /// The cause; it names only the reference.
        source: SecretError,
    },
    /// The URL of the server is not valid. It is not shown, because it contains a password.
    #[error("cannot connect to the audience's {server} server: {reference} holds no usable URL: {why}")]
    Url {
        /// The kind of server.
        server: &'static str,
        /// The reference to the URL.
        reference: SecretRef,
        /// The mistake in the URL.
        why: String,
        /// What to do. `None` when the form of such a URL says it.
        help: Option<String>,
    },
    /// The query returns no rows, has parameters, or is more than one statement.
    #[error("cannot read the audience by its query: {why}")]
    NoQuery {
        /// The cause.
        why: &'static str,
    },
    /// The database refuses or fails.
    #[error("cannot {doing}")]
    Database {
        /// The action that failed.
        doing: String,
        /// The party that has to act, and the help.
        blame: Responsible,
        /// The message of the database.
        source: Said,
    },
    /// A place in the file cannot be read as rows. No row after it can be trusted.
    #[error("the audience {}, line {line}: {flaw}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The flaw at this line.
        flaw: SyntaxError,
    },
    /// The file was modified or replaced while it was read.
    #[error("the audience {} changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The reading was dropped, so the error has no receiver.
    #[error("the reading of the audience was broken off")]
    BrokenOff,
    /// The system provides no thread to read on.
    #[error("cannot begin to read the audience")]
    NoThread {
        /// The system's error.
        source: io::Error,
    },
    /// The reading thread ended without a result.
    #[error("the reading of the audience ended before its end; this is a defect")]
    Broken,
}

/// What the content of a CSV file suggests when its header lacks a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderHint {
    /// A column has nearly this name.
    Nearest(String),
    /// The header is text in this encoding, and not in the declared one.
    Encoding(Encoding),
    /// The header is on this later line.
    Line(u64),
    /// The fields are separated by this character.
    Delimiter(char),
    /// The first line looks like a row.
    NoHeader,
}

/// The missing part of an empty file in a format without a header.
const LINE: &str = "line";

/// The name of a directory in [`AudienceError::NotAFile`].
pub(super) const DIRECTORY: &str = "a directory";

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It holds open_ids.
    OpenId,
    /// It says when a user was last active.
    LastActive,
}

/// What contains a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnPlace {
    /// A file. Its writer decides the types.
    File,
    /// The result of a query, which can cast.
    Query,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::OpenId => "text or whole number, as an open_id is",
            Self::LastActive => "time",
        }
    }
}

/// The message of a database, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Said(pub(super) String);

/// The party that has to fix a database error, with the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responsible {
    /// The user of the campaign file: its query, or the password of its URL, is wrong.
    File(&'static str),
    /// The operator of the server, the network or the disk.
    Server(&'static str),
}

impl AudienceError {
    /// Creates the error for an empty file in a format without a header.
    #[must_use]
    pub fn no_line(name: &str) -> Self {
        Self::Empty {
            path: name.into(),
            lacks: LINE,
        }
    }

    /// Returns what the user can do; `None` if nothing helps.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoColumn {
                hint: Some(hint),
                column,
                ..
            } => Some(hint.help(column)),
            Self::NoSuchColumn {
                nearest: Some(nearest), ..
            }
            | Self::NoKey {
                nearest: Some(nearest), ..
            } => Some(meant(nearest)),
            Self::NoColumn { .. } => Some(
                "name the file's own columns in `open_id` and `last_active`, or its `delimiter` or `encoding`".into(),
            ),
            Self::NoKey { .. } => {
                Some("name the objects' own keys in `open_id` and `last_active`; a dot leads into an object".into())
            }
            Self::NoSuchColumn { .. } => Some("name the columns in `open_id` and `last_active`".into()),
            Self::Ambiguous { .. } => {
                Some("name them apart in the query, with `as`: which is meant is not guessed".into())
            }
            Self::ColumnType { role, within, .. } => Some(
                match (role, within) {
                    (Role::OpenId, ColumnPlace::Query) => {
                        "name a column of text or whole numbers, or cast it to text in the query"
                    }
                    (Role::OpenId, ColumnPlace::File) => {
                        "name a column of text or whole numbers, or cast it to text or to DECIMAL(38, 0) when the file is exported"
                    }
                    (Role::LastActive, ColumnPlace::Query) => "name a column of times, dates or Unix times",
                    (Role::LastActive, ColumnPlace::File) => {
                        "name a column of times, dates or Unix times, or cast it to a time when the file is exported"
                    }
                }
                .into(),
            ),
            Self::NotParquet { .. } | Self::NotSqlite { .. } => {
                Some("write the source as what the file is: `csv:` or `jsonl:`".into())
            }
            Self::NoFooter { .. } => Some("the file was cut off, or is still being written: export it again".into()),
            Self::BadParquet { .. } => {
                Some("export it again, unencrypted, with snappy, gzip, zstd or lz4 as compression or none".into())
            }
            Self::TooLarge { .. } => Some(
                "export it again with smaller row groups or pages, or only with the columns that the campaign reads"
                    .into(),
            ),
            Self::Secret { .. } => {
                Some("set it to the URL of the server, such as scheme://user:password@host/database".into())
            }
            Self::Url { help: Some(help), .. } => Some(help.clone()),
            Self::Url { server, .. } => Some(format!("a {server} URL is {}", example(server))),
            Self::NoQuery { .. } => Some("write one `select` that returns the open_ids".into()),
            Self::Database {
                blame: Responsible::File(help) | Responsible::Server(help),
                ..
            } => Some((*help).into()).filter(|help: &String| !help.is_empty()),
            Self::RepeatedColumn { .. } => Some("rename one of them: which of the two is meant is not guessed".into()),
            Self::Malformed { flaw, .. } => Some(flaw.help().into()),
            Self::Changed { .. } => Some("run it again when the file is written completely".into()),
            Self::Pattern { .. } => {
                Some("write `*` for any characters of a name, `?` for one, `[abc]` for one of these".into())
            }
            Self::Neighbour { narrower, .. } => Some(format!(
                "write a pattern that matches only the data, such as `{narrower}`; no file is skipped"
            )),
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

    /// Whether the campaign file, or something it names, has to be fixed. Other errors may disappear on a retry.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        !matches!(
            self,
            Self::Database {
                blame: Responsible::Server(_),
                ..
            } | Self::BrokenOff
                | Self::NoThread { .. }
                | Self::Broken
        )
    }

    /// Converts an I/O error from below the parser.
    pub(super) fn new(path: &Path, error: io::Error) -> Self {
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
                let line = 0;
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
    /// Adds the last line or row that was read, for an error of a compression or a Parquet file.
    pub(super) fn behind(mut self, read: u64) -> Self {
        if let Self::Damaged { line: last, .. }
        | Self::BadParquet { row: last, .. }
        | Self::TooLarge { row: last, .. } = &mut self
        {
            *last = read;
        }
        self
    }
}

/// Returns the text that names the last line or row that was read; empty for 0.
fn behind(unit: &str, number: u64) -> String {
    match number {
        0 => String::new(),
        _ => format!(" behind {unit} {number}"),
    }
}

/// Returns the help for an I/O error of a file.
const fn unreadable(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "check the path; it begins at the folder of the campaign file",
        io::ErrorKind::PermissionDenied => "let the user who runs this read it",
        _ => "check the disk that it is on, then run the same command again",
    }
}

/// Proposes a column, and says by what it differs if it looks like the wanted one.
fn meant(nearest: &str) -> String {
    let looks = find_look_alike(nearest).map(|found| format!(" it has {found}"));
    format!("did you mean {}?{}", quoted(nearest), looks.unwrap_or_default())
}

/// Formats the name of a column. A long name is cut.
fn quoted(column: &str) -> String {
    format!("{:?}", shortened(column))
}

/// Says what a header has.
fn header(found: &[String], hint: Option<&HeaderHint>) -> String {
    match hint {
        Some(HeaderHint::Encoding(Encoding::Gb18030)) => format!("is not UTF-8; in gb18030 it has {}", list(found)),
        Some(HeaderHint::Encoding(Encoding::Utf8)) => format!("is UTF-8, not gb18030; it has {}", list(found)),
        _ => format!("has {}", list(found)),
    }
}

impl HeaderHint {
    fn help(&self, column: &str) -> String {
        match self {
            Self::Nearest(nearest) => meant(nearest),
            Self::Encoding(Encoding::Gb18030) => {
                "write `encoding: gb18030` beside its `path`, or save the file as \"CSV UTF-8\"".to_owned()
            }
            Self::Encoding(Encoding::Utf8) => "remove `encoding: gb18030`".to_owned(),
            Self::Line(line) => format!(
                "line {line} has the column: delete the lines before it, or move it to the top if they are rows"
            ),
            Self::Delimiter(delimiter @ (',' | ';')) => format!("write `delimiter: \"{delimiter}\"`"),
            Self::Delimiter('\t') => "write `delimiter: tab`".to_owned(),
            Self::Delimiter(delimiter) => {
                format!("its fields are separated by {delimiter:?}: export it with `,`, `;` or a tab between them")
            }
            Self::NoHeader => format!(
                "that looks like a row and not like a header: write a first line with the names of the columns, {} \
                 among them",
                quoted(column)
            ),
        }
    }
}

/// Formats a list of keys.
fn keys(found: &[String]) -> String {
    if found.is_empty() {
        "none".to_owned()
    } else {
        list(found)
    }
}

/// Formats a list of columns. A long list is cut.
fn list(columns: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<_> = columns.iter().take(SHOWN).map(|column| quoted(column)).collect();
    if let Some(more) = columns.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}

/// Returns an example of a server's URL.
fn example(server: &str) -> &'static str {
    if server == "PostgreSQL" {
        "postgres://user:password@host:5432/database?sslmode=verify-full"
    } else {
        "mysql://user:password@host:3306/database?ssl-mode=verify_identity"
    }
}

/// Returns the column or key that was probably meant: equal except for case or full-width letters, or at most two typing
/// mistakes away; else the only one that is nested and ends in `wanted`. `None` if no column is that close.
pub(super) fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let fold = |name: &str| name.nfkc().collect::<String>().to_lowercase();
    let folded = fold(wanted);
    let close = names
        .iter()
        .map(|name| (strsim::osa_distance(&folded, &fold(name)), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.clone());
    close.or_else(|| {
        let nested = |name: &&String| name.rsplit_once('.').is_some_and(|(_, last)| last == wanted);
        let mut nested = names.iter().filter(nested);
        let only = nested.next()?;
        nested.next().is_none().then(|| only.clone())
    })
}
