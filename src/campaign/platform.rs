//! The platform's address.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use url::Url;

use crate::model::identity::is_loopback;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{KeyType, keys};
use super::value::{Value, quoted};

const BASE_URL: &str = "https://open.douyin.com";

keys! {
    /// Where requests go.
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
    #[error("it is no URL")]
    NotUrl,
    /// The scheme is neither https nor http.
    #[error("only https can be sent to")]
    Scheme,
    /// An http address would send secrets in clear text.
    #[error("over http everybody on the way can read the access token")]
    Clear,
    /// The URL has a user name or a password.
    #[error("it holds a user name or password, which has no place in it")]
    UserInfo,
    /// The URL has a query or a fragment.
    #[error("it has a part behind `?` or `#`, which requests would lose")]
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
        let text = value.text(&format!("a URL such as `{BASE_URL}`"), diagnostics)?;
        let why = match BaseUrl::parse(&text) {
            Ok(url) => return Some(url),
            Err(why) => why,
        };
        let help = match why {
            BaseUrlError::Clear => {
                let rest = text.split_once("://").map_or("", |(_, rest)| rest);
                format!(
                    "write {}; http is only for an address of this machine, such as 127.0.0.1",
                    quoted(&format!("https://{rest}"))
                )
            }
            BaseUrlError::NotUrl
                if !text.contains(['@', ':']) && BaseUrl::parse(&format!("https://{text}")).is_ok() =>
            {
                format!("write {}", quoted(&format!("https://{text}")))
            }
            _ => format!("write a URL such as `{BASE_URL}`"),
        };
        // The text before `@` may be a password, even if the address is not a URL.
        if text.contains('@') {
            value.conceal(diagnostics);
        }
        let what = match why {
            BaseUrlError::UserInfo => format!("cannot be used: {why}"),
            _ if text.contains('@') => "cannot be used".to_owned(),
            _ => format!("cannot be {}: {why}", quoted(&text)),
        };
        value.refuse(Code::Url, what, help, diagnostics)
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uri", "pattern": "^https?://"})
    }

    fn write(&self, url: &BaseUrl) -> Option<Json> {
        Some(url.as_str().into())
    }
}
