//! What is displayed when, with the time as an argument.

use anstream::adapter::strip_str;
use jiff::Timestamp;

use crate::model::clock::from_ms;
use crate::model::delivery::StateName;
use crate::model::event::{Ending, Halted, Owner};
use crate::report::testing::{BANNED, ISSUED, RunScript, TIMED_OUT, instant, moment, shanghai, spoilt_reading};

use super::*;

/// What is written about a script without a terminal, with a tick every second.
fn items(script: &RunScript, until: Timestamp) -> Vec<DisplayItem> {
    let mut display = RunDisplay::new(script.campaign.clone());
    let mut stats = RunStats::default();
    let mut items = vec![];
    let mut clock = shanghai("12:00:00").as_millisecond();
    let mut events = script.events.iter().peekable();
    while clock <= until.as_millisecond() {
        while let Some(event) = events.next_if(|event| event.at.as_millisecond() <= clock) {
            stats.fold(event, instant(event.at));
            items.append(&mut display.event(&stats, event, instant(event.at)));
        }
        items.append(&mut display.tick(&stats, moment(from_ms(clock)), false));
        clock += 1_000;
    }
    items.append(&mut display.finish(&stats, moment(until), 7));
    items
}

fn lines(script: &RunScript, until: Timestamp) -> Vec<String> {
    let items = items(script, until);
    items.iter().filter_map(|item| line(item, None)).collect()
}

fn line(item: &DisplayItem, name: Option<&str>) -> Option<String> {
    item.line(name, true).map(|line| strip_str(&line).to_string())
}

#[test]
fn a_line_every_ten_seconds_and_at_each_change() {
    let mut script = RunScript::new();
    script.begin().wait(2_000).admit(3_000);
    let until = Some(shanghai("12:00:25"));
    script.phase(Phase::Waiting {
        why: Waiting::Start,
        until,
    });
    script.wait(23_000).phase(Phase::Sending);
    for _ in 0..300 {
        script.send(1, 50, ISSUED);
        // Short waits between retries get no lines.
        let until = Some(from_ms(script.now.as_millisecond() + 50));
        script
            .phase(Phase::Waiting {
                why: Waiting::Due,
                until,
            })
            .wait(50)
            .phase(Phase::Sending);
    }
    for (per_second, recovers) in [
        (49.0, Some("12:03:10")),
        (24.5, Some("12:04:10")),
        (60.0, Some("12:04:10")),
        (98.0, None),
    ] {
        let until = recovers.map(shanghai);
        script.emit(EventKind::PaceChanged { per_second, until });
    }
    script.emit(EventKind::Warning {
        message: "one\ntwo".into(),
    });
    script.emit(EventKind::Halted(Halted::MaxCoupons { max: 300 }));
    script.end(Ending::NeedsPerson);
    insta::assert_snapshot!(lines(&script, shanghai("12:01:30")).join("\n"));
}

/// The waits of a schedule, in a run that waits and in a rehearsal.
#[test]
fn windows_and_waves_come_and_go() {
    let mut script = RunScript::new();
    script.begin().wait(2_000).admit(3_000);
    let window = |open, until, skipped| EventKind::Window {
        open,
        until: Some(shanghai(until)),
        skipped,
    };
    let wave = |wave, ended, until: Option<&str>, skipped| EventKind::Wave {
        wave,
        ended,
        approval: false,
        until: until.map(shanghai),
        skipped,
    };
    let until = Some(shanghai("12:00:22"));
    script.emit(window(false, "12:00:22", None)).phase(Phase::Waiting {
        why: Waiting::Window,
        until,
    });
    script.now = shanghai("12:00:22");
    script.emit(window(true, "21:00:00", None)).phase(Phase::Sending);
    script.emit(wave(Some(1), false, None, None)).send(1, 50, ISSUED);
    script.emit(wave(Some(1), true, Some("12:00:45"), None));
    let until = Some(shanghai("12:00:45"));
    script.phase(Phase::Waiting {
        why: Waiting::Wave { done: 1, next: None },
        until,
    });
    script.now = shanghai("12:00:45");
    script.emit(wave(None, false, None, None)).phase(Phase::Sending);
    let hours = |hours: u64| Some(Duration::from_millis(hours * 3_600_000 - 300));
    script.emit(wave(Some(2), true, Some("15:30:00"), hours(1)));
    script.emit(window(false, "20:30:00", hours(5)));
    let shown = lines(&script, shanghai("12:00:50"));
    let told = items(&script, shanghai("12:00:50"))
        .into_iter()
        .filter_map(|item| match item {
            DisplayItem::Record(object) if object.contains(r#""type":"w"#) => Some(object),
            _ => None,
        });
    insta::assert_snapshot!(shown.into_iter().chain(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_reading_is_told_with_its_rate_from_its_first_second() {
    let mut script = RunScript::new();
    let of = Some(20_000_000);
    script.begin().emit(EventKind::AudienceRead { rows: 0, of });
    for second in 1..=16 {
        script.wait(1_000).emit(EventKind::AudienceRead {
            rows: second * 800_000,
            of,
        });
    }
    script.wait(1_000).admit(3_000);
    insta::assert_snapshot!(lines(&script, shanghai("12:00:17")).join("\n"));
}

#[test]
fn a_clock_set_back_changes_nothing_of_when_it_is_said() {
    let mut script = RunScript::new();
    script.begin();
    let stats = script.stats();
    let mut display = RunDisplay::new(script.campaign.clone());
    let mut tick = |wall, real| {
        let now = Moment::awake(shanghai(wall), instant(shanghai(real)));
        display.tick(&stats, now, false)
    };
    assert_eq!(tick("12:00:00", "12:00:00").len(), 4);
    assert_eq!(tick("12:00:09", "12:00:09"), [DisplayItem::Redraw]);
    assert_eq!(tick("11:00:09", "12:00:09"), [DisplayItem::Redraw]);
    assert_eq!(tick("11:00:10", "12:00:10").len(), 4);
}

/// One of several campaigns has no line every ten seconds, but one at each change, under its name.
#[test]
fn among_several_a_line_comes_at_each_change_and_no_oftener() {
    let mut script = RunScript::new();
    script.begin().wait(2_000).admit(300);
    script.phase(Phase::Waiting {
        why: Waiting::Start,
        until: Some(shanghai("12:00:25")),
    });
    script.wait(23_000).phase(Phase::Sending).send(300, 50, ISSUED);
    script.emit(EventKind::Warning {
        message: "3 rows are repeated".into(),
    });
    script.end(Ending::Complete);
    let mut display = RunDisplay::new(script.campaign.clone());
    let mut stats = RunStats::default();
    let mut items = Vec::new();
    for event in &script.events {
        stats.fold(event, instant(event.at));
        items.append(&mut display.event(&stats, event, instant(event.at)));
        items.append(&mut display.tick(&stats, moment(event.at), true));
    }
    items.append(&mut display.finish(&stats, moment(script.now), 7));
    let lines: Vec<_> = items
        .iter()
        .filter_map(|item| line(item, Some("summer-2026")))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// The record of a script's events.
fn record(script: &RunScript) -> Vec<String> {
    let mut display = RunDisplay::new(script.campaign.clone());
    let mut stats = RunStats::default();
    let mut items = vec![];
    for event in &script.events {
        stats.fold(event, instant(event.at));
        items.append(&mut display.event(&stats, event, instant(event.at)));
    }
    items.append(&mut display.finish(&stats, moment(script.now), 0));
    let objects = items.into_iter().filter_map(|item| match item {
        DisplayItem::Record(object) => Some(object),
        _ => None,
    });
    objects.collect()
}

#[test]
fn a_record_of_everything() {
    let mut script = RunScript::new();
    let mut counts = Counts::default();
    counts.add(StateName::Pending, 4);
    script.begin().wait(120).admit_reading(counts, spoilt_reading(4));
    let owner = Owner {
        host: "till-3".into(),
        pid: 4711,
        since: shanghai("11:58:02"),
        command: "runner apply autumn.yaml".into(),
    };
    script.phase(Phase::Waiting {
        why: Waiting::AppId { holder: owner.into() },
        until: None,
    });
    script.wait(4_000).emit(EventKind::TokenFetched {
        until: shanghai("14:00:04"),
    });
    script
        .phase(Phase::Sending)
        .send(1, 500, ISSUED)
        .send(1, 500, BANNED)
        .send(1, 500, TIMED_OUT);
    for until in [Some(shanghai("12:03:10")), None] {
        script.emit(EventKind::PaceChanged {
            per_second: if until.is_some() { 49.0 } else { 98.0 },
            until,
        });
    }
    script.emit(EventKind::Warning {
        message: "coupon_status 20".into(),
    });
    script.emit(EventKind::Halted(Halted::Credentials { why: "10003".into() }));
    script.end(Ending::NeedsPerson);
    let objects = record(&script);
    for object in &objects {
        let value: serde_json::Value = serde_json::from_str(object).expect("JSON");
        assert!(!object.contains("null") && value["type"].is_string(), "{object}");
    }
    insta::assert_snapshot!(objects.join("\n"));
}
