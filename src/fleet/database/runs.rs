//! What the runs of a fleet exchange through the database: commands, and what they are doing.

use std::time::Duration;

use super::{Database, acquire};
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::postgres::commands::{self, CommandRow};
use crate::fleet::postgres::statuses::{self, StatusRow};
use crate::fleet::postgres::{Connection, StatementError};
use crate::fleet::statement::AppKey;

impl Database {
    pub(super) async fn execute<T>(
        &self,
        action: DatabaseAction,
        work: impl AsyncFnOnce(&Connection) -> Result<T, StatementError>,
    ) -> Result<T, DatabaseError> {
        let acquired = acquire(&self.channel, &self.place).await?;
        let done = work(acquired.connection()).await.map_err(self.failed(action))?;
        acquired.release();
        Ok(done)
    }

    /// Adds a command to the runs of a campaign, as JSON. Returns its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_command(
        &self,
        app: &AppKey,
        campaign: &str,
        command: &str,
        by: &str,
    ) -> Result<i64, DatabaseError> {
        let send = async |connection: &Connection| commands::send(connection, app, campaign, command, by).await;
        self.execute(DatabaseAction::SendCommand, send).await
    }

    /// Reads the answer to a command. `None` while there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn command_result(&self, id: i64) -> Result<Option<String>, DatabaseError> {
        let read = async |connection: &Connection| commands::result(connection, id).await;
        self.execute(DatabaseAction::SendCommand, read).await
    }

    /// Reads the commands that were sent within this time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recent_commands(&self, within: Duration) -> Result<Vec<CommandRow>, DatabaseError> {
        let read = async |connection: &Connection| commands::recent(connection, within.as_secs_f64()).await;
        self.execute(DatabaseAction::ReadCommands, read).await
    }

    /// Reads the last order that a run of a campaign has taken, as JSON: to pause, to resume or to stop. `None` without one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_order(&self, app: &AppKey, campaign: &str) -> Result<Option<String>, DatabaseError> {
        let read = async |connection: &Connection| commands::last_order(connection, app, campaign).await;
        self.execute(DatabaseAction::ReadCommands, read).await
    }

    /// Answers a command. False if it has an answer already: the first one counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer_command(&self, id: i64, result: &str) -> Result<bool, DatabaseError> {
        let answer = async |connection: &Connection| commands::answer(connection, id, result).await;
        self.execute(DatabaseAction::ReadCommands, answer).await
    }

    /// Replaces the answer `before` to a command. False if it has another answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_answer(&self, id: i64, before: &str, result: &str) -> Result<bool, DatabaseError> {
        let replace = async |connection: &Connection| commands::replace_answer(connection, id, before, result).await;
        self.execute(DatabaseAction::ReadCommands, replace).await
    }

    /// Replaces the status of these campaigns. The database may lose it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publish_statuses(&self, rows: &[((AppKey, String), String)]) -> Result<(), DatabaseError> {
        if rows.is_empty() {
            return Ok(());
        }
        let publish = async |connection: &Connection| statuses::publish(connection, rows).await;
        self.execute(DatabaseAction::PublishStatus, publish).await
    }

    /// Replaces the status of a campaign by that of a worker that waits, unless another worker has published one within `silent`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publish_waiting(
        &self,
        run: &(AppKey, String),
        body: &str,
        silent: Duration,
    ) -> Result<(), DatabaseError> {
        let publish = async |connection: &Connection| statuses::publish_waiting(connection, run, body, silent).await;
        self.execute(DatabaseAction::PublishStatus, publish).await
    }

    /// Removes the status of a campaign, if it is that of this process, given as JSON.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw_status(&self, run: &(AppKey, String), process: &str) -> Result<(), DatabaseError> {
        let withdraw = async |connection: &Connection| statuses::withdraw(connection, run, process).await;
        self.execute(DatabaseAction::PublishStatus, withdraw).await
    }

    /// Reads the status of all campaigns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn statuses(&self) -> Result<Vec<StatusRow>, DatabaseError> {
        self.execute(DatabaseAction::ReadWorkers, statuses::read).await
    }
}
