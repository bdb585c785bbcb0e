//! Erases the open_ids of a ledger in files.

use std::io;

use tokio::task::spawn_blocking;

use super::PlaceEraser;
use crate::app::error::AppError;
use crate::ledger::Head;
use crate::ledger::erasure::{self, Eligibility};
use crate::ledger::witness::{Subject, Witness, Witnesses};
use crate::model::identity::PlatformName;

impl PlaceEraser<'_> {
    /// Erases the open_ids, if they can be erased. `None` if there is no ledger.
    pub(super) async fn erase_in_files(&self) -> Result<Option<Eligibility>, AppError> {
        let dir = self.place.dir();
        let Some(manifest) = dir.look()? else {
            return Ok(None);
        };
        let witness = self.witness(&manifest.id);
        let known = witness.as_ref().map(Witness::head);
        let Some(outcome) = Box::pin(erasure::erase(dir, self.lock, known, &self.request)).await? else {
            return Ok(None);
        };
        if let (Some(head), Some(witness)) = (outcome.head, witness) {
            self.write_witness(witness, head).await;
        }
        Ok(Some(outcome.eligibility))
    }

    /// The ledger's witness. `None` for a rehearsal, and if there is none that can be read.
    pub(super) fn witness(&self, id: &str) -> Option<Witness> {
        let witnesses = self.witnesses()?;
        witnesses.read(self.place.identity(), id).unwrap_or_else(|error| {
            tracing::warn!("cannot read the ledger's witness: {error}; it proves nothing");
            None
        })
    }

    fn witnesses(&self) -> Option<&Witnesses> {
        let is_rehearsal = self.place.identity().platform == PlatformName::FakePlatform;
        self.environment.witnesses.as_ref().filter(|_| !is_rehearsal)
    }

    /// Makes the witness name the last batch of the new ledger, so that a copy from before the erasure counts as older.
    pub(super) async fn write_witness(&self, witness: Witness, head: Head) {
        let Some(witnesses) = self.witnesses().cloned() else {
            return;
        };
        let subject = Subject {
            identity: self.place.identity().clone(),
            ledger: witness.ledger,
            file: witness.file.into(),
            directory: witness.directory.into(),
        };
        let new = subject.witness(head, self.request.at);
        let wrote = spawn_blocking(move || witnesses.write(&subject.identity, &new)).await;
        if let Err(error) = wrote.map_err(io::Error::other).and_then(|wrote| wrote) {
            tracing::info!("cannot write the ledger's witness: {error}");
        }
    }
}
