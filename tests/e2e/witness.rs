//! Witnesses: an older copy of a ledger, or a missing ledger, is noticed before anything is sent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use runner::ledger::Fact;
use serde_json::Value;

use crate::files::{copy_dir, files};
use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::signal;

/// A campaign after some sends, a copy of its ledger from then, and more sends afterwards.
struct Restored {
    fake_platform: FakePlatform,
    scene: Scene,
}

impl Restored {
    fn new() -> Self {
        let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
        let scene = Scene::new(&fake_platform.url, 12);
        scene.run(&["--at-most", "3"]).ends(3);
        let copy = scene.dir.path().join("copy");
        copy_dir(scene.place().dir(), &copy);
        scene.run(&["--at-most", "4"]).ends(3);
        let restored = Self { fake_platform, scene };
        restored.put_back(&copy);
        restored
    }

    fn put_back(&self, copy: &Path) {
        fs::remove_dir_all(self.scene.place().dir()).unwrap();
        copy_dir(copy, self.scene.place().dir());
    }

    fn sent(&self) -> usize {
        self.fake_platform.log().len()
    }
}

fn refused(ran: Ran) -> Ran {
    let ran = ran.ends(4);
    assert!(ran.err.contains("error[E0321]"), "{}", ran.err);
    ran
}

/// The witnesses of a scene, by path.
fn witnesses(scene: &Scene) -> Vec<(PathBuf, Value)> {
    let read = |(path, bytes): (PathBuf, Vec<u8>)| (path, serde_json::from_slice(&bytes).unwrap());
    files(scene.home.path()).into_iter().map(read).collect()
}

fn batches(scene: &Scene) -> u64 {
    scene.ledger(runner::ledger::Ledger::sequence).unwrap()
}

/// How many generations of the ledger say that an older one was accepted.
fn accepted(scene: &Scene) -> usize {
    let facts = scene.facts();
    let words = facts.iter().filter_map(|fact| match fact {
        Fact::Closed(generation) => Some(&generation.accepted),
        _ => None,
    });
    words.flatten().filter(|word| *word == "older_ledger").count()
}

#[test]
fn a_ledger_that_was_put_back_from_an_older_copy_is_refused_until_it_is_accepted() {
    let restored = Restored::new();
    let scene = &restored.scene;
    let [(path, before)] = witnesses(scene).try_into().unwrap();
    assert!(batches(scene) < before["sequence"].as_u64().unwrap(), "{before}");
    let facts = scene.facts();
    let ran = refused(scene.run(&[]));
    for said in [
        format!("batch {}", batches(scene)),
        format!("saw batch {}", before["sequence"]),
        before["written"].as_str().unwrap().to_owned(),
        "--accept older_ledger".to_owned(),
    ] {
        assert!(ran.err.contains(&said), "{said}: {}", ran.err);
    }
    refused(scene.without_secrets("resolve", &["user-000001", "--as", "refused", "--note", "x"]));
    let planned = scene.without_secrets("plan", &[]).ends(4);
    assert!(planned.out.contains("older than its witness"), "{}", planned.out);
    let verified = scene.without_secrets("verify", &[]).ends(4);
    assert!(verified.out.contains("was durable before"), "{}", verified.out);
    scene.without_secrets("simulate", &[]).ends(4);
    scene.without_secrets("export", &[]).ends(0);
    assert_eq!(
        (restored.sent(), scene.facts()),
        (7, facts),
        "nothing is sent and nothing is added"
    );
    assert_eq!(
        witnesses(scene),
        [(path.clone(), before.clone())],
        "the witness stays as it is"
    );

    let accept = ["--accept", "older_ledger"];
    scene.without_secrets("plan", &accept).ends(0);
    assert_eq!(restored.sent(), 7);
    // The platform has the four that this ledger lacks, and answers with the same coupons.
    scene.run(&accept).ends(0);
    assert_eq!(accepted(scene), 1);
    let [(_, after)] = witnesses(scene).try_into().unwrap();
    assert_eq!(after["sequence"], batches(scene), "the witness begins again from there");
    scene.run(&[]).ends(0);
    let verified = scene.without_secrets("verify", &[]).ends(0);
    assert!(verified.out.contains("which is in the ledger"), "{}", verified.out);
    assert!(restored.fake_platform.ids().values().all(|(given, _)| *given == 1));
}

/// Both continued from the same batch, so neither ends before the other's last batch.
#[test]
fn a_copy_that_went_its_own_way_is_refused() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 60);
    scene.run(&["--at-most", "3"]).ends(3);
    let copy = scene.dir.path().join("copy");
    copy_dir(scene.place().dir(), &copy);
    scene.run(&["--at-most", "2"]).ends(3);
    let [(path, first)] = witnesses(&scene).try_into().unwrap();
    fs::remove_dir_all(scene.place().dir()).unwrap();
    copy_dir(&copy, scene.place().dir());
    fs::remove_file(&path).unwrap();
    scene.run(&["--accept", "replays", "--at-most", "20"]).ends(3);
    assert!(batches(&scene) > first["sequence"].as_u64().unwrap());
    fs::write(&path, first.to_string()).unwrap();
    let sent = fake_platform.log().len();
    let ran = refused(scene.run(&[]));
    assert!(
        ran.err.contains("is another one than was durable before"),
        "{}",
        ran.err
    );
    assert_eq!(fake_platform.log().len(), sent);
}

#[test]
fn a_ledger_that_was_removed_is_missed() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    scene.run(&["--at-most", "3"]).ends(3);
    fs::remove_dir_all(scene.dir.path().join(".runner")).unwrap();
    let ran = refused(scene.run(&[]));
    assert!(
        ran.err.contains("is gone") && ran.err.contains("--accept older_ledger"),
        "{}",
        ran.err
    );
    let planned = scene.without_secrets("plan", &[]).ends(4);
    assert!(
        planned.out.contains("one of this campaign was last seen"),
        "{}",
        planned.out
    );
    assert_eq!(fake_platform.log().len(), 3);
    assert!(!scene.dir.path().join(".runner").exists(), "no ledger is begun");
    // A rehearsal has no witness and needs none.
    scene.run(&["--sandbox"]).ends(0);
    scene.run(&["--accept", "older_ledger", "--at-most", "4"]).ends(3);
    assert_eq!(accepted(&scene), 1);
    scene.run(&[]).ends(0);
    assert!(fake_platform.ids().values().all(|(given, _)| *given == 1));
}

#[test]
fn a_kill_and_a_move_and_a_copy_are_no_reason_to_refuse() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 400);
    for _ in 0..3 {
        let before = fake_platform.log().len();
        let run = scene.apply(&[]).spawn().unwrap();
        while fake_platform.log().len() < before + 60 {
            std::thread::yield_now();
        }
        signal(&run, "KILL");
        run.wait_with_output().unwrap();
        scene.without_secrets("plan", &[]).ends(0);
    }
    // The state moves to another directory, and the ledger is found there.
    let state = scene.dir.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::rename(scene.dir.path().join(".runner"), state.join(".runner")).unwrap();
    scene
        .run(&["--at-most", "3", "--state-dir", state.to_str().unwrap()])
        .ends(3);
    // Without the option, the witness names the place.
    let ran = scene.run(&[]).ends(4);
    let named = ran.err.contains("error[E0322]") && ran.err.contains("--state-dir ");
    assert!(named, "{}", ran.err);
    let copy = scene.dir.path().join("copy/.runner");
    copy_dir(&state.join(".runner"), &copy);
    fs::remove_dir_all(&state).unwrap();
    fs::rename(copy, scene.dir.path().join(".runner")).unwrap();
    scene.run(&[]).ends(0);
    assert!(fake_platform.ids().values().all(|(given, _)| *given == 1));
}

#[test]
fn other_campaigns_and_other_checkouts_are_none_of_its_business() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3);
    scene.run(&[]).ends(0);
    let mut other = Scene::new(&fake_platform.url, 3);
    other.home = scene.home;
    let planned = other.without_secrets("plan", &[]).ends(0);
    assert!(
        planned.out.contains("one of this campaign was last seen"),
        "{}",
        planned.out
    );
    other.run(&[]).ends(0);
    assert_eq!(witnesses(&other).len(), 2);
}

#[test]
fn without_a_place_for_a_witness_the_plan_says_so_and_nothing_fails() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3);
    let nowhere = |mut command: std::process::Command| {
        command
            .env_remove("XDG_STATE_HOME")
            .env_remove("HOME")
            .stdin(Stdio::null());
        Ran::new(command.output().unwrap())
    };
    let planned = nowhere(scene.command("plan", &[])).ends(0);
    assert!(planned.out.contains("witness   none: "), "{}", planned.out);
    nowhere(scene.apply(&["--at-most", "2"])).ends(3);
    assert!(witnesses(&scene).is_empty());
    // A file in the place of the directory.
    fs::write(scene.home.path().join("runner"), "in the way").unwrap();
    scene.run(&[]).ends(0);
    assert_eq!(fake_platform.log().len(), 3);
}

#[test]
fn a_witness_is_private_and_written_at_the_end_of_a_run_and_by_no_command_that_looks() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--inactive", "100%"]);
    let scene = Scene::new(&fake_platform.url, 3);
    for verb in ["plan", "status"] {
        scene.without_secrets(verb, &[]).ends(0);
    }
    scene.run(&["--sandbox"]);
    assert!(!scene.home.path().join("runner").exists());
    scene.run(&[]).ends(4);
    let [(path, witness)] = witnesses(&scene).try_into().unwrap();
    assert_eq!(witness["sequence"], batches(&scene));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
    for (verb, flags) in [
        ("plan", &[][..]),
        ("verify", &[]),
        ("export", &[]),
        ("trace", &["user-000001"]),
    ] {
        scene.without_secrets(verb, flags).ends(0);
    }
    assert_eq!(witnesses(&scene), [(path, witness)]);
    let decided = ["user-000001", "--as", "refused", "--note", "x"];
    scene.without_secrets("resolve", &decided).ends(0);
    assert_eq!(witnesses(&scene)[0].1["sequence"], batches(&scene));
}
