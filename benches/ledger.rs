//! The size of a ledger and the time to open it: a million users, each with one coupon and the platform's full answer.
//!
//! `cargo bench --bench ledger [-- USERS [SETTLED [TOGETHER]]]`. Opening and verifying are measured in child processes, so
//! that the memory is their own: after the ledger was closed, and after a kill. The ledger is in the current directory, or in
//! `RUNNER_BENCH_DIR`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot do its part ends, and it is there to print"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::{CampaignLock, Purpose};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Generation, Ledger, SledStore};
use runner::model::clock::from_ms;
use runner::model::delivery::{ActivityNo, Decision, DeliveryKey, State, StateName};
use runner::model::event::Owner;
use runner::model::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use runner::model::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof};

const USERS: u32 = 1_000_000;
const OPEN: &str = "RUNNER_BENCH_OPEN";
const VERIFY: &str = "RUNNER_BENCH_VERIFY";
/// Outcomes and next intents in one flush when 98 attempts start in a second and an answer takes about 40 to 100 ms.
const TOGETHER: u32 = 2;
const BEGAN: i64 = 1_780_000_000_000;

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer-2026").unwrap(),
        app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

fn owner() -> Owner {
    Owner {
        host: "bench".to_owned(),
        pid: std::process::id(),
        since: from_ms(0),
        command: "cargo bench".to_owned(),
    }
}

/// 36 characters, one of the platform's formats.
fn open_id(random: &mut fastrand::Rng) -> OpenId {
    let mut text = format!("{:032x}", random.u128(..));
    for at in [8, 13, 18, 23] {
        text.insert(at, '-');
    }
    OpenId::parse(&text).unwrap()
}

fn outcome(random: &mut fastrand::Rng, at_ms: i64) -> Outcome {
    let at = from_ms(at_ms);
    let received = at_ms / 1000;
    let coupon = Coupon {
        coupon_id: format!("72{:017}", random.u64(..100_000_000_000_000_000)),
        merchant_meta_no: Some("2023060200017".to_owned()),
        coupon_name: Some("奶茶立减10元券".to_owned()),
        coupon_status: Some(10),
        discount_type: Some(1),
        discount_amount: Some(1000),
        min_pay_amount: Some(2000),
        receive_time: Some(received),
        valid_begin_time: Some(received),
        valid_end_time: Some(received + 7 * 86_400),
    };
    Outcome {
        proof: Proof::Issued {
            coupon: Box::new(coupon),
            replay: false,
        },
        answer: Some(Answer {
            code: 0,
            message: "success".to_owned(),
            log_id: format!("{}{:020X}", at.strftime("%Y%m%d%H%M%S"), random.u128(..) >> 48),
            class: Class::Issued,
            classifier: Classifier::Table,
        }),
        status: Some(200),
        detail: None,
        retry_after: None,
        latency: Duration::from_millis(random.u64(40..100)),
        at,
    }
}

/// The size of the ledger.
#[derive(Clone, Copy)]
struct Size {
    users: u32,
    settled: u32,
    together: u32,
}

async fn ledger(root: &Path) -> (Ledger<SledStore>, CampaignLock) {
    let place = LedgerDir::new(root, &identity());
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    let store = place.create(&lock, from_ms(0)).await.unwrap();
    (Ledger::open(store, identity()).await.unwrap(), lock)
}

fn closed(users: u32, at_ms: i64) -> Fact {
    Fact::Closed(Box::new(Generation {
        at: from_ms(at_ms),
        listed: users.into(),
        source: [7; 32],
        activity_id: ActivityId::parse("7218071234565644204").unwrap(),
        coupons_per_user: 1,
        fingerprint: "f".repeat(64),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    }))
}

fn began(at_ms: i64) -> Fact {
    Fact::run_began(from_ms(at_ms), Duration::from_secs(10))
}

/// Admits all users as the engine does, some thousands in one flush.
async fn admit(root: &Path, users: u32) {
    let (mut ledger, _lock) = ledger(root).await;
    let mut random = fastrand::Rng::with_seed(1);
    let mut left = users as usize;
    let mut took = Duration::ZERO;
    while left > 0 {
        let mut facts = Vec::new();
        while left > 0 && facts.len() < 8 {
            let some = left.min(Fact::CHUNK);
            let recipients = (0..some).map(|_| open_id(&mut random)).collect();
            facts.push(Fact::Admitted { recipients });
            left -= some;
        }
        let began = Instant::now();
        ledger.append(facts).await.unwrap();
        took += began.elapsed();
    }
    let began = Instant::now();
    ledger.append(vec![closed(users, BEGAN)]).await.unwrap();
    took += began.elapsed();
    println!(
        "admission of {users}       {:>8.2} s   {:.0}/s, at least 300000",
        took.as_secs_f64(),
        f64::from(users) / took.as_secs_f64()
    );
    ledger.close().await;
}

async fn settle(root: &Path, size: Size) {
    let (mut ledger, _lock) = ledger(root).await;
    let mut random = fastrand::Rng::with_seed(2);
    let mut at_ms = BEGAN;
    let began = Instant::now();
    let mut batches = 0;
    for first in (0..size.settled + size.together).step_by(size.together as usize) {
        let key = |recipient| DeliveryKey { recipient, ordinal: 1 };
        let ended = first.saturating_sub(size.together)..first.min(size.settled);
        let mut facts = Vec::new();
        if first > 0 {
            facts.extend(ended.map(|recipient| {
                at_ms += 7;
                let outcome = Box::new(outcome(&mut random, at_ms));
                Fact::Ended {
                    key: key(recipient),
                    decision: Decision::Issued,
                    outcome,
                }
            }));
        }
        facts.extend((first..(first + size.together).min(size.settled)).map(|recipient| {
            at_ms += 3;
            Fact::Intent {
                key: key(recipient),
                at: from_ms(at_ms),
                activity: ActivityNo(0),
            }
        }));
        ledger.append(facts).await.unwrap();
        batches += 1;
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{batches} flushed appends     {took:>8.2} s   {:.0}/s",
        f64::from(batches) / took
    );
    assert_eq!(
        ledger.state().counts().count(StateName::Issued),
        u64::from(size.settled)
    );
    let began = Instant::now();
    ledger.close().await;
    println!("closing                   {:>8.3} s", began.elapsed().as_secs_f64());
}

/// Opens a ledger as an apply does, and prints how long each step took: until the first delivery could be picked, and until
/// the start of the run is durable.
async fn open(root: &Path) {
    let from = Instant::now();
    let place = LedgerDir::new(root, &identity());
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    let store: SledStore = place.open(&lock).await.unwrap().unwrap();
    let found = from.elapsed();
    let mut ledger = Ledger::open(store, identity()).await.unwrap();
    let ledger_state = ledger.state();
    let first = ledger_state.unsettled().next();
    let pending = (0..ledger_state.recipients()).find(|recipient| {
        ledger_state
            .status(DeliveryKey {
                recipient: *recipient,
                ordinal: 1,
            })
            .state
            == State::Pending
    });
    assert!(first.is_some() || pending.is_some() || ledger_state.counts().complete());
    let opened = from.elapsed();
    let memory_then = memory();
    ledger.append(vec![began(BEGAN)]).await.unwrap();
    let begun = from.elapsed();
    assert_eq!(ledger.state().find("nobody"), None);
    let listed = from.elapsed();
    println!(
        "{} {} {} {} {memory_then} {}",
        found.as_micros(),
        opened.as_micros(),
        begun.as_micros(),
        listed.as_micros(),
        memory()
    );
    ledger.close().await;
}

/// Checks a ledger as `runner verify` does, and prints how long that took.
async fn verify(root: &Path) {
    let from = Instant::now();
    let place = LedgerDir::new(root, &identity());
    let lock = place.lock(&owner(), Purpose::Look).unwrap();
    let report = runner::ledger::verify::verify(&place, &lock).await.unwrap().unwrap();
    let took = from.elapsed().as_secs_f64();
    assert!(report.repeats.is_empty());
    println!(
        "verify                    {took:>8.2} s   {:.0} answers/s; {} KiB resident",
        f64::from(u32::try_from(report.settled.many).unwrap()) / took,
        memory()
    );
}

/// The peak memory of this process, in KiB.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.unwrap_or("0 kB").trim().replace(" kB", "")
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return std::fs::metadata(path).map_or(0, |found| found.len());
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(root) = std::env::var_os(OPEN) {
        return runtime.block_on(open(&PathBuf::from(root)));
    }
    if let Some(root) = std::env::var_os(VERIFY) {
        return runtime.block_on(verify(&PathBuf::from(root)));
    }
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let users = numbers.next().unwrap_or(USERS);
    let size = Size {
        users,
        settled: numbers.next().unwrap_or(users),
        together: numbers.next().unwrap_or(TOGETHER),
    };
    let root = tempfile::tempdir_in(std::env::var_os("RUNNER_BENCH_DIR").unwrap_or_else(|| ".".into())).unwrap();
    let place = LedgerDir::new(root.path(), &identity());
    runtime.block_on(admit(root.path(), size.users));
    let admitted = self::size(place.dir());
    println!(
        "on disk, each pending one   {:>8.1} B   at most 60 of 10 M",
        each(admitted, size.users)
    );
    runtime.block_on(settle(root.path(), size));
    let settled = self::size(place.dir());
    println!(
        "on disk, each settled one   {:>8.1} B   at most 200 of 1 M; {:.1} B beside what it was as a pending one",
        each(settled, size.settled),
        each(settled - admitted, size.settled)
    );
    println!(
        "of that, files of their own {:>8} B   none",
        self::size(&place.dir().join("store/blobs"))
    );
    runtime.block_on(unchanged(root.path(), size.users));
    for _ in 0..3 {
        child(root.path(), "as it was closed");
    }
    for _ in 0..3 {
        let verifying = Command::new(std::env::current_exe().unwrap())
            .env(VERIFY, root.path())
            .status();
        assert!(verifying.unwrap().success());
    }
    for _ in 0..3 {
        std::fs::remove_file(place.dir().join("seal")).unwrap();
        child(root.path(), "as a kill leaves it");
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ledger has fewer than 2^52 bytes")]
fn each(bytes: u64, many: u32) -> f64 {
    bytes as f64 / f64::from(many)
}

/// The number of applies without a change.
const APPLIES: u32 = 20;

/// Measures what an apply without a change adds.
async fn unchanged(root: &Path, users: u32) {
    let dir = LedgerDir::new(root, &identity()).dir().to_owned();
    let before = size(&dir);
    for n in 0..APPLIES {
        let (mut ledger, _lock) = ledger(root).await;
        let at_ms = BEGAN + 60_000_000 + i64::from(n) * 1000;
        ledger.append(vec![began(at_ms)]).await.unwrap();
        ledger.append(vec![closed(users, at_ms)]).await.unwrap();
        ledger.close().await;
    }
    let grown = size(&dir).saturating_sub(before);
    let store = MemoryStore::default();
    let mut alone = Ledger::open(store.clone(), identity()).await.unwrap();
    alone.append(vec![began(BEGAN)]).await.unwrap();
    alone.append(vec![closed(users, BEGAN)]).await.unwrap();
    let mut batches = 0;
    store.tamper(|records| batches = records.iter().map(Vec::len).sum());
    println!(
        "an unchanged source adds    {batches:>8} B of batches, at most 1024; the files grew by {:.0} B with each of {APPLIES} applies",
        each(grown, APPLIES)
    );
}

fn child(root: &Path, how: &str) {
    let child = Command::new(std::env::current_exe().unwrap())
        .env(OPEN, root)
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    let figures: Vec<f64> = said
        .split_whitespace()
        .filter_map(|figure| figure.parse().ok())
        .collect();
    let [found, opened, begun, listed, memory_then, memory] = figures[..] else {
        panic!("{said}{}", String::from_utf8_lossy(&child.stderr));
    };
    println!(
        "open, {how:19} {:>6.3} s (the store {:.3} s), the first append {:.3} s, the table of users {:.3} s; {:.0} MiB resident, {:.0} with the table",
        opened / 1e6,
        found / 1e6,
        (begun - opened) / 1e6,
        (listed - begun) / 1e6,
        memory_then / 1024.0,
        memory / 1024.0
    );
}
