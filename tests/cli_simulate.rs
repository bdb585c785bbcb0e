//! `runner simulate` from the command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn run(dir: &Path, line: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command
        .current_dir(dir)
        .args(line.split_whitespace())
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A campaign of `users` users, with `more` at the end of its file.
fn campaign(users: u32, more: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = format!(
        "version: 1\ncampaign: summer\ntitle: 夏日立减券\napp_id: tt1\nactivity_id: 71\ntimezone: Asia/Shanghai\n\
         credentials: {{access_token: {{env: NO_SUCH_TOKEN}}}}\n\
         audience: {{source: {{csv: {{path: users.csv, open_id: open_id}}}}}}\n{more}\n"
    );
    fs::write(dir.path().join("summer.yaml"), file).unwrap();
    let mut rows = "open_id\n".to_owned();
    for user in 0..users {
        writeln!(rows, "u{user}").unwrap();
    }
    fs::write(dir.path().join("users.csv"), rows).unwrap();
    dir
}

/// A week of short windows, with a wave.
fn week() -> TempDir {
    campaign(
        1_500,
        "schedule: {start: 2026-06-01T09:00, hours: [mon-fri 10:00-12:00], waves: [{share: 5%, wait: 1h}]}\n\
         pace: {per_second: 1, per_day: 400}\nretry: {attempts: 20}",
    )
}

const WEEK: &str =
    "simulate summer.yaml --from 2026-06-01T08:30 --outage 2026-06-02T10:03+1h --latency 1s..2s --seed 4";

/// The objects on stdout of one type.
fn objects(said: &str, of: &str) -> Vec<Value> {
    let objects = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["type"] == of).collect()
}

/// Every file below `dir` with its content, except the lock, which names its last owner.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_none_or(|end| end != "lock") {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_week_is_lived_through_and_leaves_no_trace() {
    let dir = week();
    let before = files(dir.path());
    let (code, screen, err) = run(dir.path(), WEEK);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{screen}");
    insta::assert_snapshot!(screen);
    assert_eq!(files(dir.path()), before, "no ledger is made");
    assert_eq!(run(dir.path(), WEEK).1, screen, "one seed is one simulation");
    let other = WEEK.replace("--seed 4", "--seed 5");
    assert_ne!(run(dir.path(), &other).1, screen);
}

#[test]
fn json_output_has_each_hour_and_the_end() {
    let dir = week();
    let (code, said, err) = run(dir.path(), &format!("{WEEK} --output json -o page.html"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(said.replace(env!("CARGO_PKG_VERSION"), "[version]"));
    let sent: u64 = objects(&said, "hour")
        .iter()
        .map(|hour| hour["sent"].as_u64().unwrap())
        .sum();
    let [simulation] = objects(&said, "simulation").try_into().unwrap();
    assert_eq!(simulation["attempts"], sent);
    let page = fs::read_to_string(dir.path().join("page.html")).unwrap();
    assert!(page.contains("It would be complete on") && page.contains("<svg"));
    for outside in ["http://", "https://", "<script", "@import"] {
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains(outside), "{outside}");
    }
}

#[test]
fn a_guard_halts_and_a_person_has_to_look() {
    let dir = campaign(3_000, "");
    let (code, screen, _) = run(
        dir.path(),
        "simulate summer.yaml --from 2026-06-01T10:00 --inactive 30%",
    );
    assert_eq!(code, Some(4), "{screen}");
    insta::assert_snapshot!(screen);
    let (code, said, _) = run(dir.path(), "simulate summer.yaml --stock 50 --output json");
    let [simulation] = objects(&said, "simulation").try_into().unwrap();
    assert_eq!((code, &simulation["state"]), (Some(4), &Value::from("halted")));
    assert_eq!(simulation["counts"]["issued"], 50);
}

#[test]
fn an_early_end_and_a_long_outage_differ() {
    let dir = campaign(500, "schedule: {end: 2026-06-01T10:00:03}");
    let (code, screen, _) = run(dir.path(), "simulate summer.yaml --from 2026-06-01T10:00");
    assert_eq!(code, Some(4), "{screen}");
    assert!(
        screen.contains("It would not be done in time: on Mon 2026-06-01 10:00"),
        "{screen}"
    );
    let dir = campaign(500, "retry: {give_up: 1h}");
    let line = "simulate summer.yaml --from 2026-06-01T10:00 --outage 10:00+3h";
    let (code, screen, _) = run(dir.path(), line);
    assert_eq!(code, Some(3), "{screen}");
    assert!(screen.contains("The same command would continue."), "{screen}");
}

#[test]
fn what_an_apply_would_refuse_is_said_as_a_plan_says_it() {
    let dir = campaign(0, "");
    let (code, plan, _) = run(dir.path(), "plan summer.yaml");
    assert_eq!(code, Some(4));
    let (code, screen, _) = run(dir.path(), "simulate summer.yaml");
    assert_eq!(code, Some(4));
    let reasons = &screen[screen.find("not feasible").unwrap()..];
    assert!(plan.contains(reasons), "{screen}\n{plan}");
    insta::assert_snapshot!(screen);
    let (code, said, _) = run(dir.path(), "simulate summer.yaml --output json");
    let [simulation] = objects(&said, "simulation").try_into().unwrap();
    assert_eq!(
        (code, simulation["reasons"].as_array().unwrap().len()),
        (Some(4), 1),
        "{said}"
    );
}

/// A rehearsal leaves an incomplete ledger. A simulation continues from it without adding to it or changing a byte.
#[test]
fn a_ledger_is_gone_on_from_and_stays_as_it_is() {
    let dir = campaign(200, "");
    assert_eq!(run(dir.path(), "apply summer.yaml --sandbox --at-most 80").0, Some(3));
    let before = files(dir.path());
    let (code, said, _) = run(dir.path(), "simulate summer.yaml --sandbox --output json");
    assert_eq!(code, Some(0), "{said}");
    let [simulation] = objects(&said, "simulation").try_into().unwrap();
    assert_eq!(
        (&simulation["attempts"], &simulation["counts"]["audience"]),
        (&Value::from(120), &Value::from(200))
    );
    assert!(simulation["ledger"].as_str().unwrap().contains("sandbox"));
    assert!(files(dir.path()) == before, "every byte is as before");
    // The campaign itself has no ledger.
    let (_, said, _) = run(dir.path(), "simulate summer.yaml --output json");
    let [simulation] = objects(&said, "simulation").try_into().unwrap();
    assert_eq!(
        (&simulation["attempts"], &simulation["ledger"]),
        (&Value::from(200), &Value::Null)
    );
}

#[test]
fn no_connection_is_made_to_the_platform() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let dir = campaign(100, &format!("platform: {{base_url: 'http://{address}'}}"));
    let (code, screen, err) = run(dir.path(), "simulate summer.yaml");
    assert_eq!(code, Some(0), "{screen}{err}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn without_faults_it_agrees_with_the_plan() {
    let dir = campaign(2_000, "");
    let (_, plan, _) = run(dir.path(), "plan summer.yaml --output json");
    let (_, said, _) = run(dir.path(), "simulate summer.yaml --output json");
    let ends = |object: &Value| object["ends_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let foretold = ends(&objects(&plan, "plan")[0]);
    let lived = ends(&objects(&said, "simulation")[0]);
    // One command started after the other, and a busy machine makes the gap longer.
    let apart = lived.duration_since(foretold).as_secs();
    assert!((-2..30).contains(&apart), "{foretold} and {lived}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let dir = campaign(10, "");
    for (line, help) in [
        ("simulate absent.yaml", "absent.yaml"),
        ("simulate summer.yaml --outage 14:00", "14:00+2h"),
        ("simulate summer.yaml --from monday", "2026-06-01T10:00"),
        ("simulate summer.yaml --busy 60% --drop 60%", "120.0%"),
        ("simulate summer.yaml --access-token x", "--access-token"),
    ] {
        let (code, said, err) = run(dir.path(), line);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{line}");
        assert!(err.contains(help), "{line}: {err}");
    }
}
