//! Networks that do not let a run through: proxies, certificates, and variables of the environment that are wrong.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd};
use tokio::runtime::Runtime;

use crate::scene::{Ran, Scene};
use crate::tls::terminate;

const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];
const PASSWORD: &str = "canary-27182";

/// A campaign that gives up after a second. `with_token`: it needs no call for a token.
fn scene(url: &str, with_token: bool) -> Scene {
    let scene = Scene::new(url, 3).with("retry: {give_up: 1s, first_delay: 1ms, max_delay: 2ms}");
    if with_token {
        let text = fs::read_to_string(scene.file()).unwrap();
        let text = text.lines().map(|line| {
            if line.starts_with("credentials") {
                "credentials: {access_token: {env: WHOLE_KEY}}"
            } else {
                line
            }
        });
        fs::write(scene.file(), text.collect::<Vec<_>>().join("\n")).unwrap();
    }
    scene
}

fn apply(scene: &Scene) -> Command {
    let mut command = scene.apply(&["--yes"]);
    for name in PROXIES {
        command.env_remove(name);
    }
    command.env_remove("SSL_CERT_FILE");
    command
}

#[test]
fn a_variable_that_is_wrong_stops_before_the_first_send() {
    let scene = scene("https://open.example", true);
    let audience = scene.file().with_file_name("audience.csv");
    let mut told = String::new();
    for (name, value) in [
        ("HTTPS_PROXY", "::::"),
        ("https_proxy", PASSWORD),
        ("ALL_PROXY", "socks5://buyer:canary-27182@127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://buyer:canary-27182@127.0.0.1: 3128"),
        ("SSL_CERT_FILE", "/no/such/file.pem"),
        ("SSL_CERT_FILE", audience.to_str().unwrap()),
    ] {
        let ran = Ran::new(apply(&scene).env(name, value).output().unwrap()).ends(2);
        assert!(!ran.err.contains(PASSWORD), "{}", ran.err);
        writeln!(told, "# {name}\n{}", ran.err).unwrap();
    }
    let folder = audience.parent().unwrap().display().to_string();
    insta::assert_snapshot!(told.replace(&folder, "FOLDER"));
}

/// Answers each connection with `head`, and closes it.
fn proxy(head: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(head.as_bytes());
        }
    });
    port
}

#[test]
fn a_proxy_that_lets_nothing_through_is_named_with_the_whole_cause() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let cases = [
        (closed, "connection refused"),
        (
            proxy("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"),
            "it answered CONNECT with HTTP 407 Proxy Authentication Required: it wants another user name and password",
        ),
        (
            proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
            "it answered CONNECT with HTTP 403 Forbidden",
        ),
        (
            proxy("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"),
            "it answered CONNECT with HTTP 502 Bad Gateway",
        ),
    ];
    for (port, cause) in cases {
        for with_token in [true, false] {
            let scene = scene("https://open.example", with_token);
            let url = format!("http://buyer:{PASSWORD}@127.0.0.1:{port}");
            let ran = Ran::new(apply(&scene).env("HTTPS_PROXY", url).output().unwrap()).ends(3);
            let whole = format!("not sent: proxy http://127.0.0.1:{port}: {cause}");
            assert!(ran.err.contains(&whole), "{whole}\n{}", ran.err);
            assert!(!with_token || ran.out.contains(&whole), "{whole}\n{}", ran.out);
            assert!(!ran.err.contains("canary-27182") && !ran.out.contains("canary-27182"));
        }
    }
}

fn made(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertifiedKey<KeyPair> {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

#[test]
fn a_certificate_that_does_not_verify_says_why_and_what_to_do() {
    let runtime = Runtime::new().unwrap();
    let day = |year| date_time_ymd(year, 1, 1);
    let cases = [
        ("not trusted", false, made("localhost", |_| {})),
        (
            "expired",
            true,
            made("localhost", |params| params.not_after = day(2020)),
        ),
        (
            "not yet valid",
            true,
            made("localhost", |params| params.not_before = day(2999)),
        ),
        ("another name", true, made("another.example", |_| {})),
        (
            "an authority's",
            true,
            made("localhost", |params| {
                params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            }),
        ),
    ];
    let mut told = String::new();
    for (case, is_trusted, made) in cases {
        let port = terminate(&runtime, &made, "http://127.0.0.1:1");
        for with_token in [true, false] {
            let scene = scene(&format!("https://localhost:{port}"), with_token);
            let file = scene.file().with_file_name("authorities.pem");
            fs::write(&file, made.cert.pem()).unwrap();
            let mut command = apply(&scene);
            if is_trusted {
                command.env("SSL_CERT_FILE", &file);
            }
            let ran = Ran::new(command.output().unwrap()).ends(4);
            // No line is in the words of a library.
            assert!(!ran.err.contains("ERROR") && !ran.err.contains("rustls"), "{}", ran.err);
            let shown = |line: &&str| {
                ["stopped", "help"]
                    .iter()
                    .any(|word| line.trim_start().starts_with(word))
            };
            let lines: Vec<&str> = ran.out.lines().filter(shown).collect();
            writeln!(
                told,
                "# {case}\n{}",
                lines.join("\n").replace(&port.to_string(), "PORT")
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(told);
}
