//! DuckDB on the same CSV, for comparison: with the Python that `RUNNER_BENCH_PYTHON` names, else `python3`, if it has the
//! module `duckdb`. The program itself does not need it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Runs each query once, on two threads, with the file in the page cache, as in our runs. The last query does most of what
/// a resolution does: the users that are listed and not excluded, each once with the latest activity, soonest expiry first.
const SCRIPT: &str = r#"
import duckdb, resource, sys, time
path, excluded = sys.argv[1:]
questions = {
    "count of distinct": "select count(*) from (select distinct open_id from read_csv('%s'))" % path,
    "distinct, into a table": "create or replace table d as select distinct open_id from read_csv('%s')" % path,
    "distinct, excluded, ordered": """create or replace table d as
        select open_id, max(last_active) as seen from read_csv('%s') where not exists
        (from read_csv('%s') as no where no.open_id = read_csv.open_id) group by open_id order by seen""" % (path, excluded),
}
for name, sql in questions.items():
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute("set enable_progress_bar = false")
    began, used = time.monotonic(), time.process_time()
    connection.execute(sql).fetchall()
    took, used = time.monotonic() - began, time.process_time() - used
    connection.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(name, took, used, peak, duckdb.__version__, sep="\t")
"#;

/// Runs the queries in DuckDB on the same files, and prints its times next to ours.
pub fn beside(path: &Path, excluded: &Path, ours: Duration) {
    let used = cpu();
    let python = std::env::var_os("RUNNER_BENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let asked = Command::new(&python)
        .args(["-c", SCRIPT])
        .arg(path)
        .arg(excluded)
        .output();
    let answer = match asked {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = said.lines().last().unwrap_or("it said nothing");
            return println!("DuckDB was not there: {} says: {last}", python.display());
        }
        Err(error) => return println!("DuckDB was not there: {}: {error}", python.display()),
    };
    for line in answer.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, took, theirs, peak, version] = fields.as_slice() else {
            return println!("DuckDB said something else: {line}");
        };
        let number = |text: &str| text.parse().unwrap_or(f64::NAN);
        let took = number(took);
        let theirs = number(theirs);
        println!(
            "DuckDB {version}, 2 threads: {name:28} {took:>5.1} s, {theirs:>5.1} s of CPU, up to {peak} MiB; resolved here in \
             {:.2} of the time, {:.2} of the CPU",
            ours.as_secs_f64() / took,
            used / theirs
        );
    }
}

/// The CPU time of this process in seconds: on busy cores it is more accurate than the wall clock.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    // In hundredths of a second: user and system.
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
