//! Where a service listens, and under which address it is reached.

use std::fmt;
use std::net::SocketAddr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use url::{Origin as UrlOrigin, Url};

use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::keys::KeyType;
use crate::campaign::value::{Value, quoted};
use crate::catalogue::{campaign as shared, server_file as text};
use crate::model::identity::is_loopback;

/// The address of a service that names none.
pub(super) fn default() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7878))
}

/// An IP address with a port.
pub(super) struct ListenAddress;

impl KeyType<SocketAddr> for ListenAddress {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<SocketAddr> {
        let written = value.text(&text::WantAddress, diagnostics)?;
        if let Ok(address) = written.parse() {
            return Some(address);
        }
        let near = match written.parse::<u16>() {
            Ok(port) => Some(SocketAddr::from(([127, 0, 0, 1], port))),
            Err(_) => written
                .strip_prefix("localhost:")
                .or(written.strip_prefix(':'))
                .and_then(|port| port.parse().ok())
                .map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port))),
        };
        let help = near.map_or_else(
            || {
                shared::Write {
                    wanted: &text::WantAddress,
                }
                .to_string()
            },
            |near| shared::WriteValue { value: &near }.to_string(),
        );
        let message = shared::CannotBe {
            path: &value.path,
            value: &quoted(&written),
        };
        value.refuse(Code::Address, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        text::Address.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^.+:[0-9]+$"})
    }

    fn write(&self, address: &SocketAddr) -> Option<Json> {
        Some(address.to_string().into())
    }
}

/// The scheme, host and port of a service: `https://coupons.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    written: String,
    host: String,
    is_https: bool,
}

impl Origin {
    /// The host with its port, unless it is that of the scheme, as a `Host` header names it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether all requests are encrypted.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Why a URL is not the address of a service.
enum OriginMistake {
    NotUrl,
    UserInfo,
    Clear,
    Path,
}

fn parse_origin(written: &str) -> Result<Origin, OriginMistake> {
    let url = Url::parse(written).map_err(|_| OriginMistake::NotUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OriginMistake::UserInfo);
    }
    let is_https = match url.scheme() {
        "https" => true,
        "http" if is_loopback(&url) => false,
        "http" => return Err(OriginMistake::Clear),
        _ => return Err(OriginMistake::NotUrl),
    };
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(OriginMistake::Path);
    }
    let origin = url.origin();
    let UrlOrigin::Tuple(..) = origin else {
        return Err(OriginMistake::NotUrl);
    };
    let written = origin.ascii_serialization();
    let host = written.split_once("://").map_or("", |(_, host)| host).to_owned();
    Ok(Origin {
        written,
        host,
        is_https,
    })
}

/// The origin under which a service is reached.
pub(super) struct PublicOrigin;

impl KeyType<Origin> for PublicOrigin {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Origin> {
        let wanted = &text::WantOrigin;
        let written = value.text(wanted, diagnostics)?;
        let why: &dyn fmt::Display = match parse_origin(&written) {
            Ok(origin) => return Some(origin),
            Err(OriginMistake::UserInfo) => {
                value.conceal(diagnostics);
                let path = &value.path;
                let message = shared::UnusableUrlBecause {
                    path,
                    why: &shared::UrlUser,
                };
                return value.refuse(Code::Address, message, shared::Write { wanted }, diagnostics);
            }
            Err(OriginMistake::NotUrl) => &shared::NotUrl,
            Err(OriginMistake::Clear) => &text::OriginClear,
            Err(OriginMistake::Path) => &text::OriginPath,
        };
        let message = shared::CannotBeBecause {
            path: &value.path,
            value: &quoted(&written),
            why,
        };
        value.refuse(Code::Address, message, shared::Write { wanted }, diagnostics)
    }

    fn describe(&self) -> String {
        text::Origin.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uri", "pattern": "^https?://[^/]+/?$"})
    }
}

/// Why a service must not listen on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenMistake {
    /// Other machines reach it, and there are no users.
    #[error("{}", text::OpenWithoutUsers)]
    NoUsers,
    /// Other machines reach it, and passwords would be sent in clear text.
    #[error("{}", text::OpenWithoutUrl)]
    NoHttps,
}

impl ListenMistake {
    pub(super) fn find(address: SocketAddr, url: Option<&Origin>, has_users: bool) -> Option<Self> {
        if address.ip().is_loopback() {
            return None;
        }
        if !has_users {
            return Some(Self::NoUsers);
        }
        (!url.is_some_and(Origin::is_https)).then_some(Self::NoHttps)
    }

    /// What to do about it.
    #[must_use]
    pub fn help(self) -> String {
        match self {
            Self::NoUsers => text::OpenWithoutUsersHelp.to_string(),
            Self::NoHttps => text::OpenWithoutUrlHelp.to_string(),
        }
    }
}

/// Refuses an address that other machines reach, unless there are users and their passwords are encrypted on the way.
pub(super) fn check(
    address: SocketAddr,
    url: Option<&Origin>,
    has_users: bool,
    value: &Value<'_>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(mistake) = ListenMistake::find(address, url, has_users) {
        diagnostics
            .error(Code::Contradiction, value.mark(), mistake)
            .help(mistake.help());
    }
}
