//! Why a client cannot be made.

use std::error::Error;

use crate::campaign::BaseUrlError;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The platform's address is not valid for requests.
    #[error("cannot send to {base_url:?}")]
    BaseUrl {
        /// The address.
        base_url: String,
        /// What is wrong with it.
        source: BaseUrlError,
    },
    /// TLS cannot be set up, for example because this machine has no trusted certificates.
    #[error("cannot set up TLS and HTTP")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
}
