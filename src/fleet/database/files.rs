//! The campaign files in the database.

use super::{Database, acquire};
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::postgres::files::{self, FileChange, FileRow};
use crate::fleet::postgres::{Connection, SchemaError};

impl Database {
    /// Reads all campaign files in the database, sorted by name.
    ///
    /// # Errors
    /// When the database fails, or its tables were made before it could keep files.
    pub async fn files(&self) -> Result<Vec<FileRow>, DatabaseError> {
        self.on_files(DatabaseAction::ReadFiles, files::read).await
    }

    /// Adds a campaign file, or replaces the one of this name that has the hash `seen`.
    ///
    /// # Errors
    /// When the database fails, or its tables were made before it could keep files.
    pub async fn write_file(&self, file: &FileRow, seen: Option<&[u8]>) -> Result<FileChange, DatabaseError> {
        let write = async |connection: &Connection| files::write(connection, file, seen).await;
        self.on_files(DatabaseAction::WriteFile, write).await
    }

    /// Removes the campaign file of this name that has the hash `seen`.
    ///
    /// # Errors
    /// When the database fails, or its tables were made before it could keep files.
    pub async fn remove_file(&self, name: &str, seen: &[u8]) -> Result<FileChange, DatabaseError> {
        let remove = async |connection: &Connection| files::remove(connection, name, seen).await;
        self.on_files(DatabaseAction::WriteFile, remove).await
    }

    async fn on_files<T>(
        &self,
        action: DatabaseAction,
        work: impl AsyncFnOnce(&Connection) -> Result<T, SchemaError>,
    ) -> Result<T, DatabaseError> {
        let acquired = acquire(&self.channel, &self.place).await?;
        let done = work(acquired.connection()).await;
        let done = done.map_err(|error| DatabaseError::of_schema(action, self.place.to_string(), error))?;
        acquired.release();
        Ok(done)
    }
}
