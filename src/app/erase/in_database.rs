//! Erases the open_ids of a ledger in a database. The log without open_ids is written as a hidden ledger, read again, compared with the
//! old one, and takes its place in one step. A process that is killed leaves the old log or the new one.

use std::sync::Arc;

use super::PlaceEraser;
use crate::app::error::AppError;
use crate::app::shared_ownership::SharedOwnership;
use crate::app::write_term::WriteTerm;
use crate::campaign::LONGEST_TIMEOUT;
use crate::fleet::{AppKey, DatabaseUrl, LedgerEntry, Replacement};
use crate::ledger::erasure::{Eligibility, check_erased, write_erased};
use crate::ledger::witness::Witness;
use crate::ledger::{Head, Ledger, LedgerError};

impl PlaceEraser<'_> {
    /// Erases the open_ids as the owner of the app id, if they can be erased. `None` if there is no ledger.
    pub(super) async fn erase_as_worker(&self, url: &DatabaseUrl) -> Result<Option<Eligibility>, AppError> {
        let app = AppKey::of_ledger(self.place.identity());
        // The file that says how long a request takes may be gone.
        let term = Box::pin(WriteTerm::begin(self.environment, url, app, LONGEST_TIMEOUT)).await?;
        let erased = match term.ownership() {
            Some(ownership) => Box::pin(self.erase_in_database(ownership)).await,
            None => Ok(None),
        };
        term.end().await;
        erased
    }

    /// Erases the open_ids, if they can be erased. `None` if there is no ledger.
    pub(super) async fn erase_in_database(&self, ownership: &SharedOwnership) -> Result<Option<Eligibility>, AppError> {
        let identity = self.place.identity();
        let Some(entry) = ownership.database().ledger(identity).await? else {
            return Ok(None);
        };
        let witness = self.witness(&entry.manifest.id);
        let known = witness.as_ref().map(Witness::head);
        let store = ownership.open_entry(&entry)?;
        let mut ledger = Ledger::open_known(store, identity.clone(), Arc::default(), known).await?;
        if let Some(older) = ledger.older() {
            return Err(LedgerError::Older(older).into());
        }
        let eligibility = Eligibility::new(ledger.state(), self.request.older_than, self.request.at);
        if matches!(eligibility, Eligibility::Due { .. }) {
            let end = ledger.head();
            let mut new = ownership.create_hidden(identity, &entry.manifest).await?;
            write_erased(&mut ledger, &mut new, &self.request).await?;
            let new = new.no();
            let copy = Ledger::open(ownership.database().reader(new), identity.clone()).await?;
            check_erased(&copy, ledger.state())?;
            drop(ledger);
            let replacement = Replacement {
                ledger: entry.no,
                end,
                new,
            };
            ownership.replace_log(identity, replacement).await?;
            let head = Box::pin(self.write_snapshot(ownership, &entry)).await?;
            if let Some(witness) = witness {
                self.write_witness(witness, head).await;
            }
        }
        if matches!(eligibility, Eligibility::Due { .. } | Eligibility::Erased { .. }) {
            ownership.remove_leftovers(identity, &entry.manifest).await?;
            self.place.dir().remove_leftovers(self.lock, &entry.manifest.id)?;
        }
        Ok(Some(eligibility))
    }

    /// Reads the new log, so that its end is confirmed, and writes its snapshot. Returns its last batch.
    async fn write_snapshot(&self, ownership: &SharedOwnership, entry: &LedgerEntry) -> Result<Head, AppError> {
        let store = ownership.open_entry(entry)?;
        let new = Ledger::open(store, self.place.identity().clone()).await?;
        let head = new.head();
        new.close().await;
        Ok(head)
    }
}
