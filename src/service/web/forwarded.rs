//! Requests that another worker of the fleet has received, checked and forwarded to this one, which has the campaigns.
//!
//! The worker adds two headers: where the request comes from, and the secret that the owner of the service has published. They count
//! only together, and only with the right secret. No route sees them.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::model::secret::Secret;
use crate::service::accounts::{Hash, digest, is_same};

use super::server::Peer;

/// The header with the address of the client.
const CLIENT: HeaderName = HeaderName::from_static("x-runner-forwarded-for");
/// The header with the secret of the owner.
const SECRET: HeaderName = HeaderName::from_static("x-runner-forwarded-secret");

/// Marks a request that another worker has checked and forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded;

/// Which requests other workers have forwarded. By default there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForwardedRequests {
    /// The hash of the secret.
    secret: Option<Hash>,
}

impl ForwardedRequests {
    /// Those with this secret.
    #[must_use]
    pub fn with_secret(secret: &Secret) -> Self {
        Self {
            secret: Some(digest(secret.expose())),
        }
    }

    /// The client of a forwarded request. `None` if no worker has forwarded it.
    fn client(self, secret: Option<&HeaderValue>, client: Option<&HeaderValue>) -> Option<SocketAddr> {
        let proof = digest(secret?.to_str().ok()?);
        let client = client?.to_str().ok()?.parse().ok()?;
        is_same(&self.secret?, &proof).then_some(client)
    }
}

/// Marks a forwarded request, with its client as the peer. Removes the headers in any case.
pub async fn accept_forwarded(State(known): State<ForwardedRequests>, mut request: Request, next: Next) -> Response {
    let secret = request.headers_mut().remove(SECRET);
    let client = request.headers_mut().remove(CLIENT);
    if let Some(client) = known.client(secret.as_ref(), client.as_ref()) {
        request.extensions_mut().insert(Peer(client));
        request.extensions_mut().insert(Forwarded);
    }
    next.run(request).await
}

/// Whether a request says that it was forwarded. A worker that forwarded it again could forward it for ever.
#[must_use]
pub fn claims_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(SECRET)
}

/// Marks the headers of a request as forwarded for this client, in place of what they say.
pub fn mark_forwarded(headers: &mut HeaderMap, client: SocketAddr, secret: &Secret) {
    headers.remove(SECRET);
    headers.remove(CLIENT);
    let Ok(mut proof) = HeaderValue::from_str(secret.expose()) else {
        return;
    };
    proof.set_sensitive(true);
    headers.insert(SECRET, proof);
    if let Ok(client) = HeaderValue::from_str(&client.to_string()) {
        headers.insert(CLIENT, client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_secret_counts() {
        let secret = Secret::new("canary-2718");
        let client: SocketAddr = "10.0.0.9:4711".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(SECRET, HeaderValue::from_static("forged"));
        headers.append(CLIENT, HeaderValue::from_static("10.0.0.1:1"));
        headers.append(CLIENT, HeaderValue::from_static("10.0.0.2:2"));
        let found =
            |known: ForwardedRequests, headers: &HeaderMap| known.client(headers.get(SECRET), headers.get(CLIENT));
        let known = ForwardedRequests::with_secret(&secret);
        assert_eq!(found(known, &headers), None, "the secret is another one");
        mark_forwarded(&mut headers, client, &secret);
        assert_eq!(headers.get_all(CLIENT).iter().count(), 1, "what a client said is gone");
        assert_eq!(found(known, &headers), Some(client));
        assert_eq!(
            found(ForwardedRequests::default(), &headers),
            None,
            "this service has published no secret"
        );
        assert!(!format!("{headers:?} {known:?}").contains("canary"));
        headers.remove(CLIENT);
        assert_eq!(found(known, &headers), None);
        headers.remove(SECRET);
        assert_eq!(found(known, &headers), None);
    }
}
