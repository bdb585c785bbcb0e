//! The socket over which another command of the same user asks a running service for a link.

use std::fmt;
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

/// What a service answers to a command that asks for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkAnswer {
    /// A new link.
    Link(String),
    /// The service waits: another one has the campaigns, and makes the links.
    Waits {
        /// The machine of the other one. Empty if it is not known.
        host: String,
        /// Its process id.
        pid: u32,
    },
}

/// How the answer of a service that waits begins. A link begins with a scheme.
const WAITS: &str = "waits ";

impl fmt::Display for LinkAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(link) => f.write_str(link),
            Self::Waits { host, pid } => write!(f, "{WAITS}{pid} {host}"),
        }
    }
}

impl LinkAnswer {
    fn parse(text: &str) -> Self {
        let waits = text.strip_prefix(WAITS).and_then(|waits| waits.split_once(' '));
        match waits.and_then(|(pid, host)| Some((pid.parse().ok()?, host))) {
            Some((pid, host)) => Self::Waits {
                pid,
                host: host.to_owned(),
            },
            None => Self::Link(text.to_owned()),
        }
    }
}

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

    /// Answers each client with what `answer` returns.
    pub async fn serve(self, answer: impl Fn() -> io::Result<LinkAnswer>) {
        loop {
            match self.listener.accept().await {
                Ok((mut stream, _)) => match answer() {
                    Ok(answer) => {
                        let _ = timeout(PATIENCE, stream.write_all(answer.to_string().as_bytes())).await;
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
pub async fn ask(path: &Path) -> io::Result<LinkAnswer> {
    let asking = async {
        let stream = address::connect(path).await?;
        let mut answer = String::new();
        stream.take(MOST).read_to_string(&mut answer).await?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(LinkAnswer::parse(&answer))
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let link = LinkAnswer::Link("http://127.0.0.1:7878/link/1f".to_owned());
        let host = "one two".to_owned();
        for answer in [link, LinkAnswer::Waits { host, pid: 7 }] {
            assert_eq!(LinkAnswer::parse(&answer.to_string()), answer);
        }
    }
}
