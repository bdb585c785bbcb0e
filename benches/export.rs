//! How fast the release binary exports a million deliveries of a ledger on disk, compared with a plain loop of the `csv`
//! crate that reads the rows and writes them again; and the memory for that.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::Purpose;
use runner::ledger::{Fact, Generation, Ledger};
use runner::model::clock::from_ms;
use runner::model::delivery::{ActivityNo, Decision, DeliveryKey};
use runner::model::event::Owner;
use runner::model::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use runner::model::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof};

const RUNS: usize = 3;
const BEGIN: i64 = 1_780_272_000_000;
type Failed = Box<dyn std::error::Error>;

/// The cost of one run.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Took {
    seconds: f64,
    /// CPU time of both cores; `None` for what runs in this process.
    cpu: Option<f64>,
    /// The peak memory of the process, in KiB.
    peak: Option<f64>,
}

fn main() -> Result<(), Failed> {
    for deliveries in [100_000, 1_000_000] {
        let dir = tempfile::tempdir()?;
        prepare(dir.path(), deliveries)?;
        println!("{deliveries} deliveries, all of them issued");
        let open = best(|| run(dir.path(), &["--state", "held", "-o", "none.csv"]))?;
        report("open, read twice, write nothing", deliveries, open, open);
        for out in ["out.csv", "out.jsonl", "out.parquet", "out.xlsx"] {
            let took = best(|| run(dir.path(), &["-o", out]))?;
            report(out, deliveries, took, open);
        }
        let copy = best(|| copy(dir.path()))?;
        report("csv crate, the same rows read and written", deliveries, copy, open);
    }
    Ok(())
}

fn report(what: &str, deliveries: u32, took: Took, open: Took) {
    let Took { seconds, cpu, peak } = took;
    let cpu = cpu.map_or_else(String::new, |cpu| format!(", {cpu:.2} s of CPU"));
    let peak = peak.map_or_else(String::new, |kib| format!(", {:.0} MiB at most", kib / 1024.0));
    println!(
        "  {what:<42} {:>9.0} rows/s, {seconds:.2} s, {:.2} of the first{cpu}{peak}",
        f64::from(deliveries) / seconds,
        seconds / open.seconds
    );
}

fn best(run: impl Fn() -> Result<Took, Failed>) -> Result<Took, Failed> {
    let runs = (0..RUNS).map(|_| run()).collect::<Result<Vec<_>, _>>()?;
    let best = runs.into_iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    best.ok_or_else(|| "no run".into())
}

/// Exports, and returns the cost, as far as `time` reports it.
fn run(dir: &Path, args: &[&str]) -> Result<Took, Failed> {
    let began = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args([
            "-f",
            "%M %U %S",
            env!("CARGO_BIN_EXE_runner"),
            "export",
            "summer.yaml",
            "--sandbox",
        ])
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()?;
    let seconds = began.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(told.into());
    }
    let last = told.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = last.split(' ').filter_map(|number| number.parse().ok()).collect();
    let (peak, cpu) = match numbers.as_slice() {
        [peak, user, system] => (Some(*peak), Some(user + system)),
        _ => (None, None),
    };
    Ok(Took { seconds, cpu, peak })
}

fn copy(dir: &Path) -> Result<Took, Failed> {
    let began = Instant::now();
    let mut reader = csv::Reader::from_path(dir.join("out.csv"))?;
    let mut writer = csv::Writer::from_writer(File::create(dir.join("copy.csv"))?);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        writer.write_byte_record(&record)?;
    }
    writer.flush()?;
    Ok(Took {
        seconds: began.elapsed().as_secs_f64(),
        cpu: None,
        peak: None,
    })
}

fn prepare(dir: &Path, deliveries: u32) -> Result<(), Failed> {
    fs::write(
        dir.join("summer.yaml"),
        "{version: 1, campaign: summer, app_id: tt1, activity_id: 7218071234565644204, \
         audience: {source: {csv: {path: a.csv, open_id: open_id}}}}",
    )?;
    let identity = Identity {
        campaign: CampaignName::parse("summer")?,
        app_id: AppId::parse("tt1")?,
        platform: PlatformName::FakePlatform,
    };
    let owner = Owner {
        host: "bench".into(),
        pid: 1,
        since: from_ms(BEGIN),
        command: "bench".into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let place = LedgerDir::new(dir, &identity);
        let lock = place.lock(&owner, Purpose::Apply)?;
        let store = place.create(&lock, from_ms(BEGIN)).await?;
        let mut ledger = Ledger::open(store, identity).await?;
        let at = from_ms(BEGIN);
        let timeout = Duration::from_secs(10);
        ledger.append(vec![Fact::run_began(at, timeout)]).await?;
        let users: Vec<u32> = (0..deliveries).collect();
        for chunk in users.chunks(Fact::CHUNK) {
            let recipients = chunk.iter().map(|n| open_id(*n)).collect::<Result<_, _>>()?;
            ledger.append(vec![Fact::Admitted { recipients }]).await?;
        }
        ledger.append(vec![closed(deliveries)?]).await?;
        for chunk in users.chunks(100) {
            let intents = chunk.iter().map(|n| Fact::Intent {
                key: key(*n),
                at: time(*n),
                activity: ActivityNo(0),
            });
            ledger
                .append(intents.chain(chunk.iter().map(|n| issued(*n))).collect())
                .await?;
        }
        Ok(())
    })
}

const fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

fn time(n: u32) -> Timestamp {
    from_ms(BEGIN + i64::from(n) * 10)
}

fn open_id(n: u32) -> Result<OpenId, runner::model::identity::NameError> {
    let mixed = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{mixed:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    OpenId::parse(&parts.join("-"))
}

fn closed(listed: u32) -> Result<Fact, runner::model::identity::NameError> {
    Ok(Fact::Closed(Box::new(Generation {
        at: from_ms(BEGIN),
        listed: listed.into(),
        source: [7; 32],
        activity_id: ActivityId::parse("7218071234565644204")?,
        coupons_per_user: 1,
        fingerprint: "f".to_owned(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    })))
}

fn issued(n: u32) -> Fact {
    let second = time(n).as_second();
    let coupon = Coupon {
        coupon_id: format!("73{n:017}"),
        merchant_meta_no: Some("95a0-c029".to_owned()),
        coupon_name: Some("满20减5元券".to_owned()),
        coupon_status: Some(10),
        discount_type: Some(1),
        discount_amount: Some(500),
        min_pay_amount: Some(2000),
        receive_time: Some(second),
        valid_begin_time: Some(second),
        valid_end_time: Some(second + 7 * 86_400),
    };
    let answer = Answer {
        code: 0,
        message: "success".to_owned(),
        log_id: format!("20260601100000{n:020X}"),
        class: Class::Issued,
        classifier: Classifier::Table,
    };
    Fact::Ended {
        key: key(n),
        decision: Decision::Issued,
        outcome: Box::new(Outcome {
            proof: Proof::Issued {
                coupon: Box::new(coupon),
                replay: false,
            },
            answer: Some(answer),
            status: Some(200),
            detail: None,
            retry_after: None,
            latency: Duration::from_millis(87),
            at: time(n),
        }),
    }
}
