//! A ledger that is removed or replaced while its campaign is applied: the run stops at once and says so.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::control::applying;
use crate::files::{copy_dir, files};
use crate::scene::{FakePlatform, Ran, Scene};

/// More users than are sent to before the ledger is removed.
const USERS: usize = 3_000;

fn wait_for_requests(fake_platform: &FakePlatform, many: usize) {
    while fake_platform.log().len() < many {
        std::thread::yield_now();
    }
}

#[test]
fn a_run_whose_ledger_is_removed_stops_and_makes_nothing_again() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--latency", "300ms..400ms"]);
    let scene = Scene::new(&fake_platform.url, USERS);
    let events = scene.dir.path().join("events.jsonl");
    let run = scene.apply(&["--events"]).arg(&events).spawn().unwrap();
    wait_for_requests(&fake_platform, 100);
    let state = scene.dir.path().join(".runner");
    fs::remove_dir_all(&state).unwrap();
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(1);
    assert!(ran.err.contains("error[E0320]"), "{}", ran.err);
    assert!(!ran.out.contains("complete"), "{}", ran.out);
    assert!(!state.exists());

    // Every attempt is reported, as recorded or as unrecorded.
    let told = fs::read_to_string(&events).unwrap();
    let told = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ended: Vec<_> = told
        .filter(|event| event["type"] == "attempt" || event["type"] == "unrecorded")
        .collect();
    let sent = fake_platform.log();
    assert_eq!(ended.len(), sent.len());
    assert!(sent.len() < USERS / 2, "{} of {USERS} were sent", sent.len());
    let unrecorded = ended.iter().filter(|event| event["type"] == "unrecorded");
    for attempt in unrecorded.clone() {
        let id = attempt["merchant_coupon_id"].as_str().unwrap();
        assert!(ran.err.contains(&format!(", {id}: issued, log_id ")), "{}", ran.err);
    }
    assert!(unrecorded.count() > 0);
}

#[test]
fn a_run_that_waits_notices_that_its_ledger_was_removed() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, USERS);
    let run = applying(&scene);
    wait_for_requests(&fake_platform, 10);
    scene.tell("pause").ends(0);
    scene.until(|status| status["state"] == "paused" && status["counts"]["in_flight"] == 0);
    let sent = fake_platform.log().len();
    fs::rename(scene.place().dir(), scene.dir.path().join("aside")).unwrap();
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(1);
    assert!(ran.out.contains("E0320"), "{}", ran.out);
    assert_eq!(fake_platform.log().len(), sent);
    let status = scene.without_secrets("status", &["--output", "json"]).ends(0);
    assert!(status.out.contains("the ledger is gone"), "{}", status.out);

    // The ledger is put back, and the same command continues.
    fs::rename(scene.dir.path().join("aside"), scene.place().dir()).unwrap();
    scene.run(&["--at-most", "5"]).ends(3);
    assert!(fake_platform.issued_each_by_one_request());
}

#[test]
fn a_run_whose_ledger_is_put_back_from_a_copy_stops_and_leaves_the_copy_as_it_is() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, USERS);
    scene.run(&["--at-most", "5"]).ends(3);
    let backup = scene.dir.path().join("backup");
    copy_dir(scene.place().dir(), &backup);
    let run = scene.apply(&[]).spawn().unwrap();
    wait_for_requests(&fake_platform, 50);
    fs::rename(scene.place().dir(), scene.dir.path().join("aside")).unwrap();
    copy_dir(&backup, scene.place().dir());
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(1);
    assert!(ran.err.contains("error[E0320]"), "{}", ran.err);
    assert!(fake_platform.log().len() < USERS / 2);
    // The copy lacks what the run did after it was made.
    let older = scene.run(&[]).ends(4);
    assert!(older.err.contains("error[E0321]"), "{}", older.err);
    let relative = |dir: &Path| -> Vec<_> {
        let bytes = |(path, bytes): (std::path::PathBuf, _)| (path.strip_prefix(dir).unwrap().to_owned(), bytes);
        files(dir).into_iter().map(bytes).collect()
    };
    assert_eq!(relative(scene.place().dir()), relative(&backup));
}
