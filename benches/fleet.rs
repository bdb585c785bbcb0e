//! Appends to ledgers in a database: how many in a second, how long one takes, and how many bytes it writes; the same on sled.
//!
//! `cargo bench --bench fleet [-- LEDGERS [TICK_MS [BYTES [SECONDS]]]]`. The server is the one at `RUNNER_TEST_POSTGRES`, else on
//! loopback. Each ledger appends a batch every tick, or one after the other with a tick of 0. sled's stores are in the current
//! directory, or in `RUNNER_BENCH_DIR`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot do its part ends, and it is there to print"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use runner::fleet::{AppKey, Database, DatabaseUrl, Member, Timing};
use runner::ledger::ledger_dir::Manifest;
use runner::ledger::record::Chain;
use runner::ledger::{SledStore, Store};
use runner::model::clock::from_ms;
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

#[derive(Clone, Copy)]
struct Load {
    ledgers: u32,
    tick: Duration,
    bytes: usize,
    lasts: Duration,
}

fn identity(campaign: u32) -> Identity {
    Identity {
        campaign: CampaignName::parse(&format!("c{campaign}")).unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

/// Appends until the time is over, and returns how long each append took.
async fn append(mut store: impl Store, load: Load, campaign: u32) -> Vec<Duration> {
    let mut random = fastrand::Rng::with_seed(campaign.into());
    let mut chain = Chain::new(&identity(campaign));
    let body: Vec<u8> = (0..load.bytes).map(|_| random.u8(..)).collect();
    let mut ticks = (!load.tick.is_zero()).then(|| interval(load.tick));
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The ledgers do not tick together.
        ticks.reset_after(load.tick.mul_f64(random.f64()));
    }
    let began = Instant::now();
    let mut took = Vec::new();
    while began.elapsed() < load.lasts {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let record = chain.seal(&body);
        let begins = Instant::now();
        store.append(record).await.unwrap();
        took.push(begins.elapsed());
    }
    store.close().await;
    took
}

async fn append_all(stores: Vec<impl Store>, load: Load) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    for (campaign, store) in (0..).zip(stores) {
        tasks.spawn(append(store, load, campaign));
    }
    let mut took: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    took
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of them")]
fn ratio(part: u64, of: u64) -> f64 {
    part as f64 / of as f64
}

fn print(name: &str, load: Load, took: &[Duration], bytes: &str) {
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let asked = if load.tick.is_zero() {
        "as many as possible".to_owned()
    } else {
        format!("{:.0}/s asked", f64::from(load.ledgers) / load.tick.as_secs_f64())
    };
    println!(
        "{name:10} {:>5} ledgers, {} B: {asked}, {:.0}/s reached, commit p50 {:.1} ms, p99 {:.1} ms; {bytes}",
        load.ledgers,
        load.bytes,
        ratio(took.len() as u64, 1) / load.lasts.as_secs_f64(),
        at(50),
        at(99)
    );
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

async fn number(connection: &mut PgConnection, sql: &'static str) -> u64 {
    let number: i64 = sqlx::query_scalar(sql).fetch_one(connection).await.unwrap();
    u64::try_from(number).unwrap()
}

const WAL: &str = "select (pg_current_wal_lsn() - '0/0')::int8";
const SIZE: &str =
    "select sum(pg_total_relation_size(inhrelid))::int8 from pg_inherits where inhparent = 'runner_log'::regclass";

async fn database(server: &str, load: Load) {
    let mut admin = server.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    let name = format!("runner_bench_{}", std::process::id());
    run(&mut admin, &format!("create database {name}")).await;
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    let options: PgConnectOptions = url.as_str().parse().unwrap();
    let mut inside = options.connect().await.unwrap();
    let url = DatabaseUrl::parse(url.as_str()).unwrap();
    Database::init(&url).await.unwrap();
    let member = Member::start(&url, Timing::default(), "bench".to_owned())
        .await
        .unwrap();
    let app = AppKey::of_ledger(&identity(0));
    member.want(BTreeSet::from([app.clone()]));
    let ownership = member.own(app).await.unwrap();
    let mut stores = Vec::new();
    for campaign in 0..load.ledgers {
        let identity = identity(campaign);
        let manifest = Manifest::new(&identity, from_ms(0));
        stores.push(member.create(&identity, &manifest, &ownership).await.unwrap());
    }
    let wal = number(&mut inside, WAL).await;
    let took = append_all(stores, load).await;
    let rows = took.len() as u64;
    let wal = number(&mut inside, WAL).await - wal;
    let size = number(&mut inside, SIZE).await;
    let bytes = format!(
        "{:.0} B of WAL and {:.0} B of tables a row",
        ratio(wal, rows),
        ratio(size, rows)
    );
    print("PostgreSQL", load, &took, &bytes);
    ownership.drained();
    member.stop().await;
    drop(inside);
    run(&mut admin, &format!("drop database {name} with (force)")).await;
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return std::fs::metadata(path).map_or(0, |found| found.len());
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

async fn sled(load: Load) {
    let root = std::env::var_os("RUNNER_BENCH_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let root = tempfile::tempdir_in(root).unwrap();
    let mut stores = Vec::new();
    for campaign in 0..load.ledgers {
        let dir = root.path().join(campaign.to_string());
        std::fs::create_dir(&dir).unwrap();
        stores.push(SledStore::create(&dir).await.unwrap());
    }
    let before = size(root.path());
    let took = append_all(stores, load).await;
    let bytes = format!(
        "{:.0} B of files a row",
        ratio(size(root.path()) - before, took.len() as u64)
    );
    print("sled", load, &took, &bytes);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let at = |at: usize, usual: u32| numbers.get(at).copied().unwrap_or(usual);
    let load = |ledgers, tick: u32| Load {
        ledgers,
        tick: Duration::from_millis(tick.into()),
        bytes: at(2, 1_400) as usize,
        lasts: Duration::from_secs(at(3, 10).into()),
    };
    let loads = if numbers.is_empty() {
        vec![load(1, 0), load(20, 100), load(200, 100), load(1_000, 100)]
    } else {
        vec![load(at(0, 200), at(1, 100))]
    };
    let server = std::env::var("RUNNER_TEST_POSTGRES");
    let server = server.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    for load in loads {
        runtime.block_on(database(&server, load));
        // Each store of sled has a table of some mebibytes.
        if load.ledgers <= 200 {
            runtime.block_on(sled(load));
        }
    }
}
