//! `--sandbox`: whether a command is about the campaign itself or about its rehearsal.

use clap::Args;
use url::Url;

use crate::app::Rehearsal;
use crate::catalogue::{cli, help};
use crate::model::identity::is_loopback;

/// Whether a campaign is rehearsed, and where its sandbox is.
#[derive(Clone, Debug, Default, Args)]
pub struct RehearsalArgs {
    #[arg(help = help::RehearsalSandbox.to_string())]
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, value_parser = fake_platform)]
    #[arg(help_heading = help::HeadingRehearsal.to_string())]
    #[allow(clippy::option_option, reason = "an option whose value may be absent")]
    pub sandbox: Option<Option<Url>>,
}

impl RehearsalArgs {
    /// Returns what the option means.
    #[must_use]
    pub fn rehearsal(&self) -> Rehearsal {
        match &self.sandbox {
            None => Rehearsal::No,
            Some(None) => Rehearsal::Inside,
            Some(Some(url)) => Rehearsal::At(url.clone()),
        }
    }
}

/// Parses the address of a fake platform. It must be on this machine: a rehearsal must never reach a real platform.
fn fake_platform(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| cli::WriteSandboxUrl { error: &error }.to_string())?;
    if url.scheme() != "http" || !is_loopback(&url) {
        return Err(cli::SandboxIsLocal.to_string());
    }
    Ok(url)
}
