//! Boundary cases: the last byte that is read, a handshake that hangs, refusals of the token endpoint, and a platform that
//! quotes what it received.

use std::time::Duration;

use runner::douyin::client::HttpPlatform;
use runner::douyin::wire::{CLIENT_TOKEN_PATH, STABLE_TOKEN_PATH};
use runner::douyin::{NotReady, Platform};
use runner::model::outcome::{NotIssued, Proof, Unknown};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::server::{Act, Server, answer, ok};
use crate::{client_credentials, config, env_token, permit, platform, send};

#[tokio::test]
async fn a_body_is_read_up_to_its_1048576th_byte() {
    const REFUSED: &str = r#"{"err_no":28001045}"#;
    for (length, proof) in [
        (1 << 20, Proof::Refused),
        ((1 << 20) + 1, Proof::Unknown(Unknown::Unreadable)),
    ] {
        let body = format!("{}{REFUSED}", " ".repeat(length - REFUSED.len()));
        let server = Server::new(move |_| ok(&body)).await;
        let platform = platform(&server.url);
        let outcome = send(&platform, permit().await).await;
        assert_eq!((outcome.proof, outcome.status), (proof, Some(200)), "{length}");
    }
}

#[tokio::test]
async fn a_code_decides_whatever_the_status() {
    let server = Server::new(|_| Act::Write(answer(502, "", r#"{"err_no":"28001045","err_msg":"用户已注销"}"#))).await;
    let platform = platform(&server.url);
    let outcome = send(&platform, permit().await).await;
    assert_eq!((outcome.proof, outcome.status), (Proof::Refused, Some(502)));
}

#[tokio::test]
async fn a_handshake_that_hangs_is_surely_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (mut config, _) = config(&url, env_token());
    config.timeout = Duration::from_secs(3);
    let platform = HttpPlatform::new(config).unwrap();
    let outcome = send(&platform, permit().await).await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::NotSent), "{outcome:?}");
}

#[tokio::test]
async fn an_endpoint_that_takes_no_such_call_is_not_for_this_app() {
    let server = Server::new(|seen| match seen.path() {
        STABLE_TOKEN_PATH => Act::Write(answer(405, "", "")),
        _ => ok(r#"{"data":{"access_token":"clt.1","expires_in":7200,"error_code":0}}"#),
    })
    .await;
    let platform = HttpPlatform::new(config(&server.url, client_credentials()).0).unwrap();
    platform.ready().await.unwrap();
    let paths: Vec<String> = server.seen().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!(paths, [STABLE_TOKEN_PATH, CLIENT_TOKEN_PATH]);
}

#[tokio::test]
async fn a_slow_stable_endpoint_is_never_replaced_by_the_other() {
    let server = Server::new(|_| Act::Hang).await;
    let (mut config, _) = config(&server.url, client_credentials());
    config.timeout = Duration::from_secs(2);
    let why = HttpPlatform::new(config).unwrap().ready().await.unwrap_err();
    assert!(matches!(why, NotReady::OutOfReach { .. }), "{why:?}");
    assert_eq!(server.seen().len(), 1);
}

/// A call whose answer was lost may have ended the token before the last one. Two such calls in a row would end both valid
/// tokens.
#[tokio::test]
async fn a_client_token_that_may_have_been_made_is_followed_by_none_within_a_minute() {
    for lost in [
        Act::Write(answer(502, "", "")),
        Act::Write(answer(200, "", "{")),
        Act::WriteAndClose("HTTP/1.1 200".into()),
    ] {
        let lost = std::sync::Mutex::new(Some(lost));
        let server = Server::new(move |seen| match seen.path() {
            STABLE_TOKEN_PATH => Act::Write(answer(404, "", "")),
            _ => lost.lock().unwrap().take().expect("it is called once"),
        })
        .await;
        let platform = HttpPlatform::new(config(&server.url, client_credentials()).0).unwrap();
        let before = Instant::now();
        let why = platform.ready().await.unwrap_err();
        let NotReady::OutOfReach { again, .. } = why else {
            panic!("{why:?}")
        };
        let wait = again - before;
        assert!(wait >= Duration::from_mins(1), "{wait:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_quoted_where_no_code_is_does_not_show() {
    let server = Server::new(|_| ok(r#"{"err_no":0,"log_id":"for clt.given"}"#)).await;
    let platform = platform(&server.url);
    let outcome = send(&platform, permit().await).await;
    let detail = outcome.detail.as_deref().expect("no code says it");
    assert!(detail.contains("for [secret]"), "{detail}");
    assert!(!format!("{outcome:?}").contains("clt.given"));
}
