//! One attempt: its exact request, and every way that it can end.

use std::path::Path;
use std::time::Duration;

use runner::campaign;
use runner::douyin::client::{HttpPlatform, RequestBuilder};
use runner::douyin::wire::SendRequest;
use runner::model::clock::Clock;
use runner::model::identity::AppId;
use runner::model::outcome::{NotIssued, Outcome, Proof, Unknown};
use runner::plan::{self, RunOptions};
use tokio::net::TcpListener;

use crate::server::{Act, ISSUED, Server, answer, ok};
use crate::{config, env_token, permit, permits, platform, send};

async fn send_one(platform: &HttpPlatform) -> Outcome {
    send(platform, permit().await).await
}

/// The client's outcome for one answer.
async fn outcome(raw: String, close: bool) -> Outcome {
    let server = Server::new(move |_| {
        if close {
            Act::WriteAndClose(raw.clone())
        } else {
            Act::Write(raw.clone())
        }
    })
    .await;
    let outcome = send_one(&platform(&server.url)).await;
    assert_eq!(server.seen().len(), 1, "one attempt is one request");
    outcome
}

#[tokio::test]
async fn a_request_is_exactly_the_platforms() {
    let server = Server::new(|_| ok(ISSUED)).await;
    let outcome = send_one(&platform(&server.url)).await;
    assert!(
        matches!(outcome.proof, Proof::Issued { replay: false, .. }),
        "{outcome:?}"
    );
    let seen = server.seen().remove(0);
    let shown = format!("{}{}", seen.head.replace("\r\n", "\n"), seen.body);
    insta::with_settings!({filters => vec![(r"127\.0\.0\.1:\d+", "[address]"), (r"runner/[0-9.]+", "runner/[version]")]}, {
        insta::assert_snapshot!(shown);
    });
}

/// A dry run shows the request that is sent, without the token and the headers of the connection.
#[tokio::test]
async fn a_request_that_is_drawn_up_is_the_one_that_goes() {
    let server = Server::new(|_| ok(ISSUED)).await;
    let platform = platform(&server.url);
    let permit = permit().await;
    let app_id = AppId::parse("ttec789ac573xxxxxx01").unwrap();
    let request = SendRequest::new(
        &app_id,
        permit.open_id(),
        permit.activity_id(),
        permit.merchant_coupon_id(),
    );
    let file = format!(
        "{{version: 1, campaign: summer, app_id: ttec789ac573xxxxxx01, activity_id: 71, platform: {{base_url: {:?}}}, \
         audience: {{source: {{csv: {{path: a.csv, open_id: open_id}}}}}}}}",
        server.url
    );
    let parsed = campaign::parse(Path::new("c.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    let plan = plan::build(&parsed.campaign, RunOptions::default()).unwrap();
    let drawn = RequestBuilder::new(&plan).unwrap().draw(&request).unwrap();
    assert!(server.seen().is_empty(), "drawing sends nothing");

    send(&platform, permit).await;
    let seen = server.seen().remove(0);
    let path = drawn.url.strip_prefix(&server.url).unwrap();
    let mut lines = vec![format!("{} {path} HTTP/1.1", drawn.method)];
    lines.extend(drawn.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let of_connection = ["host: ", "content-length: "];
    let went: Vec<_> = seen
        .head
        .lines()
        .filter(|line| !line.is_empty() && !of_connection.iter().any(|own| line.starts_with(own)))
        .map(|line| {
            line.split_once("clt.")
                .map_or(line.to_owned(), |(name, _)| format!("{name}[redacted]"))
        })
        .collect();
    assert_eq!(lines, went);
    assert_eq!(drawn.body, seen.body);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::new(|_| ok(ISSUED)).await;
    let platform = platform(&server.url);
    for permit in permits(5).await {
        send(&platform, permit).await;
    }
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1; 5]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let headers = "location: /somewhere/\r\n";
        let outcome = outcome(answer(status, headers, ""), false).await;
        assert_eq!(outcome.proof, Proof::Unknown(Unknown::Unreadable));
        assert!(outcome.wrong_address());
    }
}

#[tokio::test]
async fn a_throttle_by_status_says_for_how_long() {
    let outcome = outcome(answer(429, "retry-after: 7\r\n", "slow down"), false).await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::Throttled));
    assert_eq!(outcome.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_date_is_what_a_retry_after_is_measured_by() {
    let headers = "date: Mon, 01 Jun 2026 10:00:00 GMT\r\nretry-after: Mon, 01 Jun 2026 10:01:30 GMT\r\n";
    let outcome = outcome(answer(503, headers, ""), false).await;
    assert_eq!(outcome.retry_after, Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn a_gateways_page_is_in_doubt() {
    let outcome = outcome(
        answer(502, "content-type: text/html\r\n", "<html>bad gateway</html>"),
        false,
    )
    .await;
    assert_eq!(
        (outcome.proof, outcome.status),
        (Proof::Unknown(Unknown::Unreadable), Some(502))
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_is_in_doubt() {
    let whole = answer(200, "", ISSUED);
    for cut in [whole.len() - 1, whole.len() - ISSUED.len(), 20, 0] {
        let outcome = outcome(whole[..cut].to_owned(), true).await;
        assert_eq!(outcome.proof, Proof::Unknown(Unknown::Cut), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_http_is_in_doubt() {
    let outcome = outcome("no HTTP at all\r\n\r\n".to_owned(), true).await;
    assert_eq!(outcome.proof, Proof::Unknown(Unknown::Cut), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_over_1_mib_is_in_doubt_and_not_read_to_its_end() {
    let padded = |bytes: usize| format!("{{\"pad\":\"{}\",{}", "x".repeat(bytes), &ISSUED[1..]);
    let large = outcome(answer(200, "", &padded(1 << 20)), false).await;
    assert_eq!(large.proof, Proof::Unknown(Unknown::Unreadable));
    let fits = outcome(answer(200, "", &padded((1 << 20) - ISSUED.len() - 10)), false).await;
    assert!(matches!(fits.proof, Proof::Issued { .. }), "{:?}", fits.detail);
    let endless = format!(
        "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n{}",
        "x".repeat(0x20_0000)
    );
    let endless = outcome(endless, false).await;
    assert_eq!(endless.proof, Proof::Unknown(Unknown::Unreadable));
}

#[tokio::test]
async fn no_answer_in_time_is_in_doubt() {
    let beginning = answer(200, "", ISSUED)[..40].to_owned();
    for act in [None, Some(beginning)] {
        let server = Server::new(move |_| act.clone().map_or(Act::Hang, Act::Write)).await;
        let (mut config, _) = config(&server.url, env_token());
        config.timeout = Duration::from_millis(200);
        let outcome = send_one(&HttpPlatform::new(config).unwrap()).await;
        assert_eq!(outcome.proof, Proof::Unknown(Unknown::TimedOut), "{outcome:?}");
        assert!(outcome.latency >= Duration::from_millis(200));
    }
}

#[tokio::test]
async fn a_refused_connection_is_surely_not_sent() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let outcome = send_one(&platform(&format!("http://127.0.0.1:{port}"))).await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::NotSent));
    let detail = outcome.detail.expect("no code says it");
    assert!(detail.contains("connection refused"), "{detail}");
}

#[tokio::test]
async fn a_name_that_is_not_found_is_surely_not_sent() {
    let outcome = send_one(&platform("https://no-such-host.invalid")).await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::NotSent), "{outcome:?}");
}

#[tokio::test]
async fn a_connection_that_is_closed_without_a_word_may_have_been_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.readable().await;
        }
    });
    let outcome = send_one(&platform(&url)).await;
    assert_eq!(outcome.proof, Proof::Unknown(Unknown::Cut), "{outcome:?}");
}

/// The server closes an idle connection. The client may or may not notice before it sends again. In both cases no request
/// that was written is written again.
#[tokio::test]
async fn a_stale_connection_never_repeats_a_request_that_was_written() {
    let server = Server::new(|seen| {
        if seen.connection % 2 == 1 {
            Act::WriteAndClose(answer(200, "", ISSUED))
        } else {
            ok(ISSUED)
        }
    })
    .await;
    let platform = platform(&server.url);
    let mut proofs = Vec::new();
    for permit in permits(40).await {
        proofs.push(send(&platform, permit).await.proof);
    }
    let mut bodies: Vec<String> = server.seen().into_iter().map(|seen| seen.body).collect();
    let all = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), all, "a request came twice");
    let issued = proofs
        .iter()
        .filter(|proof| matches!(proof, Proof::Issued { .. }))
        .count();
    assert!(
        issued <= all
            && proofs
                .iter()
                .all(|proof| matches!(proof, Proof::Issued { .. } | Proof::Unknown(Unknown::Cut)))
    );
}

/// A connection that the server closes after it has read the second request, without an answer.
#[tokio::test]
async fn a_request_that_was_read_on_a_used_connection_is_not_repeated() {
    let server = Server::new(|seen| match seen.nth {
        2 => Act::WriteAndClose(String::new()),
        _ => ok(ISSUED),
    })
    .await;
    let platform = platform(&server.url);
    let mut permits = permits(2).await;
    send(&platform, permits.remove(0)).await;
    let second = send(&platform, permits.remove(0)).await;
    assert_eq!(second.proof, Proof::Unknown(Unknown::Cut), "{second:?}");
    let seen = server.seen();
    assert_eq!((seen.len(), seen[1].connection), (2, 1));
}

#[test]
fn an_address_that_would_show_the_token_is_refused() {
    for address in [
        "http://open.douyin.com",
        "open.douyin.com",
        "ftp://x",
        "https://a:b@open.douyin.com",
    ] {
        assert!(HttpPlatform::new(config(address, env_token()).0).is_err(), "{address}");
    }
}

/// One answer may come from a cache, or through a proxy that writes a date of its own.
#[tokio::test]
async fn clocks_that_differ_in_two_answers_are_reported_once() {
    let ahead = Clock::system().now() + jiff::SignedDuration::from_hours(3);
    let date = ahead.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
    let server = Server::new(move |_| Act::Write(answer(200, &date, ISSUED))).await;
    let (config, heard) = config(&server.url, env_token());
    let platform = HttpPlatform::new(config).unwrap();
    let mut warnings = Vec::new();
    for permit in permits(3).await {
        send(&platform, permit).await;
        warnings.push(heard.all().len());
    }
    assert_eq!(warnings, [0, 1, 1], "{:?}", heard.all());
    let said = format!("{:?}", heard.all());
    assert!(said.contains("ahead of this machine's"), "{said}");
}
