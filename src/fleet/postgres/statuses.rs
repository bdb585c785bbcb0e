//! The statements on what runs are doing. The table is not logged: the server may lose it, and no commit waits for it.

use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, StatementError};
use crate::fleet::statement::AppKey;

/// The status of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// The app id.
    pub app: AppKey,
    /// The campaign.
    pub campaign: String,
    /// The status, as JSON.
    pub body: String,
    /// The time since it was published, by the server's clock.
    pub age: Duration,
    /// Whether the worker that published it as the owner was declared dead.
    pub is_of_dead: bool,
}

const PUBLISH: &str = "
    INSERT INTO runner_status (platform, app, campaign, body, at) SELECT n.*, now() FROM unnest($1, $2, $3, $4) n (platform, app, campaign, body)
    ON CONFLICT (platform, app, campaign) DO UPDATE SET body = excluded.body, at = excluded.at";

/// Leaves the status of a worker that owns the app id and works: only that of an ended run, of a silent worker, or of this one is replaced.
const PUBLISH_WAITING: &str = "
    INSERT INTO runner_status AS shown (platform, app, campaign, body, at) VALUES ($1, $2, $3, $4, now())
    ON CONFLICT (platform, app, campaign) DO UPDATE SET body = excluded.body, at = excluded.at
    WHERE shown.at < now() - make_interval(secs => $5) OR shown.body::jsonb -> 'owner' IS NULL
      OR shown.body::jsonb -> 'owner' = excluded.body::jsonb -> 'owner'";

const WITHDRAW: &str = "
    DELETE FROM runner_status
    WHERE platform = $1 AND app = $2 AND campaign = $3 AND body::jsonb -> 'owner' = $4::text::jsonb";

const READ: &str = "
    SELECT s.platform, s.app, s.campaign, s.body, greatest(extract(epoch FROM now() - s.at), 0)::float8, coalesce((
      SELECT bool_and(w.fenced) FROM runner_worker w
      WHERE w.host = s.body::jsonb #>> '{owner,host}' AND w.pid = (s.body::jsonb #>> '{owner,pid}')::int), false)
    FROM runner_status s";

/// Replaces the status of these campaigns.
///
/// # Errors
/// When the server fails.
pub async fn publish(connection: &Connection, rows: &[((AppKey, String), String)]) -> Result<(), StatementError> {
    let platforms: Vec<&str> = rows.iter().map(|((app, _), _)| &*app.platform).collect();
    let apps: Vec<&str> = rows.iter().map(|((app, _), _)| &*app.app).collect();
    let campaigns: Vec<&str> = rows.iter().map(|((_, campaign), _)| &**campaign).collect();
    let bodies: Vec<&str> = rows.iter().map(|(_, body)| &**body).collect();
    let values: [(&(dyn ToSql + Sync), Type); 4] = [
        (&platforms, Type::TEXT_ARRAY),
        (&apps, Type::TEXT_ARRAY),
        (&campaigns, Type::TEXT_ARRAY),
        (&bodies, Type::TEXT_ARRAY),
    ];
    connection.query(PUBLISH, &values).await?;
    Ok(())
}

/// Replaces the status of a campaign by that of a worker that waits, unless another worker has published one within `silent`.
///
/// # Errors
/// When the server fails.
pub async fn publish_waiting(
    connection: &Connection,
    (app, campaign): &(AppKey, String),
    body: &str,
    silent: Duration,
) -> Result<(), StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 5] = [
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (campaign, Type::TEXT),
        (&body, Type::TEXT),
        (&silent.as_secs_f64(), Type::FLOAT8),
    ];
    connection.query(PUBLISH_WAITING, &values).await?;
    Ok(())
}

/// Removes the status of a campaign, if it is that of this process, given as JSON.
///
/// # Errors
/// When the server fails.
pub async fn withdraw(
    connection: &Connection,
    (app, campaign): &(AppKey, String),
    process: &str,
) -> Result<(), StatementError> {
    let values: [(&(dyn ToSql + Sync), Type); 4] = [
        (&app.platform, Type::TEXT),
        (&app.app, Type::TEXT),
        (campaign, Type::TEXT),
        (&process, Type::TEXT),
    ];
    connection.query(WITHDRAW, &values).await?;
    Ok(())
}

/// Reads the status of all campaigns.
///
/// # Errors
/// When the server fails.
pub async fn read(connection: &Connection) -> Result<Vec<StatusRow>, StatementError> {
    let rows = connection.query(READ, &[]).await?.rows;
    let status = |row: &tokio_postgres::Row| {
        let age: f64 = row.try_get(4)?;
        Ok(StatusRow {
            app: AppKey {
                platform: row.try_get(0)?,
                app: row.try_get(1)?,
            },
            campaign: row.try_get(2)?,
            body: row.try_get(3)?,
            age: Duration::try_from_secs_f64(age).unwrap_or_default(),
            is_of_dead: row.try_get(5)?,
        })
    };
    rows.iter().map(status).collect()
}
