//! Several campaigns in one process: each completes separately, and a failure of one does not affect the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::mounted::Mounted;
use crate::scene::{FakePlatform, KEY, RUNNER, Ran, SECRET, STATE_HOME};
use crate::two_processes::{signal, until_it_says};

const CREDENTIALS: &str = "{client_key: {env: WHOLE_KEY}, client_secret: {env: WHOLE_SECRET}}";

struct Agency {
    dir: tempfile::TempDir,
    url: String,
}

impl Agency {
    fn new(url: &str) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            url: url.to_owned(),
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a campaign of this app for `users` users, and returns its file. `name` may contain a folder.
    fn add(&self, name: &str, app_id: &str, users: usize, more: &str) -> PathBuf {
        self.add_with(CREDENTIALS, (name, app_id), users, more)
    }

    fn add_with(&self, credentials: &str, (name, app_id): (&str, &str), users: usize, more: &str) -> PathBuf {
        let file = self.path().join(format!("{name}.yaml"));
        let folder = file.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        let campaign = file.file_stem().unwrap().to_str().unwrap();
        let text = format!(
            "version: 1\ncampaign: {campaign}\napp_id: {app_id}\nactivity_id: \"7218071234565644204\"\n\
             credentials: {credentials}\n\
             audience: {{source: {{csv: {{path: {campaign}.csv, open_id: open_id}}}}}}\n\
             platform: {{base_url: {}}}\n{more}\n",
            self.url
        );
        fs::write(&file, text).unwrap();
        let mut csv = "open_id\n".to_owned();
        for user in 0..users {
            writeln!(csv, "{campaign}-user-{user:05}").unwrap();
        }
        fs::write(folder.join(format!("{campaign}.csv")), csv).unwrap();
        file
    }

    /// The output with placeholders for the parts that change from run to run.
    fn neutral(&self, text: &str) -> String {
        text.replace(self.path().to_str().unwrap(), "DIR")
            .replace(&self.url, "URL")
    }
}

fn apply(paths: &[&Path], flags: &[&str]) -> Command {
    let mut command = Command::new(RUNNER);
    command
        .arg("apply")
        .args(paths)
        .args(flags)
        .env("WHOLE_KEY", KEY)
        .env("WHOLE_SECRET", SECRET)
        .env("XDG_STATE_HOME", STATE_HOME)
        .env("NO_COLOR", "1")
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn applied(paths: &[&Path], flags: &[&str]) -> Ran {
    Ran::new(apply(paths, flags).output().unwrap())
}

/// The fake platform's code for more requests in a second than the quota.
const TOO_FREQUENT: u64 = 29_005_012;

/// How many users received a coupon, by campaign. Checks that each received one, with the first request that was not too
/// frequent.
fn given(fake_platform: &FakePlatform) -> BTreeMap<String, usize> {
    let mut given = BTreeMap::new();
    let mut users = BTreeSet::new();
    for record in fake_platform.log() {
        // The platform counts arrivals. On a busy machine requests that left at the pace can arrive together.
        if record["code"] == TOO_FREQUENT {
            continue;
        }
        assert_eq!(
            record["effect"], "issued",
            "the fake platform refused something: {record}"
        );
        let open_id = record["open_id"].as_str().unwrap().to_owned();
        let (campaign, _) = open_id.split_once("-user-").unwrap();
        *given.entry(campaign.to_owned()).or_default() += 1;
        assert!(users.insert(open_id), "two coupons: {record}");
    }
    given
}

/// The words of a campaign's row in the table.
fn row<'a>(ran: &'a Ran, name: &str) -> Vec<&'a str> {
    let row = ran
        .out
        .lines()
        .find(|line| line.split_whitespace().next() == Some(name));
    row.unwrap_or_else(|| panic!("{name} is not in\n{}", ran.out))
        .split_whitespace()
        .collect()
}

#[test]
fn three_campaigns_of_two_apps_are_complete_by_one_command() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let agency = Agency::new(&fake_platform.url);
    agency.add("bakery", "tt1", 30, "");
    agency.add("cakes", "tt1", 20, "");
    agency.add("teahouse", "tt2", 40, "");
    let events = agency.path().join("events.jsonl");
    let ran = applied(&[agency.path()], &["--events", events.to_str().unwrap()]).ends(0);
    insta::assert_snapshot!(agency.neutral(&ran.out));
    let given = given(&fake_platform);
    assert_eq!(given.into_values().collect::<Vec<_>>(), [30, 20, 40]);
    let events = fs::read_to_string(events).unwrap();
    let mut attempts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in events.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        if object["type"] != "version" {
            let of = |field: &str| {
                object[field]
                    .as_str()
                    .unwrap_or_else(|| panic!("{field}: {line}"))
                    .to_owned()
            };
            *attempts.entry((of("campaign"), of("app_id"))).or_default() += usize::from(object["type"] == "attempt");
        }
    }
    let counted: Vec<_> = attempts
        .iter()
        .map(|((campaign, app_id), n)| (&**campaign, &**app_id, *n))
        .collect();
    assert_eq!(
        counted,
        [("bakery", "tt1", 30), ("cakes", "tt1", 20), ("teahouse", "tt2", 40)]
    );
    let again = applied(&[agency.path()], &["--output", "json"]).ends(0);
    let last: Value = serde_json::from_str(again.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["campaigns"]), (&"total".into(), &3.into()));
    assert_eq!((&last["counts"]["issued"], &last["exit"]), (&90.into(), &0.into()));
    assert_eq!(
        again
            .out
            .lines()
            .filter(|line| line.contains("\"type\":\"summary\""))
            .count(),
        3
    );
    assert_eq!(fake_platform.log().len(), 90);
}

/// A broken file, a ledger that cannot be created, a halt, and a campaign that another process applies: the others
/// complete.
#[test]
fn what_befalls_one_holds_up_no_other() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let refusing = FakePlatform::start(&["--refuse", "100%"]);
    let mut agency = Agency::new(&refusing.url);
    let halting = agency.add("halting", "tt1", 400, "halt: {refused: {over: 10%, after: 5}}");
    fake_platform.url.clone_into(&mut agency.url);
    let good = agency.add("good", "tt1", 20, "");
    let broken = agency.add("broken", "tt1", 20, "pase: {per_second: 5}");
    let walled = agency.add("walled/walled", "tt2", 20, "");
    fs::write(agency.path().join("walled/.runner"), "in the way").unwrap();
    let taken = agency.add("taken", "tt3", 2_000, "pace: {per_second: 5}");
    let mut owner = apply(&[&taken], &[]).spawn().unwrap();
    until_it_says(&mut owner, "ends ");

    let paths = [&*good, &halting, &broken, &walled, &taken];
    let ran = applied(&paths, &[]).ends(1);
    for (name, exit) in [("good", "0"), ("halting", "4"), ("walled", "1"), ("taken", "5")] {
        assert_eq!(row(&ran, name).last(), Some(&exit), "{}", ran.out);
    }
    assert_eq!(row(&ran, broken.to_str().unwrap()).last(), Some(&"2"), "{}", ran.out);
    let told = agency.neutral(&ran.err);
    for what in [
        "error[E0111]",
        "DIR/broken.yaml",
        "error[E0308]: DIR/walled/walled.yaml: ",
        "error[E0301]: DIR/taken.yaml: ",
    ] {
        assert!(told.contains(what), "{what} is not in\n{told}");
    }
    assert!(
        told.find("E0111") < told.find("E0308"),
        "mistakes are told first:\n{told}"
    );
    assert_eq!(row(&ran, "halting")[1], "halted");
    assert!(ran.out.contains("stopped   E0703: "), "{}", ran.out);

    // The most important exit decides: 2 before 4 before 5 before 3.
    assert_eq!(applied(&paths[..3], &[]).code, Some(2));
    assert_eq!(applied(&[&good, &halting, &taken], &[]).code, Some(4));
    assert_eq!(applied(&[&good, &taken], &[]).code, Some(5));
    signal(&owner, "INT");
    assert_eq!(owner.wait().unwrap().code(), Some(3));
    let by_campaign = given(&fake_platform);
    assert_eq!(by_campaign.keys().collect::<Vec<_>>(), ["good", "taken"]);
    assert_eq!(by_campaign["good"], 20);
}

/// The disk fills up during a run: the other campaign of the same app completes, and the same command continues when there
/// is room.
#[test]
fn a_disk_of_one_that_is_full_holds_up_no_other() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let agency = Agency::new(&fake_platform.url);
    fs::create_dir(agency.path().join("small")).unwrap();
    let small = agency.path().join("small");
    let Some(_disk) = Mounted::tmpfs(&small, "size=16m") else {
        println!("nothing can be mounted here: this was not checked");
        return;
    };
    let paths = [
        agency.add("small/small", "tt1", 400, ""),
        agency.add("large", "tt1", 400, ""),
    ];
    let paths = paths.each_ref().map(PathBuf::as_path);
    let mut run = apply(&paths, &[]).spawn().unwrap();
    until_it_says(&mut run, "2 sending");
    let rest = small.join("rest");
    let full = fs::write(&rest, vec![0; 32 << 20]).expect_err("there is no more room");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let stopped = Ran::new(run.wait_with_output().unwrap()).ends(1);
    assert_eq!(row(&stopped, "small")[1], "failed", "{}", stopped.out);
    assert_eq!(row(&stopped, "large").last(), Some(&"0"), "{}", stopped.out);
    assert!(stopped.out.contains("small: error[E0311]"), "{}", stopped.out);
    fs::remove_file(rest).unwrap();
    applied(&paths, &[]).ends(0);
    assert!(fake_platform.ids().values().all(|(coupons, _)| *coupons == 1));
    assert_eq!(fake_platform.ids().len(), 800);
}

#[test]
fn a_signal_stops_all_and_the_same_command_completes() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let agency = Agency::new(&fake_platform.url);
    agency.add("bakery", "tt1", 150, "");
    agency.add("cakes", "tt1", 150, "");
    agency.add("teahouse", "tt2", 150, "");
    let mut run = apply(&[agency.path()], &[]).spawn().unwrap();
    until_it_says(&mut run, "3 sending");
    signal(&run, "INT");
    let stopped = Ran::new(run.wait_with_output().unwrap()).ends(3);
    for name in ["bakery", "cakes", "teahouse"] {
        assert_eq!(row(&stopped, name)[1], "incomplete", "{}", stopped.out);
    }
    let again = format!("runner apply {}", agency.path().display());
    assert!(stopped.out.contains(&again), "{}", stopped.out);
    applied(&[agency.path()], &[]).ends(0);
    assert!(given(&fake_platform).values().all(|n| *n == 150));
}

#[test]
fn one_of_several_is_paused_and_stopped_by_itself() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let agency = Agency::new(&fake_platform.url);
    let slow = agency.add("slow", "tt1", 2_000, "pace: {per_second: 5}");
    agency.add("quick", "tt2", 40, "");
    let mut run = apply(&[agency.path()], &[]).spawn().unwrap();
    until_it_says(&mut run, "quick: complete");
    for verb in ["pause", "resume", "stop"] {
        let told = Command::new(RUNNER).arg(verb).arg(&slow).output().unwrap();
        Ran::new(told).ends(0);
    }
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(3);
    assert_eq!(
        (row(&ran, "quick").last(), row(&ran, "slow").last()),
        (Some(&"0"), Some(&"3"))
    );
}

#[test]
fn campaigns_of_one_app_have_the_same_credentials_and_names_of_their_own() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let agency = Agency::new(&fake_platform.url);
    let one = agency.add("one", "tt1", 5, "");
    let other = agency.add_with("{access_token: {env: WHOLE_KEY}}", ("other", "tt1"), 5, "");
    let fine = agency.add("fine", "tt2", 5, "");
    let left = agency.add("left/same", "tt3", 5, "");
    let right = agency.add("right/same", "tt3", 5, "");
    let ran = applied(&[&one, &other, &fine, &left, &right], &[]).ends(2);
    let mistakes = ran.err.lines().take_while(|line| !line.starts_with('['));
    insta::assert_snapshot!(agency.neutral(&mistakes.collect::<Vec<_>>().join("\n")));
    assert_eq!(given(&fake_platform), BTreeMap::from([("fine".to_owned(), 5)]));
    // A rehearsal needs no credentials, so there is no contradiction.
    let sandbox = format!("--sandbox={}", fake_platform.url);
    applied(&[&one, &other, &fine], &[&sandbox]).ends(0);
}

#[test]
fn fifty_campaigns_at_once_each_give_exactly_what_is_owed() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let agency = Agency::new(&fake_platform.url);
    let many: BTreeMap<_, _> = (0..50).map(|n| (format!("merchant-{n:02}"), 6 + n % 9)).collect();
    for (at, (name, users)) in many.iter().enumerate() {
        agency.add(name, &format!("tt{}", at % 8), *users, "");
    }
    let ran = applied(&[agency.path()], &[]).ends(0);
    assert_eq!(given(&fake_platform), many);
    let total: usize = many.values().sum();
    let last = ran.out.lines().find(|line| line.starts_with("50 campaigns")).unwrap();
    assert_eq!(last.split_whitespace().nth(2), Some(&*total.to_string()), "{last}");
}

#[test]
fn what_is_shipped_for_an_agency_is_planned_checked_and_rehearsed() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/agency");
    let state = tempfile::tempdir().unwrap();
    for (verb, flags) in [
        ("validate", &[][..]),
        ("plan", &["--sandbox"]),
        ("apply", &["--sandbox"]),
    ] {
        let mut command = Command::new(RUNNER);
        command.arg(verb).arg(&shipped).args(flags).stdin(Stdio::null());
        command.arg("--state-dir").arg(state.path());
        let ran = Ran::new(command.output().unwrap()).ends(0);
        if verb == "apply" {
            assert!(ran.out.contains("nothing is left to do"), "{}", ran.out);
        }
    }
}
