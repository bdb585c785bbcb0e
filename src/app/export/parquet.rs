//! Writes deliveries as Apache Parquet: one column for each field, times as milliseconds in UTC, compressed with Zstandard.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::history::row::{COLUMNS, Cell, Kind, Row};
use crate::model::identity::Identity;

use super::table::Table;

/// How many rows are kept in memory before they are written: some tens of megabytes.
const GROUP: usize = 64 * 1024;

/// Columns with almost no repeated values: a dictionary would be built and discarded.
const DISTINCT: [&str; 4] = ["open_id", "merchant_coupon_id", "log_id", "coupon_id"];

/// A Parquet file being written.
pub struct Parquet<W: Write + Send> {
    /// `None` once the file is closed.
    file: Option<SerializedFileWriter<W>>,
    columns: Vec<Column>,
    rows: usize,
}

/// The rows of one column that are not written yet.
struct Column {
    values: Values,
    /// Whether each row has a value: 1 or 0.
    present: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Number(Vec<i64>),
    Flag(Vec<bool>),
}

impl<W: Write + Send> Parquet<W> {
    /// Writes the header of the file.
    pub fn begin(out: W, identity: &Identity) -> io::Result<Self> {
        let told = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
        let properties = DISTINCT
            .into_iter()
            .fold(WriterProperties::builder(), |properties, column| {
                properties.set_column_dictionary_enabled(ColumnPath::from(column), false)
            });
        let properties = properties
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            .set_created_by(concat!("runner ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![
                told("campaign", identity.campaign.as_str()),
                told("app_id", identity.app_id.as_str()),
            ]))
            .build();
        let schema = schema().map_err(other)?;
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(other)?;
        Ok(Self {
            file: Some(file),
            columns: COLUMNS.map(|(_, kind)| Column::new(kind)).into(),
            rows: 0,
        })
    }

    fn write_group(&mut self) -> io::Result<()> {
        self.rows = 0;
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut group = file.next_row_group().map_err(other)?;
        for column in &mut self.columns {
            if let Some(writer) = group.next_column().map_err(other)? {
                column.write(writer).map_err(other)?;
            }
        }
        group.close().map_err(other)?;
        Ok(())
    }
}

impl<W: Write + Send> Table for Parquet<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            column.add(cell);
        }
        self.rows += 1;
        if self.rows == GROUP { self.write_group() } else { Ok(()) }
    }

    fn end(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        let Some(file) = self.file.take() else { return Ok(()) };
        file.into_inner().map_err(other)?.flush()
    }
}

impl Column {
    const fn new(kind: Kind) -> Self {
        Self {
            values: match kind {
                Kind::Id | Kind::Text => Values::Text(Vec::new()),
                Kind::Number | Kind::Time => Values::Number(Vec::new()),
                Kind::Flag => Values::Flag(Vec::new()),
            },
            present: Vec::new(),
        }
    }

    /// Adds a cell. A cell of another kind than the column's counts as absent; no row has one.
    fn add(&mut self, cell: Cell<'_>) {
        let before = self.values.len();
        match (&mut self.values, cell) {
            (Values::Text(values), Cell::Id(text) | Cell::Text(text)) => values.push(text.as_bytes().to_vec().into()),
            (Values::Number(values), Cell::Number(number)) => values.push(number),
            (Values::Number(values), Cell::Time(at)) => values.push(at.as_millisecond()),
            (Values::Flag(values), Cell::Flag(flag)) => values.push(flag),
            _ => {}
        }
        self.present.push((self.values.len() > before).into());
    }

    /// Writes the buffered rows and clears them.
    fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = std::mem::take(&mut self.present);
        let present = Some(present.as_slice());
        match &mut self.values {
            Values::Text(values) => {
                let values = std::mem::take(values);
                writer.typed::<ByteArrayType>().write_batch(&values, present, None)?;
            }
            Values::Number(values) => {
                let values = std::mem::take(values);
                writer.typed::<Int64Type>().write_batch(&values, present, None)?;
            }
            Values::Flag(values) => {
                let values = std::mem::take(values);
                writer.typed::<BoolType>().write_batch(&values, present, None)?;
            }
        }
        writer.close()
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }
}

fn schema() -> Result<Type, ParquetError> {
    let column = |(name, kind): (&str, Kind)| {
        let (physical, logical) = match kind {
            Kind::Id | Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Number => (Physical::INT64, None),
            Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Flag => (Physical::BOOLEAN, None),
        };
        let built = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build();
        built.map(Arc::new)
    };
    let fields = COLUMNS.into_iter().map(column).collect::<Result<_, _>>()?;
    Type::group_type_builder("delivery").with_fields(fields).build()
}

/// Keeps the kind of an I/O error, so that a closed reader differs from a full disk.
fn other(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}
