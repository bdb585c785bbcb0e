//! What all requests share, and how pages are rendered from it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tokio::sync::{Notify, Semaphore};

use crate::campaign::Origin;
use crate::catalogue::{Language, service as texts};
use crate::model::secret::Secret;

use super::api_responses::Answers;
use super::forwarded::ForwardedRequests;
use super::guard::{Hosts, bearer, cookie, language};
use super::live::{LiveCache, Update};
use super::live_topic::Topic;
use super::sessions::{Holder, Sessions};
use super::throttle::LoginThrottle;
use crate::service::accounts::{Account, is_same};
use crate::service::act::{Act, Denied, Door, Subject, Who};
use crate::service::error::ActError;
use crate::service::pages::{
    Frame, LoginNote, Page, View, act_failed_page, link_page, links, login_page, plain_page, waiting_count,
};
use crate::service::supervisor::Supervisor;

/// What all requests share.
pub struct App {
    /// The service.
    pub supervisor: Arc<Supervisor>,
    /// Who is signed in.
    pub sessions: Mutex<Sessions>,
    /// The address that the service listens on.
    pub address: SocketAddr,
    /// Whether it encrypts requests itself.
    pub is_tls: bool,
    /// The only user of a service without users.
    pub local_user: String,
    /// The command that prints a new link.
    pub link_command: String,
    /// What was rendered last for live parts.
    pub live: LiveCache,
    /// Notified when a link was used.
    pub link_used: Notify,
    /// How often somebody may try to sign in.
    pub throttle: Mutex<LoginThrottle>,
    /// The answers that are kept for programs.
    pub answers: Mutex<Answers>,
    /// The passwords that are checked at once: each takes a core and 19 MiB.
    pub verifiers: Semaphore,
    /// Which requests other workers of the fleet have forwarded.
    pub forwarded: ForwardedRequests,
}

/// The plan that a request is about.
#[derive(Clone, Debug)]
pub struct PlanShown {
    /// The fingerprint of the plan that the person was shown.
    pub fingerprint: String,
    /// The words of `--accept` that the person agreed to.
    pub accept: Vec<String>,
    /// Whether a rehearsal begins again.
    pub fresh: bool,
}

/// A note as a person wrote it, without what a log cannot show.
pub(super) fn note(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

/// How many passwords are checked at once.
const VERIFIERS: usize = 2;

impl App {
    /// What the requests of a service at `address` share. Without users, its user is `local_user`.
    #[must_use]
    pub fn new(supervisor: Arc<Supervisor>, address: SocketAddr, local_user: String, link_command: String) -> Self {
        let is_tls = supervisor.config().current().certificate.is_some();
        let live = LiveCache::new(supervisor.moment().wall);
        Self {
            is_tls,
            supervisor,
            sessions: Mutex::default(),
            address,
            local_user,
            link_command,
            live,
            link_used: Notify::new(),
            throttle: Mutex::default(),
            answers: Mutex::default(),
            verifiers: Semaphore::new(VERIFIERS),
            forwarded: ForwardedRequests::default(),
        }
    }

    /// Takes requests that other workers forward with this secret.
    #[must_use]
    pub fn with_forwarding(self, secret: &Secret) -> Self {
        Self {
            forwarded: ForwardedRequests::with_secret(secret),
            ..self
        }
    }

    /// The names under which the service is reached.
    pub fn hosts(&self) -> Hosts {
        let config = self.supervisor.config().current();
        let url = config.file.as_ref().and_then(|file| file.url.as_ref());
        Hosts::new(self.address, self.scheme(), url)
    }

    /// The scheme of the address that the service listens on.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    /// Whether browsers reach the service over https.
    pub fn is_https(&self) -> bool {
        let config = self.supervisor.config().current();
        let url = config.file.as_ref().and_then(|file| file.url.as_ref());
        self.is_tls || url.is_some_and(Origin::is_https)
    }

    /// The name of the cookie of a session. Browsers send cookies to every port of a host, and keep one whose name begins with
    /// `__Host-` from other hosts and from http.
    pub fn cookie_name(&self) -> String {
        if self.is_https() {
            "__Host-runner_session".to_owned()
        } else {
            format!("runner_session_{}", self.address.port())
        }
    }

    /// The header that gives a browser a session, or takes it away if it is `None`.
    pub fn session_cookie(&self, session: Option<&str>) -> String {
        let name = self.cookie_name();
        let secure = if self.is_https() { "; Secure" } else { "" };
        let ends = if session.is_some() { "" } else { "; Max-Age=0" };
        let session = session.unwrap_or_default();
        format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}")
    }

    /// Who sent a request. `None` if nobody is signed in. A session that is used lasts longer.
    pub fn who(&self, uri: &Uri, headers: &HeaderMap, peer: Option<IpAddr>, is_used: bool) -> Option<Who> {
        let config = self.supervisor.config().current();
        let accounts = &config.accounts;
        let from = peer.map(|peer| peer.to_string()).unwrap_or_default();
        if let Some(token) = bearer(uri, headers) {
            let program = accounts.program(token)?;
            return Some(Who {
                name: program.name.to_string(),
                roles: program.roles.clone(),
                door: Door::Api,
                from,
            });
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let user = |account: &Account, from: &str| Who {
            name: account.name.to_string(),
            roles: account.roles.clone(),
            door: Door::Web,
            from: from.to_owned(),
        };
        if let Some(proxy) = &accounts.proxy
            && text(&proxy.secret_header).is_some_and(|secret| proxy.is_proven_by(secret))
        {
            let account = accounts.user(text(&proxy.header)?)?;
            let forwarded = text("x-forwarded-for").and_then(|all| all.rsplit(',').next());
            return Some(user(account, forwarded.map_or(from.as_str(), str::trim)));
        }
        let session = cookie(headers, &self.cookie_name())?;
        let holder = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.find(session, is_used, Instant::now())?
        };
        match holder {
            Holder::Link => accounts.is_local().then(|| Who::local(&self.local_user, &from)),
            Holder::User { name, stamp } => {
                let account = accounts.user(name.as_str())?;
                is_same(&account.stamp, &stamp).then(|| user(account, &from))
            }
        }
    }

    /// What is shown to a person who is not signed in.
    pub fn sign_in_page(&self, headers: &HeaderMap) -> Response {
        let is_local = self.supervisor.config().current().accounts.is_local();
        let page = language(headers).scope(|| {
            if is_local {
                link_page(&self.link_command, false)
            } else {
                login_page(LoginNote::None)
            }
        });
        (StatusCode::UNAUTHORIZED, Html(page)).into_response()
    }

    /// Shows what the service knows at this moment to a user. `user` is their name on pages that have it.
    pub fn with_view<T>(&self, who: &Who, user: Option<&str>, show: impl FnOnce(&View<'_>) -> T) -> T {
        let config = self.supervisor.config();
        let broken = config.broken();
        let current = config.current();
        let is_local = current.accounts.is_local();
        let state = self.supervisor.state();
        let view = View {
            state: &state,
            now: self.supervisor.moment(),
            is_rehearsal: self.supervisor.is_rehearsal(),
            roles: &who.roles,
            me: &who.name,
            user: user.filter(|_| !is_local),
            config: &current,
            broken_config: broken.as_deref().map(Vec::as_slice),
        };
        show(&view)
    }

    /// Renders a page in its frame.
    pub fn render(&self, headers: &HeaderMap, who: &Who, path: &str, topic: &Topic) -> Response {
        let sequence = self.live.sequence();
        let page = language(headers).scope(|| {
            self.with_view(who, Some(&who.name), |view| {
                let page = topic.page(view)?;
                let version = topic.version(view.state);
                let frame = Frame {
                    topic: &topic.word(),
                    version: &version,
                    sequence,
                    ..frame(view, path)
                };
                Some(frame.render(&page))
            })
        });
        match page {
            Some(page) => Html(page).into_response(),
            None => self.missing(headers),
        }
    }

    /// Renders a page that is not live.
    pub fn render_still(
        &self,
        headers: &HeaderMap,
        who: &Who,
        path: &str,
        page: impl FnOnce(&View<'_>) -> Option<Page>,
    ) -> Response {
        let page = language(headers).scope(|| {
            self.with_view(who, Some(&who.name), |view| {
                let page = page(view)?;
                Some(frame(view, path).render(&page))
            })
        });
        match page {
            Some(page) => Html(page).into_response(),
            None => self.missing(headers),
        }
    }

    /// Shows why an act did not happen.
    pub fn refuse(&self, headers: &HeaderMap, who: &Who, error: &ActError, path: &str, back: &str) -> Response {
        let status = match error {
            ActError::Denied(Denied::Role) => StatusCode::FORBIDDEN,
            ActError::Denied(_) | ActError::Failed(_) => StatusCode::CONFLICT,
        };
        let page = self.render_still(headers, who, path, |_| Some(act_failed_page(error, back)));
        (status, page).into_response()
    }

    /// The answer for a page that does not exist.
    pub fn missing(&self, headers: &HeaderMap) -> Response {
        let page =
            language(headers).scope(|| plain_page(&texts::NotFound.to_string(), &texts::NotFoundText.to_string()));
        (StatusCode::NOT_FOUND, Html(page)).into_response()
    }

    /// The campaign of a file, as an act names it. A name that is not known is refused by the gate.
    pub fn subject(&self, file: &str) -> Subject {
        let state = self.supervisor.state();
        match state.entries.get(file) {
            Some(entry) => entry.run.as_ref().map_or_else(|| entry.subject(), |run| run.on.clone()),
            None => Subject {
                file: file.to_owned(),
                campaign: String::new(),
                app_id: String::new(),
            },
        }
    }

    /// The act of a person who approves a plan: one of the approvals that a policy asks for, or the one that applies it.
    pub fn approval(&self, on: Subject, plan: PlanShown) -> Act {
        let PlanShown {
            fingerprint,
            accept,
            fresh,
        } = plan;
        if self.supervisor.config().current().policy().is_some() {
            return Act::GiveApproval {
                on,
                fingerprint,
                accept,
                fresh,
            };
        }
        Act::Approve {
            on,
            fingerprint,
            accept,
            fresh,
            envelope: None,
        }
    }

    /// Performs an act, and goes to `to`, or shows why it did not happen with a way back to `back`.
    pub async fn perform(&self, headers: &HeaderMap, who: Who, act: Act, to: &str, back: &str) -> Response {
        match self.supervisor.perform(act, who.clone()).await {
            Ok(()) => Redirect::to(to).into_response(),
            Err(error) => self.refuse(headers, &who, &error, back, back),
        }
    }

    /// Performs an act on a campaign, and goes to its page, or shows why it did not happen with a way back to that page.
    pub async fn perform_on(&self, headers: &HeaderMap, who: Who, act: Act, file: &str) -> Response {
        let page = links::campaign(file);
        self.perform(headers, who, act, &page, &page).await
    }

    /// The present update of a topic. `None` if there is no such page.
    pub fn update(&self, topic: &Topic, language: Language, who: &Who) -> Option<Arc<Update>> {
        let render = || language.scope(|| live_part(self, topic, who));
        self.live.get(topic, language, who, render)
    }
}

/// The frame of a page without a live part.
fn frame<'a>(view: &'a View<'a>, path: &'a str) -> Frame<'a> {
    Frame {
        view,
        path,
        topic: "",
        version: "",
        sequence: 0,
        waiting: waiting_count(view),
    }
}

/// The live part of a page, in the language of the moment. `None` if there is no such page.
fn live_part(app: &App, topic: &Topic, who: &Who) -> Option<Update> {
    app.with_view(who, None, |view| {
        let page = topic.page(view)?;
        let path = topic.path();
        let frame = frame(view, &path);
        Some(Update {
            sequence: 0,
            title: frame.title(&page.title),
            waiting: frame.waiting,
            version: topic.version(view.state),
            html: page.live.content.into_string(),
        })
    })
}
