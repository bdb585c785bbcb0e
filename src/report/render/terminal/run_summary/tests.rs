//! The summary for each way in which a run ends.

use anstream::adapter::strip_str;
use jiff::ToSpan as _;

use crate::catalogue::Language;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{DrainReason, EventKind, Halted, Phase};
use crate::model::identity::OpenId;
use crate::model::money::{Money, Price, PriceSource, Valuation};
use crate::model::outcome::Classifier;
use crate::report::testing::{AttemptResult, BANNED, ISSUED, RunScript, TIMED_OUT, UNLISTED, shanghai, spoilt_reading};
use crate::report::wording::{halt_reason, remedy};

use super::*;

fn seen(script: &RunScript) -> String {
    let text = script.view(|run| text(run, usize::MAX));
    let text = strip_str(&text).to_string();
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
    text
}

fn drain(script: &mut RunScript, why: DrainReason) -> &mut RunScript {
    script.phase(Phase::Draining { why })
}

fn sending(owed: u64) -> RunScript {
    let mut script = RunScript::new();
    script.begin().admit(owed).phase(Phase::Sending);
    script
}

#[test]
fn complete() {
    let mut script = sending(600);
    script.send(588, 10, ISSUED).send(12, 10, BANNED);
    drain(&mut script, DrainReason::NothingLeft).end(Ending::Complete);
    insta::assert_snapshot!(seen(&script));
}

#[test]
fn codes_beyond_the_table_are_one_row() {
    let mut script = sending(300);
    for code in 0..300 {
        let result = AttemptResult {
            code: Some(40_000_000 + code),
            ..UNLISTED
        };
        script.send(1, 10, result);
    }
    drain(&mut script, DrainReason::NothingLeft).end(Ending::NeedsPerson);
    let text = seen(&script);
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("40000199") || line.contains("others"))
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
    assert!(!text.contains("40000200"), "{text}");
}

#[test]
fn with_unusable_rows() {
    let mut script = RunScript::new();
    let mut counts = Counts::default();
    counts.add(StateName::Pending, 10);
    counts.add(StateName::Skipped, 3);
    script
        .begin()
        .admit_reading(counts, spoilt_reading(13))
        .phase(Phase::Sending);
    script.send(10, 10, ISSUED);
    drain(&mut script, DrainReason::NothingLeft).end(Ending::Complete);
    insta::assert_snapshot!(seen(&script));
}

#[test]
fn interrupted() {
    let mut script = sending(100_000);
    script.send(1_234, 10, ISSUED).send(2, 10, TIMED_OUT);
    drain(&mut script, DrainReason::Interrupted).end(Ending::Incomplete);
    insta::assert_snapshot!(seen(&script));
}

#[test]
fn halted_by_one_code_in_a_row() {
    let mut script = sending(600);
    script.send(20, 60, UNLISTED);
    script.emit(EventKind::Halted(Halted::SameCode {
        code: 990_000_003,
        message: UNLISTED.message.into(),
        n: 20,
    }));
    drain(&mut script, DrainReason::Halted).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&script));
}

/// The answer proves nothing about its delivery, so the summary also says what becomes of that one.
#[test]
fn halted_by_a_wrong_address() {
    let wrong = AttemptResult {
        message: "HTTP 403 without a code of the platform's (24 bytes)",
        ..TIMED_OUT
    };
    let mut script = sending(600);
    script.send(1, 60, wrong);
    script.emit(EventKind::Halted(Halted::Http {
        detail: wrong.message.into(),
    }));
    drain(&mut script, DrainReason::Halted).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&script));
}

#[test]
fn doubts_and_held_ones_are_left() {
    let classified = AttemptResult {
        code: Some(28_001_007),
        classifier: Classifier::File,
        message: "参数不合法",
        ..UNLISTED
    };
    let mut script = sending(100);
    script
        .send(90, 10, ISSUED)
        .send(4, 10, TIMED_OUT)
        .send(5, 10, UNLISTED)
        .send(1, 10, classified);
    drain(&mut script, DrainReason::NothingLeft).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&script));
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
    let mut script = sending(600);
    script.send(3, 10, ISSUED);
    script.now = shanghai("12:00:00") + 76.hours();
    drain(&mut script, DrainReason::End).end(Ending::NeedsPerson);
    insta::assert_snapshot!(seen(&script));
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
        let mut script = sending(600);
        drain(&mut script, why).end(ending);
        let text = seen(&script);
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
            why: text("10003: client_key\r\nerror").into(),
        },
        Halted::MaxCoupons { max: 100_000 },
        Halted::Wave {
            wave: 1,
            not_issued: 61,
            of: 180,
        },
    ];
    let text = || {
        let lines = halts
            .iter()
            .map(|halt| format!("{}\nhelp: {}\n", halt_reason(halt), remedy(halt)));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(text());
    insta::assert_snapshot!(Language::Chinese.scope(text));
}

/// The summary at every width, in both languages. The cause of a failure is whole.
#[test]
fn a_summary_fits_its_terminal() {
    const CAUSE: AttemptResult = AttemptResult {
        message: "cannot connect to https://open.douyin.com/api/promotion/v2/coupon/send: dns error: failed to lookup address \
                  information: Name or service not known",
        ..TIMED_OUT
    };
    let mut script = RunScript::new();
    let reading = spoilt_reading(1_200);
    let mut counts = Counts::default();
    counts.add(StateName::Pending, 1_200);
    script.begin().admit_reading(counts, reading).phase(Phase::Sending);
    script
        .send(90, 10, ISSUED)
        .send(3, 10, BANNED)
        .send(4, 10, CAUSE)
        .send(5, 10, UNLISTED);
    drain(&mut script, DrainReason::GaveUp).end(Ending::NeedsPerson);
    let mut seen = String::new();
    for language in Language::ALL {
        for width in [60, 80, 120] {
            let text = language.scope(|| script.view(|run| text(run, width)));
            seen += &strip_str(&text).to_string();
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn what_needs_a_person_has_a_colour() {
    let mut script = sending(600);
    script.send(3, 10, UNLISTED);
    drain(&mut script, DrainReason::NothingLeft).end(Ending::NeedsPerson);
    let text = script.view(|run| text(run, usize::MAX));
    assert!(text.contains(&format!("{WARN}3 held{WARN:#}")), "{text}");
    assert!(text.contains(&format!("{BAD}stopped")), "{text}");
}

#[test]
fn a_summary_shows_what_the_coupons_are_worth() {
    let shown = |valuation: Valuation| {
        let mut script = sending(1_200);
        script.send(1_176, 10, ISSUED);
        script.valuation = valuation;
        script.shift(StateName::Pending, StateName::Held);
        script.emit(EventKind::Counted {
            counts: script.counts,
            valuation,
        });
        script.end(Ending::Incomplete);
        let all = Language::ALL.map(|language| language.scope(|| script.view(|view| text(view, 80))));
        let lines = all.iter().flat_map(|text| text.lines());
        let worth: Vec<_> = lines
            .filter(|line| line.contains("CNY") || line.contains('元'))
            .collect();
        worth.join("\n")
    };
    let price = |fen| {
        Some(Price {
            each: Money::from_fen(fen),
            source: PriceSource::File,
        })
    };
    let known = Valuation {
        given: Money::from_fen(588_000),
        stated: 1_176,
        price: price(500),
        reopened: 0,
    };
    let in_part = Valuation { price: None, ..known };
    insta::assert_snapshot!([known, in_part].map(shown).join("\n\n"));
    assert_eq!(shown(Valuation::default()), "");
}
