//! A planted secret is in no file that a run leaves, and the output for programs is as documented.

use std::fs;

use serde_json::Value;

use crate::scene::{FakePlatform, KEY, Ran, SECRET, Scene, files};

#[test]
fn no_secret_is_in_any_artefact_at_the_loudest_log() {
    let token = "canary-token-16180";
    let fake_platform = FakePlatform::start(&["--access-token", token, "--busy", "5%"]);
    let by_key = Scene::new(&fake_platform.url, 30);
    let by_token = Scene::new(&fake_platform.url, 30);
    let text = fs::read_to_string(by_token.file()).unwrap();
    let at = text.find("credentials:").unwrap();
    let end = at + text[at..].find('\n').unwrap();
    let text = text.replace(&text[at..end], "credentials: {access_token: {env: WHOLE_KEY}}");
    fs::write(by_token.file(), text).unwrap();
    for (scene, key) in [(&by_key, KEY), (&by_token, token)] {
        let log = scene.dir.path().join("log.txt");
        let mut command = scene.apply(&["--log-format", "json", "--events"]);
        command
            .arg(scene.dir.path().join("events.jsonl"))
            .arg("--log-file")
            .arg(&log);
        command.env("RUNNER_LOG", "trace").env("WHOLE_KEY", key);
        let ran = Ran::new(command.output().unwrap()).ends(0);
        assert!(fs::metadata(&log).unwrap().len() > 10_000, "the log is loud");
        let mut all = files(scene.dir.path());
        all.insert("stdout".into(), ran.out.into_bytes());
        all.insert("stderr".into(), ran.err.into_bytes());
        for (path, bytes) in all {
            for canary in [KEY, SECRET, token, "canary", "clt."] {
                let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
                assert!(!found, "{canary} is in {}", path.display());
            }
        }
    }
}

#[test]
fn programs_read_objects_and_their_sums_are_the_ledger_s() {
    let fake_platform = FakePlatform::start(&["--refuse", "10%"]);
    let scene = Scene::new(&fake_platform.url, 60);
    let events = scene.dir.path().join("events.jsonl");
    let events = events.to_str().unwrap();
    let ran = scene.run(&["--output", "json", "--events", events]).ends(0);
    let read = |text: &str| {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>()
    };
    for objects in [read(&ran.out), read(&fs::read_to_string(events).unwrap())] {
        assert_eq!(
            (&objects[0]["type"], &objects[0]["schema"]),
            (&"version".into(), &"1.0".into())
        );
        let summary = objects.iter().find(|object| object["type"] == "summary").unwrap();
        let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
        for (name, n) in [
            ("audience", counts.audience()),
            ("issued", counts.count(runner::model::delivery::StateName::Issued)),
            ("refused", counts.count(runner::model::delivery::StateName::Refused)),
        ] {
            assert_eq!(summary["counts"][name], n, "{name}");
        }
        assert_eq!((&summary["exit"], &summary["state"]), (&0.into(), &"complete".into()));
    }
    let attempts = fs::read_to_string(events)
        .unwrap()
        .lines()
        .filter(|line| line.contains("\"attempt\""))
        .count();
    assert!(attempts >= 60);
}

#[test]
fn fresh_restarts_a_rehearsal_and_nothing_else() {
    let scene = Scene::new("https://open.douyin.com", 10);
    scene.run(&["--sandbox"]).ends(0);
    let again = scene.run(&["--sandbox"]).ends(0);
    assert!(!again.out.contains("attempts  "), "{}", again.out);
    let fresh = scene.run(&["--sandbox", "--fresh"]).ends(0);
    assert!(fresh.out.contains("attempts  10"), "{}", fresh.out);
    scene.run(&["--fresh"]).ends(2);
}
