//! The certificate with which a service encrypts requests itself.

use std::path::PathBuf;

use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::keys::keys;
use crate::campaign::text::FilePath;
use crate::campaign::value::Value;
use crate::catalogue::server_file as text;

use super::listen::Origin;

keys! {
    /// The certificate with which the service encrypts requests itself. Both files are read again when they change.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Tls {
        /// The file with the certificate and those that it is signed by, in PEM.
        cert: PathBuf = FilePath(&text::WantCertificate), required "secrets/cert.pem";
        /// The file with the private key, in PEM.
        key: PathBuf = FilePath(&text::WantPrivateKey), required "secrets/key.pem";
    }
}

/// Refuses a certificate together with an address that says that nothing is encrypted.
pub(super) fn check(url: &Origin, value: &Value<'_>, diagnostics: &mut Diagnostics) {
    if !url.is_https() {
        diagnostics
            .error(Code::Contradiction, value.mark(), text::TlsWithHttp)
            .help(text::TlsWithHttpHelp);
    }
}
