//! Proxies from the environment. Each test here runs another one of this file in its own process, because the environment
//! belongs to the process.

use std::process::{Command, Output};

use runner::model::outcome::{NotIssued, Proof};

use crate::server::{Act, ISSUED, Server, answer, ok};
use crate::{permit, platform, send};

const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Set in a process that runs one test, whose log has only that test's lines.
const ALONE: &str = "RUNNER_TEST_ALONE";

/// Runs the ignored test `name` with every proxy variable set to `proxy`.
fn alone(name: &str, proxy: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        command.env_remove(name);
    }
    command.env(ALONE, "yes");
    command.envs(PROXIES.map(|name| (name, proxy)));
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn loopback_never_goes_through_a_proxy() {
    let proxy = Server::new(|_| Act::WriteAndClose(answer(502, "", ""))).await;
    let url = proxy.url.clone();
    let name = "proxy::alone_to_loopback";
    let output = tokio::task::spawn_blocking(move || alone(name, &url)).await.unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).contains("1 passed"), "{}", printed(&output));
    assert_eq!(proxy.seen().len(), 0);
}

#[tokio::test]
#[ignore = "run by loopback_never_goes_through_a_proxy"]
async fn alone_to_loopback() {
    let server = Server::new(|_| ok(ISSUED)).await;
    for url in [server.url.clone(), server.url.replace("127.0.0.1", "localhost")] {
        let platform = platform(&url);
        let outcome = send(&platform, permit().await).await;
        assert!(matches!(outcome.proof, Proof::Issued { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_environments_proxy_is_used_and_shown_without_its_credentials() {
    let proxy = Server::new(|_| Act::WriteAndClose(answer(407, "", ""))).await;
    let url = proxy.url.replace("http://", "http://buyer:canary-7@");
    let name = "proxy::alone_through_a_proxy";
    let output = tokio::task::spawn_blocking(move || alone(name, &url)).await.unwrap();
    let printed = printed(&output);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    let seen = proxy.seen();
    assert!(!seen.is_empty());
    for seen in seen {
        assert!(
            seen.head.starts_with("CONNECT runner.invalid:443 HTTP/1.1\r\n"),
            "{}",
            seen.head
        );
        assert!(!seen.head.contains("clt."), "the token is for the platform alone");
    }
    assert!(printed.contains(&proxy.url), "which proxy it is, is logged: {printed}");
    let cause = format!("not sent: proxy {}: it answered CONNECT with HTTP 407", proxy.url);
    assert!(printed.contains(&cause), "{printed}");
    // In plain text, and as it is in a header (base64 of `buyer:canary-7`).
    for canary in ["canary-7", "YnV5ZXI6Y2FuYXJ5LTc="] {
        assert!(!printed.contains(canary), "{printed}");
    }
}

#[tokio::test]
#[ignore = "run by the_environments_proxy_is_used_and_shown_without_its_credentials"]
async fn alone_through_a_proxy() {
    if std::env::var_os(ALONE).is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init();
    }
    let platform = platform("https://runner.invalid");
    let outcome = send(&platform, permit().await).await;
    println!("{outcome:?}");
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::NotSent), "{outcome:?}");
}
