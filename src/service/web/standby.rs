//! A service that does not have the campaigns: it begins, or another service of the fleet has them. It forwards requests to that one, and
//! says why if it cannot.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::watch;

use crate::app::service_ownership::{Reach, ServiceAddress, ServiceEndpoint};
use crate::catalogue::{Language, Text, service as texts};
use crate::report::text::visible;
use crate::service::config::ConfigFile;
use crate::service::pages::{plain_page, waiting_page};

use super::api_responses::Answer;
use super::forward::{Ended, Ends, ForwardError, Forwarder, NotForwarded};
use super::forwarded::claims_forwarded;
use super::guard::{API, HostNames, guard, language};
use super::routes::{healthz, metrics_of, script, set_language, show_icon, style};
use super::server::Peer;

/// How long the owner may take to answer. A comparison that a program asks for takes longest. An owner that is silent is replaced
/// within a few seconds, which ends the wait.
const ANSWER: Duration = Duration::from_mins(5);
/// How long the owner may take to say that it works.
const PROBE: Duration = Duration::from_secs(3);

/// What a service waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// The service that has the campaigns. `None` if none is known.
    pub owner: Option<WaitedOwner>,
    /// What a person has to decide before this service can begin. `None` if nothing.
    pub decision: Option<Text>,
}

/// The service that has the campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitedOwner {
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// The address of its pages. `None` if it is not known.
    pub url: Option<String>,
    /// Whether requests can be forwarded to it.
    pub reach: Reach,
}

impl Waited {
    /// What is waited for, as a sentence.
    #[must_use]
    pub fn text(&self) -> String {
        match (&self.decision, &self.owner) {
            (Some(decision), _) => decision.to_string(),
            (None, Some(owner)) => texts::WaitsForService {
                host: &visible(&owner.host),
                pid: &owner.pid,
            }
            .to_string(),
            (None, None) => texts::ServiceBegins.to_string(),
        }
    }

    /// The address of the service that has the campaigns. `None` if it is not known.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.owner.as_ref()?.url.as_deref()
    }

    /// Takes note of an address, if it is that of the owner. False if nothing has changed.
    pub fn note_address(&mut self, address: &ServiceAddress) -> bool {
        let Some(owner) = &mut self.owner else { return false };
        let noted = WaitedOwner {
            host: address.host.clone(),
            pid: address.pid,
            url: Some(address.url.clone()),
            reach: address.reach(),
        };
        let is_news = (&*owner.host, owner.pid) == (&*noted.host, noted.pid) && *owner != noted;
        if is_news {
            *owner = noted;
        }
        is_news
    }

    /// Where requests are forwarded to, or why they are not. `None` if no owner is known.
    fn way(&self) -> Option<Result<&ServiceEndpoint, NotForwarded>> {
        match &self.owner.as_ref()?.reach {
            Reach::Unknown => None,
            Reach::Endpoint(endpoint) => Some(Ok(endpoint)),
            Reach::OtherLoopback => Some(Err(NotForwarded::OtherLoopback)),
            Reach::Older => Some(Err(NotForwarded::Older)),
        }
    }

    /// Why requests are never forwarded to the owner. `None` if they are, or no owner is known.
    #[must_use]
    pub fn obstacle(&self) -> Option<NotForwarded> {
        self.way()?.err()
    }
}

/// What the requests of a service that waits share.
struct Standby {
    waited: watch::Receiver<Waited>,
    stopping: watch::Receiver<bool>,
    forwarder: Forwarder,
}

type Shared = State<Arc<Standby>>;

/// The router of a service that waits.
pub fn router(
    names: HostNames,
    config: Arc<ConfigFile>,
    waited: watch::Receiver<Waited>,
    stopping: watch::Receiver<bool>,
) -> Router {
    let standby = Standby {
        waited,
        stopping,
        forwarder: Forwarder::new(config),
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(async || metrics_of(&[])))
        .route("/assets/service.css", get(style))
        .route("/assets/live.js", get(script))
        .route("/assets/icon.svg", get(show_icon))
        .route("/language", post(set_language))
        .fallback(forward)
        .layer(from_fn_with_state(names, guard))
        .with_state(Arc::new(standby))
}

impl Standby {
    async fn send(
        &self,
        request: Request,
        client: SocketAddr,
        to: &ServiceEndpoint,
        limit: Duration,
    ) -> Result<Response, ForwardError> {
        let mut stopping = self.stopping.clone();
        let ends = Ends {
            replaced: self.replaced(to.clone()),
            stopping: Box::pin(async move {
                // The sender is dropped at the end of the process.
                let _ = stopping.wait_for(|stopping| *stopping).await;
            }),
        };
        self.forwarder.forward(request, client, to, limit, ends).await
    }

    /// Ends when another process has the campaigns, or nobody.
    fn replaced(&self, to: ServiceEndpoint) -> Ended {
        let mut waited = self.waited.clone();
        Box::pin(async move {
            let is_other = |waited: &Waited| !matches!(waited.way(), Some(Ok(now)) if *now == to);
            // The sender is dropped at the end of the process.
            let _ = waited.wait_for(is_other).await;
        })
    }
}

/// The address of a request that names none, as in a test.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Whether requests are answered: the owner of the campaigns has to answer this service.
async fn readyz(State(standby): Shared) -> Response {
    const HOST: &str = "healthz.invalid";
    let waited = standby.waited.borrow().clone();
    let Some(Ok(to)) = waited.way() else {
        return unavailable("this service does not have the campaigns\n");
    };
    // No service has this name, so only one that takes this request as forwarded answers it.
    let probe = Request::get("/healthz").header(header::HOST, HOST);
    let answer = match probe.body(axum::body::Body::empty()) {
        Ok(probe) => standby.send(probe, NOBODY, to, PROBE).await,
        Err(_) => Err(ForwardError::NoAnswer),
    };
    match answer {
        Ok(answer) if answer.status().is_success() => {
            "ready\nrequests are forwarded to the service that has the campaigns\n".into_response()
        }
        Ok(_) | Err(_) => unavailable("the service that has the campaigns does not answer\n"),
    }
}

/// Forwards a request, or says why that is not possible.
async fn forward(State(standby): Shared, request: Request) -> Response {
    let reader = Reader::new(&request);
    let waited = standby.waited.borrow().clone();
    let to = match waited.way() {
        None => return reader.show_waiting(&waited, None),
        Some(_) if claims_forwarded(request.headers()) => {
            return reader.show_waiting(&waited, Some(NotForwarded::Twice));
        }
        Some(Err(why)) => return reader.show_waiting(&waited, Some(why)),
        Some(Ok(to)) => to,
    };
    let client = request.extensions().get::<Peer>().map_or(NOBODY, |peer| peer.0);
    match standby.send(request, client, to, ANSWER).await {
        Ok(answer) => answer,
        Err(ForwardError::NotSent(why)) => reader.show_waiting(&waited, Some(why)),
        // Reading a page again does no harm.
        Err(ForwardError::NoAnswer) if reader.is_reading => {
            reader.show_waiting(&waited, Some(NotForwarded::NoConnection))
        }
        Err(ForwardError::NoAnswer) => reader.show_unknown(),
    }
}

/// Whom an answer of this service itself is for.
struct Reader {
    language: Language,
    is_program: bool,
    /// Whether the request changes nothing.
    is_reading: bool,
}

impl Reader {
    fn new(request: &Request) -> Self {
        Self {
            language: language(request.headers()),
            is_program: request.uri().path().starts_with(API),
            is_reading: *request.method() == Method::GET || *request.method() == Method::HEAD,
        }
    }

    /// Says what this service waits for, and why the request was not forwarded. It was not executed.
    fn show_waiting(&self, waited: &Waited, why: Option<NotForwarded>) -> Response {
        let why = || why.map(|why| texts::NotForwarded { why: &why.word() }.to_string());
        if self.is_program {
            let message = Language::English.scope(|| {
                let address = waited.url().map(|url| format!(": {}", visible(url)));
                let why = why().map(|why| format!(". {why}"));
                format!(
                    "{}{}{}",
                    waited.text(),
                    address.unwrap_or_default(),
                    why.unwrap_or_default()
                )
            });
            return unavailable(Answer::error(StatusCode::SERVICE_UNAVAILABLE, &message));
        }
        let page = self
            .language
            .scope(|| waiting_page(&waited.text(), waited.url(), why().as_deref()));
        unavailable(Html(page))
    }

    /// Says that the owner got the request and has not answered.
    fn show_unknown(&self) -> Response {
        let status = StatusCode::GATEWAY_TIMEOUT;
        if self.is_program {
            return Answer::error(status, &texts::UnknownWhetherDoneText).into_response();
        }
        let page = self.language.scope(|| {
            plain_page(
                &texts::UnknownWhetherDone.to_string(),
                &texts::UnknownWhetherDoneText.to_string(),
            )
        });
        (status, Html(page)).into_response()
    }
}

/// Programs and proxies ask again soon.
fn unavailable(body: impl IntoResponse) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;
    use crate::catalogue::in_both_languages;
    use crate::model::secret::Secret;

    const OBSTACLES: [NotForwarded; 6] = [
        NotForwarded::Refused,
        NotForwarded::NoConnection,
        NotForwarded::Certificate,
        NotForwarded::OtherLoopback,
        NotForwarded::Older,
        NotForwarded::Twice,
    ];

    fn address(host: &str) -> ServiceAddress {
        ServiceAddress {
            host: host.to_owned(),
            pid: 7,
            url: "https://coupons.example.com".to_owned(),
            endpoint: Some(ServiceEndpoint {
                address: "10.0.0.5:7878".parse().unwrap(),
                tls: true,
                secret: Secret::new("canary-2718"),
            }),
        }
    }

    #[test]
    fn each_reason_says_what_to_do_in_both_languages() {
        let words = OBSTACLES.map(NotForwarded::word);
        let texts: Vec<_> = words.iter().map(|why| texts::NotForwarded { why }).collect();
        insta::assert_snapshot!(in_both_languages(texts.iter().map(|text| text as &dyn fmt::Display)));
    }

    #[test]
    fn only_the_address_of_the_owner_counts() {
        let mut waited = Waited::default();
        assert!(!waited.note_address(&address("one")), "no owner is known");
        waited.owner = Some(WaitedOwner {
            host: "one".to_owned(),
            pid: 7,
            url: None,
            reach: Reach::Unknown,
        });
        assert_eq!(waited.way(), None);
        assert!(
            !waited.note_address(&address("two")),
            "what a previous owner has published"
        );
        assert!(waited.note_address(&address("one")));
        assert!(!waited.note_address(&address("one")), "nothing has changed");
        assert!(matches!(waited.way(), Some(Ok(_))));
        assert!(!format!("{waited:?}").contains("canary"));
        let older = ServiceAddress {
            endpoint: None,
            ..address("one")
        };
        assert!(waited.note_address(&older));
        assert_eq!(waited.obstacle(), Some(NotForwarded::Older));
    }
}
