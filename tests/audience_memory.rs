//! A field of a hundred megabytes is an error with a place, and is never held in memory, in any format. A Parquet page is
//! unpacked as a whole, so there the page is refused by the size in its header. This test has its own process, so that no
//! other test raises the peak of resident memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use runner::audience::{
    AudienceError, Columns, CsvSource, Encoding as TextEncoding, Input, JsonlSource, ParquetSource, Query, Responsible,
    Source, SqliteSource, SyntaxError, read,
};
use sqlx::{ConnectOptions as _, Connection as _};

/// The memory in KiB that is allowed for batches, buffers and the allocator.
const MOST: u64 = 32 << 10;

fn endless(path: &Path, head: &str) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(head.as_bytes()).unwrap();
    let much = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&much).unwrap();
    }
    encoder.finish().unwrap();
}

/// The peak of this process's resident memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

/// A database with one user and then a value of a hundred megabytes.
async fn database(path: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new();
    let options = options.filename(path).create_if_missing(true);
    let mut made = options.connect().await.unwrap();
    let sql = "create table t (open_id); insert into t values ('u1'), (zeroblob(100000000))";
    sqlx::raw_sql(sql).execute(&mut made).await.unwrap();
    made.close().await.unwrap();
}

/// A file of one column, in one page.
fn table(path: &Path, encoding: Encoding, values: &[ByteArray]) {
    let schema = parse_message_type("message m { required binary open_id (STRING); }").unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(encoding)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_size_limit(1 << 30)
        .set_statistics_enabled(EnabledStatistics::None);
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

/// Resets the peak: creating the files must not count.
fn forget_the_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::test]
async fn one_endless_field() {
    let folder = tempfile::tempdir().unwrap();
    let members = folder.path().join("a.db");
    database(&members).await;
    let text = folder.path().join("a.csv");
    let lines = folder.path().join("a.jsonl");
    endless(&text, "open_id\nu1\n");
    let quoted = folder.path().join("quoted.csv");
    endless(&quoted, "open_id\nu1\n\"");
    endless(&lines, "{\"open_id\":\"u1\"}\n{\"open_id\":\"");
    let page = folder.path().join("page.parquet");
    table(&page, Encoding::PLAIN, &[ByteArray::from(vec![b'x'; 160 << 20])]);
    // Each value repeats the whole value before it, so 500 MB are a few kilobytes, packed or not.
    let repeats = folder.path().join("repeats.parquet");
    let value = ByteArray::from(vec![b'x'; 500_000]);
    table(&repeats, Encoding::DELTA_BYTE_ARRAY, &vec![value; 1000]);
    let columns = || Columns {
        open_id: "open_id".into(),
        last_active: None,
        zone: TimeZone::UTC,
        present: Timestamp::UNIX_EPOCH,
    };
    let csv = |path: &Path| {
        Source::Csv(CsvSource {
            input: Input::Files(path.into()),
            columns: columns(),
            encoding: TextEncoding::Utf8,
            delimiter: None,
        })
    };
    let sqlite = Source::Sqlite(SqliteSource {
        query: Query::new("select open_id from t", columns()),
        path: members,
    });
    let jsonl = Source::Jsonl(JsonlSource {
        input: Input::Files(lines.as_path().into()),
        columns: columns(),
    });
    let parquet = |path: &Path| {
        Source::Parquet(ParquetSource {
            files: path.into(),
            columns: columns(),
        })
    };
    forget_the_peak();
    let before = resident();
    for (source, line, flaw) in [
        (csv(&text), 3, SyntaxError::TooLong),
        (csv(&quoted), 3, SyntaxError::UnclosedQuote),
        (jsonl, 2, SyntaxError::TooLong),
    ] {
        let error = read(&source, |_| {}).await.unwrap_err();
        let at = matches!(error, AudienceError::Malformed { line: at, flaw: found, .. } if (at, found) == (line, flaw));
        assert!(at, "{error:?}");
    }
    let error = read(&sqlite, |_| {}).await.unwrap_err();
    assert!(error.to_string().ends_with("a.db after row 1"), "{error}");
    assert!(
        matches!(&error, AudienceError::Database { blame: Responsible::File(help), .. } if help.to_string().contains("64 MiB")),
        "{error:?}"
    );
    let error = read(&parquet(&page), |_| {}).await.unwrap_err();
    assert!(matches!(error, AudienceError::TooLarge { row: 0, .. }), "{error:?}");
    let totals = read(&parquet(&repeats), |_| {}).await.unwrap();
    assert_eq!(totals.rows, 1000);
    let more = resident() - before;
    assert!(more < MOST, "{more} KiB more than before");
}
