//! A second ledger of one campaign: none is created behind a link, and an existing one is reported.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::scene::{FakePlatform, RUNNER, Ran, Scene, files};

/// A command on the campaign file by another path.
fn on(scene: &Scene, verb: &str, file: &Path, flags: &[&str]) -> Ran {
    let mut command = scene.apply(&[]);
    let mut other = Command::new(RUNNER);
    other
        .arg(verb)
        .arg(file)
        .args(flags)
        .current_dir(scene.dir.path())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    Ran::new(other.output().unwrap())
}

/// A link to the campaign file in another directory, with the audience beside it.
fn link(scene: &Scene) -> PathBuf {
    let dir = scene.dir.path().join("links");
    fs::create_dir(&dir).unwrap();
    fs::copy(scene.dir.path().join("audience.csv"), dir.join("audience.csv")).unwrap();
    symlink(scene.file(), dir.join("current.yaml")).unwrap();
    dir.join("current.yaml")
}

/// Runs a command line that the program printed, as a person would type it.
fn type_line(said: &Ran, begins: &str) {
    let line = said.err.lines().find(|line| line.trim_start().starts_with(begins));
    let line = line.unwrap_or_else(|| panic!("{}", said.err));
    assert!(
        Command::new("sh").args(["-c", line]).status().unwrap().success(),
        "{line}"
    );
}

fn refused(ran: Ran) -> Ran {
    let ran = ran.ends(4);
    assert!(ran.err.contains("error[E0322]"), "{}", ran.err);
    ran
}

#[test]
fn a_link_to_a_campaign_file_has_the_ledger_of_the_file() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    let link = link(&scene);
    on(&scene, "apply", &link, &["--at-most", "2"]).ends(3);
    assert!(scene.place().dir().join("ledger.json").exists());
    assert!(!link.parent().unwrap().join(".runner").exists());
    scene.run(&["--at-most", "2"]).ends(3);
    on(&scene, "apply", &link, &[]).ends(0);
    assert!(fake_platform.issued_each_by_one_request());
    for (verb, flags) in [
        ("status", &[][..]),
        ("verify", &[]),
        ("trace", &["user-000003"]),
        ("plan", &[]),
    ] {
        let by_link = on(&scene, verb, &link, flags);
        let by_file = on(&scene, verb, &scene.file(), flags);
        assert_eq!((by_link.code, by_file.code), (Some(0), Some(0)), "{verb}");
    }
}

#[test]
fn a_link_beside_its_campaign_file_is_no_second_campaign() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3);
    let link = scene.dir.path().join("current.yaml");
    symlink("summer.yaml", &link).unwrap();
    for file in [&link, &scene.file()] {
        on(&scene, "validate", file, &[]).ends(0);
        on(&scene, "apply", file, &[]).ends(0);
    }
    assert_eq!(fake_platform.log().len(), 3);
}

#[test]
fn a_directory_may_be_named_in_any_way() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3);
    let root = scene.dir.path();
    fs::create_dir_all(root.join("state/below")).unwrap();
    symlink(root.join("state"), root.join("link")).unwrap();
    symlink(root, root.join("state/campaigns")).unwrap();
    let file = scene.file();
    for state in [
        "state",
        "link",
        "state/below/..",
        "./state",
        root.join("state").to_str().unwrap(),
    ] {
        on(&scene, "apply", &file, &["--state-dir", state]).ends(0);
    }
    for file in [
        "summer.yaml",
        "./summer.yaml",
        "state/campaigns/summer.yaml",
        "state/../summer.yaml",
    ] {
        on(&scene, "apply", Path::new(file), &["--state-dir", "state"]).ends(0);
    }
    assert_eq!(fake_platform.log().len(), 3);
}

#[test]
fn a_ledger_that_an_earlier_version_kept_beside_a_link_is_named() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    let link = link(&scene);
    scene.run(&["--at-most", "2"]).ends(3);
    let own = scene.dir.path().join(".runner");
    let beside = link.parent().unwrap().join(".runner");
    fs::rename(&own, &beside).unwrap();
    let before = files(&beside);
    let ran = refused(on(&scene, "apply", &link, &[]));
    assert!(ran.err.contains("beside the link"), "{}", ran.err);
    for verb in ["resolve", "trace"] {
        let flags = ["user-000001", "--as", "refused", "--note", "x"];
        refused(on(
            &scene,
            verb,
            &link,
            if verb == "resolve" { &flags } else { &flags[..1] },
        ));
    }
    refused(on(&scene, "export", &link, &[]));
    let planned = on(&scene, "plan", &link, &["--output", "json"]).ends(4);
    assert!(
        planned.out.contains("another ledger of summer was found in"),
        "{}",
        planned.out
    );
    let status = on(&scene, "status", &link, &["--output", "json"]).ends(0);
    assert!(
        status.out.contains("another ledger of summer was found in"),
        "{}",
        status.out
    );
    assert_eq!((fake_platform.log().len(), files(&beside) == before), (2, true));
    // The printed advice works.
    type_line(&ran, "mkdir -p ");
    on(&scene, "apply", &link, &[]).ends(0);
    assert!(fake_platform.issued_each_by_one_request());
}

#[test]
fn two_ledgers_are_refused_and_a_copy_that_knows_nothing_more_is_not() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let mut scene = Scene::new(&fake_platform.url, 5);
    let link = link(&scene);
    let own = scene.dir.path().join(".runner");
    let beside = link.parent().unwrap().join(".runner");
    let copy = |from: &Path, to: &Path| {
        let copied = Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(copied.unwrap().success());
    };
    scene.run(&["--at-most", "1"]).ends(3);
    copy(&own, &beside);
    on(&scene, "apply", &link, &["--at-most", "1"]).ends(3);
    // The copy is used on another machine, which has no witness of this one. Then it contains more.
    let home = std::mem::replace(&mut scene.home, tempfile::tempdir().unwrap());
    fs::rename(&own, scene.dir.path().join("aside")).unwrap();
    fs::rename(&beside, &own).unwrap();
    scene.run(&["--at-most", "2"]).ends(3);
    scene.home = home;
    fs::rename(&own, &beside).unwrap();
    fs::rename(scene.dir.path().join("aside"), &own).unwrap();
    let ran = refused(on(&scene, "apply", &link, &[]));
    assert!(ran.err.contains("this command uses the one in"), "{}", ran.err);

    // Another ledger, with its own id.
    fs::remove_dir_all(&own).unwrap();
    fs::rename(&beside, scene.dir.path().join("aside")).unwrap();
    scene.home = tempfile::tempdir().unwrap();
    scene.run(&["--at-most", "1"]).ends(3);
    copy(&scene.dir.path().join("aside"), &beside);
    refused(on(&scene, "apply", &link, &[]));
}

#[test]
fn a_state_directory_that_is_mistyped_begins_no_second_ledger() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    scene.run(&["--at-most", "2"]).ends(3);
    let elsewhere = scene.dir.path().join("elsewhere");
    let flags = ["--state-dir", elsewhere.to_str().unwrap()];
    let ran = refused(scene.run(&flags));
    assert!(ran.err.contains("leave out --state-dir"), "{}", ran.err);
    refused(scene.without_secrets("export", &flags));
    let planned = scene.without_secrets("plan", &flags).ends(4);
    assert!(
        planned.out.contains("another ledger of summer was found"),
        "{}",
        planned.out
    );
    assert!(!elsewhere.exists(), "nothing is made");
    assert_eq!(fake_platform.log().len(), 2);
    // A rehearsal has nothing to lose.
    scene.run(&["--sandbox", flags[0], flags[1]]).ends(0);
    type_line(&ran, "mkdir -p ");
    scene.run(&flags).ends(0);
    assert!(fake_platform.issued_each_by_one_request());
}

#[test]
fn a_loopback_address_has_a_ledger_of_its_own_beside_that_of_the_rehearsal() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    scene.run(&["--sandbox"]).ends(0);
    assert!(fake_platform.log().is_empty());
    let planned = scene.without_secrets("plan", &["--output", "json"]).ends(0);
    let plan: Value = serde_json::from_str(planned.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&plan["ledger"]["new"], &plan["counts"]["pending"]),
        (&true.into(), &5.into())
    );
    let no_secret = Ran::new(scene.apply(&[]).env_remove("WHOLE_KEY").output().unwrap()).ends(2);
    assert!(no_secret.err.contains("WHOLE_KEY"), "{}", no_secret.err);
    scene.run(&[]).ends(0);
    assert_eq!(fake_platform.log().len(), 5, "the rehearsal marked nobody");
    let said = |place: &Path| -> Value {
        serde_json::from_str(&fs::read_to_string(place.join("ledger.json")).unwrap()).unwrap()
    };
    let real = said(scene.place().dir());
    let rehearsal = said(scene.rehearsal().dir());
    assert_eq!(
        (&real["platform"], &real["rehearsal"]),
        (&fake_platform.url.clone().into(), &Value::Null)
    );
    assert_eq!(
        (&rehearsal["platform"], &rehearsal["rehearsal"]),
        (&"sandbox".into(), &true.into())
    );

    // Another port is another platform.
    let mut moved = scene;
    moved.url = "http://127.0.0.1:9".to_owned();
    moved.write();
    let ran = moved.run(&[]).ends(1);
    assert!(ran.err.contains("error[E0304]"), "{}", ran.err);
}
