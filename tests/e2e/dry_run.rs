//! Before a run: a plan and a dry run say what an apply then does, and leave no trace.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use runner::model::clock::Clock;
use serde_json::Value;

use crate::scene::{FakePlatform, Ran, Scene, files};

/// The objects of one kind on stdout.
fn objects(ran: &Ran, kind: &str) -> Vec<Value> {
    let objects = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["type"] == kind).collect()
}

/// The plan of the campaign from `runner plan`.
fn planned(scene: &Scene) -> Value {
    let ran = scene.without_secrets("plan", &["--output", "json"]);
    objects(&ran, "plan").pop().unwrap_or_else(|| panic!("{ran:?}"))
}

fn fingerprint(scene: &Scene) -> String {
    planned(scene)["fingerprint"].as_str().unwrap().to_owned()
}

/// The help and the causes of a failure, with placeholders for the parts that change.
fn told(scene: &Scene, ran: &Ran) -> String {
    let err = ran.err.replace(&scene.dir.path().display().to_string(), "[dir]");
    let lines = err
        .lines()
        .filter(|line| !line.starts_with('[') || line.starts_with("[dir]"));
    let mut text = lines.fold(String::new(), |text, line| text + line + "\n");
    for word in text.clone().split(|c: char| c.is_whitespace() || c == ',') {
        if word.len() > 20 && word.bytes().filter(|byte| *byte == b'-').count() == 2 && !word.contains('/') {
            text = text.replace(word, "[fingerprint]");
        }
    }
    text
}

/// A platform that must receive no connection.
struct Forbidden(TcpListener);

impl Forbidden {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    fn nobody_came(&self) -> bool {
        self.0
            .accept()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

fn tree(scene: &Scene) -> BTreeMap<PathBuf, Vec<u8>> {
    files(scene.dir.path())
}

#[test]
fn where_there_is_no_ledger_a_plan_leaves_no_trace_and_connects_to_nobody() {
    let platform = Forbidden::new();
    let scene = Scene::new(&platform.url(), 30);
    let before = tree(&scene);
    for (verb, flags) in [
        ("plan", &[][..]),
        ("plan", &["--detailed-exitcode", "--output", "json"]),
        ("plan", &["--sandbox"]),
        ("apply", &["--dry-run"]),
        ("apply", &["--dry-run", "--sandbox", "--fresh"]),
        ("apply", &["--dry-run", "--show", "100", "--output", "json"]),
    ] {
        let ran = scene.without_secrets(verb, flags);
        let expected = if flags.contains(&"--detailed-exitcode") { 3 } else { 0 };
        let ran = ran.ends(expected);
        assert!(ran.out.contains("30"), "{}", ran.out);
        assert_eq!(tree(&scene), before, "{verb} {flags:?}");
        assert!(
            fs::read_dir(scene.dir.path()).unwrap().count() == 2,
            "no directory was made"
        );
    }
    assert!(platform.nobody_came());
    let _visitor = std::net::TcpStream::connect(platform.0.local_addr().unwrap()).unwrap();
    assert!(!platform.nobody_came(), "a visitor would have been seen");
}

#[test]
fn where_there_is_a_ledger_a_plan_adds_nothing_to_it() {
    let fake_platform = FakePlatform::start(&["--refuse", "20%"]);
    let scene = Scene::new(&fake_platform.url, 40);
    scene.run(&["--at-most", "10"]).ends(3);
    let facts = scene.facts();
    let asked = fake_platform.log().len();
    scene.without_secrets("plan", &[]).ends(0);
    scene.without_secrets("apply", &["--dry-run"]).ends(0);
    assert_eq!(scene.facts(), facts);
    assert_eq!(fake_platform.log().len(), asked);
}

/// In two applies, with a change of the audience between them.
#[test]
fn what_a_plan_says_comes_true() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 40).with("pace: {max_in_flight: 1}");
    for users in [0..40, 3..60] {
        scene.audience(users);
        let foretold = planned(&scene);
        let dry = scene
            .without_secrets("apply", &["--dry-run", "--output", "json"])
            .ends(0);
        let asked = fake_platform.log().len();
        let done = scene.run(&["--output", "json"]).ends(0);
        let done = objects(&done, "summary").pop().unwrap();
        let said = &foretold["counts"];
        let was = &done["counts"];
        for same in [
            "audience", "skipped", "refused", "in_doubt", "held", "listed", "repeated", "unusable",
        ] {
            assert_eq!(said[same], was[same], "{same}");
        }
        let to_send = said["pending"].as_u64().unwrap();
        assert_eq!(was["issued"].as_u64(), Some(said["issued"].as_u64().unwrap() + to_send));
        assert_eq!(done["attempts"].as_u64(), Some(to_send));

        let shown = objects(&dry, "request");
        assert_eq!(shown.len(), 3);
        for (shown, sent) in shown.iter().zip(&fake_platform.log()[asked..]) {
            assert_eq!(shown["merchant_coupon_id"], sent["merchant_coupon_id"]);
            assert_eq!(shown["body"]["open_id"], sent["open_id"]);
            assert_eq!(shown["headers"]["access-token"], "[redacted]");
        }
    }
    let after = scene.without_secrets("plan", &["--detailed-exitcode"]).ends(0);
    assert!(
        after.out.contains("nothing to send") && after.out.contains("300 CNY given by 60 coupons"),
        "{}",
        after.out
    );
}

#[test]
fn the_reviewed_plan_is_applied_and_gone_on_with_and_no_other() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let mut scene = Scene::new(&fake_platform.url, 30);
    let reviewed = fingerprint(&scene);
    scene.run(&["--expect", &reviewed, "--at-most", "5"]).ends(3);
    let going_on = fingerprint(&scene);
    assert_ne!(going_on, reviewed);
    scene.run(&["--expect", &reviewed, "--at-most", "5"]).ends(3);
    scene.run(&["--expect", &going_on, "--at-most", "5"]).ends(3);

    let asked = fake_platform.log().len();
    let facts = scene.facts().len();
    scene.audience(0..31);
    insta::assert_snapshot!(told(&scene, &scene.run(&["--expect", &reviewed]).ends(4)));
    scene.audience(0..30);
    "pace: {per_second: 50}".clone_into(&mut scene.more);
    scene.write();
    insta::assert_snapshot!(told(&scene, &scene.run(&["--expect", &reviewed]).ends(4)));
    scene.more.clear();
    scene.write();
    assert_eq!(fake_platform.log().len(), asked, "nothing was sent");
    assert_eq!(scene.facts().len(), facts, "and nothing was added");

    // Another plan is applied in between, so the reviewed one is another change now.
    scene.audience(0..32);
    scene.run(&["--at-most", "1"]).ends(3);
    scene.audience(0..30);
    insta::assert_snapshot!(told(&scene, &scene.run(&["--expect", &reviewed]).ends(4)));
    let again = fingerprint(&scene);
    scene.run(&["--expect", &again]).ends(0);

    // The ledger is gone, so the reviewed plan is no longer the same.
    fs::rename(scene.place().dir(), scene.dir.path().join("aside")).unwrap();
    scene.run(&["--expect", &again]).ends(4);
    let accepting = ["--expect", &again, "--accept", "older_ledger"];
    insta::assert_snapshot!(told(&scene, &scene.run(&accepting).ends(4)));
    assert!(scene.facts().is_empty(), "no ledger was begun");
}

#[test]
fn an_invalid_fingerprint_is_a_mistake_on_the_command_line() {
    let scene = Scene::new(&Forbidden::new().url(), 3);
    let before = tree(&scene);
    let ran = scene.run(&["--expect", "latest"]).ends(2);
    assert!(ran.err.contains("as `runner plan` shows"), "{}", ran.err);
    assert_eq!(tree(&scene), before);
}

#[test]
fn a_change_that_nobody_accepted_is_shown_with_what_it_needs() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let mut scene = Scene::new(&fake_platform.url, 10);
    scene.run(&["--at-most", "4"]).ends(3);
    scene.activity_id = "7300000000000000001";
    "coupons_per_user: 2".clone_into(&mut scene.more);
    scene.write();
    let refused = scene.without_secrets("plan", &["--output", "json"]).ends(4);
    let plan = objects(&refused, "plan").pop().unwrap();
    let needs: Vec<_> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|change| change["accept"].as_str())
        .collect();
    assert_eq!(
        (needs, &plan["feasible"]),
        (vec!["activity_id", "coupons_per_user"], &Value::Bool(false))
    );
    assert_eq!(
        plan["counts"]["pending"], 16,
        "the others' two, and those four users' second"
    );

    let accept = ["--accept", "activity_id,coupons_per_user"];
    let accepted = scene.without_secrets("plan", &accept).ends(0);
    assert!(
        accepted.out.contains("feasible") && accepted.out.contains("accepted"),
        "{}",
        accepted.out
    );
    let line = accepted.out.lines().last().unwrap().trim();
    assert!(
        line.contains("--accept activity_id --accept coupons_per_user --expect"),
        "{line}"
    );
    let flags: Vec<_> = line.split(' ').skip(3).collect();
    scene.run(&flags).ends(0);
}

#[test]
fn waits_for_a_person_differ_from_work_that_continues() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--inactive", "100%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    scene.run(&[]).ends(4);
    let plan = scene.without_secrets("plan", &[]).ends(0);
    assert!(plan.out.contains("5  held"), "{}", plan.out);
    scene.without_secrets("plan", &["--detailed-exitcode"]).ends(4);
}

/// Six users who all lapse in six minutes, at one attempt every hundred seconds, the first after a hundred seconds.
pub fn lapsing() -> Scene {
    let scene = Scene::new(&Forbidden::new().url(), 0).with("pace: {per_second: 0.01}");
    let file = fs::read_to_string(scene.file()).unwrap();
    let dated = file.replace(
        "open_id: open_id}}}",
        "open_id: open_id, last_active: seen}}, active_within: 1h}",
    );
    fs::write(scene.file(), dated).unwrap();
    let seen = Clock::system().now().as_second() - 3_600 + 360;
    let csv = (0..6).fold("open_id,seen\n".to_owned(), |csv, user| {
        csv + &format!("u{user},{seen}\n")
    });
    fs::write(scene.dir.path().join("audience.csv"), csv).unwrap();
    scene
}

#[test]
fn who_will_lapse_is_shown_and_is_not_among_those_to_send() {
    let scene = lapsing();
    for (verb, flag) in [("plan", "--detailed-exitcode"), ("apply", "--dry-run")] {
        let shown = scene.without_secrets(verb, &[flag]).out;
        for said in [
            "summer: 3 coupons to send\n",
            "      3  will expire ",
            "  expiry    the activity of 3 users expires before their turn\n",
            "            3 until ",
        ] {
            assert!(shown.contains(said), "{said:?}: {shown}");
        }
        let ran = scene.without_secrets(verb, &[flag, "--output", "json"]);
        let plan = objects(&ran, "plan").pop().unwrap();
        let lapse = &plan["lapse"];
        let pending = &plan["counts"]["pending"];
        assert_eq!(
            (&lapse["order"], &lapse["as_listed"]),
            (&"as_listed".into(), &lapse["expiring_first"])
        );
        let listed = &lapse["as_listed"];
        assert_eq!(
            (pending, &listed["in_time"], &listed["lapsed"]),
            (&6.into(), &3.into(), &3.into())
        );
        assert_eq!(
            (&listed["by_hour"][0]["users"], &lapse["saved"]),
            (&3.into(), &0.into())
        );
    }
    assert!(
        objects(
            &Scene::new(&scene.url, 3).without_secrets("plan", &["--output", "json"]),
            "plan"
        )[0]["lapse"]
            .is_null()
    );
}

#[test]
fn a_time_that_cannot_be_met_ends_with_4() {
    let scene = Scene::new(&Forbidden::new().url(), 30).with("schedule: {end: 2020-01-01T00:00}");
    let ran = scene.without_secrets("plan", &[]).ends(4);
    assert!(ran.out.contains("not feasible\n  schedule.end is past"), "{}", ran.out);
}

#[test]
fn bad_input_is_named_and_nothing_is_changed() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    scene.run(&[]).ends(0);
    let audience = scene.dir.path().join("audience.csv");
    let manifest = scene.place().dir().join("ledger.json");
    let written = fs::read_to_string(&manifest).unwrap();
    let newer = written.replacen("\"format\": 1", "\"format\": 99", 1);
    let foreign = written.replace("summer", "winter");
    assert!(newer != written && foreign != written, "{written}");
    let mut seen = Vec::new();
    fs::rename(&audience, scene.dir.path().join("aside")).unwrap();
    seen.push(told(&scene, &scene.without_secrets("plan", &[]).ends(2)));
    fs::rename(scene.dir.path().join("aside"), &audience).unwrap();
    for text in [newer, foreign] {
        fs::write(&manifest, &text).unwrap();
        let before = tree(&scene);
        seen.push(told(&scene, &scene.without_secrets("plan", &[]).ends(1)));
        assert_eq!(tree(&scene), before);
    }
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn a_dry_run_foretells_that_the_day_is_used_up() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5).with("pace: {per_day: 2}");
    scene.run(&["--no-wait"]).ends(3);
    let dry = scene.without_secrets("apply", &["--dry-run", "--no-wait", "--show", "0"]);
    let dry = dry.ends(0);
    assert!(
        dry.err
            .contains("with --no-wait, an apply would end now: today's pace.per_day is used up"),
        "{}",
        dry.err
    );
    assert_eq!(fake_platform.log().len(), 2);
}
