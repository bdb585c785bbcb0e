//! Audiences from an SQLite database, opened read-only.

use std::io::Read;
use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteStatement};
use sqlx::{ConnectOptions, Connection, Error, Executor, Row, SqlStr, Sqlite, TypeInfo, ValueRef};

use super::AudienceError;
use super::cell::Cell;
use super::database_error::{DatabaseHelp, DatabaseName, QueryMistake, Responsible};
use super::error::Lacks;
use super::input::Regular;
use super::query::{Asked, Dialect, LogicalType, Query, run};
use super::row_sink::{RowSink, RowSource};
use super::syntax_error::Foreign;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How many rows the SQLite thread reads ahead.
const AHEAD: usize = 256;
/// The memory limit of SQLite, in bytes: a single value may be a gigabyte. Sorting uses the disk.
const MEMORY: &str = "67108864";

/// A query to an SQLite database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSource {
    /// The database's file.
    pub path: PathBuf,
    /// The query.
    pub query: Query,
}

impl RowSource for SqliteSource {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        self.is_one()?;
        if !is_one_statement(&self.query.sql) {
            return Err(AudienceError::NoQuery {
                why: QueryMistake::Several,
            });
        }
        let asked = Asked::new(
            &self.query,
            DatabaseName::Sqlite(self.path.clone()),
            DatabaseHelp::Nothing,
        );
        run(out, async |out| {
            let options = SqliteConnectOptions::new()
                .filename(&self.path)
                .read_only(true)
                .create_if_missing(false)
                .pragma("query_only", "on")
                .pragma("hard_heap_limit", MEMORY)
                .row_buffer_size(AHEAD)
                .disable_statement_logging();
            let mut connection = asked.connect::<Sqlite, _>(options.connect()).await?;
            asked.read_rows::<Sqlite>(&mut connection, out).await?;
            // All rows have arrived, so an error of closing does not matter.
            let _ = connection.close().await;
            out.end_rows_async().await
        })
    }
}

impl SqliteSource {
    /// Checks that the file starts with the magic bytes of SQLite.
    fn is_one(&self) -> Result<(), AudienceError> {
        let mut regular = Regular::open(&self.path)?;
        let path = self.path.clone();
        let mut start = Vec::new();
        let read = Read::by_ref(&mut regular.file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut start);
        read.map_err(|error| AudienceError::new(&path, error))?;
        match start.as_slice() {
            [] => Err(AudienceError::Empty {
                path,
                lacks: Lacks::Tables,
            }),
            start if start == MAGIC => Ok(()),
            start => {
                regular.is_none_but(Foreign::Sqlite, start)?;
                Err(AudienceError::NotSqlite { path })
            }
        }
    }
}

/// Whether only white space and comments follow the first semicolon outside quotes and comments. The library would run
/// several statements, one after the other.
fn is_one_statement(sql: &str) -> bool {
    let mut rest = sql;
    let mut ended = false;
    while let Some(first) = rest.chars().next() {
        let behind = |end: &str, from: usize| {
            rest.get(from..)
                .and_then(|tail| tail.find(end).map(|at| from + at + end.len()))
        };
        let next = match first {
            '\'' | '"' | '`' => behind(rest.get(..1).unwrap_or_default(), 1),
            '[' => behind("]", 1),
            '-' if rest.starts_with("--") => behind("\n", 2),
            '/' if rest.starts_with("/*") => behind("*/", 2),
            _ => Some(first.len_utf8()),
        };
        let comment = rest.starts_with("--") || rest.starts_with("/*");
        match first {
            ';' => ended = true,
            first if ended && !first.is_whitespace() && !comment => return false,
            _ => {}
        }
        rest = next.and_then(|next| rest.get(next..)).unwrap_or_default();
    }
    true
}

impl Dialect for Sqlite {
    async fn prepare(connection: &mut SqliteConnection, sql: SqlStr) -> Result<SqliteStatement, Error> {
        connection.prepare(sql).await
    }

    fn logical_type(_type_name: &str, _offset: i32) -> Option<LogicalType> {
        Some(LogicalType::Any)
    }

    fn cell<'r>(
        row: &'r SqliteRow,
        at: usize,
        _means: LogicalType,
        _scratch: &'r mut String,
    ) -> Result<Cell<'r>, Error> {
        let value = row.try_get_raw(at)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        Ok(match value.type_info().name() {
            "INTEGER" => Cell::Whole(row.try_get_unchecked::<i64, _>(at)?.into()),
            "REAL" => Cell::Real(row.try_get_unchecked(at)?),
            _ => Cell::Text(row.try_get_unchecked(at)?),
        })
    }

    fn blame(said: &dyn DatabaseError) -> Responsible {
        let code = said.code().unwrap_or_default();
        // The lowest byte is the primary error code.
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => Responsible::Server(DatabaseHelp::Locked),
            Ok(7 | 18) => Responsible::File(DatabaseHelp::Memory),
            Ok(10 | 13) => Responsible::Server(DatabaseHelp::Disk),
            Ok(8) => Responsible::File(DatabaseHelp::ReadOnly),
            Ok(11 | 26) => Responsible::File(DatabaseHelp::Damaged),
            _ => Responsible::File(DatabaseHelp::Query),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_one_statement;

    #[test]
    fn one_statement_is_told_from_two() {
        for one in [
            "select 1",
            "select ';' as open_id;",
            "select 1 -- ; delete",
            "select 1; -- done\n /* ; */ ",
            "select \"a;b\", [c;d], `e;f`, 'it''s;' from t;",
            "select 1 /* never closed ;",
        ] {
            assert!(is_one_statement(one), "{one}");
        }
        for two in [
            "select 1; select 2",
            "select 'a'; vacuum into 'x'",
            "select 1;;x",
            "select 1; /* */ delete from t",
        ] {
            assert!(!is_one_statement(two), "{two}");
        }
    }
}
