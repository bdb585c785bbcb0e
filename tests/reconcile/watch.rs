//! `runner reconcile --watch`: a message when the platform and the ledger differ.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use runner::fake_platform::{RuleSettings, Settings, start};

use crate::command::run;

const TOKEN: &str = "clt.0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_the_ledger_cannot_explain_is_a_message() {
    let sandbox = start(Settings {
        rules: RuleSettings {
            refuse: 0.0,
            access_token: Some(TOKEN.to_owned()),
            ..RuleSettings::default()
        },
        ..Settings::default()
    })
    .await
    .unwrap();
    let scene = tempfile::tempdir().unwrap();
    let dir = scene.path();
    let url = sandbox.base_url();
    fs::write(dir.join("token"), TOKEN).unwrap();
    fs::write(dir.join("hook"), format!("{url}/webhook/ok")).unwrap();
    // Two campaigns give coupons of one activity, and neither ledger knows those of the other.
    for name in ["summer", "other"] {
        fs::write(dir.join(format!("{name}.csv")), format!("open_id\n{name}-1\n")).unwrap();
        let file = format!(
            "version: 1\ncampaign: {name}\napp_id: tt1\nactivity_id: \"7001\"\ncoupon_meta_id: \"7218\"\n\
             audience: {{source: {{csv: {{path: {name}.csv, open_id: open_id}}}}}}\n\
             credentials: {{access_token: {{file: token}}}}\nplatform: {{base_url: {url}}}\n\
             notify:\n  - webhook: {{url: {{file: hook}}}}\n    on: [differs]\n"
        );
        fs::write(dir.join(format!("{name}.yaml")), file).unwrap();
        run(dir, "en", &["apply", &format!("{name}.yaml"), "--yes"]).ends(0);
    }
    let mut watch = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["reconcile", "summer.yaml", "--watch"])
        .current_dir(dir)
        .env("XDG_STATE_HOME", dir)
        .env("RUNNER_LANG", "en")
        .env_remove("RUNNER_STATE_DIR")
        .env_remove("RUNNER_STORE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The watch waits for the next morning afterwards.
    while sandbox.messages().is_empty() && watch.try_wait().unwrap().is_none() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let left = watch.try_wait().unwrap();
    watch.kill().unwrap();
    watch.wait().unwrap();
    let messages = sandbox.messages();
    assert_eq!((left, messages.len()), (None, 1));
    let body = messages
        .first()
        .map(|message| message.body["notices"][0].clone())
        .unwrap();
    assert_eq!(body["topic"], "differs", "{body}");
    let why = body["why"].as_str().unwrap_or_default();
    assert!(why.contains("counts 2 coupons of activity 7001"), "{body}");
    assert!(
        body["command"]
            .as_str()
            .unwrap_or_default()
            .contains("runner reconcile"),
        "{body}"
    );
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_is_compared_once() {
    let sandbox = start(Settings::default()).await.unwrap();
    let scene = tempfile::tempdir().unwrap();
    let dir = scene.path();
    fs::write(dir.join("audience.csv"), "open_id\nuser-1\n").unwrap();
    let file = "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: \"7001\"\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n";
    fs::write(dir.join("summer.yaml"), file).unwrap();
    let at = format!("--sandbox={}", sandbox.base_url());
    run(dir, "en", &["apply", "summer.yaml", &at]).ends(0);
    let watched = run(dir, "en", &["reconcile", "summer.yaml", &at, "--watch"]).ends(0);
    assert!(watched.err.contains("a rehearsal is compared once"), "{}", watched.err);
    sandbox.stop().await;
}
