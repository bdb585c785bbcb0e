//! The text of a scrape: its contents and format, and that its size is limited.

#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::model::event::{Ending, Halted, Owner};
use crate::report::testing::{AttemptResult, BANNED, ISSUED, RunScript, TIMED_OUT, UNLISTED, instant, shanghai};

fn metrics(script: &RunScript) -> Metrics {
    let campaign = CampaignName::parse("summer-2026").unwrap();
    let metrics = Metrics::new(&campaign, None, 98.0).unwrap();
    script
        .events
        .iter()
        .for_each(|event| metrics.count(event, instant(event.at)));
    metrics
}

/// A run with every event that is measured.
fn eventful() -> RunScript {
    let mut script = RunScript::new();
    script
        .begin()
        .emit(EventKind::AudienceRead { rows: 5_000, of: None })
        .emit(EventKind::AudienceRead { rows: 9_000, of: None })
        .admit(40)
        .emit(EventKind::TokenFetched {
            until: shanghai("14:00:00"),
        })
        .emit(EventKind::Phase(Phase::Sending));
    for took in [0.000_12, 0.000_3, 0.4] {
        let took = Duration::from_secs_f64(took);
        script.emit(EventKind::Flushed { took, facts: 4 });
    }
    script
        .send(20, 11, ISSUED)
        .send(2, 11, BANNED)
        .send(1, 11, UNLISTED)
        .send(1, 11, TIMED_OUT)
        .emit(EventKind::PaceChanged {
            per_second: 49.0,
            until: Some(shanghai("12:10:00")),
        })
        .emit(EventKind::Phase(Phase::Waiting {
            why: Waiting::Platform {
                code: 28_003_017,
                message: "quota".into(),
            },
            until: None,
        }));
    script
}

fn text(script: &RunScript) -> String {
    super::text(&[Arc::new(metrics(script))], instant(script.now)).unwrap()
}

#[test]
fn a_scrape_in_the_middle_of_a_run() {
    insta::assert_snapshot!(text(&eventful()));
}

#[test]
fn before_anything_was_heard_and_after_the_end() {
    let at_first = text(&RunScript::new());
    assert!(
        at_first.contains("runner_phase{phase=\"planning\",campaign=\"summer-2026\"} 1\n"),
        "{at_first}"
    );
    assert!(
        !at_first.contains("runner_token_age_seconds"),
        "what is not known is absent"
    );
    let mut script = eventful();
    script
        .emit(EventKind::Halted(Halted::MaxCoupons { max: 24 }))
        .end(Ending::NeedsPerson);
    let at_last = text(&script);
    for line in [
        "runner_halted{campaign=\"summer-2026\"} 1",
        "runner_phase{phase=\"ended\",campaign=\"summer-2026\"} 1",
        "runner_waiting{reason=\"platform\",campaign=\"summer-2026\"} 0",
    ] {
        assert!(at_last.lines().any(|own| own == line), "{line} is not in\n{at_last}");
    }
}

/// An intent is durable, then the request is sent, then its outcome is durable.
#[test]
fn armed_and_in_flight_are_told_apart() {
    let mut script = RunScript::new();
    script.begin().admit(3);
    for _ in 0..3 {
        script.shift(StateName::Pending, StateName::InFlight);
    }
    script.start();
    let text = text(&script);
    assert!(
        text.contains("runner_attempts_armed{campaign=\"summer-2026\"} 2\n"),
        "{text}"
    );
    assert!(
        text.contains("runner_attempts_in_flight{campaign=\"summer-2026\"} 1\n"),
        "{text}"
    );
}

#[test]
fn a_platform_with_ever_new_codes_makes_no_series_without_end() {
    let mut script = RunScript::new();
    script.begin().admit(1_000);
    for code in 0..1_000 {
        let result = AttemptResult {
            code: Some(990_000_000 + code),
            ..UNLISTED
        };
        script.send(1, 11, result);
    }
    let text = text(&script);
    let of_codes: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("runner_attempts_total{"))
        .collect();
    assert_eq!(of_codes.len(), MOST_CODES + 1);
    let other = of_codes.iter().find(|line| line.contains("code=\"other\"")).unwrap();
    assert!(other.ends_with(&format!(" {}", 1_000 - MOST_CODES)), "{other}");
    assert!(text.contains("runner_attempt_duration_seconds_count{campaign=\"summer-2026\"} 1000\n"));
}

#[test]
fn every_reason_to_wait_has_its_word() {
    let owner = Owner {
        host: "h".into(),
        pid: 1,
        since: shanghai("12:00:00"),
        command: String::new(),
    };
    let since = shanghai("12:00:00");
    let message = String::new();
    let why = String::new();
    let all = [
        Waiting::Start,
        Waiting::Window,
        Waiting::Day { most: 1 },
        Waiting::Wave { done: 1, next: None },
        Waiting::Approval { done: 1 },
        Waiting::AppId { holder: owner.into() },
        Waiting::PreviousOwner,
        Waiting::Lease,
        Waiting::Lists {
            path: "vip.csv".to_owned(),
            host: "sh-7".to_owned(),
        },
        Waiting::Source {
            why: why.clone().into(),
        },
        Waiting::Due,
        Waiting::User,
        Waiting::Outage { since },
        Waiting::Platform { code: 1, message },
        Waiting::Token { since, why: why.into() },
    ];
    assert_eq!(all.each_ref().map(Waiting::word), Waiting::WORDS);
    for waiting in all {
        let json = serde_json::to_value(&waiting).unwrap();
        assert_eq!(json["for"], waiting.word(), "the word is the event's own");
    }
}

/// The rules of `promtool` for the text format and for names, for machines that do not have it.
#[test]
fn the_text_keeps_to_the_format() {
    let text = text(&eventful());
    let mut kinds = BTreeMap::new();
    let mut helped = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name.to_owned()) && !help.is_empty(), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(
                name.starts_with("runner_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{line}"
            );
            for unit in ["_ms", "_milliseconds", "_minutes", "_hours", "_percent"] {
                assert!(!name.contains(unit), "{name} is not in a base unit");
            }
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| name.strip_suffix(part).filter(|name| kinds.contains_key(*name)))
                .unwrap_or(name);
            assert!(
                helped.contains(family) && kinds.contains_key(family),
                "{line} comes before its HELP and TYPE"
            );
            assert!(series.contains("campaign=\"summer-2026\""), "{line}");
        }
    }
    assert!(kinds.len() >= 14, "{kinds:?}");
}

#[test]
fn promtool_has_nothing_to_say() {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        skip();
        return;
    };
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(text(&eventful()).as_bytes()).unwrap();
    drop(stdin);
    let said = promtool.wait_with_output().unwrap();
    let said = (String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr)).into_owned();
    assert_eq!(said, "");
}

#[test]
fn the_dashboard_asks_for_nothing_that_is_not_there() {
    let dashboard: Value = serde_json::from_str(include_str!("../../../../examples/grafana/runner.json")).unwrap();
    let text = text(&eventful());
    let there: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('{').next())
        .collect();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let words = target["expr"]
                .as_str()
                .unwrap()
                .split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
            asked.extend(words.filter(|word| word.starts_with("runner_")).map(str::to_owned));
        }
    }
    for name in &asked {
        assert!(
            there.contains(name.as_str()),
            "{name} is on the dashboard and not served"
        );
    }
    let families: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    for family in families {
        assert!(
            asked.iter().any(|name| name.starts_with(family)),
            "{family} is served and on no panel"
        );
    }
}

/// The series of each name must be adjacent, under one HELP and one TYPE, also with several campaigns.
#[test]
fn several_campaigns_are_one_valid_text() {
    let script = eventful();
    let among = |campaign: &str, app_id: &str| {
        let campaign = CampaignName::parse(campaign).unwrap();
        let app_id = AppId::parse(app_id).unwrap();
        let metrics = Metrics::new(&campaign, Some(&app_id), 98.0).unwrap();
        script
            .events
            .iter()
            .for_each(|event| metrics.count(event, instant(event.at)));
        Arc::new(metrics)
    };
    let all = [among("summer", "tt1"), among("autumn", "tt1"), among("summer", "tt2")];
    let text = super::text(&all, instant(script.now)).unwrap();
    let mut seen = BTreeSet::new();
    let mut last = "";
    for line in text.lines().filter(|line| !line.starts_with("# HELP")) {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            last = family.split(' ').next().unwrap();
            assert!(seen.insert(last), "{last} comes twice");
        } else {
            assert!(line.starts_with(last), "{line} stands under {last}");
            assert!(line.contains("campaign=") && line.contains("app_id="), "{line}");
        }
    }
    let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let distinct: BTreeSet<_> = series.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(distinct.len(), series.len(), "a series comes twice");
    let started = series
        .iter()
        .filter(|line| line.starts_with("runner_attempts_started_total{"));
    assert_eq!(started.count(), 3);
}

/// Under `.ci/run` promtool is required.
fn skip() {
    assert!(
        std::env::var_os("RUNNER_TEST_PROMTOOL").is_none_or(|said| said != "required"),
        "there is no promtool on this machine, and RUNNER_TEST_PROMTOOL=required"
    );
    println!("skipped: there is no promtool on this machine");
}

/// The rules of a page of documentation.
fn rules(page: &str) -> String {
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (rules, _) = rest.split_once("```").unwrap();
    let rules: Vec<_> = rules.lines().map(|line| format!("  {line}\n")).collect();
    format!("groups:\n- name: runner\n  rules:\n{}", rules.concat())
}

#[test]
fn both_languages_document_the_same_alerts() {
    let chinese = rules(include_str!("../../../../docs/zh-CN/metrics.md"));
    assert_eq!(rules(include_str!("../../../../docs/metrics.md")), chinese);
}

/// A run that halts is scraped a few times more, and then its address is gone. One that sends nothing for long is stalled; one
/// that waits is not.
const ALERTS: &str = r#"
rule_files: [alerts.yml]
evaluation_interval: 15s
tests:
- interval: 15s
  input_series:
  - series: 'runner_halted{campaign="summer"}'
    values: '0x3 1 1 stale'
  - series: 'runner_halted{campaign="autumn"}'
    values: '0x500'
  - series: 'runner_attempts_started_total{campaign="autumn"}'
    values: '7x500'
  - series: 'runner_phase{campaign="autumn",phase="sending"}'
    values: '1x500'
  - series: 'runner_attempts_started_total{campaign="winter"}'
    values: '7x500'
  - series: 'runner_phase{campaign="winter",phase="sending"}'
    values: '0x500'
  - series: 'runner_attempts_started_total{campaign="spring"}'
    values: '0+98x500'
  - series: 'runner_phase{campaign="spring",phase="sending"}'
    values: '1x500'
  alert_rule_test:
  - {alertname: CampaignHalted, eval_time: 45s}
  - {alertname: CampaignHalted, eval_time: 1m, exp_alerts: [{exp_labels: {campaign: summer}}]}
  - {alertname: CampaignHalted, eval_time: 50m, exp_alerts: [{exp_labels: {campaign: summer}}]}
  - {alertname: CampaignHalted, eval_time: 70m}
  - {alertname: CampaignStalled, eval_time: 4m}
  - {alertname: CampaignStalled, eval_time: 30m, exp_alerts: [{exp_labels: {campaign: autumn}}]}
"#;

#[test]
fn the_documented_alerts_fire() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("alerts.yml", &rules(include_str!("../../../../docs/metrics.md")));
    write("test.yml", ALERTS);
    let promtool = Command::new("promtool")
        .args(["test", "rules", "test.yml"])
        .current_dir(directory.path())
        .output();
    let Ok(said) = promtool else {
        skip();
        return;
    };
    let text = (String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr)).into_owned();
    assert!(said.status.success(), "{text}");
}
