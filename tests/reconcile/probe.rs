//! `runner probe` against a sandbox in this process, with each kind of repeat.

use std::fs;
use std::path::Path;
use std::time::Duration;

use runner::fake_platform::{
    Fault, FaultSettings, RecordSettings, Repeat, RepeatedActivity, RuleSettings, Running, Settings, start,
};

use crate::command::{Ended, run};

async fn sandbox(rules: RuleSettings, faults: Vec<(Fault, f64)>) -> Running {
    let settings = Settings {
        seed: 5,
        rules: RuleSettings { refuse: 0.0, ..rules },
        faults: FaultSettings {
            latency: (Duration::ZERO, Duration::from_millis(2)),
            shares: faults,
        },
        records: RecordSettings::default(),
    };
    start(settings).await.unwrap()
}

fn scene(dir: &Path) {
    fs::write(dir.join("audience.csv"), "open_id\nuser-1\n").unwrap();
    let file = "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: \"7001\"\ncoupon_meta_id: \"7218\"\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n\
                retry: {timeout: 1s, first_delay: 10ms}\n";
    fs::write(dir.join("summer.yaml"), file).unwrap();
}

fn probe(dir: &Path, sandbox: &Running, language: &str, more: &[&str]) -> Ended {
    let at = format!("--sandbox={}", sandbox.base_url());
    let mut arguments = vec!["probe", "summer.yaml", "--open-id", "me", "--wait", "2s", &at];
    arguments.extend(more);
    run(dir, language, &arguments)
}

/// A text, with placeholders for what differs between two runs.
fn shown(text: &str, dir: &Path) -> String {
    let text = text.replace(&dir.display().to_string(), "DIR");
    let line = |line: &str| {
        let words = line.split(' ').map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            match bare.len() {
                20.. if bare.bytes().all(|byte| byte.is_ascii_alphanumeric()) => word.replace(bare, "LOG_ID"),
                _ if word.contains("probes.jsonl") => "JOURNAL".to_owned(),
                _ => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The lines of the report, without the time of the count.
fn report(ended: &Ended, dir: &Path) -> String {
    let shown = shown(&ended.out, dir);
    let lines = shown.lines().filter(|line| !line.trim_start().starts_with("count"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_costs_one_coupon_and_leaves_no_activity() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let sandbox = sandbox(RuleSettings::default(), Vec::new()).await;
    let first = probe(dir, &sandbox, "en", &[]).ends(0);
    insta::assert_snapshot!("replay", report(&first, dir));
    insta::assert_snapshot!("replay_steps", shown(&first.err, dir));
    let issued = || {
        (
            sandbox.totals().issued,
            sandbox.look(|platform| platform.activities().len()),
        )
    };
    assert_eq!(issued(), (1, 1));
    assert!(sandbox.look(|platform| platform.activities().iter().all(|made| made.is_deleted)));
    let again = probe(dir, &sandbox, "zh", &[]).ends(0);
    insta::assert_snapshot!(
        "replay_zh",
        shown(&again.out, dir)
            .lines()
            .filter(|line| !line.contains("领取数"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    assert_eq!(issued(), (1, 1), "a probe that is over is only shown");
    let object = probe(dir, &sandbox, "en", &["--output", "json"]).ends(0);
    let last = object.out.lines().last().unwrap();
    assert!(
        last.contains(r#""type":"probed""#) && last.contains(r#""repeat":"replays""#),
        "{last}"
    );
    probe(dir, &sandbox, "en", &["--again"]).ends(0);
    assert_eq!(issued(), (2, 2));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_repeat_is_told_apart() {
    for (name, repeat) in [("duplicate", Repeat::Duplicate), ("ignore", Repeat::Ignore)] {
        let scene_dir = tempfile::tempdir().unwrap();
        let dir = scene_dir.path();
        scene(dir);
        let rules = RuleSettings {
            repeat,
            repeated_activity: RepeatedActivity::Duplicate,
            ..RuleSettings::default()
        };
        let sandbox = sandbox(rules, Vec::new()).await;
        let ended = probe(dir, &sandbox, "en", &[]).ends(0);
        insta::assert_snapshot!(name, report(&ended, dir));
        sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_coupon_ends_the_probe_and_its_activity() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let rules = RuleSettings {
        inactive: 1.0,
        ..RuleSettings::default()
    };
    let sandbox = sandbox(rules, Vec::new()).await;
    let ended = probe(dir, &sandbox, "en", &[]).ends(4);
    insta::assert_snapshot!(
        "inactive",
        format!("{}---\n{}", report(&ended, dir), shown(&ended.err, dir))
    );
    assert!(sandbox.look(|platform| platform.activities().iter().all(|made| made.is_deleted)));
    sandbox.stop().await;
}

/// Whatever line a crash has cut the journal at: the same command goes on, with one coupon and one activity in all.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_was_killed_anywhere_costs_no_more() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let sandbox = sandbox(RuleSettings::default(), Vec::new()).await;
    probe(dir, &sandbox, "en", &[]).ends(0);
    let journal = find(dir, "probes.jsonl").unwrap();
    let whole = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    // After each request that was about to leave, its answer lost. The first line is that of the probe.
    let kills = (1..lines.len()).filter(|at| lines[*at].contains("asking"));
    for at in kills.step_by(3) {
        fs::write(&journal, lines[..=at].concat()).unwrap();
        let again = probe(dir, &sandbox, "en", &[]);
        // What was deleted before the kill is gone: its code is an answer like any other.
        again.ends(0);
        let made = sandbox.look(|platform| platform.activities().len());
        assert_eq!((sandbox.totals().issued, made), (1, 1), "killed after line {at}");
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_asked_for_again() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let sandbox = sandbox(
        RuleSettings::default(),
        vec![(Fault::LoseAnswer, 0.3), (Fault::Busy, 0.1)],
    )
    .await;
    let mut ended = probe(dir, &sandbox, "en", &[]);
    for _ in 0..9 {
        if ended.err.contains("E0736") {
            ended = probe(dir, &sandbox, "en", &[]);
        }
    }
    ended.ends(0);
    assert_eq!(sandbox.totals().issued, 1);
    sandbox.stop().await;
}

#[test]
fn a_probe_without_a_template_or_a_word_of_consent_does_not_begin() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let file = fs::read_to_string(dir.join("summer.yaml")).unwrap();
    let live = file.replace("retry:", "credentials: {access_token: {file: token}}\nretry:");
    fs::write(dir.join("token"), "clt.0123456789").unwrap();
    fs::write(dir.join("summer.yaml"), &live).unwrap();
    let ended = run(dir, "en", &["probe", "summer.yaml", "--open-id", "me"]);
    assert!(
        ended.err.contains("--yes") && ended.err.contains("stock of 1"),
        "{}",
        ended.err
    );
    assert!(find(dir, "probes.jsonl").is_none());
    fs::write(dir.join("summer.yaml"), live.replace("coupon_meta_id: \"7218\"\n", "")).unwrap();
    let ended = run(dir, "en", &["probe", "summer.yaml", "--open-id", "me"]).ends(2);
    assert!(ended.err.contains("E0512"), "{}", ended.err);
}

/// The file below `dir` whose name ends so. `None` if there is none.
fn find(dir: &Path, end: &str) -> Option<std::path::PathBuf> {
    let entries = fs::read_dir(dir).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let found = files.into_iter().find(|path| path.to_string_lossy().ends_with(end));
    found.or_else(|| dirs.iter().find_map(|dir| find(dir, end)))
}
