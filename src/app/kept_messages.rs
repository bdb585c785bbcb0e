//! The messages that a service of a fleet keeps in the database until they are sent.

use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::fleet::postgres::{NoticeLines, NoticePart};
use crate::fleet::{DatabaseError, NoticeRows};
use crate::notify::kept::{KeptElsewhere, KeptLines};
use crate::notify::notice::Origin;

use super::error::AppError;
use super::fleet_worker::FleetWorker;

/// How long the thread of messages waits for the database. A line that comes later counts, too.
const PATIENCE: Duration = Duration::from_secs(5);
/// The name of the messages to the channels of all campaigns. It has a space, which the name of no campaign has.
const ALL_CAMPAIGNS: &str = "all campaigns";

/// Keeps messages in the database of a worker.
pub struct KeptMessages {
    worker: Arc<FleetWorker>,
    runtime: Handle,
}

impl KeptMessages {
    /// The statements are executed by `runtime`, which must not be that of the thread of messages.
    #[must_use]
    pub const fn new(worker: Arc<FleetWorker>, runtime: Handle) -> Self {
        Self { worker, runtime }
    }
}

/// Waits for what the other runtime does.
fn wait<T: Send + 'static, E: Into<AppError>>(
    runtime: &Handle,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = mpsc::channel();
    runtime.spawn(async move {
        // The other end may have given up.
        let _ = done.send(work.await.map_err(Into::into));
    });
    match result.recv_timeout(PATIENCE) {
        Ok(result) => result.map_err(|error: AppError| io::Error::other(error)),
        Err(error) => Err(io::Error::new(io::ErrorKind::TimedOut, error)),
    }
}

impl KeptElsewhere for KeptMessages {
    fn begin(&self, campaign: Option<&Origin>) -> io::Result<Box<dyn KeptLines>> {
        let [app, campaign] = match campaign {
            Some(origin) => [origin.app_id.to_string(), origin.campaign.to_string()],
            None => [String::new(), ALL_CAMPAIGNS.to_owned()],
        };
        let worker = Arc::clone(&self.worker);
        let begun = async move {
            let rows = worker.notice_rows(&app, &campaign).await?;
            let left = rows.left().await?;
            Ok::<_, AppError>((rows, left))
        };
        let (rows, mut left) = wait(&self.runtime, begun)?;
        left.reverse();
        Ok(Box::new(DatabaseLines {
            rows,
            left,
            taken: None,
            runtime: self.runtime.clone(),
        }))
    }
}

struct DatabaseLines {
    rows: NoticeRows,
    /// The lines of workers that have ended, the next ones last.
    left: Vec<NoticeLines>,
    /// The lines that were returned last.
    taken: Option<NoticePart>,
    runtime: Handle,
}

impl DatabaseLines {
    fn wait<F>(&self, work: impl FnOnce(NoticeRows) -> F) -> io::Result<()>
    where
        F: Future<Output = Result<(), DatabaseError>> + Send + 'static,
    {
        wait(&self.runtime, work(self.rows.clone()))
    }
}

impl KeptLines for DatabaseLines {
    fn add(&mut self, line: &str) -> io::Result<()> {
        let line = line.to_owned();
        self.wait(|rows| async move { rows.add(&line).await })
    }

    fn next_left(&mut self) -> io::Result<Option<String>> {
        let next = self.left.pop();
        self.taken = next.as_ref().map(|lines| lines.part);
        Ok(next.map(|lines| lines.text))
    }

    fn remove_left(&mut self) -> io::Result<()> {
        match self.taken.take() {
            Some(part) => self.wait(|rows| async move { rows.remove(part).await }),
            None => Ok(()),
        }
    }

    fn remove(&mut self) -> io::Result<()> {
        self.wait(|rows| async move { rows.remove(rows.part()).await })
    }
}
