//! Two processes at once, signals, and what each reports about the other.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, Ran, Scene};

/// Waits until a line on stderr contains `word`. Later lines are discarded.
pub fn until_it_says(run: &mut Child, word: &str) {
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    let found = lines.by_ref().map_while(Result::ok).any(|line| {
        said.push(line);
        said.last().is_some_and(|line| line.contains(word))
    });
    assert!(found, "it never said {word:?}: {said:#?}");
    std::thread::spawn(move || lines.count());
}

pub fn signal(run: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &run.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn ended(run: Child) -> Option<i32> {
    run.wait_with_output().unwrap().status.code()
}

#[test]
fn a_campaign_that_is_being_applied_is_left_to_its_owner() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 2_000);
    let mut first = scene.apply(&[]).spawn().unwrap();
    until_it_says(&mut first, "ends ");
    let second = scene.run(&[]).ends(5);
    assert!(
        second.err.contains(&format!("process {}", first.id())),
        "{}",
        second.err
    );
    signal(&first, "INT");
    assert_eq!(ended(first), Some(3));
    scene.run(&["--at-most", "1"]).ends(3);
}

#[test]
fn two_campaigns_of_one_app_share_its_quota_by_turns() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 250);
    let mut other = Scene::new(&fake_platform.url, 50);
    "autumn".clone_into(&mut other.name);
    other.write();
    let mut first = scene.apply(&[]).spawn().unwrap();
    until_it_says(&mut first, "ends ");
    other.run(&["--no-wait"]).ends(5);
    let waited = other.run(&[]).ends(0);
    assert!(waited.err.contains(&format!("pid {}", first.id())), "{}", waited.err);
    let first = Ran::new(first.wait_with_output().unwrap()).ends(0);
    assert!(first.most_in_a_second() <= 98 && waited.most_in_a_second() <= 98);
    assert!(fake_platform.saw_the_quota_kept());
    assert_eq!(fake_platform.ids().len(), 300);
}

/// The app lock of a suspended process stays taken, and the process answers nobody.
#[test]
fn a_suspended_process_is_named_and_holds_up_no_other_app_id() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let holder = Scene::new(&fake_platform.url, 2_000);
    let mut suspended = holder.apply(&[]).spawn().unwrap();
    until_it_says(&mut suspended, "ends ");
    signal(&suspended, "STOP");
    let named = format!("pid {}; it does not answer and may be suspended", suspended.id());

    let mut waiting = Scene::new(&fake_platform.url, 10);
    "autumn".clone_into(&mut waiting.name);
    waiting.write();
    let free = Scene::new(&fake_platform.url, 20);
    let text = fs::read_to_string(free.file())
        .unwrap()
        .replace("app_id: tt1", "app_id: tt2");
    fs::write(free.file(), text).unwrap();
    let both = waiting.apply(&["--no-wait"]).arg(free.file()).output().unwrap();
    let both = Ran::new(both).ends(5);
    assert!(both.out.contains(&named) || both.err.contains(&named), "{both:?}");
    let of_free = fake_platform
        .log()
        .iter()
        .filter(|send| send["app_id"] == "tt2")
        .count();
    assert_eq!(of_free, 20, "the other app id is not held up");

    let mut run = waiting.apply(&[]).spawn().unwrap();
    until_it_says(&mut run, &named);
    signal(&run, "TERM");
    assert_eq!(ended(run), Some(3));
    signal(&suspended, "KILL");
    ended(suspended);
    waiting.run(&[]).ends(0);
}

/// Any user of the machine can take the lock and write anything as its owner.
#[test]
fn a_process_of_another_user_is_named_by_the_kernel_and_not_believed() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can start a process of another user");
        return;
    }
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let theirs = Scene::new(&fake_platform.url, 2_000);
    let state = tempfile::tempdir().unwrap();
    chown(state.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    for open in [theirs.dir.path(), state.path()] {
        fs::set_permissions(open, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = theirs.apply(&["--state-dir", state.path().to_str().unwrap()]);
    let mut first = command.uid(NOBODY).gid(NOBODY).spawn().unwrap();
    until_it_says(&mut first, "ends ");
    let mut ours = Scene::new(&fake_platform.url, 10);
    "autumn".clone_into(&mut ours.name);
    ours.write();
    let ran = ours.run(&["--no-wait"]).ends(5);
    let named = format!("has this app id's lock: pid {}; only ", first.id());
    assert!(ran.out.contains(&named), "{ran:?}");
    let theirs = theirs.file().display().to_string();
    assert!(
        !ran.out.contains(&theirs) && !ran.err.contains(&theirs),
        "its own words are shown: {ran:?}"
    );
    signal(&first, "KILL");
    ended(first);
}

#[test]
fn the_first_signal_stops_in_order_and_the_second_leaves_at_once() {
    let fake_platform = FakePlatform::start(&[]);
    for name in ["INT", "TERM", "HUP"] {
        let scene = Scene::new(&fake_platform.url, 2_000);
        let mut run = scene.apply(&[]).spawn().unwrap();
        until_it_says(&mut run, "ends ");
        signal(&run, name);
        let ran = Ran::new(run.wait_with_output().unwrap()).ends(3);
        assert!(
            ran.out.contains("runner apply"),
            "the command that goes on: {}",
            ran.out
        );
    }
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let hanging = FakePlatform::start(&["--hang", "100%"]);
        let scene = Scene::new(&hanging.url, 10).with("retry: {timeout: 10m}");
        let mut run = scene.apply(&[]).spawn().unwrap();
        until_it_says(&mut run, "ends ");
        while hanging.log().is_empty() {
            std::thread::yield_now();
        }
        signal(&run, name);
        // The kernel merges two pending signals of one kind, so more are sent until the process has ended.
        while run.try_wait().unwrap().is_none() {
            let _ = Command::new("kill")
                .args(["-s", name, &run.id().to_string()])
                .stderr(Stdio::null())
                .status();
        }
        assert_eq!(ended(run), Some(code));
    }
}

#[test]
fn a_signal_while_it_waits_for_the_start_ends_it() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 10).with("schedule: {start: 2099-01-01T10:00}");
    let mut run = scene.apply(&[]).spawn().unwrap();
    until_it_says(&mut run, "2099");
    signal(&run, "TERM");
    assert_eq!(ended(run), Some(3));
    assert!(fake_platform.log().is_empty());
    scene.run(&["--no-wait"]).ends(3);
}

#[test]
fn a_signal_while_it_backs_off_ends_it_and_the_doubt_is_kept() {
    let fake_platform = FakePlatform::start(&["--busy", "100%"]);
    let scene = Scene::new(&fake_platform.url, 1).with("retry: {first_delay: 1h, max_delay: 1h}");
    let mut run = scene.apply(&[]).spawn().unwrap();
    until_it_says(&mut run, "due");
    signal(&run, "HUP");
    assert_eq!(ended(run), Some(3));
    assert_eq!(fake_platform.log().len(), 1);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::InDoubt), 1);
}
