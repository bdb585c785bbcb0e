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
use super::error::{HeaderHint, Lacks, nearest};
use super::input::Input;
use super::quote_validator::{LONGEST_ROW, QuoteValidator};
use super::row_sink::{RowSink, RowSource};
use super::syntax_error::{BYTE_ORDER_MARK, Foreign, SaveAs, SyntaxError, is_utf16};
use crate::campaign::Encoding;
use crate::model::event::{PlaceUnit, UnusableKind};

/// The delimiters that are tried on a header, the most likely first.
const DELIMITERS: [u8; 3] = *b",;\t";
/// Characters that separate fields in some files.
const SEPARATORS: [char; 8] = [',', ';', '\t', '|', '，', '；', '、', '\u{1}'];
/// How many rows are searched for the header.
const SEARCHED: usize = 20;
const BUFFER: usize = 128 << 10;

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
        let encoding = if mark.is_empty() { self.encoding } else { Encoding::Utf8 };
        let header = Fields::find(self, encoding, path, begin)?;
        let sound = QuoteValidator::new(begin.chain(text), mark, header.delimiter);
        let mut rows = Rows {
            path,
            column: clean(&self.columns.open_id),
            encoding,
            width: None,
            empty: None,
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

/// The rows after the header.
struct Rows<'a, R> {
    path: &'a Path,
    /// The name of the column of the open_ids.
    column: &'a str,
    encoding: Encoding,
    activity: ActivityParser,
    header: Fields,
    /// The number of fields of a row, by the first row that is not empty.
    width: Option<usize>,
    /// The last rows so far, if all their fields are empty.
    empty: Option<EmptyRows>,
    reader: Reader<QuoteValidator<R>>,
}

/// Rows on consecutive lines whose fields are all empty, `,,,`. Spreadsheets write them at the end of a file.
#[derive(Clone, Copy)]
struct EmptyRows {
    first: u64,
    count: u64,
}

impl<R: Read> Rows<'_, R> {
    fn show(&mut self, out: &mut RowSink) -> Result<(), AudienceError> {
        let mut record = ByteRecord::new();
        let mut rows_of_header = self.header.rows;
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
            if blank(&record) {
                continue;
            }
            // The header was already read.
            if rows_of_header > 0 {
                rows_of_header -= 1;
                continue;
            }
            self.row(line, &record, out)?;
        }
        // Empty rows at the end are like blank lines. A file without any other row may have lost its ids.
        if self.width.is_none() {
            self.show_empty(out)?;
        }
        Ok(())
    }

    fn row(&mut self, line: u64, record: &ByteRecord, out: &mut RowSink) -> Result<(), AudienceError> {
        if are_empty(record.iter()) {
            match &mut self.empty {
                Some(rows) if rows.first + rows.count == line => rows.count += 1,
                _ => {
                    self.show_empty(out)?;
                    self.empty = Some(EmptyRows { first: line, count: 1 });
                }
            }
            return Ok(());
        }
        self.show_empty(out)?;
        let count = self.header.count;
        let longer = record.len() > count && are_empty(record.iter().skip(count));
        let width = *self.width.get_or_insert(if longer { record.len() } else { count });
        let text = self.text(record, width);
        let open_id = text.as_deref().map_err(|kind| *kind);
        let open_id = open_id.and_then(|text| usable(text, self.column));
        let last_active = self.last_active(record);
        let last_active = last_active
            .as_deref()
            .map_or(Activity::Unknown, |text| self.activity.text(text));
        out.row(line, open_id, last_active)
    }

    /// Shows the empty rows, which are not at the end.
    fn show_empty(&mut self, out: &mut RowSink) -> Result<(), AudienceError> {
        let Some(EmptyRows { first, count }) = self.empty.take() else {
            return Ok(());
        };
        (first..first + count).try_for_each(|line| out.row(line, Err(UnusableKind::Empty), Activity::Unknown))
    }

    /// Returns the text of the last activity; `None` without such a column.
    fn last_active<'r>(&self, record: &'r ByteRecord) -> Option<Cow<'r, str>> {
        let field = self.header.last_active.and_then(|column| record.get(column))?;
        // A person can read the value if it is in the other encoding.
        let decoded = decode(field, self.encoding).or_else(|| decode(field, Encoding::Gb18030));
        Some(decoded.unwrap_or_else(|| decode_lossily(field, self.encoding)))
    }

    /// Returns the text of the open_id in a row of a file whose rows have `width` fields.
    fn text<'r>(&self, record: &'r ByteRecord, width: usize) -> Result<Cow<'r, str>, UnusableKind> {
        // Some programs end every row, but not the header, with a delimiter. More fields in some rows alone come from a
        // delimiter within a value, which moves the open_id to another field.
        let count = self.header.count;
        let fits = record.len() == width && are_empty(record.iter().skip(count));
        match record.get(self.header.open_id) {
            Some(field) if fits => decode(field, self.encoding).ok_or(UnusableKind::NotText),
            _ => Err(UnusableKind::WrongFields),
        }
    }
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
