//! Approvals of waves: a run waits for a person, who may approve while it runs or when it does not.

use std::fs;

use serde_json::Value;

use crate::control::applying;
use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::signal;

const WAVES: &str = "schedule: {waves: [{share: 20%, wait: approval}, {share: 60%, wait: 1d}]}\n";

fn approve(scene: &Scene, flags: &[&str]) -> Ran {
    Ran::new(scene.command("approve", flags).output().unwrap())
}

fn waits(status: &Value) -> bool {
    status["state"] == "waiting" && status["why"].as_str().is_some_and(|why| why.contains("wave"))
}

fn last_object(ran: &Ran) -> Value {
    serde_json::from_str(ran.out.lines().last().unwrap()).unwrap()
}

#[test]
fn a_running_apply_goes_on_when_its_waves_are_approved() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 60).with(WAVES);
    let run = applying(&scene);
    let status = scene.until(waits);
    assert_eq!(status["why"], "wave 1 done, waiting for `runner approve`");
    let sent = fake_platform.log().len();
    assert!(sent > 0 && sent < 40, "{sent}");
    let early = approve(&scene, &["--wave", "2"]).ends(3);
    assert!(early.err.contains("error[E0226]"), "{}", early.err);
    let unknown = approve(&scene, &["--wave", "7"]).ends(2);
    assert!(unknown.err.contains("error[E0225]"), "{}", unknown.err);
    let approved = approve(&scene, &["--by", "Li Na"]).ends(0);
    let pid = run.id();
    assert_eq!(
        approved.out,
        format!("summer: the wait after wave 1 is over; the run goes on (pid {pid})\n")
    );
    scene.until(|status| waits(status) && status["why"].as_str().is_some_and(|why| why.starts_with("wave 2")));
    let again = last_object(&approve(&scene, &["--wave", "1", "--output", "json"]).ends(0));
    assert_eq!(
        (&again["result"], &again["by"]),
        (&"already_approved".into(), &"Li Na".into())
    );
    assert!(again["from"].as_str().unwrap().starts_with("ann@"), "{again}");
    // It ends a wait for a time too.
    let object = last_object(&approve(&scene, &["--output", "json"]).ends(0));
    assert_eq!((&object["type"], &object["wave"]), (&"approval".into(), &2.into()));
    Ran::new(run.wait_with_output().unwrap()).ends(0);
    assert_eq!(fake_platform.log().len(), 60);
    let certificate = scene.dir.path().join("certificate.json");
    let verified = Ran::new(
        scene
            .command("verify", &["--certificate", certificate.to_str().unwrap()])
            .output()
            .unwrap(),
    )
    .ends(0);
    assert!(
        verified.out.contains("approved  the wave of 20% by Li Na (ann@"),
        "{}",
        verified.out
    );
    let certificate: Value = serde_json::from_str(&fs::read_to_string(certificate).unwrap()).unwrap();
    assert_eq!(certificate["approvals"].as_array().unwrap().len(), 2);
    assert_eq!(certificate["approvals"][0]["wave"], "20%");
}

#[test]
fn an_approval_between_two_applies_survives_kills() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 60).with("schedule: {waves: [{share: 20%, wait: approval}]}\n");
    let none = approve(&scene, &[]).ends(2);
    assert!(none.err.contains("error[E0310]"), "{}", none.err);
    let first = Ran::new(scene.apply(&["--no-wait", "--yes"]).output().unwrap()).ends(3);
    let shown = first.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let stopped = "the rest needs an approval after wave 1, by `runner approve`, and --no-wait is given";
    assert!(shown.contains(stopped), "{}", first.out);
    // A killed run that waited does not change that the wave needs an approval.
    let run = applying(&scene);
    scene.until(waits);
    signal(&run, "KILL");
    run.wait_with_output().unwrap();
    let plan = Ran::new(scene.command("plan", &[]).output().unwrap()).ends(0);
    assert!(plan.out.contains("after an approval of wave 1"), "{}", plan.out);
    let approved = approve(&scene, &[]).ends(0);
    assert!(
        approved
            .out
            .contains("the wait after wave 1 is over; to go on: runner apply "),
        "{}",
        approved.out
    );
    let status = scene.until(|_| true);
    assert!(
        status["why"]
            .as_str()
            .unwrap()
            .starts_with("wave 1 was approved by ann@"),
        "{status}"
    );
    let again = approve(&scene, &[]).ends(0);
    assert!(again.out.contains("ann@"), "{}", again.out);
    Ran::new(scene.apply(&["--no-wait", "--yes"]).output().unwrap()).ends(0);
    assert_eq!(fake_platform.log().len(), 60);
}

#[test]
fn a_rehearsal_goes_on_without_an_approval() {
    let scene = Scene::new("http://127.0.0.1:1", 60).with("schedule: {waves: [{share: 20%, wait: approval}]}\n");
    let ran = scene.run(&["--sandbox"]).ends(0);
    assert!(
        ran.err
            .contains("wave 1 done; a rehearsal does not wait: for real, the rest needs `runner approve`"),
        "{}",
        ran.err
    );
    let approved = approve(&scene, &["--sandbox"]).ends(0);
    assert_eq!(approved.out, "summer: nothing waits for an approval\n");
}

/// Sends to testers first, in the audience or not.
#[test]
fn testers_are_sent_to_first_and_then_the_run_waits() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 60).with("schedule: {waves: [{share: 20%, wait: 0ms}]}\n");
    let file = fs::read_to_string(scene.file()).unwrap();
    let audience = "audience: {testers: [tester-1, tester-2], control_group: 90%, source: ";
    fs::write(scene.file(), file.replace("audience: {source: ", audience)).unwrap();
    let plan = Ran::new(scene.command("plan", &[]).output().unwrap()).ends(0);
    assert!(plan.out.contains("testers: 2 coupons from "), "{}", plan.out);
    assert!(plan.out.contains("after an approval of the testers"), "{}", plan.out);
    let first = Ran::new(scene.apply(&["--no-wait", "--yes"]).output().unwrap()).ends(3);
    assert!(
        first.out.contains("the rest needs an approval after the testers"),
        "{}",
        first.out
    );
    let users: Vec<_> = fake_platform.log().iter().map(|one| one["open_id"].clone()).collect();
    assert_eq!(users.len(), 2, "{users:?}");
    let unknown = approve(&scene, &["--wave", "1"]).ends(3);
    assert!(unknown.err.contains("error[E0226]"), "{}", unknown.err);
    let approved = approve(&scene, &["--wave", "testers", "--by", "Li Na"]).ends(0);
    assert!(
        approved.out.contains("the wait after the testers is over"),
        "{}",
        approved.out
    );
    Ran::new(scene.apply(&["--yes", "--by", "Bo"]).output().unwrap()).ends(0);
    let history = Ran::new(scene.command("history", &["--output", "json"]).output().unwrap()).ends(0);
    let acts: Vec<(String, String)> = history
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|object| object["type"] == "history")
        .map(|object| {
            let word = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
            (word("act"), word("by"))
        })
        .collect();
    let last = acts.last().map(|(act, by)| (act.as_str(), by.as_str()));
    assert_eq!(last, Some(("applied", "Bo")));
    assert_eq!(acts[1], ("approved".to_owned(), "Li Na".to_owned()));
    assert_eq!(acts.len(), 3, "{acts:?}");
}

#[test]
fn testers_who_cannot_be_sent_to_are_refused() {
    let scene = Scene::new("http://127.0.0.1:1", 60);
    let file = fs::read_to_string(scene.file()).unwrap();
    fs::write(scene.dir.path().join("said-no.csv"), "open_id\ntester-1\n").unwrap();
    let audience = "audience: {testers: [tester-1], exclude: [{csv: {path: said-no.csv, open_id: open_id}}], source: ";
    fs::write(scene.file(), file.replace("audience: {source: ", audience)).unwrap();
    let plan = Ran::new(scene.command("plan", &[]).output().unwrap()).ends(4);
    assert!(plan.out.contains("the only tester cannot be sent to"), "{}", plan.out);
}
