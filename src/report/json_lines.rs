//! A stream of JSON objects, one a line; the first names the version of the schema.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::console::Console;
use super::outlet::Outlet;
use super::render::json::SCHEMA;
use super::text::visible_json;

/// How many bytes are collected before they are handed on.
const BUFFER: usize = 8 * 1024;

/// A stream of JSON objects. Cheap to clone; clones write to the same place. If writing fails, the stream logs that
/// once and counts the objects that it lacks: a failure to report must not stop the run.
#[derive(Clone)]
pub struct JsonLines(Arc<Mutex<Stream>>);

struct Stream {
    name: String,
    out: Out,
    buffer: String,
    begun: bool,
    broken: bool,
    /// How many objects were given up here. The outlet counts its own.
    lost: u64,
}

enum Out {
    Console(Console),
    Outlet(Outlet),
}

#[derive(Serialize)]
struct Version {
    r#type: &'static str,
    schema: &'static str,
    runner: &'static str,
}

impl JsonLines {
    /// A stream to `out`, called `name` in error messages. Writes are buffered until [`JsonLines::flush`].
    #[must_use]
    pub fn new(name: impl Into<String>, out: Outlet) -> Self {
        Self::to(name.into(), Out::Outlet(out))
    }

    /// A stream to the stdout of `console`.
    #[must_use]
    pub fn stdout(console: Console) -> Self {
        Self::to("stdout".to_owned(), Out::Console(console))
    }

    fn to(name: String, out: Out) -> Self {
        Self(Arc::new(Mutex::new(Stream {
            name,
            out,
            buffer: String::new(),
            begun: false,
            broken: false,
            lost: 0,
        })))
    }

    /// Writes one object.
    pub fn write(&self, object: &impl Serialize) {
        match serde_json::to_string(object) {
            Ok(line) => self.line(&line),
            Err(error) => tracing::error!("an object could not be written as JSON: {error}"),
        }
    }

    /// Writes one object that is already a line of JSON.
    pub fn line(&self, object: &str) {
        self.begin();
        self.stream().line(object);
    }

    /// Writes the object that names the schema, once. Writing any object does this first.
    pub fn begin(&self) {
        let mut stream = self.stream();
        if std::mem::replace(&mut stream.begun, true) {
            return;
        }
        let version = Version {
            r#type: "version",
            schema: SCHEMA,
            runner: env!("CARGO_PKG_VERSION"),
        };
        match serde_json::to_string(&version) {
            Ok(line) => stream.line(&line),
            Err(error) => tracing::error!("an object could not be written as JSON: {error}"),
        }
    }

    /// Writes out the buffer, and waits for it as long as the output's patience allows.
    pub fn flush(&self) {
        self.stream().flush();
    }

    /// Writes out the buffer, and waits until everything is written or `deadline` has come. Returns how many objects were
    /// never written, and why.
    #[must_use]
    pub fn finish(&self, deadline: Instant) -> MissingObjects {
        let mut stream = self.stream();
        stream.push();
        let (lost, failure) = match &stream.out {
            Out::Console(console) => (console.finish(deadline), console.stdout_of_data().failure()),
            Out::Outlet(outlet) => (outlet.finish(deadline), outlet.failure()),
        };
        MissingObjects {
            name: stream.name.clone(),
            count: stream.lost + lost,
            failure,
        }
    }

    /// Whether a write failed, so that nothing more is written.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.stream().broken
    }

    /// Every step leaves the stream consistent, so a lock that a panic poisoned is used on.
    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The objects that a stream lacks at its end.
#[derive(Debug)]
pub struct MissingObjects {
    /// The name of the stream.
    pub name: String,
    /// How many objects.
    pub count: u64,
    /// The error of the write that failed. `None` if the reader was too slow.
    pub failure: Option<io::Error>,
}

impl Stream {
    fn line(&mut self, object: &str) {
        self.buffer.push_str(&visible_json(object));
        self.buffer.push('\n');
        if self.buffer.len() >= BUFFER {
            self.push();
        }
    }

    /// Hands the buffer on.
    fn push(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let buffer = std::mem::take(&mut self.buffer);
        if self.broken {
            self.lost += buffer.lines().count() as u64;
            return;
        }
        let written = match &self.out {
            Out::Console(console) => console.out(&buffer),
            Out::Outlet(outlet) => outlet.write(buffer.as_bytes()),
        };
        self.note(written);
    }

    fn flush(&mut self) {
        self.push();
        if let (Out::Outlet(outlet), false) = (&self.out, self.broken) {
            let written = outlet.flush();
            self.note(written);
        }
    }

    /// Notes a failed write. A reader that is slow may still take what comes later.
    fn note(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        if error.kind() != io::ErrorKind::TimedOut {
            self.broken = true;
            let name = &self.name;
            tracing::warn!("cannot write to {name}: {error}; nothing more is written there");
        }
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonLines")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::report::outlet::Patience;

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

    #[test]
    fn a_stream_that_failed_is_left_alone() {
        let tries = Arc::new(Mutex::new(0));
        let lines = JsonLines::new("x", Outlet::new(Full(Arc::clone(&tries)), Patience::Endless));
        for _ in 0..3 {
            lines.write(&1);
            lines.flush();
        }
        assert_eq!(*tries.lock().unwrap(), 1);
        let missing = lines.finish(Instant::now());
        assert_eq!(missing.count, 4, "the version and three objects");
        assert_eq!(missing.failure.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
