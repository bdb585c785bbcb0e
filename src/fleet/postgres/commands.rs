//! The statements on commands to runs, which any machine can send and every worker reads.

use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, StatementError};
use crate::fleet::statement::AppKey;

/// A command to the runs of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its number.
    pub id: i64,
    /// The app id.
    pub app: AppKey,
    /// The campaign.
    pub campaign: String,
    /// The command, as JSON.
    pub command: String,
    /// Whether nobody has answered it.
    pub is_open: bool,
}

// The result of a command that no run has taken in time is the word null.
const SEND: &str =
    "INSERT INTO runner_command (platform, app, campaign, command, by) VALUES ($1, $2, $3, $4, $5) RETURNING id";

const RESULT: &str = "SELECT result FROM runner_command WHERE id = $1";

const RECENT: &str = "
    SELECT id, platform, app, campaign, command, result IS NULL FROM runner_command
    WHERE at > now() - $1 * interval '1 second' AND result IS DISTINCT FROM 'null' ORDER BY id";

const LAST_ORDER: &str = "
    SELECT command FROM runner_command WHERE platform = $1 AND app = $2 AND campaign = $3
      AND result <> 'null' AND command::json ->> 'ask' IN ('pause', 'resume', 'stop') ORDER BY id DESC LIMIT 1";

const ANSWER: &str = "UPDATE runner_command SET result = $2 WHERE id = $1 AND result IS NULL RETURNING true";

const REPLACE_ANSWER: &str = "UPDATE runner_command SET result = $3 WHERE id = $1 AND result = $2 RETURNING true";

/// Adds a command. Returns its number.
///
/// # Errors
/// When the server fails.
pub async fn send(
    connection: &Connection,
    app: &AppKey,
    campaign: &str,
    command: &str,
    by: &str,
) -> Result<i64, StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (&campaign, Type::TEXT),
        (&command, Type::TEXT),
        (&by, Type::TEXT),
    ];
    let rows = connection.query(SEND, &values).await?.rows;
    match rows.first() {
        Some(row) => Ok(row.try_get(0)?),
        None => Err(StatementError::NotReplicated),
    }
}

/// Reads the answer to a command. `None` while there is none.
///
/// # Errors
/// When the server fails.
pub async fn result(connection: &Connection, id: i64) -> Result<Option<String>, StatementError> {
    let rows = connection.query(RESULT, &[(&id, Type::INT8)]).await?.rows;
    match rows.first() {
        Some(row) => Ok(row.try_get(0)?),
        None => Ok(None),
    }
}

/// Reads the commands of the last seconds, by the server's clock, without those that no run has taken in time.
///
/// # Errors
/// When the server fails.
pub async fn recent(connection: &Connection, seconds: f64) -> Result<Vec<CommandRow>, StatementError> {
    let rows = connection.query(RECENT, &[(&seconds, Type::FLOAT8)]).await?.rows;
    let command = |row: &tokio_postgres::Row| {
        Ok(CommandRow {
            id: row.try_get(0)?,
            app: AppKey {
                platform: row.try_get(1)?,
                app: row.try_get(2)?,
            },
            campaign: row.try_get(3)?,
            command: row.try_get(4)?,
            is_open: row.try_get(5)?,
        })
    };
    rows.iter().map(command).collect()
}

/// Reads the last order that a run of a campaign has taken: to pause, to resume or to stop. `None` without one.
///
/// # Errors
/// When the server fails.
pub async fn last_order(
    connection: &Connection,
    app: &AppKey,
    campaign: &str,
) -> Result<Option<String>, StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 3] = [
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (&campaign, Type::TEXT),
    ];
    let rows = connection.query(LAST_ORDER, &values).await?.rows;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}

/// Replaces the answer `before` to a command. False if it has another answer.
///
/// # Errors
/// When the server fails.
pub async fn replace_answer(
    connection: &Connection,
    id: i64,
    before: &str,
    result: &str,
) -> Result<bool, StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 3] = [(&id, Type::INT8), (&before, Type::TEXT), (&result, Type::TEXT)];
    Ok(!connection.query(REPLACE_ANSWER, &values).await?.rows.is_empty())
}

/// Answers a command. False if it has an answer already: the first one counts.
///
/// # Errors
/// When the server fails.
pub async fn answer(connection: &Connection, id: i64, result: &str) -> Result<bool, StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 2] = [(&id, Type::INT8), (&result, Type::TEXT)];
    Ok(!connection.query(ANSWER, &values).await?.rows.is_empty())
}
