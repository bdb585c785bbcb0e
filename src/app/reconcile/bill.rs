//! Reads a bill of the platform: a table whose columns, encoding and separator no document states.
//!
//! The reader takes the table as it is: UTF-8 with or without a byte order mark, UTF-16 with one, else GB18030; the separator that
//! the first line has most of. A table that is not whole settles nothing, so every doubt about its form is a flaw.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::{CoderResult, Decoder, Encoding, GB18030, UTF_8};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The separators that a bill may have.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// How many bytes are read at once.
const PIECE: usize = 64 << 10;
/// The most columns that a bill may have.
pub const MOST_COLUMNS: usize = 64;
/// The longest cell, in bytes. More is an open quote that swallows rows.
const LONGEST_CELL: usize = 4096;
/// How many digits in one cell make a row one of data, and not of titles.
const DIGITS: usize = 6;

/// Why a bill cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It cannot be read from the disk.
    Unreadable(String),
    /// It is not text.
    NotText,
    /// A row has another number of columns than the first one.
    Width {
        /// The row, from 1.
        row: u64,
        /// Its number of columns.
        columns: usize,
        /// That of the first row.
        expected: usize,
    },
    /// It has too many columns, or a cell that is too long.
    NotATable {
        /// The row, from 1.
        row: u64,
    },
    /// It has no column that the mapping names.
    NoColumn(String),
    /// Two columns have the name that the mapping gives.
    TwoColumns(String),
    /// An id was changed by a spreadsheet, so it cannot be read back exactly.
    ChangedId {
        /// The row, from 1.
        row: u64,
        /// The cell.
        cell: String,
    },
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// One row of a bill.
#[derive(Clone, Copy, Debug)]
pub struct BillRow<'r> {
    /// The row, from 1.
    pub number: u64,
    cells: &'r ByteRecord,
    /// Whether the bill ends within this row: its last cell may be cut.
    pub may_be_cut: bool,
}

impl<'r> BillRow<'r> {
    /// The text of a cell, without what spreadsheets and exports put around ids.
    pub fn cell(&self, column: usize) -> Cow<'r, str> {
        match String::from_utf8_lossy(self.cells.get(column).unwrap_or_default()) {
            Cow::Borrowed(text) => Cow::Borrowed(bare(text)),
            Cow::Owned(text) => Cow::Owned(bare(&text).to_owned()),
        }
    }

    /// The number of cells.
    pub fn width(&self) -> usize {
        self.cells.len()
    }
}

/// Removes white space, a guard against formulas (`'`, a back-tick), and the form `="…"`.
fn bare(cell: &str) -> &str {
    let is_padding = |c: char| c.is_whitespace() || c == '\u{feff}';
    let cell = cell.trim_matches(is_padding);
    let cell = match cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner,
        None => cell,
    };
    cell.trim_start_matches(['\'', '`', '\u{2018}', '\u{2019}'])
        .trim_matches(is_padding)
}

/// Whether a spreadsheet has turned an id into a number: `7.30012E+18` or `7300120000000000000.0`.
pub fn is_changed_id(cell: &str) -> bool {
    let is_number = cell.bytes().any(|byte| byte.is_ascii_digit())
        && cell
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'e' | b'E' | b'+' | b'-'));
    let is_power = cell.contains(['e', 'E']) && (cell.contains('.') || cell.contains('+'));
    is_number && (is_power || (cell.contains(['.', ',']) && !cell.contains(['e', 'E'])))
}

/// Reads a time of receipt: Unix seconds or milliseconds, or a date and a time in `zone`. `None` for anything else.
pub fn time(cell: &str, zone: &TimeZone) -> Option<Timestamp> {
    if cell.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = cell.parse().ok()?;
        return match cell.len() {
            10 => Timestamp::from_second(number).ok(),
            13 => Timestamp::from_millisecond(number).ok(),
            14 => local("%Y%m%d%H%M%S", cell, zone),
            _ => None,
        };
    }
    let formats = [
        "%Y-%m-%d %H:%M:%S",
        "%Y/%m/%d %H:%M:%S",
        "%Y.%m.%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y年%m月%d日 %H:%M:%S",
    ];
    let cell = cell.split_once('.').map_or(cell, |(time, fraction)| {
        let is_fraction = time.contains(':') && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if is_fraction { time } else { cell }
    });
    let written = formats.into_iter().find_map(|format| local(format, cell, zone));
    written.or_else(|| cell.parse::<Timestamp>().ok())
}

fn local(format: &str, cell: &str, zone: &TimeZone) -> Option<Timestamp> {
    let written = DateTime::strptime(format, cell).ok()?;
    zone.to_timestamp(written).ok()
}

/// Whether a row has titles: no cell of it has several digits.
fn is_header(row: &ByteRecord) -> bool {
    row.iter()
        .all(|cell| cell.iter().filter(|byte| byte.is_ascii_digit()).count() < DIGITS)
}

/// Reads all rows of a bill. `header` is called once, with the titles of the columns if it has any, and the number of columns; its
/// error is a flaw. `each` is called for each other row.
///
/// # Errors
/// When the bill is not a whole table.
pub fn read(
    path: &Path,
    header: impl FnOnce(Option<&BillRow<'_>>, usize) -> Result<(), Flaw>,
    mut each: impl FnMut(BillRow<'_>) -> Result<(), Flaw>,
) -> Result<u64, Flaw> {
    let mut file = File::open(path)?;
    let form = Form::find(&mut file)?;
    file.rewind()?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(form.separator)
        .from_reader(Decoded::new(BufReader::new(file), form.encoding));
    let mut header = Some(header);
    let mut row = ByteRecord::new();
    // A row is passed on when the next one is read, so that the last one is known.
    let mut previous: Option<(u64, ByteRecord)> = None;
    let mut width = 0;
    let mut number = 0;
    let mut rows = 0;
    loop {
        let is_end = !reader.read_byte_record(&mut row).map_err(unreadable)?;
        if let Some((number, cells)) = previous.take() {
            rows += 1;
            each(BillRow {
                number,
                cells: &cells,
                may_be_cut: is_end && !form.is_terminated,
            })?;
        }
        if is_end {
            break;
        }
        number += 1;
        let is_blank = row.iter().all(|cell| cell.trim_ascii().is_empty());
        if is_blank {
            continue;
        }
        if row.len() > MOST_COLUMNS || row.iter().any(|cell| cell.len() > LONGEST_CELL) {
            return Err(Flaw::NotATable { row: number });
        }
        if let Some(header) = header.take() {
            width = row.len();
            let titles = BillRow {
                number,
                cells: &row,
                may_be_cut: false,
            };
            let has_titles = is_header(&row);
            header(has_titles.then_some(&titles), width)?;
            if has_titles {
                continue;
            }
        }
        if row.len() != width {
            return Err(Flaw::Width {
                row: number,
                columns: row.len(),
                expected: width,
            });
        }
        previous = Some((number, row.clone()));
    }
    if let Some(header) = header {
        header(None, 0)?;
    }
    Ok(rows)
}

fn unreadable(error: csv::Error) -> Flaw {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => Flaw::NotText,
        csv::ErrorKind::Io(error) => error.into(),
        other => Flaw::Unreadable(format!("{other:?}")),
    }
}

/// How a bill is written.
struct Form {
    encoding: &'static Encoding,
    separator: u8,
    /// Whether it ends with the end of a line.
    is_terminated: bool,
}

impl Form {
    fn find(file: &mut File) -> io::Result<Self> {
        let mut first = vec![0; PIECE];
        let length = fill(file, &mut first)?;
        first.truncate(length);
        let encoding = match Encoding::for_bom(&first) {
            Some((encoding, _)) => encoding,
            None if is_utf8(file, &first)? => UTF_8,
            None => GB18030,
        };
        let (text, _, _) = encoding.decode(&first);
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let count = |separator: &u8| line.bytes().filter(|byte| byte == separator).count();
        // The first one of several that occur as often.
        let separator = SEPARATORS.into_iter().rev().max_by_key(count).unwrap_or(b',');
        let length = file.metadata()?.len();
        let mut end = [0; 2];
        file.seek(io::SeekFrom::Start(length.saturating_sub(2)))?;
        let last = fill(file, &mut end)?;
        Ok(Self {
            encoding,
            separator,
            is_terminated: end.get(..last).unwrap_or_default().contains(&b'\n'),
        })
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = into.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// Whether the whole file is UTF-8. Its first piece is read already.
fn is_utf8(file: &mut File, first: &[u8]) -> io::Result<bool> {
    let mut pending: Vec<u8> = first.to_vec();
    let mut piece = vec![0; PIECE];
    loop {
        let keep = match std::str::from_utf8(&pending) {
            Ok(_) => pending.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Ok(false),
        };
        pending.drain(..keep);
        let length = fill(file, &mut piece)?;
        if length == 0 {
            return Ok(pending.is_empty());
        }
        pending.extend_from_slice(piece.get(..length).unwrap_or_default());
    }
}

/// Decodes a file to UTF-8. Bytes that are no text are an error of the kind `InvalidData`.
struct Decoded<R> {
    from: R,
    decoder: Decoder,
    input: Vec<u8>,
    output: Vec<u8>,
    at: usize,
    is_end: bool,
}

impl<R: Read> Decoded<R> {
    fn new(from: R, encoding: &'static Encoding) -> Self {
        Self {
            from,
            decoder: encoding.new_decoder(),
            input: vec![0; PIECE],
            output: Vec::new(),
            at: 0,
            is_end: false,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let length = fill(&mut self.from, &mut self.input)?;
        let is_last = length < self.input.len();
        let input = self.input.get(..length).unwrap_or_default();
        let most = self.decoder.max_utf8_buffer_length(length).unwrap_or(4 * PIECE);
        self.output.resize(most, 0);
        let (result, _, written, had_errors) = self.decoder.decode_to_utf8(input, &mut self.output, is_last);
        if had_errors || result == CoderResult::OutputFull {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.output.truncate(written);
        self.at = 0;
        self.is_end = is_last;
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.output.len() {
            if self.is_end {
                return Ok(0);
            }
            self.decode_more()?;
        }
        let rest = self.output.get(self.at..).unwrap_or_default();
        let length = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
