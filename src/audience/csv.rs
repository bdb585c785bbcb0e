//! An audience in a file of comma-separated values.
//!
//! GB18030 needs no pass of its own: none of its multi-byte characters has a byte in common with a delimiter, a quote or
//! a line end, so rows and fields are found in the bytes, and only an open_id is ever decoded.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use encoding_rs::GB18030;
use memchr::{memchr, memchr_iter};

use super::error::Flaw;
use super::sound::{Found, LONGEST_ROW, Sound};
use super::{AudienceError, CsvSource, Encoding, Row, Totals};
use crate::event::UnusableKind;
use crate::identity::{NameError, OpenId};

/// Every delimiter that a header is tried with, the likeliest first.
const DELIMITERS: [u8; 3] = *b",;\t";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 128 << 10;

pub(super) fn read(
    source: &CsvSource,
    on_row: impl FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<Totals, AudienceError> {
    let path = source.path.as_path();
    let mut file = open(path)?;
    let before = file.metadata().map_err(unreadable(path))?;
    let mut start = Vec::new();
    // A header is a row, so it lies whole in the longest that a row may be.
    let longest = u64::try_from(LONGEST_ROW).unwrap_or(u64::MAX);
    Read::by_ref(&mut file)
        .take(longest)
        .read_to_end(&mut start)
        .map_err(unreadable(path))?;
    let (mark, text) = match start.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (BYTE_ORDER_MARK, text),
        None => (&[][..], start.as_slice()),
    };
    let header = Header::find(source, text)?;
    file.seek(SeekFrom::Start(mark.len() as u64))
        .map_err(unreadable(path))?;

    let sound = Sound::new(file, mark, header.delimiter);
    let mut rows = Rows {
        path,
        encoding: source.encoding,
        reader: reader(sound, header.delimiter),
        header,
        count: 0,
    };
    rows.show(on_row)?;
    let count = rows.count;
    let (bytes, hash) = rows.reader.into_inner().finish();
    stood_still(path, &before, bytes)?;
    Ok(Totals {
        rows: count,
        bytes,
        hash,
    })
}

/// Opens a regular file only: a pipe would wait for whoever writes to it, and could not be read again by the next apply.
fn open(path: &Path) -> Result<File, AudienceError> {
    let kind = std::fs::metadata(path).map_err(unreadable(path))?.file_type();
    if !kind.is_file() {
        return Err(AudienceError::NotAFile {
            path: path.into(),
            what: if kind.is_dir() {
                "a directory"
            } else {
                "a pipe or a device"
            },
        });
    }
    File::open(path).map_err(unreadable(path))
}

/// What has the path by now must be the very file that was opened, as long and as old, and read as a whole.
fn stood_still(path: &Path, before: &Metadata, bytes: u64) -> Result<(), AudienceError> {
    let mark = |of: &Metadata| (of.dev(), of.ino(), of.len(), of.mtime(), of.mtime_nsec());
    if before.len() == bytes && std::fs::metadata(path).is_ok_and(|now| mark(&now) == mark(before)) {
        return Ok(());
    }
    Err(AudienceError::Changed { path: path.into() })
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> AudienceError {
    move |source| AudienceError::Unreadable {
        path: path.into(),
        source,
    }
}

fn malformed(path: &Path, line: u64, flaw: Flaw) -> AudienceError {
    AudienceError::Malformed {
        path: path.into(),
        line,
        flaw,
    }
}

/// Rows end at line feeds only, so that lines are counted as an editor counts them; the carriage return of Windows'
/// line ends is white space at the end of the last field.
fn reader<R: Read>(bytes: R, delimiter: u8) -> Reader<R> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(BUFFER)
        .from_reader(bytes)
}

/// A line that has nothing on it is no row.
fn blank(record: &ByteRecord) -> bool {
    record.len() == 1 && matches!(record.as_slice(), b"" | b"\r")
}

/// What the header line says.
struct Header {
    delimiter: u8,
    /// How many fields a row has.
    fields: usize,
    /// Which of them is the open_id.
    column: usize,
}

/// A header line, read with one delimiter.
struct Columns {
    delimiter: u8,
    line: u64,
    names: Vec<String>,
}

impl Header {
    /// Finds the column in the file's beginning.
    fn find(source: &CsvSource, text: &[u8]) -> Result<Self, AudienceError> {
        let path = source.path.as_path();
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err(malformed(path, 1, Flaw::Utf16));
        }
        let wanted = source.open_id.trim();
        let columns = Columns::guess(source, wanted, text)?;
        let mut places = columns.names.iter().enumerate().filter(|(_, name)| *name == wanted);
        if let (Some((column, _)), None) = (places.next(), places.next()) {
            return Ok(Self {
                delimiter: columns.delimiter,
                fields: columns.names.len(),
                column,
            });
        }
        // A header in which quotes do not pair shows other columns than whoever wrote it sees.
        let mut sound = reader(Sound::new(text, &[], columns.delimiter), columns.delimiter);
        sound
            .read_byte_record(&mut ByteRecord::new())
            .map_err(|error| failed(path, error))?;
        let times = columns.names.iter().filter(|name| *name == wanted).count();
        let (path, line, column) = (path.to_owned(), columns.line, wanted.to_owned());
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
            nearest: nearest(wanted, &columns.names),
            found: columns.names,
        })
    }
}

impl Columns {
    /// The columns by the delimiter that the source names; else by the one that makes the wanted column appear; else by
    /// the one that makes most columns.
    fn guess(source: &CsvSource, wanted: &str, text: &[u8]) -> Result<Self, AudienceError> {
        let path = source.path.as_path();
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
        best.ok_or_else(|| AudienceError::Empty { path: path.into() })
    }

    /// Reads the header from the file's beginning; none when nothing is there but blank lines.
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
            return Err(malformed(path, line, Flaw::Nul));
        }
        let names: Vec<_> = record
            .iter()
            .map(|name| decode_lossily(name, encoding).trim_matches([' ', '\r']).to_owned())
            .collect();
        if names.iter().any(|name| name.contains('\r')) {
            return Err(malformed(path, line, Flaw::LoneCarriageReturn));
        }
        Ok(Some(Self { delimiter, line, names }))
    }
}

/// The column that was probably meant: the same but for its case, or one or two typing mistakes away.
fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let folded = wanted.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.clone())
}

/// The rows behind the header.
struct Rows<'a> {
    path: &'a Path,
    encoding: Encoding,
    header: Header,
    reader: Reader<Sound<File>>,
    count: u64,
}

impl Rows<'_> {
    fn show(&mut self, mut on_row: impl FnMut(Row<'_>) -> ControlFlow<()>) -> Result<(), AudienceError> {
        let mut record = ByteRecord::new();
        let mut header_seen = false;
        let mut line_before = self.reader.position().line();
        while self
            .reader
            .read_byte_record(&mut record)
            .map_err(|error| failed(self.path, error))?
        {
            let line_behind = self.reader.position().line();
            // A row that begins right where the one before ended has its line; else blank lines stand between, or line
            // ends within quotes.
            let line = match line_behind - line_before {
                0 | 1 => line_before,
                _ => line_behind.saturating_sub(1 + newlines(&record)),
            };
            line_before = line_behind;
            if record.as_slice().len() > LONGEST_ROW {
                return Err(malformed(self.path, line, Flaw::TooLong));
            }
            // The first row that is not blank is the header, which was read before.
            if blank(&record) || !std::mem::replace(&mut header_seen, true) {
                continue;
            }
            self.count += 1;
            let text = self.text(&record);
            let open_id = text.as_deref().map_err(|kind| *kind).and_then(usable);
            if on_row(Row { line, open_id }).is_break() {
                return Err(AudienceError::BrokenOff { path: self.path.into() });
            }
        }
        Ok(())
    }

    /// The text in the column of the open_id.
    fn text<'r>(&self, record: &'r ByteRecord) -> Result<Cow<'r, str>, UnusableKind> {
        match record.get(self.header.column) {
            Some(field) if record.len() == self.header.fields => {
                decode(field, self.encoding).ok_or(UnusableKind::NotText)
            }
            _ => Err(UnusableKind::WrongFields),
        }
    }
}

/// An open_id that may be sent to, or why it may not.
fn usable(text: &str) -> Result<&str, UnusableKind> {
    OpenId::check(text)
        .map_err(|error| match error {
            NameError::Empty => UnusableKind::Empty,
            NameError::TooLong { .. } => UnusableKind::TooLong,
            NameError::Character { .. } | NameError::NotComposed => UnusableKind::NotPrintable,
        })
        .and_then(|open_id| {
            // Where a replacement character stands, a program before us could not read the text either.
            if open_id.contains(char::REPLACEMENT_CHARACTER) {
                return Err(UnusableKind::NotText);
            }
            Ok(open_id)
        })
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

/// What went wrong below the parser. The parser itself refuses nothing that it is given here.
fn failed(path: &Path, error: csv::Error) -> AudienceError {
    let error = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    };
    match error.downcast::<Found>() {
        Ok(Found { line, flaw }) => malformed(path, line, flaw),
        Err(source) => unreadable(path)(source),
    }
}
