//! A plan, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::json;

use crate::catalogue::{Language, plan as texts};
use crate::model::calendar::{Calendar, Days, Hours};
use crate::model::clock::from_ms;
use crate::model::delivery::{Counts, Skipped, StateName};
use crate::model::event::Reading;
use crate::model::identity::{ActivityId, AppId, CampaignName};
use crate::model::money::{Money, Price, PriceSource, Valuation};
use crate::plan::forecast::expiry::{Comparison, ExpiryForecast, TurnOrder};
use crate::plan::forecast::{Forecast, Obstacle, WaveTurns};
use crate::report::feasibility::{self, Reason};
use crate::report::plan_view::{
    ChangeNote, LedgerNote, MovedUsers, PaceNote, PlanHeader, PlanView, PlannedCampaign, PlannedDeliveries,
    RequestNote, SettingChange, StockNote,
};
use crate::report::render::json::{PlanObject, PlanTotalObject, RequestObject};
use crate::report::render::terminal::plan::{requests, text};
use crate::report::render::terminal::plan_total;
use crate::report::testing::{shanghai, spoilt_reading};
use crate::report::text::columns;

/// A first plan for `users` users.
fn first(users: u64) -> PlanView {
    let mut counts = Counts::default();
    counts.add(StateName::Pending, users);
    PlanView {
        header: PlanHeader {
            campaign: CampaignName::parse("summer-2026").expect("a name"),
            title: Some("夏日立减券".into()),
            app_id: AppId::parse("ttec789ac573xxxxxx01").expect("an app"),
            activity_id: ActivityId::parse("7218071234565644204").expect("an activity"),
            platform: "https://open.douyin.com".into(),
            zone: TimeZone::get("Asia/Shanghai").expect("a zone"),
            now: shanghai("12:00:00"),
        },
        stock: None,
        template: None,
        ledger: LedgerNote {
            dir: "campaigns/.runner/live/ttec789ac573xxxxxx01/summer-2026".into(),
            begun: None,
            applied: None,
            earlier: None,
            no_witness: false,
        },
        deliveries: PlannedDeliveries {
            counts,
            skipped: BTreeMap::new(),
            reading: Reading {
                listed: users,
                ..Reading::default()
            },
            resent: 0,
            behind: 0,
            lapsing: 0,
            at_most: None,
        },
        changes: Vec::new(),
        pace: PaceNote {
            per_second: 98.0,
            max_in_flight: 64,
            per_day: None,
            begun_today: 0,
            start: None,
            end: None,
            calendar: Calendar::always(),
        },
        forecast: Forecast {
            starts_at: Some(shanghai("12:00:01")),
            ends_at: Some(shanghai("12:17:02")),
            in_time: users,
            obstacle: None,
            waves: Vec::new(),
        },
        lapse: None,
        valuation: Valuation::default(),
        max_worth: None,
        reasons: Vec::new(),
        fingerprint: "0a1b2c3d4e-5f60718293-first".into(),
        apply: "runner apply campaigns/summer.yaml --expect 0a1b2c3d4e-5f60718293-first".into(),
    }
}

fn office_hours() -> Calendar {
    use jiff::civil::{Weekday, date};
    let days = Days::range(Weekday::Monday, Weekday::Sunday);
    let hours = [(600, 720), (840, 1_260)].map(|(from, until)| Hours::new(days, from, until).expect("a window"));
    let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
    Calendar::new(zone, &hours, &[date(2025, 1, 1), date(2026, 6, 3)])
}

fn change(what: &'static str, from: &str, to: &str) -> ChangeNote {
    ChangeNote {
        what,
        from: Some(from.into()),
        to: Some(to.into()),
        note: None,
        held: None,
        accept: None,
        accepted: false,
        settings: None,
        users: Vec::new(),
    }
}

fn setting(key: &str, from: Option<&str>, to: Option<&str>) -> SettingChange {
    SettingChange {
        key: key.into(),
        from: from.map(Into::into),
        to: to.map(Into::into),
    }
}

fn moved(how: &'static str, count: u64, first: &[&str]) -> MovedUsers {
    MovedUsers {
        how,
        count,
        first: first.iter().map(|&open_id| open_id.into()).collect(),
    }
}

fn in_waves() -> Vec<WaveTurns> {
    let wave = |wave, to_send, begins| WaveTurns {
        wave,
        to_send,
        begins: Some(shanghai(begins)),
        approval: None,
    };
    vec![
        wave(Some(1), 50, "14:00:01"),
        wave(Some(2), 450, "14:30:02"),
        wave(None, 4_500, "15:30:07"),
    ]
}

/// A later plan of a campaign with a long history.
fn later() -> PlanView {
    let mut counts = Counts::default();
    for (state, n) in [
        (StateName::Pending, 98_504),
        (StateName::Deferred, 10),
        (StateName::Issued, 1_200),
        (StateName::Refused, 12),
        (StateName::InDoubt, 5),
        (StateName::Held, 2),
        (StateName::Skipped, 120),
    ] {
        counts.add(state, n);
    }
    let accept = |change: ChangeNote, accepted| ChangeNote {
        accept: Some(change.what),
        accepted,
        ..change
    };
    let mut plan = first(0);
    plan.forecast.waves = in_waves();
    PlanView {
        ledger: LedgerNote {
            begun: Some(shanghai("09:00:00")),
            applied: Some(shanghai("11:20:30")),
            ..plan.ledger
        },
        deliveries: PlannedDeliveries {
            counts,
            skipped: [(Skipped::Gone, 100), (Skipped::EarlierRefused, 20)].into(),
            reading: spoilt_reading(99_740),
            resent: 3,
            behind: 4,
            lapsing: 0,
            at_most: Some(5_000),
        },
        changes: vec![
            accept(
                ChangeNote {
                    note: Some("2 held owed again, counted in max_coupons as if issued".into()),
                    held: Some(2),
                    ..change("activity_id", "7218071234565644204", "7300000000000000001")
                },
                false,
            ),
            accept(change("coupons_per_user", "1", "2"), true),
            ChangeNote {
                note: Some("25 new, 5 gone".into()),
                users: vec![moved("new", 25, &["user-99721", "user-99722"]), moved("gone", 5, &[])],
                ..change("audience", "99720", "99740")
            },
            ChangeNote {
                settings: Some(vec![
                    setting("pace.per_second", Some("98"), Some("50")),
                    setting("schedule.waves", None, Some("{share: 1%, wait: 30m}")),
                    setting("codes.29005013", Some("refuse"), None),
                ]),
                ..change("file", "0a1b2c3d4e", "1b2c3d4e5f")
            },
            ChangeNote {
                from: None,
                ..change("codes", "", "2 deliveries are read again")
            },
        ],
        pace: PaceNote {
            start: Some(shanghai("10:00:00")),
            end: Some(shanghai("22:00:00")),
            calendar: office_hours(),
            ..plan.pace
        },
        valuation: Valuation {
            given: Money::from_fen(1_200_000),
            stated: 1_180,
            price: Some(Price {
                each: Money::from_fen(1_000),
                source: PriceSource::Platform,
            }),
            reopened: 0,
        },
        max_worth: Some(Money::from_fen(200_000_000)),
        reasons: vec![Reason {
            text: "the activity is another one than at the last apply: 7218071234565644204 then, \
                   7300000000000000001 now"
                .into(),
            help: Some("if this is meant, apply with `--accept activity_id`".into()),
        }],
        fingerprint: "0a1b2c3d4e-5f60718293-a4b5c6d7e8".into(),
        ..plan
    }
}

/// The text without styles.
fn seen(plan: &PlanView) -> String {
    seen_at(plan, 80)
}

fn seen_at(plan: &PlanView, width: usize) -> String {
    let text = anstream::adapter::strip_str(&text(plan, width)).to_string();
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
    text
}

/// The same in both languages at three widths. Only a path and a command, which stay whole, are wider.
fn screens(seen: impl Fn(usize) -> String) -> String {
    let mut all = String::new();
    for language in Language::ALL {
        for width in [60, 80, 120] {
            let text = language.scope(|| seen(width));
            for line in text.lines() {
                let is_whole = line.split_whitespace().count() == 1 || line.starts_with("  runner ");
                assert!(columns(line) <= width || is_whole, "{width}: {line}");
            }
            let _ = writeln!(all, "── {language:?}, {width} columns\n{text}");
        }
    }
    all
}

#[test]
fn a_plan_is_shown_in_both_languages_at_every_width() {
    let mut plan = later();
    plan.header.title = Some("夏日立减券".into());
    insta::assert_snapshot!(screens(|width| seen_at(&plan, width)));
    plan = first(100_000);
    plan.pace.per_day = Some(20_000);
    plan.pace.begun_today = 1;
    insta::assert_snapshot!(screens(|width| seen_at(&plan, width)));
}

#[test]
fn a_plan_that_is_not_feasible_shows_when_it_would_send() {
    let end = shanghai("12:10:00");
    insta::assert_snapshot!(screens(|width| {
        let mut plan = first(100_000);
        plan.pace.end = Some(end);
        plan.pace.calendar = office_hours();
        plan.forecast.in_time = 58_702;
        plan.forecast.obstacle = Some(Obstacle::TooShort {
            end,
            takes: Duration::from_secs(1_021),
            has: Duration::from_mins(10),
            windows: true,
            waits: false,
            pace: None,
        });
        let now = (plan.header.now, &plan.header.zone);
        let reason = feasibility::of_time(&plan.forecast, 100_000, 98.0, now);
        plan.reasons.extend(reason);
        seen_at(&plan, width)
    }));
}

#[test]
fn several_plans_end_with_their_total() {
    let mut refused = later();
    refused.header.campaign = CampaignName::parse("a-campaign-with-a-name-that-is-rather-long-2026").expect("a name");
    let planned = |name: &str, plan| PlannedCampaign {
        name: name.into(),
        plan,
    };
    let all = [
        planned("summer-2026", Some(first(100_000))),
        planned(refused.header.campaign.as_str(), Some(refused.clone())),
        planned("campaigns/broken.yaml", None),
    ];
    insta::assert_snapshot!(screens(|width| {
        let text = plan_total::text(&all, width);
        anstream::adapter::strip_str(&text).to_string()
    }));
    insta::assert_json_snapshot!(PlanTotalObject::new(&all, 4));
}

#[test]
fn the_stock_of_a_declared_activity_is_shown_with_what_is_left() {
    let note = |is_new, left| StockNote {
        number: 1,
        is_new,
        stock: 1_000,
        left,
        used_up_at: None,
        is_released: false,
    };
    let line = |note| {
        let plan = PlanView {
            stock: Some(note),
            ..first(300)
        };
        let label = texts::LabelStock.to_string();
        let screen = seen(&plan);
        let line = screen.lines().find(|line| line.trim_start().starts_with(&label));
        line.unwrap_or_default().trim().to_owned()
    };
    let released = StockNote {
        is_released: true,
        ..note(false, 700)
    };
    let used_up = StockNote {
        used_up_at: Some("2026-06-01T02:30:00Z".parse().unwrap()),
        ..note(false, 100)
    };
    let lines = || {
        let notes = [note(true, 1_000), note(false, 700), note(false, 100), released, used_up];
        notes.map(line).join("\n")
    };
    let chinese = Language::Chinese.scope(lines);
    insta::assert_snapshot!(format!("{}\n{chinese}", lines()), @"
    stock     would create activity 1 with 1,000 coupons; 700 left if each
    stock     700 of 1,000 coupons left; 400 left if each delivery takes one
    stock     100 of 1,000 coupons left; 200 too few if each delivery takes one
    stock     700 of 1,000 coupons left; 400 left if each delivery takes one,
    stock     100 of 1,000 coupons left; used up about 2026-06-01 10:30 if each
    库存      将创建第 1 个活动，共 1,000 张券；如果每次发放都用掉一张，还剩 700
    库存      1,000 张券还剩 700 张；如果每次发放都用掉一张，还剩 400 张
    库存      1,000 张券还剩 100 张；如果每次发放都用掉一张，还缺 200 张
    库存      1,000 张券还剩 700 张；如果每次发放都用掉一张，还剩 400 张，全部判定
    库存      1,000 张券还剩 100 张；如果每次发放都用掉一张，约在 2026-06-01 10:30
    ");
}

#[test]
fn the_first_plan_of_a_campaign() {
    insta::assert_snapshot!(seen(&first(100_000)));
}

#[test]
fn a_plan_of_a_campaign_that_has_been_through_much() {
    insta::assert_snapshot!(seen(&later()));
}

#[test]
fn a_plan_with_nothing_left_to_send() {
    let mut plan = first(0);
    plan.deliveries.counts.add(StateName::Issued, 600);
    plan.ledger.begun = Some(shanghai("09:00:00"));
    plan.ledger.applied = Some(shanghai("11:20:30"));
    plan.forecast.starts_at = None;
    plan.valuation = Valuation {
        given: Money::from_fen(300_000),
        stated: 600,
        price: Some(Price {
            each: Money::from_fen(500),
            source: PriceSource::Platform,
        }),
        reopened: 0,
    };
    insta::assert_snapshot!(seen(&plan));
}

/// A forecast for users of one coupon each; `hours` lists after how many hours how many users' activity expires.
fn lapsing(users: u64, hours: &[(i64, u64)]) -> ExpiryForecast {
    let lapsed: u64 = hours.iter().map(|(_, users)| users).sum();
    let at = |hour| from_ms(shanghai("12:00:00").as_millisecond() + hour * 3_600_000);
    ExpiryForecast {
        in_time: users - lapsed,
        lapsed,
        unreached: 0,
        by_hour: hours.iter().map(|(hour, users)| (at(*hour), *users)).collect(),
        by_wave: [(None, lapsed)].into(),
    }
}

/// A plan with the forecasts of both orders.
fn with_lapses(order: TurnOrder, as_listed: ExpiryForecast, expiring_first: ExpiryForecast) -> PlanView {
    let mut plan = first(100_000);
    let lapse = Comparison {
        order,
        as_listed,
        expiring_first,
    };
    plan.deliveries.lapsing = lapse.planned().lapsed;
    plan.lapse = Some(lapse);
    plan
}

#[test]
fn who_will_lapse_is_told_with_when_and_what_the_other_order_makes_of_it() {
    let hours = [(0, 120), (1, 300), (4, 1), (17, 2_000)];
    let many: Vec<_> = (0..200).map(|hour| (hour, 100)).collect();
    let mut several = lapsing(100_000, &[(0, 1), (3, 1)]);
    (several.in_time, several.lapsed) = (99_996, 4);
    let listed = TurnOrder::AsListed;
    let expiring = TurnOrder::ExpiringFirst;
    let none = || lapsing(100_000, &[]);
    let mut text = seen(&with_lapses(
        listed,
        lapsing(100_000, &hours),
        lapsing(100_000, &hours[..1]),
    ));
    for plan in [
        with_lapses(listed, none(), none()),
        with_lapses(expiring, lapsing(100_000, &hours), none()),
        with_lapses(expiring, lapsing(100_000, &many), lapsing(100_000, &hours[2..3])),
        with_lapses(expiring, lapsing(100_000, &many), lapsing(100_000, &many[..6])),
        with_lapses(listed, lapsing(100_000, &many), lapsing(100_000, &many)),
        with_lapses(listed, several, none()),
    ] {
        let all = seen(&plan);
        let from = all.find("  expiry ").expect("it is told");
        let to = all.find("\nfeasible").expect("it goes on");
        text.push_str(all[from..to].trim_end_matches('\n'));
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn programs_are_told_of_both_orders_hour_by_hour() {
    let plan = with_lapses(
        TurnOrder::AsListed,
        lapsing(100_000, &[(0, 120), (3, 5)]),
        lapsing(100_000, &[(0, 2)]),
    );
    let object = serde_json::to_value(PlanObject::new(&plan)).expect("it is JSON");
    insta::assert_json_snapshot!(object["lapse"]);
}

fn hindered(obstacle: Obstacle) -> String {
    let mut plan = first(100_000);
    plan.forecast.obstacle = Some(obstacle);
    plan.forecast.in_time = 58_702;
    let now = plan.header.now;
    let zone = plan.header.zone.clone();
    let reason = feasibility::of_time(&plan.forecast, 100_000, 98.0, (now, &zone)).expect("a reason");
    plan.reasons.push(reason);
    let text = seen(&plan);
    let at = text.find("not feasible").expect("a verdict");
    text[at..].to_owned()
}

#[test]
fn a_time_that_is_too_short_says_which_numbers_make_it_so() {
    insta::assert_snapshot!(hindered(Obstacle::TooShort {
        end: shanghai("12:10:00"),
        takes: Duration::from_secs(1_021),
        has: Duration::from_mins(10),
        windows: false,
        waits: false,
        pace: Some(167),
    }));
}

#[test]
fn a_time_that_is_too_short_for_the_windows_says_so() {
    let end = shanghai("12:10:00");
    let short = hindered(Obstacle::TooShort {
        end,
        takes: Duration::from_secs(1_021),
        has: Duration::from_mins(5),
        windows: true,
        waits: false,
        pace: None,
    });
    insta::assert_snapshot!(format!("{short}\n{}", hindered(Obstacle::NoWindow { end })));
}

#[test]
fn a_time_that_is_too_short_for_the_waits_behind_waves_says_so() {
    insta::assert_snapshot!(hindered(Obstacle::TooShort {
        end: shanghai("12:10:00"),
        takes: Duration::from_secs(3_621),
        has: Duration::from_mins(10),
        windows: false,
        waits: true,
        pace: None,
    }));
}

#[test]
fn an_end_that_is_past_says_when_it_was() {
    insta::assert_snapshot!(hindered(Obstacle::EndPast {
        end: "2026-05-29T22:00:00+08:00".parse().expect("a time"),
    }));
}

#[test]
fn what_others_wrote_plays_no_tricks() {
    let mut plan = first(1);
    plan.header.title = Some("券\u{202e}\x1b[2J".into());
    plan.ledger.dir = "a\x1b[2Jb".into();
    plan.reasons.push(Reason {
        text: "said\x1b[2J".into(),
        help: None,
    });
    seen(&plan);
    insta::assert_snapshot!(Language::Chinese.scope(|| requests(&[request()], 3)));
    let tricky = anstream::adapter::strip_str(&requests(&[request()], 3)).to_string();
    insta::assert_snapshot!(tricky);
}

fn request() -> RequestNote {
    RequestNote {
        open_id: "ba253642-0590-40bc-xxx".into(),
        ordinal: 1,
        merchant_coupon_id: "k4jggjhebt75at8pqb4j".into(),
        method: "POST".into(),
        url: "https://open.douyin.com/api/promotion/v1/coupon/send_coupon_to_designated_user/".into(),
        headers: vec![
            ("access-token".into(), "[redacted]".into()),
            ("content-type".into(), "application/json".into()),
        ],
        body: r#"{"app_id":"ttec789ac573xxxxxx01","open_id":"ba253642-0590-40bc-xxx"}"#.into(),
    }
}

#[test]
fn programs_are_told_the_same() {
    let plan = later();
    insta::assert_json_snapshot!(PlanObject::new(&plan));
    insta::assert_json_snapshot!(RequestObject::new(&plan.header, &request()));
}

#[test]
fn what_is_unknown_is_absent_and_the_sum_is_right() {
    let object = serde_json::to_value(PlanObject::new(&first(7))).expect("it is JSON");
    assert_eq!(object["ledger"]["new"], true);
    assert!(object["ledger"].get("since").is_none());
    assert_eq!(object["counts"]["audience"], 7);
    let states = StateName::ALL.map(|state| serde_json::to_value(state).expect("a word"));
    let sum: u64 = states
        .iter()
        .filter_map(|state| object["counts"][state.as_str()?].as_u64())
        .sum();
    assert_eq!(sum, 7);
    assert_eq!(object["reasons"], json!([]));
    let mut nothing = first(0);
    nothing.forecast.ends_at = None;
    let object = serde_json::to_value(PlanObject::new(&nothing)).expect("it is JSON");
    assert!(object.get("ends_at").is_none());
}
