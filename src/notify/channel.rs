//! A channel with its URL and its secret.

use std::fmt;

use url::Url;

use crate::campaign::{self, ChannelKind, Topic};
use crate::catalogue::{Language, notify as text};
use crate::model::identity::is_loopback;
use crate::model::secret::{Secret, SecretError, SecretRef};

/// A channel that can be sent to. Two channels of one process with the same URL share a limit.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    /// The kind of its receiver.
    pub kind: ChannelKind,
    /// The label among the channels of its file. It has no secret.
    pub label: String,
    /// The URL.
    pub url: Secret,
    /// The secret that signs its messages.
    pub secret: Option<Secret>,
    /// The word that the bot demands in each message.
    pub keyword: Option<String>,
    /// What it receives messages about.
    pub on: Vec<Topic>,
    /// The language of its messages.
    pub language: Language,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.label)
    }
}

/// Why a channel cannot be used. It never shows a byte of the URL or the secret.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The URL or the secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The URL is not one that messages can be sent to.
    #[error("{}", text::UnusableHook { from, why: &why.word() })]
    Url {
        /// The reference to the URL.
        from: SecretRef,
        /// What is wrong with it.
        why: UrlFlaw,
    },
}

/// A mistake in the URL of a channel, named without a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFlaw {
    /// It is not a URL, such as the key of a bot alone.
    NotUrl,
    /// It is neither https nor http on this machine.
    Scheme,
}

impl UrlFlaw {
    const fn word(self) -> &'static str {
        match self {
            Self::NotUrl => "not-url",
            Self::Scheme => "scheme",
        }
    }
}

impl Channel {
    /// Reads the URL and the secret of a channel of a campaign file.
    ///
    /// # Errors
    /// If one of them is absent or cannot be used, all mistakes with the keys that they are about.
    pub fn resolve(written: &campaign::Channel) -> Result<Self, Vec<(&'static str, ChannelError)>> {
        let mut mistakes = Vec::new();
        let url = read_url(&written.url);
        let url = url.map_err(|error| mistakes.push(("url", error))).ok();
        let secret = written.secret.as_ref().map(read_secret).transpose();
        let secret = secret.map_err(|error| mistakes.push(("secret", error.into()))).ok();
        let (Some(url), Some(secret)) = (url, secret) else {
            return Err(mistakes);
        };
        Ok(Self {
            kind: written.kind,
            label: written.to_string(),
            url,
            secret,
            keyword: written.keyword.clone(),
            on: written.on.clone(),
            language: written.language,
        })
    }
}

fn read_url(reference: &SecretRef) -> Result<Secret, ChannelError> {
    let url = reference.resolve()?;
    match find_flaw(url.expose()) {
        None => Ok(url),
        Some(why) => Err(ChannelError::Url {
            from: reference.clone(),
            why,
        }),
    }
}

fn read_secret(reference: &SecretRef) -> Result<Secret, SecretError> {
    let secret = reference.resolve()?;
    reference.check_length(&secret)?;
    Ok(secret)
}

/// Returns what is wrong with the URL of a channel. `None` if messages can be sent to it.
fn find_flaw(text: &str) -> Option<UrlFlaw> {
    let Ok(url) = Url::parse(text) else {
        return Some(UrlFlaw::NotUrl);
    };
    if !url.has_host() {
        return Some(UrlFlaw::NotUrl);
    }
    let is_usable = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (!is_usable).then_some(UrlFlaw::Scheme)
}
