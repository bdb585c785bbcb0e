//! The statements that replace the log of a ledger by the one without open_ids.

use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, StatementError};
use super::statements::{Me, bytes, has_row, number};
use crate::fleet::statement::{AppKey, LedgerNo};
use crate::ledger::Head;

/// A ledger, and the hidden one with its log without open_ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The ledger.
    pub ledger: LedgerNo,
    /// Its last batch.
    pub end: Head,
    /// The ledger with the new log, which has one batch more.
    pub new: LedgerNo,
}

// A batch that was written again keeps its number and its link, so workers that know the end of the log still find it.
const REPLACE: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE),
    fit AS MATERIALIZED (
      SELECT 1 FROM me, runner_log o, runner_log n
      WHERE o.ledger = $2 AND o.seq = $4 AND o.link = $5
        AND n.ledger = $3 AND n.seq = $4 + 1 AND n.prev = $5
        AND NOT EXISTS (SELECT 1 FROM runner_log WHERE ledger = $2 AND seq > $4)),
    replaced AS (
      UPDATE runner_log o SET body = n.body FROM runner_log n, fit
      WHERE o.ledger = $2 AND n.ledger = $3 AND n.seq = o.seq AND n.link = o.link AND n.body <> o.body),
    parts AS (DELETE FROM runner_snapshot_part USING fit WHERE ledger = $2),
    snapshot AS (DELETE FROM runner_snapshot USING fit WHERE ledger = $2)
    INSERT INTO runner_log (ledger, seq, term, prev, link, body)
    SELECT $2, n.seq, n.term, n.prev, n.link, n.body FROM runner_log n, fit WHERE n.ledger = $3 AND n.seq = $4 + 1
    RETURNING true";

// The last link of a hidden ledger stays: a worker that knows of it must not take it for lost.
const REMOVE_LEFTOVERS: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE),
    hidden AS MATERIALIZED (
      SELECT l.id FROM runner_ledger l, me
      WHERE l.platform = $2 AND l.app = $3 AND position(' ' IN l.campaign) > 0 AND l.manifest::json ->> 'id' = $5),
    ends AS MATERIALIZED (
      SELECT ledger, max(seq) AS seq FROM runner_log WHERE ledger IN (SELECT id FROM hidden) GROUP BY ledger),
    log AS (DELETE FROM runner_log l USING ends e WHERE l.ledger = e.ledger AND l.seq < e.seq),
    emptied AS (UPDATE runner_log l SET body = '' FROM ends e WHERE l.ledger = e.ledger AND l.seq = e.seq),
    parts AS (DELETE FROM runner_snapshot_part WHERE ledger IN (SELECT id FROM hidden)),
    snapshots AS (DELETE FROM runner_snapshot WHERE ledger IN (SELECT id FROM hidden)),
    commands AS (DELETE FROM runner_command USING me WHERE platform = $2 AND app = $3 AND campaign = $4)
    SELECT true FROM me";

const HAS_LEFTOVERS: &str = "
    WITH hidden AS MATERIALIZED (
      SELECT id FROM runner_ledger
      WHERE platform = $1 AND app = $2 AND position(' ' IN campaign) > 0 AND manifest::json ->> 'id' = $4)
    SELECT EXISTS (SELECT 1 FROM runner_log WHERE ledger IN (SELECT id FROM hidden) AND body <> '')
        OR EXISTS (SELECT 1 FROM runner_snapshot_part WHERE ledger IN (SELECT id FROM hidden))
        OR EXISTS (SELECT 1 FROM runner_command WHERE platform = $1 AND app = $2 AND campaign = $3)";

/// Whether there is something beside a ledger that [`remove_leftovers`] would remove.
///
/// # Errors
/// When the server fails.
pub async fn has_leftovers(
    connection: &Connection,
    app: &AppKey,
    campaign: &str,
    manifest_id: &str,
) -> Result<bool, StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 4] = [
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (&campaign, Type::TEXT),
        (&manifest_id, Type::TEXT),
    ];
    let rows = connection.query(HAS_LEFTOVERS, &values).await?.rows;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

/// Replaces the batches of a ledger that another one has without open_ids, adds the last batch of that one, and removes the snapshot.
/// All of it or nothing. False if the ledger does not end where it is said to, or if the worker is fenced.
///
/// # Errors
/// When the result is not known, or may be taken back by a fail-over.
pub async fn replace_log(
    connection: &Connection,
    me: &Me,
    Replacement { ledger, end, new }: Replacement,
) -> Result<bool, StatementError> {
    let id = bytes(me.id);
    let sequence = number(end.sequence);
    let link = &end.link[..];
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&ledger.0, Type::INT8),
        (&new.0, Type::INT8),
        (&sequence, Type::INT8),
        (&link, Type::BYTEA),
    ];
    has_row(connection, REPLACE, &values).await
}

/// Removes what has open_ids beside a ledger without any: the batches and snapshots of its hidden copies, and the commands to its
/// runs. False if the worker is fenced.
///
/// # Errors
/// When the result is not known, or may be taken back by a fail-over.
pub async fn remove_leftovers(
    connection: &Connection,
    me: &Me,
    app: &AppKey,
    campaign: &str,
    manifest_id: &str,
) -> Result<bool, StatementError> {
    let id = bytes(me.id);
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id, Type::BYTEA),
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (&campaign, Type::TEXT),
        (&manifest_id, Type::TEXT),
    ];
    has_row(connection, REMOVE_LEFTOVERS, &values).await
}
