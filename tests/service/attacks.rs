//! Requests that a person did not make.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::client::Directory;

/// Every route that changes something.
const POSTS: [&str; 13] = [
    "/freeze",
    "/unfreeze",
    "/campaigns/tea.yaml/request",
    "/campaigns/tea.yaml/reject",
    "/campaigns/tea.yaml/replan",
    "/campaigns/tea.yaml/approve",
    "/campaigns/tea.yaml/pause",
    "/campaigns/tea.yaml/resume",
    "/campaigns/tea.yaml/stop",
    "/campaigns/tea.yaml/wave",
    "/campaigns/tea.yaml/resolve",
    "/stop-all",
    "/language",
];

#[test]
fn a_link_works_once_and_nothing_works_without_a_session() {
    let directory = Directory::new(5);
    let mut service = directory.serve();
    service.wait_for("/", "needs approval");
    let session = std::mem::take(&mut service.cookie);
    let again = service.get(&service.link.clone());
    assert_eq!(again.status, 403);
    assert!(again.header("set-cookie").is_none());
    assert!(
        again.body.contains("serve campaigns --sandbox --link"),
        "{}",
        again.body
    );
    for path in [
        "/",
        "/campaigns",
        "/campaigns/tea.yaml",
        "/audit",
        "/live?on=inbox",
        "/problems/E0310",
    ] {
        assert_eq!(service.get(path).status, 401, "{path}");
    }
    for path in POSTS.iter().filter(|path| **path != "/language") {
        assert_eq!(service.post(path, "").status, 401, "{path}");
    }
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/assets/live.js",
        "/assets/service.css",
    ] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    // A command of the same user prints a new link.
    let linked = directory.run(&["serve", "campaigns", "--sandbox", "--link"]);
    let link = String::from_utf8(linked.stdout).unwrap();
    let path = link.trim().strip_prefix(&format!("http://{}", service.host)).unwrap();
    assert_eq!(service.get(path).status, 200);
    service.cookie = session;
    assert_eq!(service.get("/").status, 200);
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let directory = Directory::new(5);
    let service = directory.serve();
    service.wait_for("/", "needs approval");
    let evil = [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n",
    ];
    for path in POSTS {
        for headers in evil {
            assert_eq!(service.post_with(path, "", headers).status, 403, "{path} {headers:?}");
        }
    }
    // A name that an attacker makes lead here.
    let rebound = format!(
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nCookie: {}\r\n\r\n",
        service.cookie
    );
    let answer = service.raw(rebound.as_bytes());
    assert_eq!(answer.status, 421);
    assert!(!answer.body.contains("tea"));
    assert!(!service.get("/audit").body.contains("approve and apply"));
}

#[test]
fn every_response_forbids_foreign_code() {
    let directory = Directory::new(5);
    let service = directory.serve();
    service.wait_for("/", "needs approval");
    for path in [
        "/",
        "/campaigns/tea.yaml/plan",
        "/no-such-page",
        "/healthz",
        "/assets/live.js",
    ] {
        let answer = service.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    }
    let page = service.get("/campaigns/tea.yaml").body;
    assert!(
        !page.contains("style=\"") && !page.contains("onclick") && !page.contains("<script>"),
        "{page}"
    );
}

#[test]
fn text_from_outside_is_only_text() {
    let directory = Directory::new(5);
    let file = directory.campaigns().join("<img src=x onerror=alert(1)>.yaml");
    fs::write(&file, "version: 1\ncampaign: \"<script>alert(2)</script>\"\n").unwrap();
    let service = directory.serve();
    service.wait_for("/", "file with mistakes");
    service.wait_for("/", "needs approval");
    for path in [
        "/",
        "/campaigns",
        "/campaigns/tea.yaml",
        "/campaigns/tea.yaml/plan",
        "/campaigns/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E.yaml",
        "/campaigns/%3Cscript%3E.yaml",
        "/audit?text=%3Cscript%3Ealert(3)%3C/script%3E",
        "/live?on=inbox&once=yes",
    ] {
        let body = service.get(path).body.to_lowercase();
        assert!(
            !body.contains("<img src=x") && !body.contains("<script>"),
            "{path}: {body}"
        );
        assert!(!body.contains("<b>券"), "{path}: {body}");
    }
    let page = service.get("/campaigns/tea.yaml").body;
    assert!(page.contains("&lt;b&gt;券&lt;/b&gt;"), "{page}");
}

#[test]
fn requests_that_are_too_long_or_lead_elsewhere_are_refused() {
    let directory = Directory::new(5);
    let service = directory.serve();
    service.wait_for("/", "needs approval");
    let long = "a=".to_owned() + &"x".repeat(100_000);
    assert_eq!(service.post("/campaigns/tea.yaml/resolve", &long).status, 413);
    let chunked = format!(
        "POST /language HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n\
         Transfer-Encoding: chunked\r\n\r\n20000\r\n{}\r\n0\r\n\r\n",
        service.host,
        "y".repeat(0x20000)
    );
    assert_eq!(service.raw(chunked.as_bytes()).status, 413);
    let many = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n",
        service.host,
        "z".repeat(200_000)
    );
    assert_eq!(service.raw(many.as_bytes()).status, 431);
    for path in [
        "/campaigns/..%2F..%2Fetc%2Fpasswd",
        "/campaigns/../../etc/passwd",
        "/assets/../../Cargo.toml",
        "/assets/..%2flive.js",
        "/problems/..%2F..%2FREADME",
        "/campaigns/tea.yaml%00",
    ] {
        let answer = service.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert!(!answer.body.contains("root:"), "{path}");
    }
    for back in [
        "//evil.example",
        "/%5Cevil.example",
        "https://evil.example",
        "/%0d%0aX: y",
    ] {
        let answer = service.post("/language", &format!("language=zh&back={back}"));
        assert_eq!(answer.header("location"), Some("/"), "{back}");
    }
    assert_eq!(service.get("/").status, 200, "it still answers");
}

#[test]
fn only_an_address_of_this_machine_is_accepted() {
    let directory = Directory::new(5);
    for address in ["0.0.0.0:0", "192.0.2.1:7878", "[::]:0"] {
        let served = directory.run(&["serve", "campaigns", "--listen", address]);
        let why = String::from_utf8(served.stderr).unwrap();
        assert_eq!(served.status.code(), Some(2), "{why}");
        assert!(
            why.contains("E0240") && why.contains("not an address of this machine alone"),
            "{why}"
        );
    }
}

#[test]
fn requests_that_never_end_are_dropped_and_hold_up_nobody() {
    let directory = Directory::new(5);
    let service = directory.serve();
    service.wait_for("/", "needs approval");
    let begin = |text: String| {
        let mut stream = TcpStream::connect(&service.host).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let host = &service.host;
    let same = "Sec-Fetch-Site: same-origin";
    let mut slow = vec![
        begin(String::new()),
        begin(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ")),
        begin(format!(
            "POST /stop-all HTTP/1.1\r\nHost: {host}\r\n{same}\r\nContent-Length: 500\r\n\r\na="
        )),
    ];
    slow.extend((0..200).map(|_| begin("GET ".to_owned())));
    assert_eq!(service.get("/").status, 200, "others are served meanwhile");
    for mut stream in slow {
        // The service ends each of them by itself.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert!(
        !service.get("/audit").body.contains("stop all"),
        "half a request does nothing"
    );
}

#[test]
fn a_stolen_session_or_a_planted_one_opens_nothing() {
    let directory = Directory::new(5);
    let mut service = directory.serve();
    service.wait_for("/", "needs approval");
    let own = service.cookie.clone();
    let (name, session) = own.split_once('=').unwrap();
    let planted = [
        format!("{name}="),
        format!("{name}=0123456789abcdef0123456789abcdef"),
        format!("{name}={}0", &session[..session.len() - 1]),
        format!("other={session}"),
        format!("{name}=\"{session}\" {name}={session}x"),
    ];
    for cookie in planted.into_iter().filter(|cookie| *cookie != own) {
        service.cookie = cookie.clone();
        assert_eq!(service.get("/campaigns").status, 401, "{cookie}");
        let linked = service.get(&service.link.clone());
        assert_eq!(linked.status, 403, "a link that was used gives no session: {cookie}");
    }
    service.cookie = own.clone();
    assert_eq!(service.get("/campaigns").status, 200);
    // A session is not a token, and a restart ends it.
    let bearer = format!(
        "GET /api/v1/campaigns HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {session}\r\n\r\n",
        service.host
    );
    assert_eq!(service.raw(bearer.as_bytes()).status, 401);
    assert_eq!(service.stop(), Some(0));
    let mut service = directory.serve();
    let fresh = std::mem::replace(&mut service.cookie, own.clone());
    assert_eq!(service.get("/campaigns").status, 401);
    service.cookie = fresh;
    assert_eq!(service.get("/campaigns").status, 200);
}

#[test]
fn ids_of_users_and_answers_to_programs_are_only_text() {
    let directory = Directory::new(1);
    let users = "open_id\n<script>alert(1)</script>\n\"<img src=x onerror=alert(2)>\"\n";
    fs::write(directory.campaigns().join("tea.csv"), users).unwrap();
    let service = directory.serve();
    service.wait_for("/", "奶茶");
    for path in [
        "/campaigns/tea.yaml/plan",
        "/campaigns/tea.yaml/decide",
        "/campaigns/tea.yaml",
    ] {
        let body = service.get(path).body.to_lowercase();
        assert!(
            !body.contains("<script>alert") && !body.contains("<img src=x"),
            "{path}: {body}"
        );
    }
    for path in [
        "/api/v1/campaigns",
        "/api/v1/inbox",
        "/api/v1/campaigns/%3Cscript%3E",
        "/api/v1/%3Cscript%3E",
    ] {
        let answer = service.get(path);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}
