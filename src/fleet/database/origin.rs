//! Reads and records the identity of the database server.

use super::Database;
use crate::fleet::error::{DatabaseAction, DatabaseError, Evidence};
use crate::fleet::postgres::{Connection, DatabaseUrl, Recording, ServerIdentity, doubt, identity, record_identity};

impl Database {
    pub(super) async fn record(&self, recording: Recording) -> Result<(), DatabaseError> {
        let Some(identity) = &self.server.identity else {
            return Ok(());
        };
        self.record_as(identity, recording).await
    }

    pub(in crate::fleet) async fn record_as(
        &self,
        identity: &ServerIdentity,
        recording: Recording,
    ) -> Result<(), DatabaseError> {
        let record = async |connection: &Connection| record_identity(connection, identity, recording).await;
        self.execute(DatabaseAction::RecordIdentity, record).await
    }

    /// Records that a worker knows of facts which are missing.
    pub(in crate::fleet) async fn doubt(&self) -> Result<(), DatabaseError> {
        self.execute(DatabaseAction::RecordIdentity, doubt).await
    }

    /// Reads the identity of the server that the database is on now. `None` if it does not show it.
    pub(in crate::fleet) async fn identity(&self) -> Result<Option<ServerIdentity>, DatabaseError> {
        self.execute(DatabaseAction::Connect, identity).await
    }

    /// Records that a person accepts the database as it is, although facts may be missing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_older_ledger(url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        let database = Self::connect(url).await?;
        database.record(Recording::Accepted).await?;
        Self::connect(url).await
    }

    /// The error of a database that may have lost facts, with what is known of them.
    #[must_use]
    pub fn other_server(&self, source: Evidence) -> DatabaseError {
        DatabaseError::OtherServer {
            place: self.place.to_string(),
            recorded: self.server.recorded.clone().map(Box::new),
            found: self.server.identity.clone().map(Box::new),
            source,
        }
    }
}
