//! What the system lacks for a moment is named as such, and is never called damage of the ledger.

use std::fs;
use std::process::{Command, Stdio};

use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, KEY, RUNNER, Ran, SECRET, Scene};

/// Runs a command under a limit of the shell's `ulimit`.
fn limited(scene: &Scene, limit: &str, verb: &str, flags: &[&str]) -> Ran {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\""), RUNNER, verb])
        .arg(scene.file())
        .args(flags)
        .env("WHOLE_KEY", KEY)
        .env("WHOLE_SECRET", SECRET)
        .env("XDG_STATE_HOME", scene.home.path())
        .env("NO_COLOR", "1")
        .env_remove("RUNNER_LOG")
        .stdin(Stdio::null());
    Ran::new(shell.output().unwrap())
}

/// The program called a store damaged that sled could not open for lack of a descriptor, and advised to restore a backup.
#[test]
fn too_few_descriptors_are_named_and_no_backup_is_advised() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 30);
    scene.run(&["--at-most", "10"]).ends(3);
    let mut named = 0;
    for is_sealed in [true, false] {
        for verb in ["plan", "export", "verify"] {
            for limit in 10..24 {
                if !is_sealed {
                    let _ = fs::remove_file(scene.place().dir().join("seal"));
                }
                let ran = limited(&scene, &format!("-n {limit}"), verb, &[]);
                let advises = ["restore", "damaged", "--state-dir"]
                    .iter()
                    .any(|word| ran.err.contains(word));
                assert!(!advises, "{verb} with {limit}: {}", ran.err);
                named += usize::from(ran.err.contains("`ulimit -n"));
                if !matches!(ran.code, Some(0 | 3)) {
                    assert!(ran.err.contains("open files"), "{verb} with {limit}: {ran:?}");
                }
            }
        }
    }
    assert!(named > 0, "no limit was too low");
    scene.run(&[]).ends(0);
}

#[test]
fn a_low_soft_limit_of_descriptors_is_raised() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 30);
    limited(&scene, "-S -n 14", "apply", &[]).ends(0);
}

/// The signal killed the run without a message.
#[test]
fn a_limit_on_the_size_of_files_is_an_error_with_a_help() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 300);
    for blocks in [0, 8, 64, 1_000] {
        let ran = limited(&scene, &format!("-f {blocks}"), "apply", &[]).ends(1);
        assert!(ran.err.contains("File too large"), "{blocks}: {}", ran.err);
        assert!(ran.err.contains("`ulimit -f"), "{blocks}: {}", ran.err);
    }
    scene.run(&[]).ends(0);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), 300);
}

/// The program advised another name or another directory, and either begins a second ledger.
#[test]
fn an_altered_manifest_is_to_be_repaired() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 10);
    scene.run(&[]).ends(0);
    let path = scene.place().dir().join("ledger.json");
    let good = fs::read_to_string(&path).unwrap();
    let shortcut = scene.place().dir().join("shortcut");
    for has_snapshot in [true, false] {
        if !has_snapshot {
            fs::remove_file(&shortcut).unwrap();
        }
        for (was, is) in [("summer", "sunmer"), ("\"tt1\"", "\"tt0\""), ("http:", "httq:")] {
            fs::write(&path, good.replace(was, is)).unwrap();
            for verb in ["plan", "verify", "export"] {
                let ran = scene.without_secrets(verb, &[]).ends(1);
                let begins = ["another name", "--state-dir"]
                    .iter()
                    .any(|word| ran.err.contains(word));
                assert!(ran.err.contains("E0304") && !begins, "{}", ran.err);
                assert_eq!(ran.err.contains("was altered: its"), has_snapshot, "{}", ran.err);
            }
        }
    }
    fs::write(&path, good).unwrap();
    scene.run(&[]).ends(0);
}

#[test]
fn a_campaign_that_has_another_platform_is_told_so() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let mut scene = Scene::new(&fake_platform.url, 10);
    scene.run(&[]).ends(0);
    scene.url = "http://127.0.0.1:9".to_owned();
    scene.write();
    let ran = scene.without_secrets("plan", &[]).ends(1);
    assert!(ran.err.contains("another name"), "{}", ran.err);
}
