//! The certificate of a service that encrypts requests itself.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::campaign::{Code, Diagnostic, ParsedFile, ServerFile};
use crate::catalogue::{campaign as shared, service as texts};

/// The most bytes of a file that are read. A chain of certificates has a few thousand.
const MOST_BYTES: u64 = 1 << 20;

/// A certificate with its private key.
pub type Certificate = Arc<CertifiedKey>;

/// Reads the certificate that a file names. Returns `None` if it names none.
///
/// # Errors
/// Why one of its files cannot be used, at its place.
pub fn read(parsed: &ParsedFile<ServerFile>) -> Result<Option<Certificate>, Box<Diagnostic>> {
    let Some(tls) = &parsed.content.tls else {
        return Ok(None);
    };
    let refuse = |key: &str, path: &Path, cause: &dyn Display| {
        let message = texts::UnusableCertificate { path: &path.display() };
        let help = texts::UnusableCertificateHelp.to_string();
        let mistake = parsed.mistake(key, Code::Certificate, message.to_string(), Some(help));
        Box::new(Diagnostic {
            cause: Some(cause.to_string()),
            ..mistake
        })
    };
    let of_cert = |cause: &dyn Display| refuse("tls.cert", &tls.cert, cause);
    let of_key = |cause: &dyn Display| refuse("tls.key", &tls.key, cause);
    let written = read_file(&tls.cert).map_err(|error| of_cert(&error))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&written).collect();
    let chain = chain.map_err(|error| of_cert(&error))?;
    if chain.is_empty() {
        return Err(of_cert(&texts::NoCertificateInFile));
    }
    let written = read_file(&tls.key).map_err(|error| of_key(&error))?;
    // The error of a wrong file could quote the key.
    let key = PrivateKeyDer::from_pem_slice(&written).map_err(|_| of_key(&texts::NoKeyInFile))?;
    let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| of_key(&error))?;
    Ok(Some(Arc::new(certified)))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe may block, and reading it may never end.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other(shared::NotARegularFile.to_string()));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The cryptography of the connections.
#[must_use]
pub fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}
