//! `runner doctor`: every check, against a fake platform and with faults. It never sends.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::scene::{FakePlatform, KEY, Ran, SECRET, Scene};

fn command(scene: &Scene, flags: &[&str]) -> Command {
    let mut command = scene.command("doctor", flags);
    command
        .env("WHOLE_KEY", KEY)
        .env("WHOLE_SECRET", SECRET)
        .env_remove("RUNNER_STATE_DIR");
    fs::set_permissions(scene.file(), Permissions::from_mode(0o644)).unwrap();
    command
}

fn doctor(scene: &Scene, flags: &[&str]) -> Ran {
    Ran::new(command(scene, flags).output().unwrap())
}

/// What a screen says, without what differs between machines.
fn shown(scene: &Scene, out: &str) -> String {
    let out = out.replace(scene.dir.path().to_str().unwrap(), "DIR");
    let out = out.replace(&scene.url, "URL");
    // The sandbox says how long its token lives from now on.
    let out = out.replace("119 min", "120 min").replace("119 分钟", "120 分钟");
    // The free space and the limit of open files are this machine's.
    let lines = out.lines().filter(|line| {
        !line.contains("GiB") && !line.contains("MiB") && !line.contains("open files") && !line.contains("打开文件数")
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The results by the word of the check.
fn results(out: &str) -> Vec<(String, String)> {
    let objects = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let checks = objects.filter(|object| object["type"] == "check");
    let word = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
    checks
        .map(|object| (word(&object, "check"), word(&object, "result")))
        .collect()
}

fn result(out: &str, check: &str) -> String {
    let found = results(out).into_iter().find(|(word, _)| word == check);
    found.unwrap_or_else(|| panic!("{check} is not in {out}")).1
}

#[test]
fn a_campaign_without_faults_passes_every_check_and_nothing_is_sent() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    for language in ["en", "zh"] {
        let ran = doctor(&scene, &["--lang", language]).ends(0);
        insta::assert_snapshot!(format!("every_check_{language}"), shown(&scene, &ran.out));
    }
    assert_eq!(fake_platform.log(), Vec::<Value>::new(), "no coupon was sent");
    assert!(!scene.place().dir().exists(), "nothing was created");
    let ran = doctor(&scene, &["--output", "json"]).ends(0);
    let failed = results(&ran.out).into_iter().filter(|(_, result)| result == "fail");
    assert_eq!(failed.count(), 0, "{}", ran.out);
}

#[test]
fn a_rehearsal_needs_no_credentials_and_no_platform() {
    let scene = Scene::new("http://127.0.0.1:1", 20);
    let ran = scene
        .without_secrets("doctor", &["--sandbox", "--output", "json"])
        .ends(0);
    assert_eq!(result(&ran.out, "token"), "ok");
    assert_eq!(result(&ran.out, "clock"), "ok");
}

#[test]
fn a_platform_out_of_reach_fails() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let scene = Scene::new(&format!("http://{closed}"), 20);
    for language in ["en", "zh"] {
        let ran = doctor(&scene, &["--lang", language]).ends(1);
        let shown = shown(&scene, &ran.out).replace(&closed.to_string(), "ADDRESS");
        insta::assert_snapshot!(format!("out_of_reach_{language}"), shown);
    }
}

#[test]
fn a_secret_that_is_not_set_and_an_audience_that_is_missing_are_input() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let ran = scene.without_secrets("doctor", &["--output", "json"]).ends(2);
    assert_eq!(result(&ran.out, "secrets"), "fail");
    assert_eq!(result(&ran.out, "token"), "warn");
    fs::remove_file(scene.dir.path().join("audience.csv")).unwrap();
    let ran = doctor(&scene, &["--output", "json"]).ends(2);
    assert_eq!(result(&ran.out, "audience"), "fail");
    scene.audience(0..0);
    let ran = doctor(&scene, &["--output", "json"]).ends(4);
    assert_eq!(result(&ran.out, "audience"), "fail");
}

#[test]
fn permissions_of_others_are_named() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let state = scene.dir.path().join(".runner");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    let ran = doctor(&scene, &["--output", "json"]).ends(1);
    assert_eq!(result(&ran.out, "state"), "fail");
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let mut command = command(&scene, &["--output", "json"]);
    fs::set_permissions(scene.file(), Permissions::from_mode(0o666)).unwrap();
    let ran = Ran::new(command.output().unwrap()).ends(0);
    assert_eq!(result(&ran.out, "file"), "warn");
    assert_eq!(result(&ran.out, "state"), "ok");
}
