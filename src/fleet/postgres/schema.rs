//! The tables of a fleet.

use std::fmt::Write as _;

use tokio_postgres::error::SqlState;

use super::connection::{Connection, StatementError};
use super::identity::{ServerIdentity, identity};
use crate::catalogue::fleet;

/// The version of the tables that this program knows.
const FORMAT: i32 = 1;

/// The number of parts of the log, so that one index does not take all appends.
const PARTS: u32 = 16;

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The server failed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// There are no tables.
    #[error("{}", fleet::NoTables)]
    Missing,
    /// The tables were made before they could keep campaign files.
    #[error("{}", fleet::WithoutFiles)]
    WithoutFiles,
    /// The tables were made before they could keep messages.
    #[error("{}", fleet::WithoutNotices)]
    WithoutNotices,
    /// Another version of the program made the tables.
    #[error("{}", fleet::OtherFormat { found, known: &FORMAT })]
    Format {
        /// The format that was found.
        found: i32,
    },
    /// The server does not wait for its disk.
    #[error("{}", fleet::NotSynchronous { found })]
    NotSynchronous {
        /// The setting.
        found: String,
    },
    /// The server is a standby.
    #[error("{}", fleet::Standby)]
    Standby,
}

impl SchemaError {
    /// The error of a statement on a table that an earlier version did not make: `missing` if it is not there.
    pub(super) fn of_statement(error: StatementError, missing: Self) -> Self {
        match error {
            StatementError::Failed(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => missing,
            error => error.into(),
        }
    }
}

/// Reads the version of the server, such as `15.4`.
pub(super) const VERSION: &str = "SELECT current_setting('server_version')";

/// What a server promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its version, such as `15.4`.
    pub version: String,
    /// Whether a commit waits for a standby.
    pub has_standby: bool,
    /// Whether a person has accepted that it does not.
    pub accepts_single_copy: bool,
    /// Its identity. `None` if it does not show it to this user.
    pub identity: Option<ServerIdentity>,
    /// The identity that the tables have. `None` if it was never recorded.
    pub recorded: Option<ServerIdentity>,
    /// Whether a worker knows of facts that are missing.
    pub is_doubted: bool,
}

impl Server {
    /// Whether facts may be missing: the database is on another server than it was, or a worker knows of some.
    #[must_use]
    pub fn may_have_lost(&self) -> bool {
        let is_other = |(recorded, found)| recorded != found;
        self.is_doubted || self.recorded.as_ref().zip(self.identity.as_ref()).is_some_and(is_other)
    }
}

/// Creates the tables. Does nothing if they exist.
///
/// # Errors
/// When the server fails or refuses.
pub async fn init(connection: &Connection) -> Result<(), SchemaError> {
    let mut sql = format!(
        "BEGIN;
         CREATE TABLE IF NOT EXISTS runner_meta (
           format int PRIMARY KEY, single_copy boolean NOT NULL DEFAULT false,
           system_id text, timeline bigint, doubted boolean NOT NULL DEFAULT false);
         INSERT INTO runner_meta (format) SELECT {FORMAT} WHERE NOT EXISTS (SELECT 1 FROM runner_meta);
         CREATE TABLE IF NOT EXISTS runner_worker (
           id bytea PRIMARY KEY, beat bigint NOT NULL, fenced boolean NOT NULL DEFAULT false, checked bigint NOT NULL DEFAULT 0,
           host text NOT NULL, pid bigint NOT NULL, version text NOT NULL, since timestamptz NOT NULL DEFAULT now()
         ) WITH (fillfactor = 50);
         CREATE TABLE IF NOT EXISTS runner_app (
           platform text, app text, owner bytea, term bigint NOT NULL, PRIMARY KEY (platform, app));
         CREATE TABLE IF NOT EXISTS runner_ledger (
           id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, platform text NOT NULL, app text NOT NULL, campaign text NOT NULL,
           manifest text NOT NULL, UNIQUE (platform, app, campaign));
         CREATE TABLE IF NOT EXISTS runner_snapshot (
           ledger bigint PRIMARY KEY, seq bigint NOT NULL, link bytea NOT NULL, parts bigint NOT NULL);
         CREATE TABLE IF NOT EXISTS runner_snapshot_part (
           ledger bigint, seq bigint, part bigint, body bytea NOT NULL, PRIMARY KEY (ledger, seq, part));
         CREATE TABLE IF NOT EXISTS runner_log (
           ledger bigint, seq bigint, term bigint NOT NULL, prev bytea NOT NULL, link bytea NOT NULL, body bytea NOT NULL,
           PRIMARY KEY (ledger, seq)) PARTITION BY HASH (ledger);
         CREATE TABLE IF NOT EXISTS runner_command (
           id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, platform text NOT NULL, app text NOT NULL, campaign text NOT NULL,
           command text NOT NULL, by text NOT NULL, at timestamptz NOT NULL DEFAULT now(), result text);
         CREATE INDEX IF NOT EXISTS runner_command_at ON runner_command (at);
         CREATE INDEX IF NOT EXISTS runner_command_campaign ON runner_command (platform, app, campaign, id);
         CREATE UNLOGGED TABLE IF NOT EXISTS runner_status (
           platform text, app text, campaign text, body text NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (platform, app, campaign))
           WITH (fillfactor = 50);
         CREATE TABLE IF NOT EXISTS runner_file (
           path text PRIMARY KEY, app text NOT NULL, campaign text NOT NULL, hash bytea NOT NULL, body bytea NOT NULL,
           origin text NOT NULL, host text NOT NULL, by text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
           UNIQUE (app, campaign));
         CREATE TABLE IF NOT EXISTS runner_notice (
           id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app text NOT NULL, campaign text NOT NULL,
           worker bytea NOT NULL, part bigint NOT NULL, line text NOT NULL);
         CREATE INDEX IF NOT EXISTS runner_notice_campaign ON runner_notice (app, campaign, worker, part, id);"
    );
    for part in 0..PARTS {
        let _ = write!(
            sql,
            "CREATE TABLE IF NOT EXISTS runner_log_{part} PARTITION OF runner_log
             FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part});"
        );
    }
    sql += "COMMIT;";
    connection.batch(&sql).await?;
    Ok(())
}

/// Checks the server and the tables.
///
/// # Errors
/// When the database cannot be used.
pub async fn check(connection: &Connection) -> Result<Server, SchemaError> {
    let sql = "SELECT current_setting('server_version'), current_setting('synchronous_commit'),
               current_setting('synchronous_standby_names'), pg_is_in_recovery(), to_regclass('runner_meta') IS NOT NULL";
    let rows = connection.query(sql, &[]).await?.rows;
    let row = rows.first().ok_or(SchemaError::Missing)?;
    let version: String = row.try_get(0).map_err(StatementError::from)?;
    let commit: String = row.try_get(1).map_err(StatementError::from)?;
    let standbys: String = row.try_get(2).map_err(StatementError::from)?;
    let is_standby: bool = row.try_get(3).map_err(StatementError::from)?;
    let has_tables: bool = row.try_get(4).map_err(StatementError::from)?;
    if is_standby {
        return Err(SchemaError::Standby);
    }
    if !matches!(commit.as_str(), "on" | "remote_apply") {
        return Err(SchemaError::NotSynchronous { found: commit });
    }
    if !has_tables {
        return Err(SchemaError::Missing);
    }
    let rows = connection.query("SELECT max(format) FROM runner_meta", &[]).await?.rows;
    let found = rows
        .first()
        .and_then(|row| row.try_get::<_, Option<i32>>(0).ok().flatten());
    match found {
        Some(FORMAT) => {}
        Some(found) => return Err(SchemaError::Format { found }),
        None => return Err(SchemaError::Missing),
    }
    let sql = "SELECT single_copy, system_id, timeline, doubted FROM runner_meta";
    let rows = connection.query(sql, &[]).await?.rows;
    let meta = rows.first().ok_or(SchemaError::Missing)?;
    let system: Option<String> = meta.try_get(1).map_err(StatementError::from)?;
    let timeline: Option<i64> = meta.try_get(2).map_err(StatementError::from)?;
    Ok(Server {
        version,
        has_standby: !standbys.trim().is_empty(),
        accepts_single_copy: meta.try_get(0).map_err(StatementError::from)?,
        recorded: system
            .zip(timeline)
            .map(|(system, timeline)| ServerIdentity { system, timeline }),
        is_doubted: meta.try_get(3).map_err(StatementError::from)?,
        identity: identity(connection).await?,
    })
}

/// Records that a person accepts a database without a standby.
///
/// # Errors
/// When the server fails.
pub async fn accept_single_copy(connection: &Connection) -> Result<(), StatementError> {
    connection
        .query("UPDATE runner_meta SET single_copy = true", &[])
        .await?;
    Ok(())
}
