//! Turns the bytes of a snapshot into parts, while a thread writes it.

use std::io::{self, Write};

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::ledger::WriteSnapshot;

/// The size of a part.
const PART: usize = 1024 * 1024;

/// A thread that writes a snapshot, and its parts. If the receiver is dropped, the thread ends soon.
#[derive(Debug)]
pub struct SnapshotParts {
    /// The parts.
    pub parts: mpsc::Receiver<Vec<u8>>,
    /// Ends with the thread.
    pub writer: JoinHandle<io::Result<()>>,
}

impl SnapshotParts {
    /// Starts the thread.
    #[must_use]
    pub fn start(write: WriteSnapshot) -> Self {
        let (sender, parts) = mpsc::channel(2);
        let writer = spawn_blocking(move || {
            let mut to = PartWriter {
                part: Vec::new(),
                sender,
            };
            write(&mut to)?;
            to.send()
        });
        Self { parts, writer }
    }
}

struct PartWriter {
    part: Vec<u8>,
    sender: mpsc::Sender<Vec<u8>>,
}

impl PartWriter {
    fn send(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut self.part);
        if part.is_empty() {
            return Ok(());
        }
        self.sender
            .blocking_send(part)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = bytes.get(..PART - self.part.len()).unwrap_or(bytes);
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
