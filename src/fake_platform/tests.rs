//! How faults affect what is issued, and whether the log is correct.

use super::*;
use crate::model::clock::{from_ms, later};

fn at(ms: u64) -> Moment {
    let since_start = Duration::from_millis(ms);
    Moment {
        since_start,
        wall: later(from_ms(1_780_000_000_000), since_start),
    }
}

fn settings(shares: &[(Fault, f64)]) -> Settings {
    Settings {
        seed: 3,
        rules: RuleSettings {
            access_token: Some("clt.t".into()),
            refuse: 0.0,
            ..RuleSettings::default()
        },
        faults: FaultSettings {
            shares: shares.to_vec(),
            ..FaultSettings::default()
        },
        ..Settings::default()
    }
}

fn sandbox(shares: &[(Fault, f64)]) -> FakePlatform {
    FakePlatform::new(settings(shares))
}

fn send(sandbox: &mut FakePlatform, user: &str, now: Moment) -> Exchange {
    let request = SendRequest {
        app_id: "tt1".into(),
        open_id: user.into(),
        activity_id: "71".into(),
        merchant_coupon_id: format!("id-{user}"),
    };
    sandbox.send(&request, Some("clt.t"), now)
}

/// The endings and the coupons of a hundred users that all meet this fault.
fn all_meet(fault: Fault) -> (Vec<Ending>, u64) {
    let mut sandbox = sandbox(&[(fault, 1.0)]);
    let endings = (0..100)
        .map(|n| send(&mut sandbox, &n.to_string(), at(n * 20)).ending)
        .collect();
    let totals = sandbox.journal().totals();
    assert_eq!(totals.faults.get(fault.word()), Some(&100));
    assert_eq!(totals.users_with_coupon, totals.issued);
    (endings, totals.issued)
}

fn codes(endings: &[Ending]) -> Vec<Option<i64>> {
    let code = |ending: &Ending| match ending {
        Ending::Answer(answer) => serde_json::from_str::<serde_json::Value>(&answer.body).ok()?["err_no"].as_i64(),
        _ => None,
    };
    endings.iter().map(code).collect()
}

#[test]
fn each_fault_ends_as_it_says() {
    let (endings, issued) = all_meet(Fault::Drop);
    assert!(endings.iter().all(|ending| *ending == Ending::Cut) && issued == 0);
    let (endings, issued) = all_meet(Fault::LoseAnswer);
    assert!(endings.iter().all(|ending| *ending == Ending::Cut) && issued == 100);
    let (endings, issued) = all_meet(Fault::CutBody);
    assert!(endings.iter().all(|ending| matches!(ending, Ending::CutBody(_))) && issued == 100);
    let (endings, issued) = all_meet(Fault::Hang);
    assert!(endings.iter().all(|ending| *ending == Ending::Hang) && (20..80).contains(&issued));
    let (endings, issued) = all_meet(Fault::Busy);
    assert!(codes(&endings).iter().all(|code| *code == Some(28_001_005)) && (20..80).contains(&issued));
    let (endings, issued) = all_meet(Fault::NetworkError);
    assert!(codes(&endings).iter().all(|code| *code == Some(28_001_006)) && (20..80).contains(&issued));
    let (endings, issued) = all_meet(Fault::Throttle);
    assert!(codes(&endings).iter().all(|code| *code == Some(29_005_012)) && issued == 0);
    let (endings, issued) = all_meet(Fault::BadGateway);
    let gateway = |ending: &Ending| matches!(ending, Ending::Answer(answer) if answer.status == 502 && answer.content_type == "text/html");
    assert!(endings.iter().all(gateway) && (20..80).contains(&issued));
    let (endings, issued) = all_meet(Fault::Garbage);
    let coupon = |ending: &Ending| matches!(ending, Ending::Answer(answer) if answer.body.contains("coupon_id"));
    assert!(!endings.iter().any(coupon) && issued == 100);
}

#[test]
fn the_log_counts_what_happened() {
    let mut sandbox = sandbox(&[]);
    for (user, ms) in [("a", 0), ("b", 0), ("a", 600), ("a", 1000), ("c", 1599)] {
        send(&mut sandbox, user, at(ms));
    }
    let totals = sandbox.journal().totals();
    assert_eq!((totals.requests, totals.issued, totals.replayed), (5, 3, 2));
    assert_eq!(
        (totals.users, totals.users_with_coupon, totals.ids_issued_twice),
        (3, 3, 0)
    );
    assert_eq!(
        totals.harshest_second, 3,
        "0, 0 and 600; or 600, 1000 and 1599: a second has one end"
    );
    let seen = sandbox.journal().seen("tt1", "id-a");
    assert_eq!((seen.requests, seen.coupons), (3, 1));
    assert_eq!(sandbox.journal().coupons_of("tt1", "a"), 1);
    insta::assert_snapshot!(serde_json::to_string(&sandbox.journal().records()[3]).unwrap());
}

#[test]
fn without_a_log_every_request_is_answered_the_same() {
    let shares = [(Fault::LoseAnswer, 0.3), (Fault::Busy, 0.3)];
    let mut with = sandbox(&shares);
    let mut without = FakePlatform::without_log(settings(&shares));
    for n in 0..300 {
        let user = (n % 70).to_string();
        let now = at(n * 20);
        assert_eq!(send(&mut without, &user, now), send(&mut with, &user, now));
    }
    assert!(without.journal().records().is_empty() && with.journal().records().len() == 300);
}

#[test]
fn an_id_that_is_issued_twice_is_seen() {
    let mut sandbox = FakePlatform::new(Settings {
        rules: RuleSettings {
            repeat: Repeat::Ignore,
            refuse: 0.0,
            access_token: Some("clt.t".into()),
            ..RuleSettings::default()
        },
        ..Settings::default()
    });
    for (ms, twice) in [(0, 0), (1, 1), (2, 1)] {
        send(&mut sandbox, "a", at(ms));
        assert_eq!(sandbox.journal().totals().ids_issued_twice, twice);
    }
    assert_eq!(sandbox.journal().coupons_of("tt1", "a"), 3);
}

#[test]
fn by_default_some_users_are_refused_and_nothing_else_happens() {
    let mut sandbox = FakePlatform::new(Settings {
        rules: RuleSettings {
            access_token: Some("clt.t".into()),
            ..RuleSettings::default()
        },
        ..Settings::default()
    });
    for n in 0..600 {
        send(&mut sandbox, &format!("user-{n}"), at(n * 11));
    }
    let totals = sandbox.journal().totals();
    let codes: Vec<_> = totals.codes.iter().map(|count| count.code).collect();
    assert_eq!(codes, [0, 28_001_045]);
    assert!((570..600).contains(&totals.issued), "{}", totals.issued);
    assert!(totals.faults.is_empty());
}
