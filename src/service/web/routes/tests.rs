//! Every route, against a table of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use axum::body::to_bytes;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::*;
use crate::app::Environment;
use crate::catalogue::Text;
use crate::model::clock::Clock;
use crate::model::problem::Problem;
use crate::service::supervisor::{ServiceSettings, Supervisor};
use crate::service::web::live::LiveCache;
use crate::service::web::sessions::Sessions;

/// What each route is for. `true`: it works while the log cannot be written.
const TABLE: [(&str, &str, Option<ActKind>, bool); 24] = [
    ("GET", "/", Some(ActKind::See), true),
    ("GET", "/campaigns", Some(ActKind::See), true),
    ("GET", "/campaigns/{file}", Some(ActKind::See), true),
    ("GET", "/campaigns/{file}/plan", Some(ActKind::See), true),
    ("GET", "/campaigns/{file}/decide", Some(ActKind::SeeDeliveries), false),
    ("GET", "/audit", Some(ActKind::See), true),
    ("GET", "/problems/{code}", Some(ActKind::See), true),
    ("GET", "/live", Some(ActKind::See), true),
    ("POST", "/campaigns/{file}/replan", Some(ActKind::Plan), false),
    ("POST", "/campaigns/{file}/approve", Some(ActKind::Approve), false),
    ("POST", "/campaigns/{file}/pause", Some(ActKind::Pause), true),
    ("POST", "/campaigns/{file}/resume", Some(ActKind::Resume), false),
    ("POST", "/campaigns/{file}/stop", Some(ActKind::Stop), true),
    ("POST", "/campaigns/{file}/wave", Some(ActKind::ApproveWave), false),
    ("POST", "/campaigns/{file}/resolve", Some(ActKind::Resolve), false),
    ("POST", "/stop-all", Some(ActKind::StopAll), true),
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
    let changes = |access: &Access| matches!(access, Access::Signed(kind) if !matches!(kind, ActKind::See | ActKind::SeeDeliveries));
    for ((method, path), access) in &routes {
        assert!(
            *method == "POST" || !changes(access),
            "{path} changes something by a link"
        );
    }
}

async fn app(directory: &std::path::Path) -> Arc<App> {
    let settings = ServiceSettings {
        directory: directory.to_owned(),
        state_dir: None,
        is_rehearsal: false,
        environment: Environment::new(Clock::system()),
        classify: |_| Problem::Defect,
    };
    let (supervisor, _) = Supervisor::open(settings).await.unwrap();
    Arc::new(App {
        supervisor,
        sessions: Mutex::new(Sessions::default()),
        address: SocketAddr::from(([127, 0, 0, 1], 7878)),
        user: "li".to_owned(),
        link_command: "runner serve --link".to_owned(),
        live: LiveCache::default(),
        link_used: Notify::new(),
    })
}

async fn send(app: &Arc<App>, method: &str, path: &str, cookie: &str) -> (StatusCode, String) {
    let form = "wave=1&state=held&to=owed&count=1&note=x&fingerprint=a-b-first";
    let request = Request::builder()
        .method(method)
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
    let refusal = "the service log cannot be used, so only pause and stop are possible";
    for (method, path, kind, works) in TABLE {
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
