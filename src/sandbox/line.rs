//! Connections that can be ended in the middle of an answer, or before it: what no HTTP library does on purpose.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const WHOLE: u8 = 0;
const NOTHING: u8 = 1;
const HALF_A_BODY: u8 = 2;

/// A handler's hold on the connection that its request came by.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<AtomicU8>);

impl Line {
    /// Ends the connection instead of writing anything more.
    pub(super) fn cut(&self) {
        self.0.store(NOTHING, Ordering::Release);
    }

    /// Ends the connection after the next answer's head and half of its body.
    pub(super) fn cut_body(&self) {
        self.0.store(HALF_A_BODY, Ordering::Release);
    }
}

/// A listener whose connections can be cut.
pub(super) struct Lines(pub(super) TcpListener);

impl Listener for Lines {
    type Io = Wire;
    type Addr = Line;

    async fn accept(&mut self) -> (Wire, Line) {
        // Axum's own listener knows which errors pass by themselves.
        let (stream, _) = Listener::accept(&mut self.0).await;
        // Answers are small and waited for: held back by Nagle's algorithm they would be late. Failing that they are late.
        let _ = stream.set_nodelay(true);
        let line = Line(Arc::new(AtomicU8::new(WHOLE)));
        let wire = Wire {
            stream,
            line: line.clone(),
            left: None,
        };
        (wire, line)
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(Line(Arc::new(AtomicU8::new(WHOLE))))
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A connection that looks at its line before it writes.
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
    /// How many bytes may still be written before the line is cut.
    left: Option<usize>,
}

impl Wire {
    /// How much of `bytes` may be written.
    fn allowed(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let allowed = match self.line.0.load(Ordering::Acquire) {
            WHOLE => return Ok(bytes.len()),
            NOTHING => 0,
            _ => *self.left.get_or_insert_with(|| {
                // Not being offered vectored writes, hyper hands over head and body in one piece.
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

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
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
