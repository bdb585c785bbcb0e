//! Obstacles of a run: bad disks, ledgers, platforms and files.

use std::fs;
use std::process::{Command, Stdio};

use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, KEY, RUNNER, Ran, SECRET, Scene};

/// Applies under a limit on the size of files, which acts like a full disk.
fn under_limit(scene: &Scene, blocks: u32) -> Ran {
    let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" apply \"$1\"");
    let output = Command::new("sh")
        .args(["-c", &script, RUNNER])
        .arg(scene.file())
        .env("WHOLE_KEY", KEY)
        .env("WHOLE_SECRET", SECRET)
        .env("XDG_STATE_HOME", scene.home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran::new(output)
}

#[test]
fn a_full_disk_stops_sending_and_the_same_command_goes_on_when_there_is_room() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 300);
    scene.run(&["--at-most", "5"]).ends(3);
    let largest = crate::scene::files(scene.dir.path())
        .values()
        .map(Vec::len)
        .max()
        .unwrap();
    let blocks = u32::try_from(largest / 512).unwrap().max(1);
    let ran = under_limit(&scene, blocks);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("error") && ran.err.contains("help"), "{}", ran.err);
    scene.run(&[]).ends(0);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), 300);
    assert!(fake_platform.ids().values().all(|(given, _)| *given == 1));
}

#[test]
fn a_partial_ledger_is_never_replaced() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    scene.run(&[]).ends(0);
    let asked = fake_platform.log().len();
    let place = scene.place().dir().to_owned();
    for part in ["store", "ledger.json", "head"] {
        fs::rename(place.join(part), place.join("aside")).unwrap();
        let ran = scene.run(&[]).ends(1);
        assert!(ran.err.contains(part), "{}", ran.err);
        fs::rename(place.join("aside"), place.join(part)).unwrap();
    }
    scene.run(&[]).ends(0);
    assert_eq!(fake_platform.log().len(), asked, "nothing was sent on the way");
}

#[test]
fn a_platform_out_of_reach_is_waited_for_and_nothing_is_in_doubt() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let scene = Scene::new(&format!("http://{nobody}"), 50);
    let events = scene.dir.path().join("events.jsonl");
    let mut run = scene.apply(&["--events"]);
    let mut run = run.arg(&events).spawn().unwrap();
    let said = |word: &str| fs::read_to_string(&events).unwrap_or_default().contains(word);
    while !said("token") && !said("reach") {
        assert!(run.try_wait().unwrap().is_none(), "it does not give up");
        std::thread::yield_now();
    }
    Command::new("kill")
        .args(["-s", "INT", &run.id().to_string()])
        .status()
        .unwrap();
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(3);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(
        (counts.owed(), counts.count(StateName::InDoubt)),
        (50, 0),
        "{}",
        ran.out
    );
}

#[test]
fn a_wrong_secret_stops_before_the_first_send() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let ran = Ran::new(scene.apply(&[]).env("WHOLE_SECRET", "wrong-secret").output().unwrap()).ends(4);
    assert!(ran.out.contains("credentials"), "{}", ran.out);
    assert!(fake_platform.log().is_empty());
    let ran = Ran::new(scene.apply(&[]).env_remove("WHOLE_SECRET").output().unwrap()).ends(2);
    assert!(ran.err.contains("WHOLE_SECRET"), "{}", ran.err);
}

#[test]
fn stock_used_up_is_held_and_a_new_activity_goes_on() {
    let fake_platform = FakePlatform::start(&["--stock", "30", "--refuse", "0%"]);
    let mut scene = Scene::new(&fake_platform.url, 100);
    let ran = scene.run(&[]).ends(4);
    assert!(ran.out.contains("990000002"), "{}", ran.out);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), 30);

    scene.activity_id = "7218071234565644205";
    scene.write();
    let ran = scene.run(&[]).ends(4);
    assert!(ran.err.contains("--accept activity_id"), "{}", ran.err);
    let old = fake_platform.ids();
    let more = fake_platform.replaced(&["--refuse", "0%"]);
    scene.run(&["--accept", "activity_id"]).ends(0);
    let new = more.ids();
    assert_eq!(new.len(), 70, "only who was still owed");
    assert!(new.keys().all(|id| old.get(id).is_none_or(|(given, _)| *given == 0)));
}

#[test]
fn held_codes_follow_what_the_file_says_of_them_later() {
    let fake_platform = FakePlatform::start(&["--inactive", "15%", "--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 100);
    let ran = scene.run(&[]).ends(4);
    assert!(ran.out.contains("990000001"), "{}", ran.out);
    let asked = fake_platform.log().len();
    let scene = scene.with("codes: {990000001: refuse}");
    scene.run(&[]).ends(0);
    assert_eq!(
        fake_platform.log().len(),
        asked,
        "they are settled without another send"
    );
}

#[test]
fn an_audience_that_shrank_by_much_is_a_person_s_to_accept() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 400);
    scene.run(&["--at-most", "10"]).ends(3);
    scene.audience(0..100);
    let ran = scene.run(&[]).ends(4);
    assert!(ran.err.contains("--accept smaller_audience"), "{}", ran.err);
    scene.run(&["--accept", "smaller_audience"]).ends(0);
    assert_eq!(fake_platform.ids().len(), 100);
}

#[test]
fn a_broken_file_makes_nothing() {
    let scene = Scene::new("https://open.douyin.com", 1).with("schedul: {}");
    let ran = scene.run(&[]).ends(2);
    assert!(ran.err.contains("did you mean"), "{}", ran.err);
    assert!(!scene.dir.path().join(".runner").exists());
    fs::remove_file(scene.dir.path().join("audience.csv")).unwrap();
    let scene = scene.with("");
    scene.run(&["--sandbox"]).ends(2);
    assert!(!scene.rehearsal().dir().exists());
}

#[test]
fn a_file_named_without_its_folder_has_its_ledger_beside_it() {
    let scene = Scene::new("https://open.douyin.com", 3);
    let mut command = Command::new(RUNNER);
    command
        .args(["apply", "summer.yaml", "--sandbox"])
        .current_dir(scene.dir.path());
    Ran::new(command.stdin(Stdio::null()).output().unwrap()).ends(0);
    assert!(scene.rehearsal().dir().join("ledger.json").exists());
}

#[test]
fn a_wrong_address_halts_before_a_send_and_names_the_key_to_look_at() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&format!("{}/nowhere", fake_platform.url), 20);
    let ran = scene.run(&[]).ends(4);
    assert!(ran.out.contains("platform.base_url"), "{}", ran.out);
    assert!(fake_platform.log().is_empty());
}

/// Also for root, which may write to any directory.
#[test]
fn a_place_where_no_ledger_can_be_is_named_and_nothing_is_sent() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let state = scene.dir.path().join(".runner");
    fs::write(&state, "not a directory").unwrap();
    let ran = scene.run(&[]).ends(1);
    let named = ran.err.contains(".runner") && ran.err.contains("--state-dir");
    assert!(named, "{}", ran.err);
    assert!(fake_platform.log().is_empty());
    fs::remove_file(state).unwrap();
    scene.run(&[]).ends(0);
}

#[test]
fn a_rehearsal_shows_the_times_that_it_does_not_wait_for() {
    let scene = Scene::new("https://open.douyin.com", 3).with("schedule: {start: 2099-01-01T10:00}");
    let ran = scene.run(&["--sandbox"]).ends(0);
    assert!(ran.err.contains("nothing before 2099-01-01 10:00"), "{}", ran.err);
}
