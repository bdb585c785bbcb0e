//! Connections whose answers are out of step: whole runs, over real sockets and in real time, against a gateway that sends
//! an answer twice. A settled delivery must agree with the platform.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runner::campaign;
use runner::douyin::client::HttpPlatform;
use runner::douyin::{Connection, Sent};
use runner::engine::app_limiter::{Alone, AppLimiter};
use runner::engine::send_order::SendOrder;
use runner::engine::{Apply, RunOutcome, StopReason, no_requests};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Generation, Ledger};
use runner::model::clock::Clock;
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::{Emit, Ending, Halted};
use runner::model::identity::OpenId;
use runner::model::outcome::Proof;
use runner::model::run_command::RunCommand;
use runner::plan::{self, Plan, RunOptions};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::{Act, ISSUED, Server, answer, ok, request};
use crate::{attempt, config, env_token, permits, platform, send};

const USERS: u32 = 300;

/// When the gateway repeats an answer.
#[derive(Clone, Copy, Debug)]
enum Again {
    /// This long after the first time.
    After(Duration),
    /// When the next request of the connection has arrived. From then on each request gets the answer of the one before.
    WithTheNext,
}

/// A platform behind a gateway that sends every answer twice. It refuses every third user.
struct Gateway {
    url: String,
    /// Whether each user was issued a coupon.
    issued: Arc<Mutex<HashMap<String, bool>>>,
}

impl Gateway {
    async fn new(again: Again) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issued: Arc<Mutex<HashMap<String, bool>>> = Arc::default();
        let judged = issued.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, again, judged.clone()));
            }
        });
        Self { url, issued }
    }
}

async fn serve(mut stream: TcpStream, again: Again, issued: Arc<Mutex<HashMap<String, bool>>>) {
    let mut last = None;
    while let Some((_, body)) = request(&mut stream).await {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let open_id = body["open_id"].as_str().unwrap().to_owned();
        let refused = open_id[1..].parse::<u32>().unwrap() % 3 == 2;
        let said = if refused {
            format!(r#"{{"err_no":28001046,"err_msg":"banned","log_id":"log-{open_id}"}}"#)
        } else {
            format!(
                r#"{{"err_no":0,"log_id":"log-{open_id}","data":{{"coupon_info":{{"coupon_id":"coupon-{open_id}"}}}}}}"#
            )
        };
        issued.lock().unwrap().insert(open_id, !refused);
        let said = answer(200, "", &said);
        let written = match again {
            Again::WithTheNext => {
                let before = last.replace(said.clone()).unwrap_or(said);
                stream.write_all(before.as_bytes()).await
            }
            Again::After(delay) => {
                let first = stream.write_all(said.as_bytes()).await;
                tokio::time::sleep(delay).await;
                first.and(stream.write_all(said.as_bytes()).await)
            }
        };
        if written.is_err() {
            return;
        }
    }
}

fn plan(url: &str) -> Plan {
    let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 71, \
                audience: {source: {csv: {path: a.csv, open_id: open_id}}}, \
                pace: {max_in_flight: 4, per_second: 1000}, retry: {timeout: 2s}, \
                halt: {refused: {over: 99%, after: 500}}}";
    let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    let options = RunOptions {
        sandbox: Some(url.to_owned()),
        ..RunOptions::default()
    };
    plan::build(&parsed.campaign, options).unwrap()
}

/// Sends to all users. Every settled delivery must agree with the platform.
async fn run(gateway: &Gateway) -> RunOutcome {
    let (_commands, told) = watch::channel(RunCommand::Go);
    let (ended, ledger) = apply(&gateway.url, told, Arc::new(|_| {})).await;
    let ledger_state = ledger.state();
    let issued = gateway.issued.lock().unwrap();
    for recipient in 0..ledger_state.recipients() {
        let state = ledger_state.status(DeliveryKey { recipient, ordinal: 1 }).state.name();
        let did = issued.get(&ledger_state.open_id(recipient));
        match state {
            StateName::Issued => assert_eq!(did, Some(&true), "u{recipient}"),
            StateName::Refused => assert_eq!(did, Some(&false), "u{recipient}"),
            _ => {}
        }
    }
    ended
}

/// Applies a campaign of all users to the platform at `url`.
pub(crate) async fn apply(
    url: &str,
    commands: watch::Receiver<RunCommand>,
    emit: Arc<dyn Emit>,
) -> (RunOutcome, Ledger<MemoryStore>) {
    let plan = plan(url);
    let clock = Clock::system();
    let at = clock.now();
    let recipients: Vec<_> = (0..USERS).map(|n| OpenId::parse(&format!("u{n}")).unwrap()).collect();
    let generation = Generation {
        at,
        listed: u64::from(USERS),
        source: [0; 32],
        activity_id: plan.activity_id.clone(),
        coupons_per_user: 1,
        fingerprint: String::new(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    };
    let timeout = plan.retry.timeout;
    let facts = vec![
        Fact::run_began(at, timeout),
        Fact::Admitted { recipients },
        Fact::Closed(Box::new(generation)),
    ];
    let mut ledger = Ledger::open(MemoryStore::default(), plan.identity.clone())
        .await
        .unwrap();
    ledger.append(facts).await.unwrap();
    let (config, _) = config(url, env_token());
    let apply = Apply {
        plan: Arc::new(plan),
        ledger,
        platform: Arc::new(HttpPlatform::new(config).unwrap()),
        send_order: SendOrder::default(),
        limiter: AppLimiter::new(Alone),
        clock,
        commands,
        requests: no_requests(),
        emit,
        seed: 1,
    };
    Box::pin(apply.run()).await.unwrap()
}

/// The second copy arrives either while the connection is idle, which closes it, or after the next request has left, which
/// halts the run. The timing decides.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_twice_settles_no_other_delivery() {
    for _ in 0..3 {
        for micros in [0, 500, 2_000, 8_000] {
            let gateway = Gateway::new(Again::After(Duration::from_micros(micros))).await;
            let ended = run(&gateway).await;
            match ended.why {
                StopReason::Halted(Halted::MixedAnswers { .. }) => assert_eq!(ended.ending, Ending::NeedsPerson),
                why => assert_eq!(
                    (ended.ending, &why),
                    (Ending::Complete, &StopReason::NothingLeft),
                    "{micros}"
                ),
            }
        }
    }
}

/// The answer to the request that received the copy is then still on its way. Read by another attempt, it would look valid.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_when_the_next_request_has_left_halts_the_run() {
    for _ in 0..5 {
        let gateway = Gateway::new(Again::WithTheNext).await;
        let ended = run(&gateway).await;
        assert_eq!(ended.ending, Ending::NeedsPerson);
        let StopReason::Halted(Halted::MixedAnswers { id, open_id, .. }) = ended.why else {
            panic!("{:?}", ended.why)
        };
        assert!(!id.ends_with(&format!("-{open_id}")), "{id} is that of {open_id}");
        assert!(ended.counts.count(StateName::InDoubt) > 0, "{:?}", ended.counts);
    }
}

/// Until a run has accepted an answer, its connection carries no other request. A dropped connection never does.
#[tokio::test]
async fn a_connection_is_used_again_only_when_it_is_released() {
    let server = Server::new(|_| ok(ISSUED)).await;
    let platform = platform(&server.url);
    let mut permits = permits(4).await;
    let first = attempt(&platform, permits.remove(0)).await;
    let second = attempt(&platform, permits.remove(0)).await;
    drop(first);
    second.connection.unwrap().release();
    send(&platform, permits.remove(0)).await;
    send(&platform, permits.remove(0)).await;
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 2, 2, 2]);
}

/// A repeated answer without a log_id cannot be detected, and an unreadable one may be followed by more bytes.
#[tokio::test]
async fn a_connection_closes_after_an_answer_that_equals_another() {
    for said in [
        r#"{"err_no":28001046}"#,
        r#"{"err_no":0,"log_id":"L1"}"#,
        "<html>",
        r#"{"data":{"coupon_info":{"coupon_id":"709"}},"err_no":0}"#,
    ] {
        let server = Server::new(move |_| Act::Write(answer(200, "", said))).await;
        let platform = platform(&server.url);
        for permit in permits(2).await {
            let Sent { outcome, connection } = attempt(&platform, permit).await;
            assert!(connection.is_none(), "{said}: {outcome:?}");
            assert_ne!(outcome.proof, Proof::Duplicate);
        }
        let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [1, 2], "{said}");
    }
}
