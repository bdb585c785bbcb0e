//! No secret is in the client's log at any level, or in its messages.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use runner::douyin::Platform;
use runner::douyin::client::HttpPlatform;

use crate::server::{Act, Server, answer, ok};
use crate::{client_credentials, config, permits};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The subscriber belongs to the process, so it also receives what other tests log. None of that may show a secret either.
#[tokio::test]
async fn no_secret_is_logged_or_said_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let server = Server::new(|seen| match seen.nth {
        1 => Act::Write(answer(404, "", "key-canary-1 secret-canary-2")),
        2 => ok(r#"{"data":{"access_token":"clt.canary-3","expires_in":7200,"error_code":0}}"#),
        3 => ok(r#"{"err_no":7,"err_msg":"you sent clt.canary-3","log_id":"clt.canary-3"}"#),
        4 => Act::WriteAndClose("HTTP/1.1 clt.canary-3\r\n\r\n".into()),
        _ => ok(r#"{"err_no":28001003,"err_msg":"bad token clt.canary-3"}"#),
    })
    .await;
    let mut said = vec![format!("{:?}", client_credentials())];
    let (config, heard) = config(&server.url, client_credentials());
    let platform = HttpPlatform::new(config).unwrap();
    for permit in permits(4).await {
        let Ok(access) = platform.ready().await else { break };
        said.push(format!("{access:?}"));
        let connection = platform.connect().await.unwrap();
        said.push(format!("{:?}", platform.send(access, connection, permit).await.outcome));
    }
    said.push(format!("{:?} {:?}", platform.ready().await, heard.all()));
    let said = said.concat();
    assert!(
        server.seen()[2].head.contains("access-token: clt.canary-3"),
        "it was sent"
    );
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("TRACE") && logged.contains("an attempt ended"),
        "nothing was heard"
    );
    for canary in ["canary-1", "canary-2", "canary-3", "clt.given"] {
        assert!(
            !logged.contains(canary),
            "{canary} was logged: {}",
            around(&logged, canary)
        );
        assert!(!said.contains(canary), "{canary} was said: {said}");
    }
}

/// The platform may quote a secret anywhere in an answer, in another form, or where the text is cut.
#[tokio::test]
async fn no_text_of_an_answer_keeps_a_secret() {
    const TOKEN: &str = "clt.canary-3-141592653589793";
    let server = Server::new(|seen| {
        let error = |message: &str, log_id: &str| {
            let body = serde_json::json!({"err_no": 31_000_001, "err_msg": message, "log_id": log_id});
            ok(&body.to_string())
        };
        match seen.nth {
            1 => ok(&format!(
                r#"{{"data":{{"access_token":"{TOKEN}","expires_in":7200,"error_code":0}}}}"#
            )),
            2 => ok(&format!(
                r#"{{"err_no":0,"log_id":"L2","data":{{"coupon_info":{{"coupon_id":"{TOKEN}",
                "coupon_name":"for secret-canary-2","merchant_meta_no":"key-canary-1 \\u0063lt.canary-3-141592653589793"}}}}}}"#
            )),
            // The text is cut at 1024 bytes, in the middle of the secret.
            3 => error(&format!("{}secret-canary-2", "y".repeat(1015)), TOKEN),
            4 => error(&format!("{}\u{200b}{}", &TOKEN[..9], &TOKEN[9..]), &TOKEN.to_uppercase()),
            5 => error("c2VjcmV0LWNhbmFyeS0y", "secret%2Dcanary%2D2"),
            _ => error(&TOKEN[4..20], &TOKEN[8..]),
        }
    })
    .await;
    let (config, _) = config(&server.url, client_credentials());
    let platform = HttpPlatform::new(config).unwrap();
    let mut said = Vec::new();
    for permit in permits(5).await {
        let access = platform.ready().await.unwrap();
        let connection = platform.connect().await.unwrap();
        said.push(format!(
            "{:#?}",
            platform.send(access, connection, permit).await.outcome
        ));
    }
    let said = said.concat();
    assert_eq!(said.matches("Answer {").count(), 5, "{said}");
    for canary in ["canary", "CANARY", "secret-", "secret%", "c2VjcmV0", "141592"] {
        assert!(!said.contains(canary), "{canary} was said: {said}");
    }
}

fn around<'a>(text: &'a str, canary: &str) -> &'a str {
    text.lines().find(|line| line.contains(canary)).unwrap_or_default()
}
