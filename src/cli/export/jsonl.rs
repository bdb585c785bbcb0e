//! Deliveries as JSON objects, one a line.

use std::io::{self, Write};

use crate::identity::Identity;
use crate::story::row::{Object, Row, Times};

use super::Table;

/// A stream of objects.
pub struct Jsonl<W> {
    out: W,
    identity: Identity,
    times: Times,
}

impl<W: Write> Jsonl<W> {
    /// Nothing is written before the first row.
    pub const fn new(out: W, identity: Identity, times: Times) -> Self {
        Self { out, identity, times }
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
        serde_json::to_writer(&mut self.out, &object)?;
        self.out.write_all(b"\n")
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
