//! Why a server's certificate does not verify, in words for people.

use std::error::Error;
use std::fmt;

use rustls::CertificateError;

use super::error_chain::error_chain;
use crate::catalogue::model;

/// Why a server's certificate does not verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No authority that this machine trusts has signed it.
    Untrusted,
    /// It is the certificate of an authority, or of one that signed itself, and no server's.
    Authority,
    /// It has expired by this machine's clock.
    Expired,
    /// It is not valid yet by this machine's clock.
    NotYetValid,
    /// It is for another name.
    OtherName,
    /// Another fault, as the TLS library names it.
    Other(String),
}

impl CertificateFault {
    /// Finds the fault among the causes of an error. `None` when the error is about something else.
    #[must_use]
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        error_chain(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(why)) => Some(Self::new(why)),
            _ => None,
        })
    }

    fn new(why: &CertificateError) -> Self {
        match why {
            CertificateError::UnknownIssuer => Self::Untrusted,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
            // The type of this error is the library's own secret.
            CertificateError::Other(error) if format!("{error:?}").contains("CaUsedAsEndEntity") => Self::Authority,
            other => Self::Other(other.to_string()),
        }
    }

    /// What to do. `None` where it depends on how another authority is trusted.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Untrusted | Self::Other(_) => return None,
            Self::Authority => model::CertificateHelpAuthority.to_string(),
            Self::Expired | Self::NotYetValid => model::CertificateHelpTime.to_string(),
            Self::OtherName => model::CertificateHelpName.to_string(),
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted => model::CertificateUntrusted.fmt(f),
            Self::Authority => model::CertificateAuthority.fmt(f),
            Self::Expired => model::CertificateExpired.fmt(f),
            Self::NotYetValid => model::CertificateNotYetValid.fmt(f),
            Self::OtherName => model::CertificateOtherName.fmt(f),
            Self::Other(why) => model::CertificateOther { why }.fmt(f),
        }
    }
}
