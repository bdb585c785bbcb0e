//! The recipients of a campaign, from the command line: exclude lists, other campaigns, the control group, and mistakes in
//! them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn users(&self, name: &str, users: impl IntoIterator<Item = u32>) {
        let mut csv = "open_id\n".to_owned();
        for user in users {
            writeln!(csv, "user-{user}").unwrap();
        }
        self.write(name, &csv);
    }

    /// A campaign of `audience.csv`, with `more` in its audience.
    fn campaign(&self, name: &str, more: &str) {
        let text = format!(
            "version: 1\ncampaign: {name}\napp_id: tt1\nactivity_id: 7218\naudience:\n  source:\n    csv: {{path: \
             audience.csv, open_id: open_id}}\n{more}"
        );
        self.write(&format!("{name}.yaml"), &text);
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(args)
            .current_dir(self.path())
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .env_remove("RUNNER_STATE_DIR")
            .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    /// Rehearses, and returns the final object of the output.
    fn rehearse(&self, name: &str) -> Value {
        let output = self.run(&["apply", &format!("{name}.yaml"), "--sandbox", "--output", "json"]);
        let out = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
        let last = out.lines().last().unwrap();
        serde_json::from_str(last).unwrap()
    }

    /// A refused campaign has no ledger.
    fn never_began(&self) {
        assert!(
            !self.path().join(".runner/sandbox/tt1/summer").exists(),
            "nothing was begun"
        );
    }

    /// The message for a person when the command fails with `code`.
    fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{err}");
        let lines = err.lines().filter(|line| !line.starts_with('['));
        lines.fold(String::new(), |told, line| told + line + "\n")
    }
}

fn count(summary: &Value, name: &str) -> u64 {
    summary["counts"][name].as_u64().unwrap()
}

#[test]
fn the_excluded_of_every_list_are_not_sent_to_and_the_numbers_add_up() {
    let folder = Folder::new();
    folder.users("audience.csv", (0..30).chain([3, 4]));
    folder.users("spring.csv", 0..10);
    folder.campaign("spring", "");
    let spring = fs::read_to_string(folder.path().join("spring.yaml")).unwrap();
    folder.write("spring.yaml", &spring.replace("audience.csv", "spring.csv"));
    let given = count(&folder.rehearse("spring"), "issued");
    folder.users("opted-out.csv", [20, 21, 22, 99]);
    let lists = "  exclude:\n    - csv: {path: opted-out.csv, open_id: open_id}\n    - campaign: spring.yaml\n";
    folder.campaign("summer", &format!("{lists}  control_group: 20%\n"));
    let summary = folder.rehearse("summer");
    assert_eq!((count(&summary, "listed"), count(&summary, "repeated")), (30, 2));
    assert_eq!(count(&summary, "excluded"), 3 + given);
    assert_eq!(count(&summary, "skipped"), count(&summary, "control_group"));
    assert_eq!(count(&summary, "audience"), 30 - count(&summary, "excluded"));
    assert!(count(&summary, "control_group") > 0);

    // A user who has opted out since then is skipped, even if planned.
    folder.users("opted-out.csv", [20, 21, 22, 23, 99]);
    let again = folder.rehearse("summer");
    assert_eq!(count(&again, "excluded"), 4 + given);
    assert_eq!(
        count(&again, "issued"),
        count(&summary, "issued"),
        "what was given is not hidden"
    );
}

#[test]
fn a_list_that_cannot_be_read_stops_the_run() {
    let folder = Folder::new();
    folder.users("audience.csv", 0..5);
    folder.campaign(
        "summer",
        "  exclude:\n    - csv: {path: opted-out.csv, open_id: open_id}\n",
    );
    let apply = ["apply", "summer.yaml", "--sandbox"];
    let mut told = folder.refused(&apply, 2);
    folder.write("opted-out.csv", "");
    told = format!("{told}\n{}", folder.refused(&apply, 2));
    folder.write("opted-out.csv", "open_id,name\nuser-1,\"cut o");
    told = format!("{told}\n{}", folder.refused(&apply, 2));
    folder.write("opted-out.csv", "PAR1....");
    told = format!("{told}\n{}", folder.refused(&apply, 2));
    folder.write("opted-out.csv", "open_id,name\nuser-1,a\nuser-2\n");
    told = format!("{told}\n{}", folder.refused(&apply, 4));
    fs::remove_file(folder.path().join("opted-out.csv")).unwrap();
    fs::create_dir(folder.path().join("opted-out.csv")).unwrap();
    told = format!("{told}\n{}", folder.refused(&apply, 2));
    insta::assert_snapshot!(told);
    folder.never_began();
}

/// An unusable list of any kind is never read as an empty list.
#[test]
fn a_list_of_any_other_kind_that_cannot_be_read_stops_the_run() {
    let folder = Folder::new();
    folder.users("audience.csv", 0..5);
    // The first bytes of a compressed file, as an interrupted copy leaves them.
    fs::write(folder.path().join("cut.csv.gz"), b"\x1f\x8b\x08\x00\x00\x00").unwrap();
    folder.write("empty.jsonl", "");
    folder.write("cut.jsonl", "{\"open_id\": \"user-1\"}\n{\"open_id\": \"user-2");
    folder.write("few.parquet", "PAR1.......");
    folder.write("empty.db", "");
    folder.write("url", "postgres://reader:canary-31415@127.0.0.1:1/members");
    let query = "query: select open_id from members";
    let mut told = String::new();
    for (list, code) in [
        ("csv: {path: cut.csv.gz, open_id: open_id}", 2),
        ("csv: {path: 'opted-*.csv', open_id: open_id}", 2),
        ("jsonl: {path: empty.jsonl, open_id: open_id}", 2),
        ("jsonl: {path: cut.jsonl, open_id: open_id}", 2),
        ("parquet: {path: few.parquet, open_id: open_id}", 2),
        (&format!("sqlite: {{path: empty.db, {query}}}"), 2),
        (&format!("postgres: {{url: {{file: url}}, {query}}}"), 1),
        (&format!("mysql: {{url: {{env: RUNNER_TEST_NOWHERE}}, {query}}}"), 2),
        ("stdin: {format: jsonl, open_id: open_id}", 2),
    ] {
        folder.campaign("summer", &format!("  exclude:\n    - {list}\n"));
        let text = folder.refused(&["apply", "summer.yaml", "--sandbox"], code);
        writeln!(told, "{text}").unwrap();
    }
    assert!(!told.contains("canary"), "{told}");
    insta::assert_snapshot!(told);
    folder.never_began();
}

#[test]
fn a_campaign_that_cannot_be_excluded_is_named_with_its_place() {
    let folder = Folder::new();
    folder.users("audience.csv", 0..5);
    let of = |name: &str| format!("  exclude:\n    - campaign: {name}.yaml\n");
    folder.campaign("absent", &of("nowhere"));
    folder.campaign("bad", "  limit: all\n");
    folder.campaign("of-bad", &of("bad"));
    folder.campaign("other", "");
    let other = fs::read_to_string(folder.path().join("other.yaml")).unwrap();
    folder.write("other.yaml", &other.replace("app_id: tt1", "app_id: tt2"));
    folder.campaign("of-other", &of("other"));
    folder.campaign("itself", &of("itself"));
    folder.campaign("a", &of("b"));
    folder.campaign("b", &of("c"));
    folder.campaign("c", &of("a"));
    folder.campaign("tail", &of("a"));
    folder.campaign("one", &of("other-one"));
    folder.campaign("other-one", &of("one"));
    folder.campaign("new", "");
    folder.campaign("of-new", &of("new"));
    let mut told = String::new();
    for name in ["absent", "of-bad", "of-other", "itself", "one", "a", "tail"] {
        let file = format!("{name}.yaml");
        let text = folder.refused(&["apply", &file, "--sandbox"], 2);
        // `validate` counts the mistakes after them.
        let validated = folder.refused(&["validate", &file], 2);
        let sum = validated.strip_prefix(&text).unwrap_or_default();
        assert!(sum.starts_with("\none mistake in this file;"), "{name}: {validated}");
        writeln!(told, "{text}").unwrap();
    }
    told += &folder.refused(&["apply", "of-new.yaml", "--sandbox"], 2);
    insta::assert_snapshot!(told);
}

impl Folder {
    /// A campaign whose column `seen` in `audience.csv` says when its users were last active.
    fn campaign_of_the_active(&self, seen: &[&str], more: &str) {
        let rows = seen.iter().enumerate();
        let rows = rows.fold("open_id,seen\n".to_owned(), |csv, (n, seen)| {
            csv + &format!("user-{n},{seen}\n")
        });
        self.write("audience.csv", &rows);
        let text = format!(
            "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: 7218\naudience:\n  source:\n    csv: {{path: \
             audience.csv, open_id: open_id, last_active: seen}}\n{more}"
        );
        self.write("summer.yaml", &text);
    }
}

/// Read as Unix time, a spreadsheet's day number is in 1970 and a date without separators in the year 2610. Either would
/// give a wrong result for every user.
#[test]
fn an_impossible_last_activity_stops_the_run_and_is_shown_as_written() {
    let folder = Folder::new();
    let seen = [
        "46172",
        "46172.5",
        "20200101000000",
        "19990101000000",
        "2099-01-01 00:00:00",
        "2026-05-31",
    ];
    folder.campaign_of_the_active(&seen, "  active_within: 7d\nschedule: {start: 2026-06-01T10:00}\n");
    let mut told = String::new();
    for command in ["apply", "plan"] {
        let output = folder.run(&[command, "summer.yaml", "--sandbox"]);
        assert_eq!(output.status.code(), Some(4), "{command}");
        let streams = [output.stdout, output.stderr].map(|stream| String::from_utf8(stream).unwrap());
        let lines = streams.iter().flat_map(|text| text.lines());
        for line in lines.filter(|line| line.contains("last_active") || line.contains("46172")) {
            writeln!(told, "{command}: {line}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
    folder.never_began();
}

#[test]
fn dates_as_spreadsheets_write_them_are_read() {
    let folder = Folder::new();
    let seen = [
        "2026/5/31 9:05",
        "2026/05/31 09:05:30",
        "2026/5/31",
        "2026-5-31 9:05",
        "2026/5/2 9:05",
    ];
    folder.campaign_of_the_active(&seen, "  active_within: 7d\nschedule: {start: 2026-06-01T10:00}\n");
    let summary = folder.rehearse("summer");
    assert_eq!((count(&summary, "audience"), count(&summary, "skipped")), (5, 1));
}

/// Without `active_within` an invalid time stops nothing, but is reported.
#[test]
fn a_value_that_is_no_time_is_reported_where_times_do_not_matter() {
    let folder = Folder::new();
    folder.campaign_of_the_active(&["46172", "soon", ""], "");
    let output = folder.run(&["apply", "summer.yaml", "--sandbox"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    let lines = told.lines().skip_while(|line| !line.contains("undated"));
    let lines: Vec<_> = lines.take_while(|line| !line.contains("ledger")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// A text that starts like a formula is a normal id: a user with a coupon in an export is excluded by it.
#[test]
fn an_export_excludes_everybody_in_it() {
    let folder = Folder::new();
    let users = ["-000AbCdEf11", "=cmd|'/c_calc'!A1", "+1", "@SUM(A1)", "a,\"b\""];
    let csv = |users: &[&str]| {
        users.iter().fold("open_id\n".to_owned(), |csv, user| {
            csv + &format!("\"{}\"\n", user.replace('"', "\"\""))
        })
    };
    folder.write("audience.csv", &csv(&users));
    folder.campaign("first", "");
    assert_eq!(count(&folder.rehearse("first"), "issued"), 5);
    assert_eq!(
        folder
            .run(&["export", "first.yaml", "--sandbox", "-o", "sent.csv"])
            .status
            .code(),
        Some(0)
    );
    folder.write("audience.csv", &csv(&[&users[..], &["new"]].concat()));
    folder.campaign("second", "  exclude:\n    - csv: {path: sent.csv, open_id: open_id}\n");
    let second = folder.rehearse("second");
    assert_eq!((count(&second, "excluded"), count(&second, "issued")), (5, 1));
}

/// Each row of a list that a spreadsheet damaged may be a user who opted out.
#[test]
fn a_list_with_what_is_no_id_stops() {
    let folder = Folder::new();
    folder.users("audience.csv", 0..5);
    folder.write("opted-out.csv", "open_id\n'u1\n7.21E+18\n");
    folder.campaign(
        "summer",
        "  exclude:\n    - csv: {path: opted-out.csv, open_id: open_id}\n",
    );
    let told = folder.refused(&["apply", "summer.yaml", "--sandbox"], 4);
    folder.never_began();
    insta::assert_snapshot!(told);
}

/// A clock that is days ahead, or a list of all users, would otherwise complete a campaign that sent nothing.
#[test]
fn an_audience_of_which_nobody_is_left_stops_plan_and_apply_alike() {
    let folder = Folder::new();
    let schedule = "schedule: {start: 2026-06-01T10:00}\n";
    folder.campaign_of_the_active(
        &["2026-05-31", "2026-05-30"],
        &format!("  active_within: 1h\n{schedule}"),
    );
    let mut told = folder.refused(&["apply", "summer.yaml", "--sandbox"], 4);
    folder.never_began();
    assert_eq!(folder.run(&["plan", "summer.yaml", "--sandbox"]).status.code(), Some(4));
    folder.users("nobody.csv", 0..2);
    let list = "  exclude:\n    - csv: {path: nobody.csv, open_id: open_id}\n";
    folder.campaign_of_the_active(&["2026-05-31", "2026-05-30"], list);
    told += &folder.refused(&["apply", "summer.yaml", "--sandbox"], 4);
    folder.never_began();
    insta::assert_snapshot!(told);

    // Every user has a coupon, so that they lapse later changes nothing.
    folder.campaign_of_the_active(&["2026-05-31", "2026-05-30"], schedule);
    assert_eq!(count(&folder.rehearse("summer"), "issued"), 2);
    folder.campaign_of_the_active(
        &["2026-05-31", "2026-05-30"],
        &format!("  active_within: 1h\n{schedule}"),
    );
    assert_eq!(count(&folder.rehearse("summer"), "issued"), 2);
    assert_eq!(folder.run(&["plan", "summer.yaml", "--sandbox"]).status.code(), Some(0));
}

/// A start that is past needs no wait, so it is not among the times that a rehearsal passes over.
#[test]
fn a_rehearsal_says_which_waits_it_leaves_out() {
    let folder = Folder::new();
    let said = |start: &str| {
        folder.campaign_of_the_active(&["2026-05-31"], &format!("schedule: {{start: {start}}}\n"));
        let output = folder.run(&["apply", "summer.yaml", "--sandbox"]);
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines()
            .find(|line| line.contains("does not wait"))
            .map(str::to_owned)
    };
    assert_eq!(
        said("2199-06-01T10:00").as_deref(),
        Some("a rehearsal does not wait; in a real run, the campaign sends nothing before 2199-06-01 10:00")
    );
    assert_eq!(said("2026-06-01T10:00"), None);
}

/// Every plan shows the effect of each list, so that a list in another form is noticed: it excludes no user, and stops a
/// real campaign.
#[test]
fn a_list_that_excludes_nobody_stops_and_every_plan_says_what_each_list_does() {
    let folder = Folder::new();
    folder.users("audience.csv", 0..5);
    folder.write("phones.csv", "open_id\n13800000001\n13800000002\n");
    folder.users("opted-out.csv", [1, 2, 99]);
    let lists = "  exclude:\n    - csv: {path: opted-out.csv, open_id: open_id}\n    - csv: {path: phones.csv, open_id: open_id}\n";
    folder.campaign("summer", lists);
    let plan = |args: &[&str], code| {
        let output = folder.run(&[&["plan", "summer.yaml"], args].concat());
        let out = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{out}");
        out
    };
    let of_lists = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.contains(".csv: ") || line.contains("exclude list") || line.contains("help"));
        lines.fold(String::new(), |told, line| told + line + "\n")
    };
    let told = of_lists(&plan(&[], 4)) + "\n" + &of_lists(&plan(&["--sandbox"], 0));
    let object = |text: &str| serde_json::from_str::<Value>(text.lines().last().unwrap()).unwrap();
    let excludes = serde_json::json!([
        {"list": "csv opted-out.csv", "people": 3, "excluded": 2},
        {"list": "csv phones.csv", "people": 2, "excluded": 0},
    ]);
    let refused = object(&plan(&["--output", "json"], 4));
    assert_eq!(
        (&refused["excludes"], &refused["changes"][0]["accept"]),
        (&excludes, &"idle_exclude".into())
    );

    // A rehearsal needs no approval, but shows the same message.
    let output = folder.run(&["apply", "summer.yaml", "--sandbox"]);
    assert_eq!(output.status.code(), Some(0));
    let streams = [output.stderr, output.stdout].map(|stream| String::from_utf8(stream).unwrap());
    let remarked = streams[0].lines().filter(|line| line.contains("exclude list"));
    let remarked: Vec<_> = remarked.map(|line| line.split_once("the exclude").unwrap().1).collect();
    insta::assert_snapshot!(format!("{told}\n{}\n{}", remarked.join("\n"), of_lists(&streams[1])));
    assert_eq!(folder.rehearse("summer")["excludes"], excludes);
}
