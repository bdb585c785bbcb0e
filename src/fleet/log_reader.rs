//! Reads a ledger's log and snapshot from the database, in pages and parts.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use tokio::time::Instant;

use super::postgres::{Channel, StatementError, read_page, read_snapshot, read_snapshot_part};
use super::statement::LedgerNo;
use crate::ledger::{Action, AppendError, Head, Page, ReadPage, Store, StoreError};

/// The most batches in a page, and its size.
const ROWS: u32 = 1024;
const BYTES: u32 = 1024 * 1024;

/// How long a reading is tried again: the time of an ordinary fail-over.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A store that reads a ledger. It may be one to which a worker appends.
#[derive(Debug)]
pub struct DatabaseReader {
    channel: Channel,
    place: String,
    no: LedgerNo,
    /// The last batch that the ledger is known to have had.
    known: Head,
}

/// Executes a statement over a channel until it succeeds, at most for [`PATIENCE`].
macro_rules! try_again {
    ($channel:expr, $begun:expr, |$connection:ident| $statement:expr) => {
        loop {
            let result = async {
                let acquired = $channel.acquire().await?;
                let $connection = acquired.connection();
                let answer = $statement.await?;
                acquired.release();
                Ok::<_, StatementError>(answer)
            };
            match result.await {
                Err(error) if $begun.elapsed() < PATIENCE => tracing::warn!(%error, "a ledger cannot be read yet"),
                result => break result,
            }
        }
    };
}
pub(super) use try_again;

impl DatabaseReader {
    pub(super) fn new(channel: Channel, place: String, no: LedgerNo) -> Self {
        Self {
            channel,
            place,
            no,
            known: Head::default(),
        }
    }

    /// Notes a batch that the ledger has or has had.
    pub(super) fn note(&mut self, head: Head) {
        if head.sequence >= self.known.sequence {
            self.known = head;
        }
    }

    pub(super) fn failed(&self, action: Action, source: StatementError) -> StoreError {
        StoreError::Database {
            action,
            place: self.place.clone(),
            source: Box::new(source),
        }
    }

    /// The error of a log that ends after batch `last`.
    pub(super) fn forgotten(&self, last: u64, durable: u64) -> StoreError {
        StoreError::Forgotten {
            place: self.place.clone(),
            last,
            durable,
        }
    }

    pub(super) fn overtaken(&self, sequence: u64) -> StoreError {
        StoreError::Overtaken {
            place: self.place.clone(),
            sequence,
        }
    }

    pub(super) fn refused(&self) -> StoreError {
        StoreError::Fenced {
            place: self.place.clone(),
        }
    }

    fn check(&self, page: &Page) -> Result<(), StoreError> {
        let known = self.known;
        let is_other = |(sequence, record): (u64, &[u8])| {
            sequence == known.sequence && crate::ledger::record::link_of(record) != known.link
        };
        if page.records().any(is_other) {
            return Err(self.overtaken(known.sequence));
        }
        Ok(())
    }
}

impl Store for DatabaseReader {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        drop(record);
        Err(AppendError::Fenced(self.refused()))
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        let begun = Instant::now();
        let rows = try_again!(self.channel, begun, |connection| read_page(
            connection,
            self.no,
            after.sequence,
            ROWS,
            BYTES
        ));
        let mut rows = rows.map_err(|error| self.failed(Action::Read, error))?.into_iter();
        if after.sequence > 0 && rows.next().map(|(head, _)| head) != Some(after) {
            return Ok(ReadPage::Missing);
        }
        let mut page = Page::default();
        let mut last = after.sequence;
        for (head, record) in rows {
            if head.sequence != last + 1 {
                return Err(self.forgotten(last, head.sequence));
            }
            last = head.sequence;
            page.push(last, &record.unwrap_or_default());
        }
        if page.is_empty() {
            if after.sequence < self.known.sequence {
                return Err(self.forgotten(after.sequence, self.known.sequence));
            }
            return Ok(ReadPage::End);
        }
        self.check(&page)?;
        if let Some(last) = page.last() {
            self.note(last);
        }
        Ok(ReadPage::Page(page))
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        let begun = Instant::now();
        let snapshot = try_again!(self.channel, begun, |connection| read_snapshot(connection, self.no));
        let snapshot = snapshot.ok()??;
        let mut parts = VecDeque::new();
        for part in 0..snapshot.parts {
            let bytes = try_again!(self.channel, begun, |connection| read_snapshot_part(
                connection,
                self.no,
                snapshot.at,
                part
            ));
            parts.push_back(Cursor::new(bytes.ok()??));
        }
        // A snapshot is of batches that were durable.
        self.note(snapshot.at);
        Some(Box::new(Parts(parts)))
    }
}

/// The parts of a snapshot. Each is released after it is read.
struct Parts(VecDeque<Cursor<Vec<u8>>>);

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.0.front_mut() {
            let read = part.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.0.pop_front();
        }
        Ok(0)
    }
}
