//! The progress of a run at two widths, for every kind of wait.

use std::fmt::Write as _;
use std::time::Duration;

use anstream::adapter::strip_str;
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Language;
use crate::model::approval::WaveWait;
use crate::model::calendar::{Calendar, Days, Hours};
use crate::model::event::{DrainReason, EventKind, Owner, Phase, Waiting, WaveLoad};
use crate::model::money::{Money, Price, PriceSource, Valuation};
use crate::model::run_command::Requester;
use crate::report::reason::reading_progress;
use crate::report::run_view::CampaignInfo;
use crate::report::testing::{ISSUED, RunScript, moment, sending, shanghai};

use super::*;

/// The bar at 60, 80 and 120 columns, and the plain line, in both languages.
fn seen(script: &RunScript) -> String {
    let mut text = String::new();
    for language in Language::ALL {
        language.scope(|| {
            script.view(|view| {
                for width in [60, 80, 120] {
                    for line in bar(view, width) {
                        let line = strip_str(&line).to_string();
                        assert!(columns(&line) < width, "{} columns: {line}", columns(&line));
                        let _ = writeln!(text, "{width:>3}| {line}");
                    }
                }
                text += &line(view, "");
                text.push('\n');
            });
        });
    }
    text
}

#[test]
fn while_the_audience_is_read() {
    let mut script = RunScript::new();
    script.begin();
    let mut text = seen(&script);
    // Opening the ledger took time, which does not count as reading the audience.
    script.wait(30_000).emit(EventKind::AudienceRead { rows: 0, of: None });
    text += &seen(script.wait(72_000));
    script.wait(500).emit(EventKind::AudienceRead {
        rows: 170_000,
        of: None,
    });
    text += &seen(&script);
    let mut script = RunScript::new();
    let of = Some(10_000_000);
    script.begin().emit(EventKind::AudienceRead { rows: 0, of });
    script.wait(1_000).emit(EventKind::AudienceRead { rows: 800_000, of });
    insta::assert_snapshot!(text + &seen(&script));
}

#[test]
fn while_the_audience_is_admitted() {
    let mut script = RunScript::new();
    script.begin();
    let of = 9_500_000;
    script.wait(9_000).emit(EventKind::Admitting { users: 0, of });
    let before = seen(&script);
    script.wait(8_000).emit(EventKind::Admitting { users: 2_000_000, of });
    insta::assert_snapshot!(before + &seen(&script));
}

#[test]
fn while_it_sends() {
    insta::assert_snapshot!(seen(&sending()));
}

#[test]
fn amounts_are_shown_while_values_are_known() {
    let priced = Valuation {
        price: Some(Price {
            each: Money::from_fen(500),
            source: PriceSource::File,
        }),
        ..Valuation::default()
    };
    let stated = Valuation {
        given: Money::from_fen(1_176 * 650),
        stated: 1_176,
        ..Valuation::default()
    };
    let mut text = String::new();
    for valuation in [priced, stated] {
        let mut script = sending();
        script.valuation = valuation;
        text += &seen(script.shift(StateName::Pending, StateName::InFlight));
        text += "\n";
    }
    insta::assert_snapshot!(text);
}

#[test]
fn while_it_is_slowed() {
    let mut script = sending();
    script.emit(EventKind::PaceChanged {
        per_second: 49.0,
        until: Some(shanghai("12:03:10")),
    });
    insta::assert_snapshot!(seen(&script));
}

#[test]
fn while_it_waits() {
    let owner = Owner {
        host: "till-3\x1b[31m".into(),
        pid: 4711,
        since: shanghai("11:58:02"),
        command: "runner apply autumn.yaml".into(),
    };
    let since = shanghai("12:00:01");
    let message = "主播发放计划进行中".to_owned();
    let waits = [
        (Waiting::Start, Some(shanghai("14:13:12"))),
        (Waiting::Window, Some(shanghai("14:13:12"))),
        (Waiting::Wave { done: 1, next: Some(2) }, Some(shanghai("12:28:12"))),
        (Waiting::Wave { done: 2, next: None }, Some(shanghai("13:00:12"))),
        (Waiting::Approval { done: 0 }, None),
        (Waiting::Approval { done: 2 }, None),
        (Waiting::AppId { holder: owner.into() }, None),
        (Waiting::PreviousOwner, Some(shanghai("12:00:15"))),
        (Waiting::Lease, None),
        (
            Waiting::Lists {
                path: "/srv/vip.csv".to_owned(),
                host: "sh-7".to_owned(),
            },
            None,
        ),
        (
            Waiting::Source {
                why: "cannot connect to the PostgreSQL database: connection refused"
                    .to_owned()
                    .into(),
            },
            Some(shanghai("12:00:30")),
        ),
        (Waiting::Due, Some(shanghai("12:00:20"))),
        (Waiting::User, None),
        (Waiting::Outage { since }, Some(shanghai("12:00:24"))),
        (
            Waiting::Platform {
                code: 990_000_006,
                message,
            },
            Some(shanghai("12:10:12")),
        ),
        (
            Waiting::Token {
                since,
                why: "connection refused".into(),
            },
            Some(shanghai("12:00:13")),
        ),
    ];
    let mut text = String::new();
    for (why, until) in waits {
        let mut script = sending();
        script.phase(Phase::Waiting { why, until });
        text += &seen(&script);
        text += "\n";
    }
    insta::assert_snapshot!(text);
}

fn requester() -> Requester {
    Requester {
        pid: 815,
        user: "ann".into(),
        host: "till-4\u{202e}".into(),
        name: None,
        command: String::new(),
    }
}

#[test]
fn while_it_is_paused() {
    let mut script = RunScript::new();
    script.begin().phase(Phase::Paused { by: requester() });
    script.wait(500).emit(EventKind::AudienceRead {
        rows: 170_000,
        of: None,
    });
    let mut text = seen(&script);
    let mut script = sending();
    for _ in 0..12 {
        script.shift(StateName::Pending, StateName::InFlight);
    }
    text += &seen(script.phase(Phase::Paused { by: requester() }));
    for _ in 0..12 {
        script.shift(StateName::InFlight, StateName::Issued);
    }
    text += &seen(&script);
    let by = Requester {
        name: Some("Li Na\x1b[31m".into()),
        ..requester()
    };
    text += &seen(script.phase(Phase::Paused { by }));
    insta::assert_snapshot!(text);
}

#[test]
fn while_it_stops() {
    let mut script = sending();
    for _ in 0..12 {
        script.shift(StateName::Pending, StateName::InFlight);
    }
    script.phase(Phase::Draining {
        why: DrainReason::Interrupted,
    });
    let mut text = seen(&script);
    script.phase(Phase::Draining {
        why: DrainReason::Stopped { by: requester() },
    });
    text += &seen(&script);
    insta::assert_snapshot!(text);
}

/// The seconds to the end of the run, rounded.
fn ends_in_seconds(script: &RunScript) -> i64 {
    let stats = &script.stats();
    let campaign = &*script.campaign;
    let now = moment(script.now);
    let ends = RunView { stats, campaign, now }.ends_at().expect("it ends");
    (ends.as_millisecond() - script.now.as_millisecond() + 500) / 1_000
}

/// The estimate uses the allowed pace, or the measured rate when that is lower.
#[test]
fn the_end_is_reckoned() {
    let mut script = RunScript::new();
    script.begin().admit(980).phase(Phase::Sending);
    assert_eq!(ends_in_seconds(&script), 10);
    script.send(100, 200, ISSUED);
    let left = ends_in_seconds(&script);
    assert!((174..=180).contains(&left), "{left} s for 880 at 5/s");
}

/// The estimate includes hours outside windows, and the pause after the app id's lock is acquired at their end.
#[test]
fn the_end_is_reckoned_by_windows() {
    let mut script = RunScript::new();
    let every = Days::range(Weekday::Monday, Weekday::Sunday);
    let hours = [(600, 721), (840, 1_260)].map(|(from, until)| Hours::new(every, from, until).unwrap());
    let campaign = CampaignInfo {
        calendar: Calendar::new(script.campaign.zone.clone(), &hours, &[]),
        ..(*script.campaign).clone()
    };
    script.campaign = campaign.into();
    script.begin().admit(98 * 90).phase(Phase::Sending);
    assert_eq!(ends_in_seconds(&script), 2 * 3_600 + 31);
}

/// The estimate includes later waves: their waits and their deliveries.
#[test]
fn the_end_is_reckoned_by_waves() {
    let load = |wave, to_send, minutes| WaveLoad {
        wave,
        to_send,
        not_before: Timestamp::MIN,
        wait: WaveWait::For(Duration::from_mins(minutes)),
    };
    let wave = |wave, ended, until| EventKind::Wave {
        wave,
        ended,
        approval: false,
        until,
        skipped: None,
    };
    let mut script = RunScript::new();
    let waves = vec![load(Some(1), 98, 30), load(Some(2), 196, 60), load(None, 980, 0)];
    script.begin().admit(98 + 196 + 980);
    script
        .emit(EventKind::WavesAhead { waves })
        .emit(wave(Some(1), false, None));
    script.phase(Phase::Sending);
    // After each wait, acquiring the app id's lock takes a second.
    let behind = 30 * 60 + 1 + 2 + 60 * 60 + 1 + 10;
    assert_eq!(ends_in_seconds(&script), 1 + behind);
    script.send(98, 10, ISSUED);
    assert_eq!(ends_in_seconds(&script), behind, "the first has had its turn");

    // A wait that has begun ends at a time of day.
    let until = script.now + SignedDuration::from_mins(30);
    let next = Waiting::Wave { done: 1, next: Some(2) };
    script.emit(wave(Some(1), true, Some(until))).phase(Phase::Waiting {
        why: next,
        until: Some(until),
    });
    script.wait(20 * 60_000);
    assert_eq!(ends_in_seconds(&script), behind - 20 * 60);
    script.wait(10 * 60_000).emit(wave(Some(2), false, None));
    script.phase(Phase::Sending).send(196, 10, ISSUED);
    assert_eq!(ends_in_seconds(&script), 60 * 60 + 1 + 10);
    script
        .emit(wave(Some(2), true, Some(script.now)))
        .emit(wave(None, false, None));
    assert_eq!(ends_in_seconds(&script), 10, "nothing comes behind everybody else");
}

#[test]
fn only_what_is_all_done_fills_the_bar() {
    assert_eq!(filled(0, 0, 40), 0);
    assert_eq!(filled(999_999, 1_000_000, 40), 39);
    assert_eq!(filled(7, 7, 40), 40);
    assert_eq!(filled(u64::MAX, 1, 40), 40);
}

#[test]
fn a_reading_says_how_far_it_is_and_where_its_size_tells_when_it_ends() {
    let after = |rows, seconds, expected| reading_progress(rows, Duration::from_secs(seconds), expected);
    let said = [
        after(0, 3, Some(10)),
        after(3_000_000, 3, Some(10_000_000)),
        after(3_000_000, 3, None),
        after(3_000_000, 3, Some(2_900_000)),
        after(1, 0, Some(2)),
    ];
    assert_eq!(
        said,
        [
            "reading the audience: no row yet after 3 s",
            "reading the audience: 3,000,000 rows, 1,000,000/s, 7 s left",
            "reading the audience: 3,000,000 rows, 1,000,000/s",
            "reading the audience: 3,000,000 rows, 1,000,000/s",
            "reading the audience: 1 row, 10/s, 1 s left",
        ]
    );
}
