//! The store of a campaign's ledger: in files of this machine, or in the database of a fleet.

use std::io::Read;
use std::sync::Arc;

use tokio::sync::watch;

use crate::control::LedgerView;
use crate::fleet::DatabaseStore;
use crate::ledger::{AppendError, Head, ReadPage, SledStore, Store, StoreError, WriteSnapshot};

/// The store of a ledger that this process writes.
#[derive(Debug)]
pub enum CampaignStore {
    /// Files beside the campaign file, or in the state directory.
    Files(SledStore),
    /// A database that several machines share.
    Database(DatabaseStore),
}

impl CampaignStore {
    /// Returns the last batch that was read or has become durable, as it changes.
    #[must_use]
    pub fn heads(&self) -> watch::Receiver<Head> {
        match self {
            Self::Files(store) => store.heads(),
            Self::Database(store) => store.heads(),
        }
    }

    /// Returns what other processes of this machine are shown of the ledger. They read a database themselves.
    pub async fn view(&self) -> Result<LedgerView, StoreError> {
        match self {
            Self::Files(store) => Ok(LedgerView::Ledger(Arc::new(store.reader().await?))),
            Self::Database(_) => Ok(LedgerView::Opening),
        }
    }
}

impl Store for CampaignStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        match self {
            Self::Files(store) => store.append(record).await,
            Self::Database(store) => Box::pin(store.append(record)).await,
        }
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        match self {
            Self::Files(store) => store.read(after).await,
            Self::Database(store) => Box::pin(store.read(after)).await,
        }
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Files(store) => store.read_snapshot().await,
            Self::Database(store) => Box::pin(store.read_snapshot()).await,
        }
    }

    async fn write_snapshot(&mut self, at: Head, write: WriteSnapshot) -> Result<(), StoreError> {
        match self {
            Self::Files(store) => store.write_snapshot(at, write).await,
            Self::Database(store) => Box::pin(store.write_snapshot(at, write)).await,
        }
    }

    async fn fenced(&mut self) -> StoreError {
        match self {
            Self::Files(store) => store.fenced().await,
            Self::Database(store) => store.fenced().await,
        }
    }

    async fn close(self) {
        match self {
            Self::Files(store) => Box::pin(store.close()).await,
            Self::Database(store) => Box::pin(store.close()).await,
        }
    }
}
