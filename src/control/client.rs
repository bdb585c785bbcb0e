//! The side of whoever asks: orders to the owner, and its ledger as a store that can be read and not written.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::ledger::{Each, Store, StoreError};
use crate::order::{Asker, Order};

use super::address;
use super::wire::{self, Answer, Ask, Unclear};

/// For so long an owner may take to answer an order, or to hand on the next bytes.
const PATIENCE: Duration = Duration::from_secs(10);
/// For so long an owner may take to begin to show its ledger: it may just be opening it.
const LONG_PATIENCE: Duration = Duration::from_mins(2);
/// How many bytes are taken in at a time.
const BUFFER: usize = 256 * 1024;

/// Why an owner did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens there: it is just beginning or ending, or was killed.
    #[error("nobody listens at {}", .path.display())]
    Nobody {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection failed.
    #[error("cannot talk to the process that applies the campaign, at {}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What answered is no runner, or did not answer in time.
    #[error("cannot understand what answers at {}: {why}", .path.display())]
    Unclear {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is a newer program.
    #[error("cannot understand the process that applies the campaign, at {}: {why}", .path.display())]
    Newer {
        /// Where.
        path: PathBuf,
        /// What it speaks.
        why: String,
    },
    /// It says that it cannot.
    #[error("the process that applies the campaign refused: {message}")]
    Refused {
        /// Its words.
        message: String,
    },
}

/// Tells the owner who listens at `path` that nothing more is to start. Says what it was told before.
pub async fn pause(path: &Path, by: Asker) -> Result<Order, ControlError> {
    order(path, &Ask::Pause { by }).await
}

/// Tells the owner that a pause ends. Says what it was told before.
pub async fn resume(path: &Path) -> Result<Order, ControlError> {
    order(path, &Ask::Resume).await
}

/// Tells the owner to end its run. Says what it was told before.
pub async fn stop(path: &Path, by: Asker) -> Result<Order, ControlError> {
    order(path, &Ask::Stop { by }).await
}

async fn order(path: &Path, what: &Ask) -> Result<Order, ControlError> {
    match ask(path, what, PATIENCE).await? {
        (Answer::Taken { before }, _) => Ok(before),
        (answer, _) => Err(unexpected(path, &answer)),
    }
}

fn unexpected(path: &Path, answer: &Answer) -> ControlError {
    match answer {
        Answer::Error { message } => ControlError::Refused {
            message: message.clone(),
        },
        Answer::View { .. } | Answer::Taken { .. } => ControlError::Unclear {
            path: path.to_owned(),
            why: "it answers something else".to_owned(),
        },
    }
}

async fn ask(path: &Path, what: &Ask, patience: Duration) -> Result<(Answer, BufReader<UnixStream>), ControlError> {
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
    match timeout(patience, wire::hear(&mut stream)).await {
        Ok(Ok(answer)) => Ok((answer, stream)),
        Ok(Err(Unclear::Io(source))) => Err(ControlError::Io { path, source }),
        // It ended before it answered, as one does that is just leaving.
        Ok(Err(Unclear::CutShort)) => Err(ControlError::Nobody {
            path,
            source: io::ErrorKind::UnexpectedEof.into(),
        }),
        Ok(Err(error @ Unclear::Newer(_))) => Err(ControlError::Newer {
            path,
            why: error.to_string(),
        }),
        Ok(Err(error @ Unclear::Garbage(_))) => Err(ControlError::Unclear {
            path,
            why: error.to_string(),
        }),
        Err(_) => Err(ControlError::Unclear {
            path,
            why: format!("no answer came within {} s", patience.as_secs()),
        }),
    }
}

/// The ledger of the process that applies the campaign, as it stood when it was asked.
#[derive(Debug)]
pub struct OwnerStore {
    path: PathBuf,
    batches: u64,
    begun: Option<BufReader<UnixStream>>,
}

impl OwnerStore {
    /// Asks the owner who listens at `path`; nothing when it has no ledger yet.
    pub async fn ask(path: &Path) -> Result<Option<Self>, ControlError> {
        match ask(path, &Ask::View { batches: None }, LONG_PATIENCE).await? {
            (Answer::View { batches: Some(batches) }, stream) => Ok(Some(Self {
                path: path.to_owned(),
                batches,
                begun: Some(stream),
            })),
            (Answer::View { batches: None }, _) => Ok(None),
            (answer, _) => Err(unexpected(path, &answer)),
        }
    }

    /// The stream of the batches: the first time the one that was asked for, later another of the same batches.
    async fn stream(&mut self) -> io::Result<BufReader<UnixStream>> {
        if let Some(stream) = self.begun.take() {
            return Ok(stream);
        }
        let batches = Some(self.batches);
        match ask(&self.path, &Ask::View { batches }, LONG_PATIENCE).await {
            Ok((Answer::View { batches: again }, stream)) if again == batches => Ok(stream),
            Ok((answer, _)) => Err(io::Error::other(unexpected(&self.path, &answer))),
            Err(error) => Err(io::Error::other(error)),
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
    /// Never: whoever looks adds nothing.
    async fn append(&mut self, _: Vec<u8>) -> Result<(), StoreError> {
        Err(self.failed(io::ErrorKind::ReadOnlyFilesystem.into()))
    }

    async fn read(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut stream = self.stream().await.map_err(|source| self.failed(source))?;
        let mut record = Vec::new();
        for sequence in 1..=self.batches {
            next(&mut stream, &mut record)
                .await
                .map_err(|source| self.failed(source))?;
            each(sequence, &record)?;
        }
        Ok(())
    }
}

async fn next(stream: &mut BufReader<UnixStream>, record: &mut Vec<u8>) -> io::Result<()> {
    let read = async {
        let length = u64::from(stream.read_u32().await?);
        record.clear();
        // Taken in as it comes, so that a length that is nonsense claims no memory.
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
