//! What must hold for any requests in any order.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::model::clock::{from_ms, later};

const START_MS: i64 = 1_780_000_000_000;

fn at(since_start: Duration) -> Moment {
    Moment {
        since_start,
        wall: later(from_ms(START_MS), since_start),
    }
}

fn ms(ms: u64) -> Moment {
    at(Duration::from_millis(ms))
}

fn request(user: &str, activity: &str, id: &str) -> SendRequest {
    SendRequest {
        app_id: "tt1".into(),
        open_id: user.into(),
        activity_id: activity.into(),
        merchant_coupon_id: id.into(),
    }
}

fn settings() -> RuleSettings {
    RuleSettings {
        access_token: Some("clt.given".into()),
        refuse: 0.0,
        ..RuleSettings::default()
    }
}

fn rules(settings: RuleSettings) -> Rules {
    Rules::new(1, settings)
}

fn send(rules: &mut Rules, request: &SendRequest, now: Moment) -> Reply {
    rules.send(request, Some("clt.given"), now)
}

fn client(key: &str, secret: &str) -> TokenRequest {
    TokenRequest {
        grant_type: "client_credential".into(),
        client_key: key.into(),
        client_secret: secret.into(),
    }
}

fn read(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

fn token(rules: &mut Rules, kind: TokenKind, now: Moment) -> String {
    let reply = rules.token(kind, &client("key", "secret"), now);
    let body = read(&reply);
    let token = body["data"]["access_token"].as_str();
    token.unwrap_or_else(|| panic!("a token in {}", reply.body)).to_owned()
}

/// The code of the answer to a new user's request with this token.
fn code_with(rules: &mut Rules, token: &str, now: Moment) -> i64 {
    let id = now.since_start.as_nanos().to_string() + token;
    rules.send(&request(&id, "71", &id), Some(token), now).code
}

proptest! {
    #[test]
    fn an_id_is_issued_once_and_stock_is_kept(
        asked in prop::collection::vec((0_u8..4, 0_u8..2, 0_u64..30), 1..80),
        duplicate in any::<bool>(),
        stock in 0_u64..4,
    ) {
        let repeat = if duplicate { Repeat::Duplicate } else { Repeat::Replay };
        let mut rules = rules(RuleSettings { repeat, stock: Some(stock), ..settings() });
        let mut issued: HashMap<(u8, u8), Value> = HashMap::new();
        let mut now = 0;
        for (user, activity, later) in asked {
            now += later;
            let reply = send(&mut rules, &request(&format!("u{user}"), &activity.to_string(), &format!("i{user}")), ms(now));
            let info = &read(&reply)["data"]["coupon_info"];
            match issued.get(&(activity, user)) {
                None if reply.effect == Effect::Issued => {
                    issued.insert((activity, user), info.clone());
                }
                None => prop_assert_eq!(reply.code, code::OUT_OF_STOCK),
                Some(_) if duplicate => prop_assert_eq!(reply.code, code::DUPLICATE),
                Some(first) => {
                    prop_assert_eq!(reply.effect, Effect::Replayed);
                    prop_assert_eq!(info, first);
                }
            }
            for activity in 0..2 {
                prop_assert!(issued.keys().filter(|(of, _)| *of == activity).count() as u64 <= stock);
            }
        }
    }

    #[test]
    fn no_sliding_second_admits_more_than_the_quota(gaps in prop::collection::vec(0_u64..400, 1..200), most in 1_u32..12) {
        let mut rules = rules(RuleSettings { per_second: most, ..settings() });
        let mut admitted: Vec<u64> = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            let id = format!("u{now}-{}", admitted.len());
            let recent = admitted.iter().filter(|arrival| now - **arrival < 1000).count();
            let reply = send(&mut rules, &request(&id, "71", &id), ms(now));
            let expected = recent < most as usize;
            prop_assert_eq!(reply.code == code::SUCCESS, expected, "{} of {} at {}", recent, most, now);
            prop_assert!(expected || reply.code == code::TOO_FREQUENT);
            if expected {
                admitted.push(now);
            }
        }
    }

    #[test]
    fn only_the_newest_two_tokens_live_and_the_older_for_five_minutes(gaps in prop::collection::vec(1_u64..8000, 1..12)) {
        let mut rules = rules(settings());
        let mut handed_out: Vec<(String, u64)> = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            let secs = |s| at(Duration::from_secs(s));
            let new = token(&mut rules, TokenKind::Client, secs(now));
            handed_out.push((new, now));
            for probe in [now, now + 299, now + 300, now + 7199, now + 7200] {
                let standing = |value: &str| rules.tokens.standing(value, Duration::from_secs(probe));
                for (age, (value, since)) in handed_out.iter().rev().enumerate() {
                    let expected = match age {
                        0 if probe < since + 7200 => TokenStatus::Live,
                        1 if probe < (since + 7200).min(now + 300) => TokenStatus::Live,
                        0 | 1 => TokenStatus::Expired,
                        _ => TokenStatus::Unknown,
                    };
                    prop_assert_eq!(standing(value), expected, "{} back, at {}", age, probe);
                }
            }
        }
    }

    #[test]
    fn the_same_sequence_is_answered_the_same(asked in prop::collection::vec((0_u8..9, 0_u64..50), 1..40), seed in any::<u64>()) {
        let answers = || {
            let mut rules = Rules::new(seed, RuleSettings { refuse: 0.3, inactive: 0.3, per_second: 20, ..settings() });
            let mut now = 0;
            let mut answer = |(user, gap): &(u8, u64)| {
                now += gap;
                send(&mut rules, &request(&format!("u{user}"), "71", &format!("i{user}")), ms(now))
            };
            asked.iter().map(&mut answer).collect::<Vec<_>>()
        };
        prop_assert_eq!(answers(), answers());
    }
}

#[test]
fn who_is_refused_depends_on_nobody_else() {
    let refused = |users: &mut dyn Iterator<Item = u32>| {
        let mut rules = rules(RuleSettings {
            refuse: 0.02,
            inactive: 0.1,
            ..settings()
        });
        let mut codes = HashMap::new();
        for (n, user) in users.enumerate() {
            let user = format!("u{user}");
            let now = ms(n as u64 * 20);
            codes.insert(user.clone(), send(&mut rules, &request(&user, "71", &user), now).code);
        }
        codes
    };
    let forwards = refused(&mut (0..5000));
    assert_eq!(forwards, refused(&mut (0..5000).rev()));
    let count = |code| forwards.values().filter(|found| **found == code).count();
    assert!(
        (60..140).contains(&count(code::ACCOUNT_CLOSED)),
        "{}",
        count(code::ACCOUNT_CLOSED)
    );
    assert!((400..580).contains(&count(code::INACTIVE)), "{}", count(code::INACTIVE));
}

#[test]
fn a_success_says_all_that_the_platform_says() {
    let mut rules = rules(settings());
    let reply = send(&mut rules, &request("u1", "7218071234565644204", "i1"), ms(0));
    let body = read(&reply);
    insta::assert_json_snapshot!(body);
    let coupon_id = body["data"]["coupon_info"]["coupon_id"].as_str().unwrap();
    assert!(
        coupon_id.len() == 19 && coupon_id.bytes().all(|byte| byte.is_ascii_digit()),
        "{coupon_id}"
    );
    let log_id = body["log_id"].as_str().unwrap();
    assert!(log_id.starts_with("20260529042640") && log_id.len() == 34, "{log_id}");
}

#[test]
fn a_repeat_keeps_the_time_of_the_first_success() {
    let mut rules = rules(settings());
    send(&mut rules, &request("u1", "71", "i1"), ms(0));
    let reply = send(&mut rules, &request("u1", "71", "i1"), ms(600_000));
    assert_eq!(read(&reply)["data"]["coupon_info"]["receive_time"], START_MS / 1000);
    let elsewhere = send(&mut rules, &request("u1", "72", "i1"), ms(601_000));
    assert_eq!(
        elsewhere.effect,
        Effect::Issued,
        "another activity knows nothing of the id"
    );
    let foreign = send(&mut rules, &request("u2", "71", "i1"), ms(602_000));
    assert_eq!(foreign.code, code::FOREIGN_ID);
}

#[test]
fn ignored_ids_are_issued_again() {
    let mut rules = rules(RuleSettings {
        repeat: Repeat::Ignore,
        ..settings()
    });
    let coupons = [0, 1, 2].map(|n| send(&mut rules, &request("u1", "71", "i1"), ms(n)));
    let coupons = coupons.map(|reply| read(&reply)["data"].clone());
    assert_ne!(coupons[0], coupons[1]);
    assert_ne!(coupons[1], coupons[2]);
}

#[test]
fn fields_that_are_missing_are_named() {
    let mut rules = rules(settings());
    for (request, named) in [
        (request("", "71", "i"), "open_id"),
        (request("u", "", "i"), "activity_id"),
        (request("u", "7e3", "i"), "activity_id"),
        (request("u", "71", ""), "merchant_coupon_id"),
    ] {
        let reply = send(&mut rules, &request, ms(0));
        assert_eq!(reply.code, code::BAD_PARAMETER);
        assert!(reply.message.contains(named), "{}", reply.message);
        assert_eq!(read(&reply).get("data"), None, "errors have no data");
    }
}

#[test]
fn a_streamers_plan_refuses_until_it_ends() {
    let plan = |streamer_plan| {
        let mut rules = rules(RuleSettings {
            streamer_plan,
            ..settings()
        });
        [0, 59_999, 60_000].map(|now| send(&mut rules, &request("u", "71", &now.to_string()), ms(now)).code)
    };
    let refused = code::STREAMER_PLAN;
    assert_eq!(plan(StreamerPlan::Always), [refused; 3]);
    assert_eq!(plan(StreamerPlan::For(Duration::from_mins(1))), [refused, refused, 0]);
    assert_eq!(plan(StreamerPlan::None), [0; 3]);
}

#[test]
fn the_stable_endpoint_keeps_its_token_while_it_is_valid() {
    let mut rules = rules(settings());
    let first = token(&mut rules, TokenKind::Stable, ms(0));
    assert_eq!(token(&mut rules, TokenKind::Stable, ms(7_198_000)), first);
    assert_eq!(code_with(&mut rules, &first, ms(7_199_999)), 0);
    let second = token(&mut rules, TokenKind::Stable, ms(7_199_999));
    assert_ne!(second, first);
    assert_eq!(code_with(&mut rules, &first, ms(7_200_000)), code::TOKEN_EXPIRED);
    assert_eq!(code_with(&mut rules, &second, ms(7_200_000)), 0);
    assert_eq!(code_with(&mut rules, "clt.never", ms(7_200_001)), code::TOKEN_INVALID);
}

#[test]
fn a_refresh_storm_logs_others_out() {
    let mut rules = rules(settings());
    let [first, second, third] = [0, 1, 2].map(|n| token(&mut rules, TokenKind::Client, ms(n)));
    assert_eq!(code_with(&mut rules, &first, ms(3)), code::TOKEN_INVALID);
    assert_eq!(code_with(&mut rules, &second, ms(4)), 0);
    assert_eq!(code_with(&mut rules, &third, ms(5)), 0);
    for n in 3..500 {
        token(&mut rules, TokenKind::Client, ms(n));
    }
    let more = |rules: &mut Rules, now| rules.token(TokenKind::Client, &client("key", "secret"), ms(now)).code;
    assert_eq!(more(&mut rules, 299_999), 10_020);
    assert_eq!(more(&mut rules, 300_000), 0);
}

#[test]
fn wrong_credentials_are_told_apart() {
    let mut rules = rules(settings());
    let mut ask = |key, secret| rules.token(TokenKind::Stable, &client(key, secret), ms(0)).code;
    assert_eq!(ask("", "s"), 10_002);
    assert_eq!(ask(WRONG, "s"), 10_003);
    assert_eq!(ask("k", WRONG), 10_013);
    assert_eq!(ask("k", "s"), 0);
}

#[test]
fn without_a_stable_endpoint_the_other_one_serves() {
    let mut rules = rules(RuleSettings {
        stable_token: false,
        ..settings()
    });
    let reply = rules.token(TokenKind::Stable, &client("k", "s"), ms(0));
    assert_eq!((reply.status, reply.code), (404, code::UNKNOWN_URI));
    token(&mut rules, TokenKind::Client, ms(0));
}

#[test]
fn another_sender_of_the_app_id_takes_its_part_of_every_second() {
    let mut rules = rules(RuleSettings {
        foreign_load: 40,
        ..settings()
    });
    for second in [0, 5, 6] {
        let admitted = (0..200).filter(|n| {
            let user = format!("u{second}-{n}");
            let now = at(Duration::from_secs(second) + Duration::from_millis(n * 5));
            send(&mut rules, &request(&user, "71", &user), now).code == code::SUCCESS
        });
        let admitted = admitted.count();
        assert!((58..=84).contains(&admitted), "{admitted} in second {second}");
    }
}
