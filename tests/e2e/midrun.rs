//! Commands that read a ledger while its campaign is applied: the run answers each from one moment, and is not disturbed.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use runner::model::delivery::StateName;
use serde_json::Value;

use crate::control::applying;
use crate::fleet::until;
use crate::scene::{FakePlatform, Ran, Scene, files};
use crate::two_processes::signal;

const USERS: usize = 400;

fn look(scene: &Scene, verb: &str, flags: &[&str]) -> Ran {
    Ran::new(scene.command(verb, flags).output().unwrap())
}

fn objects(ran: &Ran) -> Vec<Value> {
    let parsed = ran.out.lines().map(|line| serde_json::from_str(line).unwrap());
    parsed.collect()
}

fn last_object(ran: &Ran) -> Value {
    objects(ran).pop().unwrap()
}

fn sum(counts: &Value) -> u64 {
    StateName::ALL
        .iter()
        .map(|state| counts[state.word()].as_u64().unwrap())
        .sum()
}

/// Runs every reading command on a ledger that is being written.
fn look_on(scene: &Scene) {
    let plan = last_object(&look(scene, "plan", &["--output", "json"]).ends(0));
    assert_eq!(plan["type"], "plan");
    assert_eq!(sum(&plan["counts"]), USERS as u64);
    let verified = objects(&look(scene, "verify", &["--output", "json"]).ends(0));
    let verified = verified.iter().find(|object| object["type"] == "certificate").unwrap();
    assert_eq!(sum(&verified["counts"]), USERS as u64);
    let status = last_object(&look(scene, "status", &["--output", "json"]).ends(0));
    assert_eq!(sum(&status["counts"]), USERS as u64);
    objects(&look(scene, "trace", &["user-000000", "--output", "json"]).ends(0));
    let traced = look(scene, "trace", &["user-000000"]).ends(0);
    assert!(traced.out.contains("coupon 1: "), "{}", traced.out);

    let rows = look(scene, "export", &["--format", "jsonl"]).ends(0);
    assert_eq!(objects(&rows).len(), USERS);
    for (name, magic) in [
        ("all.csv", &b"open_id,ordinal"[..]),
        ("all.parquet", b"PAR1"),
        ("page.html", b"<!DOCTYPE html>"),
    ] {
        let path = scene.dir.path().join(name);
        let verb = if name == "page.html" { "report" } else { "export" };
        look(scene, verb, &["-o", path.to_str().unwrap()]).ends(0);
        assert!(fs::read(&path).unwrap().starts_with(magic), "{name}");
    }
    let refused = look(scene, "resolve", &["user-000000", "--as", "owed", "--note", "x"]).ends(2);
    assert!(refused.err.contains("nothing was changed"), "{}", refused.err);
}

/// The sandbox refuses some users, and this campaign says that nobody knows what the code means.
#[test]
fn a_decision_reaches_the_run_that_sends() {
    let fake_platform = FakePlatform::start(&["--refuse", "5%"]);
    let scene = Scene::new(&fake_platform.url, 240).with("pace: {per_second: 40}\ncodes: {28001045: hold}\n");
    let run = applying(&scene);
    let held = |status: &Value| status["counts"]["held"].as_u64().is_some_and(|held| held > 1);
    scene.until(held);
    let decide = |to: &str, flags: &[&str]| {
        let decision = ["--held", "--as", to, "--note", "ticket 812", "--yes"];
        look(&scene, "resolve", &[&decision, flags].concat()).ends(0)
    };
    let owed: Vec<String> = objects(&decide("owed", &["--output", "json"]))
        .iter()
        .filter(|object| object["type"] == "resolved")
        .map(|object| {
            assert_eq!((&object["from"], &object["state"]), (&"held".into(), &"pending".into()));
            object["open_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(owed.len() > 1, "{owed:?}");
    // The same run sends them again, and the platform answers as before.
    until("the second requests", || {
        let log = fake_platform.log();
        let requests = |user: &str| log.iter().filter(|one| one["open_id"] == user).count();
        owed.iter().all(|user| requests(user) > 1)
    });
    scene.until(held);
    let refused = decide("refused", &[]);
    let goes_on = format!("the run (pid {}) goes on with what is owed now", run.id());
    assert!(refused.out.contains(&goes_on), "{}", refused.out);
    run.wait_with_output().unwrap();
    let log = fake_platform.log();
    let requests = |user: &str| log.iter().filter(|one| one["open_id"] == user).count();
    assert!(owed.iter().all(|user| requests(user) == 2), "{owed:?}");
    assert_eq!(log.len(), 240 + owed.len(), "nobody else is sent to twice");
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(
        counts.count(StateName::Issued),
        fake_platform.ids().values().filter(|(given, _)| *given > 0).count() as u64
    );
    look(&scene, "verify", &[]).ends(0);
}

#[test]
fn a_run_is_looked_at_while_it_sends_and_while_it_is_paused() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, USERS).with("pace: {per_second: 40}");
    let run = applying(&scene);
    scene.until(|status| status["counts"]["issued"].as_u64().is_some_and(|issued| issued > 0));
    look_on(&scene);
    scene.tell("pause").ends(0);
    let paused = scene.until(|status| status["state"] == "paused" && status["counts"]["in_flight"] == 0);
    look_on(&scene);
    let rows = look(&scene, "export", &["--format", "jsonl", "--state", "issued"])
        .ends(0)
        .out;
    assert_eq!(
        paused["counts"]["issued"],
        rows.lines().count(),
        "a pause changes nothing"
    );
    scene.tell("resume").ends(0);

    // A reader that closes in the middle.
    let mut leaves = scene
        .command("export", &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    leaves.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let left = leaves.wait_with_output().unwrap();
    assert_eq!((left.status.code(), left.stderr.as_slice()), (Some(0), &b""[..]));

    objects(&Ran::new(run.wait_with_output().unwrap()).ends(0));
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), USERS as u64);
    assert!(fake_platform.issued_each_by_one_request());
}

/// A rehearsal with a platform that repeats answers: the run halts, and counts no coupon that was not issued.
#[test]
fn an_answer_that_comes_again_halts_the_run() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--repeat-answers", "20%"]);
    let scene = Scene::new(&fake_platform.url, 300);
    let ran = scene.run(&[]).ends(4);
    assert!(
        ran.out.contains("E0715: an answer is another delivery's"),
        "{}",
        ran.out
    );
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert!(counts.count(StateName::InDoubt) > 0, "{counts:?}");
    let given = fake_platform.ids().values().filter(|(given, _)| *given > 0).count() as u64;
    assert!(counts.count(StateName::Issued) < given, "{counts:?}, {given} given");
}

#[test]
fn an_export_that_is_broken_off_leaves_no_half_file() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 200_000);
    scene.run(&["--at-most", "1"]).ends(3);
    let dir = tempfile::tempdir().unwrap();
    let (to, written) = (dir.path().join("all.csv"), |dir: &Path| {
        files(dir).values().any(|bytes| !bytes.is_empty())
    });
    let mut export = scene.command("export", &["-o", to.to_str().unwrap()]);
    let export = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !written(dir.path()) {}
    signal(&export, "INT");
    let ran = Ran::new(export.wait_with_output().unwrap()).ends(3);
    assert!(ran.err.contains("nothing was kept"), "{}", ran.err);
    assert_eq!(files(dir.path()).len(), 0);
}

#[test]
fn a_decision_is_seen_in_the_status() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--lose-answers", "100%"]);
    let scene = Scene::new(&fake_platform.url, 3).with("retry: {in_doubt: ask, timeout: 1s}");
    scene.run(&[]).ends(4);
    let status = || last_object(&look(&scene, "status", &["--output", "json"]).ends(0));
    assert_eq!(status()["counts"]["in_doubt"], 3);
    let decide = |who: &str, to: &str| {
        let decision = ["--as", to, "--note", "asked the platform", "--yes"];
        look(&scene, "resolve", &[&[who], &decision[..]].concat()).ends(0);
        let status = status();
        let why = status["why"].as_str().unwrap();
        assert!(
            why.contains(&format!("resolved as {to} by ")) && !why.contains("has changed since"),
            "{why}"
        );
        assert_eq!(sum(&status["counts"]), 3);
        let counts = ["issued", "refused", "in_doubt"].map(|state| status["counts"][state].as_u64().unwrap());
        (status["state"].as_str().unwrap().to_owned(), counts)
    };
    assert_eq!(decide("user-000000", "issued"), ("incomplete".to_owned(), [1, 0, 2]));
    assert_eq!(decide("--in-doubt", "refused"), ("complete".to_owned(), [1, 2, 0]));
}
