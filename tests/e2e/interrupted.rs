//! ^C before anything is sent: while the audience is read, and while it is admitted. The generation before stays valid, and
//! the same command then does everything.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Stdio};

use runner::ledger::{Fact, Generation};
use runner::model::clock::Clock;
use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::signal;

/// A campaign of 30 users, 10 of whom were sent to. From now on it reads its audience from a pipe.
fn half_done(fake_platform: &FakePlatform) -> Scene {
    let scene = Scene::new(&fake_platform.url, 30);
    scene.run(&["--at-most", "10"]).ends(3);
    let certificate = scene.dir.path().join("before.json");
    let flags = ["--certificate", certificate.to_str().unwrap()];
    scene.without_secrets("verify", &flags).ends(0);
    let text = fs::read_to_string(scene.file()).unwrap();
    let piped = text.replace(
        "{source: {csv: {path: audience.csv, open_id: open_id}}}",
        "{active_within: 7d, source: {stdin: {format: csv, open_id: open_id, last_active: seen}}}",
    );
    assert_ne!(piped, text);
    fs::write(scene.file(), piped).unwrap();
    scene
}

/// The valid generation, and how many users the ledger knows in it.
fn generation(scene: &Scene) -> (Option<Generation>, u32) {
    scene
        .ledger(|ledger| (ledger.state().generation().cloned(), ledger.state().recipients()))
        .unwrap()
}

/// A run that waits for its audience.
fn waiting(scene: &Scene) -> (Child, ChildStdin) {
    let mut run = scene.apply(&[]).stdin(Stdio::piped()).spawn().unwrap();
    let audience = run.stdin.take().unwrap();
    (run, audience)
}

/// The 30 users, who are active now, and as many more as `others` says, who have lapsed.
fn rows(others: usize) -> String {
    let mut text = "open_id,seen\n".to_owned();
    let now = Clock::system().now();
    for user in 0..30 {
        writeln!(text, "user-{user:06},{now}").unwrap();
    }
    for other in 0..others {
        writeln!(text, "other-{other},2020-01-01").unwrap();
    }
    text
}

fn is_broken_off(run: Child) {
    signal(&run, "INT");
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(3);
    assert!(ran.err.contains("interrupted before anything was sent"), "{}", ran.err);
}

/// The ledger is sound, and every delivery is unchanged.
fn is_as_before(scene: &Scene) {
    let certificate = scene.dir.path().join("before.json");
    let flags = ["--against", certificate.to_str().unwrap()];
    scene.without_secrets("verify", &flags).ends(0);
}

/// The same command with the same audience completes.
fn completes(scene: &Scene, fake_platform: &FakePlatform, rows: &str, users: usize) {
    let (run, mut audience) = waiting(scene);
    audience.write_all(rows.as_bytes()).unwrap();
    drop(audience);
    Ran::new(run.wait_with_output().unwrap()).ends(0);
    let (counts, recipients) = scene
        .ledger(|ledger| (ledger.state().counts(), ledger.state().recipients()))
        .unwrap();
    assert_eq!(recipients as usize, users);
    assert_eq!(counts.count(StateName::Issued), 30);
    let ids = fake_platform.ids();
    assert_eq!(ids.len(), 30);
    assert!(ids.values().all(|(given, asked)| (*given, *asked) == (1, 1)));
}

#[test]
fn a_run_that_is_broken_off_while_it_reads_leaves_the_generation_before() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = half_done(&fake_platform);
    let before = generation(&scene);
    let (run, mut audience) = waiting(&scene);
    // More than a pipe holds: once it is written, the audience is being read, and its end never comes.
    audience.write_all(rows(50_000).as_bytes()).unwrap();
    is_broken_off(run);
    drop(audience);
    assert_eq!(generation(&scene), before);
    is_as_before(&scene);
    completes(&scene, &fake_platform, &rows(20), 50);
}

#[test]
fn a_run_that_is_broken_off_while_it_admits_leaves_the_generation_before() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = half_done(&fake_platform);
    let before = generation(&scene);
    let head = scene.place().dir().join("head");
    let rows = rows(150_000);
    let (mut run, mut audience) = waiting(&scene);
    audience.write_all(rows.as_bytes()).unwrap();
    // Nothing is written during the reading, so the next write is the first of many batches that admit users.
    let known = fs::read(&head).unwrap();
    drop(audience);
    while fs::read(&head).unwrap() == known {
        assert_eq!(run.try_wait().unwrap(), None);
    }
    is_broken_off(run);
    let users = scene.facts().iter().map(Fact::newcomers).sum::<u64>();
    assert!((31..150_030).contains(&users), "{users} were admitted by then");
    assert_eq!(generation(&scene), before);
    is_as_before(&scene);
    completes(&scene, &fake_platform, &rows, 150_030);
}

/// The file of a secret may be a named pipe that gives nothing. The first signal was only noted, and never acted on.
#[test]
fn a_signal_ends_a_run_that_waits_for_a_secret() {
    let scene = Scene::new("http://127.0.0.1:1", 3);
    let pipe = scene.dir.path().join("token");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let credentials = "{client_key: {env: WHOLE_KEY}, client_secret: {env: WHOLE_SECRET}}";
    let text = fs::read_to_string(scene.file()).unwrap();
    let piped = text.replace(credentials, "{access_token: {file: token}}");
    assert_ne!(piped, text);
    fs::write(scene.file(), piped).unwrap();
    let mut run = scene.apply(&[]).spawn().unwrap();
    // Waits until the run has opened the other end.
    let writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    signal(&run, "TERM");
    drop(writer);
    assert_eq!(run.wait().unwrap().signal(), Some(15));
}
