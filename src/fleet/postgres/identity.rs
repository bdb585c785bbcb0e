//! Which server the database is on, so that a restored backup and a fail-over are noticed.

use std::fmt;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::connection::{Connection, StatementError};
use crate::catalogue::fleet;

/// The timeline that the server writes now. The control file follows only with the checkpoint after a promotion.
const IDENTITY: &str =
    "SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()";

/// The identity of a server. A promotion and a recovery to a point in time begin another timeline; a copy of the tables on another
/// server has another system identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// The system identifier, which `initdb` chooses.
    pub system: String,
    /// The timeline.
    pub timeline: i64,
}

impl fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { system, timeline } = self;
        fleet::ServerIdentity { system, timeline }.fmt(f)
    }
}

/// Reads the identity of the server. `None` if it does not show it to this user.
///
/// # Errors
/// When the server fails.
pub async fn identity(connection: &Connection) -> Result<Option<ServerIdentity>, StatementError> {
    let rows = match connection.query(IDENTITY, &[]).await {
        Ok(rows) => rows.rows,
        Err(StatementError::Failed(error)) if is_not_shown(error.code()) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(row) = rows.first() else { return Ok(None) };
    let timeline: &str = row.try_get(1)?;
    Ok(Some(ServerIdentity {
        system: row.try_get(0)?,
        timeline: i64::from_str_radix(timeline, 16).unwrap_or_default(),
    }))
}

fn is_not_shown(code: Option<&SqlState>) -> bool {
    code.is_some_and(|code| {
        [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::UNDEFINED_FUNCTION,
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(code)
    })
}

/// When the identity of the server is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// The tables were created.
    First,
    /// A worker that ran all the time has found everything that it knows.
    Proven,
    /// A person accepts that facts may be missing.
    Accepted,
}

/// Records the identity of the server.
///
/// # Errors
/// When the server fails.
pub async fn record_identity(
    connection: &Connection,
    identity: &ServerIdentity,
    recording: Recording,
) -> Result<(), StatementError> {
    let sql = match recording {
        Recording::First => "UPDATE runner_meta SET system_id = $1, timeline = $2 WHERE system_id IS NULL",
        Recording::Proven => "UPDATE runner_meta SET system_id = $1, timeline = $2 WHERE NOT doubted",
        Recording::Accepted => "UPDATE runner_meta SET system_id = $1, timeline = $2, doubted = false",
    };
    let values = [
        (
            &identity.system as &(dyn tokio_postgres::types::ToSql + Sync),
            Type::TEXT,
        ),
        (&identity.timeline, Type::INT8),
    ];
    connection.query(sql, &values).await?;
    Ok(())
}

/// Records that a worker knows of facts which are missing. Only a person can take it back.
///
/// # Errors
/// When the server fails.
pub async fn doubt(connection: &Connection) -> Result<(), StatementError> {
    connection.query("UPDATE runner_meta SET doubted = true", &[]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_show_its_identity_is_no_failure() {
        assert!(is_not_shown(Some(&SqlState::INSUFFICIENT_PRIVILEGE)));
        assert!(is_not_shown(Some(&SqlState::FEATURE_NOT_SUPPORTED)));
        assert!(!is_not_shown(Some(&SqlState::ADMIN_SHUTDOWN)));
        assert!(!is_not_shown(None));
    }
}
