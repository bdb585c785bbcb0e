//! The platform's address.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use url::Url;

use crate::catalogue::campaign as message;
use crate::model::identity::is_loopback;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{KeyType, keys};
use super::value::{Value, quoted};

const BASE_URL: &str = "https://open.douyin.com";

keys! {
    /// The platform that receives the requests.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Platform {
        /// The platform's address; http only for a loopback address.
        base_url: BaseUrl = PlatformUrl, default BaseUrl::default();
    }
}

/// An address that requests can be sent to: https, or http on a loopback address, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

/// The platform's own address.
impl Default for BaseUrl {
    fn default() -> Self {
        Self(BASE_URL.to_owned())
    }
}

/// The reason why an address cannot be used for requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// The text is not a URL.
    #[error("{}", message::NotUrl)]
    NotUrl,
    /// The scheme is neither https nor http.
    #[error("{}", message::UrlScheme)]
    Scheme,
    /// An http address would send secrets in clear text.
    #[error("{}", message::UrlClear)]
    Clear,
    /// The URL has a user name or a password.
    #[error("{}", message::UrlUser)]
    UserInfo,
    /// The URL has a query or a fragment.
    #[error("{}", message::UrlTail)]
    Tail,
}

impl BaseUrl {
    /// Parses an address.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text).map_err(|_| BaseUrlError::NotUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::UserInfo);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(BaseUrlError::Clear),
            _ => return Err(BaseUrlError::Scheme),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Tail);
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Returns the address without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the address is on this machine: a sidecar or a tunnel to the platform, or a fake platform.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }
}

struct PlatformUrl;

impl KeyType<BaseUrl> for PlatformUrl {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<BaseUrl> {
        let wanted = &message::WantUrl { example: &BASE_URL };
        let path = &value.path;
        let text = value.text(wanted, diagnostics)?;
        let why = &match BaseUrl::parse(&text) {
            Ok(url) => return Some(url),
            Err(why) => why,
        };
        let help = match why {
            BaseUrlError::Clear => {
                let rest = text.split_once("://").map_or("", |(_, rest)| rest);
                let url = &quoted(&format!("https://{rest}"));
                message::UrlClearHelp { url }.to_string()
            }
            BaseUrlError::NotUrl
                if !text.contains(['@', ':']) && BaseUrl::parse(&format!("https://{text}")).is_ok() =>
            {
                let wanted = &quoted(&format!("https://{text}"));
                message::Write { wanted }.to_string()
            }
            _ => message::Write { wanted }.to_string(),
        };
        // The text before `@` may be a password, even if the address is not a URL.
        if text.contains('@') {
            value.conceal(diagnostics);
        }
        let message = match why {
            BaseUrlError::UserInfo => message::UnusableUrlBecause { path, why }.to_string(),
            _ if text.contains('@') => message::UnusableUrl { path }.to_string(),
            _ => message::CannotBeBecause {
                path,
                value: &quoted(&text),
                why,
            }
            .to_string(),
        };
        value.refuse(Code::Url, message, help, diagnostics)
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uri", "pattern": "^https?://"})
    }

    fn write(&self, url: &BaseUrl) -> Option<Json> {
        Some(url.as_str().into())
    }
}
