//! Why a client cannot be made.

use std::error::Error;
use std::path::PathBuf;

use super::proxy::ProxyError;
use crate::campaign::BaseUrlError;
use crate::catalogue::platform;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The platform's address is not valid for requests.
    #[error("{}", platform::BaseUrl { base_url: &format!("{base_url:?}") })]
    BaseUrl {
        /// The address.
        base_url: String,
        /// What is wrong with it.
        source: BaseUrlError,
    },
    /// A variable of the environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The certificates that the environment names cannot be read.
    #[error("{}", platform::Authorities { file: &file.display() })]
    Authorities {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// TLS cannot be set up, for example because this machine has no trusted certificates.
    #[error("{}", platform::Setup)]
    Setup(#[source] Box<dyn Error + Send + Sync>),
}
