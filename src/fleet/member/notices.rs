//! Messages that are kept in the database until they are sent.

use super::Member;
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::postgres::{
    Connection, Me, NoticeLines, NoticePart, SchemaError, StatementError, add_notice_line, left_notice_lines,
    remove_notice_lines,
};

/// A part of the lines of this worker about a campaign.
#[derive(Clone, Debug)]
pub struct NoticeRows {
    member: Member,
    app: String,
    campaign: String,
    part: i64,
}

impl Member {
    /// A new part of the lines of this worker about a campaign.
    #[must_use]
    pub fn notice_rows(&self, app: &str, campaign: &str) -> NoticeRows {
        NoticeRows {
            member: self.clone(),
            app: app.to_owned(),
            campaign: campaign.to_owned(),
            part: fastrand::i64(..),
        }
    }
}

impl NoticeRows {
    /// Whose lines they are.
    #[must_use]
    pub fn part(&self) -> NoticePart {
        NoticePart {
            worker: self.member.id(),
            part: self.part,
        }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the database fails, has no table for lines, or takes nothing more from this worker.
    pub async fn add(&self, line: &str) -> Result<(), DatabaseError> {
        let add =
            async |connection: &Connection, me: &Me| add_notice_line(connection, me, self.key(), self.part, line).await;
        self.check_owner(self.execute(add).await?)
    }

    /// Reads the lines of each worker that is fenced or has left.
    ///
    /// # Errors
    /// When the database fails, or has no table for lines.
    pub async fn left(&self) -> Result<Vec<NoticeLines>, DatabaseError> {
        let read = async |connection: &Connection, me: &Me| left_notice_lines(connection, me, self.key()).await;
        self.execute(read).await
    }

    /// Removes a part, which may be this one.
    ///
    /// # Errors
    /// When the database fails, or takes nothing more from this worker.
    pub async fn remove(&self, part: NoticePart) -> Result<(), DatabaseError> {
        let remove =
            async |connection: &Connection, me: &Me| remove_notice_lines(connection, me, self.key(), part).await;
        self.check_owner(self.execute(remove).await?)
    }

    async fn execute<T>(
        &self,
        work: impl AsyncFnOnce(&Connection, &Me) -> Result<T, SchemaError>,
    ) -> Result<T, DatabaseError> {
        let link = &self.member.0.link;
        let done = async {
            let acquired = link.reads.acquire().await.map_err(StatementError::from)?;
            let done = work(acquired.connection(), &link.me).await?;
            acquired.release();
            Ok(done)
        };
        let done: Result<T, SchemaError> = done.await;
        done.map_err(|error| DatabaseError::of_schema(DatabaseAction::KeepMessages, link.place.clone(), error))
    }

    fn check_owner(&self, is_owner: bool) -> Result<(), DatabaseError> {
        if is_owner {
            return Ok(());
        }
        Err(DatabaseError::NotOwner {
            place: self.member.0.link.place.clone(),
            app: self.app.clone(),
        })
    }

    fn key(&self) -> [&str; 2] {
        [&self.app, &self.campaign]
    }
}
