//! The part of the lock that is an abstract Unix socket: a process listens while it has the lock, and answers each process
//! that connects with its description.
//!
//! The socket is not asked for more than that: no process waits for another one here. The kernel itself says who listens, so a
//! process that never accepts a connection is named too.

use std::io::{self, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::ledger::lock;
use crate::model::event::Owner;

use super::process::{Asked, Process};

/// How long to wait when the system accepts no more connections.
const BREATH: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The socket while this process has it, and the thread that answers. Dropping it closes the socket.
#[derive(Debug)]
pub(super) struct Listening {
    /// Ends the thread when it is closed.
    running: Option<UnixStream>,
    answering: Option<JoinHandle<()>>,
}

impl Listening {
    /// Starts to listen. `None` if another process does.
    pub(super) fn start(name: &str, line: String) -> io::Result<Option<Self>> {
        let listener = match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Ok(listener) => listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            Err(error) => return Err(error),
        };
        listener.set_nonblocking(true)?;
        let (running, ended) = UnixStream::pair()?;
        let answering = thread::Builder::new()
            .name("app-id-lock".to_owned())
            .spawn(move || answer(&listener, &ended, line.as_bytes()))?;
        Ok(Some(Self {
            running: Some(running),
            answering: Some(answering),
        }))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.running = None;
        // The thread closes the socket when it ends. It waits for nothing else, so it ends at once.
        if let Some(answering) = self.answering.take() {
            let _ = answering.join();
        }
    }
}

/// Answers every process that connects, until the other end of `ended` is closed.
fn answer(listener: &UnixListener, ended: &UnixStream, line: &[u8]) {
    loop {
        let mut polled = [PollFd::new(ended, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
        // An interrupted call reports nothing, and is repeated.
        let _ = poll(&mut polled, None);
        if !polled[0].revents().is_empty() {
            return;
        }
        match listener.accept() {
            // The line fits in the kernel's buffer. A client that does not read delays nobody.
            Ok((mut stream, _)) => {
                let _ = stream.set_nonblocking(true).and_then(|()| stream.write_all(line));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The process has no more files. Ask again later, unless the lock is released meanwhile.
            Err(_) => {
                let _ = poll(&mut [PollFd::new(ended, PollFlags::IN)], Some(&BREATH));
            }
        }
    }
}

/// Asks which process listens. Waits no longer than `patience`.
pub(super) async fn ask(name: &str, patience: Duration) -> Asked {
    // tokio takes a path that begins with a zero byte as an abstract name. It never waits for room in the listener's queue.
    let stream = match tokio::net::UnixStream::connect(PathBuf::from(format!("\0{name}"))).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Asked::Nobody,
        Err(_) => return Asked::Unreachable,
    };
    // These are the credentials at the time when it began to listen.
    let Ok(credentials) = stream.peer_cred() else {
        return Asked::Unreachable;
    };
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok());
    let process = Process {
        pid: pid.filter(|pid| *pid != 0),
        uid: Some(credentials.uid()),
    };
    if !process.is_of_this_user() {
        return Asked::Process { process, answer: None };
    }
    let mut line = Vec::new();
    let mut from = stream.take(lock::LONGEST_LINE);
    // One limit for the whole line: a process may send it byte by byte.
    let read = timeout(patience, from.read_to_end(&mut line)).await;
    let answer = read.ok().and_then(Result::ok).and_then(|_| lock::parse_owner(&line));
    // The process id in the line is that of the process's own namespace.
    let answer = answer.map(|owner| {
        let pid = process.pid.unwrap_or(owner.pid);
        Box::new(Owner { pid, ..*owner })
    });
    Asked::Process { process, answer }
}
