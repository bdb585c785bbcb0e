//! The proxy that the environment names for requests to the platform, and the tunnel through it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::ServiceExt;
use url::Url;

use super::wire::PROGRAM;
use crate::catalogue::platform;

type AnyError = Box<dyn Error + Send + Sync>;

/// A variable of the environment does not name a proxy that can be used. Its value may hold a password and is not shown.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", platform::Proxy { variable, why })]
pub struct ProxyError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with its value: `space`, `socks`, `scheme`, `not-encoded`, `no-port` or `not-a-url`.
    pub why: &'static str,
}

/// The variables that name a proxy for https. The first that is not empty counts.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// A proxy over HTTP.
#[derive(Clone)]
pub(super) struct Proxy {
    /// The URL with its user name and password.
    url: Url,
    intercept: Intercept,
}

impl fmt::Display for Proxy {
    /// The address, without the user name and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Proxy {
    /// Finds the proxy for `to`. `None` when the environment names none, or excepts this address by `NO_PROXY`.
    pub(super) fn find(to: &Uri, env: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ProxyError> {
        let value = |name: &str| {
            env(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let Some((variable, written)) = VARIABLES.iter().find_map(|name| Some((*name, value(name)?))) else {
            return Ok(None);
        };
        let except = value("NO_PROXY").or_else(|| value("no_proxy")).unwrap_or_default();
        let intercept = |proxy: &str| {
            Matcher::builder()
                .https(proxy)
                .no(except.as_str())
                .build()
                .intercept(to)
        };
        if intercept("http://proxy.invalid").is_none() {
            return Ok(None);
        }
        let wrong = |why| ProxyError { variable, why };
        let url = parse(&written).map_err(wrong)?;
        match intercept(url.as_str()) {
            Some(intercept) => Ok(Some(Self { url, intercept })),
            None => Err(wrong("not-a-url")),
        }
    }

    /// The URL with its user name and password.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

fn parse(written: &str) -> Result<Url, &'static str> {
    if written.contains(char::is_whitespace) {
        return Err("space");
    }
    let (scheme, rest) = written.split_once("://").unwrap_or(("http", written));
    let scheme = scheme.to_ascii_lowercase();
    if scheme.starts_with("socks") {
        return Err("socks");
    }
    if scheme != "http" && scheme != "https" {
        return Err("scheme");
    }
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if behind.contains('@') {
        return Err("not-encoded");
    }
    let url = Url::parse(&format!("{scheme}://{authority}")).map_err(|_| "not-a-url")?;
    // Programs disagree about the usual port of such a proxy.
    if !written.contains("://") && !authority.rsplit('@').next().unwrap_or_default().contains(':') {
        return Err("no-port");
    }
    Ok(url)
}

/// The proxy answered, and did not open the tunnel.
#[derive(Debug)]
struct Refused(StatusCode);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it answered CONNECT with HTTP {}", self.0)?;
        if self.0 == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            f.write_str(": it wants another user name and password")?;
        }
        Ok(())
    }
}

impl Error for Refused {}

/// Connections to one address through a proxy.
pub(super) struct Tunnel {
    proxy: Proxy,
    to_proxy: HttpsConnector<HttpConnector>,
    tls: TlsConnector,
    server: ServerName<'static>,
    /// The address, with its port.
    address: String,
}

/// The connection, with TLS from end to end.
pub(super) type Tunnelled = TokioIo<TlsStream<TokioIo<Upgraded>>>;

/// Where a connection failed.
pub(super) enum Failed {
    /// Before the proxy had opened the tunnel.
    AtProxy(AnyError),
    /// In the tunnel.
    Inside(AnyError),
}

impl Tunnel {
    pub(super) fn new(proxy: Proxy, tcp: HttpConnector, tls: &ClientConfig, to: &Uri) -> Result<Self, AnyError> {
        let mut tls_to_proxy = tls.clone();
        tls_to_proxy.alpn_protocols.clear();
        let host = to.host().unwrap_or_default();
        let server = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        Ok(Self {
            proxy,
            to_proxy: (tcp, tls_to_proxy).into(),
            tls: TlsConnector::from(Arc::new(tls.clone())),
            server,
            address: format!("{host}:{}", to.port_u16().unwrap_or(443)),
        })
    }

    /// The server, and how it is reached.
    pub(super) fn through(&self) -> String {
        format!("{} through proxy {}", self.address, self.proxy)
    }

    pub(super) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Opens a tunnel, and TLS in it.
    pub(super) async fn connect(&self) -> Result<Tunnelled, Failed> {
        let tunnel = self.open().await.map_err(Failed::AtProxy)?;
        let stream = self.tls.connect(self.server.clone(), TokioIo::new(tunnel)).await;
        stream.map(TokioIo::new).map_err(|error| Failed::Inside(error.into()))
    }

    async fn open(&self) -> Result<Upgraded, AnyError> {
        let uri = self.proxy.intercept.uri().clone();
        let stream = self.to_proxy.clone().oneshot(uri).await?;
        let (mut sender, connection) = http1::handshake(stream).await?;
        // Its error reaches the request, or the tunnel.
        tokio::spawn(async move { drop(connection.with_upgrades().await) });
        let mut request = Request::connect(&self.address)
            .header(HOST, &self.address)
            .header(USER_AGENT, HeaderValue::from_static(PROGRAM));
        if let Some(auth) = self.proxy.intercept.basic_auth() {
            request = request.header(PROXY_AUTHORIZATION, auth);
        }
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        if !response.status().is_success() {
            return Err(Refused(response.status()).into());
        }
        Ok(hyper::upgrade::on(response).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], to: &'static str) -> Result<Option<String>, ProxyError> {
        let env = |asked: &str| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| (*value).to_owned())
        };
        Proxy::find(&Uri::from_static(to), env).map(|proxy| proxy.map(|proxy| proxy.to_string()))
    }

    const PLATFORM: &str = "https://open.douyin.com";

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (name, value, shown) in [
            (
                "HTTPS_PROXY",
                "http://user:canary@proxy.example:3128/path",
                "http://proxy.example:3128",
            ),
            (
                "https_proxy",
                "user:canary@proxy.example:8080",
                "http://proxy.example:8080",
            ),
            ("ALL_PROXY", " http://proxy.example ", "http://proxy.example"),
            ("all_proxy", "HTTPS://c%40n@ary:canary@[::1]:1", "https://[::1]:1"),
        ] {
            assert_eq!(find(&[(name, value)], PLATFORM), Ok(Some(shown.to_owned())), "{value}");
        }
        assert_eq!(find(&[], PLATFORM), Ok(None));
        assert_eq!(find(&[("HTTPS_PROXY", " ")], PLATFORM), Ok(None));
        assert_eq!(find(&[("HTTP_PROXY", "http://proxy.example:1")], PLATFORM), Ok(None));
    }

    #[test]
    fn what_is_no_proxy_is_a_mistake_and_not_shown() {
        for (value, why) in [
            ("canary", "no-port"),
            ("user:canary@proxy.example", "no-port"),
            ("::::", "not-a-url"),
            ("http://", "not-a-url"),
            ("http://canary@[", "not-a-url"),
            ("http://proxy.example:canary", "not-a-url"),
            ("http://proxy.example: 3128", "space"),
            ("socks5://proxy.example:1080", "socks"),
            ("socks5h://proxy.example:1080", "socks"),
            ("ftp://proxy.example:21", "scheme"),
            ("http://user:1#canary@proxy.example:3128", "not-encoded"),
        ] {
            let error = find(&[("HTTPS_PROXY", value)], PLATFORM).expect_err(value);
            assert_eq!((error.variable, error.why), ("HTTPS_PROXY", why), "{value}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn no_proxy_excepts_addresses_and_then_a_mistake_does_not_matter() {
        for except in ["open.douyin.com", ".douyin.com", "localhost, douyin.com", "*"] {
            for proxy in ["http://proxy.example:3128", "::::"] {
                let variables = [("HTTPS_PROXY", proxy), ("NO_PROXY", except)];
                assert_eq!(find(&variables, PLATFORM), Ok(None), "{except}");
                let variables = [("https_proxy", proxy), ("no_proxy", except)];
                assert_eq!(find(&variables, PLATFORM), Ok(None), "{except}");
            }
        }
        let others = [
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("NO_PROXY", "uyin.com,example,10.0.0.0/8"),
        ];
        assert_eq!(
            find(&others, PLATFORM),
            Ok(Some("http://proxy.example:3128".to_owned()))
        );
        let network = [("HTTPS_PROXY", "http://proxy.example:3128"), ("NO_PROXY", "10.0.0.0/8")];
        assert_eq!(find(&network, "https://10.1.2.3"), Ok(None));
    }
}
