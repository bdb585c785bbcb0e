//! The task that appends: the batches of all ledgers of a worker, one statement at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::appender::{Appended, Appender, Effects};
use super::postgres::{Channel, Me, StatementError, append};
use super::statement::{LedgerNo, LogAnswer, LogRow, LogStatement};

/// The largest number of batches that wait for the task.
const WAITING: usize = 1024;

/// A batch, and where its end is reported.
#[derive(Debug)]
struct Request {
    row: LogRow,
    ended: oneshot::Sender<Appended>,
}

/// Hands batches to the task that appends them. The task ends with the last clone.
#[derive(Clone, Debug)]
pub struct AppendQueue {
    requests: mpsc::Sender<Request>,
    failure: watch::Receiver<Option<Arc<StatementError>>>,
}

impl AppendQueue {
    /// Starts the task.
    #[must_use]
    pub fn start(channel: Channel, me: Me) -> Self {
        let (requests, receiver) = mpsc::channel(WAITING);
        let (sender, failure) = watch::channel(None);
        let task = Task {
            channel,
            me,
            appender: Appender::default(),
            queues: BTreeMap::new(),
            failure: sender,
        };
        tokio::spawn(task.run(receiver));
        Self { requests, failure }
    }

    /// Appends a batch and waits for its end. `None` if the task has ended, with the runtime. If the future is dropped, the batch
    /// may be appended all the same.
    pub async fn append(&self, row: LogRow) -> Option<Appended> {
        let (ended, end) = oneshot::channel();
        self.requests.send(Request { row, ended }).await.ok()?;
        end.await.ok()
    }

    /// Why the last statement failed. `None` if it succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<StatementError>> {
        self.failure.borrow().clone()
    }
}

#[derive(Debug)]
struct Task {
    channel: Channel,
    me: Me,
    appender: Appender,
    /// The batches of each ledger. The appender has the first of each.
    queues: BTreeMap<LedgerNo, VecDeque<Request>>,
    failure: watch::Sender<Option<Arc<StatementError>>>,
}

impl Task {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.recv().await {
            let mut next = self.add(request);
            while let Some(statement) = next {
                let answer = self.execute(&statement).await;
                // They share the next statement.
                while let Ok(request) = requests.try_recv() {
                    self.add(request);
                }
                let effects = self.appender.answer(answer);
                next = self.follow(effects);
            }
        }
    }

    /// Adds a batch. Returns the statement that follows, if none is under way.
    fn add(&mut self, request: Request) -> Option<LogStatement> {
        let queue = self.queues.entry(request.row.ledger).or_default();
        let row = queue.is_empty().then(|| request.row.clone());
        queue.push_back(request);
        self.appender.add(row?).statement
    }

    /// Reports the batches that have ended. Returns the statement that follows.
    fn follow(&mut self, effects: Effects) -> Option<LogStatement> {
        let Effects { mut statement, ended } = effects;
        for (ledger, end) in ended {
            let Some(queue) = self.queues.get_mut(&ledger) else {
                continue;
            };
            if let Some(request) = queue.pop_front() {
                // Its store may have been dropped.
                let _ = request.ended.send(end);
            }
            if let Some(next) = queue.front() {
                let row = next.row.clone();
                statement = self.appender.add(row).statement.or(statement);
            } else {
                self.queues.remove(&ledger);
            }
        }
        statement
    }

    /// Executes a statement. `None` if the result is not known.
    async fn execute(&self, statement: &LogStatement) -> Option<LogAnswer> {
        let result = async {
            let acquired = self.channel.acquire().await?;
            let answer = append(acquired.connection(), &self.me, statement).await?;
            acquired.release();
            Ok::<_, StatementError>(answer)
        };
        match result.await {
            Ok(answer) => {
                self.failure.send_replace(None);
                Some(answer)
            }
            Err(error) => {
                tracing::warn!(%error, "the result of an append is not known");
                self.failure.send_replace(Some(Arc::new(error)));
                None
            }
        }
    }
}
