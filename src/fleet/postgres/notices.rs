//! The statements on messages that are kept until they are sent, so that any machine can send them. What the lines say is no
//! matter of the database.

use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, StatementError};
use super::schema::SchemaError;
use super::statements::{Me, bytes, has_row, worker_id};
use crate::fleet::statement::WorkerId;

/// Whose lines they are. A worker may keep several parts about one campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticePart {
    /// The worker.
    pub worker: WorkerId,
    /// The number of the part.
    pub part: i64,
}

/// One part of the lines of a worker about a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeLines {
    /// Whose lines they are.
    pub part: NoticePart,
    /// The lines, in order.
    pub text: String,
}

/// The name of the table.
pub(super) const TABLE: &str = "runner_notice";

const ADD: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE)
    INSERT INTO runner_notice (app, campaign, worker, part, line) SELECT $2, $3, $1, $4, $5 FROM me RETURNING true";

// The lines of a worker that may go on are its own.
const LEFT: &str = "
    SELECT worker, part, string_agg(line, chr(10) ORDER BY id) FROM runner_notice n
    WHERE app = $2 AND campaign = $3 AND worker <> $1
      AND NOT EXISTS (SELECT 1 FROM runner_worker w WHERE w.id = n.worker AND NOT w.fenced)
    GROUP BY worker, part ORDER BY min(id)";

const REMOVE: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE),
    removed AS (
      DELETE FROM runner_notice USING me WHERE app = $2 AND campaign = $3 AND worker = $4 AND part = $5)
    SELECT true FROM me";

/// Adds a line. False if the worker is fenced.
///
/// # Errors
/// When the result is not known, may be taken back by a fail-over, or if there is no table for lines.
pub async fn add_notice_line(
    connection: &Connection,
    me: &Me,
    [app, campaign]: [&str; 2],
    part: i64,
    line: &str,
) -> Result<bool, SchemaError> {
    let id = bytes(me.id);
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&app, Type::TEXT),
        (&campaign, Type::TEXT),
        (&part, Type::INT8),
        (&line, Type::TEXT),
    ];
    has_row(connection, ADD, &values).await.map_err(without_table)
}

/// Reads the lines about a campaign of each worker that is fenced or has left.
///
/// # Errors
/// When the server fails, or if there is no table for lines.
pub async fn left_notice_lines(
    connection: &Connection,
    me: &Me,
    [app, campaign]: [&str; 2],
) -> Result<Vec<NoticeLines>, SchemaError> {
    let id = bytes(me.id);
    let values: [(&(dyn ToSql + Sync), Type); 3] = [(&id, Type::BYTEA), (&app, Type::TEXT), (&campaign, Type::TEXT)];
    let rows = connection.query(LEFT, &values).await.map_err(without_table)?.rows;
    let lines = |row: &tokio_postgres::Row| {
        let worker: &[u8] = row.try_get(0)?;
        let Some(worker) = worker_id(worker) else {
            return Ok(None);
        };
        let part = NoticePart {
            worker,
            part: row.try_get(1)?,
        };
        let text = row.try_get(2)?;
        Ok(Some(NoticeLines { part, text }))
    };
    let left = rows.iter().filter_map(|row| lines(row).transpose());
    Ok(left.collect::<Result<_, StatementError>>()?)
}

/// Removes a part of the lines about a campaign. False if this worker is fenced.
///
/// # Errors
/// When the result is not known, may be taken back by a fail-over, or if there is no table for lines.
pub async fn remove_notice_lines(
    connection: &Connection,
    me: &Me,
    [app, campaign]: [&str; 2],
    NoticePart { worker, part }: NoticePart,
) -> Result<bool, SchemaError> {
    let (id, worker) = (bytes(me.id), bytes(worker));
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&app, Type::TEXT),
        (&campaign, Type::TEXT),
        (&worker, Type::BYTEA),
        (&part, Type::INT8),
    ];
    has_row(connection, REMOVE, &values).await.map_err(without_table)
}

fn without_table(error: StatementError) -> SchemaError {
    SchemaError::of_statement(error, SchemaError::WithoutNotices)
}
