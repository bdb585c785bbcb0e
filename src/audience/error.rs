//! Errors of reading an audience, with their places.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::damage::Damage;
use super::database_error::{DatabaseAction, DatabaseCause, DatabaseHelp, DatabaseName, QueryMistake, Responsible};
use super::neighbour::Neighbour;
use super::parquet::{ParquetFault, TooLarge};
use super::quote_validator::Found;
use super::server_url::{UrlMistake, join_all};
use super::syntax_error::{Foreign, SyntaxError};
use crate::campaign::{Encoding, find_look_alike};
use crate::catalogue::{audience, database};
use crate::model::foreign::shortened;
use crate::model::secret::{SecretError, SecretRef};

/// The reason why an audience cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// The file cannot be opened or read: it is absent, a permission is missing, or the disk fails.
    #[error("{}", audience::Unreadable { path: &path.display() })]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is not a regular file.
    #[error("{}", not_a_file(path, *is_directory))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// Whether it is a directory.
        is_directory: bool,
    },
    /// The pattern is not valid.
    #[error("{}", audience::Pattern { path: &path.display(), why })]
    Pattern {
        /// The pattern.
        path: PathBuf,
        /// The mistake in the pattern.
        why: &'static str,
    },
    /// No file matches the pattern.
    #[error("{}", audience::NoMatch { path: &path.display() })]
    NoMatch {
        /// The pattern.
        path: PathBuf,
    },
    /// The pattern matches a file that is no data.
    #[error("{}", audience::Neighbour { pattern, path: &path.display(), what: &what.word() })]
    Neighbour {
        /// The pattern, as written.
        pattern: String,
        /// The file.
        path: PathBuf,
        /// What the file is.
        what: Neighbour,
        /// A pattern that does not match it.
        narrower: String,
    },
    /// Stdin is a terminal, so nothing is piped in.
    #[error("{}", audience::Terminal)]
    Terminal,
    /// The file is of another kind than the campaign file says.
    #[error("{}", audience::Foreign { path: &path.display(), what: &what.word() })]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of the file.
        what: Foreign,
    },
    /// The compressed data is truncated or damaged.
    #[error("{}", damaged(path, *line, how, *cut))]
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
    #[error("{}", audience::Empty { path: &path.display(), lacks: &lacks.word() })]
    Empty {
        /// The file.
        path: PathBuf,
        /// The part that is missing.
        lacks: Lacks,
    },
    /// The header lacks the column.
    #[error("{}", no_column(path, *line, column, found, hint.as_ref()))]
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
    #[error("{}", audience::NoKey { path: &path.display(), key: &quoted(key), line, found: &keys(found) })]
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
    #[error("{}", audience::RepeatedColumn { path: &path.display(), column: &quoted(column), times, line })]
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
    #[error("{}", no_such_column(path.as_deref(), column, found))]
    NoSuchColumn {
        /// The file; `None` for a query.
        path: Option<PathBuf>,
        /// The wanted column.
        column: String,
        /// The columns that exist.
        found: Vec<String>,
        /// The column that was probably meant.
        nearest: Option<String>,
    },
    /// The result of the query has the column more than once.
    #[error("{}", audience::Ambiguous { column: &quoted(column), times })]
    Ambiguous {
        /// The wanted column.
        column: String,
        /// How many times the result has it.
        times: usize,
    },
    /// The column has a type that cannot be used.
    #[error("{}", column_type(path.as_deref(), column, found.as_deref(), *role))]
    ColumnType {
        /// The file, whose writer decides the types; `None` for a query, which can cast.
        path: Option<PathBuf>,
        /// The column.
        column: String,
        /// The type of the column; `None` for a list.
        found: Option<String>,
        /// The role of the column.
        role: Role,
    },
    /// The file is not a Parquet file.
    #[error("{}", audience::NotParquet { path: &path.display() })]
    NotParquet {
        /// The file.
        path: PathBuf,
    },
    /// A Parquet file without its footer, which describes the rest of the file.
    #[error("{}", audience::NoFooter { path: &path.display() })]
    NoFooter {
        /// The file.
        path: PathBuf,
    },
    /// The Parquet file cannot be read.
    #[error("{}", bad_parquet(path, *row, why))]
    BadParquet {
        /// The file.
        path: PathBuf,
        /// The last row that was read; 0 before the first.
        row: u64,
        /// The cause.
        why: ParquetFault,
    },
    /// A part of the Parquet file would take too much memory.
    #[error("{}", bad_parquet(path, *row, part))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The last row that was read; 0 before the first.
        row: u64,
        /// The part, its size and the limit.
        part: TooLarge,
    },
    /// The file is not an SQLite database.
    #[error("{}", audience::NotSqlite { path: &path.display() })]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// A value is far too long to be an open_id.
    #[error("{}", long_value(path.as_deref(), *row))]
    LongValue {
        /// The file; `None` for a query.
        path: Option<PathBuf>,
        /// The row.
        row: u64,
    },
    /// The URL of the server cannot be read.
    #[error("{}", database::Secret { server })]
    Secret {
        /// The kind of server.
        server: &'static str,
        /// The cause; it names only the reference.
        source: SecretError,
    },
    /// The URL of the server is not valid. It is not shown, because it contains a password.
    #[error("{}", database::Url { server, reference, why: &all_mistakes(mistakes) })]
    Url {
        /// The kind of server.
        server: &'static str,
        /// The reference to the URL.
        reference: SecretRef,
        /// The mistakes in the URL.
        mistakes: Vec<UrlMistake>,
    },
    /// The query returns no rows, has parameters, or is more than one statement.
    #[error("{}", database::NoQuery { why: &why.word() })]
    NoQuery {
        /// The cause.
        why: QueryMistake,
    },
    /// The database refuses or fails.
    #[error("{}", action.message(database))]
    Database {
        /// The action that failed.
        action: DatabaseAction,
        /// The database.
        database: DatabaseName,
        /// The party that has to act, and the help.
        blame: Responsible,
        /// The cause.
        source: DatabaseCause,
    },
    /// A place in the file cannot be read as rows. No row after it can be trusted.
    #[error("{}", audience::Malformed { path: &path.display(), line, flaw })]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The flaw at this line.
        flaw: SyntaxError,
    },
    /// The file was modified or replaced while it was read.
    #[error("{}", audience::Changed { path: &path.display() })]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The reading was dropped, so the error has no receiver.
    #[error("{}", audience::BrokenOff)]
    BrokenOff,
    /// The system provides no thread to read on.
    #[error("{}", audience::NoThread)]
    NoThread {
        /// The system's error.
        source: io::Error,
    },
    /// The reading thread ended without a result.
    #[error("{}", audience::ReadingDefect)]
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

/// The missing part of an empty file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// A header line.
    Header,
    /// A line, in a format without a header.
    Line,
    /// A table.
    Tables,
    /// Any content.
    Bytes,
}

impl Lacks {
    /// The word that selects a text of the catalogue.
    const fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Line => "line",
            Self::Tables => "tables",
            Self::Bytes => "bytes",
        }
    }
}

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It holds open_ids.
    OpenId,
    /// It says when a user was last active.
    LastActive,
}

impl AudienceError {
    /// Creates the error for an empty file in a format without a header.
    #[must_use]
    pub fn no_line(name: &str) -> Self {
        Self::Empty {
            path: name.into(),
            lacks: Lacks::Line,
        }
    }

    /// Returns what the user can do; `None` if nothing helps.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoColumn {
                hint: Some(hint),
                column,
                ..
            } => hint.help(column),
            Self::NoSuchColumn {
                nearest: Some(nearest), ..
            }
            | Self::NoKey {
                nearest: Some(nearest), ..
            } => meant(nearest),
            Self::NoColumn { .. } => audience::NoColumnHelp.to_string(),
            Self::NoKey { .. } => audience::NoKeyHelp.to_string(),
            Self::NoSuchColumn { .. } => audience::NoSuchColumnHelp.to_string(),
            Self::Ambiguous { .. } => audience::AmbiguousHelp.to_string(),
            Self::ColumnType { role, path, .. } => match (role, path) {
                (Role::OpenId, None) => audience::TypeOfIdsInQueryHelp.to_string(),
                (Role::OpenId, Some(_)) => audience::TypeOfIdsInFileHelp.to_string(),
                (Role::LastActive, None) => audience::TypeOfTimesInQueryHelp.to_string(),
                (Role::LastActive, Some(_)) => audience::TypeOfTimesInFileHelp.to_string(),
            },
            Self::NotParquet { .. } | Self::NotSqlite { .. } => audience::NotATableHelp.to_string(),
            Self::NoFooter { .. } => audience::NoFooterHelp.to_string(),
            Self::BadParquet { .. } => audience::BadParquetHelp.to_string(),
            Self::TooLarge { .. } => audience::TooLargeHelp.to_string(),
            Self::Secret { .. } => database::SecretHelp.to_string(),
            Self::Url { server, mistakes, .. } => {
                let helps = join_all(mistakes.iter().filter_map(UrlMistake::help));
                helps.unwrap_or_else(|| {
                    let example = &example(server);
                    database::UrlHelp { server, example }.to_string()
                })
            }
            Self::NoQuery { .. } => database::NoQueryHelp.to_string(),
            Self::Database { blame, .. } if *blame.help() == DatabaseHelp::Nothing => return None,
            Self::Database { blame, .. } => blame.help().to_string(),
            Self::RepeatedColumn { .. } => audience::RepeatedColumnHelp.to_string(),
            Self::Malformed { flaw, .. } => flaw.help(),
            Self::Changed { .. } => audience::ChangedHelp.to_string(),
            Self::Pattern { .. } => audience::PatternHelp.to_string(),
            Self::Neighbour { narrower, .. } => audience::NeighbourHelp { narrower }.to_string(),
            Self::NoMatch { .. } => audience::NoMatchHelp.to_string(),
            Self::Terminal => audience::TerminalHelp.to_string(),
            Self::Foreign { what, .. } => what.help(),
            Self::Damaged { cut: true, .. } => audience::CutOffHelp.to_string(),
            Self::Damaged { .. } => audience::DamagedHelp.to_string(),
            Self::Unreadable { source, .. } => unreadable(source.kind()),
            Self::NotAFile { is_directory: true, .. } => audience::DirectoryHelp.to_string(),
            Self::NotAFile { .. } => audience::DeviceHelp.to_string(),
            Self::Empty { lacks: Lacks::Line, .. } => audience::EmptyListHelp.to_string(),
            Self::Empty { .. } => audience::EmptyHelp.to_string(),
            Self::LongValue { .. } => audience::LongValueHelp.to_string(),
            Self::BrokenOff | Self::NoThread { .. } | Self::Broken => return None,
        })
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

    /// Whether a database server was not asked, or gave no usable answer. A file of this machine is never the cause.
    #[must_use]
    pub const fn is_of_server(&self) -> bool {
        matches!(
            self,
            Self::Secret { .. }
                | Self::Url { .. }
                | Self::Database {
                    database: DatabaseName::PostgreSql | DatabaseName::MySql,
                    ..
                }
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

/// Returns the help for an I/O error of a file.
fn unreadable(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => audience::UnreadableAbsent.to_string(),
        io::ErrorKind::PermissionDenied => audience::UnreadablePermission.to_string(),
        _ => audience::UnreadableOther.to_string(),
    }
}

fn not_a_file(path: &Path, is_directory: bool) -> String {
    let path = &path.display();
    if is_directory {
        audience::Directory { path }.to_string()
    } else {
        audience::Device { path }.to_string()
    }
}

fn damaged(path: &Path, line: u64, how: &str, cut: bool) -> String {
    let path = &path.display();
    let how = &how;
    match (cut, &line) {
        (true, 0) => audience::CutOff { path, how }.to_string(),
        (true, line) => audience::CutOffAfterLine { path, how, line }.to_string(),
        (false, 0) => audience::Damaged { path, how }.to_string(),
        (false, line) => audience::DamagedAfterLine { path, how, line }.to_string(),
    }
}

fn no_column(path: &Path, line: u64, column: &str, found: &[String], hint: Option<&HeaderHint>) -> String {
    let path = &path.display();
    let line = &line;
    let column = &quoted(column);
    let found = &list(found);
    match hint {
        Some(HeaderHint::Encoding(Encoding::Gb18030)) => audience::NoColumnGb18030 {
            path,
            line,
            column,
            found,
        }
        .to_string(),
        Some(HeaderHint::Encoding(Encoding::Utf8)) => audience::NoColumnUtf8 {
            path,
            line,
            column,
            found,
        }
        .to_string(),
        _ => audience::NoColumn {
            path,
            line,
            column,
            found,
        }
        .to_string(),
    }
}

fn no_such_column(path: Option<&Path>, column: &str, found: &[String]) -> String {
    let column = &quoted(column);
    let found = &list(found);
    match path {
        Some(path) => {
            let path = &path.display();
            audience::NoColumnInFile { path, column, found }.to_string()
        }
        None => audience::NoColumnInQuery { column, found }.to_string(),
    }
}

fn column_type(path: Option<&Path>, column: &str, found: Option<&str>, role: Role) -> String {
    let column = &quoted(column);
    let r#type = &found.map_or_else(|| audience::TypeList.to_string(), |found| shortened(found).into_owned());
    match (role, path.map(Path::display)) {
        (Role::OpenId, Some(path)) => {
            let path = &path;
            audience::TypeOfIdsInFile { path, column, r#type }.to_string()
        }
        (Role::OpenId, None) => audience::TypeOfIdsInQuery { column, r#type }.to_string(),
        (Role::LastActive, Some(path)) => {
            let path = &path;
            audience::TypeOfTimesInFile { path, column, r#type }.to_string()
        }
        (Role::LastActive, None) => audience::TypeOfTimesInQuery { column, r#type }.to_string(),
    }
}

fn bad_parquet(path: &Path, row: u64, why: &dyn Display) -> String {
    let path = &path.display();
    match row {
        0 => audience::BadParquet { path, why }.to_string(),
        row => audience::BadParquetAfterRow { path, row: &row, why }.to_string(),
    }
}

fn long_value(path: Option<&Path>, row: u64) -> String {
    let row = &row;
    match path {
        Some(path) => {
            let path = &path.display();
            audience::LongValueInFile { path, row }.to_string()
        }
        None => audience::LongValueInQuery { row }.to_string(),
    }
}

fn all_mistakes(mistakes: &[UrlMistake]) -> String {
    join_all(mistakes.iter().map(UrlMistake::to_string)).unwrap_or_default()
}

/// Proposes a column, and says by what it differs if it looks like the wanted one.
fn meant(nearest: &str) -> String {
    let name = &quoted(nearest);
    match &find_look_alike(nearest) {
        Some(found) => audience::DidYouMeanLookAlike { name, found }.to_string(),
        None => audience::DidYouMean { name }.to_string(),
    }
}

/// Formats the name of a column. A long name is cut, and characters that are not shown are escaped.
fn quoted(column: &str) -> String {
    let debug = format!("{:?}", shortened(column));
    let name = &debug.get(1..debug.len() - 1).unwrap_or_default();
    audience::Name { name }.to_string()
}

impl HeaderHint {
    fn help(&self, column: &str) -> String {
        match self {
            Self::Nearest(nearest) => meant(nearest),
            Self::Encoding(Encoding::Gb18030) => audience::EncodingGb18030Help.to_string(),
            Self::Encoding(Encoding::Utf8) => audience::EncodingUtf8Help.to_string(),
            Self::Line(line) => audience::LaterLineHelp { line }.to_string(),
            Self::Delimiter(delimiter @ (',' | ';')) => {
                let delimiter = &format!("\"{delimiter}\"");
                audience::DelimiterHelp { delimiter }.to_string()
            }
            Self::Delimiter('\t') => audience::DelimiterHelp { delimiter: &"tab" }.to_string(),
            Self::Delimiter(delimiter) => {
                let delimiter = &format!("{delimiter:?}");
                audience::OtherDelimiterHelp { delimiter }.to_string()
            }
            Self::NoHeader => audience::NoHeaderHelp {
                column: &quoted(column),
            }
            .to_string(),
        }
    }
}

/// Formats a list of keys.
fn keys(found: &[String]) -> String {
    if found.is_empty() {
        audience::NoNames.to_string()
    } else {
        list(found)
    }
}

/// Formats a list of columns. A long list is cut.
fn list(columns: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<_> = columns.iter().take(SHOWN).map(|column| quoted(column)).collect();
    if let Some(more) = columns.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        names.push(audience::AndMore { n: &more }.to_string());
    }
    names.join(&audience::Separator.to_string())
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
