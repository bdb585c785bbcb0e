//! The table of all routes: who may use each, and what it does. A request that is not in it is not found.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};

use crate::catalogue::{Language, service as texts};
use crate::report::render::prometheus::{Metrics, text as prometheus_text};

use super::api;
use super::api_document::document;
use super::api_person;
use super::api_responses::Answer;
use super::api_views;
use super::app::{App, PlanShown, note};
use super::form_fields::Fields;
use super::forwarded::accept_forwarded;
use super::guard::{API, HostNames, guard, language, language_cookie, no_token};
use super::live::stream;
use super::live_topic::Topic;
use super::login::{show_login, sign_in, sign_out};
use super::server::Peer;
use crate::service::act::{Act, ActKind, BulkDecision, Denied, Situation, Who, gate};
use crate::service::error::ActError;
use crate::service::pages::{
    Filter, ListQuery, audit_lines, audit_page, continue_page, decide_page, icon, link_page, links, person,
    problem_page,
};
use crate::service::person::{pseudonym, search};
use crate::service::record::Entry;

/// How long a page waits for an act that may take minutes.
const ANSWERED: Duration = Duration::from_secs(2);

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine: it shows nothing of campaigns but numbers, and changes nothing.
    Public,
    /// A person who is signed in and may do this.
    Signed(ActKind),
}

/// A route.
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, with names in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    handler: fn() -> MethodRouter<Arc<App>>,
}

/// Every route.
#[must_use]
pub fn routes() -> Vec<Route> {
    use Access::{Public, Signed};
    let route = |method, path, access, handler| Route {
        method,
        path,
        access,
        handler,
    };
    vec![
        route("GET", "/", Signed(ActKind::See), || get(inbox)),
        route("GET", "/campaigns", Signed(ActKind::See), || get(campaigns)),
        route("GET", "/campaigns/{file}", Signed(ActKind::See), || get(campaign)),
        route("GET", "/campaigns/{file}/plan", Signed(ActKind::See), || get(plan)),
        route(
            "GET",
            "/campaigns/{file}/decide",
            Signed(ActKind::SeeDeliveries),
            || get(decide),
        ),
        route("GET", "/apps", Signed(ActKind::See), || get(apps)),
        route("GET", person::PATH, Signed(ActKind::SeePerson), || {
            get(show_person_form)
        }),
        route("POST", person::PATH, Signed(ActKind::SeePerson), || post(show_person)),
        route("GET", "/audit", Signed(ActKind::See), || get(audit)),
        route("GET", "/audit.jsonl", Signed(ActKind::See), || get(export_audit)),
        route("GET", "/problems/{code}", Signed(ActKind::See), || get(problem)),
        route("GET", "/live", Signed(ActKind::See), || get(live)),
        route("POST", "/campaigns/{file}/replan", Signed(ActKind::Plan), || {
            post(replan)
        }),
        route("POST", "/campaigns/{file}/approve", Signed(ActKind::Approve), || {
            post(approve)
        }),
        route("POST", "/campaigns/{file}/request", Signed(ActKind::Request), || {
            post(ask)
        }),
        route("POST", "/campaigns/{file}/reject", Signed(ActKind::Reject), || {
            post(reject)
        }),
        route("POST", "/campaigns/{file}/pause", Signed(ActKind::Pause), || {
            post(pause)
        }),
        route("POST", "/campaigns/{file}/resume", Signed(ActKind::Resume), || {
            post(resume)
        }),
        route("POST", "/campaigns/{file}/stop", Signed(ActKind::Stop), || post(stop)),
        route("POST", "/campaigns/{file}/wave", Signed(ActKind::ApproveWave), || {
            post(wave)
        }),
        route("POST", "/campaigns/{file}/resolve", Signed(ActKind::Resolve), || {
            post(resolve)
        }),
        route("POST", "/campaigns/{file}/compare", Signed(ActKind::Compare), || {
            post(compare)
        }),
        route("POST", "/stop-all", Signed(ActKind::StopAll), || post(stop_all)),
        route("POST", "/freeze", Signed(ActKind::Freeze), || post(freeze)),
        route("POST", "/unfreeze", Signed(ActKind::Unfreeze), || post(unfreeze)),
        route("GET", "/api/v1/inbox", Signed(ActKind::See), || get(api_views::inbox)),
        route("GET", "/api/v1/status", Signed(ActKind::See), || {
            get(api_views::statuses)
        }),
        route("GET", "/api/v1/campaigns", Signed(ActKind::See), || get(api::campaigns)),
        route("GET", "/api/v1/campaigns/{file}", Signed(ActKind::See), || {
            get(api::campaign)
        }),
        route("GET", "/api/v1/campaigns/{file}/plan", Signed(ActKind::See), || {
            get(api_views::plan)
        }),
        route(
            "GET",
            "/api/v1/campaigns/{file}/decisions",
            Signed(ActKind::SeeDeliveries),
            || get(api_views::decisions),
        ),
        route(
            "GET",
            "/api/v1/campaigns/{file}/occurrences",
            Signed(ActKind::See),
            || get(api_views::occurrences),
        ),
        route("GET", "/api/v1/audit", Signed(ActKind::See), || get(api_views::audit)),
        route("POST", "/api/v1/person", Signed(ActKind::SeePerson), || {
            post(api_person::person)
        }),
        route("POST", "/api/v1/campaigns/{file}/replan", Signed(ActKind::Plan), || {
            post(api::replan)
        }),
        route(
            "POST",
            "/api/v1/campaigns/{file}/approve",
            Signed(ActKind::Approve),
            || post(api::approve),
        ),
        route(
            "POST",
            "/api/v1/campaigns/{file}/request",
            Signed(ActKind::Request),
            || post(api::request),
        ),
        route(
            "POST",
            "/api/v1/campaigns/{file}/reject",
            Signed(ActKind::Reject),
            || post(api::reject),
        ),
        route("POST", "/api/v1/campaigns/{file}/pause", Signed(ActKind::Pause), || {
            post(api::pause)
        }),
        route(
            "POST",
            "/api/v1/campaigns/{file}/resume",
            Signed(ActKind::Resume),
            || post(api::resume),
        ),
        route("POST", "/api/v1/campaigns/{file}/stop", Signed(ActKind::Stop), || {
            post(api::stop)
        }),
        route(
            "POST",
            "/api/v1/campaigns/{file}/compare",
            Signed(ActKind::Compare),
            || post(api::compare),
        ),
        route(
            "POST",
            "/api/v1/campaigns/{file}/wave",
            Signed(ActKind::ApproveWave),
            || post(api::wave),
        ),
        route(
            "POST",
            "/api/v1/campaigns/{file}/resolve",
            Signed(ActKind::Resolve),
            || post(api::resolve),
        ),
        route("POST", "/api/v1/stop-all", Signed(ActKind::StopAll), || {
            post(api::stop_all)
        }),
        route("POST", "/api/v1/freeze", Signed(ActKind::Freeze), || post(api::freeze)),
        route("POST", "/api/v1/unfreeze", Signed(ActKind::Unfreeze), || {
            post(api::unfreeze)
        }),
        route("GET", "/api/v1/openapi.json", Signed(ActKind::See), || get(openapi)),
        route("GET", "/login", Public, || get(show_login)),
        route("POST", "/login", Public, || post(sign_in)),
        route("POST", "/logout", Signed(ActKind::See), || post(sign_out)),
        route("POST", "/language", Public, || post(set_language)),
        route("GET", "/link/{key}", Public, || get(open_link)),
        route("GET", "/assets/service.css", Public, || get(style)),
        route("GET", "/assets/live.js", Public, || get(script)),
        route("GET", "/assets/icon.svg", Public, || get(show_icon)),
        route("GET", "/healthz", Public, || get(healthz)),
        route("GET", "/readyz", Public, || get(readyz)),
        route("GET", "/metrics", Public, || get(metrics)),
    ]
}

/// The router of all routes, each request after the guard.
pub fn router(app: &Arc<App>) -> Router {
    let names: HostNames = {
        let app = Arc::clone(app);
        Arc::new(move || app.hosts())
    };
    let mut router = Router::new();
    for route in routes() {
        let mut handler = (route.handler)();
        if let Access::Signed(kind) = route.access {
            handler = handler.layer(from_fn_with_state((Arc::clone(app), kind), require));
        }
        router = router.route(route.path, handler);
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn(no_head))
        .layer(from_fn_with_state(names, guard))
        .layer(from_fn_with_state(app.forwarded, accept_forwarded))
        .with_state(Arc::clone(app))
}

/// Refuses `HEAD` with 405: no route allows it.
async fn no_head(request: Request, next: Next) -> Response {
    if request.method() == axum::http::Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    next.run(request).await
}

/// Lets only a person through who is signed in and has a role for this kind of act. Whether the act itself is allowed is decided when
/// it is performed.
async fn require(State((app, kind)): State<(Arc<App>, ActKind)>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let Some(who) = app.who(request.uri(), request.headers(), peer, true) else {
        if request.uri().path().starts_with(API) {
            return no_token();
        }
        return app.sign_in_page(request.headers());
    };
    if kind == ActKind::See
        && let Err(denied) = gate(Act::See, who.clone(), &Situation::default())
    {
        if request.uri().path().starts_with(API) {
            return Answer::error(StatusCode::FORBIDDEN, &denied).into_response();
        }
        return (StatusCode::FORBIDDEN, denied.to_string()).into_response();
    }
    request.extensions_mut().insert(who);
    next.run(request).await
}

type Shared = State<Arc<App>>;

/// The description of the routes for programs.
async fn openapi() -> axum::Json<serde_json::Value> {
    let described: Vec<_> = routes()
        .iter()
        .filter(|route| route.path.starts_with(API))
        .filter_map(|route| {
            let Access::Signed(kind) = route.access else {
                return None;
            };
            let sets = kind.roles().iter().map(|set| {
                let words: Vec<_> = set.iter().map(|role| role.word()).collect();
                words.join(" or ")
            });
            let roles = sets.collect::<Vec<_>>().join("; and ");
            Some((route.method, route.path, roles))
        })
        .collect();
    axum::Json(document(&described))
}

type User = Extension<Who>;

async fn inbox(State(app): Shared, Extension(who): User, headers: HeaderMap) -> Response {
    app.render(&headers, &who, "/", &Topic::Inbox)
}

async fn campaigns(
    State(app): Shared,
    RawQuery(query): RawQuery,
    Extension(who): User,
    headers: HeaderMap,
) -> Response {
    let query = ListQuery::parse(&query.unwrap_or_default());
    app.render(&headers, &who, "/campaigns", &Topic::Campaigns(query))
}

async fn apps(State(app): Shared, Extension(who): User, headers: HeaderMap) -> Response {
    app.render(&headers, &who, "/apps", &Topic::Apps)
}

async fn campaign(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let path = links::campaign(&file);
    app.render(&headers, &who, &path, &Topic::Campaign(file))
}

async fn plan(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let path = links::below(&file, "plan");
    app.render(&headers, &who, &path, &Topic::Plan(file))
}

/// Each look at the ids of users is recorded.
async fn decide(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let on = app.subject(&file);
    let path = links::below(&file, "decide");
    let back = links::campaign(&file);
    if let Err(error) = app.supervisor.perform(Act::SeeDeliveries { on }, who.clone()).await {
        return app.refuse(&headers, &who, &error, &path, &back);
    }
    app.render_still(&headers, &who, &path, |view| {
        Some(decide_page(view, view.state.entries.get(&file)?))
    })
}

async fn show_person_form(State(app): Shared, Extension(who): User, headers: HeaderMap) -> Response {
    if !ActKind::SeePerson.allows(&who.roles) {
        let denied = ActError::Denied(Denied::Role);
        return app.refuse(&headers, &who, &denied, person::PATH, "/");
    }
    app.render_still(&headers, &who, person::PATH, |view| Some(person::page(view, None)))
}

/// Shows one user, and records who looked.
async fn show_person(State(app): Shared, Extension(who): User, headers: HeaderMap, body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    let app_id = fields.get("app").unwrap_or_default();
    let open_id = fields.get("open_id").unwrap_or_default().trim();
    let act = Act::SeePerson {
        app_id: app_id.to_owned(),
        person: pseudonym(app_id, open_id),
    };
    if let Err(error) = app.supervisor.perform(act, who.clone()).await {
        return app.refuse(&headers, &who, &error, person::PATH, person::PATH);
    }
    let campaigns = app.supervisor.state().campaigns_of(app_id);
    let classify = app.supervisor.classify();
    let searched = Box::pin(search(app_id.to_owned(), open_id.to_owned(), campaigns, classify)).await;
    app.render_still(&headers, &who, person::PATH, |view| {
        Some(person::page(view, Some(&searched)))
    })
}

async fn audit(State(app): Shared, RawQuery(query): RawQuery, Extension(who): User, headers: HeaderMap) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let head = app.supervisor.log_head();
    app.render_still(&headers, &who, "/audit", |view| {
        let filter = Filter {
            text: fields.get("text").unwrap_or_default(),
            head: &head,
        };
        Some(audit_page(view, &filter))
    })
}

/// The records of the log as a file.
async fn export_audit(
    State(app): Shared,
    RawQuery(query): RawQuery,
    Extension(who): User,
    headers: HeaderMap,
) -> Response {
    const FORMAT: &str = "application/jsonl; charset=utf-8";
    const AS_FILE: &str = "attachment; filename=\"audit.jsonl\"";
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let lines = language(&headers).scope(|| {
        app.with_view(&who, None, |view| {
            audit_lines(view, fields.get("text").unwrap_or_default())
        })
    });
    (
        [(header::CONTENT_TYPE, FORMAT), (header::CONTENT_DISPOSITION, AS_FILE)],
        lines,
    )
        .into_response()
}

async fn problem(State(app): Shared, Path(code): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    app.render_still(&headers, &who, &links::problem(&code), |_| problem_page(&code))
}

async fn live(
    State(app): Shared,
    RawQuery(query): RawQuery,
    Extension(who): User,
    peer: Option<Extension<Peer>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let language = language(&headers);
    let Some(topic) = fields.get("on").and_then(Topic::parse) else {
        return app.missing(&headers);
    };
    let Some(update) = app.update(&topic, language, &who) else {
        return app.missing(&headers);
    };
    if fields.get("once").is_some() {
        return axum::Json(&*update).into_response();
    }
    let stopping = app.supervisor.stopping();
    let peer = peer.map(|Extension(peer)| peer.0.ip());
    let update = move || {
        // The stream ends with the session, and when the user has other roles.
        let now = app.who(&uri, &headers, peer, false)?;
        (now.roles == who.roles && now.name == who.name).then(|| app.update(&topic, language, &who))?
    };
    let body = Body::from_stream(stream(update, stopping));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn replan(
    State(app): Shared,
    Path(file): Path<String>,
    Extension(who): User,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = Fields::parse(&body);
    let act = Act::Plan {
        on: app.subject(&file),
        fresh: fields.get("fresh").is_some(),
    };
    let to = links::below(&file, "plan");
    app.perform(&headers, who, act, &to, &to).await
}

async fn approve(
    State(app): Shared,
    Path(file): Path<String>,
    Extension(who): User,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = Fields::parse(&body);
    let plan = fields.plan();
    let act = app.approval(app.subject(&file), plan);
    let back = links::below(&file, "plan");
    app.perform(&headers, who, act, &links::campaign(&file), &back).await
}

async fn ask(
    State(app): Shared,
    Path(file): Path<String>,
    Extension(who): User,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let PlanShown {
        fingerprint,
        accept,
        fresh,
    } = Fields::parse(&body).plan();
    let act = Act::Request {
        on: app.subject(&file),
        fingerprint,
        accept,
        fresh,
    };
    let plan = links::below(&file, "plan");
    app.perform(&headers, who, act, &plan, &plan).await
}

async fn reject(
    State(app): Shared,
    Path(file): Path<String>,
    Extension(who): User,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = Fields::parse(&body);
    let act = Act::Reject {
        on: app.subject(&file),
        fingerprint: fields.get("fingerprint").unwrap_or_default().to_owned(),
        note: note(fields.get("note").unwrap_or_default()),
    };
    let plan = links::below(&file, "plan");
    app.perform(&headers, who, act, &plan, &plan).await
}

async fn pause(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let act = Act::Pause { on: app.subject(&file) };
    app.perform_on(&headers, who, act, &file).await
}

async fn resume(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let act = Act::Resume { on: app.subject(&file) };
    app.perform_on(&headers, who, act, &file).await
}

async fn stop(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let act = Act::Stop { on: app.subject(&file) };
    app.perform_on(&headers, who, act, &file).await
}

async fn stop_all(State(app): Shared, Extension(who): User, headers: HeaderMap) -> Response {
    app.perform(&headers, who, Act::StopAll, "/campaigns", "/campaigns")
        .await
}

async fn freeze(State(app): Shared, Extension(who): User, headers: HeaderMap, body: Bytes) -> Response {
    let note = note(Fields::parse(&body).get("note").unwrap_or_default());
    let act = Act::Freeze { note };
    app.perform(&headers, who, act, "/campaigns", "/campaigns").await
}

async fn unfreeze(State(app): Shared, Extension(who): User, headers: HeaderMap) -> Response {
    app.perform(&headers, who, Act::Unfreeze, "/campaigns", "/campaigns")
        .await
}

async fn wave(
    State(app): Shared,
    Path(file): Path<String>,
    Extension(who): User,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(wave) = Fields::parse(&body).parsed("wave") else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let act = Act::ApproveWave {
        on: app.subject(&file),
        wave,
    };
    app.perform_on(&headers, who, act, &file).await
}

async fn resolve(
    State(app): Shared,
    Path(file): Path<String>,
    Extension(who): User,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = Fields::parse(&body);
    let code = fields.get("code").map(str::parse).transpose();
    let (Ok(code), Some(count), Some(state), Some(to)) = (
        code,
        fields.parsed("count"),
        fields.parsed("state"),
        fields.parsed("to"),
    ) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let act = Act::Resolve {
        on: app.subject(&file),
        decision: BulkDecision {
            state: Some(state),
            code,
            to: Some(to),
            may_double: fields.get("may_double").is_some(),
            count,
            note: note(fields.get("note").unwrap_or_default()),
        },
    };
    let to = links::below(&file, "plan");
    let back = links::below(&file, "decide");
    app.perform(&headers, who, act, &to, &back).await
}

/// A comparison may take minutes, and goes on after the answer.
async fn compare(State(app): Shared, Path(file): Path<String>, Extension(who): User, headers: HeaderMap) -> Response {
    let act = Act::Compare { on: app.subject(&file) };
    let page = links::campaign(&file);
    match tokio::time::timeout(ANSWERED, app.supervisor.perform(act, who.clone())).await {
        Ok(Err(error)) => app.refuse(&headers, &who, &error, &page, &page),
        Ok(Ok(())) | Err(_) => Redirect::to(&page).into_response(),
    }
}

pub(super) async fn set_language(body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    let language = match fields.get("language") {
        Some("zh") => Language::Chinese,
        _ => Language::English,
    };
    // Only a path of this service: `//host` and `/\host` lead elsewhere.
    let back = fields.get("back").filter(|back| {
        back.starts_with('/') && !back[1..].starts_with(['/', '\\']) && !back.contains(char::is_control)
    });
    let cookie = language_cookie(language);
    ([(header::SET_COOKIE, cookie)], Redirect::to(back.unwrap_or("/"))).into_response()
}

/// Exchanges the key of a link for a session. A browser that only prepares to open the link does not use it up.
async fn open_link(
    State(app): Shared,
    Path(key): Path<String>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    let language = language(&headers);
    let is_prefetch = ["purpose", "sec-purpose", "x-moz"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .any(|value| value.contains("prefetch"));
    if is_prefetch {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !app.supervisor.config().current().accounts.is_local() {
        return app.sign_in_page(&headers);
    }
    let exchanged = {
        let mut sessions = app.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.exchange(&key, Instant::now())
    };
    let session = match exchanged {
        Ok(Some(session)) => session,
        Ok(None) => {
            let page = language.scope(|| link_page(&app.link_command, true));
            return (StatusCode::FORBIDDEN, Html(page)).into_response();
        }
        Err(error) => {
            tracing::error!("a session cannot be made: {error}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let from = peer.map(|Extension(peer)| peer.0.ip().to_string()).unwrap_or_default();
    let who = Who::local(&app.local_user, &from);
    // A person who cannot be recorded can still stop campaigns.
    app.supervisor.note(Entry::SignedIn { who }).await;
    app.link_used.notify_one();
    let cookie = app.session_cookie(Some(&session));
    let page = language.scope(continue_page);
    ([(header::SET_COOKIE, cookie)], Html(page)).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../pages/service.css"))
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../pages/live.js"))
}

pub(super) async fn show_icon() -> Response {
    asset("image/svg+xml", icon())
}

async fn not_found(State(app): Shared, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with(API) {
        return Answer::error(StatusCode::NOT_FOUND, &texts::NoSuchRequest).into_response();
    }
    app.missing(&headers)
}

/// A path of the table with another method.
async fn other_method(State(app): Shared, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with(API) {
        return Answer::error(StatusCode::METHOD_NOT_ALLOWED, &texts::NoSuchRequest).into_response();
    }
    app.missing(&headers)
}

/// Whether the process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the service can apply campaigns.
async fn readyz(State(app): Shared) -> Response {
    let state = app.supervisor.state();
    let problems = HashMap::from([
        ("the directory is not read yet", !state.is_scanned),
        ("the service log cannot be used", state.read_only.is_some()),
        ("the database does not answer", state.store_away.is_some()),
        ("the directory cannot be read", state.scan_failure.is_some()),
        ("the service is stopping", app.supervisor.is_stopping()),
    ]);
    let mut names: Vec<_> = problems
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    if names.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", names.join("\n"))).into_response()
}

async fn metrics(State(app): Shared) -> Response {
    metrics_of(&app.supervisor.metrics())
}

/// The metrics of runs, for Prometheus.
pub(super) fn metrics_of(runs: &[Arc<Metrics>]) -> Response {
    const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
    match prometheus_text(runs, Instant::now()) {
        Ok(text) => ([(header::CONTENT_TYPE, FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
