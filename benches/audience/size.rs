//! An audience of ten million rows with all selection options: how fast it is resolved and admitted to a ledger on disk, in
//! how much memory, and how little an unchanged source adds. It runs in its own process, so that the memory is its own.
//!
//! `RUNNER_BENCH_ROWS` sets another number of rows; a tenth of them is excluded.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runner::audience::{Columns, CsvSource, Encoding, Input, Source};
use runner::campaign;
use runner::engine::audience_diff::{Admission, DiffBuilder, Exclusion, Terms};
use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::Purpose;
use runner::ledger::{Ledger, LedgerState, SledStore};
use runner::model::clock::from_ms;
use runner::model::event::Owner;
use runner::model::outcome::Class;
use runner::plan::{self, Plan, RunOptions};

use super::duckdb;

const CHILD: &str = "RUNNER_BENCH_SIZE";
const NOW_MS: i64 = 1_780_000_000_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs the task that the parent process gave to this one. Returns `false` when there is no task.
pub fn child() -> Result<bool> {
    let Some(dir) = std::env::var_os(CHILD) else {
        return Ok(false);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(Path::new(&dir)))?;
    Ok(true)
}

/// Writes the files, and measures in a child process.
pub fn run() -> Result<()> {
    let rows = std::env::var("RUNNER_BENCH_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok());
    let rows: u64 = rows.unwrap_or(10_000_000);
    let dir = tempfile::tempdir()?;
    let all = dir.path().join("audience.csv");
    let tenth = dir.path().join("opted-out.csv");
    write(&all, rows, 1)?;
    write(&tenth, rows, 10)?;
    println!("\n{rows} rows, a tenth of them excluded, 5 % control group, expiring_first, active_within 7d");
    let this = std::env::current_exe()?;
    let status = std::process::Command::new(this).env(CHILD, dir.path()).status()?;
    if !status.success() {
        return Err("the measuring process failed".into());
    }
    Ok(())
}

/// Writes one of every `every` users, in random order, each last active at some time of the last eight days.
fn write(path: &Path, rows: u64, every: usize) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "open_id,last_active")?;
    let begin = NOW_MS / 1000 - 8 * 86_400;
    for n in (0..rows).step_by(every) {
        let mixed = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let hex = format!("{mixed:032x}");
        let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        let at = Timestamp::from_second(begin + i64::try_from(mixed >> 64 & 0xffff_ffff)? % (8 * 86_400))?;
        writeln!(file, "{},{}", groups.join("-"), at.strftime("%Y-%m-%d %H:%M:%S"))?;
    }
    file.flush()?;
    Ok(())
}

fn source(path: &Path) -> Source {
    Source::Csv(CsvSource {
        input: Input::Files(path.into()),
        columns: Columns {
            open_id: "open_id".to_owned(),
            last_active: Some("last_active".to_owned()),
            zone: TimeZone::UTC,
            present: Timestamp::MAX,
        },
        encoding: Encoding::Utf8,
        delimiter: None,
    })
}

fn plan() -> Result<Plan> {
    let text = "version: 1\ncampaign: bench\napp_id: tt1\nactivity_id: 1\naudience:\n  source: {csv: {path: a.csv, \
                open_id: a, last_active: b}}\n  active_within: 7d\n  order: expiring_first\n  control_group: 5%\n";
    let parsed = campaign::parse(Path::new("bench.yaml"), text.as_bytes());
    let said = parsed.map_err(|mistakes| format!("{mistakes:?}"))?.campaign;
    let options = RunOptions {
        sandbox: Some("http://127.0.0.1:1".to_owned()),
        ..RunOptions::default()
    };
    Ok(plan::build(&said, options)?)
}

/// Reads and decides. Returns the number of rows, the time to read them, and the time to decide.
async fn resolve(ledger_state: &LedgerState, plan: &Plan, dir: &Path) -> Result<(Admission, u64, Took, Took)> {
    let began = Stopwatch::start();
    let mut excluded = Exclusion::new(ledger_state);
    let list = source(&dir.join("opted-out.csv"));
    excluded.read("csv opted-out.csv".to_owned(), &list, |_| {}).await?;
    let mut admission = DiffBuilder::excluding(excluded, plan);
    let totals = admission.read(&source(&dir.join("audience.csv")), |_| {}).await?;
    let read = began.elapsed();
    let admission = admission.decide(&Terms {
        plan,
        totals: &totals,
        accepted: &[],
        rehearsal: true,
        class: &|_| Class::Hold,
        wall: from_ms(NOW_MS),
    });
    let admission = admission.map_err(|refusals| format!("{refusals:?}"))?;
    Ok((admission, totals.rows, read, began.elapsed()))
}

async fn measure(dir: &Path) -> Result<()> {
    let plan = plan()?;
    let place = LedgerDir::new(dir, &plan.identity);
    let owner = Owner {
        host: "bench".to_owned(),
        pid: std::process::id(),
        since: from_ms(0),
        command: "bench".to_owned(),
    };
    let lock = place.lock(&owner, Purpose::Apply)?;
    let store: SledStore = place.create(&lock, from_ms(NOW_MS)).await?;
    let mut ledger = Ledger::open(store, plan.identity.clone()).await?;
    let (admission, rows, read, decided) = resolve(ledger.state(), &plan, dir).await?;
    rate("read, the list of the excluded before it", rows, read);
    rate("resolved: excluded, drawn, ordered", rows, decided);
    println!("peak resident when resolved: {} MiB", peak());
    let reading = admission.reading;
    println!(
        "  {} listed, {} excluded, {} control group, {} lapsed",
        reading.listed, reading.excluded, reading.control_group, reading.lapsed
    );

    duckdb::beside(&dir.join("audience.csv"), &dir.join("opted-out.csv"), decided.wall);
    let began = Stopwatch::start();
    let Admission {
        changes, send_order, ..
    } = Admission { reading, ..admission };
    for batch in changes.into_batches() {
        ledger.append(batch?).await?;
    }
    let admitted = u64::from(ledger.state().recipients());
    rate("admitted and closed on disk", admitted, began.elapsed());
    println!("peak resident when admitted: {} MiB", peak());
    assert!(send_order.order().is_some());
    drop((send_order, ledger));
    let before = size(place.dir());
    println!("{} bytes on disk for a delivery", before / admitted);

    let began = Stopwatch::start();
    let store = place.open(&lock).await?.ok_or("the ledger is gone")?;
    let mut ledger = Ledger::open(store, plan.identity.clone()).await?;
    rate("opened again", admitted, began.elapsed());
    let (admission, rows, _, decided) = resolve(ledger.state(), &plan, dir).await?;
    rate("resolved again, nothing changed", rows, decided);
    let batches: Vec<_> = admission
        .changes
        .into_batches()
        .collect::<std::result::Result<_, _>>()?;
    let bytes: usize = batches
        .iter()
        .map(|batch| postcard::to_stdvec(batch).map_or(0, |bytes| bytes.len()))
        .sum();
    println!("facts of an unchanged source: {bytes} bytes");
    for batch in batches {
        ledger.append(batch).await?;
    }
    println!("peak resident: {} MiB", peak());
    Ok(())
}

/// The wall time, and the CPU time of both cores: on a machine with other work, the second is more accurate.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    cores: Duration,
}

struct Stopwatch(Instant, Duration);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now(), cores())
    }

    fn elapsed(&self) -> Took {
        Took {
            wall: self.0.elapsed(),
            cores: cores().saturating_sub(self.1),
        }
    }
}

/// The CPU time of this process so far, of all threads.
fn cores() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may have spaces. User and system time are fields 12 and 13 after it, in hundredths of a second.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let ticks = behind.split_whitespace().skip(11).take(2);
    Duration::from_millis(ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
fn rate(what: &str, rows: u64, took: Took) {
    let wall = took.wall.as_secs_f64();
    let cores = took.cores.as_secs_f64();
    let rate = rows as f64 / wall / 1e3;
    println!("{what:42} {rate:>6.0} k/s   {wall:>6.1} s, {cores:>6.1} s of CPU");
}

/// The peak resident memory of this process, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return std::fs::metadata(path).map_or(0, |found| found.len());
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}
