//! The same people come out of every format.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type, Int96,
    Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use runner::audience::{Activity, Files, ParquetSource, Query, Source, SqliteSource};
use runner::event::UnusableKind;

use super::written::{self, Person};
use super::{all, columns, csv, jsonl, people};

pub(super) fn parquet(path: &Path) -> Source {
    Source::Parquet(ParquetSource {
        files: path.into(),
        columns: columns(),
    })
}

fn sqlite(path: &Path) -> Source {
    Source::Sqlite(SqliteSource {
        path: path.into(),
        query: Query::new("select seen, open_id from members order by rowid", columns()),
    })
}

/// The people of each format that these are written in.
fn through_every_format(of: &[Person], group: usize) -> Vec<(&'static str, Vec<(String, Option<Timestamp>)>)> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = written::csv(of, b',');
    let lines = written::jsonl(of);
    for (name, bytes) in [
        ("a.csv", text.clone()),
        ("a.tsv", written::csv(of, b'\t')),
        ("a.csv.gz", written::gzip(&text)),
        ("a.csv.zst", written::zstd(&text)),
        ("a.jsonl", lines.clone()),
        ("a.jsonl.gz", written::gzip(&lines)),
    ] {
        std::fs::write(at(name), bytes).unwrap();
    }
    let codecs = [
        ("none.parquet", Compression::UNCOMPRESSED),
        ("snappy.parquet", Compression::SNAPPY),
        ("gzip.parquet", Compression::GZIP(parquet::basic::GzipLevel::default())),
        ("zstd.parquet", Compression::ZSTD(ZstdLevel::default())),
        ("lz4.parquet", Compression::LZ4_RAW),
    ];
    for (name, codec) in codecs {
        written::parquet(of, &at(name), codec, group);
    }
    written::sqlite(of, &at("a.db"));
    let texts = ["a.csv", "a.tsv", "a.csv.gz", "a.csv.zst"].map(|name| (name, csv(&at(name))));
    let lines = ["a.jsonl", "a.jsonl.gz"].map(|name| (name, jsonl(&at(name))));
    let tables = codecs.map(|(name, _)| (name, parquet(&at(name))));
    let sources = texts
        .into_iter()
        .chain(lines)
        .chain(tables)
        .chain([("a.db", sqlite(&at("a.db")))]);
    sources
        .map(|(name, source)| (name, people(all(&source).unwrap().0)))
        .collect()
}

fn person() -> impl Strategy<Value = Person> {
    let open_id = prop_oneof![
        "[a-zA-Z0-9_-]{1,40}",
        "[一-龥]{1,8}",
        "[1-9][0-9]{0,17}",
        any::<u64>().prop_map(|n| n.to_string()),
        Just(String::new()),
    ];
    // From 2001, after which seconds and milliseconds are told apart, to 2100.
    let seen = prop::option::of(1_000_000_000_000_i64..4_102_444_800_000);
    (open_id, seen).prop_map(|(open_id, seen)| Person { open_id, seen })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_people_come_out_of_every_format(
        of in prop::collection::vec(person(), 1..60),
        group in 1_usize..40,
    ) {
        let expected: Vec<_> = of
            .iter()
            .filter(|person| !person.open_id.is_empty())
            .map(|person| (person.open_id.clone(), person.seen.map(|ms| Timestamp::from_millisecond(ms).unwrap())))
            .collect();
        for (format, found) in through_every_format(&of, group) {
            prop_assert_eq!(&found, &expected, "{}", format);
        }
    }
}

#[test]
fn many_rows_come_out_of_every_format_across_all_its_batches() {
    let of: Vec<_> = (0..30_000)
        .map(|n| Person {
            open_id: format!("user-{n}"),
            seen: (n % 3 > 0).then_some(1_780_000_000_000 + n * 1_000),
        })
        .collect();
    let all = through_every_format(&of, 7_000);
    let (_, first) = &all[0];
    assert_eq!(first.len(), of.len());
    for (format, found) in &all {
        assert!(found == first, "{format}");
    }
}

#[test]
fn json_lines_are_read_by_their_paths_and_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let text = concat!(
        "\u{feff}{\"user\":{\"open_id\":\"u1\",\"seen\":\"2026-05-30\"}}\r\n",
        "\n",
        "{\"user\":{\"seen\":1780113600.25,\"open_id\":123456789012345678901234567890},\"other\":[{\"open_id\":\"no\"}]}\n",
        "{\"user\":{\"open_\\u0069d\":\" \\u7528\\u6237 \",\"seen\":null}}\n",
        "{\"user\":{\"seen\":\"soon\"}}\n",
        "{\"user\":{\"open_id\":null}}\n",
        "{\"user\":{\"open_id\":1.0}}\n",
        "{\"user\":{\"open_id\":true,\"seen\":true}}\n",
        "{\"user\":\"u9\"}\n",
        "{\"user\":{\"open_id\":\"\"}}\n",
        "{\"user\":{\"open_id\":\"a\\u0000b\"}}\n",
        "{}",
    );
    std::fs::write(&path, text).unwrap();
    let Source::Jsonl(mut source) = jsonl(&path) else {
        unreachable!()
    };
    source.columns.open_id = "user.open_id".into();
    source.columns.last_active = Some("user.seen".into());
    let (rows, totals) = all(&Source::Jsonl(source)).unwrap();
    assert_eq!(totals.bytes, text.len() as u64);
    insta::assert_debug_snapshot!(rows);
}

/// Writes one column after the other, each by its own function.
type Fill<'f> = &'f mut dyn FnMut(usize, &mut parquet::file::writer::SerializedColumnWriter<'_>);

fn parquet_of(path: &Path, schema: &str, columns: usize, fill: Fill<'_>) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for at in 0..columns {
        let mut column = group.next_column().unwrap().unwrap();
        fill(at, &mut column);
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// Every type that a column of open_ids or of times may have.
#[test]
fn parquet_columns_of_every_type_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = "message m {
        required int64 whole; required int32 small; required int64 big (INTEGER(64, false)); required binary bytes;
        required fixed_len_byte_array(16) uuid (UUID); optional group user { optional binary open_id (STRING); }
        required int64 exact (DECIMAL(18, 0)); required int64 millis (TIMESTAMP(MILLIS, false));
        required int64 nanos (TIMESTAMP(NANOS, true)); required int32 day (DATE); required int96 old;
        required double real; required binary text (STRING); required int64 unix;
    }";
    // 2026-05-30 12:00 in Shanghai.
    let noon = 1_780_113_600_i64;
    parquet_of(&path, schema, 14, &mut |at, column| {
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
                at.set_data(nanos as u32, (nanos >> 32) as u32, 2_461_191);
                column.typed::<Int96Type>().write_batch(&[at, at], None, None)
            }
            11 => column
                .typed::<DoubleType>()
                .write_batch(&[noon as f64 + 0.25, f64::NAN], None, None),
            _ => column.typed::<ByteArrayType>().write_batch(
                &[ByteArray::from("2026-05-30 12:00:00"), ByteArray::from("soon")],
                None,
                None,
            ),
        }
        .unwrap();
    });
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
                Activity::At(at) => at.to_string(),
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

/// The files of a pattern are read in order, and each row is in its own.
#[test]
fn a_pattern_names_several_files() {
    let folder = tempfile::tempdir().unwrap();
    // The folder's own name is no pattern, whatever it is.
    let inner = folder.path().join("ex[p]ort*");
    std::fs::create_dir(&inner).unwrap();
    let files = [
        ("part-2.csv", "open_id,seen\nu3,\n"),
        ("part-10.csv", "seen;open_id\n;u1\n2026-05-30;\n"),
        ("other.csv", "x\n"),
    ];
    for (name, text) in files {
        std::fs::write(inner.join(name), text).unwrap();
    }
    let Source::Csv(mut source) = csv(&inner) else {
        unreachable!()
    };
    source.input = runner::audience::Input::Files(Files {
        folder: inner.clone(),
        path: "part-*.csv".into(),
    });
    let (rows, totals) = all(&Source::Csv(source)).unwrap();
    let rows: Vec<_> = rows.into_iter().map(|(place, open_id, _)| (place, open_id)).collect();
    assert_eq!(
        rows,
        [
            ("part-10.csv:2".into(), Ok("u1".into())),
            ("part-10.csv:3".into(), Err(UnusableKind::Empty)),
            ("part-2.csv:2".into(), Ok("u3".into())),
        ]
    );
    let shares: Vec<_> = totals
        .shares
        .iter()
        .map(|share| (share.name.as_str(), share.rows))
        .collect();
    assert_eq!((shares, totals.rows), (vec![("part-10.csv", 2), ("part-2.csv", 1)], 3));
}

/// The hash is that of the rows where there are no bytes to hash: another row, another time, another order, another hash.
#[test]
fn the_hash_of_rows_changes_with_every_change_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let base = [("a", Some(1_780_113_600_000)), ("b", None), ("", None)];
    let mut hashes = Vec::new();
    for (at, change) in [
        base.to_vec(),
        vec![base[1], base[0], base[2]],
        vec![("ab", base[0].1), ("", None), ("", None)],
        vec![("a", Some(1_780_113_600_001)), base[1], base[2]],
        vec![base[0], base[1]],
        vec![base[0], ("b", Some(0)), base[2]],
    ]
    .iter()
    .enumerate()
    {
        let of: Vec<_> = change
            .iter()
            .map(|(open_id, seen)| Person {
                open_id: (*open_id).to_owned(),
                seen: *seen,
            })
            .collect();
        let path = folder.path().join(format!("{at}.parquet"));
        written::parquet(&of, &path, Compression::SNAPPY, 10);
        let hash = all(&parquet(&path)).unwrap().1.hash;
        assert!(!hashes.contains(&hash), "{at}");
        assert_eq!(all(&parquet(&path)).unwrap().1.hash, hash);
        hashes.push(hash);
    }
}
