//! How fast an audience of a million rows is read, and let into a ledger whose store keeps nothing, beside a plain loop
//! of the `csv` crate over the same file; and how much memory the process takes at its peak.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

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
use runner::engine::admit::{Admission, Terms};
use runner::ledger::{Each, Ledger, Store, StoreError};
use runner::outcome::Class;
use runner::plan::{self, Plan, RunOptions};

const ROWS: u32 = 1_000_000;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if size::child()? {
        return Ok(());
    }
    let only = std::env::args().nth(1).filter(|word| word == "size");
    if only.is_some() {
        return size::run();
    }
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("audience.csv");
    write(&path)?;
    let bytes = std::fs::metadata(&path)?.len();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let plain = best(|| plain_loop(&path))?;
    report("csv::ByteRecord, plain loop", bytes, plain, plain);
    let ours = best(|| runtime.block_on(our_read(&path)))?;
    report("audience::read", bytes, ours, plain);
    println!("peak resident after reading: {}", peak_resident());
    let decided = plan()?;
    let first = best(|| runtime.block_on(admit(&decided, &path, 1)))?;
    report("read and admit, all new", bytes, first, plain);
    println!("peak resident after admitting: {}", peak_resident());
    let both = best(|| runtime.block_on(admit(&decided, &path, 2)))?;
    report("again, nobody new", bytes, both.saturating_sub(first), plain);
    println!("peak resident: {}", peak_resident());
    size::run()
}

/// Rows of one open_id of 36 characters, in no order.
fn write(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "open_id")?;
    for n in 0..ROWS {
        let mixed = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let hex = format!("{mixed:032x}");
        let (head, tail) = (&hex[..16], &hex[16..]);
        writeln!(
            file,
            "{}-{}-{}-{}-{}",
            &head[..8],
            &head[8..12],
            &head[12..],
            &tail[..4],
            &tail[4..]
        )?;
    }
    file.flush()
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
        },
        encoding: Encoding::Utf8,
        delimiter: None,
    })
}

async fn our_read(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let mut usable = 0;
    read(&source(path), |batch| {
        usable += batch.rows().filter(|row| row.open_id.is_ok()).count() as u64;
    })
    .await?;
    Ok(usable)
}

/// A store that keeps nothing: what it would cost to keep it is measured where stores are.
struct Nowhere;

impl Store for Nowhere {
    async fn append(&mut self, _record: Vec<u8>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&mut self, _each: &mut Each<'_>) -> Result<(), StoreError> {
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

/// Lets the same audience into a new ledger so many times.
async fn admit(plan: &Plan, path: &Path, times: u32) -> Result<u64, Box<dyn std::error::Error>> {
    let mut ledger = Ledger::open(Nowhere, plan.identity.clone()).await?;
    for _ in 0..times {
        let mut admission = Admission::new(ledger.book(), plan);
        let totals = admission.read(&source(path), |_| {}).await?;
        let converged = admission.decide(&Terms {
            plan,
            totals: &totals,
            accepted: &[],
            rehearsal: false,
            class: &|_| Class::Hold,
            now: Timestamp::UNIX_EPOCH,
        });
        for batch in converged
            .map_err(|refusals| format!("{refusals:?}"))?
            .changes
            .into_batches()
        {
            ledger.append(batch).await?;
        }
    }
    Ok(ledger.book().recipients().into())
}

/// The shortest of several runs: the machine's other work only ever adds.
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

/// The most memory that this process had resident, as the kernel counts it.
fn peak_resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown on this system".to_owned(), |peak| peak.trim().to_owned())
}
