//! The access token of sends: fetched once for all of them, renewed before it expires, and never written to disk.
//!
//! A refresh runs in its own task: a pause, a stop or the end of a run drops the attempts that wait for it, but not the
//! call. So the keeper counts every call that was made, and keeps the next one far enough from it.
//!
//! `stable_client_token` returns the same token while it is valid. `client_token` invalidates the tokens of all other users
//! of the app's key, so it is called only when the first endpoint answers that it is unknown or not for this app, and with
//! a warning.

mod answer;
mod state;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout};

use super::NotReady;
use super::codes::{Codes, HttpResult, http_date};
use super::wire::{CLIENT_TOKEN_PATH, STABLE_TOKEN_PATH, TokenRequest};
use crate::campaign;
use crate::catalogue::{Text, platform};
use crate::model::clock::{Clock, later};
use crate::model::event::{Emit, Event, EventKind};
use crate::model::outcome::{NotIssued, Outcome, Proof};
use crate::model::redactor::Redactor;
use crate::model::secret::{Secret, SecretError, SecretRef};

use answer::Said;
pub use state::Access;
use state::{Next, State, View};

/// How long the file of a token may take to be read.
const FILE_PATIENCE: Duration = Duration::from_secs(2);

/// How requests are authenticated, with the secrets.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Tokens are fetched with the app's key and secret.
    Client {
        /// The app's key.
        key: Secret,
        /// The app's secret.
        secret: Secret,
    },
    /// Another program keeps a token fresh.
    Token {
        /// The token.
        token: Secret,
        /// Where it was found. A file is read again when the platform refuses the token.
        from: SecretRef,
    },
}

impl Credentials {
    /// Reads the secrets that a campaign file refers to, so that a missing one is found before anything is sent.
    ///
    /// # Errors
    /// When a secret is missing or cannot be sent.
    pub fn resolve(written: &campaign::Credentials) -> Result<Self, SecretError> {
        match written {
            campaign::Credentials::Client {
                client_key,
                client_secret,
            } => Ok(Self::Client {
                key: client_key.resolve()?,
                secret: client_secret.resolve()?,
            }),
            campaign::Credentials::Token(from) => Ok(Self::Token {
                token: from.resolve()?,
                from: from.clone(),
            }),
        }
    }

    /// Refuses secrets that are too short to be removed from messages.
    ///
    /// # Errors
    /// If one is.
    pub fn check_length(&self, written: &campaign::Credentials) -> Result<(), SecretError> {
        let references = match written {
            campaign::Credentials::Client {
                client_key,
                client_secret,
            } => vec![client_secret, client_key],
            campaign::Credentials::Token(from) => vec![from],
        };
        let mut read = references.into_iter().zip(self.secrets());
        read.try_for_each(|(from, secret)| from.check_length(secret))
    }

    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Client { key, secret } => vec![secret, key],
            Self::Token { token, .. } => vec![token],
        }
    }
}

/// What a refresh needs of the client that started it.
pub(super) trait Post: Send + Sync + 'static {
    /// Posts a JSON body to a path of the platform.
    fn post(&self, path: &'static str, body: Vec<u8>) -> impl Future<Output = HttpResult> + Send;

    /// The classes of codes.
    fn codes(&self) -> &Codes;
}

/// The access tokens of one app id on one platform. All clients of the app id share them, because each new token would
/// invalidate an older one. Clones share the token.
#[derive(Clone)]
pub struct Tokens(pub(super) Arc<Keeper>);

/// What is known of a token, without its value.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenView {
    /// None was asked for yet.
    None,
    /// The platform accepts it until then.
    Until(Timestamp),
    /// Another program keeps it fresh, and only the platform knows its end.
    Given,
    /// There is none that can be used, and why.
    Missing(Text),
}

impl Tokens {
    /// What is known of the token now.
    #[must_use]
    pub fn view(&self) -> TokenView {
        let now = Instant::now();
        match self.0.with(|state| state.view(now)) {
            View::None => TokenView::None,
            View::Ends(None) => TokenView::Given,
            View::Ends(Some(left)) => TokenView::Until(later(self.0.clock.now(), left)),
            View::Missing(why) => TokenView::Missing(why),
        }
    }

    /// Creates the tokens of these credentials. Opens no connection.
    #[must_use]
    pub fn new(credentials: Credentials, clock: Clock) -> Self {
        Self(Arc::new(Keeper::new(credentials, clock)))
    }
}

/// How many tokens are removed from messages: the newest two are valid, and an answer to an older one may be on its way.
const TOKENS_KNOWN: usize = 3;

/// The secrets that may come back in answers.
struct Known {
    tokens: Vec<Secret>,
    redactor: Arc<Redactor>,
}

impl Known {
    fn new(credentials: &Credentials) -> Self {
        Self {
            tokens: Vec::new(),
            redactor: Arc::new(Redactor::new(credentials.secrets())),
        }
    }

    fn add(&mut self, credentials: &Credentials, token: &Secret) {
        if self.tokens.contains(token) {
            return;
        }
        if self.tokens.len() == TOKENS_KNOWN {
            self.tokens.remove(0);
        }
        self.tokens.push(token.clone());
        let secrets = credentials.secrets().into_iter().chain(&self.tokens);
        self.redactor = Arc::new(Redactor::new(secrets));
    }
}

/// Holds the token and refreshes it.
pub(super) struct Keeper {
    credentials: Credentials,
    clock: Clock,
    state: Mutex<State>,
    known: Mutex<Known>,
    /// Held by the running refresh. Sends that need its token wait for this.
    refreshing: Arc<tokio::sync::Mutex<()>>,
    /// Events of refreshes that are not emitted yet. The next client that needs a token emits them, because the run that
    /// started the refresh may have ended.
    news: Mutex<Vec<Event>>,
    /// Whether `stable_client_token` is not for this app.
    unstable: AtomicBool,
}

impl Keeper {
    pub(super) fn new(credentials: Credentials, clock: Clock) -> Self {
        let state = match &credentials {
            Credentials::Client { .. } => State::default(),
            Credentials::Token { token, .. } => State::given(token.clone()),
        };
        Self {
            known: Mutex::new(Known::new(&credentials)),
            credentials,
            clock,
            state: Mutex::new(state),
            refreshing: Arc::default(),
            news: Mutex::default(),
            unstable: AtomicBool::new(false),
        }
    }

    /// Returns a token that a send can use now.
    pub(super) async fn ready(
        self: &Arc<Self>,
        platform: &Arc<impl Post>,
        emit: &dyn Emit,
    ) -> Result<Access, NotReady> {
        loop {
            self.tell_news(emit);
            match self.next() {
                Next::Use(access) => return Ok(access),
                Next::Never(why) => return Err(why),
                Next::Wait { why, wait } => {
                    let again = Instant::now() + wait;
                    return Err(NotReady::OutOfReach { why, again });
                }
                Next::Ahead(access) => {
                    if let Ok(turn) = Arc::clone(&self.refreshing).try_lock_owned() {
                        drop(self.refresh(platform, turn));
                    }
                    return Ok(access);
                }
                Next::Get => {
                    let turn = Arc::clone(&self.refreshing).lock_owned().await;
                    if let Some(refresh) = self.refresh(platform, turn) {
                        ended(refresh).await;
                    }
                }
            }
        }
    }

    /// Starts a refresh that continues even if nothing waits for it. `None` when the refresh before it already got a token.
    fn refresh(self: &Arc<Self>, platform: &Arc<impl Post>, turn: OwnedMutexGuard<()>) -> Option<JoinHandle<()>> {
        if !matches!(self.next(), Next::Get | Next::Ahead(_)) {
            return None;
        }
        let keeper = Arc::clone(self);
        let platform = Arc::clone(platform);
        Some(tokio::spawn(async move {
            keeper.get(&*platform).await;
            drop(turn);
        }))
    }

    /// Records the answer to a send with this token.
    pub(super) fn learn(&self, version: u64, outcome: &Outcome) {
        let Some(answer) = &outcome.answer else { return };
        if outcome.proof == Proof::NotIssued(NotIssued::Token) {
            let why = match answer.message.as_str() {
                "" => Text::new(&platform::Code { code: &answer.code }),
                message => Text::new(&platform::CodeWithMessage {
                    code: &answer.code,
                    message: &message,
                }),
            };
            tracing::info!(version, code = answer.code, "the platform refused the access token");
            self.with(|state| state.refused(version, &why, Instant::now()));
        } else {
            self.with(|state| state.accepted(version));
        }
    }

    /// Returns what removes the secrets from a text: the platform's messages may quote the request.
    pub(super) fn secrets(&self) -> Arc<Redactor> {
        Arc::clone(&self.known().redactor)
    }

    fn learn_token(&self, token: &Secret) {
        self.known().add(&self.credentials, token);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(&self, platform: &impl Post) {
        match &self.credentials {
            Credentials::Client { key, secret } => self.fetch(platform, key, secret).await,
            Credentials::Token { from, .. } => self.read_again(from).await,
        }
    }

    async fn fetch(&self, platform: &impl Post, key: &Secret, secret: &Secret) {
        let request = token_request(key, secret);
        if !self.unstable.load(Ordering::SeqCst) {
            let asked = Instant::now();
            match self.call(platform, STABLE_TOKEN_PATH, &request).await {
                Said::NotForThisApp(why) => self.fall_back(&why),
                said => return self.take(said, asked),
            }
        }
        let asked = Instant::now();
        let said = self.call(platform, CLIENT_TOKEN_PATH, &request).await;
        self.take(said, asked);
    }

    async fn call(&self, platform: &impl Post, path: &'static str, request: &TokenRequest) -> Said {
        let ended = post(platform, path, request).await;
        answer::read(path, &ended, platform.codes(), &self.secrets(), self.clock.now())
    }

    /// Calls the endpoint that returns the same token while it is valid, so that no other system loses its token. Keeps nothing of the
    /// answer. `None` when another program provides the token.
    pub(super) async fn probe(&self, platform: &impl Post) -> Option<Probe> {
        let Credentials::Client { key, secret } = &self.credentials else {
            return None;
        };
        let request = token_request(key, secret);
        let ended = post(platform, STABLE_TOKEN_PATH, &request).await;
        let now = self.clock.now();
        let date = match &ended {
            HttpResult::Answered(reply) => http_date(reply.date.as_deref()),
            _ => None,
        };
        let said = answer::read(STABLE_TOKEN_PATH, &ended, platform.codes(), &self.secrets(), now);
        let result = match said {
            Said::Token { life, .. } => ProbeResult::Token { life },
            Said::NotForThisApp(why) => ProbeResult::NotForThisApp(why),
            Said::Refused(why) | Said::No(why) => ProbeResult::Refused(why),
            Said::BadCertificate(why) | Said::Later(why, _) => ProbeResult::Later(why),
        };
        Some(Probe {
            result,
            ahead: date.map(|date| date.duration_since(now)),
        })
    }

    fn fall_back(&self, why: &Text) {
        self.unstable.store(true, Ordering::SeqCst);
        let kind = EventKind::Warning {
            message: Text::new(&platform::FallBack {
                why,
                path: &CLIENT_TOKEN_PATH,
            }),
        };
        self.note(kind);
    }

    fn take(&self, said: Said, asked: Instant) {
        match said {
            Said::Token { token, life } => {
                self.learn_token(&token);
                if self.with(|state| state.fetched(token, life, asked, Instant::now())) {
                    let left = life.saturating_sub(asked.elapsed());
                    tracing::info!(seconds = left.as_secs(), "an access token was fetched");
                    let until = later(self.clock.now(), left);
                    self.note(EventKind::TokenFetched { until });
                }
            }
            Said::Refused(why) => self.with(|state| state.give_up(NotReady::Refused { why })),
            Said::BadCertificate(why) => self.with(|state| state.give_up(NotReady::BadCertificate { why })),
            Said::NotForThisApp(why) | Said::No(why) => self.with(|state| {
                if state.had_one() {
                    state.failed(why, Duration::ZERO, Instant::now());
                } else {
                    state.give_up(NotReady::Refused { why });
                }
            }),
            Said::Later(why, least) => {
                tracing::warn!(why = why.english(), "no access token");
                self.with(|state| state.failed(why, least, Instant::now()));
            }
        }
    }

    async fn read_again(&self, from: &SecretRef) {
        let found = match from {
            SecretRef::Env(_) => None,
            SecretRef::File(_) => Some(read_in_time(from).await),
        };
        if let Some(Ok(token)) = &found {
            self.learn_token(token);
        }
        self.with(|state| match found {
            Some(Ok(token)) if state.token() != Some(&token) => state.renewed(token),
            Some(Err(why)) => state.failed(why, Duration::ZERO, Instant::now()),
            _ => {
                let refusal = state.refusal().cloned().unwrap_or_default();
                let why = Text::new(&platform::TokenOfSourceRefused { from, why: &refusal });
                state.give_up(NotReady::Expired { why });
            }
        });
    }

    fn next(&self) -> Next {
        self.with(|state| state.next(Instant::now()))
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, kind: EventKind) {
        let at = self.clock.now();
        self.news().push(Event { at, kind });
    }

    fn tell_news(&self, emit: &dyn Emit) {
        for event in std::mem::take(&mut *self.news()) {
            emit.emit(event);
        }
    }

    fn news(&self) -> MutexGuard<'_, Vec<Event>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of one call for a token that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What the platform answered.
    pub result: ProbeResult,
    /// How far the platform's clock is ahead of this machine's. `None` when the answer states no time.
    pub ahead: Option<SignedDuration>,
}

/// What the platform answered to a call for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// A token.
    Token {
        /// How long it is valid.
        life: Duration,
    },
    /// The endpoint is unknown, or not for this app.
    NotForThisApp(Text),
    /// The platform refuses the credentials.
    Refused(Text),
    /// The endpoint is busy or out of reach.
    Later(Text),
}

fn token_request(key: &Secret, secret: &Secret) -> TokenRequest {
    TokenRequest {
        grant_type: "client_credential".to_owned(),
        client_key: key.expose().to_owned(),
        client_secret: secret.expose().to_owned(),
    }
}

async fn post(platform: &impl Post, path: &'static str, request: &TokenRequest) -> HttpResult {
    match serde_json::to_vec(request) {
        Ok(body) => platform.post(path, body).await,
        Err(_) => HttpResult::NotSent {
            why: "the request cannot be written as JSON".to_owned(),
        },
    }
}

/// Reads a token from its file, which may be a named pipe or on a disk that stalls.
///
/// # Errors
/// Why there is no token.
async fn read_in_time(from: &SecretRef) -> Result<Secret, Text> {
    let file = from.clone();
    // A read that takes longer ends in its own thread.
    match timeout(FILE_PATIENCE, spawn_blocking(move || file.resolve())).await {
        Ok(Ok(read)) => read.map_err(|error| Text::new(&error)),
        Ok(Err(error)) => Err(Text::new(&platform::CannotReadToken { from, why: &error })),
        Err(_) => Err(Text::new(&platform::CannotReadTokenInTime {
            from,
            seconds: FILE_PATIENCE.as_secs(),
        })),
    }
}

/// Waits for the end of a refresh. Resumes its panic, if it panicked.
async fn ended(refresh: JoinHandle<()>) {
    let Err(error) = refresh.await else { return };
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // Only the end of the runtime cancels it, which also ends this task.
        Err(_) => std::future::pending().await,
    }
}
