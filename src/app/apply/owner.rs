//! What the process that applies a campaign does for other processes: it answers their requests, writes `status.json`, and
//! shows pauses.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::app::locked_ledger::LockedLedger;
use crate::catalogue::{Text, app as text};
use crate::control::{ControlServer, Listening, status_file};
use crate::ledger::known_files::{Directory, FileId};
use crate::model::clock::Clock;
use crate::model::event::{Emit, Event, EventKind, Owner, Phase};
use crate::model::run_command::{Requester, RunCommand};
use crate::report::reporter::Reporter;
use crate::report::text::visible;

/// How often `status.json` is replaced when no other event causes it.
const EVERY: Duration = Duration::from_secs(1);
/// How many of these files may be replaced within [`EVERY`]. With more campaigns, each file is replaced less often.
const FILES: usize = 100;
/// How long the end of a run waits for a slow disk.
const PATIENCE: Duration = Duration::from_secs(2);
/// Changes that are closer together than this share one replacement.
const TOGETHER: Duration = Duration::from_millis(200);

/// Starts to answer other processes. Returns `None` if the socket cannot be opened: the run goes on without it.
pub(super) fn listen(server: &ControlServer, locked: &LockedLedger) -> Option<Listening> {
    let socket = locked.socket();
    let failed = |error| {
        tracing::warn!(
            "cannot listen at {}: {error}; other processes cannot ask this run anything",
            socket.display()
        );
    };
    server.listen(&socket).map_err(failed).ok()
}

/// Completes when the run is ordered to stop.
pub(super) async fn stopped(mut commands: watch::Receiver<RunCommand>) {
    if commands.wait_for(RunCommand::stops).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns how the run was stopped, as the start of a sentence.
pub(super) fn by_whom(commands: &watch::Receiver<RunCommand>) -> String {
    match &*commands.borrow() {
        RunCommand::Stop { by: Some(by) } => text::StoppedBy {
            requester: &visible(&by.to_string()),
        }
        .to_string(),
        _ => text::Interrupted.to_string(),
    }
}

/// Returns the process that stopped the run. `None` if a signal did.
pub(super) fn requester(commands: &watch::Receiver<RunCommand>) -> Option<Requester> {
    match &*commands.borrow() {
        RunCommand::Stop { by } => by.clone(),
        _ => None,
    }
}

/// A task that is aborted when this is dropped.
#[derive(Debug)]
pub(super) struct Task(JoinHandle<()>);

impl Task {
    /// Aborts the task and waits until it has ended.
    pub(super) async fn end(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Shows pauses until the engine does: while the audience is read nothing is sent, but the sender of a pause must see that
/// it was received.
pub(super) fn show_pauses(server: &ControlServer, reporter: &Arc<Reporter>, clock: &Clock) -> Task {
    let mut commands = server.commands();
    let reporter = Arc::clone(reporter);
    let clock = clock.clone();
    Task(tokio::spawn(async move {
        let mut paused = false;
        loop {
            let phase = match &*commands.borrow_and_update() {
                RunCommand::Pause { by } => Some(Phase::Paused { by: by.clone() }),
                RunCommand::Go | RunCommand::Resume { .. } => paused.then_some(Phase::Planning),
                RunCommand::Stop { .. } | RunCommand::Interrupt { .. } => return,
            };
            paused = matches!(phase, Some(Phase::Paused { .. }));
            if let Some(phase) = phase {
                reporter.emit(Event {
                    at: clock.now(),
                    kind: EventKind::Phase(phase),
                });
            }
            if commands.changed().await.is_err() {
                return;
            }
        }
    }))
}

/// Returns how often each of `campaigns` files `status.json` is replaced when no other event causes it.
pub(super) fn status_interval(campaigns: usize) -> Duration {
    EVERY * u32::try_from(campaigns.div_ceil(FILES)).unwrap_or(u32::MAX).max(1)
}

/// Keeps `status.json` up to date in its own task.
#[derive(Debug)]
pub(super) struct StatusKeeper {
    end: oneshot::Sender<Option<Text>>,
    task: JoinHandle<()>,
}

impl StatusKeeper {
    /// Starts to replace the file regularly and at each change of the run's state.
    pub(super) fn start(locked: &LockedLedger, reporter: &Arc<Reporter>, every: Duration) -> Self {
        let (end, ended) = oneshot::channel();
        let file = StatusFile {
            target: Target {
                directory: Arc::clone(locked.lock().directory()),
                name: locked.status_name(),
                lock: locked.lock().path().to_owned(),
                locked: locked.lock().file_id().ok(),
            },
            owner: locked.owner().clone(),
            reporter: Arc::clone(reporter),
            every,
            failed: false,
        };
        Self {
            end,
            task: tokio::spawn(file.keep(ended)),
        }
    }

    /// Writes the end of the run. `broken` says why it ended early, if it did.
    pub(super) async fn finish(self, broken: Option<Text>) {
        // The receiver is gone only if the task panicked, and then there is nothing to wait for.
        let _ = self.end.send(broken);
        if tokio::time::timeout(PATIENCE, self.task).await.is_err() {
            tracing::warn!("the disk of status.json stalls; `runner status` shows an older state");
        }
    }
}

/// The place of `status.json`, and the campaign's lock beside it.
#[derive(Clone)]
struct Target {
    directory: Arc<Directory>,
    name: String,
    lock: PathBuf,
    /// The id of the locked file. While the lock's path leads to this file, no other process writes `status.json`.
    locked: Option<FileId>,
}

impl Target {
    fn write(&self, text: &str) -> io::Result<()> {
        if self.locked.is_some_and(|locked| !locked.is_at(&self.lock)) {
            return Err(io::Error::other("the campaign's lock was removed or replaced"));
        }
        status_file::write(&self.directory, &self.name, text)
    }
}

struct StatusFile {
    target: Target,
    owner: Owner,
    reporter: Arc<Reporter>,
    every: Duration,
    failed: bool,
}

impl StatusFile {
    async fn keep(mut self, mut ended: oneshot::Receiver<Option<Text>>) {
        loop {
            self.write(None).await;
            let again = async {
                tokio::time::sleep(TOGETHER).await;
                let _ = tokio::time::timeout(self.every, self.reporter.changed()).await;
            };
            tokio::select! {
                broken = &mut ended => {
                    let broken = broken.ok().flatten().unwrap_or_else(|| Text::new(&text::EndedEarly));
                    return self.write(Some(&broken)).await;
                }
                () = again => {}
            }
        }
    }

    async fn write(&mut self, broken: Option<&Text>) {
        let Some(text) = self.reporter.status(&self.owner, broken) else {
            return;
        };
        let target = self.target.clone();
        let written = spawn_blocking(move || target.write(&text)).await;
        if let (Ok(Err(error)), false) = (written, self.failed) {
            tracing::warn!("cannot write status.json: {error}; `runner status` shows an older state");
            self.failed = true;
        }
    }
}
