//! Ledgers whose open_ids are erased. The new log is written as a hidden ledger, and takes the place of the old one in one step.

use std::time::Duration;

use super::Member;
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::postgres::{Channel, Replacement, StatementError, remove_leftovers, replace_log};
use crate::fleet::statement::AppKey;
use crate::ledger::ledger_dir::Manifest;
use crate::model::identity::Identity;

/// The longest time of a statement. It may write a whole log again.
const LIMIT: Duration = Duration::from_mins(30);

impl Member {
    /// Puts the log of a hidden ledger in the place of that of a ledger.
    ///
    /// # Errors
    /// When the database fails: then it may have done so or not. When it takes nothing more from this worker, or the ledger has
    /// another end: then it has not.
    pub async fn replace_log(&self, identity: &Identity, replacement: Replacement) -> Result<(), DatabaseError> {
        let channel = self.patient_channel();
        let replaced = async {
            let acquired = channel.acquire().await?;
            replace_log(acquired.connection(), &self.0.link.me, replacement).await
        };
        self.erased(identity, replaced.await)
    }

    /// Removes what has open_ids beside a ledger without any: its hidden copies, also those that interrupted commands have left, and
    /// the commands to its runs.
    ///
    /// # Errors
    /// When the database fails, or takes nothing more from this worker.
    pub async fn remove_leftovers(&self, identity: &Identity, manifest: &Manifest) -> Result<(), DatabaseError> {
        let channel = self.patient_channel();
        let app = AppKey::of_ledger(identity);
        let removed = async {
            let acquired = channel.acquire().await?;
            let connection = acquired.connection();
            let me = &self.0.link.me;
            remove_leftovers(connection, me, &app, identity.campaign.as_str(), &manifest.id).await
        };
        self.erased(identity, removed.await)
    }

    fn patient_channel(&self) -> Channel {
        self.0.link.reads.with_limit(LIMIT)
    }

    fn erased(&self, identity: &Identity, done: Result<bool, StatementError>) -> Result<(), DatabaseError> {
        let place = self.0.link.place.clone();
        match done {
            Ok(true) => Ok(()),
            Ok(false) => Err(DatabaseError::NotOwner {
                place,
                app: AppKey::of_ledger(identity).app,
            }),
            Err(source) => Err(DatabaseError::Failed {
                action: DatabaseAction::EraseOpenIds,
                place,
                source,
            }),
        }
    }
}
