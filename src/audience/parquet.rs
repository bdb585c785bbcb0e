//! Audiences in Parquet files, of which only the wanted columns are read.

mod pages;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::AudienceError;
use super::activity::ActivityParser;
use super::cell::{Cell, uuid};
use super::columns::Columns;
use super::error::{Lacks, Role, nearest};
use super::input::{Named, Regular, list};
use super::quote_validator::LONGEST_ROW;
use super::row_sink::{RowSink, RowSource};
use super::syntax_error::Foreign;
use crate::campaign::Files;
use pages::column_reader;

pub use pages::{PageFault, ParquetFault, TooLarge};

const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED: &[u8; 4] = b"PARE";
/// The smallest Parquet file: two magic numbers and the length of an empty footer.
const LEAST: u64 = 12;

/// Parquet files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetSource {
    /// The files.
    pub files: Files,
    /// The columns to read. Dots in a name lead into groups.
    pub columns: Columns,
}

impl RowSource for ParquetSource {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        for named in list(&self.files)? {
            let mut regular = Regular::open(&named.path)?;
            whole(&mut regular)?;
            out.begin_rows(&named.name);
            // The library checks most of a damaged file, and panics on the rest.
            let mut row = 0;
            let read = catch_unwind(AssertUnwindSafe(|| self.file(&named, &regular.file, &mut row, out)));
            let read = read.unwrap_or_else(|_| Err(damaged(&named.path, ParquetFault::Contradicts)));
            read.map_err(|error| error.behind(row))?;
            regular.stood_still()?;
            out.end_rows()?;
        }
        Ok(())
    }
}

/// Checks the magic numbers at both ends of a file, and the length of its footer.
fn whole(regular: &mut Regular) -> Result<(), AudienceError> {
    let path = regular.path.clone();
    let length = regular.len();
    let mut ends = || {
        let mut first = [0; 16];
        let mut last = [0; 8];
        let read = usize::try_from(length.min(16)).unwrap_or_default();
        regular.file.read_exact(first.get_mut(..read).unwrap_or_default())?;
        if length >= LEAST {
            regular.file.seek(SeekFrom::End(-8))?;
            regular.file.read_exact(&mut last)?;
        }
        std::io::Result::Ok((first, last))
    };
    let (first, last) = ends().map_err(|error| AudienceError::new(&path, error))?;
    regular.is_none_but(Foreign::Parquet, &first)?;
    let [a, b, c, d, end @ ..] = last;
    match (first.first_chunk().unwrap_or(&[0; 4]), &end) {
        _ if length == 0 => Err(AudienceError::Empty {
            path,
            lacks: Lacks::Bytes,
        }),
        (MAGIC, MAGIC) => TooLarge::footer(u32::from_le_bytes([a, b, c, d]).into())
            .map_err(|part| AudienceError::TooLarge { path, row: 0, part }),
        (ENCRYPTED, _) | (_, ENCRYPTED) => Err(damaged(&path, ParquetFault::Encrypted)),
        (MAGIC, _) => Err(AudienceError::NoFooter { path }),
        _ => Err(AudienceError::NotParquet { path }),
    }
}

impl ParquetSource {
    /// Writes the rows of one file into `out`, and counts them in `number`.
    fn file(&self, named: &Named, file: &File, number: &mut u64, out: &mut RowSink) -> Result<(), AudienceError> {
        let path = named.path.as_path();
        let bad = |error: ParquetError| bad(path, error);
        let file = file.try_clone().map_err(|error| AudienceError::new(path, error))?;
        let shared = Arc::new(file.try_clone().map_err(|error| AudienceError::new(path, error))?);
        let reader = SerializedFileReader::new(file).map_err(bad)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let (open_id, last_active) = columns(&self.columns, path, schema)?;
        let activity = ActivityParser::new(&self.columns);
        let mut digits = String::new();
        let mut written = String::new();
        for group in reader.metadata().row_groups() {
            let mut left = usize::try_from(group.num_rows()).unwrap_or_default();
            let column =
                |wanted: &Wanted| column_reader(&shared, group.column(wanted.at), group.num_rows()).map_err(bad);
            let (mut ids, mut at_once) = column(&open_id)?;
            let mut times = last_active.as_ref().map(column).transpose()?;
            at_once = times.as_ref().map_or(at_once, |(_, most)| at_once.min(*most));
            while left > 0 {
                let rows = left.min(at_once);
                let ids = open_id.read(&mut ids, rows).map_err(bad)?;
                let times = match (&last_active, &mut times) {
                    (Some(wanted), Some((times, _))) => wanted.read(times, rows).map_err(bad)?,
                    _ => Vec::new(),
                };
                for (at, id) in ids.iter().enumerate() {
                    *number += 1;
                    let id = id.cell();
                    if matches!(id, Cell::Text(text) if text.len() > LONGEST_ROW) {
                        return Err(AudienceError::LongValue {
                            path: Some(path.into()),
                            row: *number,
                        });
                    }
                    let active = times.get(at).map_or(Cell::Null, Value::cell);
                    let active = activity.cell(&active, &mut written);
                    out.row(*number, id.open_id(&self.columns.open_id, &mut digits), active)?;
                }
                left -= rows;
            }
        }
        Ok(())
    }
}

fn bad(path: &Path, error: ParquetError) -> AudienceError {
    let why = match error {
        ParquetError::General(why) | ParquetError::EOF(why) => ParquetFault::Library(why),
        ParquetError::External(error) => match (error.downcast_ref::<TooLarge>(), error.downcast_ref::<PageFault>()) {
            (Some(part), _) => {
                let part = *part;
                let path = path.into();
                return AudienceError::TooLarge { path, row: 0, part };
            }
            (None, Some(fault)) => ParquetFault::Page(*fault),
            (None, None) => ParquetFault::Library(error.to_string()),
        },
        ParquetError::NYI(what) => ParquetFault::NotSupported(what),
        other => ParquetFault::Library(other.to_string()),
    };
    damaged(path, why)
}

fn damaged(path: &Path, why: ParquetFault) -> AudienceError {
    let path = path.into();
    AudienceError::BadParquet { path, row: 0, why }
}

struct Wanted {
    at: usize,
    /// The definition level of a value; at a lower level the value or a group above it is null.
    present: i16,
    column_type: ColumnType,
}

/// The meaning of a column's values.
#[derive(Clone, Copy)]
enum ColumnType {
    Text,
    Uuid,
    Whole,
    /// Whole numbers in two's complement, the highest byte first.
    WholeBytes,
    /// Unsigned numbers, stored in a signed type of the same width.
    Unsigned,
    Real,
    /// Moments, in units of this many per second.
    Moment(i64),
    /// Times without a zone, in units of this many per second.
    Local(i64),
    Day,
    Int96,
}

fn columns(
    wanted: &Columns,
    path: &Path,
    schema: &SchemaDescriptor,
) -> Result<(Wanted, Option<Wanted>), AudienceError> {
    let find = |name: &str, role| Wanted::find(name.trim(), role, path, schema);
    let open_id = find(&wanted.open_id, Role::OpenId)?;
    let last_active = wanted.last_active.as_deref().map(|name| find(name, Role::LastActive));
    Ok((open_id, last_active.transpose()?))
}

impl Wanted {
    fn find(name: &str, role: Role, path: &Path, schema: &SchemaDescriptor) -> Result<Self, AudienceError> {
        let names: Vec<_> = schema.columns().iter().map(|column| column.path().string()).collect();
        let Some(at) = names.iter().position(|found| found == name) else {
            return Err(AudienceError::NoSuchColumn {
                path: Some(path.into()),
                column: name.to_owned(),
                nearest: nearest(name, &names),
                found: names,
            });
        };
        let column = schema.column(at);
        let column_type = column_type(&column);
        let fits = match role {
            Role::OpenId => matches!(
                column_type,
                Some(
                    ColumnType::Text
                        | ColumnType::Uuid
                        | ColumnType::Whole
                        | ColumnType::WholeBytes
                        | ColumnType::Unsigned
                )
            ),
            Role::LastActive => column_type.is_some_and(|column_type| !matches!(column_type, ColumnType::Uuid)),
        };
        match column_type {
            Some(column_type) if fits && column.max_rep_level() == 0 => Ok(Self {
                at,
                present: column.max_def_level(),
                column_type,
            }),
            _ => Err(AudienceError::ColumnType {
                path: Some(path.into()),
                column: name.to_owned(),
                found: kind(&column),
                role,
            }),
        }
    }

    /// Reads the next `rows` values.
    fn read(&self, reader: &mut ColumnReader, rows: usize) -> Result<Vec<Value>, ParquetError> {
        let column_type = self.column_type;
        match reader {
            ColumnReader::Int32ColumnReader(reader) => self.values(reader, rows, |number| match column_type {
                ColumnType::Unsigned => Value::Whole(number.cast_unsigned().into()),
                ColumnType::Day => day(number),
                _ => Value::whole(number.into(), column_type),
            }),
            ColumnReader::Int64ColumnReader(reader) => {
                self.values(reader, rows, |number| Value::whole(number, column_type))
            }
            ColumnReader::Int96ColumnReader(reader) => self.values(reader, rows, |at| Value::At(at.to_millis())),
            ColumnReader::FloatColumnReader(reader) => self.values(reader, rows, |real| Value::Real(real.into())),
            ColumnReader::DoubleColumnReader(reader) => self.values(reader, rows, Value::Real),
            ColumnReader::ByteArrayColumnReader(reader) => self.values(reader, rows, |bytes| match column_type {
                ColumnType::WholeBytes => Value::whole_bytes(bytes.data()),
                _ => Value::Text(bytes),
            }),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                self.values(reader, rows, |bytes| match column_type {
                    ColumnType::Uuid => Value::uuid(bytes.data()),
                    ColumnType::WholeBytes => Value::whole_bytes(bytes.data()),
                    _ => Value::Text(bytes.into()),
                })
            }
            ColumnReader::BoolColumnReader(reader) => self.values(reader, rows, |_| Value::Other),
        }
    }

    fn values<T: DataType>(
        &self,
        reader: &mut ColumnReaderImpl<T>,
        rows: usize,
        value: impl Fn(T::T) -> Value,
    ) -> Result<Vec<Value>, ParquetError> {
        let mut levels = Vec::new();
        let mut values = Vec::new();
        let mut read = 0;
        let mut all = Vec::with_capacity(rows);
        while read < rows {
            levels.clear();
            values.clear();
            let (records, ..) = reader.read_records(rows - read, Some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Err(PageFault::FewerRows.into());
            }
            read += records;
            let mut values = values.drain(..).map(&value);
            if self.present == 0 {
                all.extend(values);
            } else {
                let present = self.present;
                all.extend(levels.iter().map(|level| {
                    let value = if *level == present { values.next() } else { None };
                    value.unwrap_or(Value::Null)
                }));
            }
        }
        Ok(all)
    }
}

/// Returns the meaning of a column; `None` if its type cannot be used.
fn column_type(column: &ColumnDescriptor) -> Option<ColumnType> {
    let second = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    };
    let physical = column.physical_type();
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(of)), _) if of.is_adjusted_to_u_t_c => Some(ColumnType::Moment(second(&of.unit))),
        (Some(LogicalType::Timestamp(of)), _) => Some(ColumnType::Local(second(&of.unit))),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Some(ColumnType::Moment(1_000)),
        (_, ConvertedType::TIMESTAMP_MICROS) => Some(ColumnType::Moment(1_000_000)),
        (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Some(ColumnType::Day),
        (Some(LogicalType::Uuid), _) => Some(ColumnType::Uuid),
        (Some(LogicalType::Integer(of)), _) if !of.is_signed => Some(ColumnType::Unsigned),
        (_, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
            Some(ColumnType::Unsigned)
        }
        (Some(LogicalType::Integer(_)), _) => Some(ColumnType::Whole),
        (Some(LogicalType::Decimal(of)), _) if of.scale == 0 => decimal(physical),
        (Some(LogicalType::String | LogicalType::Enum | LogicalType::Json), _) => Some(ColumnType::Text),
        (Some(_), _) => None,
        (None, ConvertedType::DECIMAL) => decimal(physical).filter(|_| column.type_scale() == 0),
        (None, _) => match physical {
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Some(ColumnType::Text),
            Physical::INT32 | Physical::INT64 => Some(ColumnType::Whole),
            Physical::INT96 => Some(ColumnType::Int96),
            Physical::FLOAT | Physical::DOUBLE => Some(ColumnType::Real),
            Physical::BOOLEAN => None,
        },
    }
}

/// Returns the meaning of a decimal without a fraction; `None` for a physical type that holds no decimals.
const fn decimal(physical: Physical) -> Option<ColumnType> {
    match physical {
        Physical::INT32 | Physical::INT64 => Some(ColumnType::Whole),
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Some(ColumnType::WholeBytes),
        _ => None,
    }
}

/// Describes the type of a column in the words of the format; `None` for a list.
fn kind(column: &ColumnDescriptor) -> Option<String> {
    if column.max_rep_level() > 0 {
        return None;
    }
    Some(match column.logical_type_ref() {
        Some(LogicalType::Decimal(of)) => format!("DECIMAL({}, {})", of.precision, of.scale),
        None if column.converted_type() == ConvertedType::DECIMAL => {
            format!("DECIMAL({}, {})", column.type_precision(), column.type_scale())
        }
        Some(logical) => format!("{} ({logical:?})", column.physical_type()),
        None => column.physical_type().to_string(),
    })
}

/// A value of the current block of rows.
enum Value {
    Null,
    Text(ByteArray),
    Uuid([u8; 36]),
    Whole(i128),
    Real(f64),
    At(i64),
    Local(i64),
    Day(Date),
    Other,
}

impl Value {
    fn whole(number: i64, column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Unsigned => Self::Whole(number.cast_unsigned().into()),
            ColumnType::Moment(second) => Self::At(number.div_euclid(second / 1_000)),
            ColumnType::Local(second) => Self::Local(number.div_euclid(second / 1_000)),
            _ => Self::Whole(number.into()),
        }
    }

    /// Decodes two's complement of any length. A number that needs over 16 bytes is no open_id and no time.
    fn whole_bytes(bytes: &[u8]) -> Self {
        let Some(first) = bytes.first() else {
            return Self::Other;
        };
        let sign = if first & 0x80 == 0 { 0 } else { 0xff };
        let (fill, last) = bytes.split_at(bytes.len().saturating_sub(16));
        let mut wide = [sign; 16];
        let begin = wide.len() - last.len();
        wide[begin..].copy_from_slice(last);
        let number = i128::from_be_bytes(wide);
        let fits = fill.iter().all(|byte| *byte == sign) && number.is_negative() == (sign != 0);
        if fits { Self::Whole(number) } else { Self::Other }
    }

    fn uuid(bytes: &[u8]) -> Self {
        match <&[u8; 16]>::try_from(bytes) {
            Ok(bytes) => Self::Uuid(uuid(bytes)),
            Err(_) => Self::Other,
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Text(bytes) => Cell::Text(bytes.data()),
            Self::Uuid(text) => Cell::Text(text),
            Self::Whole(number) => Cell::Whole(*number),
            Self::Real(number) => Cell::Real(*number),
            Self::At(ms) => Cell::At(*ms),
            Self::Local(ms) => {
                Timestamp::from_millisecond(*ms).map_or(Cell::Other, |at| Cell::Local(TimeZone::UTC.to_datetime(at)))
            }
            Self::Day(date) => Cell::Day(*date),
            Self::Other => Cell::Other,
        }
    }
}

/// Converts a day number since the Unix epoch.
fn day(number: i32) -> Value {
    let days = SignedDuration::from_hours(24 * i64::from(number));
    let date = Date::constant(1970, 1, 1).checked_add(days);
    date.map_or(Value::Other, Value::Day)
}
