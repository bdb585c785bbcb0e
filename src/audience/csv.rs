//! Audiences in CSV files.
//!
//! GB18030 needs no decoding pass: none of its multi-byte characters contains the byte of a delimiter, a quote or a
//! line end. So rows and fields are split as bytes, and only single fields are decoded.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use encoding_rs::GB18030;
use memchr::{memchr, memchr_iter};

use super::AudienceError;
use super::activity::ActivityParser;
use super::batch::{Activity, usable};
use super::columns::Columns;
use super::error::nearest;
use super::input::Input;
use super::quote_validator::{LONGEST_ROW, QuoteValidator};
use super::row_sink::{RowSink, RowSource};
use super::syntax_error::{Foreign, SyntaxError};
use crate::campaign::Encoding;
use crate::model::event::{PlaceUnit, UnusableKind};

/// The delimiters that are tried on a header, the most likely first.
const DELIMITERS: [u8; 3] = *b",;\t";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 128 << 10;

/// Comma-separated values with a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSource {
    /// The files, or stdin.
    pub input: Input,
    /// The columns to read.
    pub columns: Columns,
    /// The text encoding.
    pub encoding: Encoding,
    /// The delimiter of the fields: `,` `;` or a tab. If `None`, it is detected from the header line.
    pub delimiter: Option<u8>,
}

impl RowSource for CsvSource {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        self.input.each(|text| {
            out.begin(&text.name, PlaceUnit::Line);
            let path = text.path.clone();
            self.text(&path, text, out)
        })
    }
}

impl CsvSource {
    fn text(&self, path: &Path, mut text: impl Read, out: &mut RowSink) -> Result<(), AudienceError> {
        let mut start = Vec::new();
        // The header is a row, so the longest row allowed contains it.
        let longest = u64::try_from(LONGEST_ROW).unwrap_or(u64::MAX);
        let read = Read::by_ref(&mut text).take(longest).read_to_end(&mut start);
        read.map_err(|error| AudienceError::new(path, error).behind(memchr_iter(b'\n', &start).count() as u64))?;
        let mark = match start.strip_prefix(BYTE_ORDER_MARK) {
            Some(_) => BYTE_ORDER_MARK,
            None => &[][..],
        };
        let begin = start.get(mark.len()..).unwrap_or_default();
        let header = Fields::find(self, path, begin)?;
        let sound = QuoteValidator::new(begin.chain(text), mark, header.delimiter);
        let mut rows = Rows {
            path,
            source: self,
            activity: ActivityParser::new(&self.columns),
            reader: reader(sound, header.delimiter),
            header,
        };
        rows.show(out)?;
        let (bytes, hash) = rows.reader.into_inner().finish();
        out.end(bytes, hash)
    }
}

fn malformed(path: &Path, line: u64, flaw: SyntaxError) -> AudienceError {
    AudienceError::Malformed {
        path: path.into(),
        line,
        flaw,
    }
}

/// Creates a parser whose rows end at line feeds only, so that line numbers match an editor's. The carriage return of
/// Windows line ends remains as white space in the last field.
fn reader<R: Read>(bytes: R, delimiter: u8) -> Reader<R> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(BUFFER)
        .from_reader(bytes)
}

/// Whether a line is blank; a blank line is not a row.
fn blank(record: &ByteRecord) -> bool {
    record.len() == 1 && matches!(record.as_slice(), b"" | b"\r")
}

/// The layout of the rows, from the header line.
struct Fields {
    delimiter: u8,
    /// The number of fields.
    count: usize,
    /// The index of the open_id.
    open_id: usize,
    /// The index of the last activity.
    last_active: Option<usize>,
}

/// A header line, split by one delimiter.
struct Header {
    delimiter: u8,
    line: u64,
    names: Vec<String>,
}

impl Fields {
    /// Finds the columns in the start of the file.
    fn find(source: &CsvSource, path: &Path, text: &[u8]) -> Result<Self, AudienceError> {
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err(malformed(path, 1, SyntaxError::Utf16));
        }
        if text.trim_ascii_start().starts_with(b"{\"") {
            let path = path.into();
            let what = Foreign::Json;
            return Err(AudienceError::Foreign { path, what });
        }
        let header = Header::guess(source, path, text)?;
        let find = |wanted: &str| header.only(wanted.trim(), path, text);
        Ok(Self {
            delimiter: header.delimiter,
            count: header.names.len(),
            open_id: find(&source.columns.open_id)?,
            last_active: source.columns.last_active.as_deref().map(find).transpose()?,
        })
    }
}

impl Header {
    /// Returns the index of the only column with this name.
    fn only(&self, wanted: &str, path: &Path, text: &[u8]) -> Result<usize, AudienceError> {
        let mut places = self.names.iter().enumerate().filter(|(_, name)| *name == wanted);
        if let (Some((column, _)), None) = (places.next(), places.next()) {
            return Ok(column);
        }
        // In a header with unbalanced quotes the author sees other columns. Report the quotes first.
        let mut sound = reader(QuoteValidator::new(text, &[], self.delimiter), self.delimiter);
        sound
            .read_byte_record(&mut ByteRecord::new())
            .map_err(|error| failed(path, error))?;
        let times = self.names.iter().filter(|name| *name == wanted).count();
        let path = path.to_owned();
        let line = self.line;
        let column = wanted.to_owned();
        if times > 1 {
            return Err(AudienceError::RepeatedColumn {
                path,
                line,
                column,
                times,
            });
        }
        Err(AudienceError::NoColumn {
            path,
            line,
            column,
            nearest: nearest(wanted, &self.names),
            found: self.names.clone(),
        })
    }

    /// Splits the header by the delimiter of the source; else by the first one that yields the wanted column; else by
    /// the one that yields most columns.
    fn guess(source: &CsvSource, path: &Path, text: &[u8]) -> Result<Self, AudienceError> {
        let wanted = source.columns.open_id.trim();
        let delimiters = source.delimiter.as_ref().map_or(&DELIMITERS[..], std::slice::from_ref);
        let mut best: Option<Self> = None;
        for &delimiter in delimiters {
            let Some(columns) = Self::read(path, source.encoding, delimiter, text)? else {
                break;
            };
            if columns.names.iter().any(|name| name == wanted) {
                return Ok(columns);
            }
            if best.as_ref().is_none_or(|best| columns.names.len() > best.names.len()) {
                best = Some(columns);
            }
        }
        best.ok_or_else(|| AudienceError::Empty {
            path: path.into(),
            lacks: "header line",
        })
    }

    /// Reads the header from the start of the file; `None` if it has only blank lines.
    fn read(path: &Path, encoding: Encoding, delimiter: u8, text: &[u8]) -> Result<Option<Self>, AudienceError> {
        let mut reader = reader(text.chain(&b"\n"[..]), delimiter);
        let mut record = ByteRecord::new();
        loop {
            if !reader
                .read_byte_record(&mut record)
                .map_err(|error| failed(path, error))?
            {
                return Ok(None);
            }
            if !blank(&record) {
                break;
            }
        }
        let line = reader.position().line().saturating_sub(1 + newlines(&record));
        if memchr(0, record.as_slice()).is_some() {
            return Err(malformed(path, line, SyntaxError::Nul));
        }
        let names: Vec<_> = record
            .iter()
            .map(|name| decode_lossily(name, encoding).trim_matches([' ', '\r']).to_owned())
            .collect();
        if names.iter().any(|name| name.contains('\r')) {
            return Err(malformed(path, line, SyntaxError::LoneCarriageReturn));
        }
        Ok(Some(Self { delimiter, line, names }))
    }
}

/// The rows after the header.
struct Rows<'a, R> {
    path: &'a Path,
    source: &'a CsvSource,
    activity: ActivityParser,
    header: Fields,
    reader: Reader<QuoteValidator<R>>,
}

impl<R: Read> Rows<'_, R> {
    fn show(&mut self, out: &mut RowSink) -> Result<(), AudienceError> {
        let mut record = ByteRecord::new();
        let mut header_seen = false;
        let mut line_before = self.reader.position().line();
        while self
            .reader
            .read_byte_record(&mut record)
            .map_err(|error| failed(self.path, error).behind(line_before - 1))?
        {
            let line_behind = self.reader.position().line();
            // A row that consumed at most one line end begins on the line where the row before ended. Otherwise blank
            // lines precede it, or it has quoted line ends.
            let line = match line_behind - line_before {
                0 | 1 => line_before,
                _ => line_behind.saturating_sub(1 + newlines(&record)),
            };
            line_before = line_behind;
            if record.as_slice().len() > LONGEST_ROW {
                return Err(malformed(self.path, line, SyntaxError::TooLong));
            }
            // The first row that is not blank is the header, which was already read.
            if blank(&record) || !std::mem::replace(&mut header_seen, true) {
                continue;
            }
            let text = self.text(&record);
            let column = self.source.columns.open_id.trim();
            let open_id = text.as_deref().map_err(|kind| *kind);
            let open_id = open_id.and_then(|text| usable(text, column));
            let last_active = self.last_active(&record);
            let last_active = last_active
                .as_deref()
                .map_or(Activity::Unknown, |text| self.activity.text(text));
            out.row(line, open_id, last_active)?;
        }
        Ok(())
    }

    /// Returns the text of the last activity; `None` without such a column.
    fn last_active<'r>(&self, record: &'r ByteRecord) -> Option<Cow<'r, str>> {
        let field = self.header.last_active.and_then(|column| record.get(column))?;
        let encoding = self.source.encoding;
        Some(decode(field, encoding).unwrap_or_else(|| decode_lossily(field, encoding)))
    }

    /// Returns the text of the open_id.
    fn text<'r>(&self, record: &'r ByteRecord) -> Result<Cow<'r, str>, UnusableKind> {
        match record.get(self.header.open_id) {
            Some(field) if record.len() == self.header.count => {
                decode(field, self.source.encoding).ok_or(UnusableKind::NotText)
            }
            _ => Err(UnusableKind::WrongFields),
        }
    }
}

fn decode(bytes: &[u8], encoding: Encoding) -> Option<Cow<'_, str>> {
    match encoding {
        Encoding::Gb18030 if !bytes.is_ascii() => GB18030.decode_without_bom_handling_and_without_replacement(bytes),
        Encoding::Gb18030 | Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

fn decode_lossily(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Gb18030 => GB18030.decode_without_bom_handling(bytes).0,
        Encoding::Utf8 => String::from_utf8_lossy(bytes),
    }
}

fn newlines(record: &ByteRecord) -> u64 {
    memchr_iter(b'\n', record.as_slice()).count() as u64
}

/// Converts an I/O error below the parser. The parser itself accepts all bytes in this configuration.
fn failed(path: &Path, error: csv::Error) -> AudienceError {
    let error = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    };
    AudienceError::new(path, error)
}
