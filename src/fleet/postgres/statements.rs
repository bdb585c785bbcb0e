//! The statements of workers and of their appenders, each one round trip and one transaction.

use std::collections::BTreeMap;

use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, Rows, StatementError};
use crate::fleet::statement::{
    Answer, AppKey, AppRow, LedgerNo, LogAnswer, LogStatement, Statement, View, WorkerId, WorkerRow,
};
use crate::ledger::Head;

/// This worker, for those who read the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// Its identity.
    pub id: WorkerId,
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
}

const REGISTER: &str = "
    WITH gone AS (
      DELETE FROM runner_worker w WHERE w.fenced AND w.since < now() - interval '1 day'
        AND NOT EXISTS (SELECT 1 FROM runner_app a WHERE a.owner = w.id))
    INSERT INTO runner_worker (id, beat, host, pid, version) VALUES ($1, 0, $2, $3, $4) ON CONFLICT DO NOTHING";

const RENEW: &str = "
    WITH me AS (UPDATE runner_worker SET beat = beat + 1 WHERE id = $1 AND NOT fenced RETURNING beat)
    SELECT w.id, CASE WHEN w.id = $1 THEN me.beat ELSE w.beat END, w.fenced, NULL, NULL FROM me, runner_worker w
    UNION ALL
    SELECT a.owner, a.term, false, a.platform, a.app FROM me, runner_app a";

// FOR UPDATE waits for appends, which hold the row by FOR KEY SHARE. An UPDATE alone would not wait.
const FENCE: &str = "
    WITH it AS MATERIALIZED (SELECT id FROM runner_worker WHERE id = $1 AND beat = $2 AND NOT fenced FOR UPDATE)
    UPDATE runner_worker w SET fenced = true FROM it WHERE w.id = it.id RETURNING true";

const LEAVE: &str = "
    WITH it AS MATERIALIZED (SELECT id FROM runner_worker WHERE id = $1 FOR UPDATE)
    UPDATE runner_worker w SET fenced = true FROM it WHERE w.id = it.id RETURNING true";

const CLAIM: &str = "
    WITH me AS MATERIALIZED (SELECT id FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE)
    INSERT INTO runner_app AS a (platform, app, owner, term) SELECT $2, $3, me.id, 1 FROM me
      WHERE $4 = 0 OR EXISTS (SELECT 1 FROM runner_app WHERE platform = $2 AND app = $3)
    ON CONFLICT (platform, app) DO UPDATE SET owner = excluded.owner, term = a.term + 1
      WHERE a.term = $4
        AND NOT EXISTS (SELECT 1 FROM runner_worker w WHERE w.id = a.owner AND NOT w.fenced)
    RETURNING term";

const RELEASE: &str = "
    UPDATE runner_app SET owner = NULL WHERE platform = $2 AND app = $3 AND owner = $1 AND term = $4 RETURNING true";

const APPEND: &str = "
    WITH me AS MATERIALIZED (SELECT 1 FROM runner_worker WHERE id = $1 AND NOT fenced FOR KEY SHARE)
    INSERT INTO runner_log (ledger, seq, term, prev, link, body)
    SELECT n.* FROM unnest($2, $3, $4, $5, $6, $7) n (ledger, seq, term, prev, link, body)
    WHERE (SELECT count(*) FROM me) = 1
      AND (n.seq = 1 OR EXISTS (SELECT 1 FROM runner_log p WHERE p.ledger = n.ledger AND p.seq = n.seq - 1 AND p.link = n.prev))
    ORDER BY n.ledger
    ON CONFLICT DO NOTHING
    RETURNING ledger, seq";

const READ_BACK: &str = "
    WITH me AS (UPDATE runner_worker SET checked = checked + 1 WHERE id = $1 RETURNING fenced)
    SELECT n.ledger, n.seq, l.link, (SELECT max(seq) FROM runner_log WHERE ledger = n.ledger),
           coalesce((SELECT fenced FROM me), true)
    FROM unnest($2, $3) n (ledger, seq) LEFT JOIN runner_log l ON l.ledger = n.ledger AND l.seq = n.seq";

const READ: &str = "
    SELECT seq, body FROM runner_log WHERE ledger = $1 AND seq >= $2 ORDER BY seq LIMIT $3";

/// Executes a statement of a worker. `None` if the answer may be taken back by a fail-over.
///
/// # Errors
/// When the result is not known.
pub async fn execute(
    connection: &Connection,
    me: &Me,
    statement: &Statement,
) -> Result<Option<Answer>, StatementError> {
    let id = bytes(me.id);
    let id: (&(dyn ToSql + Sync), Type) = (&id, Type::BYTEA);
    let (rows, claims) = match statement {
        Statement::Register => {
            let pid = i64::from(me.pid);
            let version = env!("CARGO_PKG_VERSION");
            let values = [id, (&me.host, Type::TEXT), (&pid, Type::INT8), (&version, Type::TEXT)];
            let rows = connection.query(REGISTER, &values).await?;
            return Ok(rows.replicated.then_some(Answer::Done));
        }
        Statement::Renew => {
            let rows = connection.query(RENEW, &[id]).await?;
            return if rows.replicated {
                Ok(Some(view(&rows)?))
            } else {
                Ok(None)
            };
        }
        Statement::Fence { id: other, beat } => {
            let other = bytes(*other);
            let beat = number(*beat);
            let values: [(&(dyn ToSql + Sync), Type); 2] = [(&other, Type::BYTEA), (&beat, Type::INT8)];
            (connection.query(FENCE, &values).await?, false)
        }
        Statement::Leave => (connection.query(LEAVE, &[id]).await?, false),
        Statement::Claim { app, after } => {
            let after = number(*after);
            let values = [
                id,
                (&app.platform, Type::TEXT),
                (&app.app, Type::TEXT),
                (&after, Type::INT8),
            ];
            (connection.query(CLAIM, &values).await?, true)
        }
        Statement::Release { app, term } => {
            let term = number(*term);
            let values = [
                id,
                (&app.platform, Type::TEXT),
                (&app.app, Type::TEXT),
                (&term, Type::INT8),
            ];
            (connection.query(RELEASE, &values).await?, false)
        }
    };
    if !rows.replicated {
        return Ok(None);
    }
    Ok(Some(match rows.rows.first() {
        None => Answer::NotDone,
        Some(row) if claims => Answer::Claimed {
            term: unsigned(row.try_get(0)?),
        },
        Some(_) => Answer::Done,
    }))
}

fn view(rows: &Rows) -> Result<Answer, StatementError> {
    if rows.rows.is_empty() {
        return Ok(Answer::NotDone);
    }
    let mut view = View::default();
    for row in &rows.rows {
        let id: Option<&[u8]> = row.try_get(0)?;
        let id = id.and_then(worker_id);
        let number = unsigned(row.try_get(1)?);
        let platform: Option<String> = row.try_get(3)?;
        let app: Option<String> = row.try_get(4)?;
        match (platform, app, id) {
            (Some(platform), Some(app), owner) => {
                let row = AppRow { owner, term: number };
                view.apps.insert(AppKey { platform, app }, row);
            }
            (_, _, Some(id)) => {
                let fenced = row.try_get(2)?;
                view.workers.insert(id, WorkerRow { beat: number, fenced });
            }
            _ => {}
        }
    }
    Ok(Answer::Seen(view))
}

/// Executes a statement of an appender.
///
/// # Errors
/// When the result is not known.
pub async fn append(connection: &Connection, me: &Me, statement: &LogStatement) -> Result<LogAnswer, StatementError> {
    let id = bytes(me.id);
    let id: (&(dyn ToSql + Sync), Type) = (&id, Type::BYTEA);
    match statement {
        LogStatement::Append(rows) => {
            let ledgers: Vec<i64> = rows.iter().map(|row| row.ledger.0).collect();
            let sequences: Vec<i64> = rows.iter().map(|row| number(row.head.sequence)).collect();
            let terms: Vec<i64> = rows.iter().map(|row| number(row.term)).collect();
            let before: Vec<&[u8]> = rows.iter().map(|row| &row.before.link[..]).collect();
            let links: Vec<&[u8]> = rows.iter().map(|row| &row.head.link[..]).collect();
            let records: Vec<&[u8]> = rows.iter().map(|row| &row.record[..]).collect();
            let values = [
                id,
                (&ledgers, Type::INT8_ARRAY),
                (&sequences, Type::INT8_ARRAY),
                (&terms, Type::INT8_ARRAY),
                (&before, Type::BYTEA_ARRAY),
                (&links, Type::BYTEA_ARRAY),
                (&records, Type::BYTEA_ARRAY),
            ];
            let Rows { rows, replicated } = connection.query(APPEND, &values).await?;
            let place = |row: &tokio_postgres::Row| Ok((LedgerNo(row.try_get(0)?), unsigned(row.try_get(1)?)));
            let rows = rows.iter().map(place).collect::<Result<_, StatementError>>()?;
            Ok(LogAnswer::Appended { rows, replicated })
        }
        LogStatement::ReadBack(places) => {
            let ledgers: Vec<i64> = places.iter().map(|(ledger, _)| ledger.0).collect();
            let sequences: Vec<i64> = places.iter().map(|(_, sequence)| number(*sequence)).collect();
            let values = [id, (&ledgers, Type::INT8_ARRAY), (&sequences, Type::INT8_ARRAY)];
            let Rows { rows, replicated } = connection.query(READ_BACK, &values).await?;
            let mut found = BTreeMap::new();
            let mut last = BTreeMap::new();
            let mut fenced = true;
            for row in &rows {
                let ledger = LedgerNo(row.try_get(0)?);
                let sequence = unsigned(row.try_get(1)?);
                let link: Option<&[u8]> = row.try_get(2)?;
                if let Some(link) = link.and_then(|link| link.try_into().ok()) {
                    found.insert((ledger, sequence), Head { sequence, link });
                }
                let end: Option<i64> = row.try_get(3)?;
                last.insert(ledger, end.map_or(0, unsigned));
                fenced = row.try_get(4)?;
            }
            Ok(LogAnswer::ReadBack {
                fenced,
                found,
                last,
                replicated,
            })
        }
    }
}

/// Reads at most `most` records of a log, from `first` on.
///
/// # Errors
/// When the server fails.
pub async fn read_log(
    connection: &Connection,
    LedgerNo(ledger): LedgerNo,
    first: u64,
    most: u32,
) -> Result<Vec<(u64, Vec<u8>)>, StatementError> {
    let first = number(first);
    let most = i64::from(most);
    let values: [(&(dyn ToSql + Sync), Type); 3] = [(&ledger, Type::INT8), (&first, Type::INT8), (&most, Type::INT8)];
    let rows = connection.query(READ, &values).await?.rows;
    let record = |row: &tokio_postgres::Row| Ok((unsigned(row.try_get(0)?), row.try_get(1)?));
    rows.iter().map(record).collect()
}

/// Executes a statement that changes something. Whether it has returned a row, which no fail-over can take back.
pub(super) async fn has_row(
    connection: &Connection,
    sql: &str,
    values: &[(&(dyn ToSql + Sync), Type)],
) -> Result<bool, StatementError> {
    let rows = connection.query(sql, values).await?;
    if !rows.replicated {
        return Err(StatementError::NotReplicated);
    }
    Ok(!rows.rows.is_empty())
}

pub(super) fn bytes(WorkerId(id): WorkerId) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

pub(super) fn worker_id(bytes: &[u8]) -> Option<WorkerId> {
    bytes.try_into().ok().map(|bytes| WorkerId(u128::from_be_bytes(bytes)))
}

/// A count as the database has it. None comes near the end of the range.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
