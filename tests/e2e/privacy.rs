//! What other users of the machine may read, and what they may prepare: the state directory and all outputs are for one user.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use crate::scene::{FakePlatform, Scene, files};

/// Commands that read or write the state directory, with their arguments after the campaign file.
const COMMANDS: [(&str, &[&str]); 8] = [
    ("apply", &["--sandbox"]),
    ("plan", &["--sandbox"]),
    ("status", &["--sandbox"]),
    ("trace", &["user-000001", "--sandbox"]),
    ("verify", &["--sandbox"]),
    ("export", &["--sandbox"]),
    ("stop", &["--sandbox"]),
    (
        "resolve",
        &["user-000001", "--as", "issued", "--note", "seen", "--sandbox"],
    ),
];

fn refused_by_all(scene: &Scene, reason: &str) {
    let before = files(scene.dir.path());
    for (verb, flags) in COMMANDS {
        let ran = scene.without_secrets(verb, flags).ends(1);
        assert!(ran.err.contains("error[E0324]"), "{verb}: {}", ran.err);
        assert!(ran.err.contains(reason), "{verb}: {}", ran.err);
    }
    assert_eq!(files(scene.dir.path()), before, "nothing was written");
}

#[test]
fn a_state_directory_that_others_may_write_to_is_refused() {
    let scene = Scene::new("http://127.0.0.1:1", 3);
    scene.without_secrets("apply", &["--sandbox"]).ends(0);
    for directory in ["", "sandbox", "sandbox/tt1", "sandbox/tt1/summer"] {
        let path = scene.dir.path().join(".runner").join(directory);
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        refused_by_all(&scene, "other users may write to it (its mode is 777)");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    scene.without_secrets("verify", &["--sandbox"]).ends(0);
}

/// A user can prepare a state directory in a folder that users share, with links that lead to files of other users.
#[test]
fn a_state_directory_of_another_user_is_refused_and_its_links_are_not_followed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a directory to another user");
        return;
    }
    let scene = Scene::new("http://127.0.0.1:1", 3);
    let prepared = scene.dir.path().join(".runner/sandbox/tt1");
    fs::create_dir_all(&prepared).unwrap();
    let precious = scene.home.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    for name in [
        "summer.lock",
        "summer.status.json.new",
        "summer.status.json",
        "summer.sock",
    ] {
        symlink(&precious, prepared.join(name)).unwrap();
    }
    symlink(scene.home.path(), prepared.join("summer")).unwrap();
    for path in [&prepared, prepared.parent().unwrap(), &scene.dir.path().join(".runner")] {
        chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    refused_by_all(&scene, "it belongs to another user (uid 65534)");
    assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
}

/// Returns the files and directories below that users other than their owner may read or write.
fn open_to_others(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.mode() & 0o077 != 0 {
            found.push(format!("{} {:o}", path.display(), metadata.mode() & 0o777));
        } else if metadata.is_dir() {
            open_to_others(&path, found);
        }
    }
}

#[test]
fn all_that_is_written_is_for_this_user_only() {
    let log = tempfile::tempdir().unwrap();
    let requests = log.path().join("requests.jsonl");
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--log", requests.to_str().unwrap()]);
    let scene = Scene::new(&fake_platform.url, 3);
    let outputs = tempfile::tempdir().unwrap();
    let at = |name: &str| outputs.path().join(name).display().to_string();
    scene
        .run(&["--events", &at("events.jsonl"), "--log-file", &at("log.txt")])
        .ends(0);
    for form in ["csv", "jsonl", "parquet"] {
        scene
            .without_secrets("export", &["-o", &at(&format!("export.{form}"))])
            .ends(0);
    }
    scene.without_secrets("report", &["-o", &at("report.html")]).ends(0);
    scene.without_secrets("simulate", &["-o", &at("simulation.html")]);
    scene
        .without_secrets("verify", &["--certificate", &at("certificate.json")])
        .ends(0);
    let mut found = Vec::new();
    open_to_others(outputs.path(), &mut found);
    open_to_others(log.path(), &mut found);
    open_to_others(scene.home.path(), &mut found);
    let state = scene.dir.path().join(".runner");
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o700);
    let status = scene.place().status();
    assert_eq!(fs::metadata(status).unwrap().mode() & 0o777, 0o600);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(fs::read_dir(outputs.path()).unwrap().count(), 8);
}
