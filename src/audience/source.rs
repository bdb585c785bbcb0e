//! Where an audience comes from, as it is read: every choice that a campaign file leaves open is made here.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::AudienceError;
use super::mysql::MysqlQuery;
use super::opened::Input;
use super::postgres::PostgresQuery;
use super::query::{Query, Server};
use super::reading::{Out, Pour};
use crate::campaign::{self, Files, usual};

/// Where an audience comes from.
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
    /// Where the text comes from.
    pub input: Input,
    /// What is read of each row.
    pub columns: Columns,
    /// How its bytes are to be read as text.
    pub encoding: Encoding,
    /// What separates its fields: `,` `;` or a tab. None: what the header line suggests.
    pub delimiter: Option<u8>,
}

/// JSON objects, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonlSource {
    /// Where the text comes from.
    pub input: Input,
    /// What is read of each object. Points in the names lead into objects.
    pub columns: Columns,
}

/// Parquet files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetSource {
    /// The files.
    pub files: Files,
    /// What is read of each row. Points in the names lead into groups.
    pub columns: Columns,
}

/// A query to an SQLite database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSource {
    /// The database's file.
    pub path: PathBuf,
    /// What is asked of it.
    pub query: Query,
}

/// What is read of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The name of the column that holds open_ids.
    pub open_id: String,
    /// The name of the column that says when the user was last active.
    pub last_active: Option<String>,
    /// The zone of times in it that name none.
    pub zone: TimeZone,
    /// The present. A time after tomorrow is none.
    pub present: Timestamp,
}

/// How bytes are to be read as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB18030, and so GBK and GB2312 as well.
    Gb18030,
}

impl Source {
    /// What the campaign file says, with times on the clocks of its zone, as it is read at the moment `present`.
    #[must_use]
    pub fn of(said: &campaign::Source, zone: &TimeZone, present: Timestamp) -> Self {
        let columns = |open_id: &str, last_active: &Option<String>| Columns {
            open_id: open_id.to_owned(),
            last_active: last_active.clone(),
            zone: zone.clone(),
            present,
        };
        let asked = |query: &str, open_id: &Option<String>, last_active: &Option<String>| {
            let open_id = open_id.as_deref().unwrap_or(usual::OPEN_ID);
            Query::new(query, columns(open_id, last_active))
        };
        let server = |said: &campaign::Server| Server {
            url: said.url.clone(),
            query: asked(&said.query, &said.open_id, &said.last_active),
        };
        match said {
            campaign::Source::Csv(csv) => Self::Csv(CsvSource {
                input: Input::Files(csv.path.clone()),
                columns: columns(&csv.open_id, &csv.last_active),
                encoding: csv.encoding.into(),
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
                query: asked(&said.query, &said.open_id, &said.last_active),
            }),
            campaign::Source::Stdin(said) => {
                let (input, columns) = (Input::Stdin, columns(&said.open_id, &said.last_active));
                match said.format {
                    campaign::Format::Csv => Self::Csv(CsvSource {
                        input,
                        columns,
                        encoding: said.encoding.into(),
                        delimiter: said.delimiter.map(campaign::Delimiter::byte),
                    }),
                    campaign::Format::Jsonl => Self::Jsonl(JsonlSource { input, columns }),
                }
            }
        }
    }

    /// Puts every row into `out`.
    pub(super) fn pour(&self, out: &mut Out) -> Result<(), AudienceError> {
        match self {
            Self::Csv(source) => source.pour(out),
            Self::Jsonl(source) => source.pour(out),
            Self::Parquet(source) => source.pour(out),
            Self::Postgres(server) => PostgresQuery(server).pour(out),
            Self::Mysql(server) => MysqlQuery(server).pour(out),
            Self::Sqlite(source) => source.pour(out),
        }
    }
}

impl From<Option<campaign::Encoding>> for Encoding {
    fn from(said: Option<campaign::Encoding>) -> Self {
        match said {
            Some(campaign::Encoding::Gb18030) => Self::Gb18030,
            Some(campaign::Encoding::Utf8) | None => Self::Utf8,
        }
    }
}
