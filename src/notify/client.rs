//! Sends requests to channels over HTTP. No error and no log names a URL.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use crate::douyin::ClientError;
use crate::douyin::client_for;
use crate::model::certificate::CertificateFault;

use super::channel::Channel;
use super::request::Request;
use super::verdict::{Answer, NoAnswer};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body that is read, in bytes. A bot answers with less than a hundred.
const MOST_BODY: usize = 64 << 10;

/// The end of a request.
pub type Ended = Result<Answer, NoAnswer>;

/// A way to channels.
pub trait Post: Send + Sync + 'static {
    /// Sends a request to the channel and returns how it ended.
    fn post<'a>(&'a self, channel: &'a Channel, request: Request) -> Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;
}

/// The way over HTTP, with a client for each URL.
#[derive(Default)]
pub struct HttpPost {
    clients: Mutex<HashMap<String, reqwest::Client>>,
}

impl HttpPost {
    /// Prepares the clients of these channels.
    ///
    /// # Errors
    /// If the environment's proxy or its certificates cannot be used.
    pub fn new<'c>(channels: impl IntoIterator<Item = &'c Channel>) -> Result<Self, ClientError> {
        let way = Self::default();
        way.prepare(channels)?;
        Ok(way)
    }

    /// Prepares the clients of more channels.
    ///
    /// # Errors
    /// Like [`Self::new`].
    pub fn prepare<'c>(&self, channels: impl IntoIterator<Item = &'c Channel>) -> Result<(), ClientError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        for channel in channels {
            let url = channel.url.expose();
            if !clients.contains_key(url) {
                clients.insert(url.to_owned(), client_for(url, TIMEOUT)?);
            }
        }
        Ok(())
    }

    fn client(&self, channel: &Channel) -> Option<reqwest::Client> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get(channel.url.expose()).cloned()
    }

    async fn send(&self, channel: &Channel, request: Request) -> Ended {
        let Some(client) = self.client(channel) else {
            return Err(NoAnswer::NotConnected);
        };
        let mut post = client
            .post(request.url.expose())
            .timeout(TIMEOUT)
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        let mut response = post.body(request.body).send().await.map_err(|error| describe(&error))?;
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| describe(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BODY {
                body.truncate(MOST_BODY);
                break;
            }
        }
        Ok(Answer {
            status,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

impl Post for HttpPost {
    fn post<'a>(&'a self, channel: &'a Channel, request: Request) -> Pin<Box<dyn Future<Output = Ended> + Send + 'a>> {
        Box::pin(self.send(channel, request))
    }
}

fn describe(error: &reqwest::Error) -> NoAnswer {
    if CertificateFault::find(error).is_some() {
        NoAnswer::Certificate
    } else if error.is_connect() || error.is_builder() {
        NoAnswer::NotConnected
    } else if error.is_timeout() {
        NoAnswer::TimedOut
    } else {
        NoAnswer::Cut
    }
}
