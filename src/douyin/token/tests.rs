//! Tokens in virtual time: when they are fetched, and how often.

use std::collections::VecDeque;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::douyin::codes::{Reply, Timing, outcome};

/// A token endpoint with given answers, each after a delay, that counts its calls.
#[derive(Default)]
struct Endpoint {
    answers: Mutex<VecDeque<HttpResult>>,
    calls: Mutex<Vec<(Instant, &'static str)>>,
    takes: Duration,
    codes: Codes,
}

impl Endpoint {
    fn new(answers: impl IntoIterator<Item = HttpResult>) -> Arc<Self> {
        Self::taking(Duration::from_millis(50), answers)
    }

    fn taking(takes: Duration, answers: impl IntoIterator<Item = HttpResult>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            takes,
            ..Self::default()
        })
    }

    fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().iter().map(|(_, path)| *path).collect()
    }
}

impl Post for Endpoint {
    async fn post(&self, path: &'static str, _: Vec<u8>) -> HttpResult {
        self.calls.lock().unwrap().push((Instant::now(), path));
        tokio::time::sleep(self.takes).await;
        self.answers.lock().unwrap().pop_front().expect("an answer is left")
    }

    fn codes(&self) -> &Codes {
        &self.codes
    }
}

/// Asks for a token and discards the events.
async fn ready(keeper: &Arc<Keeper>, endpoint: &Arc<Endpoint>) -> Result<Access, NotReady> {
    keeper.ready(endpoint, &|_| {}).await
}

/// Waits for a refresh that nothing else waits for.
async fn refreshed(keeper: &Arc<Keeper>) {
    tokio::task::yield_now().await;
    drop(keeper.refreshing.lock().await);
}

fn said(status: u16, body: &serde_json::Value) -> HttpResult {
    HttpResult::Answered(Reply {
        status,
        body: body.to_string().into_bytes(),
        ..Reply::default()
    })
}

fn token(text: &str, life: u64) -> HttpResult {
    said(
        200,
        &json!({"data": {"access_token": text, "expires_in": life, "error_code": 0}}),
    )
}

fn keeper() -> Arc<Keeper> {
    let credentials = Credentials::Client {
        key: Secret::new("key"),
        secret: Secret::new("canary"),
    };
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    Arc::new(Keeper::new(credentials, clock))
}

/// Records that a send with this token was answered by `code`.
fn learn(keeper: &Keeper, access: &Access, code: i64) {
    let timing = Timing {
        began: Timestamp::UNIX_EPOCH,
        at: Timestamp::UNIX_EPOCH,
        latency: Duration::ZERO,
        expected: None,
    };
    keeper.learn(
        access.version,
        &outcome(
            &said(200, &json!({"err_no": code})),
            &Codes::default(),
            &Redactor::default(),
            timing,
        ),
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
    let keeper = keeper();
    let endpoint = Endpoint::new([token("a", 7200)]);
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let keeper = keeper.clone();
            let endpoint = endpoint.clone();
            tokio::spawn(async move { ready(&keeper, &endpoint).await.map(|access| access.version) })
        })
        .collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), Ok(1));
    }
    assert_eq!(endpoint.calls(), [STABLE_TOKEN_PATH]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_of_its_end_and_used_meanwhile() {
    let endpoint = Endpoint::new([token("a", 7200), token("b", 7200)]);
    let keeper = keeper();
    ready(&keeper, &endpoint).await.unwrap();
    pass(6899).await;
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "a");
    assert_eq!(endpoint.calls().len(), 1);
    pass(1).await;
    for _ in 0..64 {
        assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "a", "nobody waits");
    }
    refreshed(&keeper).await;
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "b");
    assert_eq!(endpoint.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_valid_a_token_outlives_a_renewal_that_fails() {
    let endpoint = Endpoint::new([token("a", 7200), said(502, &json!(null)), token("b", 7200)]);
    let keeper = keeper();
    ready(&keeper, &endpoint).await.unwrap();
    pass(6900).await;
    for _ in 0..10 {
        assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "a");
        refreshed(&keeper).await;
    }
    assert_eq!(endpoint.calls().len(), 2);
    pass(5).await;
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "a");
    refreshed(&keeper).await;
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn the_same_token_again_is_no_new_one() {
    let endpoint = Endpoint::new([token("a", 600), token("a", 100), token("b", 7200)]);
    let keeper = keeper();
    assert_eq!(ready(&keeper, &endpoint).await.unwrap().version, 1);
    pass(500).await;
    assert_eq!(ready(&keeper, &endpoint).await.unwrap().version, 1);
    refreshed(&keeper).await;
    pass(84).await;
    assert_eq!(ready(&keeper, &endpoint).await.unwrap().version, 1);
    refreshed(&keeper).await;
    assert_eq!(ready(&keeper, &endpoint).await.unwrap().version, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_everyone_and_old_news_is_none() {
    let endpoint = Endpoint::new([token("a", 7200), token("b", 7200)]);
    let keeper = keeper();
    let old = ready(&keeper, &endpoint).await.unwrap();
    learn(&keeper, &old, ACCEPTED);
    pass(100).await;
    for _ in 0..64 {
        learn(&keeper, &old, REFUSED);
    }
    let new = ready(&keeper, &endpoint).await.unwrap();
    assert_eq!(shown(&new), "b");
    pass(100).await;
    for _ in 0..64 {
        learn(&keeper, &old, REFUSED);
        assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "b");
    }
    assert_eq!(endpoint.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_token_is_asked_for_at_most_once_a_minute() {
    let endpoint = Endpoint::new([token("a", 7200), token("b", 7200)]);
    let keeper = keeper();
    let began = Instant::now();
    let access = ready(&keeper, &endpoint).await.unwrap();
    learn(&keeper, &access, ACCEPTED);
    pass(10).await;
    learn(&keeper, &access, REFUSED);
    let why = ready(&keeper, &endpoint).await.unwrap_err();
    let NotReady::OutOfReach { why, again } = why else {
        panic!("{why}")
    };
    assert!(why.english().contains("28001003"), "{why}");
    assert_eq!(again - began, Duration::from_mins(1));
    pass(50).await;
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_that_is_refused_stops_the_run() {
    for first in [token("a", 7200), token("b", 7200)] {
        let endpoint = Endpoint::new([first, token("b", 7200)]);
        let keeper = keeper();
        let access = ready(&keeper, &endpoint).await.unwrap();
        learn(&keeper, &access, ACCEPTED);
        learn(&keeper, &access, REFUSED);
        pass(60).await;
        let access = ready(&keeper, &endpoint).await.unwrap();
        learn(&keeper, &access, REFUSED);
        pass(600).await;
        let why = ready(&keeper, &endpoint).await.unwrap_err();
        assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
        assert_eq!(endpoint.calls().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_seconds_is_renewed_as_often_as_it_lives() {
    let endpoint = Endpoint::new((0..20).map(|n| token(&format!("t{n}"), 6)));
    let keeper = keeper();
    for _ in 0..60 {
        ready(&keeper, &endpoint).await.unwrap();
        pass(1).await;
    }
    let calls = endpoint.calls().len();
    assert!((10..=13).contains(&calls), "{calls} calls in a minute");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_out_of_reach_is_asked_again_after_waits_that_double() {
    let down = (0..7).map(|_| HttpResult::NotSent { why: "refused".into() });
    let endpoint = Endpoint::taking(Duration::ZERO, down.chain([token("a", 7200)]));
    let keeper = keeper();
    let began = Instant::now();
    let mut waits = Vec::new();
    while let Err(why) = ready(&keeper, &endpoint).await {
        let NotReady::OutOfReach { again, .. } = why else {
            panic!("{why}")
        };
        let wait = again - Instant::now();
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
        HttpResult::Answered(Reply {
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
        let endpoint = Endpoint::taking(Duration::ZERO, [answer]);
        let began = Instant::now();
        let why = ready(&keeper(), &endpoint).await.unwrap_err();
        let NotReady::OutOfReach { again, .. } = why else {
            panic!("{why}")
        };
        assert_eq!(again - began, Duration::from_secs(wait));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clear_no_stops_at_the_beginning_and_is_waited_out_later() {
    let no = || said(403, &json!("forbidden"));
    let why = ready(&keeper(), &Endpoint::new([no()])).await.unwrap_err();
    assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
    let not_found = || said(404, &json!(null));
    let why = ready(&keeper(), &Endpoint::new([not_found(), not_found()]))
        .await
        .unwrap_err();
    assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
    let endpoint = Endpoint::new([token("a", 7200), no(), token("b", 7200)]);
    let keeper = keeper();
    ready(&keeper, &endpoint).await.unwrap();
    pass(7200).await;
    let why = ready(&keeper, &endpoint).await.unwrap_err();
    assert!(matches!(why, NotReady::OutOfReach { .. }), "{why:?}");
    pass(5).await;
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "b");
}

/// A pause drops the attempts that wait for a token. The call continues, and serves those after the pause.
#[tokio::test(start_paused = true)]
async fn a_call_goes_on_when_nobody_waits_for_it_any_more() {
    let not_found = said(404, &json!(null));
    let endpoint = Endpoint::taking(Duration::from_secs(4), [not_found, token("a", 7200)]);
    let keeper = keeper();
    for _ in 0..6 {
        let paused = timeout(Duration::from_secs(1), ready(&keeper, &endpoint)).await;
        assert!(paused.is_err(), "{paused:?}");
    }
    assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "a");
    assert_eq!(endpoint.calls(), [STABLE_TOKEN_PATH, CLIENT_TOKEN_PATH]);
}

/// A failed call delays the next one, also when nothing waited for it.
#[tokio::test(start_paused = true)]
async fn a_call_that_fails_while_nobody_waits_is_not_repeated_within_its_wait() {
    let endpoint = Endpoint::new([said(502, &json!(null)), token("a", 7200)]);
    let keeper = keeper();
    let paused = timeout(Duration::from_millis(10), ready(&keeper, &endpoint)).await;
    assert!(paused.is_err(), "{paused:?}");
    let why = ready(&keeper, &endpoint).await.unwrap_err();
    assert!(matches!(why, NotReady::OutOfReach { .. }), "{why:?}");
    assert_eq!(endpoint.calls().len(), 1);
}

/// A run ends while its call is in progress. The call serves another campaign of the app id, which also emits its event.
#[tokio::test(start_paused = true)]
async fn a_call_outlives_the_run_that_made_it() {
    let ended = Endpoint::new([token("a", 7200)]);
    let goes_on = Endpoint::new([]);
    let keeper = keeper();
    let run = tokio::spawn({
        let keeper = keeper.clone();
        let ended = ended.clone();
        async move { ready(&keeper, &ended).await }
    });
    tokio::task::yield_now().await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    let heard = Mutex::new(Vec::new());
    let hear = |event: Event| heard.lock().unwrap().push(event.kind);
    let access = keeper.ready(&goes_on, &hear).await.unwrap();
    assert_eq!(
        (shown(&access), ended.calls().len(), goes_on.calls().len()),
        ("a", 1, 0)
    );
    let heard = heard.into_inner().unwrap();
    assert!(matches!(heard[..], [EventKind::TokenFetched { .. }]), "{heard:?}");
}

/// The stable endpoint returns the same token until it expires, and its remaining life in whole seconds.
#[tokio::test(start_paused = true)]
async fn a_token_without_a_whole_second_left_is_not_used_and_soon_replaced() {
    for takes in [Duration::from_millis(50), Duration::from_secs(3)] {
        let endpoint = Endpoint::taking(takes, [token("a", 0), token("b", 7200)]);
        let keeper = keeper();
        let why = ready(&keeper, &endpoint).await.unwrap_err();
        let NotReady::OutOfReach { again, .. } = why else {
            panic!("{why}")
        };
        let wait = again - Instant::now();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        pass(1).await;
        assert_eq!(shown(&ready(&keeper, &endpoint).await.unwrap()), "b");
    }
}

/// A token that is near its end may expire in the second of waiting for the app id's lock.
#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_proves_nothing_by_its_refusal() {
    let endpoint = Endpoint::new([token("a", 1), token("b", 7200)]);
    let keeper = keeper();
    let old = ready(&keeper, &endpoint).await.unwrap();
    assert!(old.is_live(Instant::now()));
    pass(1).await;
    assert!(!old.is_live(Instant::now()));
    learn(&keeper, &old, REFUSED);
    let new = ready(&keeper, &endpoint).await.unwrap();
    assert_eq!(shown(&new), "b");
    learn(&keeper, &new, REFUSED);
    let why = ready(&keeper, &endpoint).await.unwrap_err();
    assert!(
        matches!(why, NotReady::Refused { .. }),
        "the next one is fresh, and refused: {why:?}"
    );
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
        let read = answer::read(
            "/",
            &ended,
            &Codes::default(),
            &Redactor::default(),
            Timestamp::UNIX_EPOCH,
        );
        assert!(matches!(read, Said::Later(..)), "{bad}");
    }
    let text = said(
        200,
        &json!({"data": {"access_token": "a", "expires_in": "7200", "error_code": "0"}}),
    );
    let read = answer::read(
        "/",
        &text,
        &Codes::default(),
        &Redactor::default(),
        Timestamp::UNIX_EPOCH,
    );
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
    /// For any answers to sends at any times: calls that yield a token are at least a minute apart, or the token's own
    /// life.
    #[test]
    fn calls_never_storm(life in 0_u64..8_000, all in prop::collection::vec((happens(), any::<bool>()), 1..200)) {
        let mut now = Instant::now();
        let mut state = State::default();
        let mut calls = Vec::new();
        let mut version = 0;
        let apart = Duration::from_secs(if life > 60 { 60 } else { life * 5 / 6 }.max(1));
        for (happens, works) in all {
            match happens {
                Happens::Passes(ms) => now += Duration::from_millis(ms),
                Happens::Refused(back) => state.refused(u64::saturating_sub(version, back), &"no".into(), now),
                Happens::Accepted(back) => state.accepted(u64::saturating_sub(version, back)),
            }
            if matches!(state.next(now), Next::Get | Next::Ahead(_)) {
                calls.push((now, works));
                if works {
                    let token = Secret::new(&format!("t{}", calls.len()));
                    version += u64::from(state.fetched(token, Duration::from_secs(life), now, now));
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

/// A token's file that is a named pipe gives nothing until another process writes to it. The executor has one thread, so a read
/// on it would hold up every task.
#[tokio::test(flavor = "current_thread")]
async fn a_file_that_gives_no_token_is_given_up() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "first-token").unwrap();
    let from = SecretRef::File(path.clone());
    let token = from.resolve().unwrap();
    let keeper = Arc::new(Keeper::new(
        Credentials::Token { token, from },
        Clock::simulated(Timestamp::UNIX_EPOCH),
    ));
    let endpoint = Endpoint::new([]);
    let first = ready(&keeper, &endpoint).await.unwrap();
    learn(&keeper, &first, REFUSED);
    std::fs::remove_file(&path).unwrap();
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (given_up, waits) = std::sync::mpsc::channel::<()>();
    // Holds the pipe open until the test has its answer, or has waited far too long for it.
    let writer = std::thread::spawn(move || {
        let pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let _ = waits.recv_timeout(Duration::from_mins(1));
        drop(pipe);
    });
    let Err(NotReady::OutOfReach { why, .. }) = ready(&keeper, &endpoint).await else {
        panic!("there is no token");
    };
    drop(given_up);
    writer.join().unwrap();
    assert!(why.english().contains("within 2 s"), "{why}");
}
