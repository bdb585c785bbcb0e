//! The same rows, written in every format.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// One user in a source. An empty open_id is unusable.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) open_id: String,
    /// In milliseconds since the Unix epoch.
    pub(crate) seen: Option<i64>,
}

impl Person {
    fn at(&self) -> Option<Timestamp> {
        self.seen.map(|ms| Timestamp::from_millisecond(ms).unwrap())
    }

    fn local(&self) -> String {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        self.at()
            .map_or_else(String::new, |at| zone.to_datetime(at).to_string().replace('T', " "))
    }
}

/// Rows with a delimiter. Times are RFC 3339 with commas, local with other delimiters.
pub(crate) fn csv(people: &[Person], delimiter: u8) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(["seen", "open_id", "name"]).unwrap();
    for person in people {
        let seen = if delimiter == b',' {
            person.at().map_or_else(String::new, |at| at.to_string())
        } else {
            person.local()
        };
        writer.write_record([&seen, &person.open_id, "王, \"芳\""]).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Objects with the open_id as text, or as a number if JSON can write it.
pub(crate) fn jsonl(people: &[Person]) -> Vec<u8> {
    let mut text = String::new();
    for person in people {
        let digits = person.open_id.parse::<u64>().is_ok() && !person.open_id.starts_with('0');
        let open_id = if digits {
            person.open_id.clone()
        } else {
            json!(person.open_id).to_string()
        };
        text.push_str(&format!(
            "{{\"open_id\":{open_id},\"seen\":{},\"x\":{{\"open_id\":\"no\"}}}}\n",
            json!(person.seen)
        ));
    }
    text.into_bytes()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    // Two members, as from `cat a.gz b.gz`.
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let member = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    [member(first), member(second)].concat()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A Parquet file with dictionaries, in groups of `group` rows.
pub(crate) fn parquet(people: &[Person], path: &Path, compression: Compression, group: usize) {
    let schema = "message m { optional binary open_id (STRING); optional int64 seen (TIMESTAMP(MICROS, true)); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for people in people.chunks(group) {
        let mut group = writer.next_row_group().unwrap();
        let ids: Vec<_> = people
            .iter()
            .map(|person| ByteArray::from(person.open_id.as_str()))
            .collect();
        let mut column = group.next_column().unwrap().unwrap();
        let ones = vec![1; people.len()];
        column
            .typed::<ByteArrayType>()
            .write_batch(&ids, Some(&ones), None)
            .unwrap();
        column.close().unwrap();
        let times: Vec<_> = people
            .iter()
            .filter_map(|person| person.seen)
            .map(|ms| ms * 1000)
            .collect();
        let present: Vec<_> = people.iter().map(|person| i16::from(person.seen.is_some())).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int64Type>()
            .write_batch(&times, Some(&present), None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

/// A database with one table.
pub(crate) fn sqlite(people: &[Person], path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql("create table members (open_id, seen)")
            .execute(&mut connection)
            .await
            .unwrap();
        let mut all = connection.begin().await.unwrap();
        for person in people {
            let insert = match person.open_id.parse::<i64>() {
                Ok(number) if number.to_string() == person.open_id => {
                    sqlx::query("insert into members values (?, ?)").bind(number)
                }
                _ => sqlx::query("insert into members values (?, ?)").bind(&person.open_id),
            };
            insert.bind(person.seen).execute(&mut *all).await.unwrap();
        }
        all.commit().await.unwrap();
        connection.close().await.unwrap();
    });
}
