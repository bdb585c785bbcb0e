//! Signing in with a name and a password, and signing out.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::app::App;
use super::guard::{cookie, language};
use super::server::Peer;
use crate::service::act::{Door, Who};
use crate::service::pages::{LoginNote, login_page};
use crate::service::record::Entry;

/// The form, or the first page for a person who is the only user.
pub async fn show_login(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if app.supervisor.config().current().accounts.is_local() {
        return Redirect::to("/").into_response();
    }
    let page = language(&headers).scope(|| login_page(LoginNote::None));
    Html(page).into_response()
}

/// Exchanges a name and a password for a session. Each session is a new one, and the browser's session before ends.
pub async fn sign_in(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let config = app.supervisor.config().current();
    if config.accounts.is_local() {
        return Redirect::to("/").into_response();
    }
    let mut name = String::new();
    let mut password = String::new();
    for (key, value) in form_urlencoded::parse(&body) {
        match &*key {
            "name" => name = value.trim().to_owned(),
            "password" => password = value.into_owned(),
            _ => {}
        }
    }
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0.ip());
    let attempt = {
        let mut throttle = app.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.attempt(&name, address, Instant::now())
    };
    if let Err(wait) = attempt {
        return too_many(&headers, wait);
    }
    let verified = {
        // The semaphore is never closed.
        let Ok(_turn) = app.verifiers.acquire().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let config = Arc::clone(&config);
        let name = name.clone();
        let checked = tokio::task::spawn_blocking(move || config.accounts.verify(&name, &password).cloned());
        checked.await.ok().flatten()
    };
    let Some(account) = verified else {
        if config.accounts.user(&name).is_some() {
            let from = address.to_string();
            // The refusal does not depend on its record.
            app.supervisor.note(Entry::SignInRefused { user: name, from }).await;
        }
        let page = language(&headers).scope(|| login_page(LoginNote::Wrong));
        return (StatusCode::UNAUTHORIZED, Html(page)).into_response();
    };
    let session = {
        let mut sessions = app.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = cookie(&headers, &app.cookie_name()) {
            sessions.end(before);
        }
        sessions.sign_in(&account.name, account.stamp, Instant::now())
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => {
            tracing::error!("a session cannot be made: {error}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let who = Who {
        name: account.name.to_string(),
        roles: account.roles,
        door: Door::Web,
        from: address.to_string(),
    };
    // A person who cannot be recorded can still stop campaigns.
    app.supervisor.note(Entry::SignedIn { who }).await;
    let cookie = app.session_cookie(Some(&session));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn too_many(headers: &HeaderMap, wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let page = language(headers).scope(|| login_page(LoginNote::TooMany { seconds }));
    let retry = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, retry, Html(page)).into_response()
}

/// Ends the session of the browser.
pub async fn sign_out(State(app): State<Arc<App>>, Extension(who): Extension<Who>, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&headers, &app.cookie_name()) {
        let mut sessions = app.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.end(session);
    }
    app.supervisor.note(Entry::SignedOut { who }).await;
    let cookie = app.session_cookie(None);
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}
