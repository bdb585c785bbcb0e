//! The client's side: sends commands to the owner, and reads the owner's ledger as a read-only store.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::catalogue::control;
use crate::ledger::{AppendError, Head, Page, ReadPage, Store, StoreError};
use crate::model::approval::{ApprovalAnswer, ApprovalRequest};
use crate::model::resolve::{ResolveAnswer, ResolveRequest};
use crate::model::run_command::{Requester, RunCommand};

use super::address;
use super::wire::{self, Command, Failure, Request, Response, Unclear};

/// How long an owner may take to answer a command, or to send the next bytes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an owner may take to start sending its ledger: it may still be opening it.
const LONG_PATIENCE: Duration = Duration::from_mins(2);
/// How long to ask again when the owner is busy with other readers.
pub const BUSY_PATIENCE: Duration = Duration::from_secs(30);
/// How soon to ask again.
pub const BUSY_AGAIN: Duration = Duration::from_millis(200);
/// How many bytes are read at a time.
const BUFFER: usize = 256 * 1024;
/// The size of a page of batches.
const PAGE: usize = 256 * 1024;

/// Why a request to the owner failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No process listens there: the owner is starting, ending, or was killed.
    #[error("{}", control::Nobody { path: &path.display() })]
    Nobody {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The connection failed.
    #[error("{}", control::Io { path: &path.display() })]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The answer is not that of a runner, or did not come in time.
    #[error("{}", control::Unclear { path: &path.display(), why })]
    Unclear {
        /// The socket.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The owner is a newer version of this program.
    #[error("{}", control::Newer { path: &path.display(), why })]
    Newer {
        /// The socket.
        path: PathBuf,
        /// The version that it uses.
        why: String,
    },
    /// The owner serves its ledger to others already.
    #[error("{}", control::Busy { message })]
    Busy {
        /// The owner's message.
        message: String,
    },
    /// The owner cannot do it.
    #[error("{}", control::Refused { message })]
    Refused {
        /// The owner's message.
        message: String,
    },
}

impl ControlError {
    /// Whether the owner never received the request.
    #[must_use]
    pub fn is_before_request(&self) -> bool {
        matches!(self, Self::Nobody { source, .. } if source.kind() != io::ErrorKind::UnexpectedEof)
    }

    /// Whether the owner may have received the request, and nothing is known of its answer.
    #[must_use]
    pub fn is_before_answer(&self) -> bool {
        match self {
            Self::Nobody { .. } => !self.is_before_request(),
            Self::Io { .. } | Self::Unclear { .. } | Self::Newer { .. } => true,
            Self::Busy { .. } | Self::Refused { .. } => false,
        }
    }
}

/// Tells the owner that listens at `path` to start nothing more. Returns the command that was in effect before.
pub async fn pause(path: &Path, by: Requester) -> Result<RunCommand, ControlError> {
    order(path, Command::Pause { by }).await
}

/// Tells the owner to end a pause. Returns the command that was in effect before.
pub async fn resume(path: &Path, by: Requester) -> Result<RunCommand, ControlError> {
    order(path, Command::Resume { by: Some(by) }).await
}

/// Tells the owner to end its run. Returns the command that was in effect before.
pub async fn stop(path: &Path, by: Requester) -> Result<RunCommand, ControlError> {
    order(path, Command::Stop { by }).await
}

/// Sends an approval to the owner that listens at `path`. Returns once it is durable, or why it has no effect. An owner that
/// reads its audience takes it after that.
pub async fn approve(path: &Path, request: ApprovalRequest) -> Result<ApprovalAnswer, ControlError> {
    let (answer, _) = ask(path, &Request::Command(Command::Approve(request)), LONG_PATIENCE).await?;
    approval(path, answer)
}

/// Sends a decision to the owner that listens at `path`. Returns once it is durable, or why it has no effect. An owner that
/// reads its audience takes it after that.
pub async fn resolve(path: &Path, request: ResolveRequest) -> Result<ResolveAnswer, ControlError> {
    let (answer, _) = ask(path, &Request::Command(Command::Resolve(request)), LONG_PATIENCE).await?;
    resolution(path, answer)
}

async fn order(path: &Path, what: Command) -> Result<RunCommand, ControlError> {
    let (answer, _) = ask(path, &Request::Command(what), PATIENCE).await?;
    taken(path, answer)
}

/// Writes a command as a line of the protocol, for an owner that is not reached over the socket.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn line(command: &Command) -> io::Result<Vec<u8>> {
    Ok(wire::line(command)?)
}

/// Reads a [`line()`]. `place` says where it was found.
pub fn command(place: &Path, line: &[u8]) -> Result<Command, ControlError> {
    parse(place, line)
}

/// Reads the answer of an owner to a [`line()`] with an order. `place` says where the owner was asked.
pub fn order_answer(place: &Path, line: &[u8]) -> Result<RunCommand, ControlError> {
    taken(place, parse(place, line)?)
}

/// Reads the answer of an owner to a [`line()`] with an approval. `place` says where the owner was asked.
pub fn approval_answer(place: &Path, line: &[u8]) -> Result<ApprovalAnswer, ControlError> {
    approval(place, parse(place, line)?)
}

/// Reads the answer of an owner to a [`line()`] with a decision. `place` says where the owner was asked.
pub fn resolve_answer(place: &Path, line: &[u8]) -> Result<ResolveAnswer, ControlError> {
    resolution(place, parse(place, line)?)
}

fn parse<T: DeserializeOwned>(place: &Path, line: &[u8]) -> Result<T, ControlError> {
    wire::parse(line).map_err(|error| unclear(place.to_owned(), error))
}

fn taken(path: &Path, answer: Response) -> Result<RunCommand, ControlError> {
    match answer {
        Response::Taken { before } => Ok(before),
        answer => Err(unexpected(path, &answer)),
    }
}

fn approval(path: &Path, answer: Response) -> Result<ApprovalAnswer, ControlError> {
    match answer {
        Response::Approval { result } => Ok(result),
        answer => Err(unexpected(path, &answer)),
    }
}

fn resolution(path: &Path, answer: Response) -> Result<ResolveAnswer, ControlError> {
    match answer {
        Response::Resolve { result } => Ok(result),
        answer => Err(unexpected(path, &answer)),
    }
}

fn unexpected(path: &Path, answer: &Response) -> ControlError {
    match answer {
        Response::Error { message, why, again } => {
            let message = why.and_then(Failure::text).unwrap_or_else(|| message.clone());
            if *again {
                ControlError::Busy { message }
            } else {
                ControlError::Refused { message }
            }
        }
        Response::View { .. } | Response::Taken { .. } | Response::Approval { .. } | Response::Resolve { .. } => {
            ControlError::Unclear {
                path: path.to_owned(),
                why: control::SomethingElse.to_string(),
            }
        }
    }
}

async fn ask(
    path: &Path,
    what: &Request,
    patience: Duration,
) -> Result<(Response, BufReader<UnixStream>), ControlError> {
    let failed = |source: io::Error| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::Nobody { path, source },
            _ => ControlError::Io { path, source },
        }
    };
    let mut stream = timeout(PATIENCE, address::connect(path))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(failed)?;
    let line = wire::line(what).map_err(|error| failed(error.into()))?;
    stream.write_all(&line).await.map_err(failed)?;
    let mut stream = BufReader::with_capacity(BUFFER, stream);
    let path = path.to_owned();
    match timeout(patience, wire::read(&mut stream)).await {
        Ok(Ok(answer)) => Ok((answer, stream)),
        Ok(Err(error)) => Err(unclear(path, error)),
        Err(_) => Err(no_answer(&path, patience)),
    }
}

/// The error of an owner that was asked at `place` and gave no answer for so long.
#[must_use]
pub fn no_answer(place: &Path, patience: Duration) -> ControlError {
    let seconds = patience.as_secs();
    ControlError::Unclear {
        path: place.to_owned(),
        why: control::NoAnswer { seconds }.to_string(),
    }
}

fn unclear(path: PathBuf, error: Unclear) -> ControlError {
    match error {
        Unclear::Io(source) => ControlError::Io { path, source },
        // The owner ended before it answered.
        Unclear::CutShort => ControlError::Nobody {
            path,
            source: io::ErrorKind::UnexpectedEof.into(),
        },
        Unclear::Newer(_) => ControlError::Newer {
            path,
            why: error.to_string(),
        },
        Unclear::Garbage(_) => ControlError::Unclear {
            path,
            why: error.to_string(),
        },
    }
}

/// The ledger of the owner, as it was at the time of the request.
#[derive(Debug)]
pub struct OwnerStore {
    path: PathBuf,
    batches: u64,
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    stream: BufReader<UnixStream>,
    /// The last batch that was read.
    after: Head,
}

impl OwnerStore {
    /// Asks the owner that listens at `path` for its ledger. `None` when it has no ledger yet.
    pub async fn ask(path: &Path) -> Result<Option<Self>, ControlError> {
        match ask(path, &Request::View { batches: None }, LONG_PATIENCE).await? {
            (Response::View { batches: Some(batches) }, stream) => Ok(Some(Self {
                path: path.to_owned(),
                batches,
                reading: Some(Reading {
                    stream,
                    after: Head::default(),
                }),
            })),
            (Response::View { batches: None }, _) => Ok(None),
            (answer, _) => Err(unexpected(path, &answer)),
        }
    }

    /// A new stream of the same batches.
    async fn stream(&self) -> io::Result<BufReader<UnixStream>> {
        let batches = Some(self.batches);
        let mut waited = Duration::ZERO;
        loop {
            return match ask(&self.path, &Request::View { batches }, LONG_PATIENCE).await {
                Ok((Response::View { batches: again }, stream)) if again == batches => Ok(stream),
                Ok((answer, _)) => match unexpected(&self.path, &answer) {
                    ControlError::Busy { .. } if waited < BUSY_PATIENCE => {
                        tokio::time::sleep(BUSY_AGAIN).await;
                        waited += BUSY_AGAIN;
                        continue;
                    }
                    error => Err(io::Error::other(error)),
                },
                Err(error) => Err(io::Error::other(error)),
            };
        }
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Owner {
            path: self.path.clone(),
            source,
        }
    }
}

impl Store for OwnerStore {
    /// Always an error: the store is read-only.
    async fn append(&mut self, _: Vec<u8>) -> Result<(), AppendError> {
        Err(AppendError::Failed(
            self.failed(io::ErrorKind::ReadOnlyFilesystem.into()),
        ))
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        let mut reading = match self.reading.take().filter(|reading| reading.after == after) {
            Some(reading) => reading,
            None if after == Head::default() => {
                let stream = self.stream().await.map_err(|source| self.failed(source))?;
                Reading { stream, after }
            }
            None => return Ok(ReadPage::Missing),
        };
        let mut page = Page::default();
        let mut record = Vec::new();
        let mut sequence = after.sequence;
        while sequence < self.batches && page.len() < PAGE {
            next(&mut reading.stream, &mut record)
                .await
                .map_err(|source| self.failed(source))?;
            sequence += 1;
            page.push(sequence, &record);
        }
        let Some(last) = page.last() else {
            return Ok(ReadPage::End);
        };
        reading.after = last;
        self.reading = Some(reading);
        Ok(ReadPage::Page(page))
    }
}

async fn next(stream: &mut BufReader<UnixStream>, record: &mut Vec<u8>) -> io::Result<()> {
    let read = async {
        let length = u64::from(stream.read_u32().await?);
        record.clear();
        // Read as it arrives, so that a wrong length allocates no memory.
        let read = (&mut *stream).take(length).read_to_end(record).await?;
        if read as u64 == length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    };
    timeout(PATIENCE, read)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
