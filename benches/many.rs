//! The memory and time of a campaign that runs with many others in one process: each campaign has its own app id and its
//! own full pace, on a virtual clock.
//!
//! The platform answers in memory, and appended batches are dropped once they are folded, so that only the engine is
//! measured. One process measures one number of campaigns, so that each peak is its own.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use runner::campaign;
use runner::douyin::{NotReady, Platform, Sent};
use runner::engine::app_limiter::{Alone, AppLimiter};
use runner::engine::send_order::SendOrder;
use runner::engine::{Apply, no_requests};
use runner::ledger::{Fact, Generation, Ledger, NullStore, Permit};
use runner::model::clock::{Clock, from_ms};
use runner::model::event::{Ending, Event};
use runner::model::identity::OpenId;
use runner::model::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof};
use runner::model::run_command::RunCommand;
use runner::plan::{self, Plan, RunOptions};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The numbers of campaigns, each with its own app id.
const CAMPAIGNS: [u32; 4] = [1, 100, 300, 1_000];
/// Half a minute at 98 a second.
const USERS: u32 = 98 * 30;
/// 2026-06-01T00:00:00Z.
const BEGIN: i64 = 1_780_272_000_000;

fn main() -> Result<()> {
    let asked = std::env::args().find_map(|argument| argument.parse::<u32>().ok());
    if let Some(campaigns) = asked {
        return measure(campaigns);
    }
    println!("campaigns   deliveries   per second of all   virtual   real     CPU      CPU each   peak      each");
    for campaigns in CAMPAIGNS {
        let itself = std::env::current_exe()?;
        let status = Command::new(itself).arg(campaigns.to_string()).status()?;
        if !status.success() {
            return Err(format!("{campaigns} campaigns: {status}").into());
        }
    }
    Ok(())
}

fn measure(campaigns: u32) -> Result<()> {
    let before = peak();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let real = Instant::now();
    let cpu = cpu();
    let (virtually, sends) = runtime.block_on(apply(campaigns))?;
    let real = real.elapsed();
    let cpu = self::cpu().saturating_sub(cpu);
    let deliveries = u64::from(campaigns) * u64::from(USERS);
    if sends != deliveries {
        return Err(format!("{sends} sends for {deliveries} deliveries").into());
    }
    let grown = peak().saturating_sub(before);
    println!(
        "{campaigns:>9}   {deliveries:>10}   {:>17.0}   {:>5.1} s   {:>5.1} s  {:>5.1} s  {:>6.1} us   {:>4} MiB  {:>4.0} KiB",
        sends as f64 / virtually.as_secs_f64(),
        virtually.as_secs_f64(),
        real.as_secs_f64(),
        cpu.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / deliveries as f64,
        grown / 1024,
        grown as f64 / f64::from(campaigns),
    );
    Ok(())
}

/// Applies all campaigns at once. Returns the virtual time and the number of sends.
async fn apply(campaigns: u32) -> Result<(Duration, u64)> {
    let began = tokio::time::Instant::now();
    let clock = Clock::simulated(from_ms(BEGIN));
    let platform = Arc::new(Memory {
        clock: clock.clone(),
        sends: AtomicU64::new(0),
    });
    let (_keep, commands) = tokio::sync::watch::channel(RunCommand::Go);
    let mut runs = JoinSet::new();
    for n in 0..campaigns {
        let plan = plan(n)?;
        let ledger = admit(&plan, &clock).await?;
        let run = Apply {
            plan: Arc::new(plan),
            ledger,
            platform: Arc::clone(&platform),
            send_order: SendOrder::default(),
            limiter: AppLimiter::new(Alone),
            clock: clock.clone(),
            commands: commands.clone(),
            requests: no_requests(),
            emit: Arc::new(|_: Event| {}),
            seed: u64::from(n),
        };
        runs.spawn(run.run());
    }
    while let Some(ended) = runs.join_next().await {
        let (ended, _ledger) = ended??;
        if ended.ending != Ending::Complete {
            return Err(format!("{ended:?}").into());
        }
    }
    Ok((began.elapsed(), platform.sends.load(Ordering::Relaxed)))
}

fn plan(n: u32) -> Result<Plan> {
    let file = format!(
        "{{version: 1, campaign: campaign-{n}, app_id: tt{n}, activity_id: 71, \
         audience: {{source: {{csv: {{path: a.csv, open_id: open_id}}}}}}}}"
    );
    let parsed = campaign::parse(Path::new("many.yaml"), file.as_bytes()).map_err(|found| format!("{found:?}"))?;
    let options = RunOptions {
        sandbox: Some("http://127.0.0.1:1".to_owned()),
        ..RunOptions::default()
    };
    Ok(plan::build(&parsed.campaign, options)?)
}

async fn admit(plan: &Plan, clock: &Clock) -> Result<Ledger<NullStore>> {
    let mut ledger = Ledger::open(NullStore, plan.identity.clone()).await?;
    let at = clock.now();
    let timeout = plan.retry.timeout;
    ledger.append(vec![Fact::run_began(at, timeout)]).await?;
    let users: Vec<_> = (0..USERS)
        .map(|n| OpenId::parse(&format!("ba253642-0590-40bc-{n:08}")))
        .collect::<std::result::Result<_, _>>()?;
    for chunk in users.chunks(Fact::CHUNK) {
        let recipients = chunk.to_vec();
        ledger.append(vec![Fact::Admitted { recipients }]).await?;
    }
    let generation = Generation {
        at,
        listed: u64::from(USERS),
        source: [0; 32],
        activity_id: plan.activity_id.clone(),
        coupons_per_user: plan.coupons_per_user,
        fingerprint: String::new(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    };
    ledger.append(vec![Fact::Closed(Box::new(generation))]).await?;
    Ok(ledger)
}

/// A platform that issues each coupon after the usual latency.
struct Memory {
    clock: Clock,
    sends: AtomicU64,
}

impl Platform for Memory {
    type Access = ();
    type Connection = ();

    async fn ready(&self) -> std::result::Result<(), NotReady> {
        Ok(())
    }

    async fn connect(&self) -> std::result::Result<(), Box<Outcome>> {
        Ok(())
    }

    async fn send(&self, (): (), (): (), permit: Permit) -> Sent<()> {
        let number = self.sends.fetch_add(1, Ordering::Relaxed);
        let latency = Duration::from_millis(40 + number % 60);
        tokio::time::sleep(latency).await;
        drop(permit);
        let outcome = Outcome {
            proof: Proof::Issued {
                coupon: Box::new(Coupon {
                    coupon_id: (7_300_000_000_000_000_000 + number).to_string(),
                    coupon_status: Some(10),
                    ..Coupon::default()
                }),
                replay: false,
            },
            answer: Some(Answer {
                code: 0,
                message: String::new(),
                log_id: format!("20260601000000{number:020}"),
                class: Class::Issued,
                classifier: Classifier::Table,
            }),
            status: Some(200),
            detail: None,
            retry_after: None,
            latency,
            at: self.clock.now(),
        };
        Sent {
            outcome,
            connection: Some(()),
        }
    }
}

/// The peak resident memory, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = most.map(|most| most.trim_end_matches("kB").trim());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// The CPU time of this process: the kernel counts in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
