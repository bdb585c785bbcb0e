//! Writes deliveries as JSON objects, one a line.

use std::io::{self, Write};

use crate::history::row::{Object, Row, Times};
use crate::model::identity::Identity;

use super::table::Table;

/// A stream of JSON lines.
pub struct Jsonl<W> {
    out: W,
    identity: Identity,
    times: Times,
    /// The buffer of one line. Many small writes are faster here than to the output.
    line: Vec<u8>,
}

impl<W: Write> Jsonl<W> {
    /// Creates the stream. Writes nothing before the first row.
    pub const fn new(out: W, identity: Identity, times: Times) -> Self {
        Self {
            out,
            identity,
            times,
            line: Vec::new(),
        }
    }
}

impl<W: Write + Send> Table for Jsonl<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let object = Object::<()> {
            row,
            identity: &self.identity,
            times: &self.times,
            more: &[],
        };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &object)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
