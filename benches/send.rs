//! How well sends keep the pace, and how fast they are without one: over real HTTP to the sandbox, with the ledger on disk
//! and every step durable, compared with a plain reqwest loop without a ledger.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

use std::error::Error;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use runner::campaign;
use runner::douyin::client::{Config, HttpPlatform};
use runner::douyin::codes::Codes;
use runner::douyin::token::{Credentials, Tokens};
use runner::douyin::wire::{ACCESS_TOKEN_HEADER, SEND_PATH, SendRequest};
use runner::engine::app_limiter::{Alone, AppLimiter};
use runner::engine::{Apply, no_requests};
use runner::fake_platform::{self, FaultSettings, RuleSettings, Running, Settings, code};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{AppendError, Fact, Generation, Head, Ledger, ReadPage, SledStore, Store, StoreError};
use runner::model::clock::Clock;
use runner::model::event::{Event, EventKind};
use runner::model::identity::OpenId;
use runner::model::merchant_coupon_id::MerchantCouponId;
use runner::model::run_command::RunCommand;
use runner::model::secret::Secret;
use runner::plan::{self, Plan, RunOptions};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The pace, and the number of users: half a minute.
const PER_SECOND: u32 = 98;
const PACED: u32 = PER_SECOND * 30;
/// The wait after taking the app id's lock and the slow start are over by then.
const STEADY_AFTER: Duration = Duration::from_secs(2);
/// The number of users without a pace, and of rounds. The compared variants alternate.
const UNPACED: u32 = 10_000;
const RUNS: usize = 5;
const TOKEN: &str = "clt.bench";

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // `-- speed` skips the half minute at the pace.
    let all = !std::env::args().any(|argument| argument == "speed");
    runtime.block_on(async {
        if all {
            pace().await?;
        }
        for in_flight in [64, 256] {
            speed(in_flight).await?;
        }
        syncs()
    })
}

/// Measures the attained share of the pace, the most starts in any second, and what a strict platform refused.
async fn pace() -> Result<()> {
    let fake_platform = fake_platform::start(Settings::default()).await?;
    let plan = plan(&fake_platform, f64::from(PER_SECOND), 64)?;
    let dir = tempfile::tempdir()?;
    let (_, starts) = apply(plan, SledStore::create(dir.path()).await?, PACED).await?;
    let totals = fake_platform.stop().await;
    let first = *starts.first().ok_or("nothing was sent")?;
    let steady: Vec<_> = starts
        .iter()
        .copied()
        .filter(|at| *at >= first + STEADY_AFTER)
        .collect();
    let (Some(begin), Some(end)) = (steady.first(), steady.last()) else {
        return Err("nothing was sent in steady state".into());
    };
    let took = end.saturating_sub(*begin).as_secs_f64();
    let rate = (steady.len() - 1) as f64 / took;
    let refused = totals.codes.iter().find(|count| count.code == code::TOO_FREQUENT);
    let refused = refused.map_or(0, |count| count.n);
    println!("pace: {PER_SECOND}/s, 64 in flight, answers after 40 to 100 ms, ledger on disk");
    println!(
        "  attained in steady state   {:.2} % of {PER_SECOND}/s over {took:.1} s (goal: 99 %)",
        rate / f64::from(PER_SECOND) * 100.0
    );
    println!(
        "  harshest second of starts  {} (goal: at most {PER_SECOND})",
        harshest(&starts)
    );
    println!(
        "  refused at arrival         {refused} of {}, {:.3} % (goal: at most 0.1 %); the harshest second there had {} of 100",
        totals.requests,
        refused as f64 / totals.requests as f64 * 100.0,
        totals.harshest_second
    );
    Ok(())
}

/// The most starts in any second, its end excluded.
fn harshest(starts: &[Duration]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in starts.iter().enumerate() {
        while starts[first] + Duration::from_secs(1) <= *at {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

/// Measures deliveries per second without a pace, compared with a loop that only sends, and the cost of the ledger.
async fn speed(in_flight: u16) -> Result<()> {
    let mut plain = vec![];
    let mut memory = vec![];
    let mut disk = vec![];
    let mut appending = vec![];
    let mut each = vec![];
    for _ in 0..RUNS {
        let fake_platform = fast().await?;
        plain.push(plain_loop(&fake_platform, in_flight).await?);
        given(fake_platform).await?;

        let fake_platform = fast().await?;
        let decided = plan(&fake_platform, 1e5, in_flight)?;
        memory.push(apply(decided, MemoryStore::default(), UNPACED).await?.0);
        given(fake_platform).await?;

        let fake_platform = fast().await?;
        let decided = plan(&fake_platform, 1e5, in_flight)?;
        let dir = tempfile::tempdir()?;
        let spent = Arc::new(Mutex::new(Spent::default()));
        let store = Timed {
            store: SledStore::create(dir.path()).await?,
            spent: Arc::clone(&spent),
        };
        let rate = apply(decided, store, UNPACED).await?.0;
        given(fake_platform).await?;
        let spent = *spent.lock().unwrap_or_else(PoisonError::into_inner);
        let took = f64::from(UNPACED) / rate;
        disk.push(rate);
        appending.push(spent.time.as_secs_f64() / took);
        each.push(f64::from(UNPACED) / f64::from(spent.batches));
    }
    println!("no pace: {in_flight} in flight, answers at once, {UNPACED} deliveries, {RUNS} rounds, medians");
    println!("  plain reqwest loop         {:>6.0}/s", median(plain.clone()));
    beside("ledger in memory", &memory, &plain);
    beside("ledger on disk (goal: 0.5)", &disk, &plain);
    println!(
        "  of that run, appending     {:>6.0} %   with {:.0} deliveries to a batch",
        median(appending) * 100.0,
        median(each)
    );
    Ok(())
}

/// Prints rates, and their ratios to the plain loop's in the same round.
fn beside(what: &str, rates: &[f64], plain: &[f64]) {
    let mut ratios: Vec<_> = rates.iter().zip(plain).map(|(rate, plain)| rate / plain).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "  {what:26} {:>6.0}/s  {:.2} of it, {:.2} to {:.2}",
        median(rates.to_vec()),
        median(ratios.clone()),
        ratios.first().copied().unwrap_or(f64::NAN),
        ratios.last().copied().unwrap_or(f64::NAN)
    );
}

/// Measures one small durable write on this disk: in place, as for the ledger's head, and at a file's end.
fn syncs() -> Result<()> {
    let file = tempfile::tempfile()?;
    let once = |at: u64| -> Result<f64> {
        let began = Instant::now();
        file.write_all_at(&[7; 512], at)?;
        file.sync_data()?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    let growing = (0..300).map(|n| once(n * 512)).collect::<Result<Vec<_>>>()?;
    let in_place = (0..300).map(|_| once(0)).collect::<Result<Vec<_>>>()?;
    println!("a write of 512 bytes and its fdatasync, medians of 300");
    println!("  in place                   {:>6.2} ms", median(in_place));
    println!("  at the end                 {:>6.2} ms", median(growing));
    Ok(())
}

/// Starts a sandbox without limits, delays or refusals.
async fn fast() -> Result<Running> {
    let settings = Settings {
        rules: RuleSettings {
            per_second: u32::MAX,
            refuse: 0.0,
            access_token: Some(TOKEN.into()),
            ..RuleSettings::default()
        },
        faults: FaultSettings {
            latency: (Duration::ZERO, Duration::ZERO),
            ..FaultSettings::default()
        },
        ..Settings::default()
    };
    Ok(fake_platform::start(settings).await?)
}

/// Stops a sandbox that must have issued a coupon to each user.
async fn given(fake_platform: Running) -> Result<()> {
    let given = fake_platform.stop().await.users_with_coupon;
    if given == u64::from(UNPACED) {
        Ok(())
    } else {
        Err(format!("{given} of {UNPACED} users were given a coupon").into())
    }
}

fn plan(fake_platform: &Running, per_second: f64, max_in_flight: u16) -> Result<Plan> {
    let text = "version: 1\ncampaign: bench\napp_id: tt1\nactivity_id: 1\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n";
    let parsed = campaign::parse(Path::new("bench.yaml"), text.as_bytes());
    let said = parsed.map_err(|mistakes| format!("{mistakes:?}"))?.campaign;
    let options = RunOptions {
        sandbox: Some(fake_platform.base_url().to_owned()),
        ..RunOptions::default()
    };
    let mut plan = plan::build(&said, options)?;
    // Faster than a campaign file allows.
    plan.pace.per_second = per_second;
    plan.pace.max_in_flight = max_in_flight;
    Ok(plan)
}

fn user(n: u32) -> Result<OpenId> {
    Ok(OpenId::parse(&format!("ba253642-0590-40bc-{n:012}"))?)
}

/// Sends to `users` users. Returns deliveries per second from the first start to the last durable outcome, and the starts.
async fn apply<S: Store>(plan: Plan, store: S, users: u32) -> Result<(f64, Vec<Duration>)> {
    let plan = Arc::new(plan);
    let clock = Clock::system();
    let ledger = admitted(&plan, store, users, &clock).await?;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&starts);
    let emit = Arc::new(move |event: Event| {
        if let EventKind::AttemptBegan { since_run_began } = event.kind {
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(since_run_began);
        }
    });
    let any = Secret::new("bench");
    let credentials = Credentials::Client {
        key: any.clone(),
        secret: any,
    };
    let platform = HttpPlatform::new(Config {
        base_url: plan.base_url.clone(),
        app_id: plan.identity.app_id.clone(),
        tokens: Tokens::new(credentials, clock.clone()),
        codes: Codes::new(plan.codes.clone()),
        timeout: plan.retry.timeout,
        clock: clock.clone(),
        emit: emit.clone(),
    })?;
    let (_keep, commands) = tokio::sync::watch::channel(RunCommand::Go);
    let run = Apply {
        plan,
        ledger,
        platform: Arc::new(platform),
        send_order: runner::engine::send_order::SendOrder::default(),
        limiter: AppLimiter::new(Alone),
        clock,
        commands,
        requests: no_requests(),
        emit,
        seed: 1,
    };
    let began = Instant::now();
    let (ended, _) = Box::pin(run.run()).await?;
    let whole = began.elapsed();
    if !ended.counts.complete() {
        return Err(format!("the run ended by {:?}", ended.why).into());
    }
    let mut starts = std::mem::take(&mut *starts.lock().unwrap_or_else(PoisonError::into_inner));
    starts.sort_unstable();
    let first = *starts.first().ok_or("nothing was sent")?;
    Ok((f64::from(users) / whole.saturating_sub(first).as_secs_f64(), starts))
}

/// A new ledger that owes a coupon to each of `users` users.
async fn admitted<S: Store>(plan: &Plan, store: S, users: u32, clock: &Clock) -> Result<Ledger<S>> {
    let mut ledger = Ledger::open(store, plan.identity.clone()).await?;
    let at = clock.now();
    let recipients = (0..users).map(user).collect::<Result<Vec<_>>>()?;
    let mut facts = vec![Fact::run_began(at, plan.retry.timeout)];
    facts.extend(recipients.chunks(Fact::CHUNK).map(|chunk| Fact::Admitted {
        recipients: chunk.to_vec(),
    }));
    facts.push(Fact::Closed(Box::new(Generation {
        at,
        listed: users.into(),
        source: [0; 32],
        activity_id: plan.activity_id.clone(),
        coupons_per_user: plan.coupons_per_user,
        fingerprint: String::new(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    })));
    ledger.append(facts).await?;
    Ok(ledger)
}

/// Sends the same requests from `in_flight` tasks. Each sends the next one when it has read the answer.
async fn plain_loop(fake_platform: &Running, in_flight: u16) -> Result<f64> {
    let plan = plan(fake_platform, 1e5, in_flight)?;
    let client = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .tls_certs_only([])
        .pool_max_idle_per_host(in_flight.into())
        .build()?;
    let url = format!("{}{SEND_PATH}", fake_platform.base_url());
    let next = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..in_flight {
        let client = client.clone();
        let url = url.clone();
        let next = Arc::clone(&next);
        let plan = plan.clone();
        tasks.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= UNPACED {
                    return Ok(());
                }
                let open_id = user(n)?;
                let id = MerchantCouponId::derive(&plan.identity.campaign, &plan.identity.app_id, &open_id, 1);
                let request = SendRequest {
                    app_id: plan.identity.app_id.to_string(),
                    open_id: open_id.to_string(),
                    activity_id: plan.activity_id.to_string(),
                    merchant_coupon_id: id.to_string(),
                };
                let sent = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .header(ACCESS_TOKEN_HEADER, TOKEN)
                    .body(serde_json::to_vec(&request)?)
                    .send();
                let _: serde_json::Value = serde_json::from_slice(&sent.await?.bytes().await?)?;
            }
        });
    }
    tasks.join_all().await.into_iter().collect::<Result<()>>()?;
    Ok(f64::from(UNPACED) / began.elapsed().as_secs_f64())
}

/// A store that measures the time of its appends.
struct Timed<S> {
    store: S,
    spent: Arc<Mutex<Spent>>,
}

#[derive(Clone, Copy, Default)]
struct Spent {
    time: Duration,
    batches: u32,
}

impl<S: Store> Store for Timed<S> {
    async fn append(&mut self, record: Vec<u8>) -> std::result::Result<(), AppendError> {
        let began = Instant::now();
        self.store.append(record).await?;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.time += began.elapsed();
        spent.batches += 1;
        Ok(())
    }

    async fn read(&mut self, after: Head) -> std::result::Result<ReadPage, StoreError> {
        self.store.read(after).await
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
