//! The page of a fixed history: its text, that it is deterministic, and that hostile text stays inert.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::catalogue::Language;
use crate::model::clock::from_ms;
use crate::model::delivery::{Decision, DeliveryKey, Skipped};
use crate::model::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::model::money::{Money, Price, PriceSource, Valuation};
use crate::model::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof, Unknown};
use crate::report::history::History;
use crate::report::render::html::page::share;
use crate::report::render::html::page_text::text;
use crate::report::render::html::report_view::{EndedWave, OpenDelivery, RunNote};
use crate::report::testing::shanghai;

use super::*;

const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "=cmd|'/C calc'!A0",
    "\u{202e}gpj.exe\u{202c}",
    "\"><img src=x onerror=alert(1)>",
    "مستخدم",
    "</style></title><svg/onload=alert(1)>",
];

fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

/// Adds one attempt: when it ended, its latency, its outcome and the answer.
fn end(
    history: &mut History,
    (recipient, ms, latency): (u32, i64, u64),
    verdict: Decision,
    said: Option<(i64, Class, &str)>,
) {
    let began = shanghai("12:00:00");
    let at = from_ms(began.as_millisecond() + ms);
    history.intended(at);
    let proof = match verdict {
        Decision::Issued => Proof::Issued {
            coupon: Box::new(Coupon::default()),
            replay: false,
        },
        Decision::Refused { .. } => Proof::Refused,
        Decision::Held { .. } => Proof::Held,
        _ => Proof::Unknown(Unknown::TimedOut),
    };
    let answer = said.map(|(code, class, message)| Answer {
        code,
        message: message.to_owned(),
        log_id: format!("20260601120000{recipient:06}"),
        class,
        classifier: if class == Class::Hold {
            Classifier::Nobody
        } else {
            Classifier::Table
        },
    });
    let outcome = Outcome {
        proof,
        status: answer.as_ref().map(|_| 200),
        detail: answer.is_none().then(|| "no answer within 10s".to_owned()),
        answer,
        retry_after: None,
        latency: Duration::from_millis(latency),
        at: from_ms(at.as_millisecond() + i64::try_from(latency).unwrap()),
    };
    history.ended(key(recipient), verdict, &outcome);
}

/// A campaign of 1,200 deliveries and twenty minutes, with hostile names and messages in every field that can have
/// them.
fn report() -> ReportView {
    let mut history = History::new([key(1_198), key(1_199)]);
    history.run_began();
    history.run_began();
    let mut counts = Counts::default();
    for recipient in 0..1_150 {
        let latency = 40 + u64::from(recipient % 97);
        let at = (recipient, i64::from(recipient) * 1_000, latency);
        if recipient % 50 == 7 {
            let refused = Decision::Refused { code: 28_001_045 };
            end(
                &mut history,
                at,
                refused,
                Some((28_001_045, Class::Refuse, "用户已注销账号")),
            );
            counts.add(StateName::Refused, 1);
        } else {
            end(&mut history, at, Decision::Issued, Some((0, Class::Issued, "")));
            counts.add(StateName::Issued, 1);
        }
    }
    let held = (1_198, 1_160_000, 64);
    let lost = (1_199, 1_170_000, 10_000);
    end(
        &mut history,
        held,
        Decision::Held { code: 990_000_003 },
        Some((990_000_003, Class::Hold, HOSTILE[3])),
    );
    let due = shanghai("12:30:00");
    end(&mut history, lost, Decision::Unknown { due, code: None }, None);
    history.intended(shanghai("12:20:00"));
    counts.add(StateName::Held, 1);
    counts.add(StateName::InDoubt, 1);
    counts.add(StateName::Pending, 40);
    counts.add(StateName::Skipped, 8);
    ReportView {
        waves: vec![EndedWave {
            share: 0.01,
            ended: shanghai("12:30:00"),
        }],
        header: header(HOSTILE[5]),
        counts,
        skipped: [(Skipped::Gone, 5), (Skipped::CouponsPerUser, 3)].into(),
        attempts: [(1, 1_140), (2, 10), (3, 1), (9, 1)].into(),
        open: open(&history),
        valuation: Valuation {
            given: Money::from_fen(1_127 * 550),
            stated: 1_127,
            price: Some(Price {
                each: Money::from_fen(550),
                source: PriceSource::Platform,
            }),
            reopened: 0,
        },
        max_worth: Some(Money::from_fen(1_000_000)),
        run: Some(RunNote {
            state: "halted".to_owned(),
            why: Some(format!("the platform answered 28001018: {}", HOSTILE[0])),
            at: Some(shanghai("12:20:00")),
            is_outdated: true,
            is_running: false,
        }),
        history,
    }
}

fn header(title: &str) -> ReportHeader {
    ReportHeader {
        campaign: CampaignName::parse("summer-2026").unwrap(),
        title: Some(format!("夏日立减券 {title}")),
        app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
        activity_id: ActivityId::parse("7218071234565644204").unwrap(),
        platform: PlatformName::FakePlatform,
        ledger: "campaigns/<b>/.runner".into(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        now: shanghai("13:00:00"),
        per_second: 98.0,
        again: "runner apply 'campaigns/<b>/summer.yaml'".to_owned(),
    }
}

fn open(history: &History) -> Vec<OpenDelivery> {
    let one = |state, recipient, since, next: &str| OpenDelivery {
        state,
        open_id: OpenId::parse("<b>u</b>&amp;").unwrap(),
        ordinal: 1,
        attempts: 1,
        since,
        last: history.last(key(recipient)).unwrap().clone(),
        next: next.to_owned(),
    };
    vec![
        one(StateName::Held, 1_198, None, "waits for its code to be classified"),
        one(
            StateName::InDoubt,
            1_199,
            Some(shanghai("12:19:30")),
            "sent again by the next run",
        ),
    ]
}

#[test]
fn what_a_page_says() {
    let said = || {
        let page = page(&report()).unwrap();
        let language = page.split_once("<html lang=\"").unwrap().1;
        format!("{}\n{}", language.split('"').next().unwrap(), text(&page))
    };
    insta::assert_snapshot!(said());
    insta::assert_snapshot!(Language::Chinese.scope(said));
}

#[test]
fn a_report_is_the_same_each_time() {
    assert_eq!(page(&report()).unwrap(), page(&report()).unwrap());
}

#[test]
fn a_complete_campaign_and_an_empty_one() {
    let mut complete = report();
    complete.counts = Counts::default();
    complete.counts.add(StateName::Issued, 1_150);
    complete.open.clear();
    complete.run = None;
    let said = text(&page(&complete).unwrap());
    assert!(
        said.contains("Complete: every delivery is settled or skipped"),
        "{said}"
    );
    assert!(!said.contains("What is left"), "{said}");
    let empty = ReportView {
        waves: Vec::new(),
        run: None,
        header: header(""),
        counts: Counts::default(),
        valuation: Valuation::default(),
        max_worth: None,
        skipped: BTreeMap::new(),
        attempts: BTreeMap::new(),
        open: Vec::new(),
        history: History::new([]),
    };
    insta::assert_snapshot!(text(&page(&empty).unwrap()));
}

/// The tags that the page template uses.
const OURS: &str = "
    !DOCTYPE html head meta link title style body main header h1 h2 h3 p code bdi b section div span
    table thead tbody tfoot tr td th ul li dl dt dd figure figcaption footer svg rect line polyline
    polygon text br details summary
";

/// Every tag of the page comes from the template, and text from outside never begins one.
#[test]
fn nothing_hostile_is_alive() {
    let mut report = report();
    for (at, hostile) in (0_u32..).zip(HOSTILE) {
        let code = 990_000_100 + i64::from(at);
        let held = (2_000 + at, 1_180_000, 64);
        end(
            &mut report.history,
            held,
            Decision::Held { code },
            Some((code, Class::Hold, hostile)),
        );
    }
    let page = page(&report).unwrap();
    let tags = page
        .split('<')
        .skip(1)
        .map(|rest| rest.split([' ', '>', '\n', '/']).find(|name| !name.is_empty()));
    for tag in tags.flatten() {
        assert!(OURS.split_whitespace().any(|own| own == tag), "<{tag}");
    }
    assert!(
        !page.contains(['\u{202e}', '\u{202c}']),
        "marks that turn the writing are shown as escapes"
    );
    assert!(page.contains("<bdi><bdi dir=\"ltr\">\\u{202e}</bdi>gpj.exe<bdi dir=\"ltr\">\\u{202c}</bdi></bdi>"));
    assert!(
        page.contains("<bdi>مستخدم</bdi>"),
        "writing of the other direction is set apart"
    );
    for (at, _) in page.match_indices("http") {
        let address = &page[at..page.len().min(at + 26)];
        assert!(
            address == "http://www.w3.org/2000/svg" || address.starts_with("http-equiv"),
            "{address}"
        );
    }
    assert!(
        !page.contains("url(") && !page.contains("@import"),
        "nothing is fetched"
    );
}

#[test]
fn shares_are_never_rounded_to_nothing_or_to_all() {
    let shares = [(0, 5), (5, 5), (1, 100_000), (99_999, 100_000), (1, 3)].map(|(n, of)| share(n, of));
    assert_eq!(shares, ["0.0 %", "100 %", "< 0.1 %", "> 99.9 %", "33.3 %"]);
}

#[test]
fn a_long_list_is_folded_after_its_first_rows() {
    let mut report = report();
    report.open = (0..7).flat_map(|_| open(&report.history)).collect();
    let page = page(&report).unwrap();
    let (before, rest) = page.split_once("<details>").unwrap();
    let (folded, _) = rest.split_once("</details>").unwrap();
    let rows = |part: &str| part.matches("<code><bdi>&lt;b&gt;u").count();
    assert_eq!((rows(before), rows(folded)), (10, 4));
    assert!(folded.starts_with("<summary>4 more</summary>"), "{folded}");
}

/// A process that sends needs no command, and the page proposes none.
#[test]
fn a_page_of_a_running_campaign_proposes_no_command() {
    let mut report = report();
    report.run = Some(RunNote {
        state: "waiting".to_owned(),
        why: Some("wave 1 done, waiting for `runner approve`".to_owned()),
        at: Some(shanghai("12:20:00")),
        is_outdated: false,
        is_running: true,
    });
    let page = page(&report).unwrap();
    assert!(page.contains("waiting for <code>runner approve</code>"), "{page}");
    let said = text(&page);
    assert!(
        said.contains("40 still owed. The process that applies the campaign sends them."),
        "{said}"
    );
    assert!(!said.contains("Then:"), "{said}");
}

#[test]
fn a_page_can_be_used_by_keyboard_and_by_ear() {
    let page = page(&report()).unwrap();
    let levels: Vec<u32> = page
        .match_indices("<h")
        .filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10))
        .collect();
    assert_eq!(levels.first(), Some(&1));
    for pair in levels.windows(2) {
        assert!(pair[1] <= pair[0] + 1 && pair[1] > 1, "{levels:?}");
    }
    for header in page.split("<th").skip(1).filter(|rest| rest.starts_with([' ', '>'])) {
        let tag = header.split('>').next().unwrap();
        assert!(tag.contains("scope=\""), "<th{tag}>");
    }
    let charts = page.matches("<div class=\"chart ").count();
    assert_eq!((charts, page.matches(" role=\"img\" aria-label=\"").count()), (6, 6));
    // A wide table scrolls within its region, which a keyboard reaches.
    for table in ["<table class=\"stack\">"] {
        for (at, _) in page.match_indices(table) {
            let before = &page[..at];
            let region = &before[before.rfind('<').unwrap()..];
            assert!(
                region.contains("role=\"region\" tabindex=\"0\" aria-label=\""),
                "{region}"
            );
        }
    }
}

/// Text has the contrast 4.5 of WCAG AA, and what only marks a state 3.
#[test]
fn colours_can_be_told_apart_from_their_ground() {
    let css = include_str!("../page.css");
    let schemes: Vec<_> = css.split(":root {").skip(1).take(2).collect();
    assert_eq!(schemes.len(), 2, "a light and a dark scheme");
    for scheme in schemes {
        let luminance = |name: &str| {
            let (_, rest) = scheme.split_once(&format!("--{name}: #")).unwrap();
            let digits = rest.split(';').next().unwrap();
            let channel = |at: usize| {
                let hex = match digits.len() {
                    3 => digits[at..=at].repeat(2),
                    _ => digits[2 * at..2 * at + 2].to_owned(),
                };
                let value = f64::from(u8::from_str_radix(&hex, 16).unwrap()) / 255.0;
                if value <= 0.040_45 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
        };
        let contrast = |one: &str, other: &str| {
            let (one, other) = (luminance(one), luminance(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        };
        for (text, ground) in [
            ("text", "ground"),
            ("quiet", "ground"),
            ("text", "note"),
            ("quiet", "note"),
            ("issued", "ground"),
        ] {
            let contrast = contrast(text, ground);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
        }
        for mark in [
            "refused",
            "skipped",
            "pending",
            "deferred",
            "in-flight",
            "in-doubt",
            "held",
            "other",
        ] {
            let contrast = contrast(mark, "ground");
            assert!(contrast >= 3.0, "{mark}: {contrast:.2}");
        }
    }
}
