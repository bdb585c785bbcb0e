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
}

const PUBLISH: &str = "
    INSERT INTO runner_status (platform, app, campaign, body, at) SELECT n.*, now() FROM unnest($1, $2, $3, $4) n (platform, app, campaign, body)
    ON CONFLICT (platform, app, campaign) DO UPDATE SET body = excluded.body, at = excluded.at";

const READ: &str = "
    SELECT platform, app, campaign, body, greatest(extract(epoch FROM now() - at), 0)::float8 FROM runner_status";

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
        })
    };
    rows.iter().map(status).collect()
}
