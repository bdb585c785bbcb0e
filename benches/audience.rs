//! How fast an audience of a million rows is read, in each format, and admitted to a ledger without a store, compared with
//! a plain loop of the `csv` crate over the same rows; and the peak memory of the process.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

#[path = "audience/databases.rs"]
mod databases;
#[path = "audience/duckdb.rs"]
mod duckdb;
#[path = "audience/size.rs"]
mod size;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runner::audience::{Columns, CsvSource, Encoding, Input, Source, read};
use runner::campaign;
use runner::engine::audience_diff::{DiffBuilder, Terms};
use runner::ledger::{Ledger, NullStore};
use runner::model::outcome::Class;
use runner::plan::{self, Plan, RunOptions};

const ROWS: u32 = 1_000_000;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if size::child()? {
        return Ok(());
    }
    if std::env::args().any(|word| word == "size") {
        return size::run();
    }
    let dir = tempfile::tempdir()?;
    if std::env::args().any(|word| word == "databases") {
        return databases::run(dir.path());
    }
    let path = dir.path().join("audience.csv");
    write(&path)?;
    let bytes = std::fs::metadata(&path)?.len();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let plain = best(|| plain_loop(&path))?;
    report("csv::ByteRecord, plain loop", bytes, plain, plain);
    let ours = best(|| runtime.block_on(our_read(&source(&path))))?;
    report("audience::read", bytes, ours, plain);
    for (name, source, path) in written::all(dir.path())? {
        let bytes = std::fs::metadata(path)?.len();
        let took = best(|| runtime.block_on(our_read(&source)))?;
        report(name, bytes, took, plain);
    }
    println!("peak resident after reading: {}", peak_resident());
    let decided = plan()?;
    let first = best(|| runtime.block_on(admit(&decided, &path, 1)))?;
    report("read and admit, all new", bytes, first, plain);
    println!("peak resident after admitting: {}", peak_resident());
    let both = best(|| runtime.block_on(admit(&decided, &path, 2)))?;
    report("again, nobody new", bytes, both.saturating_sub(first), plain);
    println!("peak resident: {}", peak_resident());
    databases::run(dir.path())?;
    size::run()
}

/// Writes rows of one open_id of 36 characters, in random order.
fn write(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "open_id")?;
    for n in 0..ROWS {
        writeln!(file, "{}", open_id(n))?;
    }
    file.flush()
}

fn open_id(n: u32) -> String {
    let mixed = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{mixed:032x}");
    let head = &hex[..16];
    let tail = &hex[16..];
    let one = &head[..8];
    let two = &head[8..12];
    let three = &head[12..];
    format!("{one}-{two}-{three}-{}-{}", &tail[..4], &tail[4..])
}

fn plain_loop(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record)? {
        rows += u64::from(!record.is_empty());
    }
    Ok(rows)
}

fn source(path: &Path) -> Source {
    Source::Csv(CsvSource {
        input: Input::Files(path.into()),
        columns: Columns {
            open_id: "open_id".into(),
            last_active: None,
            zone: TimeZone::UTC,
            present: Timestamp::MAX,
        },
        encoding: Encoding::Utf8,
        delimiter: None,
    })
}

async fn our_read(source: &Source) -> Result<u64, Box<dyn std::error::Error>> {
    let mut usable = 0;
    read(source, |batch| {
        usable += batch.rows().filter(|row| row.open_id.is_ok()).count() as u64;
    })
    .await?;
    Ok(usable)
}

/// The rows in other formats, with the time of the last activity.
mod written {
    use std::fs::File;
    use std::io::{BufWriter, Write};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use runner::audience::{Columns, CsvSource, Encoding, Input, JsonlSource, ParquetSource, Source};

    use super::{ROWS, open_id};

    fn columns() -> Columns {
        Columns {
            open_id: "open_id".into(),
            last_active: Some("seen".into()),
            zone: TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC),
            present: Timestamp::MAX,
        }
    }

    fn csv(path: &Path) -> Source {
        Source::Csv(CsvSource {
            input: Input::Files(path.into()),
            columns: columns(),
            encoding: Encoding::Utf8,
            delimiter: None,
        })
    }

    fn seconds(n: u32) -> i64 {
        1_780_000_000 - i64::from(n % 1_000_000)
    }

    pub(super) type Written = (&'static str, Source, PathBuf);

    pub(super) fn all(dir: &Path) -> Result<Vec<Written>, Box<dyn std::error::Error>> {
        let at = |name: &str| dir.join(name);
        let zone = columns().zone;
        let local = |n| zone.to_datetime(Timestamp::from_second(seconds(n)).unwrap_or_default());
        let lines = |path: PathBuf, head: &str, line: &dyn Fn(u32) -> String| -> std::io::Result<PathBuf> {
            let mut file = BufWriter::new(File::create(&path)?);
            write!(file, "{head}")?;
            for n in 0..ROWS {
                writeln!(file, "{}", line(n))?;
            }
            file.flush()?;
            Ok(path)
        };
        let unix = lines(at("unix.csv"), "open_id,seen\n", &|n| {
            format!("{},{}", open_id(n), seconds(n))
        })?;
        let times = lines(at("times.csv"), "open_id,seen\n", &|n| {
            format!("{},{}", open_id(n), local(n).strftime("%Y-%m-%d %H:%M:%S"))
        })?;
        let objects = lines(at("a.jsonl"), "", &|n| {
            format!("{{\"open_id\":\"{}\",\"seen\":{}}}", open_id(n), seconds(n))
        })?;
        let gzip = at("times.csv.gz");
        let zstd = at("times.csv.zst");
        let mut encoder = flate2::write::GzEncoder::new(File::create(&gzip)?, flate2::Compression::default());
        std::io::copy(&mut File::open(&times)?, &mut encoder)?;
        encoder.finish()?;
        zstd::stream::copy_encode(File::open(&times)?, File::create(&zstd)?, 3)?;
        let table = at("a.parquet");
        parquet(&table)?;
        let files = table.as_path().into();
        let tables = Source::Parquet(ParquetSource {
            files,
            columns: columns(),
        });
        let jsonl = Source::Jsonl(JsonlSource {
            input: Input::Files(objects.as_path().into()),
            columns: columns(),
        });
        Ok(vec![
            ("csv with Unix times", csv(&unix), unix),
            ("csv with local times", csv(&times), times),
            ("the same in gzip", csv(&gzip), gzip),
            ("the same in zstd", csv(&zstd), zstd),
            ("jsonl with Unix times", jsonl, objects),
            ("parquet, snappy", tables, table),
        ])
    }

    fn parquet(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let schema = "message m { optional binary open_id (STRING); optional int64 seen (TIMESTAMP(MILLIS, true)); }";
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let schema = Arc::new(parse_message_type(schema)?);
        let mut writer = SerializedFileWriter::new(File::create(path)?, schema, Arc::new(properties))?;
        let numbers: Vec<_> = (0..ROWS).collect();
        for rows in numbers.chunks(131_072) {
            let present = vec![1; rows.len()];
            let ids: Vec<_> = rows.iter().map(|n| ByteArray::from(open_id(*n).as_str())).collect();
            let times: Vec<_> = rows.iter().map(|n| seconds(*n) * 1000).collect();
            let mut group = writer.next_row_group()?;
            if let Some(mut column) = group.next_column()? {
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&ids, Some(&present), None)?;
                column.close()?;
            }
            if let Some(mut column) = group.next_column()? {
                column.typed::<Int64Type>().write_batch(&times, Some(&present), None)?;
                column.close()?;
            }
            group.close()?;
        }
        writer.close()?;
        Ok(())
    }
}

fn plan() -> Result<Plan, Box<dyn std::error::Error>> {
    let text = "version: 1\ncampaign: bench\napp_id: tt1\nactivity_id: 1\ncredentials: {access_token: {env: TOKEN}}\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n";
    let parsed = campaign::parse(Path::new("bench.yaml"), text.as_bytes());
    let said = parsed.map_err(|mistakes| format!("{mistakes:?}"))?.campaign;
    let options = RunOptions {
        at_most: None,
        no_wait: false,
        sandbox: None,
    };
    Ok(plan::build(&said, options)?)
}

/// Admits the audience to a new ledger `times` times.
async fn admit(plan: &Plan, path: &Path, times: u32) -> Result<u64, Box<dyn std::error::Error>> {
    let mut ledger = Ledger::open(NullStore, plan.identity.clone()).await?;
    for _ in 0..times {
        let mut admission = DiffBuilder::new(ledger.state(), plan);
        let totals = admission.read(&source(path), |_| {}).await?;
        let admission = admission.decide(&Terms {
            plan,
            totals: &totals,
            accepted: &[],
            rehearsal: false,
            class: &|_| Class::Hold,
            wall: Timestamp::UNIX_EPOCH,
        });
        for batch in admission
            .map_err(|refusals| format!("{refusals:?}"))?
            .changes
            .into_batches()
        {
            ledger.append(batch?).await?;
        }
    }
    Ok(ledger.state().recipients().into())
}

/// The shortest of several runs: other work on the machine only ever adds time.
fn best(
    mut run: impl FnMut() -> Result<u64, Box<dyn std::error::Error>>,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let began = Instant::now();
        let rows = run()?;
        best = best.min(began.elapsed());
        assert_eq!(rows, u64::from(ROWS), "every row is read");
    }
    Ok(best)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a file's length and a count, both far below 2^52"
)]
fn report(what: &str, bytes: u64, took: Duration, plain: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{what:32} {:>6.2} M rows/s {:>7.1} MB/s   {:.2} of the plain loop's speed",
        f64::from(ROWS) / seconds / 1e6,
        bytes as f64 / seconds / 1e6,
        plain.as_secs_f64() / seconds,
    );
}

/// The peak resident memory of this process, as the kernel counts it.
fn peak_resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown on this system".to_owned(), |peak| peak.trim().to_owned())
}
