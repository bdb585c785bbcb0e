//! Connections that can end before or in the middle of an answer, or repeat an answer. No HTTP library does that on
//! purpose.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::Answer;

/// How much of an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cut {
    /// All of it.
    #[default]
    No,
    /// Nothing.
    All,
    /// The head and half of the body.
    HalfABody,
}

#[derive(Debug, Default)]
struct State {
    cut: Cut,
    /// The last complete answer.
    last: Option<Answer>,
    /// Bytes that are written before the next answer.
    before: Vec<u8>,
}

/// A handler's control over the connection of its request.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<Mutex<State>>);

impl Line {
    /// Ends the connection before anything more is written.
    pub(super) fn cut(&self) {
        self.state().cut = Cut::All;
    }

    /// Ends the connection after the next answer's head and half of its body.
    pub(super) fn cut_body(&self) {
        self.state().cut = Cut::HalfABody;
    }

    /// Records a complete answer before it is written.
    pub(super) fn answer(&self, answer: &Answer) {
        self.state().last = Some(answer.clone());
    }

    /// Writes the last whole answer again before the next one.
    pub(super) fn repeat(&self) {
        let mut state = self.state();
        state.before = state.last.as_ref().map(written).unwrap_or_default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer as HTTP bytes.
fn written(answer: &Answer) -> Vec<u8> {
    let Answer {
        status,
        content_type,
        body,
    } = answer;
    let length = body.len();
    format!("HTTP/1.1 {status} Repeated\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A listener whose connections can be cut.
pub(super) struct Lines(pub(super) TcpListener);

impl Listener for Lines {
    type Io = Wire;
    type Addr = Line;

    async fn accept(&mut self) -> (Wire, Line) {
        // Axum's own listener knows which errors are temporary.
        let (stream, _) = Listener::accept(&mut self.0).await;
        // Clients wait for these small answers, and Nagle's algorithm would delay them. An error only means that they are
        // late.
        let _ = stream.set_nodelay(true);
        let line = Line::default();
        let wire = Wire {
            stream,
            line: line.clone(),
            left: None,
        };
        (wire, line)
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(Line::default())
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A connection that checks its `Line` before it writes.
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
    /// How many bytes may still be written before the connection is cut.
    left: Option<usize>,
}

impl Wire {
    /// How much of `bytes` may be written.
    fn allowed(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let cut = self.line.state().cut;
        let allowed = match cut {
            Cut::No => return Ok(bytes.len()),
            Cut::All => 0,
            Cut::HalfABody => *self.left.get_or_insert_with(|| {
                // Without vectored writes, hyper writes head and body in one piece.
                let head = bytes
                    .windows(4)
                    .position(|four| four == b"\r\n\r\n")
                    .map_or(0, |at| at + 4);
                head + (bytes.len() - head) / 2
            }),
        };
        match allowed.min(bytes.len()) {
            0 => Err(io::ErrorKind::ConnectionAborted.into()),
            some => Ok(some),
        }
    }
}

impl Wire {
    /// Writes the bytes that precede the next answer.
    fn write_before(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let before = std::mem::take(&mut self.line.state().before);
            if before.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let written = Pin::new(&mut self.stream).poll_write(cx, &before);
            let left = match &written {
                Poll::Ready(Ok(written)) => before.get(*written..).unwrap_or_default().to_vec(),
                _ => before,
            };
            self.line.state().before = left;
            std::task::ready!(written)?;
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.write_before(cx))?;
        let allowed = self.allowed(bytes)?;
        let part = bytes.get(..allowed).unwrap_or_default();
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(written);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}
