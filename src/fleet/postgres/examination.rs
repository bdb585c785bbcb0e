//! What a person wants to know of a server before a fleet uses it. Nothing here changes the server.

use tokio_postgres::types::Type;

use super::connection::{Connection, StatementError};
use super::schema::{SchemaError, Server, check};
use super::{files, notices, schema};

/// The rights that a worker needs on the tables.
const RIGHTS: &str = "
    SELECT n.name || ' (' || n.privilege || ')' FROM (VALUES
      ('runner_meta', 'SELECT'), ('runner_meta', 'UPDATE'),
      ('runner_worker', 'SELECT'), ('runner_worker', 'INSERT'), ('runner_worker', 'UPDATE'), ('runner_worker', 'DELETE'),
      ('runner_app', 'SELECT'), ('runner_app', 'INSERT'), ('runner_app', 'UPDATE'),
      ('runner_ledger', 'SELECT'), ('runner_ledger', 'INSERT'), ('runner_ledger', 'UPDATE'),
      ('runner_log', 'SELECT'), ('runner_log', 'INSERT'),
      ('runner_snapshot', 'SELECT'), ('runner_snapshot', 'INSERT'), ('runner_snapshot', 'UPDATE'),
      ('runner_snapshot_part', 'SELECT'), ('runner_snapshot_part', 'INSERT'), ('runner_snapshot_part', 'DELETE'),
      ('runner_command', 'SELECT'), ('runner_command', 'INSERT'), ('runner_command', 'UPDATE'),
      ('runner_status', 'SELECT'), ('runner_status', 'INSERT'), ('runner_status', 'UPDATE'),
      ('runner_file', 'SELECT'),
      ('runner_notice', 'SELECT'), ('runner_notice', 'INSERT'), ('runner_notice', 'DELETE')
    ) n (name, privilege)
    WHERE NOT has_table_privilege(to_regclass(n.name), n.privilege)";

/// The standbys that are connected: all, those whose state this user may not see, and those that a commit waits for.
const STANDBYS: &str = "
    SELECT count(*), count(*) FILTER (WHERE sync_state IS NULL), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum'))
    FROM pg_stat_replication";

/// What is known of the standby that each commit is to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandbyState {
    /// It is connected.
    Connected,
    /// A standby is connected, and this user may not see whether a commit waits for it.
    NotShown,
    /// It is not connected, so each commit waits for it.
    Missing,
}

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// The version of the server.
    pub version: String,
    /// What the server promises, or why it cannot be used.
    pub server: Result<Server, SchemaError>,
    /// The standby. Only of interest if a commit waits for one.
    pub standby: StandbyState,
    /// The rights that this user lacks, as they are shown.
    pub lacking: Vec<String>,
    /// Whether the tables can keep campaign files.
    pub keeps_files: bool,
    /// Whether the tables can keep messages.
    pub keeps_notices: bool,
}

/// Looks at the server, the tables and this user's rights.
///
/// # Errors
/// When the server fails.
pub async fn examine(connection: &Connection) -> Result<Findings, StatementError> {
    let rows = connection.query(schema::VERSION, &[]).await?.rows;
    let version = rows.first().map(|row| row.try_get(0)).transpose()?;
    let server = match check(connection).await {
        Err(SchemaError::Statement(error)) => return Err(error),
        server => server,
    };
    let rows = connection.query(STANDBYS, &[]).await?.rows;
    let mut standby = StandbyState::Missing;
    if let Some(row) = rows.first() {
        let all: i64 = row.try_get(0)?;
        let hidden: i64 = row.try_get(1)?;
        let waited_for: i64 = row.try_get(2)?;
        standby = match (all, hidden, waited_for) {
            (_, _, 1..) => StandbyState::Connected,
            (1.., 1.., _) => StandbyState::NotShown,
            _ => StandbyState::Missing,
        };
    }
    let rows = connection.query(RIGHTS, &[]).await?.rows;
    let lacking: Result<_, tokio_postgres::Error> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(Findings {
        version: version.unwrap_or_default(),
        server,
        standby,
        lacking: lacking?,
        keeps_files: has_table(connection, files::TABLE).await?,
        keeps_notices: has_table(connection, notices::TABLE).await?,
    })
}

async fn has_table(connection: &Connection, name: &str) -> Result<bool, StatementError> {
    let sql = "SELECT to_regclass($1) IS NOT NULL";
    let rows = connection.query(sql, &[(&name, Type::TEXT)]).await?.rows;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

/// Reads the server's clock, in milliseconds since 1970.
///
/// # Errors
/// When the server fails.
pub async fn clock(connection: &Connection) -> Result<i64, StatementError> {
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let rows = connection.query(sql, &[]).await?.rows;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}
