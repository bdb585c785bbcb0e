//! Messages that are kept in the database until they are sent.

use super::Member;
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::postgres::{
    NoticeLines, NoticePart, SchemaError, StatementError, add_notice_line, left_notice_lines, remove_notice_lines,
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
        let link = &self.member.0.link;
        let added = async {
            let acquired = link.reads.acquire().await?;
            let added = add_notice_line(acquired.connection(), &link.me, self.key(), self.part, line).await?;
            acquired.release();
            Ok(added)
        };
        match added.await.map_err(|source| self.failed(source))? {
            Some(true) => Ok(()),
            Some(false) => Err(self.not_owner()),
            None => Err(self.without_table()),
        }
    }

    /// Reads the lines of each worker that is fenced or has left.
    ///
    /// # Errors
    /// When the database fails, or has no table for lines.
    pub async fn left(&self) -> Result<Vec<NoticeLines>, DatabaseError> {
        let link = &self.member.0.link;
        let left = async {
            let acquired = link.reads.acquire().await?;
            let left = left_notice_lines(acquired.connection(), &link.me, self.key()).await?;
            acquired.release();
            Ok(left)
        };
        let left = left.await.map_err(|source| self.failed(source))?;
        left.ok_or_else(|| self.without_table())
    }

    /// Removes a part, which may be this one.
    ///
    /// # Errors
    /// When the database fails, or takes nothing more from this worker.
    pub async fn remove(&self, part: NoticePart) -> Result<(), DatabaseError> {
        let link = &self.member.0.link;
        let removed = async {
            let acquired = link.reads.acquire().await?;
            let removed = remove_notice_lines(acquired.connection(), &link.me, self.key(), part).await?;
            acquired.release();
            Ok(removed)
        };
        if removed.await.map_err(|source| self.failed(source))? {
            Ok(())
        } else {
            Err(self.not_owner())
        }
    }

    fn key(&self) -> [&str; 2] {
        [&self.app, &self.campaign]
    }

    fn failed(&self, source: StatementError) -> DatabaseError {
        DatabaseError::Failed {
            action: DatabaseAction::KeepMessages,
            place: self.place(),
            source,
        }
    }

    fn not_owner(&self) -> DatabaseError {
        DatabaseError::NotOwner {
            place: self.place(),
            app: self.app.clone(),
        }
    }

    fn without_table(&self) -> DatabaseError {
        DatabaseError::of_schema(DatabaseAction::KeepMessages, self.place(), SchemaError::WithoutNotices)
    }

    fn place(&self) -> String {
        self.member.0.link.place.clone()
    }
}
