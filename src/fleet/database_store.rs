//! The store of a ledger in the database, to which this worker appends.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::append_queue::AppendQueue;
use super::appender::Appended;
use super::error::{DatabaseAction, DatabaseError};
use super::log_reader::{DatabaseReader, PATIENCE, try_again};
use super::ownership::{Owned, Stage};
use super::postgres::{Channel, Me, SnapshotRow, StatementError, append, keep_snapshot, write_snapshot_part};
use super::snapshot_parts::SnapshotParts;
use super::statement::{LedgerNo, LogAnswer, LogRow, LogStatement};
use crate::ledger::record::link_of;
use crate::ledger::{Action, AppendError, Head, ReadPage, Store, StoreError, WriteSnapshot};

/// The longest time of an append. A managed fail-over takes up to two minutes, and the worker keeps its app ids over it.
const APPEND: Duration = Duration::from_mins(3);

/// What the stores of a worker share.
#[derive(Debug)]
pub struct WorkerLink {
    /// The hosts and the name of the database.
    pub place: String,
    /// This worker.
    pub me: Me,
    /// The task that appends.
    pub appends: AppendQueue,
    /// The connection for reading, and for snapshots.
    pub reads: Channel,
    /// The last batch of each ledger that was durable. A ledger that is opened again must have it.
    pub known: Mutex<BTreeMap<LedgerNo, Head>>,
}

impl WorkerLink {
    /// Whether the last batches that this worker knows are there, on every copy that the database keeps.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_every_batch(&self) -> Result<bool, DatabaseError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.retain(|_, head| head.sequence > 0);
        if known.is_empty() {
            return Ok(true);
        }
        let places = known.iter().map(|(no, head)| (*no, head.sequence)).collect();
        let read = async {
            let acquired = self.reads.acquire().await?;
            let answer = read_back(acquired.connection(), &self.me, &LogStatement::ReadBack(places)).await?;
            acquired.release();
            Ok(answer)
        };
        let answer = read.await.map_err(|source| DatabaseError::Failed {
            action: DatabaseAction::FindLedgers,
            place: self.place.clone(),
            source,
        })?;
        Ok(known
            .iter()
            .all(|(no, head)| answer.found.get(&(*no, head.sequence)) == Some(head)))
    }
}

/// The store of a ledger in the database, to which this worker appends. It takes nothing more once the worker is fenced, or the
/// app id is handed over.
#[derive(Debug)]
pub struct DatabaseStore {
    link: Arc<WorkerLink>,
    owned: Arc<Owned>,
    no: LedgerNo,
    reader: DatabaseReader,
    /// The last batch that was read or appended.
    last: Head,
    heads: watch::Sender<Head>,
    /// The longest time of an append. `None` if it waits until its end is known.
    limit: Option<Duration>,
}

impl DatabaseStore {
    pub(super) fn new(link: Arc<WorkerLink>, no: LedgerNo, owned: Arc<Owned>) -> Self {
        let mut reader = DatabaseReader::new(link.reads.clone(), link.place.clone(), no);
        let known = link.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(head) = known.get(&no) {
            reader.note(*head);
        }
        drop(known);
        Self {
            link,
            owned,
            no,
            reader,
            last: Head::default(),
            heads: watch::channel(Head::default()).0,
            limit: Some(APPEND),
        }
    }

    /// The same store, whose appends wait until the database answers again, however long that takes. They end earlier only if the
    /// worker is fenced.
    #[must_use]
    pub(super) fn waiting_for_ever(self) -> Self {
        Self { limit: None, ..self }
    }

    /// The number of the ledger.
    #[must_use]
    pub const fn no(&self) -> LedgerNo {
        self.no
    }

    /// The last batch that was read, or has become durable since.
    #[must_use]
    pub fn heads(&self) -> watch::Receiver<Head> {
        self.heads.subscribe()
    }

    fn note(&mut self, last: Head) {
        self.last = last;
        self.reader.note(last);
        let mut known = self.link.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(self.no, last);
        drop(known);
        self.heads.send_replace(last);
    }

    fn is_ended(&self) -> bool {
        matches!(self.owned.stage(), Stage::Drained | Stage::Lost)
    }

    /// Why an append has no known result: the error of the last statement, or that there was no answer.
    fn unknown(&self) -> AppendError {
        let source: Box<dyn std::error::Error + Send + Sync> = match self.link.appends.failure() {
            Some(error) => Box::new(error),
            None => Box::new(StatementError::NoAnswer(APPEND)),
        };
        AppendError::Unknown(StoreError::Database {
            action: Action::AppendTo,
            place: self.link.place.clone(),
            source,
        })
    }

    /// Checks that `last` is the end of the log, and on every copy that the database keeps. What a fail-over could take back is
    /// never acted on.
    async fn confirm(&self, last: Head) -> Result<(), StoreError> {
        let statement = LogStatement::ReadBack(vec![(self.no, last.sequence)]);
        let begun = Instant::now();
        let answer = try_again!(self.link.reads, begun, |connection| read_back(
            connection,
            &self.link.me,
            &statement
        ));
        let answer = answer.map_err(|error| self.reader.failed(Action::Read, error))?;
        let end = answer.last.get(&self.no).copied().unwrap_or_default();
        let is_same = last.sequence == 0 || answer.found.get(&(self.no, last.sequence)) == Some(&last);
        if answer.fenced {
            Err(self.reader.refused())
        } else if end < last.sequence {
            Err(self.reader.forgotten(end, last.sequence))
        } else if end > last.sequence || !is_same {
            Err(self.reader.overtaken(end))
        } else {
            Ok(())
        }
    }
}

/// The log as it is read back, including the standby.
struct Replicated {
    fenced: bool,
    found: BTreeMap<(LedgerNo, u64), Head>,
    last: BTreeMap<LedgerNo, u64>,
}

async fn read_back(
    connection: &super::postgres::Connection,
    me: &Me,
    statement: &LogStatement,
) -> Result<Replicated, StatementError> {
    match append(connection, me, statement).await? {
        LogAnswer::ReadBack {
            fenced,
            found,
            last,
            replicated: true,
        } => Ok(Replicated { fenced, found, last }),
        LogAnswer::ReadBack { .. } | LogAnswer::Appended { .. } => Err(StatementError::NotReplicated),
    }
}

impl Store for DatabaseStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        if self.is_ended() {
            return Err(AppendError::Fenced(self.reader.refused()));
        }
        let head = Head {
            sequence: self.last.sequence + 1,
            link: link_of(&record),
        };
        let row = LogRow {
            ledger: self.no,
            term: self.owned.term,
            before: self.last,
            head,
            record,
        };
        let appending = self.link.appends.append(row);
        let appended = match self.limit {
            Some(limit) => timeout(limit, appending).await.ok().flatten(),
            None => appending.await,
        };
        match appended {
            Some(Appended::Durable) => {
                self.note(head);
                Ok(())
            }
            Some(Appended::Fenced) => Err(AppendError::Fenced(self.reader.refused())),
            Some(Appended::Parted) => Err(AppendError::Fenced(self.reader.overtaken(head.sequence))),
            Some(Appended::Forgotten { last }) => {
                let durable = self.last.sequence;
                Err(AppendError::Failed(self.reader.forgotten(last, durable)))
            }
            None => Err(self.unknown()),
        }
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        let read = self.reader.read(after).await?;
        match &read {
            ReadPage::End => {
                self.confirm(after).await?;
                self.note(after);
            }
            ReadPage::Page(_) | ReadPage::Missing => {}
        }
        Ok(read)
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        self.reader.read_snapshot().await
    }

    async fn write_snapshot(&mut self, at: Head, write: WriteSnapshot) -> Result<(), StoreError> {
        let SnapshotParts { mut parts, writer } = SnapshotParts::start(write);
        let written = self.write_parts(at, &mut parts).await;
        // The thread ends, and gives the ledger state back.
        drop(parts);
        let ended = writer.await;
        let count = written?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Database {
            action: Action::KeepSnapshot,
            place: self.link.place.clone(),
            source,
        };
        ended
            .map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(Box::new(error)))?;
        let snapshot = SnapshotRow { at, parts: count };
        let begun = Instant::now();
        let kept = try_again!(self.link.reads, begun, |connection| keep_snapshot(
            connection,
            &self.link.me,
            self.no,
            snapshot
        ));
        if kept.map_err(|error| self.reader.failed(Action::KeepSnapshot, error))? {
            Ok(())
        } else {
            Err(self.reader.refused())
        }
    }

    async fn fenced(&mut self) -> StoreError {
        self.owned.ended().await;
        self.reader.refused()
    }
}

impl DatabaseStore {
    /// Writes the parts of a snapshot, and returns their number.
    async fn write_parts(&self, at: Head, parts: &mut tokio::sync::mpsc::Receiver<Vec<u8>>) -> Result<u64, StoreError> {
        let begun = Instant::now();
        let mut count = 0;
        while let Some(part) = parts.recv().await {
            let written = try_again!(self.link.reads, begun, |connection| write_snapshot_part(
                connection,
                &self.link.me,
                self.no,
                at,
                count,
                &part
            ));
            if !written.map_err(|error| self.reader.failed(Action::KeepSnapshot, error))? {
                return Err(self.reader.refused());
            }
            count += 1;
        }
        Ok(count)
    }
}
