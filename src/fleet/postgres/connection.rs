//! A connection that knows whether what it wrote is on the standby.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use crate::catalogue::fleet;

/// The longest time to make a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// The time after which an idle connection is checked, and after which one that acknowledges nothing is closed.
const KEEPALIVE: Duration = Duration::from_secs(2);
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);
/// For how long the socket of a connection stays open after it was given up. A server that waits for its standby executes the
/// statement later, and then its process ends in order.
const GIVEN_UP: Duration = Duration::from_secs(30);
const PORT: u16 = 5432;
/// How the location of a database begins, as it is shown and as witnesses have it.
const LOCATION: &str = "postgres://";

/// Why a database cannot be reached. It never shows a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL has another scheme than PostgreSQL's, or is malformed.
    #[error("{}", fleet::Url { why })]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// The file of certificate authorities cannot be used.
    #[error("{}", fleet::Authorities { path: &path.display() })]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("{}", fleet::Tls)]
    Tls(#[from] rustls::Error),
    /// The server refused, or cannot be reached.
    #[error("{}", text(.0))]
    Refused(tokio_postgres::Error),
    /// The server did not answer.
    #[error("{}", fleet::NoAnswer { seconds: &.0.as_secs_f32() })]
    NoAnswer(Duration),
}

/// An error of the library and its causes on one line. Its own text for an error of the server is only `db error`.
fn text(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.to_string();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// How the server proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// There is no TLS.
    None,
    /// TLS with a certificate of an authority of this machine, or of this file.
    Certificate { authorities: Option<PathBuf> },
}

/// Where the database is, and how to reach it. A URL of PostgreSQL, with these differences from its own client: TLS is used unless
/// `sslmode=disable`, and the certificate is always verified, with the authorities of this machine or of `sslrootcert`.
#[derive(Clone)]
pub struct DatabaseUrl {
    config: Config,
    proof: Proof,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseUrl")
            .field("hosts", &self.config.get_hosts())
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl DatabaseUrl {
    /// Parses a URL. It may name several hosts.
    ///
    /// # Errors
    /// [`ConnectError::Url`], without the password.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let mut rest = Vec::new();
        let mut mode = None;
        let mut authorities = None;
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(PathBuf::from(&*value)),
                _ => rest.push((key.into_owned(), value.into_owned())),
            }
        }
        let mut text = url.to_owned();
        if !rest.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(rest)
                .finish();
            text = format!("{text}?{query}");
        }
        let is_ours = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        let many_hosts = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !is_ours && !many_hosts {
            let why = fleet::UrlScheme.to_string();
            return Err(ConnectError::Url { why });
        }
        // The message of the parser names keys and not values.
        let mut config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
            let source = Error::source(&error).map(ToString::to_string);
            ConnectError::Url {
                why: source.unwrap_or_else(|| error.to_string()),
            }
        })?;
        let proof = match mode.as_deref() {
            Some("disable") => Proof::None,
            None if is_loopback(&config) => Proof::None,
            None | Some("require" | "verify-ca" | "verify-full") => Proof::Certificate { authorities },
            Some(other) => {
                let why = fleet::UrlTls { found: &other }.to_string();
                return Err(ConnectError::Url { why });
            }
        };
        config.ssl_mode(if proof == Proof::None {
            SslMode::Disable
        } else {
            SslMode::Require
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.keepalives_idle(KEEPALIVE);
        config.tcp_user_timeout(UNACKNOWLEDGED);
        config.application_name("runner");
        Ok(Self { config, proof })
    }

    /// The hosts and the database, to show: `db.example:5432/coupons`.
    #[must_use]
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(PORT);
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", port(at)),
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("{hosts}/{name}")
    }

    /// The URL without user, password and parameters.
    #[must_use]
    pub fn location(&self) -> String {
        format!("{LOCATION}{}", self.place())
    }

    /// Whether a text begins with a [`DatabaseUrl::location`].
    #[must_use]
    pub fn is_location(text: &str) -> bool {
        text.starts_with(LOCATION)
    }

    /// Whether the connection is encrypted and the server has to prove who it is.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.proof != Proof::None
    }

    /// Whether every host is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_loopback(&self.config)
    }

    /// Returns the address of this machine from which it reaches the first host that it has a way to. Nothing is sent. `None` if
    /// there is no way, or none from an address of the family of `listen`.
    pub async fn local_address(&self, listen: IpAddr) -> Option<IpAddr> {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(PORT);
        let numbers = self.config.get_hostaddrs();
        for (at, host) in self.config.get_hosts().iter().enumerate() {
            let Host::Tcp(name) = host else { continue };
            let name = numbers.get(at).map_or_else(|| name.clone(), ToString::to_string);
            let Ok(addresses) = lookup_host((name, port(at))).await else {
                continue;
            };
            for address in addresses {
                // A socket that listens on `::` takes connections to IPv4 addresses, too.
                if listen.is_ipv4() && !address.is_ipv4() {
                    continue;
                }
                if let Ok(local) = local_address_to(address).await {
                    return Some(local);
                }
            }
        }
        None
    }

    /// The largest number of hosts that a connect tries one after the other.
    fn hosts(&self) -> u32 {
        u32::try_from(self.config.get_hosts().len().max(1)).unwrap_or(u32::MAX)
    }
}

/// The address of this machine from which packets to an address leave. A connect of UDP sends none.
async fn local_address_to(address: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    Ok(socket.local_addr()?.ip())
}

/// Whether every host is this machine, so that nobody can listen in between.
fn is_loopback(config: &Config) -> bool {
    let hosts = config.get_hosts();
    !hosts.is_empty()
        && hosts.iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
            Host::Unix(_) => true,
        })
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    /// Whether the server has warned. The warning after a commit says that a standby may not have it.
    has_warned: Arc<AtomicBool>,
    limit: Duration,
    /// Dropped with the connection, so that the task of the socket learns of it.
    _is_used: oneshot::Sender<()>,
}

/// The rows of a statement, and whether everything that it has seen and written is on the standby.
#[derive(Debug)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether no server warned during the statement.
    pub replicated: bool,
}

/// Why a statement has no known result. It may have been executed, or may be executed later.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The server or the connection failed.
    #[error("{}", text(.0))]
    Failed(#[from] tokio_postgres::Error),
    /// There was no answer in time.
    #[error("{}", fleet::NoAnswer { seconds: &.0.as_secs_f32() })]
    NoAnswer(Duration),
    /// There is no connection, so it was not sent.
    #[error(transparent)]
    NotConnected(#[from] ConnectError),
    /// A standby may not have it: the server has stopped waiting.
    #[error("{}", fleet::NotReplicated)]
    NotReplicated,
}

impl Connection {
    /// Connects. Each statement takes `limit` at most.
    ///
    /// # Errors
    /// When the server cannot be reached, does not prove who it is, or refuses.
    pub async fn connect(url: &DatabaseUrl, limit: Duration) -> Result<Self, ConnectError> {
        Self::connect_with(url, limit, None).await
    }

    /// Connects with a permit that is returned when the socket is closed.
    pub(super) async fn connect_with(
        url: &DatabaseUrl,
        limit: Duration,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, ConnectError> {
        let (is_used, is_given_up) = oneshot::channel();
        let socket = Socket {
            has_warned: Arc::default(),
            is_given_up,
            permit,
        };
        let has_warned = Arc::clone(&socket.has_warned);
        let tries = CONNECT * 2 * url.hosts();
        let connect = async {
            match &url.proof {
                Proof::None => {
                    let connected = url.config.connect(tokio_postgres::NoTls).await;
                    let (client, connection) = connected.map_err(ConnectError::Refused)?;
                    listen(connection, socket);
                    Ok::<_, ConnectError>(client)
                }
                Proof::Certificate { authorities } => {
                    let tls = MakeRustlsConnect::new(tls(authorities.as_ref())?);
                    let connected = url.config.connect(tls).await;
                    let (client, connection) = connected.map_err(ConnectError::Refused)?;
                    listen(connection, socket);
                    Ok(client)
                }
            }
        };
        let client = timeout(tries, connect)
            .await
            .map_err(|_| ConnectError::NoAnswer(tries))??;
        Ok(Self {
            client,
            has_warned,
            limit,
            _is_used: is_used,
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Executes one statement in a transaction of its own. After an error the connection is of no further use.
    ///
    /// # Errors
    /// When the result is not known.
    pub async fn query(&self, sql: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<Rows, StatementError> {
        self.has_warned.store(false, Ordering::SeqCst);
        let rows = timeout(self.limit, self.client.query_typed(sql, values)).await;
        let rows = rows.map_err(|_| StatementError::NoAnswer(self.limit))??;
        Ok(Rows {
            rows,
            replicated: !self.has_warned.load(Ordering::SeqCst),
        })
    }

    /// Executes several statements without values, in one transaction.
    ///
    /// # Errors
    /// When the result is not known.
    pub async fn batch(&self, sql: &str) -> Result<(), StatementError> {
        let limit = self.limit * 10;
        let done = timeout(limit, self.client.batch_execute(sql)).await;
        Ok(done.map_err(|_| StatementError::NoAnswer(limit))??)
    }
}

/// What the task of a connection's socket has.
struct Socket {
    has_warned: Arc<AtomicBool>,
    /// Ends when the connection is dropped.
    is_given_up: oneshot::Receiver<()>,
    permit: Option<OwnedSemaphorePermit>,
}

/// Moves the bytes of a connection until it ends, and notes warnings. They arrive before the result of their statement.
fn listen<S, T>(mut connection: tokio_postgres::Connection<S, T>, socket: Socket)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let Socket {
        has_warned,
        is_given_up,
        permit,
    } = socket;
    tokio::spawn(async move {
        let messages = async {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message
                    && notice.severity() == "WARNING"
                {
                    has_warned.store(true, Ordering::SeqCst);
                    tracing::warn!("the database warns: {notice}");
                }
            }
        };
        let given_up = async {
            let _ = is_given_up.await;
            sleep(GIVEN_UP).await;
        };
        tokio::select! {
            () = messages => {}
            () = given_up => {}
        }
        drop(permit);
    });
}

fn tls(authorities: Option<&PathBuf>) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match authorities {
        None => config.with_platform_verifier()?,
        Some(path) => {
            let unusable = |source| ConnectError::Authorities {
                path: path.clone(),
                source,
            };
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(path).map_err(unusable)? {
                roots.add(certificate.map_err(unusable)?)?;
            }
            config.with_root_certificates(roots)
        }
    };
    Ok(config.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_verified_unless_tls_is_disabled_or_the_host_is_this_machine() {
        let proof = |url: &str| {
            DatabaseUrl::parse(url)
                .map(|url| url.proof)
                .map_err(|error| error.to_string())
        };
        let verified = |authorities: Option<&str>| {
            Ok(Proof::Certificate {
                authorities: authorities.map(PathBuf::from),
            })
        };
        assert_eq!(proof("postgres://u@db.example/x"), verified(None));
        assert_eq!(proof("postgres://u@db.example/x?sslmode=require"), verified(None));
        assert_eq!(
            proof("postgresql://u:p@a.example,b.example:5433/x?sslmode=verify-full&sslrootcert=/etc/ca.pem"),
            verified(Some("/etc/ca.pem"))
        );
        assert_eq!(proof("postgres://u@db.example/x?sslmode=disable"), Ok(Proof::None));
        assert_eq!(proof("postgres://u@127.0.0.1:5432/x"), Ok(Proof::None));
        assert_eq!(proof("postgres://u@[::1]/x"), Ok(Proof::None));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_described_without_its_password() {
        for url in [
            "mysql://u:hunter2@db/x",
            "postgres://u:hunter2@db/x?sslmode=prefer",
            "postgres://u:hunter2@db/x?colour=hunter2",
            "postgres://u:hunter2@db:many/x",
            "hunter2",
        ] {
            let error = DatabaseUrl::parse(url).expect_err(url).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
    #[test]
    fn a_place_names_every_host_and_the_database() {
        let place = |url: &str| DatabaseUrl::parse(url).map(|url| url.place()).ok();
        assert_eq!(
            place("postgres://u:hunter2@a.example,b.example:5433/coupons").as_deref(),
            Some("a.example:5432,b.example:5433/coupons")
        );
        assert_eq!(place("postgres://u@[::1]").as_deref(), Some("[::1]:5432/u"));
    }

    #[tokio::test]
    async fn a_machine_knows_its_address_on_the_way_to_the_database() {
        let local = async |url: &str, listen: &str| {
            let url = DatabaseUrl::parse(url).ok()?;
            url.local_address(listen.parse().ok()?).await
        };
        let loopback = Some(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(local("postgres://u@127.0.0.1:1/x", "0.0.0.0").await, loopback);
        assert_eq!(local("postgres://u@127.0.0.1:1/x", "::").await, loopback);
        assert_eq!(local("postgres://u@[::1]:1/x", "0.0.0.0").await, None, "another family");
        assert_eq!(local("postgres://u@%2Frun%2Fpostgresql/x", "0.0.0.0").await, None);
    }

    #[test]
    fn a_file_without_a_certificate_is_named_in_each_language() {
        let error = ConnectError::Authorities {
            path: "/etc/ca.pem".into(),
            source: rustls::pki_types::pem::Error::NoItemsFound,
        };
        let shown = crate::catalogue::in_both_languages([&error as &dyn fmt::Display]);
        insta::assert_snapshot!(shown, @r"
        cannot read the certificate authorities in /etc/ca.pem
        无法读取 /etc/ca.pem 中的证书机构
        ");
    }
}
