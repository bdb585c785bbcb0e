//! The fake platform over real sockets: what a client sees of each rule and of each fault.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

use std::collections::BTreeMap;
use std::io;

use runner::douyin::wire::{CLIENT_TOKEN_PATH, SEND_PATH, STABLE_TOKEN_PATH};
use runner::fake_platform::{Fault, FaultSettings, Repeat, RuleSettings, Running, Settings, WRONG, serve, start};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn settings(shares: &[(Fault, f64)]) -> Settings {
    Settings {
        seed: 5,
        rules: RuleSettings {
            access_token: Some("clt.t".into()),
            per_second: 1_000_000,
            refuse: 0.0,
            ..RuleSettings::default()
        },
        faults: FaultSettings {
            latency: Default::default(),
            shares: shares.to_vec(),
        },
        ..Settings::default()
    }
}

async fn running(shares: &[(Fault, f64)]) -> Running {
    start(settings(shares)).await.expect("a free loopback port")
}

fn body(user: &str) -> String {
    json!({"app_id": "tt1", "open_id": user, "activity_id": "71", "merchant_coupon_id": format!("id-{user}")})
        .to_string()
}

fn request(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: sandbox\r\naccess-token: clt.t\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// The request as the last one of its connection.
fn last(request: &str) -> String {
    request.replacen("\r\n", "\r\nconnection: close\r\n", 1)
}

async fn connect(base_url: &str) -> TcpStream {
    TcpStream::connect(base_url.trim_start_matches("http://"))
        .await
        .expect("a connection to the fake platform")
}

/// Everything that the client receives until the connection ends, in any way.
async fn raw(base_url: &str, request: &str) -> String {
    let mut stream = connect(base_url).await;
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is written");
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8(bytes).expect("an answer of text")
}

/// One answer over a separate connection: its head and its body.
async fn exchange(base_url: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let answer = raw(base_url, &last(&request(method, path, body))).await;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("an answer in {answer:?}"));
    (head.to_owned(), body.to_owned())
}

async fn send(base_url: &str, user: &str) -> Value {
    let (_, answer) = exchange(base_url, "POST", SEND_PATH, &body(user)).await;
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
}

#[tokio::test]
async fn a_coupon_is_issued_once_and_repeated() {
    let sandbox = running(&[]).await;
    let first = send(sandbox.base_url(), "u1").await;
    let again = send(sandbox.base_url(), "u1").await;
    assert_eq!(first["err_no"], 0);
    assert_eq!(first["data"], again["data"]);
    let totals = sandbox.stop().await;
    assert_eq!((totals.requests, totals.issued, totals.replayed), (2, 1, 1));
}

#[tokio::test]
async fn without_the_slash_it_redirects() {
    let sandbox = running(&[]).await;
    let (head, _) = exchange(sandbox.base_url(), "POST", SEND_PATH.trim_end_matches('/'), &body("u1")).await;
    assert!(
        head.starts_with("HTTP/1.1 308 ") && head.contains(&format!("location: {SEND_PATH}")),
        "{head}"
    );
    assert_eq!(sandbox.stop().await.requests, 0);
}

#[tokio::test]
async fn what_is_not_a_request_is_called_so() {
    let sandbox = running(&[]).await;
    for (body, said) in [
        ("not json", "expected"),
        (
            r#"{"app_id":"tt1","open_id":"u","activity_id":71,"merchant_coupon_id":"i"}"#,
            "invalid type",
        ),
        (
            r#"{"app_id":"tt1","open_id":"u","activity_id":"71"}"#,
            "merchant_coupon_id",
        ),
    ] {
        let (head, answer) = exchange(sandbox.base_url(), "POST", SEND_PATH, body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(answer["err_no"], 28_001_007, "{body}");
        assert!(answer["err_msg"].as_str().unwrap().contains(said), "{answer}");
    }
    let (head, answer) = exchange(sandbox.base_url(), "POST", "/nowhere", "").await;
    assert!(
        head.starts_with("HTTP/1.1 404 ") && answer.contains("28001017"),
        "{head} {answer}"
    );
}

#[tokio::test]
async fn tokens_are_handed_out_and_asked_for() {
    let sandbox = running(&[]).await;
    let ask = async |path, key: &str| {
        let body = json!({"grant_type": "client_credential", "client_key": key, "client_secret": "s"}).to_string();
        let (_, answer) = exchange(sandbox.base_url(), "POST", path, &body).await;
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let stable = ask(STABLE_TOKEN_PATH, "k").await;
    assert_eq!(
        stable["data"]["access_token"],
        ask(STABLE_TOKEN_PATH, "k").await["data"]["access_token"]
    );
    let client = ask(CLIENT_TOKEN_PATH, "k").await;
    assert_ne!(stable["data"]["access_token"], client["data"]["access_token"]);
    assert_eq!(client["data"]["expires_in"], 7200);
    assert_eq!(ask(STABLE_TOKEN_PATH, WRONG).await["data"]["error_code"], 10_003);
    let (_, unreadable) = exchange(
        sandbox.base_url(),
        "POST",
        STABLE_TOKEN_PATH,
        "grant_type=client_credential",
    )
    .await;
    assert!(unreadable.contains("10002"), "{unreadable}");

    let foreign = request("POST", SEND_PATH, &body("u")).replace("clt.t\r\n", "clt.foreign\r\nconnection: close\r\n");
    assert!(raw(sandbox.base_url(), &foreign).await.contains("28001003"));
}

#[tokio::test]
async fn faults_that_cut_leave_no_byte() {
    for (fault, issued) in [(Fault::Drop, 0), (Fault::LoseAnswer, 1)] {
        let sandbox = running(&[(fault, 1.0)]).await;
        assert_eq!(
            raw(sandbox.base_url(), &last(&request("POST", SEND_PATH, &body("u1")))).await,
            "",
            "{fault:?}"
        );
        assert_eq!(sandbox.stop().await.issued, issued, "{fault:?}");
    }
}

#[tokio::test]
async fn a_cut_body_ends_halfway() {
    let sandbox = running(&[(Fault::CutBody, 1.0)]).await;
    let answer = raw(sandbox.base_url(), &last(&request("POST", SEND_PATH, &body("u1")))).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
    assert!(body.starts_with('{'), "{body}");
    assert_eq!(sandbox.stop().await.issued, 1);
}

#[tokio::test]
async fn a_connection_survives_its_ordinary_answers() {
    let sandbox = running(&[]).await;
    let mut stream = connect(sandbox.base_url()).await;
    for user in ["u1", "u2", "u3"] {
        stream
            .write_all(request("POST", SEND_PATH, &body(user)).as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        while !answer.ends_with('}') {
            let mut some = [0; 4096];
            let n = stream.read(&mut some).await.unwrap();
            assert_ne!(n, 0, "ended after {answer:?}");
            answer.push_str(std::str::from_utf8(&some[..n]).unwrap());
        }
        assert!(answer.contains("coupon_id"), "{answer}");
    }
}

/// Reads `many` whole answers to requests for a coupon.
async fn answers(stream: &mut TcpStream, many: usize) -> String {
    let mut answers = String::new();
    while answers.matches("\r\n\r\n").count() < many || !answers.ends_with('}') {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).await.unwrap();
        assert_ne!(n, 0, "ended after {answers:?}");
        answers.push_str(std::str::from_utf8(&some[..n]).unwrap());
    }
    answers
}

#[tokio::test]
async fn a_repeated_answer_comes_before_the_right_one() {
    let sandbox = running(&[(Fault::RepeatAnswer, 1.0)]).await;
    let mut stream = connect(sandbox.base_url()).await;
    let mut ask = async |user: &str, many| {
        let request = request("POST", SEND_PATH, &body(user));
        stream.write_all(request.as_bytes()).await.unwrap();
        answers(&mut stream, many).await
    };
    let first = ask("u1", 1).await;
    let second = ask("u2", 2).await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    let (again, own) = second.split_once("}HTTP/1.1 ").unwrap();
    assert_eq!(body(again) + "}", body(&first));
    assert!(own.contains("coupon_id") && body(own) != body(&first), "{own}");
    drop(stream);
    assert_eq!(sandbox.stop().await.issued, 2);
}

#[tokio::test]
async fn a_hanging_answer_never_comes_and_does_not_keep_the_fake_platform_running() {
    let sandbox = running(&[(Fault::Hang, 1.0)]).await;
    let mut stream = connect(sandbox.base_url()).await;
    stream
        .write_all(request("POST", SEND_PATH, &body("u1")).as_bytes())
        .await
        .unwrap();
    while sandbox.totals().requests == 0 {
        tokio::task::yield_now().await;
    }
    let spare = connect(sandbox.base_url()).await;
    sandbox.stop().await;
    let mut rest = Vec::new();
    assert!(
        matches!(stream.read_to_end(&mut rest).await, Ok(0) | Err(_)),
        "{rest:?}"
    );
    drop(spare);
}

#[tokio::test]
async fn faults_that_answer_answer_so() {
    for (fault, head, body) in [
        (Fault::Busy, "HTTP/1.1 200 ", "28001005"),
        (Fault::NetworkError, "HTTP/1.1 200 ", "28001006"),
        (Fault::Throttle, "HTTP/1.1 200 ", "29005012"),
        (Fault::BadGateway, "HTTP/1.1 502 ", "<html>"),
        (Fault::Garbage, "HTTP/1.1 200 ", ""),
    ] {
        let sandbox = running(&[(fault, 1.0)]).await;
        let (found, answer) = exchange(sandbox.base_url(), "POST", SEND_PATH, &self::body("u1")).await;
        assert!(
            found.starts_with(head) && answer.contains(body),
            "{fault:?}: {found} {answer}"
        );
        assert!(!answer.contains("coupon_id"), "{fault:?}: {answer}");
    }
}

/// The result of each id at each attempt, from the log.
async fn fates(users: impl Iterator<Item = u32>) -> BTreeMap<(String, u64), (Value, Value)> {
    let sandbox = running(&Fault::ALL.map(|fault| (fault, if fault == Fault::Hang { 0.0 } else { 0.1 }))).await;
    for user in users {
        for _ in 0..2 {
            let request = request("POST", SEND_PATH, &body(&user.to_string()));
            raw(sandbox.base_url(), &last(&request)).await;
        }
    }
    let (_, log) = exchange(sandbox.base_url(), "GET", "/log.jsonl", "").await;
    // The log is chunked: the lines that are objects are the records.
    let records = log.lines().filter(|line| line.starts_with('{'));
    let records = records.map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    let key = |record: &Value| (record["open_id"].to_string(), record["nth"].as_u64().expect("a count"));
    records
        .map(|record| (key(&record), (record["fault"].clone(), record["effect"].clone())))
        .collect()
}

#[tokio::test]
async fn the_same_flags_give_the_same_faults_in_any_order() {
    let forwards = fates(0..60).await;
    assert_eq!(forwards.len(), 120);
    assert!(
        forwards.values().any(|(fault, _)| fault.is_string()) && forwards.values().any(|(fault, _)| fault.is_null())
    );
    assert_eq!(forwards, fates((0..60).rev()).await);
}

#[tokio::test]
async fn the_log_file_has_what_the_log_has() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("requests.jsonl");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let mut settings = settings(&[]);
    settings.rules.repeat = Repeat::Ignore;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let until = async {
        let _ = stopped.await;
    };
    let served = tokio::spawn(serve(listener, settings, Some(path.clone()), until));
    // More than one page of the log.
    let mut stream = connect(&base_url).await;
    let many = request("POST", SEND_PATH, &body("u")).repeat(1100) + &last(&request("GET", "/state.json", ""));
    let (mut reading, mut writing) = stream.split();
    let mut answers = String::new();
    let (written, read) = tokio::join!(writing.write_all(many.as_bytes()), reading.read_to_string(&mut answers));
    written.unwrap();
    read.unwrap();
    assert!(answers.contains("\"issued\":1100") && answers.contains("\"ids_issued_twice\":1"));

    let (_, log) = exchange(&base_url, "GET", "/log.jsonl", "").await;
    let log: Vec<_> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(str::to_owned)
        .collect();
    stop.send(()).unwrap();
    assert_eq!(served.await.unwrap().unwrap().issued, 1100);
    let file = std::fs::read_to_string(&path).unwrap();
    assert_eq!(file.lines().count(), 1100);
    assert!(file.lines().eq(log.iter().map(String::as_str)));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = tempfile::tempdir().unwrap().path().join("gone").join("log");
    let error = serve(listener, settings(&[]), Some(nowhere), std::future::pending())
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("cannot write the log of requests to "),
        "{error}"
    );
}

#[tokio::test]
async fn the_page_needs_no_other_file() {
    let sandbox = running(&[]).await;
    let (head, page) = exchange(sandbox.base_url(), "GET", "/", "").await;
    assert!(
        head.contains("text/html") && head.contains("default-src 'none'"),
        "{head}"
    );
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "it asks nobody else for anything"
    );
}
