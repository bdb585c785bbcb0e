//! The texts of the errors of this room, in both languages.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use super::codes::{HttpResult, failure};
use super::{ClientError, NotReady, ProxyError};
use crate::campaign::BaseUrl;
use crate::catalogue::{Text, in_both_languages};

fn texts<E: Display>(errors: &[E]) -> String {
    in_both_languages(errors.iter().map(|error| error as &dyn Display))
}

#[test]
fn the_errors_of_a_client_are_in_both_languages() {
    let flaws = ["space", "socks", "scheme", "not-encoded", "no-port", "not-a-url"];
    let proxies = flaws.map(|why| ProxyError {
        variable: "HTTPS_PROXY",
        why,
    });
    let clients = [
        ClientError::BaseUrl {
            base_url: "open.douyin.com".to_owned(),
            source: BaseUrl::parse("open.douyin.com").unwrap_err(),
        },
        ClientError::Authorities {
            file: "/etc/ssl/own.pem".into(),
            source: "…".into(),
        },
        ClientError::Setup("…".into()),
    ];
    insta::assert_snapshot!([texts(&proxies), texts(&clients)].join("\n"));
}

#[test]
fn the_reasons_why_nothing_can_be_sent_are_in_both_languages() {
    let why = || Text::from("POST /oauth/client_token/ answered code 10003");
    let reasons = [
        NotReady::Refused { why: why() },
        NotReady::BadCertificate { why: why() },
        NotReady::Expired { why: why() },
        NotReady::OutOfReach {
            why: why(),
            again: Instant::now(),
        },
    ];
    let ends = [
        HttpResult::TooLarge { status: 200 },
        HttpResult::NoRoom {
            status: 200,
            usual: 16_384,
        },
        HttpResult::Cut {
            status: None,
            why: "connection reset".to_owned(),
        },
        HttpResult::TimedOut {
            status: None,
            within: Duration::from_secs(10),
        },
        HttpResult::NotSent {
            why: "connection refused".to_owned(),
        },
    ];
    let ends = ends.map(|ended| Text::from_fn(|| failure(&ended)));
    insta::assert_snapshot!([texts(&reasons), texts(&ends)].join("\n"));
}
