//! How fast an audience of a million rows is read, beside a plain loop of the `csv` crate over the same file, and how
//! much memory the process takes at its peak.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use runner::audience::{CsvSource, Encoding, Source, read};

const ROWS: u32 = 1_000_000;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("audience.csv");
    write(&path)?;
    let bytes = std::fs::metadata(&path)?.len();
    let plain = best(|| plain_loop(&path))?;
    report("csv::ByteRecord, plain loop", bytes, plain, plain);
    let ours = best(|| our_read(&path))?;
    report("audience::read", bytes, ours, plain);
    println!("peak resident: {}", peak_resident());
    Ok(())
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

fn our_read(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let source = Source::Csv(CsvSource {
        path: path.into(),
        open_id: "open_id".into(),
        encoding: Encoding::Utf8,
        delimiter: None,
    });
    let mut usable = 0;
    read(&source, |row| {
        usable += u64::from(row.open_id.is_ok());
        ControlFlow::Continue(())
    })?;
    Ok(usable)
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
