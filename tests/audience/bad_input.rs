//! Unreadable input, and the exact text that a person reads about it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use parquet::basic::Compression;
use runner::audience::{Files, Input, ParquetSource, Query, Source, SqliteSource};

use super::formats::parquet;
use super::written::{self, Person};
use super::{all, columns, csv, jsonl, told};

struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The message about each source, under its name.
    fn said(&self, sources: impl IntoIterator<Item = (&'static str, Source)>) -> String {
        let mut said = String::new();
        for (name, source) in sources {
            let error = all(&source).expect_err(name);
            writeln!(said, "# {name}\n{}\n", told(&error, self.folder.path())).unwrap();
        }
        said
    }
}

fn someone() -> Vec<Person> {
    (0..1_000)
        .map(|n| Person {
            open_id: format!("user-{n}"),
            seen: None,
        })
        .collect()
}

fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() * 2 / 3]
}

#[test]
fn csv_files() {
    let shelf = Shelf::new();
    let text = written::csv(&someone(), b',');
    let gzip = written::gzip(&text);
    let zstd = written::zstd(&text);
    let table = shelf.path("a.parquet");
    written::parquet(&someone(), &table, Compression::SNAPPY, 100);
    let members = shelf.path("a.db");
    let packed = written::gzip(&std::fs::read(&table).unwrap());
    written::sqlite(&someone(), &members);
    let endless = [&b"open_id,seen\nu1,\n\""[..], &vec![b'x'; 100 << 20], b"\",\n"].concat();
    let mut broken = gzip.clone();
    let middle = broken.len() / 2;
    broken[middle - 40] ^= 0xff;
    let binary: Vec<u8> = (0..10_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    let cases = [
        ("missing", shelf.path("absent.csv")),
        ("empty", shelf.put("empty.csv", b"")),
        (
            "empty when it is unpacked",
            shelf.put("empty.csv.gz", &written::gzip(b"")),
        ),
        ("a directory", shelf.path("folder")),
        ("gzip, cut off", shelf.put("cut.csv.gz", cut(&gzip))),
        ("zstd, cut off", shelf.put("cut.csv.zst", cut(&zstd))),
        ("gzip, damaged", shelf.put("broken.csv.gz", &broken)),
        ("binary in gzip", shelf.put("binary.gz", &written::gzip(&binary))),
        ("gzip in gzip", shelf.put("twice.gz", &written::gzip(&gzip))),
        (
            "an SQLite database",
            shelf.put("members.csv", &std::fs::read(&members).unwrap()),
        ),
        ("a Parquet file in gzip", shelf.put("table.csv.gz", &packed)),
        ("a row of 100 MB", shelf.put("endless.csv", &endless)),
        (
            "a Parquet file named .csv",
            shelf.put("table.csv", &std::fs::read(&table).unwrap()),
        ),
        ("JSON lines", shelf.put("lines.csv", &written::jsonl(&someone()))),
        ("no such column", shelf.put("columns.csv", b"Open-ID,seen\nu1,\n")),
        (
            "a column with a letter of another alphabet",
            shelf.put("letter.csv", "оpen_id,seen\nu1,\n".as_bytes()),
        ),
        (
            "a column with a character that is not shown",
            shelf.put("hidden.csv", "open\u{ad}_id,seen\nu1,\n".as_bytes()),
        ),
        (
            "a column with a name of 1 MB",
            shelf.put("long.csv", &vec![b'c'; 1_000_000]),
        ),
        (
            "no such column for the time",
            shelf.put("times.csv", b"open_id,saw\nu1,\n"),
        ),
        ("a pattern that nothing matches", shelf.path("part-*.csv")),
        ("no valid pattern", shelf.path("part-[.csv")),
        ("a pattern that matches a directory", shelf.path("fold*")),
    ];
    insta::assert_snapshot!(shelf.said(cases.map(|(name, path)| (name, csv(&path)))));
}

#[test]
fn json_lines() {
    let shelf = Shelf::new();
    let lines = written::jsonl(&someone());
    let table = shelf.path("a.parquet");
    let members = shelf.path("a.db");
    written::parquet(&someone(), &table, Compression::SNAPPY, 100);
    written::sqlite(&someone(), &members);
    let endless = [
        &b"{\"open_id\": \"u1\"}\n{\"open_id\": \""[..],
        &vec![b'x'; 100 << 20],
        b"\"}\n",
    ]
    .concat();
    let array = b"[\n{\"open_id\": \"u1\"}\n]\n";
    let cases = [
        ("missing", shelf.path("absent.jsonl")),
        ("a directory", shelf.path("folder")),
        ("a CSV file", shelf.put("table.jsonl", &written::csv(&someone(), b','))),
        ("a pattern that nothing matches", shelf.path("part-*.jsonl")),
        (
            "a Parquet file",
            shelf.put("table.jsonl.gz", &std::fs::read(&table).unwrap()),
        ),
        (
            "an SQLite database",
            shelf.put("members.jsonl", &std::fs::read(&members).unwrap()),
        ),
        ("cut off", shelf.put("cut.jsonl", cut(&lines))),
        ("zstd, cut off", shelf.put("cut.jsonl.zst", cut(&written::zstd(&lines)))),
        ("a line of 100 MB", shelf.put("endless.jsonl", &endless)),
        ("gzip, cut off", shelf.put("cut.jsonl.gz", cut(&written::gzip(&lines)))),
        ("an array", shelf.put("array.jsonl", array)),
        (
            "no JSON",
            shelf.put("slip.jsonl", b"{\"open_id\": \"u1\"}\n{\"open_id\": u2}\n"),
        ),
        (
            "two objects on a line",
            shelf.put("two.jsonl", b"{\"open_id\": \"u1\"} {\"open_id\": \"u2\"}\n"),
        ),
        (
            "another encoding",
            shelf.put("gbk.jsonl", b"{\"open_id\": \"\xc3\xfb\"}\n"),
        ),
        ("UTF-16", shelf.put("utf16.jsonl", b"\xff\xfe{\0\"\0")),
        ("UTF-16 without a mark", shelf.put("utf16le.jsonl", b"{\0\"\0o\0")),
        (
            "another spelling of the key",
            shelf.put("case.jsonl", b"{\"openId\": \"u1\", \"seen\": null}\n"),
        ),
        (
            "another spelling of the other key",
            shelf.put("seen.jsonl", b"{\"open_id\": \"u1\", \"Seen\": null}\n"),
        ),
        (
            "a nested key",
            shelf.put(
                "nested.jsonl",
                b"\n{\"user\": {\"open_id\": \"u1\", \"name\": {}}, \"n\": 1}\n{\"n\": 2}\n",
            ),
        ),
        ("no key", shelf.put("none.jsonl", b"{}\n")),
        ("NUL", shelf.put("nul.jsonl", b"{\"open_id\": \"u1\"}\n\0\0\0\0")),
        ("an Excel workbook", shelf.put("book.jsonl", b"PK\x03\x04\x14\0\x06\0")),
    ];
    insta::assert_snapshot!(shelf.said(cases.map(|(name, path)| (name, jsonl(&path)))));
}

#[test]
fn parquet_files() {
    let shelf = Shelf::new();
    let whole = shelf.path("whole.parquet");
    written::parquet(&someone(), &whole, Compression::SNAPPY, 100);
    let bytes = std::fs::read(&whole).unwrap();
    let mut torn = bytes.clone();
    torn[200..1200].fill(0xa5);
    let mut late = bytes.clone();
    let far = bytes.len() * 2 / 3;
    late[far..far + 400].fill(0xa5);
    let members = shelf.path("a.db");
    written::sqlite(&someone(), &members);
    let mut short = bytes[..1000].to_vec();
    short.extend(&bytes[bytes.len() - 4..]);
    let cases = [
        ("missing", shelf.path("absent.parquet")),
        ("empty", shelf.put("empty.parquet", b"")),
        ("a directory", shelf.path("folder")),
        ("without its footer", shelf.put("cut.parquet", cut(&bytes))),
        ("a CSV file", shelf.put("text.parquet", b"open_id,seen\nu1,\n")),
        ("a few bytes", shelf.put("tiny.parquet", b"PAR")),
        ("encrypted", shelf.put("secret.parquet", b"PARE12345678PARE")),
        (
            "an SQLite database",
            shelf.put("db.parquet", &std::fs::read(&members).unwrap()),
        ),
        ("in gzip", shelf.put("whole.parquet.gz", &written::gzip(&bytes))),
        ("a page torn later", shelf.put("late.parquet", &late)),
        ("damaged pages", shelf.put("torn.parquet", &torn)),
        ("a footer that lies", shelf.put("short.parquet", &short)),
        ("a pattern that nothing matches", shelf.path("part-*.parquet")),
    ];
    insta::assert_snapshot!(shelf.said(cases.map(|(name, path)| (name, parquet(&path)))));
}

fn ask(path: &Path, sql: &str) -> Source {
    Source::Sqlite(SqliteSource {
        path: path.into(),
        query: Query::new(sql, columns()),
    })
}

/// A long value is refused by its length, and a huge one is never loaded into memory.
#[test]
fn an_sqlite_value_that_is_no_open_id_by_far() {
    let shelf = Shelf::new();
    let some = shelf.path("some.db");
    written::sqlite(&someone(), &some);
    let with = |value: &str| {
        let sql = format!("select 'u1' as open_id, null as seen union all select {value}, null");
        ask(&some, &sql)
    };
    insta::assert_snapshot!(shelf.said([
        ("an open_id of 2 MB", with("hex(zeroblob(1000000))")),
        ("an open_id of 100 MB", with("zeroblob(100000000)")),
    ]));
}

#[test]
fn sqlite_databases() {
    let shelf = Shelf::new();
    let whole = shelf.path("whole.db");
    written::sqlite(&someone(), &whole);
    let bytes = std::fs::read(&whole).unwrap();
    let select = "select open_id, seen from members";
    let other = shelf.path("other.db");
    let table = shelf.path("a.parquet");
    written::parquet(&someone(), &table, Compression::SNAPPY, 100);
    let into = format!("select 1; vacuum into '{}'", other.display());
    let cases = [
        ("missing", ask(&shelf.path("absent.db"), select)),
        ("empty", ask(&shelf.put("empty.db", b""), select)),
        ("a directory", ask(&shelf.path("folder"), select)),
        ("a CSV file", ask(&shelf.put("text.db", b"open_id,seen\nu1,\n"), select)),
        ("a Parquet file", ask(&table, select)),
        (
            "in gzip",
            ask(&shelf.put("whole.db.gz", &written::gzip(&bytes)), select),
        ),
        ("cut off", ask(&shelf.put("cut.db", &bytes[..5000]), select)),
        ("no SQL", ask(&whole, "selekt open_id from members")),
        ("no such table", ask(&whole, "select open_id from member")),
        ("no such column", ask(&whole, "select opn_id from members")),
        (
            "no such column in the result",
            ask(&whole, "select open_id as id, seen from members"),
        ),
        (
            "two columns of one name",
            ask(&whole, "select open_id, seen, seen as open_id from members"),
        ),
        ("a query that writes", ask(&whole, "delete from members")),
        (
            "a query that writes and returns",
            ask(&whole, "delete from members returning open_id, seen"),
        ),
        ("two statements", ask(&whole, &into)),
        (
            "one that copies the database",
            ask(&whole, into.trim_start_matches("select 1; ")),
        ),
        ("nothing", ask(&whole, "-- nothing")),
    ];
    insta::assert_snapshot!(shelf.said(cases));
    assert_eq!(std::fs::read(&whole).unwrap(), bytes, "nothing was changed");
    assert!(!other.exists(), "nothing was copied");
    let (none, totals) = all(&ask(&whole, "select open_id, seen from members where false")).unwrap();
    assert_eq!((none.len(), totals.rows), (0, 0), "no rows are no mistake of the query");
    let (rows, _) = all(&ask(
        &whole,
        "select null as open_id, 1.5 as seen union all select 2.5, 'soon'",
    ))
    .unwrap();
    insta::assert_debug_snapshot!(rows);
}

/// A Parquet value is always whole in one page, so here it can be refused only by its length.
#[test]
fn a_parquet_value_that_is_no_open_id_by_far() {
    let shelf = Shelf::new();
    let table = shelf.path("endless.parquet");
    let long = Person {
        open_id: "x".repeat(2 << 20),
        seen: None,
    };
    written::parquet(&[long], &table, Compression::SNAPPY, 10);
    insta::assert_snapshot!(shelf.said([("parquet", parquet(&table))]));
}

/// What systems and programs keep beside the data is neither read nor skipped.
#[test]
fn a_pattern_that_matches_more_than_the_data_is_refused() {
    let mut said = String::new();
    for name in [
        "_SUCCESS",
        "Thumbs.db",
        "~$members.xlsx",
        "part-1.csv.crc",
        "part-1.csv~",
    ] {
        let shelf = Shelf::new();
        shelf.put("folder/part-1.csv", b"open_id,seen\nu1,\n");
        shelf.put(&format!("folder/{name}"), b"open_id,seen\nu2,\n");
        let files = Files {
            folder: shelf.folder.path().into(),
            path: "folder/*".into(),
        };
        let Source::Csv(mut source) = csv(&shelf.path("x")) else {
            unreachable!()
        };
        source.input = Input::Files(files.clone());
        let columns = columns();
        let tables = Source::Parquet(ParquetSource { files, columns });
        said += &shelf.said([("csv", Source::Csv(source)), ("parquet", tables)]);
    }
    insta::assert_snapshot!(said);
}

/// A key that some objects lack is no mistake of the file.
#[test]
fn json_lines_may_lack_a_key_in_some_objects() {
    let shelf = Shelf::new();
    let lines = shelf.put(
        "a.jsonl",
        b"{\"openId\": \"u1\"}\n{\"open_id\": null}\n{\"open_id\": \"u2\"}\n",
    );
    insta::assert_debug_snapshot!(all(&jsonl(&lines)).unwrap().0);
}

/// A bad file among several is not skipped.
#[test]
fn a_source_of_several_files_is_refused_as_a_whole() {
    let shelf = Shelf::new();
    shelf.put("part-1.csv", b"open_id,seen\nu1,\n");
    shelf.put("part-2.csv", b"");
    let Source::Csv(mut source) = csv(&shelf.path("x")) else {
        unreachable!()
    };
    source.input = Input::Files(Files {
        folder: shelf.folder.path().into(),
        path: "part-*.csv".into(),
    });
    let tables = Source::Parquet(ParquetSource {
        files: Files {
            folder: shelf.folder.path().into(),
            path: "part-?.csv".into(),
        },
        columns: columns(),
    });
    insta::assert_snapshot!(shelf.said([("csv", Source::Csv(source)), ("parquet", tables)]));
}
