//! The sandbox as an HTTP server, with a page and a log file.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::line::{Line, Lines};
use super::{
    Answer, BotEnding, BotKind, BotRecord, BotRequest, Bots, Ending, Exchange, FakeActivity, FakePlatform, Moment,
    Record, Settings, TokenKind, Totals,
};
use crate::catalogue::platform;
use crate::douyin::wire::{
    ACCESS_TOKEN_HEADER, BILL_PATH, CLIENT_TOKEN_PATH, COUNT_PATH, COUPONS_PATH, CREATE_ACTIVITY_PATH,
    CreateActivityRequest, DELETE_ACTIVITY_PATH, DeleteActivityRequest, SEND_PATH, STABLE_TOKEN_PATH, SendRequest,
    TEMPLATE_PATH, TokenRequest,
};
use crate::model::clock::Clock;

/// How often the log file is updated.
const LOG_EVERY: Duration = Duration::from_millis(200);
/// How long the shutdown waits for idle connections: browsers open spare ones.
const PATIENCE: Duration = Duration::from_millis(500);
/// The most records that are read from the log at once, so that the lock is held for a short time.
const PAGE: usize = 1000;
/// The number of latest requests on the page.
const RECENT: usize = 12;

/// Why the server stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The log file could not be created or written.
    #[error("{}", platform::CannotWriteLog { path: &path.display() })]
    Log {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The server failed.
    #[error("{}", platform::ServerEnded)]
    Server(#[source] io::Error),
}

#[derive(Debug)]
struct Shared {
    sandbox: Mutex<FakePlatform>,
    bots: Mutex<Bots>,
    settings: Settings,
    clock: Clock,
    began: Instant,
    stopped: watch::Receiver<bool>,
}

impl Shared {
    /// The time is read under the lock, so that requests are ordered by their times.
    fn with<T>(&self, act: impl FnOnce(&mut FakePlatform, Moment) -> T) -> T {
        let mut sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Moment {
            since_start: self.began.elapsed(),
            wall: self.clock.now(),
        };
        act(&mut sandbox, now)
    }

    /// Like [`Self::with`], for the bots.
    fn with_bots<T>(&self, act: impl FnOnce(&mut Bots, Moment) -> T) -> T {
        let mut bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Moment {
            since_start: self.began.elapsed(),
            wall: self.clock.now(),
        };
        act(&mut bots, now)
    }

    /// Waits until the server is to stop.
    async fn stopped(&self) {
        // An error means that the server is gone, which also ends the wait.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }

    fn records(&self, from: usize) -> Vec<Record> {
        self.with(|sandbox, _| {
            sandbox
                .journal()
                .records()
                .iter()
                .skip(from)
                .take(PAGE)
                .cloned()
                .collect()
        })
    }
}

/// A sandbox that serves in the background on its own loopback address. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    base_url: String,
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// Its address, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The totals so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.look(|sandbox| sandbox.journal().totals())
    }

    /// Reads the sandbox's state. It answers no request during that.
    pub fn look<T>(&self, at: impl FnOnce(&FakePlatform) -> T) -> T {
        self.shared.with(|sandbox, _| at(sandbox))
    }

    /// The messages that arrived at the bots, the oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<BotRecord> {
        self.shared
            .with_bots(|bots, _| bots.records().iter().cloned().collect())
    }

    /// Finishes the requests in progress, then stops the server.
    pub async fn stop(self) -> Totals {
        let totals = Arc::clone(&self.shared);
        // An error means that it has already ended.
        let _ = self.stop.send(());
        let _ = self.served.await;
        totals.with(|sandbox, _| sandbox.journal().totals())
    }
}

/// Starts a sandbox on a free loopback port.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let (shared, stopping) = shared(settings);
    let (stop, stopped) = oneshot::channel();
    let until = async {
        // A dropped sender also means stop.
        let _ = stopped.await;
    };
    let served = tokio::spawn(run(listener, Arc::clone(&shared), stopping, None, until));
    Ok(Running {
        base_url,
        shared,
        stop,
        served,
    })
}

/// Serves on this listener until `until`, and appends to the file `log` if there is one. Returns the totals.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    log: Option<PathBuf>,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<Totals, ServeError> {
    let (shared, stopping) = shared(settings);
    run(listener, Arc::clone(&shared), stopping, log, until).await?;
    Ok(shared.with(|sandbox, _| sandbox.journal().totals()))
}

fn shared(settings: Settings) -> (Arc<Shared>, watch::Sender<bool>) {
    let (stopping, stopped) = watch::channel(false);
    let shared = Shared {
        sandbox: Mutex::new(FakePlatform::new(settings.clone())),
        bots: Mutex::default(),
        settings,
        clock: Clock::system(),
        began: Instant::now(),
        stopped,
    };
    (Arc::new(shared), stopping)
}

async fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    stopping: watch::Sender<bool>,
    log: Option<PathBuf>,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let app = router(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
    let stop = async move {
        until.await;
        stopping.send_replace(true);
    };
    let overdue = async {
        shared.stopped().await;
        tokio::time::sleep(PATIENCE).await;
    };
    let served = async {
        tokio::select! {
            served = axum::serve(Lines(listener), app).with_graceful_shutdown(stop) => served.map_err(ServeError::Server),
            () = overdue => Ok(()),
        }
    };
    match log {
        None => served.await,
        Some(path) => {
            let mut log = LogFile::create(&path)?;
            tokio::try_join!(served, log.follow(&shared))?;
            log.write(&shared)
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(SEND_PATH, post(send))
        .route(
            SEND_PATH.trim_end_matches('/'),
            post(async || Redirect::permanent(SEND_PATH)),
        )
        .route(CREATE_ACTIVITY_PATH, post(create_activity))
        .route(DELETE_ACTIVITY_PATH, post(delete_activity))
        .route(STABLE_TOKEN_PATH, post(stable_token))
        .route(CLIENT_TOKEN_PATH, post(client_token))
        .route(COUNT_PATH, post(query_records))
        .route(COUPONS_PATH, post(query_records))
        .route(BILL_PATH, post(query_records))
        .route(TEMPLATE_PATH, post(query_records))
        .route("/bills/{name}", get(bill))
        .route("/open-apis/bot/v2/hook/{token}", post(feishu))
        .route("/robot/send", post(dingtalk))
        .route("/cgi-bin/webhook/send", post(wecom))
        .route("/webhook/{token}", post(webhook))
        .route("/messages.jsonl", get(messages))
        .route("/", get(page))
        .route("/state.json", get(state))
        .route("/log.jsonl", get(log))
        .fallback(unknown_uri)
        .with_state(shared)
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, String> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err("content-type 不是 application/json".into());
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

async fn send(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let process =
        |sandbox: &mut FakePlatform, request: &SendRequest, token: Option<&str>, now| sandbox.send(request, token, now);
    answer(&shared, &line, &headers, &body, process).await
}

async fn create_activity(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let process = |sandbox: &mut FakePlatform, request: &CreateActivityRequest, token: Option<&str>, now| {
        sandbox.create_activity(request, token, now)
    };
    answer(&shared, &line, &headers, &body, process).await
}

async fn delete_activity(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let process = |sandbox: &mut FakePlatform, request: &DeleteActivityRequest, token: Option<&str>, now| {
        sandbox.delete_activity(request, token, now)
    };
    answer(&shared, &line, &headers, &body, process).await
}

/// Answers a request that needs an access token.
async fn answer<T: DeserializeOwned>(
    shared: &Shared,
    line: &Line,
    headers: &HeaderMap,
    body: &[u8],
    process: impl FnOnce(&mut FakePlatform, &T, Option<&str>, Moment) -> Exchange,
) -> Response {
    let token = headers.get(ACCESS_TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let exchange = match parse::<T>(headers, body) {
        Ok(request) => shared.with(|sandbox, now| process(sandbox, &request, token, now)),
        Err(mistake) => return respond(shared.with(|sandbox, now| sandbox.malformed(&mistake, now))),
    };
    tokio::select! {
        () = tokio::time::sleep(exchange.delay) => {}
        () = shared.stopped() => {}
    }
    match exchange.ending {
        Ending::Answer(answer) => {
            line.answer(&answer);
            respond(answer)
        }
        Ending::Repeat(answer) => {
            line.repeat();
            line.answer(&answer);
            respond(answer)
        }
        Ending::CutBody(answer) => {
            line.cut_body();
            respond(answer)
        }
        Ending::Cut => {
            line.cut();
            ().into_response()
        }
        Ending::Hang => {
            shared.stopped().await;
            line.cut();
            ().into_response()
        }
    }
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}

async fn query_records(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = text(ACCESS_TOKEN_HEADER);
    let host = text(header::HOST.as_str()).unwrap_or("127.0.0.1");
    let answered = shared.with(|sandbox, now| sandbox.query(uri.path(), &body, token, host, now));
    match answered {
        Some(answer) => respond(answer),
        None => unknown_uri(State(shared)).await,
    }
}

/// A bill. It is another host's in reality, which must not see the token.
async fn bill(State(shared): State<Arc<Shared>>, UrlPath(name): UrlPath<String>, headers: HeaderMap) -> Response {
    if headers.contains_key(ACCESS_TOKEN_HEADER) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    match shared.with(|sandbox, _| sandbox.bill(&name)) {
        Some(bill) => ([(header::CONTENT_TYPE, "text/csv")], bill).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn stable_token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    token(&shared, TokenKind::Stable, &body)
}

async fn client_token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    token(&shared, TokenKind::Client, &body)
}

fn token(shared: &Shared, kind: TokenKind, body: &[u8]) -> Response {
    // An unreadable body has no grant type, which the rules answer as wrong parameters.
    let request = serde_json::from_slice(body).unwrap_or(TokenRequest {
        grant_type: String::new(),
        client_key: String::new(),
        client_secret: String::new(),
    });
    respond(shared.with(|sandbox, now| sandbox.token(kind, &request, now)))
}

/// Returns the query of a URL, decoded.
fn query(uri: &Uri) -> HashMap<String, String> {
    let query = uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

async fn feishu(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    UrlPath(token): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    bot(&shared, &line, BotKind::Feishu, token, HashMap::new(), &headers, &body).await
}

async fn dingtalk(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query(&uri);
    let token = query.get("access_token").cloned().unwrap_or_default();
    bot(&shared, &line, BotKind::Dingtalk, token, query, &headers, &body).await
}

async fn wecom(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query(&uri);
    let token = query.get("key").cloned().unwrap_or_default();
    bot(&shared, &line, BotKind::Wecom, token, query, &headers, &body).await
}

async fn webhook(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    UrlPath(token): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    bot(&shared, &line, BotKind::Webhook, token, HashMap::new(), &headers, &body).await
}

async fn bot(
    shared: &Shared,
    line: &Line,
    kind: BotKind,
    token: String,
    query: HashMap<String, String>,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let header =
        |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    let request = BotRequest {
        kind,
        token,
        query,
        headers: headers.iter().filter_map(header).collect(),
        body: body.to_vec(),
    };
    let exchange = shared.with_bots(|bots, now| bots.take(&request, now));
    tokio::select! {
        () = tokio::time::sleep(exchange.delay) => {}
        () = shared.stopped() => {}
    }
    match exchange.ending {
        BotEnding::Answer(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        BotEnding::Never => {
            shared.stopped().await;
            line.cut();
            ().into_response()
        }
        BotEnding::Cut => {
            line.cut();
            ().into_response()
        }
    }
}

/// The messages that arrived at the bots.
async fn messages(State(shared): State<Arc<Shared>>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/jsonl; charset=utf-8")];
    let records: Vec<_> = shared.with_bots(|bots, _| bots.records().iter().cloned().collect());
    match lines(&records) {
        Ok(lines) => (content_type, lines).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn unknown_uri(State(shared): State<Arc<Shared>>) -> Response {
    respond(shared.with(FakePlatform::unknown_uri))
}

async fn page() -> Response {
    let only_itself = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
    (
        [(header::CONTENT_SECURITY_POLICY, only_itself)],
        Html(include_str!("page.html")),
    )
        .into_response()
}

#[derive(Serialize)]
struct Status {
    seconds: u64,
    seed: u64,
    per_second: u32,
    totals: Totals,
    /// The latest requests, newest first.
    recent: Vec<Record>,
    /// The activities that were made here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    activities: Vec<FakeActivity>,
}

async fn state(State(shared): State<Arc<Shared>>) -> Response {
    let status = shared.with(|sandbox, now| Status {
        seconds: now.since_start.as_secs(),
        seed: shared.settings.seed,
        per_second: shared.settings.rules.per_second,
        totals: sandbox.journal().totals(),
        recent: sandbox.journal().records().iter().rev().take(RECENT).cloned().collect(),
        activities: sandbox.activities().to_vec(),
    });
    axum::Json(status).into_response()
}

async fn log(State(shared): State<Arc<Shared>>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/jsonl; charset=utf-8")];
    (content_type, Body::from_stream(Pages { shared, from: 0 })).into_response()
}

/// The log, page by page, up to its end when the last page is read.
struct Pages {
    shared: Arc<Shared>,
    from: usize,
}

impl Stream for Pages {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let records = self.shared.records(self.from);
        self.from += records.len();
        Poll::Ready((!records.is_empty()).then(|| lines(&records)))
    }
}

fn lines(records: &[impl Serialize]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

struct LogFile {
    path: PathBuf,
    file: std::fs::File,
    written: usize,
}

impl LogFile {
    fn create(path: &Path) -> Result<Self, ServeError> {
        let mut options = std::fs::OpenOptions::new();
        // It names the users of a rehearsal, so it is for this user only.
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(path).map_err(|source| ServeError::Log {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            written: 0,
        })
    }

    /// Updates the file until the server stops.
    async fn follow(&mut self, shared: &Shared) -> Result<(), ServeError> {
        let mut tick = tokio::time::interval(LOG_EVERY);
        let stopped = shared.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                _ = tick.tick() => self.write(shared)?,
                () = &mut stopped => return Ok(()),
            }
        }
    }

    /// Appends the records since the last write.
    fn write(&mut self, shared: &Shared) -> Result<(), ServeError> {
        loop {
            let records = shared.records(self.written);
            if records.is_empty() {
                return Ok(());
            }
            let written = lines(&records).and_then(|lines| self.file.write_all(&lines));
            written.map_err(|source| ServeError::Log {
                path: self.path.clone(),
                source,
            })?;
            self.written += records.len();
        }
    }
}
