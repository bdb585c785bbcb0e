//! Sources of an audience, resolved from the campaign file: no choice is open.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::AudienceError;
use super::input::Input;
use super::mysql::MysqlQuery;
use super::postgres::PostgresQuery;
use super::query::{Query, Server};
use super::reading::{RowSink, RowSource};
use crate::campaign::{self, Files};

/// A source of an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Comma-separated values with a header line.
    Csv(CsvSource),
    /// JSON objects, one a line.
    Jsonl(JsonlSource),
    /// Parquet files.
    Parquet(ParquetSource),
    /// A query to a PostgreSQL server.
    Postgres(Server),
    /// A query to a MySQL or MariaDB server.
    Mysql(Server),
    /// A query to an SQLite database.
    Sqlite(SqliteSource),
}

/// Comma-separated values with a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSource {
    /// The files, or stdin.
    pub input: Input,
    /// The columns to read.
    pub columns: Columns,
    /// The text encoding.
    pub encoding: Encoding,
    /// The delimiter of the fields: `,` `;` or a tab. If `None`, it is detected from the header line.
    pub delimiter: Option<u8>,
}

/// JSON objects, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonlSource {
    /// The files, or stdin.
    pub input: Input,
    /// The keys to read. Dots in a name lead into objects.
    pub columns: Columns,
}

/// Parquet files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetSource {
    /// The files.
    pub files: Files,
    /// The columns to read. Dots in a name lead into groups.
    pub columns: Columns,
}

/// A query to an SQLite database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSource {
    /// The database's file.
    pub path: PathBuf,
    /// The query.
    pub query: Query,
}

/// The columns to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The name of the column that holds open_ids.
    pub open_id: String,
    /// The name of the column that says when the user was last active.
    pub last_active: Option<String>,
    /// The time zone of times without a zone.
    pub zone: TimeZone,
    /// The present. A time after the end of tomorrow is not valid.
    pub present: Timestamp,
}

/// A text encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB18030, which includes GBK and GB2312.
    Gb18030,
}

impl Source {
    /// Resolves a source of the campaign file. Times without a zone are in `zone`; `present` bounds the times that are
    /// valid.
    #[must_use]
    pub fn new(said: &campaign::Source, zone: &TimeZone, present: Timestamp) -> Self {
        let columns = |open_id: &str, last_active: &Option<String>| Columns {
            open_id: open_id.to_owned(),
            last_active: last_active.clone(),
            zone: zone.clone(),
            present,
        };
        let server = |said: &campaign::Server| Server {
            url: said.url.clone(),
            query: Query::new(&said.query, columns(&said.open_id(), &said.last_active)),
        };
        match said {
            campaign::Source::Csv(csv) => Self::Csv(CsvSource {
                input: Input::Files(csv.path.clone()),
                columns: columns(&csv.open_id, &csv.last_active),
                encoding: csv.encoding().into(),
                delimiter: csv.delimiter.map(campaign::Delimiter::byte),
            }),
            campaign::Source::Jsonl(jsonl) => Self::Jsonl(JsonlSource {
                input: Input::Files(jsonl.path.clone()),
                columns: columns(&jsonl.open_id, &jsonl.last_active),
            }),
            campaign::Source::Parquet(parquet) => Self::Parquet(ParquetSource {
                files: parquet.path.clone(),
                columns: columns(&parquet.open_id, &parquet.last_active),
            }),
            campaign::Source::Postgres(said) => Self::Postgres(server(said)),
            campaign::Source::Mysql(said) => Self::Mysql(server(said)),
            campaign::Source::Sqlite(said) => Self::Sqlite(SqliteSource {
                path: said.path.clone(),
                query: Query::new(&said.query, columns(&said.open_id(), &said.last_active)),
            }),
            campaign::Source::Stdin(said) => {
                let input = Input::Stdin;
                let columns = columns(&said.open_id, &said.last_active);
                match said.format {
                    campaign::Format::Csv => Self::Csv(CsvSource {
                        input,
                        columns,
                        encoding: said.encoding().into(),
                        delimiter: said.delimiter.map(campaign::Delimiter::byte),
                    }),
                    campaign::Format::Jsonl => Self::Jsonl(JsonlSource { input, columns }),
                }
            }
        }
    }

    /// Writes every row into `out`.
    pub(super) fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        match self {
            Self::Csv(source) => source.read_rows(out),
            Self::Jsonl(source) => source.read_rows(out),
            Self::Parquet(source) => source.read_rows(out),
            Self::Postgres(server) => PostgresQuery(server).read_rows(out),
            Self::Mysql(server) => MysqlQuery(server).read_rows(out),
            Self::Sqlite(source) => source.read_rows(out),
        }
    }
}

impl From<campaign::Encoding> for Encoding {
    fn from(said: campaign::Encoding) -> Self {
        match said {
            campaign::Encoding::Gb18030 => Self::Gb18030,
            campaign::Encoding::Utf8 => Self::Utf8,
        }
    }
}
