//! The status of several campaigns, at two widths.

use anstream::adapter::strip_str;

use crate::catalogue::{Language, Text, app};
use crate::model::delivery::StateName;
use crate::model::event::{DrainReason, Ending, EventKind, Owner, Phase};
use crate::model::run_command::Requester;

use crate::report::render::json::RunObject;
use crate::report::testing::{RunScript, instant, sending, shanghai};
use crate::report::text::columns;

use super::*;

fn owner() -> Owner {
    Owner {
        host: "till-3".into(),
        pid: 4711,
        since: shanghai("11:58:02"),
        command: "runner apply summer.yaml".into(),
    }
}

fn status(script: &RunScript, broken: Option<&str>) -> Status {
    status_of(script, broken.map(Text::from).as_ref())
}

fn status_of(script: &RunScript, broken: Option<&Text>) -> Status {
    let text = script.view(|view| serde_json::to_string(&RunObject::status(view, &owner(), broken)).unwrap());
    assert!(!text.contains("null"), "{text}");
    Status::parse(&text).unwrap()
}

#[test]
fn why_a_run_failed_is_in_the_language_of_the_reader() {
    let mut unread = RunScript::new();
    unread.begin();
    let status = status_of(&unread, Some(&Text::new(&app::EndedEarly)));
    assert_eq!(status.why.as_deref(), Some("it ended early"));
    let reason = status.reason.unwrap();
    let shown = |language: Language| language.scope(|| reason.text(shanghai("12:00:00"), &TimeZone::UTC));
    assert_eq!(Language::ALL.map(shown), ["it ended early", "执行提前结束"]);
}

fn row(name: &str, status: Status) -> StatusRow {
    let (name, title) = name.split_once(' ').unwrap_or((name, ""));
    StatusRow {
        name: name.to_owned(),
        title: title.to_owned(),
        status,
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
    }
}

#[test]
fn campaigns_in_every_state() {
    let mut script = sending();
    let now = script.now;
    let alive = status(&script, None);
    let by = Requester {
        pid: 815,
        user: "安\x1b[2J".into(),
        host: "till-4".into(),
        name: Some("李娜\u{202e}".into()),
        command: String::new(),
    };
    script.shift(StateName::Pending, StateName::InFlight);
    script.phase(Phase::Paused { by: by.clone() });
    let paused = status(&script, None);
    let killed = paused.clone().interrupted();
    script.shift(StateName::InFlight, StateName::Issued);
    script.phase(Phase::Draining {
        why: DrainReason::Stopped { by },
    });
    let draining = status(&script, None);
    script.end(Ending::Incomplete);
    let stopped = status(&script, None);
    let mut unread = RunScript::new();
    unread.begin();
    let broken = status(&unread, Some("cannot open audience.csv"));
    let rows = || {
        [
            row("summer-2026 夏日立减券", alive.clone()),
            row("奶茶", paused.clone()),
            row("autumn 秋", killed.clone()),
            row("winter-with-a-long-name 冬天里的一杯热奶茶", draining.clone()),
            row("spring", stopped.clone()),
            row("broken", broken.clone()),
            row("new", Status::unknown("new", "tt1", "idle", "no ledger yet")),
        ]
    };
    let mut text = String::new();
    for language in Language::ALL {
        for width in [60, 80, 120] {
            let table = language.scope(|| table(&rows(), now, width));
            for line in strip_str(&table).to_string().lines() {
                assert!(columns(line) <= width, "{} columns: {line}", columns(line));
                let _ = writeln!(text, "{width:>3}| {line}");
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_left_behind_is_read_again_and_a_newer_schema_is_refused() {
    let alive = status(&sending(), None);
    insta::assert_snapshot!(serde_json::to_string_pretty(&alive).unwrap());
    insta::assert_snapshot!(serde_json::to_string_pretty(&alive.interrupted()).unwrap());
    let said = |text| Status::parse(text).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            said(r#"{"schema":"2.0","type":"status"}"#),
            said(r#"{"schema":"1.7","type":"sta"#),
            said("{}"),
        ]
        .join("\n")
    );
}

/// The duration of a run does not include the time that a person took to answer.
#[test]
fn the_time_at_the_question_is_not_the_runs() {
    let mut script = RunScript::new();
    script.begin().wait(60_000).emit(EventKind::Asked {
        waited: std::time::Duration::from_secs(58),
    });
    let now = script.now;
    assert_eq!(script.stats().took(instant(now)).as_secs(), 2);
    script.emit(EventKind::Asking);
    let why = status(&script, None).why;
    assert_eq!(why.as_deref(), Some("asking on its terminal whether to continue"));
}
