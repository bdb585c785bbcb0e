//! Tokens in virtual time: who asks, when, and how often.

use std::collections::VecDeque;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::douyin::codes::{Reply, Timing, outcome};

/// A token endpoint that answers as it was told, each call after a while, and counts.
#[derive(Default)]
struct Endpoint {
    answers: Mutex<VecDeque<Ended>>,
    calls: Mutex<Vec<(Instant, &'static str)>>,
    takes: Duration,
    codes: Codes,
}

impl Endpoint {
    fn new(answers: impl IntoIterator<Item = Ended>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
            takes: Duration::from_millis(50),
            ..Self::default()
        }
    }

    fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().iter().map(|(_, path)| *path).collect()
    }
}

impl Post for Endpoint {
    async fn post(&self, path: &'static str, _: Vec<u8>) -> Ended {
        self.calls.lock().unwrap().push((Instant::now(), path));
        tokio::time::sleep(self.takes).await;
        self.answers.lock().unwrap().pop_front().expect("an answer is left")
    }

    fn codes(&self) -> &Codes {
        &self.codes
    }

    fn tell(&self, _: Event) {}
}

fn said(status: u16, body: &serde_json::Value) -> Ended {
    Ended::Answered(Reply {
        status,
        body: body.to_string().into_bytes(),
        ..Reply::default()
    })
}

fn token(text: &str, life: u64) -> Ended {
    said(
        200,
        &json!({"data": {"access_token": text, "expires_in": life, "error_code": 0}}),
    )
}

fn keeper() -> Keeper {
    let credentials = Credentials::Client {
        key: Secret::new("key"),
        secret: Secret::new("canary"),
    };
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    Keeper::new(credentials, clock)
}

/// Lets the keeper hear that a send with this token was answered by `code`.
fn learn(keeper: &Keeper, access: &Access, code: i64) {
    let timing = Timing {
        began: Timestamp::UNIX_EPOCH,
        at: Timestamp::UNIX_EPOCH,
        latency: Duration::ZERO,
    };
    keeper.learn(
        access.version,
        &outcome(&said(200, &json!({"err_no": code})), &Codes::default(), timing),
    );
}

const REFUSED: i64 = 28_001_003;
const ACCEPTED: i64 = 28_001_045;

fn shown(access: &Access) -> &str {
    access.token.expose()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn one_call_serves_all_who_wait() {
    let (keeper, endpoint) = (Arc::new(keeper()), Arc::new(Endpoint::new([token("a", 7200)])));
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let (keeper, endpoint) = (keeper.clone(), endpoint.clone());
            tokio::spawn(async move { keeper.ready(&*endpoint).await.map(|access| access.version) })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), Ok(1));
    }
    assert_eq!(endpoint.calls(), [STABLE_TOKEN_PATH]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_of_its_end_by_one_and_used_meanwhile_by_the_others() {
    let (keeper, endpoint) = (
        Arc::new(keeper()),
        Arc::new(Endpoint::new([token("a", 7200), token("b", 7200)])),
    );
    keeper.ready(&*endpoint).await.unwrap();
    pass(6899).await;
    assert_eq!(shown(&keeper.ready(&*endpoint).await.unwrap()), "a");
    assert_eq!(endpoint.calls().len(), 1);
    pass(1).await;
    let first = tokio::spawn({
        let (keeper, endpoint) = (keeper.clone(), endpoint.clone());
        async move { keeper.ready(&*endpoint).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(
        shown(&keeper.ready(&*endpoint).await.unwrap()),
        "a",
        "nobody else waits"
    );
    assert_eq!(shown(&first.await.unwrap().unwrap()), "b");
    assert_eq!(endpoint.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_valid_a_token_outlives_a_renewal_that_fails() {
    let endpoint = Endpoint::new([token("a", 7200), said(502, &json!(null)), token("b", 7200)]);
    let keeper = keeper();
    keeper.ready(&endpoint).await.unwrap();
    pass(6900).await;
    for _ in 0..10 {
        assert_eq!(shown(&keeper.ready(&endpoint).await.unwrap()), "a");
    }
    assert_eq!(endpoint.calls().len(), 2);
    pass(5).await;
    assert_eq!(shown(&keeper.ready(&endpoint).await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn the_same_token_again_is_no_new_one() {
    let endpoint = Endpoint::new([token("a", 600), token("a", 100), token("b", 7200)]);
    let keeper = keeper();
    assert_eq!(keeper.ready(&endpoint).await.unwrap().version, 1);
    pass(500).await;
    assert_eq!(keeper.ready(&endpoint).await.unwrap().version, 1);
    pass(84).await;
    assert_eq!(keeper.ready(&endpoint).await.unwrap().version, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_everyone_and_old_news_is_none() {
    let endpoint = Endpoint::new([token("a", 7200), token("b", 7200)]);
    let keeper = keeper();
    let old = keeper.ready(&endpoint).await.unwrap();
    learn(&keeper, &old, ACCEPTED);
    pass(100).await;
    for _ in 0..64 {
        learn(&keeper, &old, REFUSED);
    }
    let new = keeper.ready(&endpoint).await.unwrap();
    assert_eq!(shown(&new), "b");
    pass(100).await;
    for _ in 0..64 {
        learn(&keeper, &old, REFUSED);
        assert_eq!(shown(&keeper.ready(&endpoint).await.unwrap()), "b");
    }
    assert_eq!(endpoint.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_token_is_asked_for_at_most_once_a_minute() {
    let endpoint = Endpoint::new([token("a", 7200), token("b", 7200)]);
    let keeper = keeper();
    let access = keeper.ready(&endpoint).await.unwrap();
    learn(&keeper, &access, ACCEPTED);
    pass(10).await;
    learn(&keeper, &access, REFUSED);
    let why = keeper.ready(&endpoint).await.unwrap_err();
    let NotReady::OutOfReach { why, again } = why else {
        panic!("{why}")
    };
    assert!(why.contains("28001003"), "{why}");
    assert_eq!(again.as_second(), 60);
    pass(50).await;
    assert_eq!(shown(&keeper.ready(&endpoint).await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_that_is_refused_stops_the_run() {
    for first in [token("a", 7200), token("b", 7200)] {
        let endpoint = Endpoint::new([first, token("b", 7200)]);
        let keeper = keeper();
        let access = keeper.ready(&endpoint).await.unwrap();
        learn(&keeper, &access, ACCEPTED);
        learn(&keeper, &access, REFUSED);
        pass(60).await;
        let access = keeper.ready(&endpoint).await.unwrap();
        learn(&keeper, &access, REFUSED);
        pass(600).await;
        let why = keeper.ready(&endpoint).await.unwrap_err();
        assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
        assert_eq!(endpoint.calls().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_seconds_is_renewed_as_often_as_it_lives() {
    let endpoint = Endpoint::new((0..20).map(|n| token(&format!("t{n}"), 6)));
    let keeper = keeper();
    for _ in 0..60 {
        keeper.ready(&endpoint).await.unwrap();
        pass(1).await;
    }
    let calls = endpoint.calls().len();
    assert!((10..=13).contains(&calls), "{calls} calls in a minute");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_out_of_reach_is_asked_again_after_waits_that_double() {
    let down = (0..7).map(|_| Ended::NotSent { why: "refused".into() });
    let endpoint = Endpoint {
        takes: Duration::ZERO,
        ..Endpoint::new(down.chain([token("a", 7200)]))
    };
    let keeper = keeper();
    let (began, mut waits) = (Instant::now(), Vec::new());
    while let Err(why) = keeper.ready(&endpoint).await {
        let NotReady::OutOfReach { again, .. } = why else {
            panic!("{why}")
        };
        let now = keeper.clock.now();
        let wait = crate::clock::until(now, again).unwrap();
        waits.push(wait.as_secs());
        tokio::time::advance(wait).await;
        assert!(began.elapsed() < Duration::from_hours(1));
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 120, 120]);
    assert!(endpoint.calls().iter().all(|path| *path == STABLE_TOKEN_PATH));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_asks_for_more_is_left_alone_for_longer_within_reason() {
    let asks = |seconds: &str| {
        Ended::Answered(Reply {
            status: 503,
            retry_after: Some(seconds.to_owned()),
            ..Reply::default()
        })
    };
    let too_many = said(200, &json!({"data": {"error_code": 10_020, "description": "too many"}}));
    for (answer, wait) in [
        (asks("1"), 5),
        (asks("30"), 30),
        (asks("86400"), 600),
        (asks("18446744073709551615"), 600),
        (too_many, 60),
    ] {
        let endpoint = Endpoint {
            takes: Duration::ZERO,
            ..Endpoint::new([answer])
        };
        let why = keeper().ready(&endpoint).await.unwrap_err();
        let NotReady::OutOfReach { again, .. } = why else {
            panic!("{why}")
        };
        assert_eq!(again.as_second(), wait);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clear_no_stops_at_the_beginning_and_is_waited_out_later() {
    let no = || said(403, &json!("forbidden"));
    let why = keeper().ready(&Endpoint::new([no()])).await.unwrap_err();
    assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
    let not_found = || said(404, &json!(null));
    let why = keeper()
        .ready(&Endpoint::new([not_found(), not_found()]))
        .await
        .unwrap_err();
    assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
    let endpoint = Endpoint::new([token("a", 7200), no(), token("b", 7200)]);
    let keeper = keeper();
    keeper.ready(&endpoint).await.unwrap();
    pass(7200).await;
    let why = keeper.ready(&endpoint).await.unwrap_err();
    assert!(matches!(why, NotReady::OutOfReach { .. }), "{why:?}");
    pass(5).await;
    assert_eq!(shown(&keeper.ready(&endpoint).await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_called_off_leaves_nothing_locked() {
    let endpoint = Endpoint::new([token("a", 7200), token("a", 7200)]);
    let keeper = keeper();
    let called_off = tokio::time::timeout(Duration::from_millis(10), keeper.ready(&endpoint)).await;
    assert!(called_off.is_err());
    assert_eq!(endpoint.calls().len(), 1);
    assert_eq!(shown(&keeper.ready(&endpoint).await.unwrap()), "a");
}

#[test]
fn a_token_that_no_header_can_carry_is_none() {
    for bad in [
        json!("a b"),
        json!("a\nb"),
        json!("令牌"),
        json!(""),
        json!(7),
        json!(null),
    ] {
        let ended = said(200, &json!({"data": {"access_token": bad, "expires_in": 7200}}));
        let read = answer::read("/", &ended, &Codes::default(), Timestamp::UNIX_EPOCH);
        assert!(matches!(read, Said::Later(..)), "{bad}");
    }
    let text = said(
        200,
        &json!({"data": {"access_token": "a", "expires_in": "7200", "error_code": "0"}}),
    );
    let read = answer::read("/", &text, &Codes::default(), Timestamp::UNIX_EPOCH);
    assert!(matches!(read, Said::Token { life, .. } if life == Duration::from_hours(2)));
}

#[derive(Clone, Debug)]
enum Happens {
    Passes(u64),
    Refused(u64),
    Accepted(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (0_u64..90_000).prop_map(Happens::Passes),
        (0_u64..3).prop_map(Happens::Refused),
        (0_u64..3).prop_map(Happens::Accepted),
    ]
}

proptest! {
    /// Whatever sends are answered and whenever: calls that yield a token lie a minute apart, or the token's own life.
    #[test]
    fn calls_never_storm(life in 0_u64..8_000, all in prop::collection::vec((happens(), any::<bool>()), 1..200)) {
        let mut now = Instant::now();
        let (mut state, mut calls, mut version) = (State::default(), Vec::new(), 0);
        let apart = Duration::from_secs(if life > 60 { 60 } else { life * 5 / 6 }.max(1));
        for (happens, works) in all {
            match happens {
                Happens::Passes(ms) => now += Duration::from_millis(ms),
                Happens::Refused(back) => state.refused(u64::saturating_sub(version, back), "no"),
                Happens::Accepted(back) => state.accepted(u64::saturating_sub(version, back)),
            }
            if matches!(state.next(now), Next::Get | Next::Ahead(_)) {
                calls.push((now, works));
                if works {
                    let token = Secret::new(&format!("t{}", calls.len()));
                    version += u64::from(state.fetched(token, Duration::from_secs(life), now));
                } else {
                    state.failed("down".into(), Duration::ZERO, now);
                }
            }
            prop_assert!(!matches!(state.next(now), Next::Get | Next::Ahead(_)), "one call is enough");
        }
        for pair in calls.windows(2) {
            let least = if pair[0].1 { apart } else { Duration::from_secs(5) };
            prop_assert!(pair[1].0 - pair[0].0 >= least);
        }
    }
}
