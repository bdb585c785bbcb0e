//! The socket over which `runner verify` reads the log of a running service: records as they are in the store, each after its length, and
//! a length of 0 after the last one. The reader checks the hash chain itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::control::address;
use crate::ledger::LedgerError;
use crate::ledger::service_log::LogCheck;
use crate::ledger::store::Reader;

/// How long each end waits for the other one.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest record. The service writes none that is nearly as long.
const MOST: u32 = 16 * 1024 * 1024;

/// A socket that is removed when this is dropped.
pub struct LogSocket {
    path: PathBuf,
    listener: UnixListener,
}

/// Why the log of a running service cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogSocketError {
    /// The service does not answer.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The records are not what was written.
    #[error(transparent)]
    Log(#[from] LedgerError),
}

impl LogSocket {
    /// Listens at `path`, for this user only. The caller has the lock of the service, so no other process listens there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            listener: address::bind(path)?,
        })
    }

    /// Shows the records to each client.
    pub async fn serve(self, reader: Reader) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Err(error) = show(stream, &reader).await {
                        tracing::debug!("the log was not shown to its end: {error}");
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot take a connection for the log: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn show(mut stream: UnixStream, reader: &Reader) -> io::Result<()> {
    let last = reader.durable();
    let mut after = 0;
    while after < last {
        let page = reader.read(after, last).await.map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        for (sequence, record) in page.records() {
            let length = u32::try_from(record.len()).map_err(io::Error::other)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(record);
            after = sequence;
        }
        timeout(PATIENCE, stream.write_all(&bytes)).await??;
    }
    timeout(PATIENCE, stream.write_all(&0_u32.to_be_bytes())).await??;
    Ok(())
}

/// Reads and checks all records of the service that listens at `path`.
///
/// # Errors
/// When no service answers there, or its records are not what was written.
pub async fn read_log(path: &Path) -> Result<LogCheck, LogSocketError> {
    let mut stream = timeout(PATIENCE, address::connect(path))
        .await
        .map_err(io::Error::from)??;
    let mut check = LogCheck::default();
    loop {
        let length = timeout(PATIENCE, stream.read_u32()).await.map_err(io::Error::from)??;
        if length == 0 {
            return Ok(check);
        }
        if length > MOST {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        }
        let mut record = vec![0; length as usize];
        timeout(PATIENCE, stream.read_exact(&mut record))
            .await
            .map_err(io::Error::from)??;
        check.add(&record)?;
    }
}

impl Drop for LogSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
