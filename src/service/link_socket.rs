//! The socket over which another command of the same user asks a running service for a link.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::time::timeout;

use crate::control::address;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer.
const MOST: u64 = 1024;

/// A socket that is removed when this is dropped.
pub struct LinkSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl LinkSocket {
    /// Listens at `path`, for this user only. The caller has the lock of the service, so no other process listens there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            listener: address::bind(path)?,
        })
    }

    /// Answers each client with what `new_link` returns.
    pub async fn serve(self, new_link: impl Fn() -> io::Result<String>) {
        loop {
            match self.listener.accept().await {
                Ok((mut stream, _)) => match new_link() {
                    Ok(link) => {
                        let _ = timeout(PATIENCE, stream.write_all(link.as_bytes())).await;
                    }
                    Err(error) => tracing::error!("a link cannot be made: {error}"),
                },
                Err(error) => {
                    tracing::warn!("cannot take a connection for a link: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for LinkSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Asks the service that listens at `path` for a link.
pub async fn ask(path: &Path) -> io::Result<String> {
    let asking = async {
        let stream = address::connect(path).await?;
        let mut link = String::new();
        stream.take(MOST).read_to_string(&mut link).await?;
        if link.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(link)
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}
