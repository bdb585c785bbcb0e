//! What the system lacks for a moment is named as such, and is never called damage of the ledger.

use std::fs;
use std::process::{Command, Stdio};

use runner::model::delivery::StateName;

use crate::mounted::Mounted;
use crate::scene::{FakePlatform, RUNNER, Ran, Scene};

/// Runs a command under a limit of the shell's `ulimit`.
fn limited(scene: &Scene, limit: &str, verb: &str, flags: &[&str]) -> Ran {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\""), RUNNER, verb])
        .arg(scene.file())
        .args(flags);
    scene.give_secrets(&mut shell);
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
            for limit in 4..24 {
                if !is_sealed {
                    let _ = fs::remove_file(scene.place().dir().join("seal"));
                }
                let ran = limited(&scene, &format!("-n {limit}"), verb, &[]);
                let advises = ["restore", "damaged", "--state-dir"]
                    .iter()
                    .any(|word| ran.err.contains(word));
                assert!(
                    !advises && !ran.err.contains("panicked"),
                    "{verb} with {limit}: {}",
                    ran.err
                );
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

/// Commands that only read refused a ledger on a disk that is mounted read-only.
#[test]
fn a_ledger_on_a_read_only_disk_is_read() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 10);
    let root = tempfile::tempdir().unwrap();
    let state = root.path().to_str().unwrap();
    let Some(disk) = Mounted::tmpfs(root.path(), "size=16m") else {
        println!("skipped: this user may not mount a small file system");
        return;
    };
    scene.run(&["--state-dir", state]).ends(0);
    assert!(disk.mount(&["-o", "remount,ro"]));
    let page = scene.dir.path().join("page.html");
    let page = page.to_str().unwrap();
    for (verb, flags) in [
        ("status", &[][..]),
        ("trace", &["user-000000"]),
        ("export", &[]),
        ("report", &["-o", page]),
        ("verify", &[]),
        ("plan", &[]),
    ] {
        let flags = [&["--state-dir", state], flags].concat();
        let ran = scene.without_secrets(verb, &flags).ends(0);
        assert!(verb != "export" || ran.out.contains("user-000000"), "{}", ran.out);
    }
}

/// `verify` needed 64 MiB and the size of the store, although the files of a ledger that was closed in order are intact.
#[test]
fn a_ledger_that_was_closed_in_order_is_verified_without_room_for_a_copy() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 10);
    let root = tempfile::tempdir().unwrap();
    let state = root.path().to_str().unwrap();
    let Some(_disk) = Mounted::tmpfs(root.path(), "size=16m") else {
        println!("skipped: this user may not mount a small file system");
        return;
    };
    scene.run(&["--state-dir", state]).ends(0);
    let verify = || {
        let mut verify = Command::new(RUNNER);
        verify.arg("verify").arg(scene.file()).args(["--state-dir", state]);
        verify
            .env("XDG_STATE_HOME", scene.home.path())
            .env("TMPDIR", root.path());
        Ran::new(verify.stdin(Stdio::null()).output().unwrap())
    };
    verify().ends(0);
    verify().ends(0);
    let ledger = root.path().join(".runner/live/tt1/summer");
    fs::remove_file(ledger.join("seal")).unwrap();
    let ran = verify().ends(1);
    assert!(
        ran.err.contains("MiB are needed") && ran.err.contains("TMPDIR"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("restore"), "{}", ran.err);
}

/// A directory that was deleted under the command was called damage, or a place to replace by another.
#[test]
fn a_deleted_working_directory_is_named() {
    let scene = Scene::new("https://open.douyin.com", 3);
    let gone = tempfile::tempdir().unwrap();
    let script = "cd \"$1\" && rmdir \"$1\" && exec \"$0\" apply \"$2\" --sandbox --state-dir .";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, RUNNER]).arg(gone.path()).arg(scene.file());
    let ran = Ran::new(shell.stdin(Stdio::null()).output().unwrap()).ends(1);
    assert!(ran.err.contains("was removed"), "{}", ran.err);
    assert!(
        !["restore", "damaged", "another directory"]
            .iter()
            .any(|word| ran.err.contains(word)),
        "{}",
        ran.err
    );
}
