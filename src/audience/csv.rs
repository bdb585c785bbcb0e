//! Audiences in CSV files.
//!
//! GB18030 needs no decoding pass: none of its multi-byte characters contains the byte of a delimiter, a quote or a
//! line end. So rows and fields are split as bytes, and only single fields are decoded.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use encoding_rs::GB18030;
use memchr::{memchr, memchr_iter, memchr2_iter};

use super::AudienceError;
use super::activity::ActivityParser;
use super::batch::{Activity, Batch, usable};
use super::columns::Columns;
use super::error::{HeaderHint, Lacks, nearest};
use super::input::Input;
use super::quote_validator::{LONGEST_ROW, QuoteValidator};
use super::row_sink::{RowSink, RowSource};
use super::syntax_error::{BYTE_ORDER_MARK, Foreign, SaveAs, SyntaxError, is_utf16};
use crate::campaign::Encoding;
use crate::model::event::{PlaceUnit, UnusableKind};
use crate::model::threads::cores;

/// The delimiters that are tried on a header, the most likely first.
const DELIMITERS: [u8; 3] = *b",;\t";
/// Characters that separate fields in some files.
const SEPARATORS: [char; 8] = [',', ';', '\t', '|', '，', '；', '、', '\u{1}'];
/// How many rows are searched for the header.
const SEARCHED: usize = 20;
/// How many bytes are read and parsed at a time.
const CHUNK: usize = 256 << 10;

/// Comma-separated values with a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSource {
    /// The files, or stdin.
    pub input: Input,
    /// The columns to read.
    pub columns: Columns,
    /// The text encoding. A file with the byte order mark of UTF-8 is UTF-8 in any case.
    pub encoding: Encoding,
    /// The delimiter of the fields: `,` `;` or a tab. If `None`, it is detected from the header line.
    pub delimiter: Option<u8>,
}

impl RowSource for CsvSource {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        self.input.each(|text| {
            out.begin(&text.name, PlaceUnit::Line);
            let path = text.path.clone();
            self.text(&path, text, CHUNK, out)
        })
    }
}

impl CsvSource {
    /// Reads a file, `chunk` bytes at a time.
    fn text(&self, path: &Path, mut text: impl Read, chunk: usize, out: &mut RowSink) -> Result<(), AudienceError> {
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
        let encoding = if mark.is_empty() { self.encoding } else { Encoding::Utf8 };
        let header = Fields::find(self, encoding, path, begin)?;
        let sound = QuoteValidator::new(begin.chain(text), mark, header.delimiter);
        let parser = RowParser {
            path,
            column: clean(&self.columns.open_id),
            encoding,
            activity: ActivityParser::new(&self.columns),
            header,
        };
        let (bytes, hash) = Rows::new(&parser, sound, chunk).show(out)?;
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
    /// How many rows the header is, with the line `sep=` before it.
    rows: usize,
}

/// A header line, split by one delimiter.
struct Header {
    delimiter: u8,
    line: u64,
    names: Vec<String>,
    record: ByteRecord,
}

/// The start of a file, which has the header.
#[derive(Clone, Copy)]
struct Start<'a> {
    path: &'a Path,
    encoding: Encoding,
    text: &'a [u8],
    /// The delimiter that the first line names, as Excel writes and reads it: `sep=;`.
    sep: Option<u8>,
}

impl Fields {
    /// Finds the columns in the start of the file.
    fn find(source: &CsvSource, encoding: Encoding, path: &Path, text: &[u8]) -> Result<Self, AudienceError> {
        if is_utf16(text) {
            let save_as = SaveAs::CsvUtf8;
            return Err(malformed(path, 1, SyntaxError::Utf16 { save_as }));
        }
        let json = text.trim_ascii_start();
        let json = json.strip_prefix(b"[").unwrap_or(json).trim_ascii_start();
        if json
            .strip_prefix(b"{")
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
        {
            let path = path.into();
            let what = Foreign::Json;
            return Err(AudienceError::Foreign { path, what });
        }
        let start = Start {
            path,
            encoding,
            text,
            sep: sep(text),
        };
        let header = start.guess(source)?;
        let find = |wanted: &str| start.only(&header, clean(wanted));
        Ok(Self {
            delimiter: header.delimiter,
            count: header.names.len(),
            open_id: find(&source.columns.open_id)?,
            last_active: source.columns.last_active.as_deref().map(find).transpose()?,
            rows: 1 + usize::from(start.sep.is_some()),
        })
    }
}

/// Returns the delimiter that a first line such as `sep=;` names; `None` without such a line.
fn sep(text: &[u8]) -> Option<u8> {
    let line = text.split(|byte| *byte == b'\n').next()?.trim_ascii_end();
    let line = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""))
        .unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
            Some(*delimiter).filter(|delimiter| delimiter.is_ascii_punctuation() && *delimiter != b'"')
        }
        // The line was trimmed.
        [s, e, p, b'='] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => Some(b'\t'),
        _ => None,
    }
}

/// Returns the name of a column without white space and invisible characters around it.
fn clean(name: &str) -> &str {
    let is_invisible = |c: char| matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}');
    // A tab may be the delimiter.
    name.trim_matches(|c: char| c != '\t' && (c.is_whitespace() || is_invisible(c)))
}

impl Start<'_> {
    /// Returns the index of the only column with this name.
    fn only(&self, header: &Header, wanted: &str) -> Result<usize, AudienceError> {
        let mut places = header.names.iter().enumerate().filter(|(_, name)| *name == wanted);
        if let (Some((column, _)), None) = (places.next(), places.next()) {
            return Ok(column);
        }
        // In a header with unbalanced quotes the author sees other columns. Report the quotes first.
        let mut sound = reader(QuoteValidator::new(self.text, &[], header.delimiter), header.delimiter);
        sound
            .read_byte_record(&mut ByteRecord::new())
            .map_err(|error| failed(self.path, error))?;
        let times = header.names.iter().filter(|name| *name == wanted).count();
        let path = self.path.to_owned();
        let line = header.line;
        let column = wanted.to_owned();
        if times > 1 {
            return Err(AudienceError::RepeatedColumn {
                path,
                line,
                column,
                times,
            });
        }
        let hint = self.hint(header, wanted);
        let found = match hint {
            Some(HeaderHint::Encoding(encoding)) => names(&header.record, encoding),
            _ => header.names.clone(),
        };
        Err(AudienceError::NoColumn {
            path,
            line,
            column,
            found,
            hint,
        })
    }

    /// Returns what the content suggests about a header without the column; `None` if it suggests nothing.
    fn hint(&self, header: &Header, wanted: &str) -> Option<HeaderHint> {
        let other = match self.encoding {
            Encoding::Utf8 => Encoding::Gb18030,
            Encoding::Gb18030 => Encoding::Utf8,
        };
        let reads_as = |encoding| header.record.iter().all(|field| decode(field, encoding).is_some());
        let near = |names: &[String]| names.iter().any(|name| name == wanted) || nearest(wanted, names).is_some();
        let is_other = match other {
            Encoding::Gb18030 => !reads_as(self.encoding) && reads_as(other),
            Encoding::Utf8 => {
                !header.record.as_slice().is_ascii() && reads_as(other) && near(&names(&header.record, other))
            }
        };
        if is_other {
            return Some(HeaderHint::Encoding(other));
        }
        let later = DELIMITERS
            .iter()
            .find_map(|delimiter| self.line_with(header, wanted, *delimiter));
        if let Some(line) = later {
            return Some(HeaderHint::Line(line));
        }
        if let Some(nearest) = nearest(wanted, &header.names) {
            return Some(HeaderHint::Nearest(nearest));
        }
        let splits = |delimiter: &char| {
            let all = header.names.iter().flat_map(|name| name.split(*delimiter));
            near(&all.map(|name| clean(name).to_owned()).collect::<Vec<_>>())
        };
        let delimiter = SEPARATORS.into_iter().find(splits);
        delimiter.map(HeaderHint::Delimiter).or_else(|| {
            header
                .names
                .iter()
                .any(|name| is_like_id(name))
                .then_some(HeaderHint::NoHeader)
        })
    }

    /// Returns the line of the first row, after the header, that has the column. `None` if no row near the start has it.
    fn line_with(&self, header: &Header, wanted: &str, delimiter: u8) -> Option<u64> {
        let mut reader = reader(self.text, delimiter);
        let mut record = ByteRecord::new();
        for _ in 0..SEARCHED {
            if !reader.read_byte_record(&mut record).ok()? {
                return None;
            }
            if names(&record, self.encoding).iter().any(|name| name == wanted) {
                let line = reader.position().line().saturating_sub(1 + newlines(&record));
                return Some(line).filter(|line| *line > header.line);
            }
        }
        None
    }

    /// Splits the header by the delimiter of the source; else by the one that the file names; else by the first one that
    /// yields the wanted column; else by the one that yields most columns.
    fn guess(&self, source: &CsvSource) -> Result<Header, AudienceError> {
        let wanted = clean(&source.columns.open_id);
        let named = source.delimiter.as_ref().or(self.sep.as_ref());
        let delimiters = named.map_or(&DELIMITERS[..], std::slice::from_ref);
        let mut best: Option<Header> = None;
        for &delimiter in delimiters {
            let Some(columns) = self.header(delimiter)? else {
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
            path: self.path.into(),
            lacks: Lacks::Header,
        })
    }

    /// Reads the header, after the line `sep=`; `None` if there are only blank lines.
    fn header(&self, delimiter: u8) -> Result<Option<Header>, AudienceError> {
        let mut reader = reader(self.text.chain(&b"\n"[..]), delimiter);
        let mut record = ByteRecord::new();
        let mut before = usize::from(self.sep.is_some());
        loop {
            if !reader
                .read_byte_record(&mut record)
                .map_err(|error| failed(self.path, error))?
            {
                return Ok(None);
            }
            if !blank(&record) {
                if before == 0 {
                    break;
                }
                before -= 1;
            }
        }
        let line = reader.position().line().saturating_sub(1 + newlines(&record));
        if memchr(0, record.as_slice()).is_some() {
            return Err(malformed(self.path, line, SyntaxError::Nul));
        }
        let names = names(&record, self.encoding);
        if names.iter().any(|name| name.contains('\r')) {
            return Err(malformed(self.path, line, SyntaxError::LoneCarriageReturn));
        }
        Ok(Some(Header {
            delimiter,
            line,
            names,
            record,
        }))
    }
}

fn names(record: &ByteRecord, encoding: Encoding) -> Vec<String> {
    let decoded = record.iter().map(|name| decode_lossily(name, encoding));
    decoded.map(|name| clean(&name).to_owned()).collect()
}

/// Whether a text in a header looks more like an id than like a name.
fn is_like_id(name: &str) -> bool {
    const SHORTEST: usize = 12;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.len() >= SHORTEST && name.bytes().all(is_word) && name.bytes().any(|byte| byte.is_ascii_digit())
}

/// Parses rows.
struct RowParser<'a> {
    path: &'a Path,
    /// The name of the column of the open_ids.
    column: &'a str,
    encoding: Encoding,
    activity: ActivityParser,
    header: Fields,
}

/// Whole rows of the file.
struct Chunk {
    text: Vec<u8>,
    /// The line of its first row.
    line: u64,
    /// An empty batch of this file.
    batch: Batch,
}

/// What the rows before say about the next ones.
#[derive(Clone, Copy)]
struct Layout {
    /// The rows of the header that are still to come.
    rows_of_header: usize,
    /// The number of fields of a row, by the first row of the file that is not empty.
    width: Option<usize>,
}

/// The rows of a chunk. Whether empty rows at its start and at its end count depends on the chunks around it.
#[derive(Default)]
struct ParsedChunk {
    /// Empty rows before all others.
    head: Vec<EmptyRows>,
    batches: Vec<Batch>,
    /// Empty rows after all others.
    tail: Option<EmptyRows>,
}

/// Rows on consecutive lines whose fields are all empty, `,,,`. Spreadsheets write them at the end of a file.
#[derive(Clone, Copy)]
struct EmptyRows {
    first: u64,
    count: u64,
}

/// A row that is split into fields.
trait Record {
    fn len(&self) -> usize;
    fn get(&self, field: usize) -> Option<&[u8]>;
    fn fields(&self) -> impl Iterator<Item = &[u8]>;

    /// The text of a field. `None` without the field, and if it is not in this encoding.
    fn text(&self, field: usize, encoding: Encoding) -> Option<Cow<'_, str>> {
        decode(self.get(field)?, encoding)
    }
}

impl Record for ByteRecord {
    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, field: usize) -> Option<&[u8]> {
        self.get(field)
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.iter()
    }
}

/// A line without quotes.
struct Line<'l> {
    bytes: &'l [u8],
    /// The same as text, if it is known to be in the encoding of the file without a look at each field.
    text: Option<&'l str>,
    /// The ends of the fields.
    ends: &'l [usize],
}

impl Record for Line<'_> {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, field: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(field)?)
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).filter_map(|field| self.get(field))
    }

    fn text(&self, field: usize, encoding: Encoding) -> Option<Cow<'_, str>> {
        match self.text {
            Some(text) => text.get(self.range(field)?).map(Cow::Borrowed),
            None => decode(self.get(field)?, encoding),
        }
    }
}

impl Line<'_> {
    fn range(&self, field: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(field)?;
        let begin = match field.checked_sub(1) {
            Some(before) => self.ends.get(before)? + 1,
            None => 0,
        };
        Some(begin..end)
    }
}

impl RowParser<'_> {
    /// Parses a chunk. `layout` is that of its start, and becomes that of its end.
    fn parse(&self, chunk: Chunk, layout: &mut Layout) -> Result<ParsedChunk, AudienceError> {
        let Chunk { text, line, batch } = chunk;
        let mut rows = ChunkRows {
            parser: self,
            layout,
            empty: None,
            batch,
            parsed: ParsedChunk::default(),
        };
        let is_first = line == 1;
        // The parser of quoted text leaves out a byte order mark at the start of the file.
        if memchr(b'"', &text).is_some() || is_first && text.starts_with(BYTE_ORDER_MARK) {
            rows.add_quoted(&text, line, is_first)?;
        } else {
            rows.add_plain(&text, line)?;
        }
        Ok(rows.finish())
    }

    /// Returns the text of the last activity; `None` without such a column.
    fn last_active<'r>(&self, record: &'r impl Record) -> Option<Cow<'r, str>> {
        let column = self.header.last_active?;
        let field = record.get(column)?;
        // A person can read the value if it is in the other encoding.
        let text = record.text(column, self.encoding);
        let text = text.or_else(|| decode(field, Encoding::Gb18030));
        Some(text.unwrap_or_else(|| decode_lossily(field, self.encoding)))
    }

    /// Returns the text of the open_id in a row of a file whose rows have `width` fields.
    fn open_id<'r>(&self, record: &'r impl Record, width: usize) -> Result<Cow<'r, str>, UnusableKind> {
        // Some programs end every row, but not the header, with a delimiter. More fields in some rows alone come from a
        // delimiter within a value, which moves the open_id to another field.
        let count = self.header.count;
        let fits = record.len() == width && (width <= count || are_empty(record.fields().skip(count)));
        let column = self.header.open_id;
        if !fits || record.get(column).is_none() {
            return Err(UnusableKind::WrongFields);
        }
        record.text(column, self.encoding).ok_or(UnusableKind::NotText)
    }
}

/// The rows of a chunk while it is parsed.
struct ChunkRows<'p> {
    parser: &'p RowParser<'p>,
    layout: &'p mut Layout,
    /// The last rows so far, if all their fields are empty.
    empty: Option<EmptyRows>,
    batch: Batch,
    parsed: ParsedChunk,
}

impl ChunkRows<'_> {
    /// Adds rows of a text without quotes: each line is a row, and each delimiter separates fields.
    fn add_plain(&mut self, text: &[u8], first_line: u64) -> Result<(), AudienceError> {
        // One look at the whole text is much faster than one at each field.
        let whole = match self.parser.encoding {
            Encoding::Gb18030 if !text.is_ascii() => None,
            Encoding::Gb18030 | Encoding::Utf8 => std::str::from_utf8(text).ok(),
        };
        let mut ends = Vec::new();
        let mut begin = 0;
        let mut number = first_line;
        for at in memchr2_iter(self.parser.header.delimiter, b'\n', text) {
            ends.push(at - begin);
            if text.get(at) != Some(&b'\n') {
                continue;
            }
            let bytes = text.get(begin..at).unwrap_or_default();
            if !matches!(bytes, b"" | b"\r") {
                self.check_length(number, bytes.len())?;
                let line = Line {
                    bytes,
                    text: whole.and_then(|whole| whole.get(begin..at)),
                    ends: &ends,
                };
                self.add(number, &line);
            }
            ends.clear();
            begin = at + 1;
            number += 1;
        }
        Ok(())
    }

    /// Adds rows of any text. A text that is not the first of its file keeps a byte order mark at its start.
    fn add_quoted(&mut self, text: &[u8], first_line: u64, is_first: bool) -> Result<(), AudienceError> {
        // The parser leaves out a blank line.
        let before = if is_first { &b""[..] } else { b"\n" };
        let mut reader = reader(before.chain(text), self.parser.header.delimiter);
        let line_at = |line: u64| first_line + line - 1 - before.len() as u64;
        let mut record = ByteRecord::new();
        let mut line_before = reader.position().line() + before.len() as u64;
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| failed(self.parser.path, error))?
        {
            let line_behind = reader.position().line();
            // A row that consumed at most one line end begins on the line where the row before ended. Otherwise blank
            // lines precede it, or it has quoted line ends.
            let line = match line_behind - line_before {
                0 | 1 => line_before,
                _ => line_behind.saturating_sub(1 + newlines(&record)),
            };
            line_before = line_behind;
            self.check_length(line_at(line), record.as_slice().len())?;
            if !blank(&record) {
                self.add(line_at(line), &record);
            }
        }
        Ok(())
    }

    fn check_length(&self, line: u64, length: usize) -> Result<(), AudienceError> {
        if length > LONGEST_ROW {
            return Err(malformed(self.parser.path, line, SyntaxError::TooLong));
        }
        Ok(())
    }

    fn add(&mut self, line: u64, record: &impl Record) {
        // The header was already read.
        if self.layout.rows_of_header > 0 {
            self.layout.rows_of_header -= 1;
            return;
        }
        let parser = self.parser;
        if are_empty(record.fields()) {
            match &mut self.empty {
                Some(rows) if rows.first + rows.count == line => rows.count += 1,
                _ => {
                    self.show_empty();
                    self.empty = Some(EmptyRows { first: line, count: 1 });
                }
            }
            return;
        }
        if self.has_row() {
            self.show_empty();
        } else {
            self.parsed.head.extend(self.empty.take());
        }
        let count = parser.header.count;
        let longer = record.len() > count && are_empty(record.fields().skip(count));
        let width = *self
            .layout
            .width
            .get_or_insert(if longer { record.len() } else { count });
        let text = parser.open_id(record, width);
        let open_id = text.as_deref().map_err(|kind| *kind);
        let open_id = open_id.and_then(|text| usable(text, parser.column));
        let last_active = parser.last_active(record);
        let last_active = last_active
            .as_deref()
            .map_or(Activity::Unknown, |text| parser.activity.text(text));
        self.push(line, open_id, last_active);
    }

    fn has_row(&self) -> bool {
        !(self.parsed.batches.is_empty() && self.batch.is_empty())
    }

    /// Shows the empty rows, which are not at the end. Those at the start are for the caller.
    fn show_empty(&mut self) {
        if !self.has_row() {
            self.parsed.head.extend(self.empty.take());
        } else if let Some(EmptyRows { first, count }) = self.empty.take() {
            for line in first..first + count {
                self.push(line, Err(UnusableKind::Empty), Activity::Unknown);
            }
        }
    }

    fn push(&mut self, line: u64, open_id: Result<&str, UnusableKind>, last_active: Activity<'_>) {
        self.batch.push(line, open_id, last_active);
        if self.batch.is_full() {
            let next = self.batch.next();
            self.parsed.batches.push(std::mem::replace(&mut self.batch, next));
        }
    }

    fn finish(mut self) -> ParsedChunk {
        if self.has_row() {
            self.parsed.tail = self.empty;
        } else {
            self.parsed.head.extend(self.empty);
        }
        if !self.batch.is_empty() {
            self.parsed.batches.push(self.batch);
        }
        self.parsed
    }
}

/// The rows of a file. It is read and checked in order, and chunks of it are parsed by several threads.
struct Rows<'a, R> {
    parser: &'a RowParser<'a>,
    bytes: QuoteValidator<R>,
    /// The bytes to read at a time.
    chunk: usize,
    /// The start of the row that the last chunk did not have whole.
    rest: Vec<u8>,
    /// The line of the next chunk.
    line: u64,
    layout: Layout,
    /// The last rows so far, if all their fields are empty.
    empty: Option<EmptyRows>,
}

/// A chunk on its way to a thread that parses it.
struct Job {
    chunk: Chunk,
    layout: Layout,
    parsed: SyncSender<Result<ParsedChunk, AudienceError>>,
}

impl<'a, R: Read> Rows<'a, R> {
    const fn new(parser: &'a RowParser<'a>, bytes: QuoteValidator<R>, chunk: usize) -> Self {
        Self {
            parser,
            bytes,
            chunk,
            rest: Vec::new(),
            line: 1,
            layout: Layout {
                rows_of_header: parser.header.rows,
                width: None,
            },
            empty: None,
        }
    }

    /// Shows all rows. Returns the length of the file and its hash.
    fn show(mut self, out: &mut RowSink) -> Result<(u64, [u8; 32]), AudienceError> {
        let threads = cores();
        // A thread is busy while another chunk waits for it.
        let most_in_flight = 2 * threads;
        let (jobs, waiting) = sync_channel(most_in_flight);
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            // The threads end when there are no more jobs.
            let jobs = jobs;
            let mut in_flight = VecDeque::new();
            let mut idle = threads;
            let read = loop {
                let chunk = match self.next_chunk(out) {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                };
                // The first row that is not empty decides on the others.
                if self.layout.width.is_none() {
                    let parsed = self.parser.parse(chunk, &mut self.layout)?;
                    self.merge(parsed, out)?;
                    continue;
                }
                if in_flight.len() == most_in_flight {
                    self.merge(take(&mut in_flight)?, out)?;
                }
                if idle > 0 {
                    let parser = self.parser;
                    let waiting = &waiting;
                    let started = thread::Builder::new()
                        .name("audience rows".to_owned())
                        .spawn_scoped(scope, move || parse_jobs(parser, waiting));
                    started.map_err(|source| AudienceError::NoThread { source })?;
                    idle -= 1;
                }
                let (parsed, result) = sync_channel(1);
                let layout = self.layout;
                let job = Job { chunk, layout, parsed };
                jobs.send(job).map_err(|_| AudienceError::Broken)?;
                in_flight.push_back(result);
            };
            // An error in an earlier row comes first.
            while !in_flight.is_empty() {
                self.merge(take(&mut in_flight)?, out)?;
            }
            read
        })?;
        // Empty rows at the end are like blank lines. A file without any other row may have lost its ids.
        if self.layout.width.is_none() {
            self.show_empty(out)?;
        }
        Ok(self.bytes.finish())
    }

    /// Reads whole rows. `None` at the end of the file.
    fn next_chunk(&mut self, out: &RowSink) -> Result<Option<Chunk>, AudienceError> {
        let mut text = std::mem::take(&mut self.rest);
        loop {
            let filled = text.len();
            text.resize(filled + self.chunk, 0);
            let read = self.bytes.read(&mut text[filled..]);
            let read = read.map_err(|error| AudienceError::new(self.parser.path, error).behind(self.line - 1))?;
            text.truncate(filled + read);
            let whole = if read == 0 {
                text.len()
            } else {
                text.len().saturating_sub(self.bytes.row_bytes())
            };
            if whole > 0 {
                self.rest = text.split_off(whole);
            } else if read > 0 {
                continue;
            } else {
                return Ok(None);
            }
            let line = std::mem::replace(&mut self.line, self.bytes.row_line());
            return Ok(Some(Chunk {
                text,
                line,
                batch: out.next_batch(),
            }));
        }
    }

    /// Shows the rows of the next chunk.
    fn merge(&mut self, parsed: ParsedChunk, out: &mut RowSink) -> Result<(), AudienceError> {
        for rows in parsed.head {
            match &mut self.empty {
                Some(before) if before.first + before.count == rows.first => before.count += rows.count,
                _ => {
                    self.show_empty(out)?;
                    self.empty = Some(rows);
                }
            }
        }
        if !parsed.batches.is_empty() {
            self.show_empty(out)?;
            self.empty = parsed.tail;
        }
        parsed.batches.into_iter().try_for_each(|batch| out.batch(batch))
    }

    /// Shows the empty rows, which are not at the end.
    fn show_empty(&mut self, out: &mut RowSink) -> Result<(), AudienceError> {
        let Some(EmptyRows { first, count }) = self.empty.take() else {
            return Ok(());
        };
        (first..first + count).try_for_each(|line| out.row(line, Err(UnusableKind::Empty), Activity::Unknown))
    }
}

/// Parses chunks until there are no more.
fn parse_jobs(parser: &RowParser<'_>, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            chunk,
            mut layout,
            parsed,
        }) = job
        else {
            return;
        };
        // This fails if the reading has ended, and then no result is needed.
        let _ = parsed.send(parser.parse(chunk, &mut layout));
    }
}

/// The rows of the chunk that was sent first.
fn take(in_flight: &mut VecDeque<Receiver<Result<ParsedChunk, AudienceError>>>) -> Result<ParsedChunk, AudienceError> {
    let first = in_flight.pop_front().ok_or(AudienceError::Broken)?;
    first.recv().map_err(|_| AudienceError::Broken)?
}

fn are_empty<'f>(mut fields: impl Iterator<Item = &'f [u8]>) -> bool {
    fields.all(|field| field.trim_ascii().is_empty())
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use tokio::sync::mpsc::channel;

    use super::*;
    use crate::audience::Totals;
    use crate::audience::row_sink::Message;

    /// Every row with its line, and the totals. `None` if the file is refused.
    fn read(bytes: &[u8], encoding: Encoding, chunk: usize) -> Option<(String, Totals)> {
        let source = CsvSource {
            input: Input::Stdin,
            columns: Columns {
                open_id: "id".to_owned(),
                last_active: Some("seen".to_owned()),
                zone: TimeZone::UTC,
                present: Timestamp::MAX,
            },
            encoding,
            delimiter: Some(b','),
        };
        let (sender, mut batches) = channel(1 << 20);
        let mut out = RowSink::new(sender);
        out.begin("a.csv", PlaceUnit::Line);
        source.text(Path::new("a.csv"), bytes, chunk, &mut out).ok()?;
        let totals = out.finish();
        drop(out);
        let mut rows = String::new();
        while let Some(Message::Batch(batch)) = batches.blocking_recv() {
            for row in batch.rows() {
                let _ = writeln!(rows, "{row:?}");
            }
        }
        Some((rows, totals))
    }

    #[test]
    fn many_threads_keep_the_order_of_rows() {
        let mut text = "id,seen\n".to_owned();
        for n in 0..30_000 {
            let _ = writeln!(text, "user-{n},2026-05-30 12:00:{:02}", n % 60);
        }
        let in_chunks = |chunk| read(text.as_bytes(), Encoding::Utf8, chunk);
        let one_chunk = in_chunks(text.len() * 2).expect("it is read");
        assert_eq!(one_chunk.1.rows, 30_000);
        assert_eq!(in_chunks(1_000), Some(one_chunk));
    }

    proptest! {
        #[test]
        fn rows_do_not_depend_on_the_chunks_in_which_they_are_read(
            begin in prop::sample::select(vec!["", "sep=,\n", "\n\r\n", "\u{feff}", "\u{feff}\u{feff}"]),
            parts in prop::collection::vec(prop::sample::select(vec![
                &b"user-1"[..], b"user-2", b"\"user-3\"", b"\"\"\"\"", b"\"a\n,b\"", b"\"\n\"", b",", b",", b",,", b"\n", b"\n", b"\n",
                b",\n", b"\r\n", b" ", BYTE_ORDER_MARK, b"2026-05-30 12:00:00", b"\"", "用户".as_bytes(), b"\xff",
            ]), 0..60),
            encoding in prop::sample::select(vec![Encoding::Utf8, Encoding::Gb18030]),
            chunk in prop::sample::select(vec![1, 2, 7, 40]),
        ) {
            let text = [begin.as_bytes(), b"id,seen\n", &parts.concat()].concat();
            prop_assert_eq!(read(&text, encoding, chunk), read(&text, encoding, 1 << 20));
        }
    }
}
