//! What every request must fulfil before a route sees it, and the headers of every response.
//!
//! - The `Host` is an address of this service: another name that leads here is an attack (DNS rebinding).
//! - A request that changes something comes from a page of this service: the browser says so in `Sec-Fetch-Site`, an older one in
//!   `Origin`.
//! - A body is short, and comes soon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::catalogue::Language;
use crate::catalogue::service as texts;

use super::api_responses::Answer;
use super::forwarded::Forwarded;
use crate::campaign::Origin;
use crate::service::pages::plain_page;

/// The longest body of a request.
pub const MOST_BODY: usize = 64 * 1024;
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(10);
/// What a page may load: only what this service serves, and no inline script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The cookie of the language.
const LANGUAGE: &str = "runner_language";

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestRefusal {
    /// The name of the host is not one of this service.
    Host,
    /// It comes from another site.
    Site,
}

/// Tells the names of a service at the moment: its file may be changed while it runs.
pub type HostNames = Arc<dyn Fn() -> Hosts + Send + Sync>;

/// The names under which a service is reached: each with the origin of its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<(String, String)>);

impl Hosts {
    /// The names of a service that listens on `address` with this scheme, and is reached under `url` too.
    #[must_use]
    pub fn new(address: SocketAddr, scheme: &str, url: Option<&Origin>) -> Self {
        let mut names = Vec::new();
        if address.ip().is_loopback() {
            let port = address.port();
            names.push(address.to_string());
            names.push(format!("localhost:{port}"));
            if port == if scheme == "https" { 443 } else { 80 } {
                names.push("localhost".to_owned());
                names.push(address.ip().to_string());
            }
        }
        let own = names.into_iter().map(|host| {
            let origin = format!("{scheme}://{host}");
            (host, origin)
        });
        let mut all: Vec<_> = own.collect();
        if let Some(url) = url {
            all.push((url.host().to_owned(), url.to_string()));
        }
        Self(all)
    }

    /// The origin of the pages under a name. `None` if it is not a name of this service.
    fn origin(&self, host: &str) -> Option<&str> {
        let known = self.0.iter().find(|(name, _)| name == host);
        known.map(|(_, origin)| origin.as_str())
    }
}

/// Checks where a request comes from.
///
/// # Errors
/// When a page of another site may have sent it.
pub fn check(method: &Method, uri: &Uri, headers: &HeaderMap, hosts: &Hosts) -> Result<(), RequestRefusal> {
    let named: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let [host] = named.as_slice() else {
        return Err(RequestRefusal::Host);
    };
    let host = host.to_str().map_err(|_| RequestRefusal::Host)?.to_ascii_lowercase();
    let authority = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
    let own = hosts.origin(&host).ok_or(RequestRefusal::Host)?;
    if authority.is_some_and(|authority| authority != host) {
        return Err(RequestRefusal::Host);
    }
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    // A page of another site cannot send a token, and a request with one has no other rights.
    if bearer(uri, headers).is_some() {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let is_own = match (site, origin) {
        (Some(site), origin) => site == b"same-origin" && origin.is_none_or(|origin| origin == own.as_bytes()),
        (None, Some(origin)) => origin == own.as_bytes(),
        (None, None) => false,
    };
    if is_own { Ok(()) } else { Err(RequestRefusal::Site) }
}

/// The path of everything that is for programs.
pub const API: &str = "/api/";

/// The token of a request for programs. `None` without one, and on a page.
#[must_use]
pub fn bearer<'h>(uri: &Uri, headers: &'h HeaderMap) -> Option<&'h str> {
    let written = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let token = written.strip_prefix("Bearer ")?.trim();
    (uri.path().starts_with(API) && !token.is_empty()).then_some(token)
}

/// The language of a request: that of the switch, or the first of `Accept-Language` that is known.
#[must_use]
pub fn language(headers: &HeaderMap) -> Language {
    let chosen = cookie(headers, LANGUAGE).map(Language::of_locale);
    chosen.unwrap_or_else(|| {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let tags = accepted.unwrap_or_default().split(',');
        let named = tags.filter_map(|tag| tag.split(';').next()).map(str::trim);
        let known = named.filter(|tag| {
            let tag = tag.to_ascii_lowercase();
            tag.starts_with("zh") || tag.starts_with("en")
        });
        known.map(Language::of_locale).next().unwrap_or_else(Language::current)
    })
}

/// The cookie that keeps a language.
#[must_use]
pub fn language_cookie(language: Language) -> String {
    let word = match language {
        Language::English => "en",
        Language::Chinese => "zh",
    };
    format!("{LANGUAGE}={word}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict")
}

/// The value of a cookie. `None` if the request has none of that name.
#[must_use]
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// Refuses requests from elsewhere, reads the body, and adds the headers of every response.
pub async fn guard(State(names): State<HostNames>, request: Request, next: Next) -> Response {
    let language = language(request.headers());
    // A worker that forwards a request has checked it, by the names under which that worker is reached.
    let checked = if request.extensions().get::<Forwarded>().is_some() {
        Ok(())
    } else {
        check(request.method(), request.uri(), request.headers(), &names())
    };
    let is_program = request.uri().path().starts_with(API);
    let has_no_token = is_program && is_without_browser(request.headers());
    let mut response = match checked {
        Err(RequestRefusal::Site) if has_no_token => no_token(),
        Err(refusal) if is_program => refuse_program(refusal),
        Err(refusal) => refuse(refusal, language),
        Ok(()) => match with_body(request).await {
            Ok(request) => next.run(request).await,
            Err(status) if is_program => Answer::error(status, &texts::UnusableBody).into_response(),
            Err(status) => status.into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Reads the whole body of a request.
async fn with_body(request: Request) -> Result<Request, StatusCode> {
    let (parts, body) = request.into_parts();
    let declared = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > MOST_BODY as u64) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let read = tokio::time::timeout(BODY_TIME, to_bytes(body, MOST_BODY)).await;
    let body = read
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)?
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn refuse(refusal: RequestRefusal, language: Language) -> Response {
    let page = language.scope(|| match refusal {
        RequestRefusal::Host => plain_page(&texts::WrongHost.to_string(), &texts::WrongHostText.to_string()),
        RequestRefusal::Site => plain_page(&texts::OtherSite.to_string(), &texts::OtherSiteText.to_string()),
    });
    let status = match refusal {
        RequestRefusal::Host => StatusCode::MISDIRECTED_REQUEST,
        RequestRefusal::Site => StatusCode::FORBIDDEN,
    };
    (status, axum::response::Html(page)).into_response()
}

/// Whether a request has nothing that a browser adds: it comes from a program.
fn is_without_browser(headers: &HeaderMap) -> bool {
    [
        header::COOKIE,
        header::ORIGIN,
        HeaderName::from_static("sec-fetch-site"),
    ]
    .iter()
    .all(|name| !headers.contains_key(name))
}

/// The answer to a program without a token that counts.
#[must_use]
pub fn no_token() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (challenge, Answer::error(StatusCode::UNAUTHORIZED, &texts::NoToken)).into_response()
}

fn refuse_program(refusal: RequestRefusal) -> Response {
    let (status, why): (_, &dyn std::fmt::Display) = match refusal {
        RequestRefusal::Host => (StatusCode::MISDIRECTED_REQUEST, &texts::WrongHostText),
        RequestRefusal::Site => (StatusCode::FORBIDDEN, &texts::OtherSiteText),
    };
    Answer::error(status, why).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn checked(method: &Method, pairs: &[(&'static str, &'static str)]) -> Result<(), RequestRefusal> {
        let hosts = Hosts::new("127.0.0.1:7878".parse().unwrap(), "http", None);
        check(method, &Uri::from_static("/"), &headers(pairs), &hosts)
    }

    const OWN: (&str, &str) = ("host", "127.0.0.1:7878");

    #[test]
    fn another_name_for_this_machine_is_refused() {
        for own in ["127.0.0.1:7878", "localhost:7878", "LocalHost:7878"] {
            assert_eq!(checked(&Method::GET, &[("host", own)]), Ok(()), "{own}");
        }
        for other in [
            "evil.example:7878",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "127.0.0.1.evil.example:7878",
            "",
        ] {
            let host = Box::leak(other.to_owned().into_boxed_str());
            assert_eq!(
                checked(&Method::GET, &[("host", host)]),
                Err(RequestRefusal::Host),
                "{other}"
            );
        }
        assert_eq!(checked(&Method::GET, &[]), Err(RequestRefusal::Host));
        assert_eq!(
            checked(&Method::GET, &[OWN, ("host", "evil.example")]),
            Err(RequestRefusal::Host)
        );
        let absolute = Uri::from_static("http://evil.example/");
        let hosts = Hosts::new("127.0.0.1:7878".parse().unwrap(), "http", None);
        assert_eq!(
            check(&Method::GET, &absolute, &headers(&[OWN]), &hosts),
            Err(RequestRefusal::Host)
        );
    }

    #[test]
    fn only_a_page_of_this_service_changes_something() {
        let post = |more: &[(&'static str, &'static str)]| {
            let mut all = vec![OWN];
            all.extend(more);
            checked(&Method::POST, &all)
        };
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(post(&[("origin", "http://127.0.0.1:7878")]), Ok(()));
        for site in ["cross-site", "same-site", "none", ""] {
            let site = Box::leak(site.to_owned().into_boxed_str());
            assert_eq!(post(&[("sec-fetch-site", site)]), Err(RequestRefusal::Site), "{site}");
        }
        for origin in [
            "null",
            "http://127.0.0.1:8080",
            "https://127.0.0.1:7878",
            "http://evil.example",
            "http://localhost:7878",
        ] {
            let origin = Box::leak(origin.to_owned().into_boxed_str());
            assert_eq!(post(&[("origin", origin)]), Err(RequestRefusal::Site), "{origin}");
        }
        assert_eq!(post(&[]), Err(RequestRefusal::Site));
        assert_eq!(
            post(&[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")]),
            Err(RequestRefusal::Site)
        );
        for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(checked(&method, &[OWN]), Err(RequestRefusal::Site), "{method}");
        }
    }

    #[test]
    fn a_service_behind_a_proxy_has_the_name_of_its_url() {
        let file = "version: 1\nlisten: 10.0.0.1:7878\nurl: https://coupons.example.com\n\
                    users: [{name: li, password: {env: LI}, roles: [author]}]\n";
        let file = crate::campaign::parse_server(std::path::Path::new("server.yaml"), file.as_bytes()).unwrap();
        let hosts = Hosts::new("10.0.0.1:7878".parse().unwrap(), "http", file.content.url.as_ref());
        let post = |host: &'static str, origin: &'static str| {
            let headers = headers(&[("host", host), ("origin", origin)]);
            check(&Method::POST, &Uri::from_static("/"), &headers, &hosts)
        };
        assert_eq!(post("coupons.example.com", "https://coupons.example.com"), Ok(()));
        assert_eq!(
            post("coupons.example.com", "http://coupons.example.com"),
            Err(RequestRefusal::Site)
        );
        for host in ["10.0.0.1:7878", "localhost:7878", "coupons.example.com:7878"] {
            assert_eq!(
                post(host, "https://coupons.example.com"),
                Err(RequestRefusal::Host),
                "{host}"
            );
        }
    }

    #[test]
    fn a_token_counts_for_programs_only() {
        let with_token = headers(&[OWN, ("authorization", "Bearer abc")]);
        assert_eq!(bearer(&Uri::from_static("/api/v1/campaigns"), &with_token), Some("abc"));
        assert_eq!(bearer(&Uri::from_static("/campaigns"), &with_token), None);
        let post = |path| {
            let hosts = Hosts::new("127.0.0.1:7878".parse().unwrap(), "http", None);
            check(&Method::POST, &Uri::from_static(path), &with_token, &hosts)
        };
        assert_eq!(post("/api/v1/stop-all"), Ok(()));
        assert_eq!(post("/stop-all"), Err(RequestRefusal::Site));
    }

    #[test]
    fn the_language_is_that_of_the_switch_or_of_the_browser() {
        let of = |pairs: &[(&'static str, &'static str)]| language(&headers(pairs));
        assert_eq!(of(&[("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")]), Language::Chinese);
        assert_eq!(
            of(&[("accept-language", "fr-FR, en-GB;q=0.7, zh;q=0.1")]),
            Language::English
        );
        let both = [("accept-language", "zh-CN"), ("cookie", "a=b; runner_language=en")];
        assert_eq!(of(&both), Language::English);
    }
}
