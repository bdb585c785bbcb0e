//! Commands as a user types them, to show what to type next.

use std::fmt::Write as _;
use std::path::Path;

use crate::app::other_ledger::quoted;
use crate::app::{CampaignRef, Rehearsal};

/// Returns the command `verb` for a campaign.
#[must_use]
pub fn again(verb: &str, at: &CampaignRef) -> String {
    again_with(verb, &at.rehearsal, at.state_dir.as_deref(), &[&at.file])
}

/// Like [`again`], for several files or directories.
#[must_use]
pub fn again_with(verb: &str, rehearsal: &Rehearsal, state_dir: Option<&Path>, paths: &[impl AsRef<Path>]) -> String {
    let mut command = format!("runner {verb}");
    for path in paths {
        command.push(' ');
        command.push_str(&quoted(&path.as_ref().to_string_lossy()));
    }
    match rehearsal {
        Rehearsal::No => {}
        Rehearsal::Inside => command.push_str(" --sandbox"),
        // Writing to a string cannot fail.
        Rehearsal::At(url) => drop(write!(command, " --sandbox={url}")),
    }
    if let Some(root) = state_dir {
        command.push_str(" --state-dir ");
        command.push_str(&quoted(&root.to_string_lossy()));
    }
    command
}
