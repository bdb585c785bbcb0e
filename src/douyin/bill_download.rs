//! Downloads a bill. It is on another host than the platform's endpoints, so the access token never goes there. Neither errors
//! nor logs name more than the host, because the address may carry a signature.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use sha2::{Digest, Sha256};
use url::Url;

use super::client_error::ClientError;
use super::http::client_for;
use crate::catalogue::reconcile as text;
use crate::model::error_chain::error_chain;
use crate::model::identity::is_loopback;
use crate::model::secret::Secret;

/// The largest bill that is read, in bytes. At the platform's limit of 100 coupons a second, a day's bill has about 1.5 GB.
pub const MOST_BYTES: u64 = 4 << 30;
/// How long the server may send nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the whole download may take.
const LONGEST: Duration = Duration::from_hours(1);

/// Why a bill was not downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address is not one that a bill may be at.
    #[error("{}", text::DownloadAddress)]
    Address,
    /// The client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server answered with another status than 200. A redirect is not followed.
    #[error("{}", text::DownloadStatus { host, status: u64::from(*status) })]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The bill is larger than the limit.
    #[error("{}", text::DownloadTooLarge { host })]
    TooLarge {
        /// The host.
        host: String,
    },
    /// The download broke off.
    #[error("{}", text::DownloadBroken { host, why })]
    Broken {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// The bill cannot be kept.
    #[error("{}", text::DownloadNotKept)]
    Keep(#[from] io::Error),
}

/// A downloaded bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// How many bytes it has.
    pub bytes: u64,
}

/// Checks where a bill is: at https, or at http on this machine if the platform is there too.
fn address(url: &Secret, is_platform_here: bool) -> Result<(Url, String), DownloadError> {
    let url = Url::parse(url.expose()).map_err(|_| DownloadError::Address)?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_platform_here && is_loopback(&url),
        _ => false,
    };
    let host = url.host_str().map(str::to_owned);
    match host {
        Some(host) if is_safe && url.username().is_empty() && url.password().is_none() => Ok((url, host)),
        _ => Err(DownloadError::Address),
    }
}

/// Downloads a bill and passes its bytes to `keep`. `is_platform_here` says that the platform's own address is on this machine.
///
/// # Errors
/// When the bill was not downloaded to its end.
pub async fn download(
    url: &Secret,
    is_platform_here: bool,
    mut keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
) -> Result<Downloaded, DownloadError> {
    let (url, host) = address(url, is_platform_here)?;
    let broken = |why: String| DownloadError::Broken {
        host: host.clone(),
        why,
    };
    // The errors of the client name the whole address.
    let described = |error: reqwest::Error| {
        let error = error.without_url();
        let causes: Vec<String> = match error.source() {
            Some(source) => error_chain(source).map(ToString::to_string).collect(),
            None => vec![error.to_string()],
        };
        broken(causes.join(": "))
    };
    let silent = |_| {
        broken(
            text::DownloadSilent {
                seconds: SILENCE.as_secs(),
            }
            .to_string(),
        )
    };
    let client = client_for(url.as_str(), SILENCE)?;
    let sent = client.get(url).timeout(LONGEST).send();
    let mut response = tokio::time::timeout(SILENCE, sent)
        .await
        .map_err(silent)?
        .map_err(described)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(DownloadError::Status {
            host: host.clone(),
            status,
        });
    }
    if response.headers().contains_key("content-encoding") {
        return Err(broken(text::DownloadEncoded.to_string()));
    }
    let mut hash = Sha256::new();
    let mut bytes = 0_u64;
    loop {
        let chunk = tokio::time::timeout(SILENCE, response.chunk())
            .await
            .map_err(silent)?
            .map_err(described)?;
        let Some(chunk) = chunk else { break };
        bytes += chunk.len() as u64;
        if bytes > MOST_BYTES {
            return Err(DownloadError::TooLarge { host: host.clone() });
        }
        hash.update(&chunk);
        keep(&chunk)?;
    }
    Ok(Downloaded {
        sha256: hash.finalize().into(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_fetched_over_tls_or_on_this_machine_only() {
        let is_allowed = |url: &str, here| address(&Secret::new(url), here).is_ok();
        assert!(is_allowed(
            "https://p0.example/20260601_tt1_coupon_record.csv?sign=x",
            false
        ));
        assert!(is_allowed("http://127.0.0.1:8080/bill.csv", true));
        assert!(!is_allowed("http://127.0.0.1:8080/bill.csv", false));
        assert!(!is_allowed("http://p0.example/bill.csv", true));
        assert!(!is_allowed("https://user:secret@p0.example/bill.csv", false));
        assert!(!is_allowed("file:///etc/passwd", true));
        assert!(!is_allowed("bill.csv", true));
    }
}
