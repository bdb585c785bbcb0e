//! Columns of Parquet files, of every type.

use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type, Int96,
    Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use runner::audience::{Files, ParquetSource, Source};

use super::{all, columns};

/// Writes each column in turn.
type Fill<'f> = &'f mut dyn FnMut(usize, &mut parquet::file::writer::SerializedColumnWriter<'_>);

fn parquet_of(path: &Path, schema: &str, columns: usize, fill: Fill<'_>) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let out = std::fs::File::create(path).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(out, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for at in 0..columns {
        let mut column = group.next_column().unwrap().unwrap();
        fill(at, &mut column);
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// Two rows with a column of every supported type.
fn every_type(path: &Path) {
    let schema = "message m {
        required int64 whole; required int32 small; required int64 big (INTEGER(64, false)); required binary bytes;
        required fixed_len_byte_array(16) uuid (UUID); optional group user { optional binary open_id (STRING); }
        required int64 exact (DECIMAL(18, 0)); required int64 millis (TIMESTAMP(MILLIS, false));
        required int64 nanos (TIMESTAMP(NANOS, true)); required int32 day (DATE); required int96 old;
        required double real; required binary text (STRING); required int64 unix;
    }";
    // 2026-05-30 12:00 in Shanghai.
    let noon = 1_780_113_600_i64;
    parquet_of(path, schema, 14, &mut |at, column| {
        let mut int64 = |n: i64| column.typed::<Int64Type>().write_batch(&[n, n], None, None);
        match at {
            0 => int64(-7_218_071_234_565_644_204),
            2 => int64(-1),
            6 => int64(7_218_071_234_565_644_204),
            7 => int64((noon + 8 * 3600) * 1000),
            8 => int64(noon * 1_000_000_000 + 999_999),
            13 => int64(noon * 1000),
            1 => column.typed::<Int32Type>().write_batch(&[42, 42], None, None),
            9 => column.typed::<Int32Type>().write_batch(&[20_603, 20_603], None, None),
            3 => column.typed::<ByteArrayType>().write_batch(
                &[ByteArray::from("u1"), ByteArray::from(&b"\xff"[..])],
                None,
                None,
            ),
            4 => {
                let uuid = FixedLenByteArray::from(ByteArray::from(
                    &b"\xba\x25\x36\x42\x05\x90\x40\xbc\xa1\xb2\x93\xc4\xd5\xe6\xf7\x08"[..],
                ));
                column
                    .typed::<FixedLenByteArrayType>()
                    .write_batch(&[uuid.clone(), uuid], None, None)
            }
            5 => column
                .typed::<ByteArrayType>()
                .write_batch(&[ByteArray::from("nested")], Some(&[2, 0]), None),
            10 => {
                // Nanoseconds of the day, and the Julian day.
                let mut at = Int96::new();
                let nanos = 4 * 3600 * 1_000_000_000_u64;
                let word = |bits: u64| u32::try_from(bits & 0xffff_ffff).unwrap();
                at.set_data(word(nanos), word(nanos >> 32), 2_461_191);
                column.typed::<Int96Type>().write_batch(&[at, at], None, None)
            }
            11 => column
                .typed::<DoubleType>()
                .write_batch(&[1_780_113_600.25, f64::NAN], None, None),
            _ => column.typed::<ByteArrayType>().write_batch(
                &[ByteArray::from("2026-05-30 12:00:00"), ByteArray::from("soon")],
                None,
                None,
            ),
        }
        .unwrap();
    });
}

/// Every type that a column of open_ids or of times may have.
#[test]
fn parquet_columns_of_every_type_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    every_type(&path);
    let mut said = String::new();
    for open_id in [
        "whole",
        "small",
        "big",
        "bytes",
        "uuid",
        "user.open_id",
        "exact",
        "text",
    ] {
        let rows = rows_of(&path, open_id, None);
        let ids: Vec<_> = rows.into_iter().map(|(_, open_id, _)| open_id).collect();
        said += &format!("{open_id}: {ids:?}\n");
    }
    for time in ["millis", "nanos", "day", "old", "real", "text", "unix", "small"] {
        let rows = rows_of(&path, "whole", Some(time));
        let times: Vec<_> = rows
            .into_iter()
            .map(|(_, _, active)| match active {
                super::Seen::At(at) => at.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        said += &format!("{time}: {times:?}\n");
    }
    for (open_id, time) in [
        ("real", None),
        ("day", None),
        ("whole", Some("uuid")),
        ("opn_id", None),
        ("user", None),
    ] {
        let error = all(&parquet_by(&path, open_id, time)).unwrap_err();
        said += &format!("{}\n", super::told(&error, folder.path()));
    }
    insta::assert_snapshot!(said);
}

/// Big-endian two's complement of `length` bytes.
fn decimal_bytes(number: i128, length: usize) -> ByteArray {
    let sign = if number < 0 { 0xff } else { 0 };
    let wide = [vec![sign; 32], number.to_be_bytes().to_vec()].concat();
    ByteArray::from(wide[wide.len() - length..].to_vec())
}

/// Data warehouses unload ids as DECIMAL(38, 0), in any of the physical types.
#[test]
fn parquet_decimals_without_a_fraction_are_whole_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = "message m {
        required int32 four (DECIMAL(9, 0)); required int64 eight (DECIMAL(18, 0));
        required fixed_len_byte_array(16) sixteen (DECIMAL(38, 0)); required fixed_len_byte_array(9) nine (DECIMAL(20, 0));
        required fixed_len_byte_array(32) wide (DECIMAL(76, 0)); required binary any (DECIMAL(38, 0));
        required fixed_len_byte_array(16) fraction (DECIMAL(38, 2)); required int64 cents (DECIMAL(18, 2));
    }";
    let id = 7_218_071_234_565_644_204;
    let most = 99_999_999_999_999_999_999_999_999_999_999_999_999;
    parquet_of(&path, schema, 8, &mut |at, column| {
        let fixed = |number, length| FixedLenByteArray::from(decimal_bytes(number, length));
        let mut write_fixed = |first, second| {
            let column = column.typed::<FixedLenByteArrayType>();
            column.write_batch(&[first, second], None, None)
        };
        match at {
            2 => write_fixed(fixed(id, 16), fixed(-most, 16)),
            3 => write_fixed(fixed(id, 9), fixed(-1, 9)),
            // Over 16 bytes: a number that fits, and one that does not.
            4 => write_fixed(
                fixed(id, 32),
                FixedLenByteArray::from(ByteArray::from([[1; 16], [0; 16]].concat())),
            ),
            6 => write_fixed(fixed(100, 16), fixed(250, 16)),
            0 => column.typed::<Int32Type>().write_batch(&[42, -42], None, None),
            1 | 7 => column.typed::<Int64Type>().write_batch(&[1_780_113_600, 0], None, None),
            _ => column.typed::<ByteArrayType>().write_batch(
                &[decimal_bytes(id, 8), decimal_bytes(most, 16)],
                None,
                None,
            ),
        }
        .unwrap();
    });
    let mut said = String::new();
    for open_id in ["four", "eight", "sixteen", "nine", "wide", "any"] {
        let rows = rows_of(&path, open_id, Some("eight"));
        said += &format!("{open_id}: {rows:?}\n");
    }
    for (open_id, time) in [("fraction", None), ("cents", None), ("any", Some("cents"))] {
        let error = all(&parquet_by(&path, open_id, time)).unwrap_err();
        said += &format!("{}\n", super::told(&error, folder.path()));
    }
    insta::assert_snapshot!(said);
}

fn parquet_by(path: &Path, open_id: &str, last_active: Option<&str>) -> Source {
    let mut columns = columns();
    columns.open_id = open_id.into();
    columns.last_active = last_active.map(Into::into);
    let files: Files = path.into();
    Source::Parquet(ParquetSource { files, columns })
}

fn rows_of(path: &Path, open_id: &str, last_active: Option<&str>) -> Vec<super::Shown> {
    all(&parquet_by(path, open_id, last_active)).unwrap().0
}
