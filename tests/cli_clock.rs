//! A run under a wrong clock, from the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "files_common/mod.rs"]
#[allow(dead_code, reason = "this test uses its part")]
mod files;
#[path = "process_common/mod.rs"]
mod process;
#[path = "e2e/scene.rs"]
#[allow(dead_code, unused_imports, reason = "this test uses its part")]
mod scene;

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::Purpose;
use runner::ledger::{Fact, Generation, Ledger};
use runner::model::clock::{Clock, later};
use runner::model::delivery::{ActivityNo, Decision, DeliveryKey, StateName};
use runner::model::event::Owner;
use runner::model::identity::{ActivityId, OpenId};
use runner::model::outcome::{Outcome, Proof, Unknown};
use scene::{FakePlatform, Ran, Scene};
use serde_json::Value;

const USERS: u32 = 4;

fn ahead() -> Timestamp {
    "2099-01-01T10:00:00+08:00".parse().unwrap()
}

fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

/// The facts of a run at `at` that loses the answer for one user.
fn facts(scene: &Scene, at: Timestamp, lost: u32, accepted: &[&str]) -> Vec<Fact> {
    let recipients = (0..USERS).map(|user| OpenId::parse(&format!("user-{user:06}")).unwrap());
    let generation = Generation {
        at,
        listed: USERS.into(),
        source: [0; 32],
        activity_id: ActivityId::parse(scene.activity_id).unwrap(),
        coupons_per_user: 1,
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        fingerprint: "f".to_owned(),
        accepted: accepted.iter().map(|word| (*word).to_owned()).collect(),
    };
    let outcome = Outcome {
        proof: Proof::Unknown(Unknown::TimedOut),
        answer: None,
        status: None,
        detail: None,
        retry_after: None,
        latency: Duration::from_secs(10),
        at,
    };
    let mut facts = vec![Fact::run_began(at, Duration::from_secs(10))];
    if lost == 0 {
        facts.push(Fact::Admitted {
            recipients: recipients.collect(),
        });
    }
    facts.extend([
        Fact::Closed(Box::new(generation)),
        Fact::Intent {
            key: key(lost),
            at,
            activity: ActivityNo(0),
        },
        Fact::Ended {
            key: key(lost),
            decision: Decision::Unknown { due: at, code: None },
            outcome: Box::new(outcome),
        },
    ]);
    facts
}

/// Appends facts to a campaign's ledger. Creates the ledger if it does not exist.
fn tell(scene: &Scene, place: &LedgerDir, facts: Vec<Fact>) {
    let owner = Owner {
        host: "here".to_owned(),
        pid: std::process::id(),
        since: Timestamp::UNIX_EPOCH,
        command: "a test".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let lock = place.lock(&owner, Purpose::Apply).unwrap();
        let store = match place.open(&lock).await.unwrap() {
            Some(store) => store,
            None => place.create(&lock, ahead()).await.unwrap(),
        };
        let mut ledger = Ledger::open(store, place.identity().clone()).await.unwrap();
        ledger.append(facts).await.unwrap();
        ledger.close().await;
    });
    assert!(scene.file().exists());
}

/// A campaign with a run in 2099, in which the answer for the first user was lost.
fn poisoned(fake_platform: &FakePlatform) -> Scene {
    let scene = Scene::new(&fake_platform.url, USERS as usize);
    tell(&scene, &scene.place(), facts(&scene, ahead(), 0, &[]));
    scene
}

/// The output with placeholders for the parts that change from run to run.
fn steady(text: &str) -> String {
    let year = Clock::system().now().to_string()[..5].to_owned();
    let told = text.lines().filter(|line| !line.starts_with('['));
    let told = told.map(|line| {
        let end = |word: &str| word.chars().last().filter(char::is_ascii_punctuation);
        let steady = |word: &str| match end(word) {
            _ if !word.starts_with(&year) => word.to_owned(),
            Some(end) => format!("NOW{end}"),
            None => "NOW".to_owned(),
        };
        let words = line.split(' ').map(steady);
        let line = words.collect::<Vec<_>>().join(" ");
        match (line.find("which is "), line.find(" earlier")) {
            (Some(is), Some(earlier)) => format!("{}which is LONG{}\n", &line[..is], &line[earlier..]),
            _ => line + "\n",
        }
    });
    told.collect()
}

fn refused(ran: Ran) -> Ran {
    let ran = ran.ends(4);
    assert!(ran.err.contains("error[E0716]"), "{}", ran.err);
    ran
}

fn object(ran: &Ran, kind: &str) -> Value {
    let objects = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut of_kind = objects.filter(|object| object["type"] == kind);
    of_kind.next().unwrap_or_else(|| panic!("{ran:?}"))
}

fn in_doubt(scene: &Scene) -> u64 {
    scene
        .ledger(|ledger| ledger.state().counts().count(StateName::InDoubt))
        .unwrap()
}

#[test]
fn an_apply_stops_before_it_sends_until_a_person_accepts_the_clock() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = poisoned(&fake_platform);
    let before = scene.facts();

    let ran = refused(scene.run(&[]));
    insta::assert_snapshot!("apply", steady(&ran.err));
    let json = refused_json(&scene);
    assert_eq!(
        (json["code"].as_str(), json["severity"].as_str()),
        (Some("E0716"), Some("error"))
    );
    assert!(json["help"].as_str().unwrap().contains("--accept clock"), "{json}");

    let planned = scene.without_secrets("plan", &[]).ends(4);
    let said: Vec<_> = planned.out.lines().filter(|line| says_of_clock(line)).collect();
    insta::assert_snapshot!("plan", steady(&said.join("\n")));
    let plan = object(&scene.without_secrets("plan", &["--output", "json"]).ends(4), "plan");
    let change = &plan["changes"][0];
    assert_eq!(
        (change["what"].as_str(), change["accept"].as_str()),
        (Some("clock"), Some("clock"))
    );
    assert_eq!(change["from"], "2099-01-01T10:00:00+08:00");
    assert_eq!(plan["feasible"], false);
    assert!(plan["reasons"].to_string().contains("E0716"), "{plan}");
    scene.without_secrets("simulate", &[]).ends(4);
    assert_eq!(
        (fake_platform.log().len(), scene.facts()),
        (0, before),
        "nothing is sent and nothing is added"
    );

    let accept = ["--accept", "clock"];
    let plan = object(
        &scene
            .without_secrets("plan", &[&accept[..], &["--output", "json"]].concat())
            .ends(0),
        "plan",
    );
    assert_eq!(plan["counts"]["pending"], USERS - 1);
    let ran = scene.run(&accept).ends(4);
    assert!(!ran.err.contains("E0716"), "{}", ran.err);
    assert_eq!((fake_platform.log().len(), in_doubt(&scene)), (USERS as usize - 1, 1));

    // From here on it is a fact, and a new doubt is sent again.
    scene.audience(0..USERS as usize + 1);
    scene.without_secrets("plan", &[]).ends(0);
    scene.run(&[]).ends(4);
    assert_eq!((fake_platform.log().len(), in_doubt(&scene)), (USERS as usize, 1));
    let ran = scene.run(&accept).ends(4);
    assert!(ran.err.contains("`--accept clock` was not needed"), "{}", ran.err);

    // A person settles the doubt, and the campaign is complete.
    let resolve = ["user-000000", "--as", "issued", "--note", "the platform says so"];
    scene.without_secrets("resolve", &resolve).ends(0);
    scene.run(&[]).ends(0);
    assert!(
        fake_platform
            .ids()
            .values()
            .all(|(given, asked)| (*given, *asked) == (1, 1))
    );
}

fn says_of_clock(line: &str) -> bool {
    ["clock", "E0716", "in doubt"].iter().any(|word| line.contains(word))
}

fn refused_json(scene: &Scene) -> Value {
    object(&scene.run(&["--output", "json"]).ends(4), "diagnostic")
}

/// By the ledger's time the doubt is recent; by the clock it is of 2099.
#[test]
fn a_reader_sees_what_there_is() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = poisoned(&fake_platform);
    let look = |scene: &Scene| {
        scene.without_secrets("status", &[]).ends(0);
        scene.without_secrets("export", &[]).ends(0);
        scene.without_secrets("verify", &[]).ends(0);
        let page = scene.dir.path().join("report.html");
        scene.without_secrets("report", &["-o", page.to_str().unwrap()]).ends(0);
        assert!(fs::read_to_string(page).unwrap().contains("nobody knows how old it is"));
        let trace = scene.without_secrets("trace", &["user-000000"]).ends(0);
        trace.out.lines().last().unwrap().trim().to_owned()
    };
    let stopped = look(&scene);
    let now = Clock::system().now();
    // A run under the right clock, whose own doubt is recent.
    tell(&scene, &scene.place(), facts(&scene, now, 1, &["clock"]));
    assert_eq!(look(&scene), stopped);
    insta::assert_snapshot!("trace", stopped);
    let trace = scene.without_secrets("trace", &["user-000001"]).ends(0);
    assert!(trace.out.contains("sent again by an apply"), "{}", trace.out);
    scene.run(&[]).ends(4);
    assert_eq!(in_doubt(&scene), 1, "the other one was sent again");
}

#[test]
fn a_clock_that_is_wrong_again_stops_again() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = poisoned(&fake_platform);
    scene.run(&["--accept", "clock", "--at-most", "1"]).ends(3);
    let wrong = later(Clock::system().now(), Duration::from_hours(49));
    tell(
        &scene,
        &scene.place(),
        vec![Fact::run_began(wrong, Duration::from_secs(10))],
    );
    refused(scene.run(&[]));
    assert_eq!(fake_platform.log().len(), 1);
    scene.run(&["--accept", "clock"]).ends(4);
    assert_eq!(fake_platform.log().len(), USERS as usize - 1);
}

/// A rehearsal is an experiment and issues no real coupon.
#[test]
fn a_rehearsal_asks_nobody() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, USERS as usize);
    tell(&scene, &scene.rehearsal(), facts(&scene, ahead(), 0, &[]));
    scene.without_secrets("plan", &["--sandbox"]).ends(0);
    for _ in 0..2 {
        let summary = object(&scene.run(&["--sandbox", "--output", "json"]).ends(4), "summary");
        assert_eq!(
            (&summary["counts"]["issued"], &summary["counts"]["in_doubt"]),
            (&3.into(), &1.into())
        );
    }
}
