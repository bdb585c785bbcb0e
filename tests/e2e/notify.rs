//! Messages about runs, with the fake bots of the sandbox: what they receive, what a failing bot does to a run, and what a
//! kill leaves to be sent.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::scene::{FakePlatform, RUNNER, Ran, Scene, files};

const BOT_SECRET: &str = "sandbox-secret";
const CHANNELS: &str = "\
notify:
  - feishu: {url: {env: FEISHU}, secret: {env: BOT_SECRET}}
  - dingtalk: {url: {env: DING}, secret: {env: BOT_SECRET}, keyword: 发券}
    language: en
  - wecom: {url: {env: WECOM}}
  - webhook: {url: {env: HOOK}, secret: {env: BOT_SECRET}}
";

/// The URLs of the bots with these tokens.
fn with_bots(command: &mut Command, url: &str, tokens: [&str; 4]) {
    let [feishu, dingtalk, wecom, webhook] = tokens;
    command
        .env("BOT_SECRET", BOT_SECRET)
        .env("FEISHU", format!("{url}/open-apis/bot/v2/hook/{feishu}"))
        .env("DING", format!("{url}/robot/send?access_token={dingtalk}"))
        .env("WECOM", format!("{url}/cgi-bin/webhook/send?key={wecom}"))
        .env("HOOK", format!("{url}/webhook/{webhook}"));
}

fn run(scene: &Scene, flags: &[&str], tokens: [&str; 4]) -> Ran {
    let mut command = scene.apply(flags);
    with_bots(&mut command, &scene.url, tokens);
    Ran::new(command.output().unwrap())
}

fn text(message: &Value) -> String {
    message["body"].to_string()
}

#[test]
fn a_run_sends_its_end_to_every_kind_of_channel() {
    let fake_platform = FakePlatform::start(&["--refuse", "10%"]);
    let scene = Scene::new(&fake_platform.url, 30).with(CHANNELS);
    run(&scene, &[], ["signed", "signed", "ok", "signed"]).ends(0);
    let messages = [fake_platform.messages("signed"), fake_platform.messages("ok")].concat();
    let kinds: Vec<_> = messages
        .iter()
        .map(|message| message["bot"].as_str().unwrap())
        .collect();
    for kind in ["feishu", "dingtalk", "wecom", "webhook"] {
        assert_eq!(kinds.iter().filter(|found| **found == kind).count(), 1, "{kinds:?}");
    }
    for message in &messages {
        assert_eq!(message["shown"], true, "{message}");
        let wanted = match message["bot"].as_str().unwrap() {
            "dingtalk" => vec!["summer: complete", "30 coupons", "发券", "runner status summer.yaml"],
            "webhook" => vec!["\"state\":\"complete\"", "\"audience\":30"],
            _ => vec!["summer：已完成", "30 张券", "runner status summer.yaml"],
        };
        for part in wanted {
            assert!(text(message).contains(part), "{part} is not in {message}");
        }
        for hidden in ["user-0", scene.dir.path().to_str().unwrap()] {
            assert!(!text(message).contains(hidden), "{hidden} is in {message}");
        }
    }
    assert!(
        files(scene.dir.path())
            .keys()
            .all(|path| !path.to_string_lossy().contains("notices"))
    );
}

#[test]
fn only_a_rehearsal_that_asks_for_it_sends_messages() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 5).with(CHANNELS);
    let tokens = ["signed", "signed", "ok", "signed"];
    let sandbox = format!("--sandbox={}", fake_platform.url);
    run(&scene, &[&sandbox], tokens).ends(0);
    run(&scene, &["--dry-run"], tokens).ends(0);
    scene.without_secrets("apply", &["--sandbox"]).ends(0);
    assert_eq!(fake_platform.messages("ok"), Vec::<Value>::new());
    run(&scene, &[&sandbox, "--notify", "--fresh"], tokens).ends(0);
    let messages = fake_platform.messages("ok");
    assert_eq!(messages.len(), 1);
    assert!(text(&messages[0]).contains("summer（演练）：已完成"), "{messages:?}");
}

/// A bot that answers nonsense or nothing costs a warning, and the ten seconds that the end waits at most.
#[test]
fn bots_that_fail_neither_stop_a_run_nor_change_its_exit() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 30).with(CHANNELS);
    let ran = run(&scene, &[], ["garbage", "code-310000", "never", "status-503"]).ends(0);
    assert!(ran.out.contains("nothing is left to do"), "{ran:?}");
    for channel in [
        "feishu env:FEISHU",
        "dingtalk env:DING",
        "wecom env:WECOM",
        "webhook env:HOOK",
    ] {
        let kept = format!("the last message to {channel} was not sent; the next apply of the campaign sends it");
        assert_eq!(ran.err.matches(&kept).count(), 1, "{}", ran.err);
    }
    // Each bot receives what was kept, and the end of this run.
    run(&scene, &[], ["signed", "signed", "ok", "signed"]).ends(0);
    assert_eq!(fake_platform.messages("ok").len(), 2);
    assert_eq!(fake_platform.messages("signed").len(), 6);
    run(&scene, &[], ["signed", "signed", "ok", "signed"]).ends(0);
    assert_eq!(fake_platform.messages("ok").len(), 3);
}

/// A halt that a kill kept from being sent goes out at the next start, once.
#[test]
fn a_halt_survives_a_kill_and_is_sent_once() {
    let fake_platform = FakePlatform::start(&["--refuse", "100%"]);
    let scene = Scene::new(&fake_platform.url, 30)
        .with("codes: {28001045: halt}\nnotify:\n  - wecom: {url: {env: WECOM}}\n    on: [halted]\n");
    let mut command = scene.apply(&[]);
    with_bots(&mut command, &scene.url, ["", "", "never", ""]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while fake_platform.messages("never").is_empty() {
        assert!(
            process.try_wait().unwrap().is_none(),
            "it ended before it sent a message"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let fake_platform = fake_platform.replaced(&["--refuse", "0%"]);
    for _ in 0..2 {
        run(&scene, &[], ["", "", "ok", ""]).ends(0);
        let messages = fake_platform.messages("ok");
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(text(&messages[0]).contains("summer：已中止"), "{messages:?}");
    }
}

#[test]
fn no_url_and_no_secret_of_a_channel_is_in_any_artefact() {
    let fake_platform = FakePlatform::start(&["--refuse", "10%"]);
    let scene = Scene::new(&fake_platform.url, 30).with(CHANNELS);
    let log = scene.dir.path().join("log.txt");
    let events = scene.dir.path().join("events.jsonl");
    let mut command = scene.apply(&["--log-format", "json", "-vvv"]);
    command.arg("--events").arg(&events).arg("--log-file").arg(&log);
    // None of these bots exists, so each answers with an error.
    with_bots(
        &mut command,
        &scene.url,
        ["canary-a", "canary-b", "canary-c", "canary-d"],
    );
    command.env("RUNNER_LOG", "trace").env("BOT_SECRET", "canary-secret");
    let ran = Ran::new(command.output().unwrap()).ends(0);
    let mut test = Command::new(RUNNER);
    test.args(["notify", "--log-file"])
        .arg(scene.dir.path().join("log2.txt"))
        .arg(scene.file());
    with_bots(&mut test, &scene.url, ["canary-a", "canary-b", "canary-c", "canary-d"]);
    test.env("RUNNER_LOG", "trace").env("BOT_SECRET", "canary-secret");
    let tested = Ran::new(test.output().unwrap()).ends(4);
    assert!(fs::metadata(&log).unwrap().len() > 10_000, "the log is loud");
    let mut all = files(scene.dir.path());
    for (name, text) in [
        ("out", ran.out),
        ("err", ran.err),
        ("out 2", tested.out),
        ("err 2", tested.err),
    ] {
        all.insert(name.into(), text.into_bytes());
    }
    let refused = String::from_utf8_lossy(&all[std::path::Path::new("out 2")])
        .matches("refused")
        .count();
    assert_eq!(refused, 4);
    for (path, bytes) in all {
        for canary in [
            "canary-a",
            "canary-b",
            "canary-c",
            "canary-d",
            "canary-secret",
            "/bot/v2/hook",
        ] {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} is in {}", path.display());
        }
    }
}

/// Every code that the documents of the bots name, with what a person reads.
#[test]
fn a_test_message_shows_each_verdict_with_its_remedy() {
    let fake_platform = FakePlatform::start(&[]);
    let url = &fake_platform.url;
    let kinds = [
        (
            "feishu",
            "open-apis/bot/v2/hook/",
            vec!["ok", "code-19021", "code-19022", "code-19024", "code-11232", "code-77"],
        ),
        (
            "dingtalk",
            "robot/send?access_token=",
            vec!["keyword-x", "code-130101", "code-400102", "code-40035", "code--1"],
        ),
        (
            "wecom",
            "cgi-bin/webhook/send?key=",
            vec!["first-40058", "code-45009", "code-93000", "garbage", "cut"],
        ),
        (
            "webhook",
            "webhook/",
            vec!["ok", "status-410", "status-503", "status-302"],
        ),
    ];
    let mut channels = "notify:\n".to_owned();
    let dir = tempfile::tempdir().unwrap();
    let mut at = 0;
    for (kind, path, tokens) in kinds {
        for token in tokens {
            fs::write(dir.path().join(format!("{at}")), format!("{url}/{path}{token}")).unwrap();
            writeln!(
                channels,
                "  - {kind}: {{url: {{file: {}}}}}",
                format_args!("hooks/{at}")
            )
            .unwrap();
            at += 1;
        }
    }
    let scene = Scene::new(url, 1).with(&channels);
    fs::create_dir(scene.dir.path().join("hooks")).unwrap();
    for n in 0..at {
        fs::copy(
            dir.path().join(format!("{n}")),
            scene.dir.path().join(format!("hooks/{n}")),
        )
        .unwrap();
    }
    let show = |columns: &str, flags: &[&str]| {
        let mut command = Command::new(RUNNER);
        command
            .current_dir(scene.dir.path())
            .args(["notify", "summer.yaml"])
            .args(flags);
        command
            .env("COLUMNS", columns)
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG");
        Ran::new(command.output().unwrap()).ends(4).out
    };
    let mut shown = String::new();
    for (columns, flags) in [
        ("80", &["--lang", "en"][..]),
        ("60", &["--lang", "zh-CN"]),
        ("120", &["--output", "json"]),
    ] {
        writeln!(shown, "{}", show(columns, flags)).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_file_without_channels_or_secrets_is_an_input_error() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 5);
    let ran = scene.without_secrets("notify", &[]).ends(2);
    assert!(ran.err.contains("E0229"), "{}", ran.err);
    let scene = Scene::new(&fake_platform.url, 5).with(CHANNELS);
    for ran in [scene.without_secrets("notify", &[]).ends(2), scene.run(&[]).ends(2)] {
        for missing in ["FEISHU", "BOT_SECRET", "DING", "WECOM", "HOOK"] {
            assert!(
                ran.err
                    .contains(&format!("the environment variable {missing} is not set")),
                "{}",
                ran.err
            );
        }
    }
    // A key in place of the URL.
    let mut command = scene.apply(&[]);
    with_bots(&mut command, &scene.url, ["ok", "ok", "ok", "ok"]);
    command
        .env("WECOM", "canary-key-12345")
        .env("HOOK", "http://example.com/canary");
    let ran = Ran::new(command.output().unwrap()).ends(2);
    assert_eq!(ran.err.matches("error[E0128]").count(), 2, "{}", ran.err);
    assert!(!ran.err.contains("canary"), "{}", ran.err);
    assert!(fake_platform.log().is_empty(), "nothing was sent");
    // Validation needs no secrets.
    scene.without_secrets("validate", &[]).ends(0);
    scene.without_secrets("plan", &[]).ends(0);
}
