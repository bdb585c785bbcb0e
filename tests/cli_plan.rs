//! `runner init` and `runner plan` from the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn runner(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command
        .current_dir(dir)
        .args(args)
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
        .stdin(Stdio::null());
    command
}

fn run(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = runner(dir, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A snapshot of the parts that do not change with the run or the version.
macro_rules! snapshot {
    ($text:expr) => {
        let filters = vec![
            (r"(?m)^  sending .*$", "  sending   [times]"),
            (r"[0-9a-f]{10}-[0-9a-f]{10}-(first|[0-9a-f]{10})", "[fingerprint]"),
            (r"runner/[0-9.]+", "runner/[version]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d  feasible", "[time]            feasible"),
        ];
        insta::with_settings!({filters => filters}, {
            insta::assert_snapshot!($text);
        });
    };
}

#[test]
fn a_first_campaign_is_written_planned_and_rehearsed_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (code, said, err) = run(dir.path(), &["init", "shop/spring"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    snapshot!(said);
    let command = said.lines().last().unwrap().trim().strip_prefix("runner ").unwrap();
    let rehearse: Vec<_> = command.split(' ').collect();

    assert_eq!(run(dir.path(), &["validate", "shop/spring"]).0, Some(0));
    let (code, plan, err) = run(
        dir.path(),
        &["apply", "shop/spring/first.yaml", "--dry-run", "--show", "2"],
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
    snapshot!(plan);

    let (code, summary, err) = run(dir.path(), &rehearse);
    assert_eq!(code, Some(0), "{err}");
    assert!(summary.contains("complete\n\n  8 coupons = 8 issued\n"), "{summary}");
    let (code, plan, _) = run(
        dir.path(),
        &["plan", "shop/spring/first.yaml", "--sandbox", "--detailed-exitcode"],
    );
    assert_eq!(code, Some(0), "{plan}");
    assert!(
        plan.contains("nothing to send") && plan.contains("40 CNY given by 8 coupons"),
        "{plan}"
    );
}

#[test]
fn init_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["first.yaml", "first.csv"] {
        fs::write(dir.path().join(name), "mine").unwrap();
        let (code, said, err) = run(dir.path(), &["init"]);
        assert_eq!((code, said.as_str()), (Some(2), ""));
        assert!(
            err.contains(&format!("{name} exists already; nothing was written")),
            "{err}"
        );
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "mine");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    assert_eq!(run(dir.path(), &["init"]).0, Some(0));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let (code, _, err) = run(dir.path(), &["init", "file/within"]);
    assert_eq!(code, Some(1));
    assert!(
        err.starts_with("error[E0212]: cannot create the directory file/within\ncaused by: "),
        "{err}"
    );
}

/// Two campaigns that can be planned, and one whose audience is missing.
fn campaigns() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, audience) in [("a", "list.csv"), ("b", "absent.csv"), ("c", "list.csv")] {
        let text = format!(
            "version: 1\ncampaign: {name}\ntitle: 活动\napp_id: tt1\nactivity_id: 71\n\
             credentials: {{access_token: {{env: NO_SUCH_TOKEN}}}}\n\
             audience: {{source: {{csv: {{path: {audience}, open_id: open_id}}}}}}\n"
        );
        fs::write(dir.path().join(format!("{name}.yaml")), text).unwrap();
    }
    fs::write(dir.path().join("list.csv"), "open_id\nu1\nu2\nu1\n").unwrap();
    dir
}

#[test]
fn of_several_campaigns_each_has_its_plan_and_one_that_fails_stops_no_other() {
    let dir = campaigns();
    let (code, said, err) = run(dir.path(), &["plan", "."]);
    assert_eq!(code, Some(2));
    snapshot!(said);
    snapshot!(err);
    let (code, ..) = run(dir.path(), &["plan", "a.yaml", "c.yaml", "--detailed-exitcode"]);
    assert_eq!(code, Some(3));
    let (code, said, _) = run(dir.path(), &["plan", ".", "--output", "json"]);
    let types: Vec<_> = said
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].clone())
        .collect();
    assert_eq!(
        (code, types),
        (
            Some(2),
            ["version", "plan", "diagnostic", "plan", "total"]
                .map(Into::into)
                .to_vec()
        )
    );
    let (code, said, _) = run(dir.path(), &["apply", "a.yaml", "c.yaml", "--dry-run", "--show", "1"]);
    assert_eq!((code, said.matches("the first of 2 requests").count()), (Some(0), 2));
}

/// The changes that a plan shows.
fn changes(dir: &Path, args: &[&str]) -> String {
    let (code, said, err) = run(dir, args);
    assert_eq!(code, Some(0), "{said}{err}");
    let changed = said.split("\n\n").find(|part| part.starts_with("changed since"));
    let changed = changed.unwrap_or_else(|| panic!("{said}"));
    let lines: Vec<_> = changed.lines().skip(1).collect();
    lines.join("\n") + "\n"
}

/// A ledger of a version that did not keep the settings has no file with them.
#[test]
fn a_plan_names_the_settings_that_changed_and_the_users_who_came_and_went() {
    let dir = campaigns();
    fs::write(dir.path().join("list.csv"), "open_id\nu1\nu2\nu3\nu4\n").unwrap();
    let (code, said, err) = run(dir.path(), &["apply", "a.yaml", "--sandbox"]);
    assert_eq!(code, Some(0), "{said}{err}");
    fs::write(dir.path().join("list.csv"), "open_id\nu3\nu5\nu6\nu7\nu8\n").unwrap();
    let file = dir.path().join("a.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "pace: {per_second: 50}\nmax_coupons: 1000\n").unwrap();
    let mut text = changes(dir.path(), &["plan", "a.yaml", "--sandbox"]);
    for users in ["0", "100"] {
        text.push('\n');
        text += &changes(dir.path(), &["plan", "a.yaml", "--sandbox", "--show-users", users]);
    }
    let (_, said, _) = run(dir.path(), &["plan", "a.yaml", "--sandbox", "--output", "json"]);
    let plan = said.lines().nth(1).unwrap();
    let plan: serde_json::Value = serde_json::from_str(plan).unwrap();
    let settings = dir.path().join(".runner/sandbox/tt1/a.settings.json");
    fs::remove_file(settings).unwrap();
    text.push('\n');
    text += &changes(dir.path(), &["plan", "a.yaml", "--sandbox"]);
    insta::assert_snapshot!(text);
    insta::assert_json_snapshot!(plan["changes"]);
}

#[test]
fn an_audience_that_is_not_admitted_is_reported_with_a_remedy() {
    let dir = campaigns();
    fs::write(dir.path().join("list.csv"), "open_id\nu 1\nu2\n").unwrap();
    let (code, said, _) = run(dir.path(), &["plan", "a.yaml"]);
    assert_eq!(code, Some(4));
    snapshot!(said);
}

#[test]
fn a_file_without_credentials_can_only_be_rehearsed() {
    let dir = campaigns();
    let file = dir.path().join("a.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let without: Vec<_> = text.lines().filter(|line| !line.starts_with("credentials")).collect();
    fs::write(&file, without.join("\n")).unwrap();
    let (code, said, _) = run(dir.path(), &["plan", "a.yaml"]);
    assert!(
        code == Some(4) && said.contains("not feasible\n  `credentials` is missing"),
        "{said}"
    );
    assert_eq!(run(dir.path(), &["plan", "a.yaml", "--sandbox"]).0, Some(0));
}

#[test]
fn a_dry_run_that_would_not_wait_says_so() {
    let dir = campaigns();
    let file = dir.path().join("a.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "schedule: {start: 9000-01-01T10:00}\n").unwrap();
    let (code, said, err) = run(
        dir.path(),
        &["apply", "a.yaml", "--dry-run", "--no-wait", "--show", "0"],
    );
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(err, "with --no-wait, an apply would end now: schedule.start is ahead\n");
}

/// The signal arrives when the audience is open, long before it is read.
#[test]
fn a_plan_can_be_broken_off_while_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let file = "{version: 1, campaign: a, app_id: tt1, activity_id: 71, \
                audience: {source: {stdin: {format: csv, open_id: open_id}}}}";
    fs::write(dir.path().join("a.yaml"), file).unwrap();
    let mut plan = runner(dir.path(), &["plan", "a.yaml"]);
    plan.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut plan = plan.spawn().unwrap();
    // More than a pipe holds: once it is written, the audience is being read, and its end never comes.
    let mut audience = plan.stdin.take().unwrap();
    let rows: Vec<_> = (0..100_000).map(|n| format!("user-{n}")).collect();
    write!(audience, "open_id\n{}\n", rows.join("\n")).unwrap();
    let pid = plan.id().to_string();
    Command::new("kill").args(["-s", "INT", &pid]).status().unwrap();
    let output = plan.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]));
    assert_eq!(err, "interrupted: nothing was sent and nothing was changed\n");
    assert!(!dir.path().join(".runner").exists());
    drop(audience);
}

#[test]
fn a_reader_that_left_is_no_panic() {
    let dir = campaigns();
    for args in [
        &["plan", "a.yaml"][..],
        &["plan", "a.yaml", "--output", "json"],
        &["init", "x"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = runner(dir.path(), args).stdout(writer).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

#[test]
fn a_policy_is_tested_before_anything_is_sent() {
    let dir = campaigns();
    let users = "version: 1\nusers:\n  - {name: li, password: {env: A}, roles: [author]}\n  \
                 - {name: wang, password: {env: A}, roles: [approver]}\n  - {name: zhao, password: {env: A}, roles: [approver]}\n\
                 groups: {finance: [wang, zhao]}\n";
    let policy = |rules: &str| {
        let text = format!("{users}policy:\n  default: {{approvals: 1}}\n  rules:\n{rules}");
        fs::write(dir.path().join("server.yaml"), text).unwrap();
    };
    let test = |more: &[&str]| {
        run(
            dir.path(),
            &[&["policy", "test", "--config", "server.yaml"], more].concat(),
        )
    };
    policy(
        "    - {name: large, when: {coupons_over: 1}, need: {approvals: 2, from: [finance]}}\n    \
         - {name: dear, when: {worth_over: 1000000 CNY, campaign: \"c*\"}, need: {from: [finance], waves: true}}\n",
    );
    let (code, said, err) = test(&["a.yaml"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("policy_of_one", said);
    let (code, said, _) = test(&["a.yaml", "c.yaml"]);
    assert_eq!(code, Some(4), "{said}");
    insta::assert_snapshot!("policy_of_two", said);
    let (_, said, _) = test(&["c.yaml", "--lang", "zh"]);
    insta::assert_snapshot!("policy_in_chinese", said);
    let (code, said, _) = test(&["a.yaml", "c.yaml", "--output", "json"]);
    assert_eq!(code, Some(4));
    insta::assert_snapshot!("policy_as_json", said);
    // A campaign that cannot be planned does not hide the others.
    let (code, said, err) = test(&["a.yaml", "b.yaml"]);
    assert_eq!(code, Some(2), "{said}{err}");
    policy("    - {name: all, when: {coupons_over: 0}, deny: true}\n");
    assert_eq!(test(&["a.yaml"]).0, Some(4));
    policy("    - {name: all, when: {coupon_over: 0}, deny: true}\n");
    let (code, _, err) = test(&["a.yaml"]);
    assert!(code == Some(2) && err.contains("did you mean `coupons_over`"), "{err}");
    fs::write(dir.path().join("server.yaml"), users).unwrap();
    let (code, _, err) = test(&["a.yaml"]);
    assert!(code == Some(2) && err.contains("server.yaml has no `policy`"), "{err}");
}
