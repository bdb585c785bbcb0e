//! The channels of a campaign or of a service, and the test messages to them.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use crate::campaign::{self, Code, Diagnostic, Parsed, ParsedFile, ServerFile};
use crate::catalogue::notify as text;
use crate::model::clock::Clock;
use crate::model::secret::SecretError;
use crate::notify::channel::{Channel, ChannelError};
use crate::notify::client::HttpPost;
use crate::notify::notice::{Origin, ServiceOrigin};
use crate::notify::test::{TestOrigin, send_test};
use crate::notify::verdict::Verdict;

use super::campaign::LoadedCampaign;
use super::campaign_ref::CampaignRef;
use super::credentials;
use super::error::AppError;

/// The least time between two tests, so that a bot that is named twice takes both.
const BETWEEN: Duration = Duration::from_millis(3_500);

/// Reads the URLs and secrets of the channels of a campaign.
///
/// # Errors
/// All mistakes of the file, if one of them is missing or cannot be used.
pub fn channels(parsed: &Parsed) -> Result<Vec<Channel>, Vec<Diagnostic>> {
    resolve(&parsed.campaign.notify, |key, code, message, help| {
        parsed.mistake(key, code, message, help)
    })
}

/// Reads the URLs and secrets of the channels of a service.
///
/// # Errors
/// Like [`channels`].
pub fn service_channels(parsed: &ParsedFile<ServerFile>) -> Result<Vec<Channel>, Vec<Diagnostic>> {
    resolve(&parsed.content.notify, |key, code, message, help| {
        parsed.mistake(key, code, message, help)
    })
}

fn resolve(
    written: &[campaign::Channel],
    mistake: impl Fn(&str, Code, String, Option<String>) -> Diagnostic,
) -> Result<Vec<Channel>, Vec<Diagnostic>> {
    let mut channels = Vec::new();
    let mut mistakes = Vec::new();
    for (at, written) in written.iter().enumerate() {
        match Channel::resolve(written) {
            Ok(channel) => channels.push(channel),
            Err(errors) => mistakes.extend(errors.iter().map(|(key, error)| {
                let key = format!("notify.{at}.{}.{key}", written.kind.word());
                let (code, help) = explain(error);
                Diagnostic {
                    cause: error.source().map(ToString::to_string),
                    ..mistake(&key, code, error.to_string(), Some(help))
                }
            })),
        }
    }
    if mistakes.is_empty() {
        Ok(channels)
    } else {
        Err(mistakes)
    }
}

fn explain(error: &ChannelError) -> (Code, String) {
    match error {
        ChannelError::Secret(SecretError::Unset(name)) => (Code::Absent, text::SetVariable { name }.to_string()),
        ChannelError::Secret(secret) => (credentials::code(secret), credentials::help(secret)),
        ChannelError::Url { .. } => (Code::Url, text::UnusableHookHelp.to_string()),
    }
}

/// Returns a service as messages name it. `path` is its file.
#[must_use]
pub fn service_origin(path: &Path, file: &ServerFile) -> ServiceOrigin {
    let name = path.file_name().unwrap_or(path.as_os_str());
    ServiceOrigin {
        url: file.url.as_ref().map(ToString::to_string),
        zone: file.timezone.clone(),
        file: name.to_string_lossy().into_owned(),
    }
}

/// Returns a campaign as messages name it.
fn origin(at: &CampaignRef, parsed: &Parsed, is_shared: bool) -> Origin {
    let names = &parsed.campaign.names;
    let shown = at.file.path();
    let name = shown.file_name().filter(|_| at.file.pushed().is_none());
    let file = name.unwrap_or(shown.as_os_str());
    Origin {
        campaign: names.campaign.clone(),
        title: names.title.clone(),
        app_id: names.app_id.clone(),
        zone: parsed.campaign.timezone.clone(),
        file: file.to_string_lossy().into_owned(),
        is_rehearsal: at.rehearsal.is_on(),
        is_shared,
        page: None,
    }
}

/// Returns a loaded campaign as messages name it.
#[must_use]
pub fn campaign_origin(campaign: &LoadedCampaign) -> Origin {
    origin(&campaign.at, &campaign.parsed, campaign.database().is_some())
}

/// Returns the campaign of a file as its test message names it.
#[must_use]
pub fn test_origin(at: &CampaignRef, parsed: &Parsed) -> TestOrigin {
    TestOrigin::Campaign(Box::new(origin(at, parsed, false)))
}

/// Prepares the way to the channels of several campaigns.
///
/// # Errors
/// If the environment's proxy or certificates cannot be used.
pub fn way<'c>(channels: impl IntoIterator<Item = &'c Channel>) -> Result<HttpPost, AppError> {
    Ok(HttpPost::new(channels)?)
}

/// Sends a test message to each channel, one after another. Calls `tested` with each verdict.
///
/// # Errors
/// If the environment's proxy or certificates cannot be used.
pub async fn test(
    origin: &TestOrigin,
    channels: &[Channel],
    clock: &Clock,
    mut tested: impl FnMut(&Channel, &Verdict),
) -> Result<(), AppError> {
    let way = way(channels)?;
    for (place, channel) in channels.iter().enumerate() {
        let is_again = channels.iter().take(place).any(|earlier| earlier.url == channel.url);
        if is_again {
            tokio::time::sleep(BETWEEN).await;
        }
        let verdict = send_test(origin, channel, &way, clock).await;
        tested(channel, &verdict);
    }
    Ok(())
}
