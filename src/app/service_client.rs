//! A service as another machine asks it: requests of programs with a token.

use std::time::Duration;

use serde_json::Value as Json;
use url::Url;

use crate::catalogue::{Language, remote as text};
use crate::douyin::{ClientError, client_for};
use crate::model::certificate::CertificateFault;
use crate::model::identity::is_loopback;
use crate::model::secret::Secret;

/// How long a request may take. A command waits for its effect, not for the run.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes.
const MOST_BODY: usize = 16 << 20;

/// A service that is asked with a token.
pub struct ServiceClient {
    base: Url,
    token: Secret,
    client: reqwest::Client,
}

/// Why a service does not fulfil a request. No error names the token.
#[derive(Debug, thiserror::Error)]
pub enum ServiceClientError {
    /// The URL cannot be used.
    #[error("{}", text::UnusableUrl { url, why })]
    Url {
        /// The URL. Empty if it has a password.
        url: String,
        /// A word for what is wrong with it.
        why: &'static str,
    },
    /// The way to the service cannot be prepared.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service cannot be reached, or gives no whole answer.
    #[error("{}", text::Unreachable { url })]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        why: Unreachable,
    },
    /// The service that answers does not have the campaigns, and cannot forward the request to the one that does. Nothing was done.
    #[error("{}", text::Unavailable { url })]
    Unavailable {
        /// Its address.
        url: String,
        /// What it says.
        message: String,
    },
    /// Something answers that is not such a service.
    #[error("{}", text::NotAService { url, status })]
    NotAService {
        /// The address.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// The service does not know the token.
    #[error("{}", text::TokenRefused { url })]
    Token {
        /// The address of the service.
        url: String,
    },
    /// The service refuses the request.
    #[error("{}", .0.message)]
    Refused(Box<ServiceRefusal>),
}

/// Why a service cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// There is no connection.
    #[error("{}", text::NoConnection)]
    NoConnection,
    /// Its certificate cannot be trusted.
    #[error("{}", text::NotTrusted)]
    NotTrusted,
    /// It did not answer in time.
    #[error("{}", text::TimedOut)]
    TimedOut,
    /// The answer was cut off, or is too long.
    #[error("{}", text::CutOff)]
    CutOff,
}

/// What a service says about a request that it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRefusal {
    /// Why, as a word. `None` if it is a failure.
    pub reason: Option<String>,
    /// The code of the problem.
    pub code: Option<String>,
    /// What was attempted, or why it is refused.
    pub message: String,
    /// Why it failed.
    pub causes: Vec<String>,
}

impl ServiceClient {
    /// Prepares the way to the service at `url`.
    ///
    /// # Errors
    /// If the URL cannot be used, or the certificates or the proxy of the environment.
    pub fn new(url: &str, token: Secret) -> Result<Self, ServiceClientError> {
        let refuse = |why| ServiceClientError::Url {
            url: url.to_owned(),
            why,
        };
        let base = Url::parse(url).map_err(|_| refuse("not-url"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(ServiceClientError::Url {
                url: String::new(),
                why: "user",
            });
        }
        match base.scheme() {
            "https" => {}
            "http" if is_loopback(&base) => {}
            "http" => return Err(refuse("clear")),
            _ => return Err(refuse("not-url")),
        }
        if base.path() != "/" || base.query().is_some() || base.fragment().is_some() {
            return Err(refuse("path"));
        }
        let client = client_for(base.as_str(), TIMEOUT)?;
        Ok(Self { base, token, client })
    }

    /// The address of the service.
    #[must_use]
    pub fn address(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Why there is no such object.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Json, ServiceClientError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(self.client.get(url)).await
    }

    /// Performs an act.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn post(&self, path: &[&str], body: &Json) -> Result<Json, ServiceClientError> {
        let request = self.client.post(self.url(path));
        let request = request
            .header("content-type", "application/json")
            .header("accept-language", Language::current().html())
            .body(body.to_string());
        self.send(request).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Every http URL has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["api", "v1"]).extend(path);
        }
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Json, ServiceClientError> {
        let unreachable = |why| ServiceClientError::Unreachable {
            url: self.address(),
            why,
        };
        let sent = request.timeout(TIMEOUT).bearer_auth(self.token.expose()).send().await;
        let mut response = sent.map_err(|error| unreachable(describe(&error)))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(describe(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BODY {
                return Err(unreachable(Unreachable::CutOff));
            }
        }
        let answer: Option<Json> = serde_json::from_slice(&body).ok();
        let kind = answer.as_ref().and_then(|answer| answer.get("type")?.as_str());
        match (status, kind) {
            (200, Some(_)) => Ok(answer.unwrap_or_default()),
            (503, Some("error")) => Err(ServiceClientError::Unavailable {
                url: self.address(),
                message: refusal(&answer.unwrap_or_default()).message,
            }),
            // The service has forwarded the request to the one that has the campaigns.
            (504, Some("error")) => Err(unreachable(Unreachable::TimedOut)),
            (401, Some("error")) => Err(ServiceClientError::Token { url: self.address() }),
            (_, Some("error")) => Err(ServiceClientError::Refused(Box::new(refusal(
                &answer.unwrap_or_default(),
            )))),
            _ => Err(ServiceClientError::NotAService {
                url: self.address(),
                status,
            }),
        }
    }
}

fn refusal(answer: &Json) -> ServiceRefusal {
    let text = |key: &str| answer.get(key).and_then(Json::as_str).map(str::to_owned);
    let causes = answer.get("causes").and_then(Json::as_array);
    let causes = causes.into_iter().flatten().filter_map(Json::as_str);
    ServiceRefusal {
        reason: text("reason"),
        code: text("code"),
        message: text("message").unwrap_or_else(|| text::NoMessage.to_string()),
        causes: causes.map(str::to_owned).collect(),
    }
}

fn describe(error: &reqwest::Error) -> Unreachable {
    if CertificateFault::find(error).is_some() {
        Unreachable::NotTrusted
    } else if error.is_timeout() {
        Unreachable::TimedOut
    } else if error.is_connect() || error.is_builder() {
        Unreachable::NoConnection
    } else {
        Unreachable::CutOff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(url: &str) -> String {
        match ServiceClient::new(url, Secret::new("runner_hunter2")) {
            Err(ServiceClientError::Url { url: shown, why }) => {
                assert!(!shown.contains("hunter2"), "{shown}");
                why.to_owned()
            }
            Err(other) => other.to_string(),
            Ok(client) => client.address(),
        }
    }

    #[test]
    fn a_token_goes_only_to_a_service_and_only_encrypted_to_another_machine() {
        assert_eq!(flaw("http://127.0.0.1:7878"), "http://127.0.0.1:7878");
        assert_eq!(flaw("https://coupons.example.com/"), "https://coupons.example.com");
        assert_eq!(flaw("http://coupons.example.com"), "clear");
        assert_eq!(flaw("coupons.example.com"), "not-url");
        assert_eq!(flaw("ftp://coupons.example.com"), "not-url");
        assert_eq!(flaw("https://li:hunter2@coupons.example.com"), "user");
        assert_eq!(flaw("https://coupons.example.com/runner"), "path");
    }

    #[test]
    fn the_name_of_a_file_is_one_part_of_the_path() {
        let client = ServiceClient::new("http://localhost:1", Secret::new("runner_token")).unwrap();
        let url = client.url(&["campaigns", "夏 日/../x?.yaml@2026-06-01", "stop"]);
        assert_eq!(
            url.as_str(),
            "http://localhost:1/api/v1/campaigns/%E5%A4%8F%20%E6%97%A5%2F..%2Fx%3F.yaml@2026-06-01/stop"
        );
    }
}
