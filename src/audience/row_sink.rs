//! The kinds of sources, and the sink for their rows.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use super::batch::{Activity, Batch};
use super::error::AudienceError;
use super::totals::Totals;
use crate::model::event::{FileShare, PlaceUnit, UnusableKind};

/// A kind of source.
pub(super) trait RowSource {
    /// Writes every row into `out`, in order, file by file. It blocks, on a thread of its own, and ends early when
    /// `out` is closed.
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError>;
}

/// A part of a reading on its way to the consumer.
#[derive(Debug)]
pub(super) enum Message {
    Batch(Batch),
    End(Result<Totals, AudienceError>),
}

/// The sink for the rows of a source.
pub(super) struct RowSink {
    pub(super) batches: Sender<Message>,
    batch: Batch,
    totals: Totals,
    /// The concatenated hashes of the files.
    hashes: Vec<u8>,
    /// The hash of the rows, for a source without bytes of its own.
    of_rows: Option<Sha256>,
}

impl RowSink {
    pub(super) fn new(batches: Sender<Message>) -> Self {
        Self {
            batches,
            batch: Batch::new("".into(), PlaceUnit::Row),
            totals: Totals::default(),
            hashes: Vec::new(),
            of_rows: None,
        }
    }

    /// Begins a file, or the query. Later rows belong to it.
    pub(super) fn begin(&mut self, name: &str, unit: PlaceUnit) {
        self.batch = Batch::new(Arc::from(name), unit);
        self.totals.shares.push(FileShare {
            name: name.to_owned(),
            rows: 0,
        });
    }

    /// Begins a source without lines and bytes of its own: its rows are hashed.
    pub(super) fn begin_rows(&mut self, name: &str) {
        self.begin(name, PlaceUnit::Row);
        self.of_rows = Some(Sha256::new());
    }

    /// Ends a source that was begun with [`begin_rows`](Self::begin_rows).
    pub(super) fn end_rows(&mut self) -> Result<(), AudienceError> {
        let hash = self.of_rows.take().unwrap_or_default().finalize().into();
        self.end(0, hash)
    }

    /// Like [`end_rows`](Self::end_rows), without blocking the thread.
    pub(super) async fn end_rows_async(&mut self) -> Result<(), AudienceError> {
        self.hashes.extend(self.of_rows.take().unwrap_or_default().finalize());
        self.send_async().await
    }

    /// Adds a row. `open_id` must be [`usable`](super::batch::usable).
    pub(super) fn row(
        &mut self,
        number: u64,
        open_id: Result<&str, UnusableKind>,
        last_active: Activity<'_>,
    ) -> Result<(), AudienceError> {
        if self.push(number, open_id, last_active) {
            self.send()?;
        }
        Ok(())
    }

    /// Like [`row`](Self::row), without blocking the thread when a batch is full.
    pub(super) async fn row_async(
        &mut self,
        number: u64,
        open_id: Result<&str, UnusableKind>,
        last_active: Activity<'_>,
    ) -> Result<(), AudienceError> {
        if self.push(number, open_id, last_active) {
            self.send_async().await?;
        }
        Ok(())
    }

    async fn send_async(&mut self) -> Result<(), AudienceError> {
        let batch = self.take();
        self.batches.send(batch).await.map_err(|_| AudienceError::BrokenOff)
    }

    /// Completes when the reading is dropped.
    pub(super) fn unwanted(&self) -> impl Future<Output = ()> + use<> {
        let batches = self.batches.clone();
        async move { batches.closed().await }
    }

    /// Returns an empty batch for rows of the file that was begun last.
    pub(super) fn next_batch(&self) -> Batch {
        self.batch.next()
    }

    /// Adds a batch of rows of the file that was begun last.
    pub(super) fn batch(&mut self, batch: Batch) -> Result<(), AudienceError> {
        if !self.batch.is_empty() {
            self.send()?;
        }
        self.count(batch.len() as u64);
        self.batch = batch;
        self.send()
    }

    fn count(&mut self, rows: u64) {
        self.totals.rows += rows;
        if let Some(share) = self.totals.shares.last_mut() {
            share.rows += rows;
        }
    }

    /// Adds a row without waiting. Returns whether the batch is full.
    fn push(&mut self, number: u64, open_id: Result<&str, UnusableKind>, last_active: Activity<'_>) -> bool {
        if let Some(hash) = &mut self.of_rows {
            hash_row(hash, open_id, last_active);
        }
        self.count(1);
        self.batch.push(number, open_id, last_active);
        self.batch.is_full()
    }

    fn take(&mut self) -> Message {
        let next = self.batch.next();
        Message::Batch(std::mem::replace(&mut self.batch, next))
    }

    fn send(&mut self) -> Result<(), AudienceError> {
        let batch = self.take();
        self.batches.blocking_send(batch).map_err(|_| AudienceError::BrokenOff)
    }

    /// Ends a file, with the length and the hash of its bytes.
    pub(super) fn end(&mut self, bytes: u64, hash: [u8; 32]) -> Result<(), AudienceError> {
        self.totals.bytes += bytes;
        self.hashes.extend(hash);
        self.send()
    }

    /// Returns the totals. The hash is that of the one file, or of the hashes of several.
    pub(super) fn finish(&mut self) -> Totals {
        let mut totals = std::mem::take(&mut self.totals);
        totals.hash = match <[u8; 32]>::try_from(self.hashes.as_slice()) {
            Ok(one) => one,
            Err(_) => Sha256::digest(&self.hashes).into(),
        };
        totals
    }
}

/// Adds a row to a hash of rows, in an encoding that differs for any two different rows.
fn hash_row(hash: &mut Sha256, open_id: Result<&str, UnusableKind>, last_active: Activity<'_>) {
    let (text, usable) = match open_id {
        Ok(text) => (text, 1),
        Err(_) => ("", 0),
    };
    let (known, at) = match last_active {
        Activity::Unknown => (0, 0),
        Activity::Unreadable(_) => (1, 0),
        Activity::At(at) => (2, at.as_millisecond()),
    };
    // An open_id has at most 128 characters, so its length fits.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut head = [usable, length[0], length[1], known, 0, 0, 0, 0, 0, 0, 0, 0];
    head[4..].copy_from_slice(&at.to_be_bytes());
    hash.update(head);
    hash.update(text);
}
