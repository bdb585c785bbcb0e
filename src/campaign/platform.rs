//! The platform's address.

use schemars::JsonSchema;
use url::Url;

use crate::model::identity::is_loopback;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{Complete, Key};
use super::value::{Value, quoted};

pub(super) const KEYS: &[Key] = &[Key::optional("base_url")];

/// The default address of the platform.
pub const BASE_URL: &str = "https://open.douyin.com";

/// Where requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Platform {
    /// The platform's address; http only for a loopback address.
    #[schemars(extend("format" = "uri", "pattern" = "^https?://", "default" = BASE_URL))]
    pub base_url: Option<BaseUrl>,
}

/// An address that requests can be sent to: https, or http on a loopback address, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub struct BaseUrl(String);

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

impl Platform {
    pub(super) fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(KEYS, diagnostics)?;
        let base_url = map.get("base_url").and_then(|value| base_url(value, diagnostics));
        Some(Self { base_url })
    }
}

fn base_url(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<BaseUrl> {
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
        BaseUrlError::NotUrl if !text.contains(['@', ':']) && BaseUrl::parse(&format!("https://{text}")).is_ok() => {
            format!("write {}", quoted(&format!("https://{text}")))
        }
        _ => format!("write a URL such as `{BASE_URL}`"),
    };
    let message = if why == BaseUrlError::UserInfo {
        value.conceal(diagnostics);
        format!("`{}` cannot be used: {why}", value.path)
    } else if text.contains('@') {
        // The text before `@` may be a password, even if the address is not a URL.
        value.conceal(diagnostics);
        format!("`{}` cannot be used", value.path)
    } else {
        format!("`{}` cannot be {}: {why}", value.path, quoted(&text))
    };
    diagnostics.error(Code::Url, value.span(), message).help(help);
    None
}
