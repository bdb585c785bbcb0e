//! The statements on campaign files that lie in the database, so that any worker can apply them.

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, Rows, StatementError};
use super::schema::SchemaError;

/// A campaign file in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Its name, which no other file has.
    pub name: String,
    /// The app id of its campaign.
    pub app: String,
    /// The name of its campaign. No other file has the same campaign of the same app id.
    pub campaign: String,
    /// The hash of the body.
    pub hash: Vec<u8>,
    /// The bytes of the file.
    pub body: Vec<u8>,
    /// The absolute path that it was pushed from.
    pub origin: String,
    /// The machine that it was pushed from.
    pub host: String,
    /// The person who pushed it.
    pub by: String,
    /// When it was pushed, in milliseconds since 1970 by the server's clock. A push does not read it.
    pub at_ms: i64,
}

/// What became of a change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It is durable.
    Done,
    /// The file is not the one that was seen any more.
    ChangedMeanwhile,
    /// Another file has the campaign.
    OtherFileHasCampaign,
}

/// The name of the table.
pub(super) const TABLE: &str = "runner_file";

const READ: &str = "
    SELECT path, app, campaign, hash, body, origin, host, by, (extract(epoch FROM at) * 1000)::bigint
    FROM runner_file ORDER BY path";

const ADD: &str = "
    INSERT INTO runner_file (path, app, campaign, hash, body, origin, host, by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (path) DO NOTHING RETURNING path";

const REPLACE: &str = "
    UPDATE runner_file SET app = $2, campaign = $3, hash = $4, body = $5, origin = $6, host = $7, by = $8, at = now()
    WHERE path = $1 AND hash = $9 RETURNING path";

const REMOVE: &str = "DELETE FROM runner_file WHERE path = $1 AND hash = $2 RETURNING path";

/// Reads all files, sorted by name.
///
/// # Errors
/// When the server fails, or has no table for them.
pub async fn read(connection: &Connection) -> Result<Vec<FileRow>, SchemaError> {
    let rows = connection.query(READ, &[]).await.map_err(without_table)?.rows;
    let file = |row: &tokio_postgres::Row| {
        Ok(FileRow {
            name: row.try_get(0)?,
            app: row.try_get(1)?,
            campaign: row.try_get(2)?,
            hash: row.try_get(3)?,
            body: row.try_get(4)?,
            origin: row.try_get(5)?,
            host: row.try_get(6)?,
            by: row.try_get(7)?,
            at_ms: row.try_get(8)?,
        })
    };
    let files: Result<_, tokio_postgres::Error> = rows.iter().map(file).collect();
    Ok(files.map_err(StatementError::from)?)
}

/// Adds a file, or replaces the one of this name that has the hash `seen`.
///
/// # Errors
/// When the server fails, or has no table for files.
pub async fn write(connection: &Connection, file: &FileRow, seen: Option<&[u8]>) -> Result<FileChange, SchemaError> {
    let mut values: Vec<(&(dyn ToSql + Sync), Type)> = vec![
        (&file.name, Type::TEXT),
        (&file.app, Type::TEXT),
        (&file.campaign, Type::TEXT),
        (&file.hash, Type::BYTEA),
        (&file.body, Type::BYTEA),
        (&file.origin, Type::TEXT),
        (&file.host, Type::TEXT),
        (&file.by, Type::TEXT),
    ];
    let sql = match &seen {
        None => ADD,
        Some(seen) => {
            values.push((seen, Type::BYTEA));
            REPLACE
        }
    };
    match connection.query(sql, &values).await {
        Ok(rows) => changed(&rows),
        Err(StatementError::Failed(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            Ok(FileChange::OtherFileHasCampaign)
        }
        Err(error) => Err(without_table(error)),
    }
}

/// Removes the file of this name that has the hash `seen`.
///
/// # Errors
/// When the server fails, or has no table for files.
pub async fn remove(connection: &Connection, name: &str, seen: &[u8]) -> Result<FileChange, SchemaError> {
    let values: [(&(dyn ToSql + Sync), Type); 2] = [(&name, Type::TEXT), (&seen, Type::BYTEA)];
    let rows = connection.query(REMOVE, &values).await.map_err(without_table)?;
    changed(&rows)
}

fn changed(rows: &Rows) -> Result<FileChange, SchemaError> {
    if rows.rows.is_empty() {
        return Ok(FileChange::ChangedMeanwhile);
    }
    if !rows.replicated {
        return Err(StatementError::NotReplicated.into());
    }
    Ok(FileChange::Done)
}

fn without_table(error: StatementError) -> SchemaError {
    SchemaError::of_statement(error, SchemaError::WithoutFiles)
}
