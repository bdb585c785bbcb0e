//! Encrypts the connections of browsers with the certificate that the file of the service names.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::TlsAcceptor;

use crate::service::config::ConfigFile;
use crate::service::tls::{Certificate, provider};

/// Chooses the certificate that the file names at the moment.
#[derive(Debug)]
struct Current {
    config: Arc<ConfigFile>,
    /// The last one. A file that names none any longer counts at the next start.
    last: Mutex<Certificate>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Certificate> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = &self.config.current().certificate {
            last.clone_from(certificate);
        }
        Some(Arc::clone(&last))
    }
}

/// Returns what encrypts the connections of a service. `None` if its file names no certificate.
///
/// # Errors
/// If no version of TLS can be used.
pub fn acceptor(config: &Arc<ConfigFile>) -> Result<Option<TlsAcceptor>, rustls::Error> {
    let Some(certificate) = config.current().certificate.clone() else {
        return Ok(None);
    };
    let current = Current {
        config: Arc::clone(config),
        last: Mutex::new(certificate),
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions()?;
    let mut server = builder.with_no_client_auth().with_cert_resolver(Arc::new(current));
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}
