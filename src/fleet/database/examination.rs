//! Looks at a database for a person, without the checks that refuse it.

use std::time::Duration;

use super::{Database, LIMIT, acquire};
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::postgres::{Channel, DatabaseUrl, Findings, StatementError, clock, examine};
use crate::model::clock::{Clock, from_ms, until};

/// How often the round trip is measured.
const TRIPS: usize = 5;

/// What is known of a database.
#[derive(Debug)]
pub struct Examination {
    /// The hosts and the name, to show.
    pub place: String,
    /// Whether the connection is encrypted and the server has proved who it is.
    pub has_tls: bool,
    /// Whether the server is this machine.
    pub is_local: bool,
    /// What was found there.
    pub findings: Findings,
    /// The shortest of some round trips.
    pub round_trip: Duration,
    /// How far the server's clock is ahead of this machine's, in milliseconds.
    pub ahead_ms: i64,
}

impl Database {
    /// Connects, and looks at everything that a worker needs.
    ///
    /// # Errors
    /// When the database cannot be reached or fails.
    pub async fn examine(url: &DatabaseUrl, wall: &Clock) -> Result<Examination, DatabaseError> {
        let place = url.place();
        let channel = Channel::new(url.clone(), LIMIT);
        let acquired = acquire(&channel, &place).await?;
        let connection = acquired.connection();
        let failed = |source: StatementError| DatabaseError::Failed {
            action: DatabaseAction::Connect,
            place: place.clone(),
            source,
        };
        let findings = examine(connection).await.map_err(failed)?;
        let mut shortest: Option<(Duration, i64)> = None;
        for _ in 0..TRIPS {
            let asked = wall.moment();
            let server = from_ms(clock(connection).await.map_err(failed)?);
            let trip = wall.moment().instant.saturating_duration_since(asked.instant);
            // The answer was written half a round trip ago.
            let half = i64::try_from(trip.as_millis() / 2).unwrap_or_default();
            let ahead = until(asked.wall, server).map_or_else(
                || -i64::try_from(until(server, asked.wall).unwrap_or_default().as_millis()).unwrap_or_default(),
                |ahead| i64::try_from(ahead.as_millis()).unwrap_or_default(),
            );
            if shortest.is_none_or(|(least, _)| trip < least) {
                shortest = Some((trip, ahead - half));
            }
        }
        acquired.release();
        let (round_trip, ahead_ms) = shortest.unwrap_or_default();
        Ok(Examination {
            place,
            has_tls: url.has_tls(),
            is_local: url.is_local(),
            findings,
            round_trip,
            ahead_ms,
        })
    }
}
