//! The coupon template before the first send, against a sandbox in this process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use runner::fake_platform::{RuleSettings, Running, Settings, TemplateSettings, start};

use crate::command::run;

async fn sandbox(template: TemplateSettings) -> Running {
    let rules = RuleSettings {
        refuse: 0.0,
        template,
        ..RuleSettings::default()
    };
    let settings = Settings {
        rules,
        ..Settings::default()
    };
    start(settings).await.unwrap()
}

/// A campaign that declares its activity.
fn scene(dir: &Path) {
    fs::write(dir.join("audience.csv"), "open_id\nuser-1\nuser-2\n").unwrap();
    let file = "version: 1\ncampaign: summer\napp_id: tt1\ncoupon_meta_id: \"7218\"\nactivity: {stock: 100}\n\
                audience: {source: {csv: {path: audience.csv, open_id: open_id}}}\n";
    fs::write(dir.join("summer.yaml"), file).unwrap();
}

fn shown(text: &str, dir: &Path, sandbox: &Running) -> String {
    let text = text.replace(&dir.display().to_string(), "DIR");
    let text = text.replace(sandbox.base_url(), "http://SANDBOX");
    let changing = [
        "fingerprint",
        "apply summer.yaml",
        "reading the audience",
        "正在读取人群",
        "指纹",
    ];
    let is_changing = |line: &str| changing.iter().any(|word| line.contains(word));
    // Times, log_ids and the fingerprint differ between two runs.
    let line = |line: &str| {
        let words = line.split(' ').map(|word| {
            let digits = word.chars().filter(char::is_ascii_digit).count();
            if digits > 3 && word != "7218" {
                "…".to_owned()
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let lines = text.lines().filter(|line| !is_changing(line)).map(line);
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_does_not_fit_prevents_the_first_send() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let sandbox = sandbox(TemplateSettings {
        stock: Some(99),
        begins: Duration::from_hours(24),
        ..TemplateSettings::default()
    })
    .await;
    let at = format!("--sandbox={}", sandbox.base_url());
    let planned = run(
        dir,
        "en",
        &["plan", "summer.yaml", &at, "--online", "--detailed-exitcode"],
    )
    .ends(4);
    insta::assert_snapshot!("plan_unfit", shown(&planned.out, dir, &sandbox));
    let refused = run(dir, "en", &["apply", "summer.yaml", &at]).ends(4);
    assert!(refused.err.contains("E0734"), "{}", refused.err);
    insta::assert_snapshot!("apply_unfit", shown(&refused.err, dir, &sandbox));
    let refused = run(dir, "zh", &["apply", "summer.yaml", &at]).ends(4);
    insta::assert_snapshot!("apply_unfit_zh", shown(&refused.err, dir, &sandbox));
    assert_eq!(sandbox.totals().issued, 0);
    assert!(sandbox.look(|platform| platform.activities().is_empty()));
    // Nothing was begun, so there is no ledger.
    let status = run(dir, "en", &["status", "summer.yaml", &at]).ends(0);
    assert!(status.out.contains("no ledger yet"), "{}", status.out);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_fits_is_shown_only_if_the_plan_may_ask() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let sandbox = sandbox(TemplateSettings {
        stock: Some(100),
        ends: Some(Duration::from_hours(24)),
        ..TemplateSettings::default()
    })
    .await;
    let at = format!("--sandbox={}", sandbox.base_url());
    let offline = run(dir, "en", &["plan", "summer.yaml", &at]).ends(0);
    assert!(!offline.out.contains("template"), "{}", offline.out);
    let online = run(dir, "en", &["plan", "summer.yaml", &at, "--online"]).ends(0);
    insta::assert_snapshot!("plan_fits", shown(&online.out, dir, &sandbox));
    let object = run(dir, "en", &["plan", "summer.yaml", &at, "--online", "--output", "json"]).ends(0);
    assert!(
        object
            .out
            .contains(r#""template":{"coupon_meta_id":"7218","known":true"#),
        "{}",
        object.out
    );
    run(dir, "en", &["apply", "summer.yaml", &at]).ends(0);
    assert_eq!(sandbox.totals().issued, 2);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_template_is_named() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let sandbox = sandbox(TemplateSettings {
        is_missing: true,
        ..TemplateSettings::default()
    })
    .await;
    let at = format!("--sandbox={}", sandbox.base_url());
    let planned = run(dir, "zh", &["plan", "summer.yaml", &at, "--online"]).ends(4);
    insta::assert_snapshot!("plan_unknown_zh", shown(&planned.out, dir, &sandbox));
    run(dir, "en", &["apply", "summer.yaml", &at]).ends(4);
    sandbox.stop().await;
}

#[test]
fn a_template_that_cannot_be_asked_for_is_a_line_of_the_plan() {
    let scene_dir = tempfile::tempdir().unwrap();
    let dir = scene_dir.path();
    scene(dir);
    let planned = run(dir, "en", &["plan", "summer.yaml", "--online"]).ends(4);
    assert!(planned.out.contains("the template was not checked:"), "{}", planned.out);
}
