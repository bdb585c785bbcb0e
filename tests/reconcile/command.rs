//! The command, from lost answers to the certificate, against a sandbox in this process.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::tz::TimeZone;
use runner::fake_platform::{Fault, FaultSettings, RecordSettings, RuleSettings, Running, Settings, start};
use runner::model::clock::Clock;

/// How the program ended: its exit code, and both streams.
pub struct Ended {
    code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Both streams, with placeholders for what differs between two runs.
    fn shown(&self, dir: &Path, sandbox: &Running) -> String {
        let text = format!("{}---\n{}", self.out, self.err);
        let text = text.replace(&dir.display().to_string(), "DIR");
        let text = text.replace(sandbox.base_url(), "http://SANDBOX");
        let is_date = |word: &str| word.len() == 10 && word.split('-').count() == 3;
        let line = |line: &str| {
            let words = line.split(' ').map(|word| {
                let bare = word.trim_matches(|c: char| !c.is_ascii_digit());
                if word.contains(".bills/") {
                    "BILL".to_owned()
                } else if is_date(bare) {
                    word.replace(bare, "DATE")
                } else {
                    word.to_owned()
                }
            });
            words.collect::<Vec<_>>().join(" ")
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }
}

pub fn run(dir: &Path, language: &str, arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(arguments)
        .current_dir(dir)
        .env("RUNNER_LANG", language)
        .env("XDG_STATE_HOME", dir)
        .env("USER", "li")
        .env("NO_COLOR", "1")
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .env_remove("RUNNER_STORE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_settled_from_the_command_line() {
    // About noon, so that no coupon is received near the midnight of the bills.
    let hour = TimeZone::UTC.to_datetime(Clock::system().now()).hour();
    let bill_offset: i8 = 12 - hour;
    let sign = if bill_offset < 0 { '+' } else { '-' };
    let zone = format!("Etc/GMT{sign}{}", bill_offset.abs());
    let sandbox = start(Settings {
        seed: 3,
        rules: RuleSettings {
            refuse: 0.0,
            ..RuleSettings::default()
        },
        faults: FaultSettings {
            latency: (std::time::Duration::ZERO, std::time::Duration::from_millis(5)),
            shares: vec![(Fault::LoseAnswer, 0.2), (Fault::Drop, 0.1)],
        },
        records: RecordSettings {
            used: 0.5,
            bill_offset,
            ..RecordSettings::default()
        },
    })
    .await
    .unwrap();
    let scene = tempfile::tempdir().unwrap();
    let dir = scene.path();
    let users = (0..40).fold(String::new(), |users, user| format!("{users}user-{user}\n"));
    fs::write(dir.join("audience.csv"), format!("open_id\n{users}")).unwrap();
    let file = "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: \"7001\"\ncoupon_meta_id: \"7218\"\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n\
                retry: {in_doubt: ask, timeout: 1s}\n";
    fs::write(dir.join("summer.yaml"), format!("{file}bill: {{timezone: {zone}}}\n")).unwrap();
    let at = format!("--sandbox={}", sandbox.base_url());
    let runner = |arguments: &[&str]| run(dir, "en", arguments);

    runner(&["apply", "summer.yaml", &at]).ends(4);
    let dry = runner(&["reconcile", "summer.yaml", &at, "--dry-run"]).ends(0);
    insta::assert_snapshot!("dry_run", dry.shown(dir, &sandbox));
    // Every issued coupon, so that the sample is no matter of chance.
    let first = runner(&["reconcile", "summer.yaml", &at, "--sample", "40"]).ends(4);
    insta::assert_snapshot!("first", first.shown(dir, &sandbox));
    let columns = "coupon_id=coupon_id,open_id=open_id,receive_time=receive_time,activity_id=activity_id";
    let named = runner(&["reconcile", "summer.yaml", &at, "--columns", columns, "--sample", "0"]).ends(4);
    insta::assert_snapshot!("columns_named", named.shown(dir, &sandbox));
    let chinese = ["reconcile", "summer.yaml", &at, "--columns", columns, "--sample", "40"];
    let chinese = run(dir, "zh", &chinese).ends(4);
    insta::assert_snapshot!("chinese", chinese.shown(dir, &sandbox));
    let accept = [
        "reconcile",
        "summer.yaml",
        &at,
        "--columns",
        columns,
        "--accept",
        "bill",
        "--sample",
        "0",
    ];
    let accepted = runner(&accept).ends(0);
    insta::assert_snapshot!("accepted", accepted.shown(dir, &sandbox));

    let verified = runner(&["verify", "summer.yaml", &at, "--certificate", "c.json"]).ends(0);
    assert!(verified.out.contains("settled by its records"), "{}", verified.out);
    let certificate: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("c.json")).unwrap()).unwrap();
    let reconciled = certificate.get("reconciled").unwrap();
    assert!(
        reconciled.get("found").and_then(serde_json::Value::as_u64).unwrap() > 0,
        "{reconciled}"
    );
    assert!(
        !reconciled.get("bills").unwrap().as_object().unwrap().is_empty(),
        "{reconciled}"
    );

    let exported = runner(&["export", "summer.yaml", &at, "--state", "issued"]).ends(0);
    let found: Vec<&str> = exported.out.lines().filter(|line| line.contains("found ")).collect();
    assert!(
        !found.is_empty() && found.iter().all(|line| line.contains(",7")),
        "{found:?}"
    );
    let user = found.first().and_then(|line| line.split(',').next()).unwrap();
    let traced = runner(&["trace", "summer.yaml", user, &at]).ends(0);
    assert!(traced.out.contains("issued: the platform's"), "{}", traced.out);
    let history = runner(&["history", "summer.yaml", &at]).ends(0);
    assert!(history.out.contains("compared the ledger"), "{}", history.out);

    // Nothing secret and no address of a bill is in what is kept or printed.
    assert!(!format!("{}{}", named.out, named.err).contains("sign="));
    let twice = sandbox.totals();
    assert_eq!(twice.ids_issued_twice, 0);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_inside_a_process_cannot_be_compared_afterwards() {
    let scene = tempfile::tempdir().unwrap();
    let dir = scene.path();
    fs::write(dir.join("audience.csv"), "open_id\nuser-1\n").unwrap();
    let file = "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: \"7001\"\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n";
    fs::write(dir.join("summer.yaml"), file).unwrap();
    run(dir, "en", &["apply", "summer.yaml", "--sandbox"]);
    let refused = run(dir, "en", &["reconcile", "summer.yaml", "--sandbox"]).ends(2);
    insta::assert_snapshot!("inside", format!("{}{}", refused.out, refused.err));
}
