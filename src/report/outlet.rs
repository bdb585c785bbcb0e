//! An output whose reader may be slow, stuck or gone. A thread of its own writes, and callers wait for it for a limited
//! time, so no reader keeps a run from sending or the process from its end.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::catalogue::cli;

/// How many bytes may wait for the thread.
const CAPACITY: usize = 8 * 1024 * 1024;
/// The size of one write. A pipe takes so much as a whole or not at all, so it is known which lines were written.
const PIECE: usize = 4096;
/// How long to wait before another try when the output was set not to block, by another process that shares it.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// How long callers wait for an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as its reader takes.
    Endless,
    /// At most this long since the reader took something. After that, nobody waits until it takes something again.
    AtMost(Duration),
}

/// An output that a thread writes. Cheap to clone; clones write to the same place.
#[derive(Clone)]
pub struct Outlet(Arc<Handle>);

/// The callers' side. Dropping it ends the thread once everything is written.
struct Handle(Arc<Shared>);

/// A reference to an outlet that does not keep its thread.
#[derive(Clone)]
pub struct WeakOutlet(std::sync::Weak<Handle>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// `None` once the thread has it.
    out: Option<Box<dyn Write + Send>>,
    /// What the thread has not taken yet.
    pending: Vec<u8>,
    /// How many bytes are not written yet, including those that the thread has taken.
    bytes: usize,
    /// How many lines end in these bytes.
    lines: u64,
    /// How many lines were given up.
    lost: u64,
    failed: Option<WriteError>,
    patience: Patience,
    /// Whether a caller waited in vain, and nothing was written since.
    is_stuck: bool,
    /// When the reader last took something.
    progressed: Instant,
    is_closed: bool,
}

/// Why a write failed. Unlike an [`io::Error`] it can be returned repeatedly.
struct WriteError {
    kind: io::ErrorKind,
    os: Option<i32>,
    text: String,
}

impl WriteError {
    fn new(error: &io::Error) -> Self {
        Self {
            kind: error.kind(),
            os: error.raw_os_error(),
            text: error.to_string(),
        }
    }

    fn error(&self) -> io::Error {
        match self.os {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.text.clone()),
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, cli::ReaderTakesNothing.to_string())
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

impl Outlet {
    /// An outlet to `out`.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static, patience: Patience) -> Self {
        Self(Arc::new(Handle(Arc::new(Shared {
            state: Mutex::new(State {
                out: Some(Box::new(out)),
                pending: Vec::new(),
                bytes: 0,
                lines: 0,
                lost: 0,
                failed: None,
                patience,
                is_stuck: false,
                progressed: Instant::now(),
                is_closed: false,
            }),
            changed: Condvar::new(),
        }))))
    }

    /// A reference that does not keep the outlet open.
    #[must_use]
    pub fn downgrade(&self) -> WeakOutlet {
        WeakOutlet(Arc::downgrade(&self.0))
    }

    /// Changes how long callers wait, also those that are waiting.
    pub fn set_patience(&self, patience: Patience) {
        self.shared().lock().patience = patience;
        self.shared().changed.notify_all();
    }

    /// Hands `bytes` to the thread. Waits while too much is unwritten.
    ///
    /// # Errors
    /// When an earlier write failed, or the reader takes nothing. The bytes are lost then.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let has_room = |state: &State| state.bytes == 0 || state.bytes + bytes.len() <= CAPACITY;
        let mut state = self.shared().wait(has_room, None);
        let refused = match &state.failed {
            Some(failed) => Some(failed.error()),
            None => (!has_room(&state)).then(too_slow),
        };
        let lines = count_lines(bytes);
        if let Some(error) = refused {
            state.lost += lines;
            return Err(error);
        }
        state.pending.extend_from_slice(bytes);
        state.bytes += bytes.len();
        state.lines += lines;
        if let Some(out) = state.out.take() {
            drop(state);
            self.start(out);
        }
        self.shared().changed.notify_all();
        Ok(())
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// When a write failed, or the reader takes nothing.
    pub fn flush(&self) -> io::Result<()> {
        Shared::result(&self.shared().wait(|state| state.bytes == 0, None))
    }

    /// Waits until everything is written or `deadline` has come. Returns how many lines were never written.
    #[must_use]
    pub fn finish(&self, deadline: Instant) -> u64 {
        let state = self.shared().wait(|state| state.bytes == 0, Some(deadline));
        state.lost + state.lines
    }

    /// Why nothing more can be written. `None` as long as no write has failed.
    #[must_use]
    pub fn failure(&self) -> Option<io::Error> {
        self.shared().lock().failed.as_ref().map(WriteError::error)
    }

    /// Whether a caller waited in vain, and nothing was written since.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.shared().lock().is_stuck
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    fn start(&self, out: Box<dyn Write + Send>) {
        let shared = Arc::clone(self.shared());
        let mut out = out;
        let started = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || shared.write_all(&mut *out));
        // Without a thread, a write could block the caller for ever.
        if let Err(error) = started {
            self.shared().lock().fail(&error);
        }
    }
}

impl WeakOutlet {
    /// The outlet, if it is still in use.
    #[must_use]
    pub fn upgrade(&self) -> Option<Outlet> {
        self.0.upgrade().map(Outlet)
    }
}

/// For adapters that need a writer. Each call hands the bytes to the thread.
impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self)
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}

impl fmt::Debug for WeakOutlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakOutlet")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl State {
    fn fail(&mut self, error: &io::Error) {
        self.failed.get_or_insert_with(|| WriteError::new(error));
        self.lost += self.lines;
        self.lines = 0;
        self.bytes = 0;
        self.pending.clear();
    }
}

impl Shared {
    /// Every step leaves the state consistent, so a lock that a panic poisoned is used on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn result(state: &State) -> io::Result<()> {
        match &state.failed {
            Some(failed) => Err(failed.error()),
            None if state.bytes > 0 => Err(too_slow()),
            None => Ok(()),
        }
    }

    /// Waits until `is_ready`, until a write fails, or until `deadline`, which is that of the patience if there is none.
    fn wait(&self, is_ready: impl Fn(&State) -> bool, deadline: Option<Instant>) -> MutexGuard<'_, State> {
        let began = Instant::now();
        let mut state = self.lock();
        while !is_ready(&state) && state.failed.is_none() {
            let left = match (deadline, state.patience) {
                (Some(deadline), _) => Some(deadline.saturating_duration_since(Instant::now())),
                (None, Patience::AtMost(_)) if state.is_stuck => Some(Duration::ZERO),
                (None, Patience::AtMost(most)) => Some(most.saturating_sub(began.max(state.progressed).elapsed())),
                (None, Patience::Endless) => None,
            };
            state = match left {
                Some(Duration::ZERO) => {
                    state.is_stuck = true;
                    break;
                }
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state
    }

    /// Writes what arrives, until the outlet is dropped or a write fails.
    fn write_all(&self, out: &mut (dyn Write + Send)) {
        let mut taken = Vec::new();
        loop {
            taken.clear();
            let mut state = self.lock();
            while state.pending.is_empty() {
                if state.is_closed || state.failed.is_some() {
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut taken, &mut state.pending);
            drop(state);
            let mut rest = &*taken;
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(piece_length(rest));
                rest = after;
                let written = write_piece(out, piece).and_then(|()| out.flush());
                let mut state = self.lock();
                match written {
                    Ok(()) => {
                        state.bytes -= piece.len();
                        state.lines -= count_lines(piece);
                        state.is_stuck = false;
                        state.progressed = Instant::now();
                    }
                    Err(error) => state.fail(&error),
                }
                let failed = state.failed.is_some();
                drop(state);
                self.changed.notify_all();
                if failed {
                    return;
                }
            }
        }
    }
}

/// The length of the next write: as many whole lines as fit, or a part of a longer line.
fn piece_length(bytes: &[u8]) -> usize {
    let most = &bytes[..bytes.len().min(PIECE)];
    memchr::memrchr(b'\n', most).map_or(most.len(), |end| end + 1)
}

fn write_piece(out: &mut (dyn Write + Send), mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        match out.write(piece) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => piece = &piece[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::park_timeout(TRY_AGAIN),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A reader that takes one write for each message, and everything once the sender is gone.
    struct Slow(Receiver<()>, Written);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow(patience: Patience) -> (Outlet, Sender<()>, Written) {
        let (take, taken) = channel();
        let written = Written::default();
        (Outlet::new(Slow(taken, written.clone()), patience), take, written)
    }

    const LINE: &[u8] = b"a line of some length\n";

    #[test]
    fn a_reader_that_takes_nothing_is_not_waited_for() {
        let (outlet, take, written) = slow(Patience::AtMost(Duration::ZERO));
        outlet.write(LINE).unwrap();
        assert_eq!(outlet.flush().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(outlet.is_stuck());
        outlet.write(LINE).unwrap();
        assert_eq!(outlet.finish(Instant::now()), 2);
        drop(take);
        outlet.set_patience(Patience::Endless);
        outlet.flush().unwrap();
        assert!(!outlet.is_stuck());
        assert_eq!(outlet.finish(Instant::now()), 0);
        assert_eq!(*written.0.lock().unwrap(), LINE.repeat(2));
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let (outlet, take, written) = slow(Patience::AtMost(Duration::ZERO));
        let many = LINE.repeat(CAPACITY / LINE.len());
        outlet.write(&many).unwrap();
        let lost = (0..7).filter(|_| outlet.write(LINE).is_err()).count() as u64;
        assert!(lost > 0);
        drop(take);
        outlet.set_patience(Patience::Endless);
        outlet.flush().unwrap();
        assert_eq!(outlet.finish(Instant::now()), lost);
        assert_eq!(count_lines(&written.0.lock().unwrap()), count_lines(&many) + 7 - lost);
    }

    /// Lines longer and shorter than a write, of which the reader has taken a part.
    #[test]
    fn a_line_whose_end_was_not_taken_is_lost() {
        let (outlet, take, written) = slow(Patience::AtMost(Duration::ZERO));
        let long = [&vec![b'x'; PIECE + 10][..], b"\n"].concat();
        outlet.write(&[LINE, &long, LINE].concat()).unwrap();
        take.send(()).unwrap();
        take.send(()).unwrap();
        while written.0.lock().unwrap().len() < LINE.len() + PIECE {
            std::thread::yield_now();
        }
        assert_eq!(outlet.finish(Instant::now()), 2);
    }

    #[test]
    fn a_waiting_caller_learns_that_nobody_waits_any_longer() {
        let (outlet, _take, _) = slow(Patience::Endless);
        outlet.write(LINE).unwrap();
        let waiting = std::thread::spawn({
            let outlet = outlet.clone();
            move || outlet.flush()
        });
        outlet.set_patience(Patience::AtMost(Duration::ZERO));
        assert_eq!(waiting.join().unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_write_that_failed_is_the_last() {
        struct Full(Arc<Mutex<usize>>);
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                *self.0.lock().unwrap() += 1;
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let tries = Arc::new(Mutex::new(0));
        let outlet = Outlet::new(Full(Arc::clone(&tries)), Patience::Endless);
        outlet.write(LINE).unwrap();
        assert_eq!(outlet.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(outlet.write(LINE).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(outlet.finish(Instant::now()), 2);
        assert_eq!(*tries.lock().unwrap(), 1);
    }
}
