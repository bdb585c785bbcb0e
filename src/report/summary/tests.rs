//! The summary for each way in which a run ends.

use jiff::ToSpan as _;

use crate::model::delivery::Counts;
use crate::model::event::{EventKind, Phase};
use crate::model::identity::OpenId;

use super::super::testing::{BANNED, End, ISSUED, Story, TIMED_OUT, UNLISTED, shanghai, spoilt_reading};
use super::*;

fn seen(story: &Story) -> String {
    let text = story.look(text);
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
    text
}

fn drain(story: &mut Story, why: DrainReason) -> &mut Story {
    story.phase(Phase::Draining { why })
}

fn sending(owed: u64) -> Story {
    let mut story = Story::new();
    story.begin().admit(owed).phase(Phase::Sending);
    story
}

#[test]
fn complete() {
    let mut story = sending(600);
    story.send(588, 10, ISSUED).send(12, 10, BANNED);
    drain(&mut story, DrainReason::NothingLeft).end(Ending::Complete);
    insta::assert_snapshot!(seen(&story));
}

#[test]
fn with_unusable_rows() {
    let mut story = Story::new();
    let mut counts = Counts::default();
    counts.add(StateName::Pending, 10);
    counts.add(StateName::Skipped, 3);
    story
        .begin()
        .admit_reading(counts, spoilt_reading(13))
        .phase(Phase::Sending);
    story.send(10, 10, ISSUED);
    drain(&mut story, DrainReason::NothingLeft).end(Ending::Complete);
    insta::assert_snapshot!(seen(&story));
}

#[test]
fn interrupted() {
    let mut story = sending(100_000);
    story.send(1_234, 10, ISSUED).send(2, 10, TIMED_OUT);
    drain(&mut story, DrainReason::Interrupted).end(Ending::Incomplete);
    insta::assert_snapshot!(seen(&story));
}

#[test]
fn halted_by_one_code_in_a_row() {
    let mut story = sending(600);
    story.send(20, 60, UNLISTED);
    story.tell(EventKind::Halted(Halted::SameCode {
        code: 990_000_003,
        message: UNLISTED.5.into(),
        n: 20,
    }));
    drain(&mut story, DrainReason::Halted).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&story));
}

/// The answer proves nothing about its delivery, so the summary also says what becomes of that one.
#[test]
fn halted_by_a_wrong_address() {
    let wrong: End = (
        StateName::InDoubt,
        "unknown",
        None,
        None,
        Classifier::Nobody,
        "HTTP 403 without a code of the platform's (24 bytes)",
    );
    let mut story = sending(600);
    story.send(1, 60, wrong);
    story.tell(EventKind::Halted(Halted::Http { detail: wrong.5.into() }));
    drain(&mut story, DrainReason::Halted).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&story));
}

#[test]
fn doubts_and_held_ones_are_left() {
    let classified: End = (
        StateName::Held,
        "held",
        Some(28_001_007),
        Some(crate::model::outcome::Class::Hold),
        Classifier::File,
        "参数不合法",
    );
    let mut story = sending(100);
    story
        .send(90, 10, ISSUED)
        .send(4, 10, TIMED_OUT)
        .send(5, 10, UNLISTED)
        .send(1, 10, classified);
    drain(&mut story, DrainReason::NothingLeft).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&story));
}

#[test]
fn an_empty_audience() {
    let mut allowed = sending(0);
    allowed.end(Ending::Complete);
    let mut refused = sending(0);
    refused.end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&allowed) + &seen(&refused));
}

#[test]
fn past_the_end_after_days() {
    let mut story = sending(600);
    story.send(3, 10, ISSUED);
    story.now = shanghai("12:00:00") + 76.hours();
    drain(&mut story, DrainReason::End).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&story));
}

#[test]
fn a_run_that_does_not_wait_for_the_schedule_says_so() {
    let ends = [
        (DrainReason::NotStarted, Ending::Incomplete),
        (DrainReason::OutsideHours, Ending::Incomplete),
        (DrainReason::BetweenWaves, Ending::Incomplete),
        (DrainReason::NoWindow, Ending::NeedsPerson),
        (DrainReason::NoWave, Ending::NeedsPerson),
    ];
    let said = ends.map(|(why, ending)| {
        let mut story = sending(600);
        drain(&mut story, why).end(ending);
        let text = seen(&story);
        let lines = text
            .lines()
            .filter(|line| line.contains("stopped") || line.contains("help"));
        lines.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_run_that_did_not_end_has_no_summary() {
    assert_eq!(seen(&sending(600)), "");
}

#[test]
fn every_halt_says_why_and_what_to_do() {
    let text = |text: &str| text.to_owned();
    let halts = [
        Halted::Code {
            code: 28_001_018,
            message: text("无权限"),
            log_id: text("20230602111931B8"),
        },
        Halted::Http {
            detail: text("HTTP 404 without a code"),
        },
        Halted::Refused { n: 101, of: 200 },
        Halted::Held { n: 101, of: 500 },
        Halted::SameCode {
            code: 990_000_003,
            message: String::new(),
            n: 20,
        },
        Halted::AnotherLedger {
            open_id: OpenId::parse("Cv4PoJXaTPn63rNu").unwrap(),
            merchant_coupon_id: text("k4jggjhebt75at8pqb4j"),
        },
        Halted::MixedAnswers {
            open_id: OpenId::parse("u8").unwrap(),
            merchant_coupon_id: "7hqxgac8fc6ap1rjrxvw".into(),
            id: "coupon_id 7300".into(),
            other: "k4jggjhebt75at8pqb4j".into(),
        },
        Halted::Credentials {
            why: text("10003: client_key\r\nerror"),
        },
        Halted::MaxCoupons { max: 100_000 },
        Halted::Wave {
            wave: 1,
            not_issued: 61,
            of: 180,
        },
    ];
    let lines: Vec<_> = halts
        .iter()
        .map(|halt| format!("{}\nhelp: {}\n", halted(halt), remedy(halt)))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
