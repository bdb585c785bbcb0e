//! How a worker that forwards requests knows the owner of the service, which encrypts them itself.
//!
//! All workers have the same `server.yaml`. So the owner has the certificate that this worker has, too, or one for the host of `url`:
//! from an authority of this machine, or from one that is in the file of the certificate.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::service::config::ServerConfig;
use crate::service::tls::provider;

/// A chain of certificates, the one of the server first.
type Chain = Vec<CertificateDer<'static>>;

/// Encrypts connections to the owner, by the certificate that the file names at the moment.
#[derive(Default)]
pub(super) struct OwnerTls {
    /// The certificate of this worker, and what was prepared with it.
    prepared: Mutex<Option<(Chain, TlsConnector)>>,
}

impl OwnerTls {
    /// Returns what encrypts a connection.
    ///
    /// # Errors
    /// If no version of TLS, or no certificate authority, can be used.
    pub(super) fn connector(&self, config: &ServerConfig) -> Result<TlsConnector, Error> {
        let own = config.certificate.as_ref();
        let own = own.map(|certificate| certificate.cert.clone()).unwrap_or_default();
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, connector)) = &*prepared
            && *before == own
        {
            return Ok(connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(client(own.clone())?));
        *prepared = Some((own, connector.clone()));
        Ok(connector)
    }
}

/// The name that the certificate of the owner has to have: the host of `url`, else the address that it is reached at.
pub(super) fn owner_name(config: &ServerConfig, address: IpAddr) -> ServerName<'static> {
    let url = config.file.as_ref().and_then(|file| file.url.as_ref());
    let url = url.and_then(|url| Url::parse(&url.to_string()).ok());
    let named = match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
        Some(Host::Ipv4(address)) => Some(ServerName::from(IpAddr::from(address))),
        Some(Host::Ipv6(address)) => Some(ServerName::from(IpAddr::from(address))),
        None => None,
    };
    named.unwrap_or_else(|| ServerName::from(address))
}

fn client(own: Chain) -> Result<ClientConfig, Error> {
    let provider = Arc::new(provider());
    let verifier = OwnerVerifier::new(own, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts the certificate of this worker, and what the authorities say of others.
#[derive(Debug)]
struct OwnerVerifier {
    own: Option<CertificateDer<'static>>,
    authorities: Verifier,
}

impl OwnerVerifier {
    fn new(own: Chain, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let first = own.first().cloned();
        // One that signed itself is an authority for its successor with the same key. A file may end with an authority of a company.
        let authorities = Verifier::new_with_extra_roots(own, provider)?;
        Ok(Self {
            own: first,
            authorities,
        })
    }
}

impl ServerCertVerifier for OwnerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Only a worker with the private key of this worker can use its certificate, whatever name and authority it has.
        if self.own.as_ref() == Some(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let authorities = &self.authorities;
        authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
