//! A stream of JSON objects, one a line; the first names the version of the schema.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::render::json::SCHEMA;

/// A stream of JSON objects. Cheap to clone; clones write to the same place. If writing fails, the stream logs that
/// once and discards the rest: a failure to report must not stop the run.
#[derive(Clone)]
pub struct JsonLines(Arc<Mutex<Stream>>);

struct Stream {
    name: String,
    out: Box<dyn Write + Send>,
    begun: bool,
    broken: bool,
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
    pub fn new(name: impl Into<String>, out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Stream {
            name: name.into(),
            out: Box::new(io::BufWriter::new(out)),
            begun: false,
            broken: false,
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
        self.with(|stream| stream.line(object));
    }

    /// Writes the object that names the schema, once. Writing any object does this first.
    pub fn begin(&self) {
        self.with(|stream| {
            if std::mem::replace(&mut stream.begun, true) {
                return Ok(());
            }
            let version = Version {
                r#type: "version",
                schema: SCHEMA,
                runner: env!("CARGO_PKG_VERSION"),
            };
            stream.line(&serde_json::to_string(&version)?)
        });
    }

    /// Writes out the buffer.
    pub fn flush(&self) {
        self.with(|stream| stream.out.flush());
    }

    /// Whether a write failed, so that nothing more is written.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).broken
    }

    fn with(&self, act: impl FnOnce(&mut Stream) -> io::Result<()>) {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stream.broken {
            return;
        }
        if let Err(error) = act(&mut stream) {
            stream.broken = true;
            tracing::warn!(
                "cannot write to {}: {error}; nothing more is written there",
                stream.name
            );
        }
    }
}

impl Stream {
    fn line(&mut self, object: &str) -> io::Result<()> {
        self.out.write_all(object.as_bytes())?;
        self.out.write_all(b"\n")
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonLines")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let lines = JsonLines::new("x", Full(Arc::clone(&tries)));
        for _ in 0..3 {
            lines.write(&1);
            lines.flush();
        }
        assert_eq!(*tries.lock().unwrap(), 1);
    }
}
