//! The sources of lists of users: a file, a query, or piped data.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::catalogue::campaign as text;
use crate::model::secret::SecretRef;

use super::credentials::Reference;
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::key::Key;
use super::keys::{KeyType, Keys, Nested, keys};
use super::text::{ColumnName, FilePath, FilePattern, Files, Text};
use super::value::Value;
use super::word::{Word, words};

/// A source of a list of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// CSV files with a header line.
    Csv(Csv),
    /// Files of JSON objects, one a line.
    Jsonl(Jsonl),
    /// Parquet files.
    Parquet(Parquet),
    /// A query to a PostgreSQL server.
    Postgres(Server),
    /// A query to a MySQL or MariaDB server.
    Mysql(Server),
    /// A query to an SQLite database.
    Sqlite(Sqlite),
    /// Data that is piped into the program.
    Stdin(Stdin),
}

keys! {
    /// The source of a list of users: exactly one of the kinds.
    #[derive(Debug)]
    struct SourceKeys as "Source" {
        csv: Csv = Nested, optional;
        jsonl: Jsonl = Nested, optional;
        parquet: Parquet = Nested, optional;
        /// A query to a PostgreSQL server, in a read-only transaction.
        postgres: Server = Nested, optional;
        /// A query to a MySQL or MariaDB server, in a read-only transaction.
        mysql: Server = Nested, optional;
        sqlite: Sqlite = Nested, optional;
        stdin: Stdin = Nested, optional;
    }
}

const COLUMN: ColumnName = ColumnName(&text::WantColumn);
const RESULT_COLUMN: ColumnName = ColumnName(&text::WantResultColumn);
const LAST_ACTIVE: ColumnName = ColumnName(&text::WantLastActive);
const QUERY: Text = Text(&text::WantQuery);

keys! {
    /// CSV files with a header line, as they are or compressed with gzip or zstd.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Csv {
        /// The file, or a pattern such as `part-*.csv`; a path is relative to the folder of the campaign file.
        path: Files = FilePattern(&text::WantCsvPath), required "audience.csv";
        /// The column with the open_ids of the users.
        open_id: String = COLUMN, required "open_id";
        /// The column that says when a user was last active.
        last_active: String = LAST_ACTIVE, optional;
        /// The encoding of the file; `utf-8` if absent.
        encoding: Encoding = Word, default Encoding::Utf8;
        /// The separator of fields; detected from the header line if absent.
        delimiter: Delimiter = Word, optional;
    }
}

keys! {
    /// Files of JSON objects, one a line, as they are or compressed with gzip or zstd.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Jsonl {
        /// The file, or a pattern such as `members-*.jsonl.gz`; a path is relative to the folder of the campaign file.
        path: Files = FilePattern(&text::WantJsonlPath), required "audience.jsonl";
        /// The key with the open_ids of the users; a dot leads into an object: `user.open_id`.
        open_id: String = ColumnName(&text::WantJsonKey), required "open_id";
        /// The key that says when a user was last active.
        last_active: String = LAST_ACTIVE, optional;
    }
}

keys! {
    /// Parquet files.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Parquet {
        /// The file, or a pattern such as `part-*.parquet`; a path is relative to the folder of the campaign file.
        path: Files = FilePattern(&text::WantParquetPath), required "audience.parquet";
        /// The column with the open_ids of the users; a dot leads into a group: `user.open_id`.
        open_id: String = COLUMN, required "open_id";
        /// The column that says when a user was last active.
        last_active: String = LAST_ACTIVE, optional;
    }
}

keys! {
    /// A query to a server.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Server {
        /// A reference to the URL of the server, which has a password in it.
        url: SecretRef = Reference, required "{env: AUDIENCE_URL}";
        /// One statement that only reads.
        query: String = QUERY, required "select open_id from members";
        /// The column of the result with the open_ids of the users; `open_id` if absent.
        open_id: String = RESULT_COLUMN, default "open_id".to_owned();
        /// The column of the result that says when a user was last active.
        last_active: String = LAST_ACTIVE, optional;
    }
}

keys! {
    /// A query to an SQLite database, which is opened for reading only.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Sqlite {
        /// The database's file; a path is relative to the folder of the campaign file.
        path: PathBuf = FilePath(&text::WantDatabasePath), required "members.db";
        /// One statement that only reads.
        query: String = QUERY, required "select open_id from members";
        /// The column of the result with the open_ids of the users; `open_id` if absent.
        open_id: String = RESULT_COLUMN, default "open_id".to_owned();
        /// The column of the result that says when a user was last active.
        last_active: String = LAST_ACTIVE, optional;
    }
}

keys! {
    /// Data that is piped into the program, which may be compressed with gzip or zstd. Pipe it in again for each apply.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Stdin {
        /// The format of the data.
        format: Format = Word, required "csv";
        /// The column or the key with the open_ids of the users.
        open_id: String = ColumnName(&text::WantColumnOrKey), required "open_id";
        /// The column, or the key, that says when a user was last active.
        last_active: String = LAST_ACTIVE, optional;
        /// The encoding of CSV; `utf-8` if absent.
        encoding: Encoding = Word, default Encoding::Utf8;
        /// The separator of fields of CSV; detected from the header line if absent.
        delimiter: Delimiter = Word, optional;
    }
    check |map, diagnostics| {
        for name in ["encoding", "delimiter"] {
            if let (Some(Format::Jsonl), Some(value)) = (format, map.get(name)) {
                let message = text::NotForJsonl { path: &value.path };
                let note = diagnostics.error(Code::Contradiction, value.mark(), message);
                note.help(text::NotForJsonlHelp);
            }
        }
    }
}

words! {
    /// The format of piped data.
    pub enum Format {
        /// CSV with a header line.
        Csv = "csv",
        /// JSON objects, one a line.
        Jsonl = "jsonl",
    }
}

words! {
    /// The encoding of a file.
    pub enum Encoding {
        /// Unicode, as almost everywhere.
        Utf8 = "utf-8",
        /// The encoding of Chinese spreadsheets; it includes GBK and GB 2312.
        Gb18030 = "gb18030" | "gbk" | "gb2312" | "cp936",
    }
}

words! {
    /// The separator of fields.
    pub enum Delimiter {
        /// `,`
        Comma = ",",
        /// `;`
        Semicolon = ";",
        /// A tab.
        Tab = "tab",
    }
}

impl Delimiter {
    /// Returns the delimiter as a byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// A mapping with exactly one kind of source.
pub(super) struct OneSource;

impl KeyType<Source> for OneSource {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Source> {
        if value.as_scalar().is_some_and(|scalar| scalar.text.contains("://")) {
            // A URL in place of the source usually contains a password.
            value.conceal(diagnostics);
        }
        let map = value.mapping(&SourceKeys::keys(), diagnostics)?;
        for server in [map.get("postgres"), map.get("mysql")].into_iter().flatten() {
            if server.as_scalar().is_some() {
                // A URL in place of the mapping contains a password.
                server.conceal(diagnostics);
            }
        }
        let read = SourceKeys::read_keys(&map, diagnostics)?;
        let mut present = map.present();
        let first = present.next();
        if let Some((second, span)) = present.next() {
            let message = text::SecondSource {
                path: &value.path,
                source: &second,
            };
            let note = diagnostics.error(Code::Choice, span, message);
            note.help(text::SecondSourceHelp);
        } else if first.is_none() && value.is_empty() {
            let note = diagnostics.error(Code::Choice, value.mark(), text::NoSource { path: &value.path });
            note.help(text::NoSourceHelp);
        }
        let files = read.csv.map(Source::Csv).or(read.jsonl.map(Source::Jsonl));
        let files = files.or(read.parquet.map(Source::Parquet));
        let servers = read.postgres.map(Source::Postgres).or(read.mysql.map(Source::Mysql));
        let other = read.sqlite.map(Source::Sqlite).or(read.stdin.map(Source::Stdin));
        files.or(servers).or(other)
    }

    fn describe(&self) -> String {
        text::OneSource.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Source>()
    }

    fn keys(&self) -> Vec<Key> {
        SourceKeys::keys()
    }
}

impl JsonSchema for Source {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        SourceKeys::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = SourceKeys::object(generator);
        schema.insert("minProperties".into(), 1.into());
        schema.insert("maxProperties".into(), 1.into());
        schema
    }
}

impl Source {
    /// Returns a label that distinguishes this source from the other lists of a file, independent of folders: its kind
    /// and its file name.
    #[must_use]
    pub fn label(&self) -> String {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        match self {
            Self::Csv(csv) => format!("csv {}", last(&csv.path.path)),
            Self::Jsonl(jsonl) => format!("jsonl {}", last(&jsonl.path.path)),
            Self::Parquet(parquet) => format!("parquet {}", last(&parquet.path.path)),
            Self::Postgres(_) => "postgres query".to_owned(),
            Self::Mysql(_) => "mysql query".to_owned(),
            Self::Sqlite(sqlite) => format!("sqlite {}", last(&sqlite.path.to_string_lossy())),
            Self::Stdin(_) => "stdin".to_owned(),
        }
    }

    /// Returns the column of the last activity; `None` if the source does not name one.
    #[must_use]
    pub fn last_active(&self) -> Option<&str> {
        let named = match self {
            Self::Csv(csv) => &csv.last_active,
            Self::Jsonl(jsonl) => &jsonl.last_active,
            Self::Parquet(parquet) => &parquet.last_active,
            Self::Postgres(server) | Self::Mysql(server) => &server.last_active,
            Self::Sqlite(sqlite) => &sqlite.last_active,
            Self::Stdin(stdin) => &stdin.last_active,
        };
        named.as_deref()
    }
}
