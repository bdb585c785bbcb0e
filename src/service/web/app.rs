//! What all requests share, and how pages are rendered from it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tokio::sync::Notify;

use crate::catalogue::{Language, service as texts};

use super::guard::language;
use super::live::{LiveCache, Update};
use super::sessions::Sessions;
use super::topic::Topic;
use crate::service::act::{Act, Subject, Who};
use crate::service::pages::{Frame, Page, View, act_failed_page, links, plain_page, waiting_count};
use crate::service::supervisor::Supervisor;

/// What all requests share.
pub struct App {
    /// The service.
    pub supervisor: Arc<Supervisor>,
    /// Who is signed in.
    pub sessions: Mutex<Sessions>,
    /// The address that the service listens on.
    pub address: SocketAddr,
    /// The only user.
    pub user: String,
    /// The command that prints a new link.
    pub link_command: String,
    /// What was rendered last for live parts.
    pub live: LiveCache,
    /// Notified when a link was used.
    pub link_used: Notify,
}

impl App {
    /// The name of the cookie of a session. Browsers send cookies to every port of a host.
    pub fn cookie_name(&self) -> String {
        format!("runner_session_{}", self.address.port())
    }

    /// Shows what the service knows at this moment.
    pub fn with_view<T>(&self, show: impl FnOnce(&View<'_>) -> T) -> T {
        let state = self.supervisor.state();
        let view = View {
            state: &state,
            now: self.supervisor.moment(),
            is_rehearsal: self.supervisor.is_rehearsal(),
        };
        show(&view)
    }

    /// Renders a page in its frame.
    pub fn render(&self, headers: &HeaderMap, path: &str, topic: &Topic) -> Response {
        let sequence = self.live.sequence();
        let page = language(headers).scope(|| {
            self.with_view(|view| {
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
        path: &str,
        page: impl FnOnce(&View<'_>) -> Option<Page>,
    ) -> Response {
        let page = language(headers).scope(|| {
            self.with_view(|view| {
                let page = page(view)?;
                Some(frame(view, path).render(&page))
            })
        });
        match page {
            Some(page) => Html(page).into_response(),
            None => self.missing(headers),
        }
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

    /// Performs an act, and goes to `to`, or shows why it did not happen with a way back to `back`.
    pub async fn perform(&self, headers: &HeaderMap, who: Who, act: Act, to: &str, back: &str) -> Response {
        match self.supervisor.perform(act, who).await {
            Ok(()) => Redirect::to(to).into_response(),
            Err(error) => {
                let page = self.render_still(headers, back, |_| Some(act_failed_page(&error, back)));
                (StatusCode::CONFLICT, page).into_response()
            }
        }
    }

    /// Performs an act on a campaign, and goes to its page, or shows why it did not happen with a way back to that page.
    pub async fn perform_on(&self, headers: &HeaderMap, who: Who, act: Act, file: &str) -> Response {
        let page = links::campaign(file);
        self.perform(headers, who, act, &page, &page).await
    }

    /// The present update of a topic. `None` if there is no such page.
    pub fn update(&self, topic: &Topic, language: Language) -> Option<Arc<Update>> {
        let render = || language.scope(|| live_part(self, topic));
        self.live.get(topic, language, render)
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
        waiting: waiting_count(view.state),
    }
}

/// The live part of a page, in the language of the moment. `None` if there is no such page.
fn live_part(app: &App, topic: &Topic) -> Option<Update> {
    app.with_view(|view| {
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
