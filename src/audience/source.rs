//! Sources of an audience, resolved from the campaign file: no choice is open.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::AudienceError;
use super::columns::Columns;
use super::csv::CsvSource;
use super::expected::expected_rows;
use super::input::Input;
use super::jsonl::JsonlSource;
use super::mysql::MysqlQuery;
use super::parquet::ParquetSource;
use super::postgres::PostgresQuery;
use super::query::{Query, Server};
use super::row_sink::{RowSink, RowSource};
use super::sqlite::SqliteSource;
use crate::campaign;

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
                encoding: csv.encoding(),
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
                        encoding: said.encoding(),
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

    /// Estimates the number of rows. `None` if the whole source has to be read to know it.
    #[must_use]
    pub fn expected_rows(&self) -> Option<u64> {
        match self {
            Self::Csv(csv) => expected_rows(&csv.input),
            Self::Jsonl(jsonl) => expected_rows(&jsonl.input),
            Self::Parquet(_) | Self::Postgres(_) | Self::Mysql(_) | Self::Sqlite(_) => None,
        }
    }
}
