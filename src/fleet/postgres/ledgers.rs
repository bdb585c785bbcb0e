//! The statements on ledgers, their logs and snapshots, and those that show who works.

use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, StatementError};
use super::statements::{Me, bytes, has_row, number, unsigned, worker_id};
use crate::fleet::statement::{AppKey, LedgerNo, WorkerId};
use crate::ledger::Head;

/// The row of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its number.
    pub no: LedgerNo,
    /// Its manifest, as JSON.
    pub manifest: String,
}

/// A snapshot without its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// The last batch in it.
    pub at: Head,
    /// The number of its parts.
    pub parts: u64,
}

/// The row of a worker, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its identity.
    pub id: WorkerId,
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// The version of its program.
    pub version: String,
    /// When it was started, in milliseconds since 1970 by the server's clock.
    pub since_ms: i64,
    /// How often it has renewed its lease.
    pub beat: u64,
    /// Whether it may do nothing more.
    pub fenced: bool,
}

/// The row of an app id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The app id.
    pub app: AppKey,
    /// Its owner. `None` after a clean hand-over.
    pub worker: Option<WorkerId>,
    /// How many owners it has had.
    pub term: u64,
}

const WORKERS: &str = "
    SELECT id, host, pid, version, (extract(epoch FROM since) * 1000)::int8, beat, fenced FROM runner_worker ORDER BY since, id";

const OWNERS: &str = "SELECT platform, app, owner, term FROM runner_app ORDER BY platform, app";

// The name of a copy in progress and of a ledger that was moved has a space, which the name of no campaign has.
const LEDGERS: &str = "
    SELECT id, manifest FROM runner_ledger WHERE position(' ' IN campaign) = 0 ORDER BY platform, app, campaign";

const LEDGER: &str = "SELECT id, manifest FROM runner_ledger WHERE platform = $1 AND app = $2 AND campaign = $3";

const CREATE: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE)
    INSERT INTO runner_ledger (platform, app, campaign, manifest) SELECT $2, $3, $4, $5 FROM me
    ON CONFLICT (platform, app, campaign) DO NOTHING
    RETURNING id";

const RENAME: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE)
    UPDATE runner_ledger SET campaign = $3 WHERE id = $2 AND EXISTS (SELECT 1 FROM me) RETURNING true";

// A page ends with the record that reaches the number of bytes. The record of the batch before the page is not sent.
const PAGE: &str = "
    SELECT seq, link, CASE WHEN seq = $2 THEN NULL ELSE body END FROM (
      SELECT seq, link, body, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS before FROM (
        SELECT seq, link, body FROM runner_log WHERE ledger = $1 AND seq >= $2 ORDER BY seq LIMIT $3) rows) page
    WHERE before < $4 OR seq <= $2 + 1 ORDER BY seq";

const SNAPSHOT: &str = "SELECT seq, link, parts FROM runner_snapshot WHERE ledger = $1";

const PART: &str = "SELECT body FROM runner_snapshot_part WHERE ledger = $1 AND seq = $2 AND part = $3";

const WRITE_PART: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE)
    INSERT INTO runner_snapshot_part (ledger, seq, part, body) SELECT $2, $3, $4, $5 FROM me
    ON CONFLICT (ledger, seq, part) DO UPDATE SET body = excluded.body
    RETURNING true";

const KEEP: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE),
    gone AS (DELETE FROM runner_snapshot_part WHERE ledger = $2 AND seq <> $3 AND EXISTS (SELECT 1 FROM me))
    INSERT INTO runner_snapshot (ledger, seq, link, parts) SELECT $2, $3, $4, $5 FROM me
    ON CONFLICT (ledger) DO UPDATE SET seq = excluded.seq, link = excluded.link, parts = excluded.parts
    RETURNING true";

/// Reads all workers that were not removed yet.
///
/// # Errors
/// When the server fails.
pub async fn workers(connection: &Connection) -> Result<Vec<Worker>, StatementError> {
    let rows = connection.query(WORKERS, &[]).await?.rows;
    let mut workers = Vec::new();
    for row in &rows {
        let id: &[u8] = row.try_get(0)?;
        let Some(id) = worker_id(id) else { continue };
        let pid: i64 = row.try_get(2)?;
        workers.push(Worker {
            id,
            host: row.try_get(1)?,
            pid: u32::try_from(pid).unwrap_or_default(),
            version: row.try_get(3)?,
            since_ms: row.try_get(4)?,
            beat: unsigned(row.try_get(5)?),
            fenced: row.try_get(6)?,
        });
    }
    Ok(workers)
}

/// Reads the owners of all app ids.
///
/// # Errors
/// When the server fails.
pub async fn owners(connection: &Connection) -> Result<Vec<Owner>, StatementError> {
    let rows = connection.query(OWNERS, &[]).await?.rows;
    let owner = |row: &tokio_postgres::Row| {
        let worker: Option<&[u8]> = row.try_get(2)?;
        Ok(Owner {
            app: AppKey {
                platform: row.try_get(0)?,
                app: row.try_get(1)?,
            },
            worker: worker.and_then(worker_id),
            term: unsigned(row.try_get(3)?),
        })
    };
    rows.iter().map(owner).collect()
}

fn ledger_row(row: &tokio_postgres::Row) -> Result<LedgerRow, StatementError> {
    Ok(LedgerRow {
        no: LedgerNo(row.try_get(0)?),
        manifest: row.try_get(1)?,
    })
}

/// Reads the rows of all ledgers, without copies in progress and ledgers that were moved elsewhere.
///
/// # Errors
/// When the server fails.
pub async fn ledgers(connection: &Connection) -> Result<Vec<LedgerRow>, StatementError> {
    let rows = connection.query(LEDGERS, &[]).await?.rows;
    rows.iter().map(ledger_row).collect()
}

/// Reads the row of a ledger. `None` if there is no such ledger.
///
/// # Errors
/// When the server fails.
pub async fn find_ledger(
    connection: &Connection,
    app: &AppKey,
    campaign: &str,
) -> Result<Option<LedgerRow>, StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 3] = [
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (&campaign, Type::TEXT),
    ];
    let rows = connection.query(LEDGER, &values).await?.rows;
    rows.first().map(ledger_row).transpose()
}

/// Adds the row of a ledger. `None` if there is one, or if the worker is fenced.
///
/// # Errors
/// When the result is not known, or may be taken back by a fail-over.
pub async fn create_ledger(
    connection: &Connection,
    me: &Me,
    app: &AppKey,
    campaign: &str,
    manifest: &str,
) -> Result<Option<LedgerNo>, StatementError> {
    let id = bytes(me.id);
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (&campaign, Type::TEXT),
        (&manifest, Type::TEXT),
    ];
    let rows = connection.query(CREATE, &values).await?;
    if !rows.replicated {
        return Err(StatementError::NotReplicated);
    }
    let no = rows.rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(no.map(LedgerNo))
}

/// Gives the row of a ledger another name. False if the worker is fenced.
///
/// # Errors
/// When the result is not known, or may be taken back by a fail-over, and when another ledger has the name.
pub async fn rename_ledger(
    connection: &Connection,
    me: &Me,
    LedgerNo(ledger): LedgerNo,
    name: &str,
) -> Result<bool, StatementError> {
    let id = bytes(me.id);
    let values: [(&(dyn ToSql + Sync), Type); 3] = [(&id, Type::BYTEA), (&ledger, Type::INT8), (&name, Type::TEXT)];
    has_row(connection, RENAME, &values).await
}

/// Reads records of a log in order: the one at `from` with its link alone, and those after it, at most `rows` of them, with about
/// `bytes` together.
///
/// # Errors
/// When the server fails.
pub async fn read_page(
    connection: &Connection,
    LedgerNo(ledger): LedgerNo,
    from: u64,
    rows: u32,
    bytes: u32,
) -> Result<Vec<(Head, Option<Vec<u8>>)>, StatementError> {
    let from = number(from);
    let rows = i64::from(rows);
    let bytes = i64::from(bytes);
    let values: [(&(dyn ToSql + Sync), Type); 4] = [
        (&ledger, Type::INT8),
        (&from, Type::INT8),
        (&rows, Type::INT8),
        (&bytes, Type::INT8),
    ];
    let rows = connection.query(PAGE, &values).await?.rows;
    let record = |row: &tokio_postgres::Row| {
        let link: &[u8] = row.try_get(1)?;
        let head = Head {
            sequence: unsigned(row.try_get(0)?),
            link: link.try_into().unwrap_or_default(),
        };
        Ok((head, row.try_get(2)?))
    };
    rows.iter().map(record).collect()
}

/// Reads the row of a ledger's snapshot. `None` if there is no snapshot.
///
/// # Errors
/// When the server fails.
pub async fn read_snapshot(
    connection: &Connection,
    LedgerNo(ledger): LedgerNo,
) -> Result<Option<SnapshotRow>, StatementError> {
    let rows = connection.query(SNAPSHOT, &[(&ledger, Type::INT8)]).await?.rows;
    let Some(row) = rows.first() else { return Ok(None) };
    let link: &[u8] = row.try_get(1)?;
    Ok(Some(SnapshotRow {
        at: Head {
            sequence: unsigned(row.try_get(0)?),
            link: link.try_into().unwrap_or_default(),
        },
        parts: unsigned(row.try_get(2)?),
    }))
}

/// Reads a part of a snapshot, from 0. `None` if it was removed.
///
/// # Errors
/// When the server fails.
pub async fn read_snapshot_part(
    connection: &Connection,
    LedgerNo(ledger): LedgerNo,
    at: Head,
    part: u64,
) -> Result<Option<Vec<u8>>, StatementError> {
    let sequence = number(at.sequence);
    let part = number(part);
    let values: [(&(dyn ToSql + Sync), Type); 3] =
        [(&ledger, Type::INT8), (&sequence, Type::INT8), (&part, Type::INT8)];
    let rows = connection.query(PART, &values).await?.rows;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}

/// Writes a part of a snapshot that is not kept yet. False if the worker is fenced.
///
/// # Errors
/// When the server fails.
pub async fn write_snapshot_part(
    connection: &Connection,
    me: &Me,
    LedgerNo(ledger): LedgerNo,
    at: Head,
    part: u64,
    body: &[u8],
) -> Result<bool, StatementError> {
    let id = bytes(me.id);
    let sequence = number(at.sequence);
    let part = number(part);
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&ledger, Type::INT8),
        (&sequence, Type::INT8),
        (&part, Type::INT8),
        (&body, Type::BYTEA),
    ];
    Ok(!connection.query(WRITE_PART, &values).await?.rows.is_empty())
}

/// Makes a snapshot whose parts are written the one of its ledger, and removes other parts. False if the worker is fenced.
///
/// # Errors
/// When the server fails.
pub async fn keep_snapshot(
    connection: &Connection,
    me: &Me,
    LedgerNo(ledger): LedgerNo,
    snapshot: SnapshotRow,
) -> Result<bool, StatementError> {
    let id = bytes(me.id);
    let sequence = number(snapshot.at.sequence);
    let link = &snapshot.at.link[..];
    let parts = number(snapshot.parts);
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&ledger, Type::INT8),
        (&sequence, Type::INT8),
        (&link, Type::BYTEA),
        (&parts, Type::INT8),
    ];
    Ok(!connection.query(KEEP, &values).await?.rows.is_empty())
}
