//! How large a ledger is, and how soon it is open: a million users, each with one coupon, everything that the platform
//! said of it kept.
//!
//! `cargo bench --bench ledger [-- USERS]`. Opening is measured in a process of its own, for its memory's sake.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot do its part ends, and it is there to print"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use runner::clock::from_ms;
use runner::delivery::{ActivityNo, DeliveryKey, State, StateName, Verdict};
use runner::event::Owner;
use runner::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use runner::ledger::lock::Purpose;
use runner::ledger::place::Place;
use runner::ledger::{Fact, Generation, Ledger, SledStore};
use runner::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof};

const USERS: u32 = 1_000_000;
const OPEN: &str = "RUNNER_BENCH_OPEN";
/// Outcomes and next intents that share a flush when 98 start in a second and an answer takes some 40 to 100 ms.
const TOGETHER: u32 = 2;

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer-2026").unwrap(),
        app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
        platform: PlatformName::Sandbox,
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

/// 36 characters, as one of the platform's shapes has them.
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

async fn fill(root: &Path, users: u32) {
    let place = Place::of(root, &identity());
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    let store = place.create(&lock, from_ms(0)).await.unwrap();
    let mut ledger = Ledger::open(store, identity()).await.unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let mut at_ms = 1_780_000_000_000;
    let began = Instant::now();
    let mut left = users as usize;
    while left > 0 {
        let some = left.min(Fact::CHUNK);
        let recipients = (0..some).map(|_| open_id(&mut random)).collect();
        ledger.append(vec![Fact::Admitted { recipients }]).await.unwrap();
        left -= some;
    }
    let closed = Generation {
        at: from_ms(at_ms),
        listed: users.into(),
        source: [7; 32],
        activity_id: ActivityId::parse("7218071234565644204").unwrap(),
        coupons_per_user: 1,
        fingerprint: "f".repeat(64),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    };
    ledger.append(vec![Fact::Closed(Box::new(closed))]).await.unwrap();
    println!("admission of {users}        {:>8.2} s", began.elapsed().as_secs_f64());

    let began = Instant::now();
    let mut batches = 0;
    for first in (0..users + TOGETHER).step_by(TOGETHER as usize) {
        let key = |recipient| DeliveryKey { recipient, ordinal: 1 };
        let ended = first.saturating_sub(TOGETHER)..first.min(users);
        let mut facts = Vec::new();
        if first > 0 {
            facts.extend(ended.map(|recipient| {
                at_ms += 7;
                let outcome = Box::new(outcome(&mut random, at_ms));
                Fact::Ended {
                    key: key(recipient),
                    verdict: Verdict::Issued,
                    outcome,
                }
            }));
        }
        facts.extend((first..(first + TOGETHER).min(users)).map(|recipient| {
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
    assert_eq!(ledger.book().counts().of(StateName::Issued), u64::from(users));
}

async fn open(root: &Path) {
    let began = Instant::now();
    let place = Place::of(root, &identity());
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    let store: SledStore = place.open(&lock).await.unwrap().unwrap();
    let opened = began.elapsed();
    let ledger = Ledger::open(store, identity()).await.unwrap();
    let book = ledger.book();
    let first = book.unsettled().next();
    let pending = (0..book.recipients()).find(|recipient| {
        book.standing(DeliveryKey {
            recipient: *recipient,
            ordinal: 1,
        })
        .state
            == State::Pending
    });
    let took = began.elapsed();
    println!(
        "{} {} {} {}",
        opened.as_micros(),
        took.as_micros(),
        memory(),
        u8::from(first.is_some() || pending.is_some())
    );
}

/// The most memory that this process ever had, in KiB.
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
    let users = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(USERS);
    let root = tempfile::tempdir_in(std::env::var_os("RUNNER_BENCH_DIR").unwrap_or_else(|| ".".into())).unwrap();
    let place = Place::of(root.path(), &identity());
    runtime.block_on(fill(root.path(), users));
    #[expect(clippy::cast_precision_loss, reason = "a ledger has fewer than 2^52 bytes")]
    let each = size(place.dir()) as f64 / f64::from(users);
    println!("on disk, each settled one   {each:>8.1} B   at most 200");
    println!(
        "of them files of their own  {:>8} B   none",
        size(&place.dir().join("store/blobs"))
    );
    for _ in 0..3 {
        let child = Command::new(std::env::current_exe().unwrap())
            .env(OPEN, root.path())
            .output()
            .unwrap();
        let said = String::from_utf8(child.stdout).unwrap();
        let figures: Vec<f64> = said
            .split_whitespace()
            .filter_map(|figure| figure.parse().ok())
            .collect();
        let [opened, took, memory, _] = figures[..] else {
            panic!("{said}{}", String::from_utf8_lossy(&child.stderr));
        };
        println!(
            "open {:>6.3} s (the store {:.3} s), at most 0.5 s   {:.0} MiB resident, at most 128",
            took / 1e6,
            opened / 1e6,
            memory / 1024.0
        );
    }
}
