//! The owner's side: it listens while it has the lock, answers other processes, and is never delayed by them.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::catalogue::{Language, control};
use crate::ledger::Reader;
use crate::ledger::known_files::FileId;
use crate::model::person_request::{PersonAnswer, PersonRequest};
use crate::model::run_command::{Requester, RunCommand};

use super::address;
use super::wire::{self, Command, Failure, Request, Response, Unclear};

/// The most connections whose request has not come. One more drops the oldest of them, so that no silent process keeps a
/// command from being heard.
const UNHEARD: usize = 32;
/// The most connections that receive the ledger at once. One more is asked to come again, and commands have nothing to do
/// with them.
const VIEWS: usize = 4;
/// See [`ControlServer::patience`].
const PATIENCE: Duration = Duration::from_secs(10);
/// How many requests of persons wait for the run to take them. The clients of further ones wait longer.
const REQUESTS: usize = 8;
/// How long to wait when the system accepts no more connections.
const BREATH: Duration = Duration::from_secs(1);

/// The ledger as other processes see it.
#[derive(Clone, Debug, Default)]
pub enum LedgerView {
    /// It is being opened.
    #[default]
    Opening,
    /// The campaign has no ledger yet.
    Empty,
    /// The ledger.
    Ledger(Arc<Reader>),
}

/// A request of a person, and where its answer goes. The answer is dropped if the run ends first.
pub type RequestMessage = (PersonRequest, oneshot::Sender<PersonAnswer>);

/// Where the requests of persons go.
#[derive(Clone, Debug, Default)]
enum RequestInbox {
    /// The run has not begun to send.
    #[default]
    NotYet,
    /// The run takes requests.
    Open(mpsc::Sender<RequestMessage>),
    /// The run has ended.
    Closed,
}

/// The ledger that the owner shows, and the commands that it receives.
#[derive(Clone, Debug)]
pub struct ControlServer {
    shown: watch::Sender<LedgerView>,
    commands: watch::Sender<RunCommand>,
    requests: watch::Sender<RequestInbox>,
    /// Whether sends are frozen: nobody ends the pause but [`Self::thaw`].
    frozen: Arc<AtomicBool>,
    pub(super) views: Arc<Semaphore>,
    /// How long a connected process may take to send its request, or to read the next bytes.
    pub(super) patience: Duration,
}

impl Default for ControlServer {
    fn default() -> Self {
        Self {
            shown: watch::channel(LedgerView::default()).0,
            commands: watch::channel(RunCommand::default()).0,
            requests: watch::channel(RequestInbox::default()).0,
            frozen: Arc::default(),
            views: Arc::new(Semaphore::new(VIEWS)),
            patience: PATIENCE,
        }
    }
}

impl ControlServer {
    /// Shows `shown` from now on.
    pub fn show(&self, shown: LedgerView) {
        self.shown.send_replace(shown);
    }

    /// The latest command to the run, from any source.
    #[must_use]
    pub fn commands(&self) -> watch::Receiver<RunCommand> {
        self.commands.subscribe()
    }

    /// The approvals and decisions from other processes, those that have waited for the run included.
    #[must_use]
    pub fn take_requests(&self) -> mpsc::Receiver<RequestMessage> {
        let (sender, requests) = mpsc::channel(REQUESTS);
        self.requests.send_replace(RequestInbox::Open(sender));
        requests
    }

    /// The run has ended. Requests that have no answer are sent again, to the next owner of the ledger.
    pub fn close_requests(&self) {
        self.requests.send_replace(RequestInbox::Closed);
    }

    /// Tells the run to end, because of a signal to this process. An earlier requester stays named.
    pub fn signalled(&self, by: Requester) {
        self.stop(RunCommand::Interrupt { by });
    }

    /// Pauses the run until [`Self::thaw`], whatever others ask for. A run that was paused before stays paused.
    pub fn freeze(&self, by: Requester) {
        // First: a resume that comes now must not end the pause.
        self.frozen.store(true, Ordering::SeqCst);
        self.order(|order| match order {
            RunCommand::Go | RunCommand::Resume { .. } => Some(RunCommand::Pause { by }),
            RunCommand::Pause { .. } | RunCommand::Stop { .. } | RunCommand::Interrupt { .. } => None,
        });
    }

    /// Ends a freeze. The run goes on if `by` says who lets it; otherwise it stays paused.
    pub fn thaw(&self, by: Option<Requester>) {
        self.frozen.store(false, Ordering::SeqCst);
        if let Some(by) = by {
            self.order(|order| matches!(order, RunCommand::Pause { .. }).then_some(RunCommand::Resume { by }));
        }
    }

    /// Whether sends are frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::SeqCst)
    }

    fn stop(&self, stop: RunCommand) -> RunCommand {
        self.order(|order| (!order.stops()).then_some(stop))
    }

    /// Replaces the command if `change` returns one. Returns the command that was in effect before.
    fn order(&self, change: impl FnOnce(&RunCommand) -> Option<RunCommand>) -> RunCommand {
        let mut before = RunCommand::Go;
        self.commands.send_if_modified(|order| {
            // Clients of earlier versions know no other word.
            before = match order {
                RunCommand::Go | RunCommand::Resume { .. } => RunCommand::Go,
                RunCommand::Interrupt { .. } => RunCommand::Stop { by: None },
                RunCommand::Pause { .. } | RunCommand::Stop { .. } => order.clone(),
            };
            match change(&before) {
                Some(next) => {
                    *order = next;
                    true
                }
                None => false,
            }
        });
        before
    }

    /// Listens at `path` in tasks of the present runtime, until the returned value is dropped.
    ///
    /// # Errors
    /// When the system does not allow it to listen there.
    pub fn listen(&self, path: &Path) -> io::Result<Listening> {
        let listener = address::bind(path)?;
        let server = self.clone();
        let task = tokio::spawn(async move { server.accept(&listener).await });
        Ok(Listening {
            path: path.to_owned(),
            socket: FileId::new(&fs::symlink_metadata(path)?),
            task: task.abort_handle(),
        })
    }

    async fn accept(self, listener: &UnixListener) {
        let mut unheard: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    unheard.retain(|connection| !connection.is_finished());
                    if unheard.len() == UNHEARD
                        && let Some(oldest) = unheard.pop_front()
                    {
                        oldest.abort();
                    }
                    let hearing = tokio::spawn(self.clone().hear(stream));
                    unheard.push_back(hearing.abort_handle());
                }
                Err(error) => {
                    tracing::warn!("cannot take a connection on the control socket: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// Waits for the request of a connection, and answers it in a task that no other connection ends.
    async fn hear(self, stream: UnixStream) {
        let (from, mut to) = stream.into_split();
        let mut from = BufReader::new(from);
        let heard = timeout(self.patience, wire::read(&mut from)).await;
        let request = heard.unwrap_or(Err(Unclear::CutShort));
        tokio::spawn(async move {
            if let Err(error) = self.answer(request, from, &mut to).await {
                tracing::debug!("the client of the control socket is gone: {error}");
            }
        });
    }

    async fn answer(
        &self,
        request: Result<Request, Unclear>,
        from: BufReader<OwnedReadHalf>,
        to: &mut OwnedWriteHalf,
    ) -> io::Result<()> {
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                // Another process receives it, whatever its language.
                let response = Response::Error {
                    message: Language::English.scope(|| control::NotUnderstood { why: &error }.to_string()),
                    why: None,
                    again: false,
                };
                return self.write(to, &response).await;
            }
        };
        let command = match request {
            Request::View { batches } => {
                let Ok(_place) = self.views.try_acquire() else {
                    let n = VIEWS as u64;
                    return self.write(to, &Failure::Readers { n }.response(true)).await;
                };
                return self.view(batches, from, to).await;
            }
            Request::Command(command) => command,
        };
        let response = tokio::select! {
            biased;
            response = self.take(command) => response,
            gone = left(from) => return gone,
        };
        self.write(to, &response).await
    }

    /// Answers a command that did not come over the socket, with a line of the protocol.
    pub async fn respond(&self, command: Command) -> io::Result<Vec<u8>> {
        Ok(wire::line(&self.take(command).await)?)
    }

    /// Passes a command to the run. Answers the request of a person when it is durable or has no effect; it counts also if the
    /// client leaves after the run has it.
    async fn take(&self, command: Command) -> Response {
        let before = match command {
            Command::Pause { by } => self.order(|order| match order {
                RunCommand::Go | RunCommand::Resume { .. } => Some(RunCommand::Pause { by }),
                // The pause of a person outlasts a freeze.
                RunCommand::Pause { .. } if self.is_frozen() => Some(RunCommand::Pause { by }),
                RunCommand::Pause { .. } | RunCommand::Stop { .. } | RunCommand::Interrupt { .. } => None,
            }),
            Command::Resume { .. } if self.is_frozen() => return Failure::Frozen.response(false),
            Command::Resume { by } => self.order(|order| match order {
                RunCommand::Pause { .. } => Some(by.map_or(RunCommand::Go, |by| RunCommand::Resume { by })),
                RunCommand::Go | RunCommand::Resume { .. } | RunCommand::Stop { .. } | RunCommand::Interrupt { .. } => {
                    None
                }
            }),
            Command::Stop { by } => self.stop(RunCommand::Stop { by: Some(by) }),
            Command::Approve(request) => return self.ask(PersonRequest::Approve(request)).await,
            Command::Resolve(request) => return self.ask(PersonRequest::Resolve(request)).await,
        };
        Response::Taken { before }
    }

    async fn ask(&self, request: PersonRequest) -> Response {
        match self.hand_over(request).await {
            Some(PersonAnswer::Approval(result)) => Response::Approval { result },
            Some(PersonAnswer::Resolve(result)) => Response::Resolve { result },
            None => Failure::RunEnded.response(true),
        }
    }

    /// Hands the request of a person to the run. Returns `None` if the run ends first.
    async fn hand_over(&self, request: PersonRequest) -> Option<PersonAnswer> {
        let mut inbox = self.requests.subscribe();
        let is_decided = |inbox: &RequestInbox| !matches!(inbox, RequestInbox::NotYet);
        let inbox = inbox.wait_for(is_decided).await.ok()?.clone();
        let RequestInbox::Open(run) = inbox else {
            return None;
        };
        let (sender, answer) = oneshot::channel();
        run.send((request, sender)).await.ok()?;
        answer.await.ok()
    }

    /// Sends the ledger, unless the client leaves while it is being opened.
    async fn view(
        &self,
        wanted: Option<u64>,
        from: BufReader<OwnedReadHalf>,
        to: &mut OwnedWriteHalf,
    ) -> io::Result<()> {
        let mut changes = self.shown.subscribe();
        let shown = tokio::select! {
            biased;
            shown = changes.wait_for(|shown| !matches!(shown, LedgerView::Opening)) => match shown {
                Ok(shown) => shown.clone(),
                Err(_) => return Ok(()),
            },
            gone = left(from) => return gone,
        };
        let reader = match shown {
            LedgerView::Ledger(reader) => reader,
            LedgerView::Empty | LedgerView::Opening => return self.write(to, &Response::View { batches: None }).await,
        };
        let durable = reader.durable();
        let batches = wanted.unwrap_or(durable);
        if batches > durable {
            let asked = batches;
            return self
                .write(to, &Failure::FewerBatches { durable, asked }.response(false))
                .await;
        }
        let batches_said = Some(batches);
        self.write(to, &Response::View { batches: batches_said }).await?;
        self.ship(reader, batches, to).await
    }

    async fn ship(&self, reader: Arc<Reader>, batches: u64, to: &mut OwnedWriteHalf) -> io::Result<()> {
        let mut after = 0;
        let mut bytes = Vec::new();
        while after < batches {
            // The client sees that batches are missing. The owner itself finds out what is wrong with the store.
            let page = reader.read(after, batches).await.map_err(io::Error::other)?;
            bytes.clear();
            for (sequence, record) in page.records() {
                let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(record);
                after = sequence;
            }
            self.within(to.write_all(&bytes)).await?;
        }
        self.within(to.shutdown()).await
    }

    async fn write(&self, to: &mut OwnedWriteHalf, answer: &Response) -> io::Result<()> {
        let line = wire::line(answer)?;
        self.within(to.write_all(&line)).await
    }

    /// Bounds the time for a client that does not read.
    async fn within(&self, write: impl Future<Output = io::Result<()>>) -> io::Result<()> {
        timeout(self.patience, write)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Ends when the client closes its end, or sends more than one request. Reads to find out: a socket that is reported
/// readable need not be.
async fn left(mut from: BufReader<OwnedReadHalf>) -> io::Result<()> {
    from.read_u8().await.map(drop)
}

/// The listening socket. Dropping it closes and removes it.
#[derive(Debug)]
pub struct Listening {
    path: PathBuf,
    socket: FileId,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        // Another process may listen there by now, if the directory was replaced.
        if self.socket.is_at(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
