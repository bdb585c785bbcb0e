//! Ledgers that move into the database or out of it. Until a copy is whole, its row has a name that no campaign can have.

use super::Member;
use crate::fleet::database_store::DatabaseStore;
use crate::fleet::error::{DatabaseAction, DatabaseError};
use crate::fleet::ownership::Ownership;
use crate::fleet::postgres::{Connection, StatementError, rename_ledger};
use crate::fleet::statement::{AppKey, LedgerNo};
use crate::ledger::ledger_dir::Manifest;
use crate::model::identity::Identity;

impl Member {
    /// Creates a ledger that no command finds until [`Member::publish`].
    ///
    /// # Errors
    /// As [`Member::create`].
    pub async fn create_hidden(
        &self,
        identity: &Identity,
        manifest: &Manifest,
        ownership: &Ownership,
    ) -> Result<DatabaseStore, DatabaseError> {
        let name = format!("{} (copy {:016x})", identity.campaign, fastrand::u64(..));
        let app = AppKey::of_ledger(identity);
        self.create_named(&name, &app, manifest, ownership).await
    }

    /// Gives a hidden ledger the name of its campaign.
    ///
    /// # Errors
    /// When the database fails, has a ledger of the campaign, or takes nothing more from this worker.
    pub async fn publish(&self, no: LedgerNo, identity: &Identity) -> Result<(), DatabaseError> {
        self.rename(no, identity, identity.campaign.as_str()).await
    }

    /// Hides a ledger that was moved elsewhere. Its batches stay.
    ///
    /// # Errors
    /// As [`Member::publish`].
    pub async fn retire(&self, no: LedgerNo, identity: &Identity) -> Result<(), DatabaseError> {
        let name = format!("{} (moved {:016x})", identity.campaign, fastrand::u64(..));
        self.rename(no, identity, &name).await
    }

    async fn rename(&self, no: LedgerNo, identity: &Identity, name: &str) -> Result<(), DatabaseError> {
        let link = &self.0.link;
        let rename = async {
            let acquired = link.reads.acquire().await?;
            let connection: &Connection = acquired.connection();
            let renamed = rename_ledger(connection, &link.me, no, name).await?;
            acquired.release();
            Ok::<_, StatementError>(renamed)
        };
        match rename.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(DatabaseError::NotOwner {
                place: link.place.clone(),
                app: AppKey::of_ledger(identity).app,
            }),
            Err(source) => Err(DatabaseError::Failed {
                action: DatabaseAction::CreateLedger,
                place: link.place.clone(),
                source,
            }),
        }
    }
}
