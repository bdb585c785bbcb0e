//! Every format gives the same users.

use std::path::Path;

use jiff::Timestamp;
use parquet::basic::{Compression, ZstdLevel};
use proptest::prelude::*;
use runner::audience::{Files, ParquetSource, Query, Source, SqliteSource};
use runner::model::event::UnusableKind;

use super::written::{self, Person};
use super::{all, columns, csv, jsonl, people};

pub(super) fn parquet(path: &Path) -> Source {
    Source::Parquet(ParquetSource {
        files: path.into(),
        columns: columns(),
    })
}

pub(super) fn sqlite(path: &Path) -> Source {
    Source::Sqlite(SqliteSource {
        path: path.into(),
        query: Query::new("select seen, open_id from members order by rowid", columns()),
    })
}

type People = Vec<(String, Option<Timestamp>)>;

/// Reads the same users through every format.
fn through_every_format(of: &[Person], group: usize) -> Vec<(&'static str, People)> {
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
        // The last letter and digit make it no word and no sign that another program writes for an absent value.
        "[a-zA-Z0-9_-]{0,38}q7",
        "[一-龥]{1,7}员",
        "[1-9][0-9]{0,17}",
        any::<u64>().prop_map(|n| n.to_string()),
        Just(String::new()),
    ];
    // Between 2016 and the present of the tests.
    let seen = prop::option::of(1_451_606_400_000_i64..1_780_000_000_000);
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

/// The files of a pattern are read in order, and each row names its own file.
#[test]
fn a_pattern_names_several_files() {
    let folder = tempfile::tempdir().unwrap();
    // The folder's own name is not part of the pattern.
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

/// Without bytes to hash, the hash is over the rows: it changes with a row, a time or the order.
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
