//! A filter in front of the CSV parser that hashes and counts bytes, and refuses input that the parser would misread
//! silently.
//!
//! The `csv` crate accepts anything: an unclosed quote swallows the rest of the file into one field, and text after a
//! closing quote joins rows. Either would lose recipients silently, so quotes must be balanced here.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};
use sha2::{Digest, Sha256};

use super::syntax_error::SyntaxError;
use crate::catalogue::audience;

/// The longest row, in bytes: a limit for the memory that a broken file can use.
pub(super) const LONGEST_ROW: usize = 1 << 20;

/// A flaw and its line, as the cause of an [`io::Error`] on its way through the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", audience::LineFlaw { line, flaw })]
pub(super) struct Found {
    pub(super) line: u64,
    pub(super) flaw: SyntaxError,
}

/// A reader that passes only valid bytes, and ends every file with a line end.
pub(super) struct QuoteValidator<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
    last: u8,
    quotes: Quotes,
}

/// The state of the quote scanner after the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// In an unquoted field, or at the start of a field.
    Plain,
    /// In a quoted field that was opened on this line.
    Quoted { opened: u64 },
    /// After a quote in a quoted field: it either closes the field or is the first of two.
    Quote { opened: u64 },
    /// After a closed field, where only white space may precede the delimiter.
    Closed,
}

/// Scans quotes and rows in a stream of chunks.
struct Quotes {
    delimiter: u8,
    inside: Inside,
    /// The line of the next byte.
    line: u64,
    /// The first line of the current row.
    row_line: u64,
    /// The length of the current row so far.
    row_bytes: usize,
}

impl<R: Read> QuoteValidator<R> {
    /// Creates a filter over `inner`. `begun` was already read from it: the parser skips it, but it is hashed.
    pub(super) fn new(inner: R, begun: &[u8], delimiter: u8) -> Self {
        let mut hash = Sha256::new();
        hash.update(begun);
        Self {
            inner,
            hash,
            bytes: begun.len() as u64,
            last: b'\n',
            quotes: Quotes {
                delimiter,
                inside: Inside::Plain,
                line: 1,
                row_line: 1,
                row_bytes: 0,
            },
        }
    }

    /// The first line of the row that has not ended.
    pub(super) const fn row_line(&self) -> u64 {
        self.quotes.row_line
    }

    /// The bytes so far of the row that has not ended.
    pub(super) const fn row_bytes(&self) -> usize {
        self.quotes.row_bytes
    }

    /// Returns the number of bytes of the file, and their SHA-256.
    pub(super) fn finish(self) -> (u64, [u8; 32]) {
        (self.bytes, self.hash.finalize().into())
    }

    fn end(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.quotes.inside, buffer.first_mut()) {
            (Inside::Quoted { opened }, _) => Err(found(opened, SyntaxError::UnclosedQuote)),
            (_, Some(first)) if self.last != b'\n' => {
                *first = b'\n';
                self.last = b'\n';
                self.quotes.row_bytes = 0;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

impl<R: Read> Read for QuoteValidator<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let Some((chunk, last)) = buffer.get(..n).and_then(|chunk| Some((chunk, *chunk.last()?))) else {
            return self.end(buffer);
        };
        self.hash.update(chunk);
        self.bytes += n as u64;
        self.quotes.follow(self.last, chunk)?;
        self.last = last;
        Ok(n)
    }
}

impl Quotes {
    /// Scans `chunk`; `last` is the byte before it.
    fn follow(&mut self, last: u8, chunk: &[u8]) -> io::Result<()> {
        if let Some(at) = memchr(0, chunk) {
            return Err(found(self.line + lines(&chunk[..at]), SyntaxError::Nul));
        }
        // The start of the current row, if it is in this chunk.
        let mut row_start = None;
        // The lines before this position are counted.
        let mut counted = 0;
        let mut at = 0;
        while at < chunk.len() {
            let next = match self.inside {
                Inside::Plain | Inside::Quoted { .. } => memchr(b'"', &chunk[at..]).map_or(chunk.len(), |n| at + n),
                Inside::Quote { .. } | Inside::Closed => at,
            };
            if self.inside == Inside::Plain
                && let Some(end) = memrchr(b'\n', &chunk[at..next])
            {
                row_start = Some(at + end + 1);
                self.row_line = self.line + lines(&chunk[counted..=at + end]);
            }
            self.line += lines(&chunk[counted..next]);
            (counted, at) = (next, next + 1);
            let Some(&byte) = chunk.get(next) else { break };
            let before = if next == 0 { last } else { chunk[next - 1] };
            self.step(before, byte)?;
            if byte == b'\n' && self.inside == Inside::Plain {
                row_start = Some(at);
                self.row_line = self.line + 1;
            }
        }
        self.line += lines(&chunk[counted.min(chunk.len())..]);
        self.row_bytes = match row_start {
            Some(start) => chunk.len() - start,
            None => self.row_bytes + chunk.len(),
        };
        self.bound()
    }

    /// Processes a byte that may change the state.
    fn step(&mut self, before: u8, byte: u8) -> io::Result<()> {
        let ends_field = byte == self.delimiter || byte == b'\n';
        self.inside = match self.inside {
            Inside::Plain if before == self.delimiter || before == b'\n' => Inside::Quoted { opened: self.line },
            Inside::Plain => Inside::Plain,
            Inside::Quoted { opened } => Inside::Quote { opened },
            Inside::Quote { opened } if byte == b'"' => Inside::Quoted { opened },
            Inside::Quote { .. } | Inside::Closed if ends_field => Inside::Plain,
            Inside::Quote { .. } | Inside::Closed if byte == b' ' || byte == b'\r' => Inside::Closed,
            Inside::Quote { .. } | Inside::Closed => return Err(found(self.line, SyntaxError::TextBehindQuote)),
        };
        Ok(())
    }

    fn bound(&self) -> io::Result<()> {
        match self.inside {
            _ if self.row_bytes <= LONGEST_ROW => Ok(()),
            Inside::Quoted { opened } => Err(found(opened, SyntaxError::UnclosedQuote)),
            _ => Err(found(self.row_line, SyntaxError::TooLong)),
        }
    }
}

fn found(line: u64, flaw: SyntaxError) -> io::Error {
    io::Error::other(Found { line, flaw })
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}
