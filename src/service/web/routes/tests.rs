//! Every route, against a table of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path as FilePath;

use axum::body::to_bytes;
use tower::ServiceExt as _;

use super::*;
use crate::app::Environment;
use crate::campaign::TokenHash;
use crate::catalogue::Text;
use crate::model::clock::Clock;
use crate::model::problem::Problem;
use crate::model::user::{Role, UserName};
use crate::service::accounts::digest;
use crate::service::config::ConfigFile;
use crate::service::passwords::PasswordHash;
use crate::service::settings::ServiceSettings;
use crate::service::supervisor::Supervisor;
use crate::service::web::api_document::{Operation, operations};

/// What each route is for. `true`: it works while the log cannot be written.
const TABLE: &[(&str, &str, Option<ActKind>, bool)] = &[
    ("GET", "/", Some(ActKind::See), true),
    ("GET", "/campaigns", Some(ActKind::See), true),
    ("GET", "/campaigns/{file}", Some(ActKind::See), true),
    ("GET", "/campaigns/{file}/plan", Some(ActKind::See), true),
    ("GET", "/campaigns/{file}/decide", Some(ActKind::SeeDeliveries), false),
    ("GET", "/apps", Some(ActKind::See), true),
    ("GET", "/person", Some(ActKind::SeePerson), true),
    ("POST", "/person", Some(ActKind::SeePerson), false),
    ("GET", "/audit", Some(ActKind::See), true),
    ("GET", "/audit.jsonl", Some(ActKind::See), true),
    ("GET", "/problems/{code}", Some(ActKind::See), true),
    ("GET", "/live", Some(ActKind::See), true),
    ("POST", "/campaigns/{file}/replan", Some(ActKind::Plan), false),
    ("POST", "/campaigns/{file}/approve", Some(ActKind::Approve), false),
    ("POST", "/campaigns/{file}/request", Some(ActKind::Request), false),
    ("POST", "/campaigns/{file}/reject", Some(ActKind::Reject), false),
    ("POST", "/campaigns/{file}/pause", Some(ActKind::Pause), true),
    ("POST", "/campaigns/{file}/resume", Some(ActKind::Resume), false),
    ("POST", "/campaigns/{file}/stop", Some(ActKind::Stop), true),
    ("POST", "/campaigns/{file}/wave", Some(ActKind::ApproveWave), false),
    ("POST", "/campaigns/{file}/resolve", Some(ActKind::Resolve), false),
    ("POST", "/campaigns/{file}/compare", Some(ActKind::Compare), false),
    ("POST", "/stop-all", Some(ActKind::StopAll), true),
    ("POST", "/freeze", Some(ActKind::Freeze), true),
    ("POST", "/unfreeze", Some(ActKind::Unfreeze), false),
    ("GET", "/api/v1/inbox", Some(ActKind::See), true),
    ("GET", "/api/v1/status", Some(ActKind::See), true),
    ("GET", "/api/v1/campaigns", Some(ActKind::See), true),
    ("GET", "/api/v1/campaigns/{file}", Some(ActKind::See), true),
    ("GET", "/api/v1/campaigns/{file}/plan", Some(ActKind::See), true),
    (
        "GET",
        "/api/v1/campaigns/{file}/decisions",
        Some(ActKind::SeeDeliveries),
        false,
    ),
    ("GET", "/api/v1/campaigns/{file}/occurrences", Some(ActKind::See), true),
    ("GET", "/api/v1/audit", Some(ActKind::See), true),
    ("POST", "/api/v1/person", Some(ActKind::SeePerson), false),
    ("POST", "/api/v1/campaigns/{file}/replan", Some(ActKind::Plan), false),
    (
        "POST",
        "/api/v1/campaigns/{file}/approve",
        Some(ActKind::Approve),
        false,
    ),
    (
        "POST",
        "/api/v1/campaigns/{file}/request",
        Some(ActKind::Request),
        false,
    ),
    ("POST", "/api/v1/campaigns/{file}/reject", Some(ActKind::Reject), false),
    ("POST", "/api/v1/campaigns/{file}/pause", Some(ActKind::Pause), true),
    ("POST", "/api/v1/campaigns/{file}/resume", Some(ActKind::Resume), false),
    ("POST", "/api/v1/campaigns/{file}/stop", Some(ActKind::Stop), true),
    (
        "POST",
        "/api/v1/campaigns/{file}/compare",
        Some(ActKind::Compare),
        false,
    ),
    (
        "POST",
        "/api/v1/campaigns/{file}/wave",
        Some(ActKind::ApproveWave),
        false,
    ),
    (
        "POST",
        "/api/v1/campaigns/{file}/resolve",
        Some(ActKind::Resolve),
        false,
    ),
    ("POST", "/api/v1/stop-all", Some(ActKind::StopAll), true),
    ("POST", "/api/v1/freeze", Some(ActKind::Freeze), true),
    ("POST", "/api/v1/unfreeze", Some(ActKind::Unfreeze), false),
    ("GET", "/api/v1/openapi.json", Some(ActKind::See), true),
    ("GET", "/login", None, true),
    ("POST", "/login", None, true),
    ("POST", "/logout", Some(ActKind::See), true),
    ("POST", "/language", None, true),
    ("GET", "/link/{key}", None, true),
    ("GET", "/assets/service.css", None, true),
    ("GET", "/assets/live.js", None, true),
    ("GET", "/assets/icon.svg", None, true),
    ("GET", "/healthz", None, true),
    ("GET", "/readyz", None, true),
    ("GET", "/metrics", None, true),
];

#[test]
fn the_table_names_every_route() {
    let known: BTreeMap<_, _> = TABLE
        .iter()
        .map(|(method, path, kind, _)| ((*method, *path), kind.map_or(Access::Public, Access::Signed)))
        .collect();
    let routes: BTreeMap<_, _> = routes()
        .into_iter()
        .map(|route| ((route.method, route.path), route.access))
        .collect();
    assert_eq!(routes, known);
    let changes = |access: &Access| matches!(access, Access::Signed(kind) if !matches!(kind, ActKind::See | ActKind::SeeDeliveries | ActKind::SeePerson));
    for ((method, path), access) in &routes {
        assert!(
            *method == "POST" || !changes(access),
            "{path} changes something by a link"
        );
    }
}

#[test]
fn programs_can_do_what_pages_can_and_every_request_is_described() {
    let all = routes();
    let of_programs: Vec<_> = all.iter().filter(|route| route.path.starts_with(API)).collect();
    let is_act = |route: &&Route| route.method == "POST" && matches!(route.access, Access::Signed(_));
    for page in all.iter().filter(is_act).filter(|route| !route.path.starts_with(API)) {
        // A program has no session to end.
        if page.path == "/logout" {
            continue;
        }
        let path = format!("/api/v1{}", page.path);
        let same = of_programs
            .iter()
            .find(|route| (route.method, route.path) == ("POST", &path));
        assert_eq!(same.map(|route| route.access), Some(page.access), "{path}");
    }
    for page in all.iter().filter(|route| route.method == "GET") {
        if let Access::Signed(kind) = page.access {
            let is_seen = of_programs.iter().any(|route| route.access == Access::Signed(kind));
            assert!(is_seen, "{}: no request of programs shows {kind:?}", page.path);
        }
    }
    let mut described: Vec<_> = operations().iter().map(Operation::route).collect();
    let mut routed: Vec<_> = of_programs.iter().map(|route| (route.method, route.path)).collect();
    described.sort_unstable();
    routed.sort_unstable();
    assert_eq!(described, routed);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_see_the_log_page_by_page() {
    let directory = tempfile::tempdir().unwrap();
    let hash = TokenHash(digest("runner_abc")).to_string();
    write_users(
        directory.path(),
        &format!("tokens: [{{name: ci, hash: \"{hash}\", roles: [author]}}]\n"),
    );
    let app = app(directory.path()).await;
    let token = ("authorization", "Bearer runner_abc");
    for file in ["tea.yaml", "milk.yaml", "tea.yaml"] {
        let stop = format!("/api/v1/campaigns/{file}/stop");
        send_with(&app, "POST", &stop, &[token], "").await;
    }
    let audit = async |query: &str| {
        let path = format!("/api/v1/audit?{query}");
        let (status, _, body) = send_with(&app, "GET", &path, &[token], "").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        let records = answer["records"].as_array().unwrap().clone();
        let numbers = records.iter().map(|record| record["sequence"].as_u64().unwrap());
        (numbers.collect::<Vec<_>>(), records, answer["last"].clone())
    };
    let (all, records, last) = audit("").await;
    assert_eq!((all.as_slice(), last), ([1, 2, 3, 4].as_slice(), 4.into()));
    assert_eq!(records[1]["record"], "act");
    assert_eq!(records[1]["who"]["name"], "ci");
    assert_eq!(records[1]["on"]["file"], "tea.yaml");
    assert_eq!(audit("after=1&limit=2").await.0, [2, 3]);
    assert_eq!(audit("limit=1").await.0, [4]);
    assert_eq!(audit("file=milk.yaml").await.0, [3]);
    assert_eq!(audit("text=MILK").await.0, [3]);
    assert_eq!(audit("text=nowhere").await.0, [0_u64; 0]);
    for bad in ["after=x", "limit=-1"] {
        let path = format!("/api/v1/audit?{bad}");
        let (status, ..) = send_with(&app, "GET", &path, &[token], "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
    // A browser gets the same as a file.
    let cookie = session_of(&app, "viewer");
    let (status, body) = send(&app, "GET", "/audit.jsonl?text=milk", &cookie).await;
    let record: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &record["sequence"]), (StatusCode::OK, &3.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_program_is_json() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path()).await;
    let cases = [
        ("GET", "/api/v1/nothing", StatusCode::NOT_FOUND),
        ("GET", "/api/", StatusCode::NOT_FOUND),
        ("DELETE", "/api/v1/campaigns", StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/api/v1/campaigns/%FF", StatusCode::UNAUTHORIZED),
        ("POST", "/api/v1/stop-all", StatusCode::UNAUTHORIZED),
    ];
    for (method, path, wanted) in cases {
        let (status, _, body) = send_with(&app, method, path, &[], "").await;
        assert_eq!(status, wanted, "{method} {path}: {body}");
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error["type"], "error", "{method} {path}");
    }
    let program = Request::builder().method("POST").uri("/api/v1/stop-all");
    let program = program.header("host", "127.0.0.1:7878").body(Body::empty()).unwrap();
    let answer = router(&app).oneshot(program).await.unwrap();
    assert_eq!(
        answer.status(),
        StatusCode::UNAUTHORIZED,
        "it is not a browser, and has no token"
    );
    assert_eq!(answer.headers().get("www-authenticate").unwrap(), "Bearer");
    let cross = Request::builder().method("POST").uri("/api/v1/stop-all");
    let cross = cross
        .header("host", "127.0.0.1:7878")
        .header("sec-fetch-site", "cross-site");
    let answer = router(&app).oneshot(cross.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    assert!(body.starts_with(b"{"), "{body:?}");
    let long = "x".repeat(100_000);
    let (status, _, body) = send_with(&app, "POST", "/api/v1/stop-all", &[], &long).await;
    assert!(
        status == StatusCode::PAYLOAD_TOO_LARGE && body.starts_with('{'),
        "{body}"
    );
}

/// A service for a directory, with the file `server.yaml` in it if there is one.
async fn app(directory: &FilePath) -> Arc<App> {
    let settings = ServiceSettings {
        directory: directory.to_owned(),
        state_dir: None,
        is_rehearsal: false,
        environment: Environment::new(Clock::system()),
        config: Arc::new(ConfigFile::open(&directory.join("server.yaml"), false).unwrap()),
        classify: |_| Problem::Defect,
    };
    let (supervisor, _) = Supervisor::open(settings).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 7878));
    let link = "runner serve --link".to_owned();
    Arc::new(App::new(supervisor, address, "li".to_owned(), link))
}

const PASSWORD: &str = "correct horse";

/// Writes the file of a service with one user for each role, named like it, and more keys.
fn write_users(directory: &FilePath, more: &str) {
    std::fs::write(directory.join("a.hash"), PasswordHash::make(PASSWORD).unwrap()).unwrap();
    let users = Role::ALL.iter().fold(String::new(), |users, role| {
        let role = role.word();
        format!("{users}  - {{name: {role}, password: {{file: a.hash}}, roles: [{role}]}}\n")
    });
    let text = format!("version: 1\nusers:\n{users}{more}");
    std::fs::write(directory.join("server.yaml"), text).unwrap();
}

/// The cookie of a session of a user.
fn session_of(app: &App, name: &str) -> String {
    let config = app.supervisor.config().current();
    let stamp = config.accounts.user(name).unwrap().stamp;
    let name = UserName::parse(name).unwrap();
    let mut sessions = app.sessions.lock().unwrap();
    let session = sessions.sign_in(&name, stamp, Instant::now()).unwrap();
    format!("runner_session_7878={session}")
}

/// Sends a request with more headers. Returns the status, the cookie that it sets, and the body.
async fn send_with(
    app: &Arc<App>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    form: &str,
) -> (StatusCode, String, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:7878")
        .header("sec-fetch-site", "same-origin")
        .header("accept-language", "en");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(form.to_owned())).unwrap();
    let response = router(app).oneshot(request).await.unwrap();
    let cookie = response.headers().get("set-cookie");
    let cookie = cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    (status, cookie.unwrap_or_default(), body)
}

fn login(name: &str, password: &str) -> String {
    format!("name={name}&password={}", password.replace(' ', "+"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_respects_the_roles_of_its_user() {
    let directory = tempfile::tempdir().unwrap();
    write_users(directory.path(), "");
    let app = app(directory.path()).await;
    for role in Role::ALL {
        let cookie = session_of(&app, role.word());
        for (method, path, kind, _) in TABLE.iter().copied() {
            let Some(kind) = kind.filter(|_| path != "/logout") else {
                continue;
            };
            let (status, body) = send(&app, method, path, &cookie).await;
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{role:?} {method} {path}");
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !kind.allows(&[role]),
                "{role:?} {method} {path}: {status} {body}"
            );
        }
    }
    let refused =
        app.supervisor.state().records.iter().any(
            |record| matches!(&record.record.entry, Entry::Act { who, refused: Some(_), .. } if who.name == "viewer"),
        );
    assert!(refused, "what a role does not allow is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_new_and_ends_with_its_password_its_user_or_a_sign_out() {
    let directory = tempfile::tempdir().unwrap();
    write_users(directory.path(), "");
    let app = app(directory.path()).await;
    let planted = "runner_session_7878=0123";
    let right = login("author", PASSWORD);
    let (status, cookie, _) = send_with(&app, "POST", "/login", &[("cookie", planted)], &right).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let first = cookie.split(';').next().unwrap().to_owned();
    assert_ne!(first, planted);
    let (status, cookie, _) = send_with(&app, "POST", "/login", &[("cookie", &first)], &right).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let second = cookie.split(';').next().unwrap().to_owned();
    let page = async |cookie: &str| send(&app, "GET", "/campaigns", cookie).await.0;
    assert_eq!(page(&first).await, StatusCode::UNAUTHORIZED, "the session before ends");
    assert_eq!(page(&second).await, StatusCode::OK);
    let (status, cookie, _) = send_with(&app, "POST", "/logout", &[("cookie", &second)], "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(page(&second).await, StatusCode::UNAUTHORIZED);
    let author = session_of(&app, "author");
    let viewer = session_of(&app, "viewer");
    assert_eq!(page(&author).await, StatusCode::OK);
    // Another password ends the sessions of the one before.
    std::fs::write(
        directory.path().join("a.hash"),
        PasswordHash::make("another one").unwrap(),
    )
    .unwrap();
    app.supervisor.config().read_again();
    assert_eq!(page(&author).await, StatusCode::UNAUTHORIZED);
    assert_eq!(page(&viewer).await, StatusCode::UNAUTHORIZED);
    // A link of the only user does not sign in where there are users.
    let key = app.sessions.lock().unwrap().new_key(Instant::now()).unwrap();
    let (status, cookie, _) = send_with(&app, "GET", &format!("/link/{key}"), &[], "").await;
    assert_eq!((status, cookie.as_str()), (StatusCode::UNAUTHORIZED, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_guessed_and_a_name_is_not_found_out() {
    let directory = tempfile::tempdir().unwrap();
    write_users(directory.path(), "");
    let app = app(directory.path()).await;
    let (known, cookie, one) = send_with(&app, "POST", "/login", &[], &login("author", "wrong")).await;
    let (unknown, _, other) = send_with(&app, "POST", "/login", &[], &login("nobody", "wrong")).await;
    assert_eq!((known, unknown), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!((cookie.as_str(), one), ("", other));
    let mut last = StatusCode::OK;
    for _ in 0..10 {
        last = send_with(&app, "POST", "/login", &[], &login("author", "wrong"))
            .await
            .0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let (status, ..) = send_with(&app, "POST", "/login", &[], &login("author", PASSWORD)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "a right guess is not told");
    let state = app.supervisor.state();
    let refused = state.records.iter().filter_map(|record| match &record.record.entry {
        Entry::SignInRefused { user, .. } => Some(user.as_str()),
        _ => None,
    });
    // A name that is not a user may be a password that was typed in the wrong field.
    assert!(refused.clone().count() > 0 && refused.clone().all(|user| user == "author"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_acts_once_for_each_key_and_within_its_roles() {
    let directory = tempfile::tempdir().unwrap();
    let hash = TokenHash(digest("runner_abc")).to_string();
    write_users(
        directory.path(),
        &format!("tokens: [{{name: ci, hash: \"{hash}\", roles: [support]}}]\n"),
    );
    let app = app(directory.path()).await;
    let token = ("authorization", "Bearer runner_abc");
    let (status, _, body) = send_with(&app, "GET", "/api/v1/campaigns", &[token], "").await;
    let list: serde_json::Value = serde_json::from_str(&body).unwrap();
    let none = serde_json::json!({"type": "campaigns", "campaigns": []});
    assert_eq!((status, list), (StatusCode::OK, none));
    for headers in [
        &[][..],
        &[("authorization", "Bearer runner_abd")],
        &[("authorization", "Basic runner_abc")],
    ] {
        let (status, _, body) = send_with(&app, "GET", "/api/v1/campaigns", headers, "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(body.starts_with('{') && body.contains("Bearer"), "{body}");
    }
    // A token opens no page.
    let (status, ..) = send_with(&app, "GET", "/campaigns", &[token], "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let stop = "/api/v1/campaigns/tea.yaml/stop";
    let key = [token, ("idempotency-key", "k-1")];
    let (status, _, first) = send_with(&app, "POST", stop, &key, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{first}");
    let records = app.supervisor.state().records.len();
    let (status, _, second) = send_with(&app, "POST", stop, &key, "").await;
    assert_eq!((status, second), (StatusCode::NOT_FOUND, first));
    assert_eq!(app.supervisor.state().records.len(), records, "it was asked for once");
    let (status, ..) = send_with(&app, "POST", "/api/v1/stop-all", &key, "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _, body) = send_with(&app, "POST", "/api/v1/campaigns/tea.yaml/resume", &[token], "").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let json = [token, ("content-type", "application/json")];
    let approve = "/api/v1/campaigns/tea.yaml/approve";
    for bad in [
        "{",
        "[]",
        r#"{"fingerprint": "a", "acept": []}"#,
        r#"{"fingerprint": 5}"#,
    ] {
        let (status, ..) = send_with(&app, "POST", approve, &json, bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let (status, ..) = send_with(&app, "POST", stop, &json, " [ ]").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a list is no object");
    for bad in ["", "k 1", "k\t1"] {
        let (status, ..) = send_with(&app, "POST", stop, &[token, ("idempotency-key", bad)], "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad:?}");
    }
    let (status, ..) = send_with(&app, "POST", approve, &[token], "fingerprint=a").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (_, _, document) = send_with(&app, "GET", "/api/v1/openapi.json", &[token], "").await;
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    insta::assert_snapshot!(format!("{document:#}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_proxy_with_its_secret_names_the_user() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("proxy.secret"), "the-proxy-secret").unwrap();
    write_users(
        directory.path(),
        "proxy_auth: {header: X-Auth-User, secret: {file: proxy.secret}}\n",
    );
    let app = app(directory.path()).await;
    let page = async |headers: &[(&str, &str)]| send_with(&app, "GET", "/campaigns", headers, "").await;
    let user = ("x-auth-user", "viewer");
    let (status, _, body) = page(&[user, ("x-proxy-secret", "the-proxy-secret")]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("viewer"), "{body}");
    for headers in [
        &[user][..],
        &[user, ("x-proxy-secret", "")],
        &[user, ("x-proxy-secret", "the-proxy-secre")],
        &[("x-proxy-secret", "the-proxy-secret")],
        &[("x-auth-user", "nobody"), ("x-proxy-secret", "the-proxy-secret")],
    ] {
        assert_eq!(page(headers).await.0, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
}

async fn send(app: &Arc<App>, method: &str, path: &str, cookie: &str) -> (StatusCode, String) {
    let form = "wave=1&state=held&to=owed&count=1&note=x&fingerprint=a-b-first";
    // What each act for programs takes.
    let object = match path.rsplit('/').next() {
        Some("approve" | "request" | "reject") => r#"{"fingerprint": "a-b-first"}"#,
        Some("wave") => r#"{"wave": 1}"#,
        Some("person") => r#"{"app_id": "tt1", "open_id": "u1"}"#,
        Some("resolve") => r#"{"state": "held", "to": "owed", "count": 1, "note": "x"}"#,
        _ => "",
    };
    let is_api = path.starts_with(API);
    let form = if is_api { object } else { form };
    let request = Request::builder()
        .method(method)
        .header(
            "content-type",
            if is_api {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            },
        )
        .uri(
            path.replace("{file}", "tea.yaml")
                .replace("{code}", "E0310")
                .replace("{key}", "0"),
        )
        .header("host", "127.0.0.1:7878")
        .header("sec-fetch-site", "same-origin")
        .header("accept-language", "en")
        .header("cookie", cookie)
        .body(Body::from(if method == "POST" { form } else { "" }))
        .unwrap();
    let response = router(app).oneshot(request).await.unwrap();
    let status = response.status();
    let body = if path == "/live" {
        Bytes::new()
    } else {
        to_bytes(response.into_body(), 1 << 20).await.unwrap()
    };
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_respects_sessions_and_the_read_only_mode() {
    let directory = tempfile::tempdir().unwrap();
    let app = app(directory.path()).await;
    let session = {
        let mut sessions = app.sessions.lock().unwrap();
        let key = sessions.new_key(Instant::now()).unwrap();
        sessions.exchange(&key, Instant::now()).unwrap().unwrap()
    };
    let cookie = format!("runner_session_7878={session}");
    // The gate asks for the log before it asks for the campaign.
    app.supervisor.state().read_only = Some(Text::from("the disk is full"));
    let refusal = "the service log cannot be used, so only pausing, stopping and freezing are possible";
    for (method, path, kind, works) in TABLE.iter().copied() {
        let (status, _) = send(&app, method, path, "").await;
        assert_eq!(
            status == StatusCode::UNAUTHORIZED,
            kind.is_some(),
            "{method} {path} without a session: {status}"
        );
        let (status, body) = send(&app, method, path, &cookie).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        // The page of the audit quotes the refusals before it.
        let is_refused = status == StatusCode::CONFLICT && body.contains(refusal);
        assert_eq!(is_refused, !works, "{method} {path}: {status} {body}");
    }
    let (status, body) = send(&app, "GET", "/readyz", "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("the service log cannot be used"), "{body}");
}
