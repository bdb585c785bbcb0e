//! A connection that knows whether what it wrote is on the standby.

use std::fmt;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::timeout;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

/// The longest time to make a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// The time after which an idle connection is checked, and after which one that acknowledges nothing is closed.
const KEEPALIVE: Duration = Duration::from_secs(2);
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// Why a database cannot be reached. It never shows a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL has another scheme than PostgreSQL's, or is malformed.
    #[error("the URL of the store is no URL of PostgreSQL: {0}")]
    Url(String),
    /// The file of certificate authorities cannot be used.
    #[error("cannot read the certificate authorities in {}", .path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// The server refused, or cannot be reached.
    #[error("cannot connect to the store")]
    Refused(#[source] tokio_postgres::Error),
    /// The server did not answer.
    #[error("cannot connect to the store: no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
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
            return Err(ConnectError::Url("it does not begin with postgres://".to_owned()));
        }
        // The message of the parser names keys and not values.
        let mut config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            ConnectError::Url(source.unwrap_or_else(|| error.to_string()))
        })?;
        let proof = match mode.as_deref() {
            Some("disable") => Proof::None,
            None if is_loopback(&config) => Proof::None,
            None | Some("require" | "verify-ca" | "verify-full") => Proof::Certificate { authorities },
            Some(other) => {
                let why = format!("sslmode is {other}; write disable or verify-full");
                return Err(ConnectError::Url(why));
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

    /// The largest number of hosts that a connect tries one after the other.
    fn hosts(&self) -> u32 {
        u32::try_from(self.config.get_hosts().len().max(1)).unwrap_or(u32::MAX)
    }
}

/// Whether every host is this machine, so that nobody can listen in between.
fn is_loopback(config: &Config) -> bool {
    use tokio_postgres::config::Host;
    let hosts = config.get_hosts();
    !hosts.is_empty()
        && hosts.iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
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
    #[error("the store failed")]
    Failed(#[from] tokio_postgres::Error),
    /// There was no answer in time.
    #[error("the store did not answer within {} s", .0.as_secs_f32())]
    NoAnswer(Duration),
}

impl Connection {
    /// Connects. Each statement takes `limit` at most.
    ///
    /// # Errors
    /// When the server cannot be reached, does not prove who it is, or refuses.
    pub async fn connect(url: &DatabaseUrl, limit: Duration) -> Result<Self, ConnectError> {
        let has_warned = Arc::new(AtomicBool::new(false));
        let tries = CONNECT * 2 * url.hosts();
        let connect = async {
            match &url.proof {
                Proof::None => {
                    let connected = url.config.connect(tokio_postgres::NoTls).await;
                    let (client, connection) = connected.map_err(ConnectError::Refused)?;
                    listen(connection, Arc::clone(&has_warned));
                    Ok::<_, ConnectError>(client)
                }
                Proof::Certificate { authorities } => {
                    let tls = MakeRustlsConnect::new(tls(authorities.as_ref())?);
                    let connected = url.config.connect(tls).await;
                    let (client, connection) = connected.map_err(ConnectError::Refused)?;
                    listen(connection, Arc::clone(&has_warned));
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
        })
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

/// Moves the bytes of a connection until it ends, and notes warnings. They arrive before the result of their statement.
fn listen<S, T>(mut connection: tokio_postgres::Connection<S, T>, has_warned: Arc<AtomicBool>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message
                && notice.severity() == "WARNING"
            {
                has_warned.store(true, Ordering::SeqCst);
                tracing::warn!("the store warns: {notice}");
            }
        }
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
}
