//! Commands as a user types them, to show what to type next.

use std::fmt::Write as _;
use std::path::Path;

use crate::app::other_ledger::quoted;
use crate::app::{CampaignRef, Rehearsal};
use crate::model::secret::SecretRef;

/// Returns the command `verb` for a campaign.
#[must_use]
pub fn again(verb: &str, at: &CampaignRef) -> String {
    let mut command = again_with(
        verb,
        &at.rehearsal,
        at.state_dir.as_deref(),
        at.store.as_ref(),
        &[at.file.path()],
    );
    if let Some(date) = at.occurrence {
        // Writing to a string cannot fail.
        let _ = write!(command, " --occurrence {date}");
    }
    command
}

/// Like [`again`], for several files or directories.
#[must_use]
pub fn again_with(
    verb: &str,
    rehearsal: &Rehearsal,
    state_dir: Option<&Path>,
    store: Option<&SecretRef>,
    paths: &[impl AsRef<Path>],
) -> String {
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
    if let Some(store) = store {
        command.push_str(" --store ");
        command.push_str(&quoted(&store.written()));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_names_the_directory_and_the_database() {
        let at = CampaignRef {
            state_dir: Some("a state".into()),
            store: Some(SecretRef::Env("DB".to_owned())),
            ..CampaignRef::new("c.yaml")
        };
        assert_eq!(
            again("apply", &at),
            "runner apply c.yaml --state-dir 'a state' --store env:DB"
        );
        let at = CampaignRef {
            store: Some(SecretRef::File("/run/db url".into())),
            ..CampaignRef::new("c.yaml")
        };
        assert_eq!(again("plan", &at), "runner plan c.yaml --store 'file:/run/db url'");
    }
}
