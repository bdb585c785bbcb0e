//! Reads the pages of one column, and bounds the memory that they take.
//!
//! The library unpacks a page as a whole and trusts its header, and a few kilobytes can unpack to gigabytes. So each
//! header is read here first, when the library asks for the bytes of its page.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use crate::catalogue::audience;
use crate::model::foreign::shortened;

/// The largest page, packed or unpacked. Most writers make pages of 1 MiB; the largest known make them of 100 MiB.
const MOST_PAGE: u64 = 128 << 20;
/// The largest dictionary.
const MOST_DICTIONARY: u64 = 64 << 20;
/// The most values of a dictionary. Each takes 32 bytes of memory, however short it is.
const MOST_DICTIONARY_VALUES: u64 = 2 << 20;
/// The most values of a page whose lengths are unpacked before the first value is read.
const MOST_LENGTHS: u64 = 8 << 20;
/// The largest footer.
const MOST_FOOTER: u64 = 32 << 20;
/// LZ4 packs at most 255 bytes in one. The library does not bound the old frames of this codec.
const LZ4_RATIO: u64 = 255;
const LZ4_FRAME: &[u8] = &[0x04, 0x22, 0x4d, 0x18];
/// How many rows of a column are read at once.
const AT_ONCE: usize = 4096;
/// The most bytes of fixed length that are read at once.
const MOST_FIXED: usize = 4 << 20;

/// A part of a Parquet file that would take too much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct TooLarge {
    part: Part,
    size: u64,
    most: u64,
}

/// What is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Footer,
    Page,
    UnpackedPage,
    Lz4Page,
    ValuesOfPage,
    Dictionary,
    ValuesOfDictionary,
}

impl TooLarge {
    fn check(part: Part, size: u64, most: u64) -> std::result::Result<(), Self> {
        if size <= most {
            return Ok(());
        }
        Err(Self { part, size, most })
    }

    /// Checks the length of a footer.
    pub(super) fn footer(bytes: u64) -> std::result::Result<(), Self> {
        Self::check(Part::Footer, bytes, MOST_FOOTER)
    }

    /// Returns an error for each part.
    #[cfg(test)]
    pub(crate) fn of_every_part() -> [Self; 7] {
        let parts = [
            Part::Footer,
            Part::Page,
            Part::UnpackedPage,
            Part::Lz4Page,
            Part::ValuesOfPage,
            Part::Dictionary,
            Part::ValuesOfDictionary,
        ];
        parts.map(|part| Self {
            part,
            size: 200_000_000,
            most: 100_000_000,
        })
    }

    fn message(self) -> String {
        let Self { part, size, most } = self;
        match part {
            Part::Footer => audience::LargeFooter { size, most }.to_string(),
            Part::Page => audience::LargePage { size, most }.to_string(),
            Part::UnpackedPage => audience::LargeUnpackedPage { size, most }.to_string(),
            Part::Lz4Page => audience::LargeLz4Page { size, most }.to_string(),
            Part::ValuesOfPage => audience::ManyInPage { size, most }.to_string(),
            Part::Dictionary => audience::LargeDictionary { size, most }.to_string(),
            Part::ValuesOfDictionary => audience::ManyInDictionary { size, most }.to_string(),
        }
    }
}

impl From<TooLarge> for ParquetError {
    fn from(error: TooLarge) -> Self {
        Self::External(Box::new(error))
    }
}

/// Why a Parquet file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParquetFault {
    /// The message of the library.
    Library(String),
    /// It is encrypted.
    Encrypted,
    /// Parts of it contradict each other.
    Contradicts,
    /// It uses this part of the format, which the library does not support.
    NotSupported(String),
    /// A page is wrong.
    Page(PageFault),
}

impl fmt::Display for ParquetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(why) => shortened(why).fmt(f),
            Self::Encrypted => audience::ParquetEncrypted.fmt(f),
            Self::Contradicts => audience::ParquetContradicts.fmt(f),
            Self::NotSupported(what) => audience::ParquetNotSupported { what: &shortened(what) }.fmt(f),
            Self::Page(fault) => fault.fmt(f),
        }
    }
}

/// What is wrong with a page of a Parquet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// A column has fewer rows than its group.
    #[error("{}", audience::ParquetFewerRows)]
    FewerRows,
    /// It ends after the end of the file.
    #[error("{}", audience::ParquetPageBeyondFile)]
    BeyondFile,
    /// Its header has no size.
    #[error("{}", audience::ParquetPageWithoutSize)]
    WithoutSize,
    /// It unpacks to more than its header says.
    #[error("{}", audience::ParquetPageUnpacksToMore)]
    UnpacksToMore,
    /// A number in its header is too long.
    #[error("{}", audience::ParquetLongNumber)]
    LongNumber,
    /// It has an encoding that its column does not name.
    #[error("{}", audience::ParquetUnnamedEncoding)]
    UnnamedEncoding,
    /// It has more values than its header says.
    #[error("{}", audience::ParquetMoreValues)]
    MoreValues,
    /// It has an old encoding of levels and a new one of values.
    #[error("{}", audience::ParquetMixedEncodings)]
    MixedEncodings,
    /// Its lengths are not well-formed.
    #[error("{}", audience::ParquetMalformedLengths)]
    MalformedLengths,
    /// Its lengths are cut off.
    #[error("{}", audience::ParquetCutLengths)]
    CutLengths,
}

impl From<PageFault> for ParquetError {
    fn from(fault: PageFault) -> Self {
        Self::External(Box::new(fault))
    }
}

/// Returns a reader of the column, and how many of its rows may be read at once.
pub(super) fn column_reader(
    file: &Arc<File>,
    column: &ColumnChunkMetaData,
    rows: i64,
) -> Result<(ColumnReader, usize)> {
    let chunk = Chunk {
        file: Arc::clone(file),
        length: file.metadata()?.len(),
        compression: column.compression(),
        header: AtomicU64::new(0),
    };
    let rows = usize::try_from(rows)?;
    // A value of this encoding repeats the beginning of the value before it, so it is longer than its share of the page.
    let is_prefixed = column
        .encodings()
        .any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY);
    let description = column.column_descr_ptr();
    let fixed = usize::try_from(description.type_length()).unwrap_or_default();
    let at_once = if is_prefixed {
        1
    } else {
        (MOST_FIXED / fixed.max(1)).clamp(1, AT_ONCE)
    };
    let pages = Pages {
        reader: SerializedPageReader::new(Arc::new(chunk), column, rows, None)?,
        levels: description.max_def_level(),
        is_prefixed,
    };
    Ok((get_column_reader(description, Box::new(pages)), at_once))
}

/// The bytes of a file, for one column.
struct Chunk {
    file: Arc<File>,
    length: u64,
    compression: Compression,
    /// Where the header that was asked for last begins. Its page follows it.
    header: AtomicU64,
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunk {
    type T = BufReader<Rest>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.header.store(start, Ordering::Relaxed);
        Ok(BufReader::new(Rest {
            file: Arc::clone(&self.file),
            at: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let packed = length as u64;
        if start.checked_add(packed).is_none_or(|end| end > self.length) {
            return Err(PageFault::BeyondFile.into());
        }
        TooLarge::check(Part::Page, packed, MOST_PAGE)?;
        let header = self.header.load(Ordering::Relaxed);
        let header = PageHeader::read(BufReader::new(Rest {
            file: Arc::clone(&self.file),
            at: header,
        }))?;
        header.check()?;
        let mut body = vec![0; length];
        self.file.read_exact_at(&mut body, start)?;
        header.check_body(&body, self.compression)?;
        Ok(body.into())
    }
}

/// A file from a position on.
pub(super) struct Rest {
    file: Arc<File>,
    at: u64,
}

impl Read for Rest {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The numbers in the header of a page that say how much memory the page takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PageHeader {
    unpacked: u64,
    dictionary_values: Option<u64>,
    /// The bytes of levels at the beginning of a page of version 2, which are never packed.
    levels: u64,
}

impl PageHeader {
    /// Reads a header in Thrift's compact protocol: the fields of a struct in ascending order, then a zero.
    fn read(from: impl Read) -> Result<Self> {
        const DICTIONARY: i32 = 7;
        const VERSION_2: i32 = 8;
        let mut thrift = Thrift(from);
        let mut header = Self::default();
        let mut unpacked = None;
        let mut id = 0;
        while let Some(kind) = thrift.field(&mut id)? {
            match (id, kind) {
                (2, INT) => unpacked = Some(thrift.count()?),
                (_, INT) => drop(thrift.number()?),
                (_, STRUCT) => {
                    let mut within = 0;
                    while let Some(kind) = thrift.field(&mut within)? {
                        match (id, within, kind) {
                            (DICTIONARY, 1, INT) => header.dictionary_values = Some(thrift.count()?),
                            (VERSION_2, 5 | 6, INT) => header.levels += thrift.count()?,
                            (_, _, INT) => drop(thrift.number()?),
                            (_, _, TRUE | FALSE) => {}
                            // Statistics come last, and say nothing about memory.
                            _ => break,
                        }
                    }
                    break;
                }
                _ => break,
            }
        }
        header.unpacked = unpacked.ok_or(PageFault::WithoutSize)?;
        Ok(header)
    }

    /// Checks the memory that the page takes by its header.
    fn check(&self) -> std::result::Result<(), TooLarge> {
        match self.dictionary_values {
            None => TooLarge::check(Part::UnpackedPage, self.unpacked, MOST_PAGE),
            Some(values) => {
                TooLarge::check(Part::Dictionary, self.unpacked, MOST_DICTIONARY)?;
                TooLarge::check(Part::ValuesOfDictionary, values, MOST_DICTIONARY_VALUES)
            }
        }
    }

    /// Checks a packed page in the codecs that the library unpacks without a bound.
    fn check_body(&self, body: &[u8], compression: Compression) -> Result<()> {
        match compression {
            Compression::GZIP(_) => {
                let levels = usize::try_from(self.levels)?;
                let packed = body.get(levels..).unwrap_or_default();
                let most = self.unpacked.saturating_sub(self.levels);
                // A page without values may have no packed bytes, and damage is for the library to report.
                let mut unpacked = MultiGzDecoder::new(packed).take(most + 1);
                let unpacked = io::copy(&mut unpacked, &mut io::sink()).unwrap_or_default();
                if unpacked > most {
                    return Err(PageFault::UnpacksToMore.into());
                }
            }
            Compression::LZ4 if body.starts_with(LZ4_FRAME) => {
                let most = MOST_PAGE / LZ4_RATIO;
                TooLarge::check(Part::Lz4Page, body.len() as u64, most)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The types of fields in Thrift's compact protocol. A boolean has its value in its type.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 5;
const STRUCT: u8 = 12;

/// Thrift's compact protocol, as far as the header of a page needs it.
struct Thrift<R>(R);

impl<R: Read> Thrift<R> {
    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn unsigned(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(PageFault::LongNumber.into())
    }

    fn number(&mut self) -> Result<i64> {
        let number = self.unsigned()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn count(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.number()?)?)
    }

    /// Reads the head of the next field: sets its `id` and returns its type; `None` at the end of the struct.
    fn field(&mut self, id: &mut i32) -> Result<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        *id = match head >> 4 {
            0 => i32::try_from(self.number()?)?,
            more => *id + i32::from(more),
        };
        Ok(Some(head & 0x0f))
    }
}

/// The pages of a column.
struct Pages {
    reader: SerializedPageReader<Chunk>,
    /// The highest definition level.
    levels: i16,
    /// Whether the column names an encoding with prefixes.
    is_prefixed: bool,
}

impl Pages {
    /// Checks how many lengths an unpacked page has. The library makes room for all of them before it reads one.
    fn check(&self, page: &Page) -> Result<()> {
        let streams = match page.encoding() {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            Encoding::DELTA_BYTE_ARRAY if self.is_prefixed => 2,
            Encoding::DELTA_BYTE_ARRAY => {
                return Err(PageFault::UnnamedEncoding.into());
            }
            _ => return Ok(()),
        };
        let skipped = level_bytes(page, self.levels)?;
        let mut values = page.buffer().get(skipped..).unwrap_or_default();
        for _ in 0..streams {
            let lengths = skip_deltas(&mut values)?;
            if lengths > u64::from(page.num_values()) {
                return Err(PageFault::MoreValues.into());
            }
            TooLarge::check(Part::ValuesOfPage, lengths, MOST_LENGTHS)?;
        }
        Ok(())
    }
}

/// Returns how many bytes of levels precede the values of a page.
fn level_bytes(page: &Page, levels: i16) -> Result<usize> {
    Ok(match page {
        Page::DataPageV2 {
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => usize::try_from(u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len))?,
        Page::DataPage { def_level_encoding, .. } if levels > 0 && *def_level_encoding != Encoding::RLE => {
            return Err(PageFault::MixedEncodings.into());
        }
        Page::DataPage { buf, .. } if levels > 0 => {
            let length = buf.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
            usize::try_from(4 + u64::from(length))?
        }
        _ => 0,
    })
}

/// Skips a stream of numbers in the encoding `DELTA_BINARY_PACKED`, and returns how many there are.
fn skip_deltas(bytes: &mut &[u8]) -> Result<u64> {
    let mut stream = Thrift(&mut *bytes);
    let block = stream.unsigned()?;
    let parts = stream.unsigned()?;
    let count = stream.unsigned()?;
    stream.number()?;
    if block == 0 || parts == 0 || block % parts != 0 {
        return Err(PageFault::MalformedLengths.into());
    }
    let of_part = block / parts;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        Thrift(&mut *bytes).number()?;
        let rest = *bytes;
        let parts = usize::try_from(parts)?;
        let widths = rest.get(..parts).ok_or(PageFault::CutLengths)?;
        let mut skipped = parts as u64;
        for width in widths {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(of_part);
            skipped = skipped.saturating_add(u64::from(*width).saturating_mul(of_part) / 8);
        }
        *bytes = rest.get(usize::try_from(skipped)?..).unwrap_or_default();
    }
    Ok(count)
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.reader.get_next_page()?;
        if let Some(page) = &page {
            self.check(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.reader.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.reader.skip_next_page()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The numbers of a compact protocol, as a writer encodes them.
    fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(0x80 | number.to_le_bytes()[0]);
            number >>= 7;
        }
        bytes.push(number.to_le_bytes()[0]);
        bytes
    }

    fn int(delta: u8, number: u64) -> Vec<u8> {
        [vec![delta << 4 | INT], varint(number << 1)].concat()
    }

    /// The header of a page of type `kind`, whose own struct is field `id` and has these numbers.
    fn header(kind: u64, id: u8, unpacked: u64, numbers: &[u64]) -> PageHeader {
        let head = [int(1, kind), int(1, unpacked), int(1, 40)].concat();
        let own = [
            vec![(id - 3) << 4 | STRUCT],
            numbers.iter().flat_map(|n| int(1, *n)).collect(),
        ]
        .concat();
        PageHeader::read(&[head, own, vec![0, 0]].concat()[..]).expect("a header")
    }

    #[test]
    fn a_page_is_refused_by_the_size_in_its_header() {
        let fits = header(0, 5, 128 << 20, &[10, 0, 3, 3]);
        assert_eq!(fits.check(), Ok(()));
        let large = header(0, 5, (128 << 20) + 1, &[10, 0, 3, 3])
            .check()
            .expect_err("it is too large");
        assert_eq!(
            large.to_string(),
            "a page unpacks to 134,217,729 bytes, and at most 134,217,728 are read"
        );
    }

    #[test]
    fn a_dictionary_is_refused_by_its_size_and_by_its_values() {
        assert_eq!(header(2, 7, 64 << 20, &[2 << 20, 0]).check(), Ok(()));
        let large = header(2, 7, 65 << 20, &[1, 0]).check().expect_err("it is too large");
        assert_eq!(
            large.to_string(),
            "a dictionary unpacks to 68,157,440 bytes, and at most 67,108,864 are read"
        );
        let many = header(2, 7, 100, &[i32::MAX as u64, 0])
            .check()
            .expect_err("it has too many values");
        assert_eq!(
            many.to_string(),
            "a dictionary has 2,147,483,647 values, and at most 2,097,152 are read"
        );
    }

    #[test]
    fn a_footer_is_refused_by_its_length() {
        assert_eq!(TooLarge::footer(32 << 20), Ok(()));
        let large = TooLarge::footer(u32::MAX.into()).expect_err("it is too large");
        assert_eq!(
            large.to_string(),
            "its footer has 4,294,967,295 bytes, and at most 33,554,432 are read"
        );
    }

    #[test]
    fn a_header_without_a_size_is_malformed() {
        assert!(PageHeader::read(&[0x15, 0, 0][..]).is_err());
        assert!(PageHeader::read(&[0x15, 0xff][..]).is_err(), "it is cut off");
        assert!(PageHeader::read(&[0x25, 1][..]).is_err(), "the size is negative");
    }

    /// The library unpacks all of it before it compares the sizes.
    #[test]
    fn gzip_data_beyond_the_size_in_the_header_is_refused() {
        let mut packed = flate2::write::GzEncoder::new(b"levels".to_vec(), flate2::Compression::best());
        packed.write_all(&[0; 1000]).expect("memory takes it");
        let body = packed.finish().expect("memory takes it");
        let gzip = Compression::GZIP(parquet::basic::GzipLevel::default());
        let says = |unpacked| header(3, 8, unpacked, &[1, 0, 1, 0, 6, 0]).check_body(&body, gzip);
        assert!(says(1006).is_ok());
        let error = says(1005).expect_err("it unpacks to more");
        assert!(
            error
                .to_string()
                .ends_with("a page unpacks to more than its header says"),
            "{error}"
        );
    }

    #[test]
    fn frames_of_lz4_are_refused_if_they_may_unpack_to_too_much() {
        let page = header(0, 5, 100, &[10, 0, 3, 3]);
        let frames = |bytes: usize| [LZ4_FRAME, &vec![0; bytes]].concat();
        assert!(page.check_body(&frames(100_000), Compression::LZ4).is_ok());
        assert!(page.check_body(&frames(1 << 20), Compression::LZ4).is_err());
        assert!(page.check_body(&frames(1 << 20), Compression::LZ4_RAW).is_ok());
    }

    /// A page of version 2 without levels, in an encoding with lengths.
    fn page(encoding: Encoding, num_values: u32, buf: Vec<u8>) -> Page {
        Page::DataPageV2 {
            buf: buf.into(),
            num_values,
            encoding,
            num_nulls: 0,
            num_rows: num_values,
            def_levels_byte_len: 0,
            rep_levels_byte_len: 0,
            is_compressed: false,
            statistics: None,
        }
    }

    /// `count` equal numbers.
    fn deltas(count: u64) -> Vec<u8> {
        let head = [varint(128), varint(4), varint(count), varint(2)].concat();
        let blocks = count.saturating_sub(1).div_ceil(128);
        [head, vec![0; usize::try_from(blocks * 5).expect("a few")]].concat()
    }

    #[test]
    fn lengths_that_a_page_does_not_have_are_refused() {
        let chunk = Chunk {
            file: Arc::new(tempfile::tempfile().expect("a temporary file")),
            length: 0,
            compression: Compression::UNCOMPRESSED,
            header: AtomicU64::new(0),
        };
        let schema = parquet::schema::parser::parse_message_type("message m { required binary a; }").expect("a schema");
        let schema = Arc::new(parquet::schema::types::SchemaDescriptor::new(Arc::new(schema)));
        let column = ColumnChunkMetaData::builder(schema.column(0))
            .build()
            .expect("a column");
        let reader = SerializedPageReader::new(Arc::new(chunk), &column, 0, None).expect("a reader");
        let pages = Pages {
            reader,
            levels: 0,
            is_prefixed: true,
        };
        let lengths = Encoding::DELTA_LENGTH_BYTE_ARRAY;
        assert!(pages.check(&page(lengths, 300, deltas(300))).is_ok());
        assert!(pages.check(&page(lengths, 299, deltas(300))).is_err());
        assert!(pages.check(&page(lengths, u32::MAX, deltas(9 << 20))).is_err());
        let endless = [varint(128), varint(4), varint(i32::MAX as u64), varint(0)].concat();
        assert!(pages.check(&page(lengths, i32::MAX as u32, endless)).is_err());
        let prefixes = Encoding::DELTA_BYTE_ARRAY;
        assert!(
            pages
                .check(&page(prefixes, 300, [deltas(300), deltas(300)].concat()))
                .is_ok()
        );
        assert!(
            pages
                .check(&page(prefixes, 300, [deltas(300), deltas(301)].concat()))
                .is_err()
        );
    }
}
