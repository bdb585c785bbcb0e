//! Tokens over real sockets: their sources, and one call that serves all waiting attempts.

use std::sync::Arc;
use std::time::Duration;

use runner::douyin::client::HttpPlatform;
use runner::douyin::{NotReady, Platform};
use runner::model::event::EventKind;
use runner::model::outcome::{NotIssued, Proof};
use runner::model::secret::{Secret, SecretRef};
use tokio::sync::Notify;

use crate::server::{Act, ISSUED, Server, answer, ok};
use crate::{client_credentials, config, env_token, permits, send};
use runner::douyin::token::Credentials;

const STABLE: &str = "/oauth/stable_client_token/";
const CLIENT: &str = "/oauth/client_token/";

fn token(text: &str) -> Act {
    ok(&format!(
        r#"{{"data":{{"access_token":"{text}","expires_in":7200,"error_code":0,"description":""}},"message":"success"}}"#
    ))
}

#[tokio::test]
async fn the_call_for_a_token_is_exactly_the_platforms() {
    let server = Server::new(|_| token("clt.1")).await;
    let (config, heard) = config(&server.url, client_credentials());
    HttpPlatform::new(config).unwrap().ready().await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.path(), STABLE);
    assert!(seen.head.contains("content-type: application/json\r\n") && !seen.head.contains("access-token"));
    assert_eq!(
        seen.body,
        r#"{"grant_type":"client_credential","client_key":"key-canary-1","client_secret":"secret-canary-2"}"#
    );
    assert!(matches!(heard.all()[..], [EventKind::TokenFetched { .. }]));
}

#[tokio::test]
async fn however_many_wait_there_is_one_call() {
    let server = Server::new(|seen| {
        if seen.path() == STABLE {
            token("clt.1")
        } else {
            ok(ISSUED)
        }
    })
    .await;
    let platform = Arc::new(HttpPlatform::new(config(&server.url, client_credentials()).0).unwrap());
    let sends: Vec<_> = permits(64)
        .await
        .into_iter()
        .map(|permit| {
            let platform = platform.clone();
            tokio::spawn(async move { send(&platform, permit).await.proof })
        })
        .collect();
    for send in sends {
        assert!(matches!(send.await.unwrap(), Proof::Issued { .. }));
    }
    let calls = server.seen().iter().filter(|seen| seen.path() == STABLE).count();
    assert_eq!(calls, 1);
}

/// A call of `client_token` ends older tokens. A pause drops the attempts that wait for it, and the end of a run drops
/// their client. The call continues, and the next run of the app id uses its token.
#[tokio::test]
async fn a_call_goes_on_when_its_attempt_is_dropped_and_when_its_run_ends() {
    let called = Arc::new(Notify::new());
    let let_it = Arc::new(Notify::new());
    let call = called.clone();
    let wait = let_it.clone();
    let server = Server::new(move |seen| {
        if seen.path() == STABLE {
            return Act::Write(answer(404, "", ""));
        }
        call.notify_one();
        let body = r#"{"data":{"access_token":"clt.1","expires_in":7200,"error_code":0}}"#;
        Act::WriteWhen(wait.clone(), answer(200, "", body))
    })
    .await;
    let (config, _) = config(&server.url, client_credentials());
    let first = config.clone();
    let second = config;
    let run = tokio::spawn(async move { HttpPlatform::new(first).unwrap().ready().await.map(drop) });
    called.notified().await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    let platform = HttpPlatform::new(second).unwrap();
    for _ in 0..6 {
        let paused = tokio::time::timeout(Duration::from_millis(20), platform.ready()).await;
        assert!(paused.is_err(), "there is no token yet");
    }
    let_it.notify_one();
    platform.ready().await.unwrap();
    let paths: Vec<String> = server.seen().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!(paths, [STABLE, CLIENT]);
}

#[tokio::test]
async fn the_other_endpoint_is_called_only_when_the_first_is_not_for_this_app() {
    for not_known in [
        answer(404, "", "no such page"),
        answer(200, "", r#"{"err_no":28001017}"#),
        answer(200, "", r#"{"data":{"error_code":"2190004","description":"no"}}"#),
    ] {
        let server = Server::new(move |seen| match seen.path() {
            STABLE => Act::Write(not_known.clone()),
            _ => token("clt.1"),
        })
        .await;
        let (config, heard) = config(&server.url, client_credentials());
        HttpPlatform::new(config).unwrap().ready().await.unwrap();
        let paths: Vec<String> = server.seen().iter().map(|seen| seen.path().to_owned()).collect();
        assert_eq!(paths, [STABLE, CLIENT]);
        let heard = heard.all();
        assert!(
            matches!(&heard[..], [EventKind::Warning { message }, EventKind::TokenFetched { .. }] if message.english().contains("access_token")),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn a_busy_endpoint_is_waited_for_and_never_replaced_by_the_other() {
    for busy in [
        answer(502, "", ""),
        answer(429, "retry-after: 30\r\n", ""),
        answer(200, "", r#"{"data":{"error_code":10020,"description":"too many"}}"#),
        answer(200, "", r#"{"err_no":28001005}"#),
        answer(200, "", "{}"),
        "HTTP".to_owned(),
    ] {
        let server = Server::new(move |_| Act::WriteAndClose(busy.clone())).await;
        let platform = HttpPlatform::new(config(&server.url, client_credentials()).0).unwrap();
        for _ in 0..5 {
            let why = platform.ready().await.unwrap_err();
            assert!(matches!(why, NotReady::OutOfReach { .. }), "{why:?}");
        }
        let paths: Vec<String> = server.seen().iter().map(|seen| seen.path().to_owned()).collect();
        assert_eq!(paths, [STABLE], "the next call waits");
    }
}

#[tokio::test]
async fn a_wrong_key_or_secret_stops_before_the_first_send() {
    let mut said = Vec::new();
    for code in [10_002, 10_003, 10_013, 19_999] {
        let body =
            format!(r#"{{"data":{{"error_code":{code},"description":"not secret-canary-2"}},"message":"error"}}"#);
        let server = Server::new(move |_| ok(&body)).await;
        let platform = HttpPlatform::new(config(&server.url, client_credentials()).0).unwrap();
        let why = platform.ready().await.unwrap_err();
        assert!(matches!(why, NotReady::Refused { .. }), "{why:?}");
        assert_eq!(platform.ready().await.unwrap_err(), why);
        assert_eq!(server.seen().len(), 1);
        said.push(why.to_string());
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn a_token_of_the_environment_that_is_refused_is_at_its_end() {
    let server = Server::new(|_| ok(r#"{"err_no":28001008,"err_msg":"expired: clt.given"}"#)).await;
    let platform = HttpPlatform::new(config(&server.url, env_token()).0).unwrap();
    let outcome = send(&platform, permits(1).await.remove(0)).await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::Token));
    let why = platform.ready().await.unwrap_err();
    assert!(matches!(why, NotReady::Expired { .. }), "{why:?}");
    insta::assert_snapshot!(why);
}

#[tokio::test]
async fn a_token_of_a_file_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "clt.new\n").unwrap();
    let server = Server::new(|seen| {
        if seen.head.contains("access-token: clt.new") {
            ok(ISSUED)
        } else {
            ok(r#"{"err_no":28001003}"#)
        }
    })
    .await;
    let credentials = Credentials::Token {
        token: Secret::new("clt.old"),
        from: SecretRef::File(path),
    };
    let platform = HttpPlatform::new(config(&server.url, credentials).0).unwrap();
    let mut permits = permits(2).await;
    let first = send(&platform, permits.remove(0)).await;
    assert_eq!(first.proof, Proof::NotIssued(NotIssued::Token));
    let second = send(&platform, permits.remove(0)).await;
    assert!(matches!(second.proof, Proof::Issued { .. }));
}
