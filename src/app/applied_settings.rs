//! The settings of the plan that was applied last, in a file beside the ledger, so that the next plan can name each setting that
//! changed. The file can be deleted: without it, a plan shows only that the settings changed. Nothing is decided by it.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::control::status_file;
use crate::plan::settings::Settings;

use super::locked_ledger::LockedLedger;

#[derive(Serialize, Deserialize)]
struct AppliedSettings {
    /// The fingerprint of the generation that was closed with these settings.
    fingerprint: String,
    settings: Settings,
}

/// Writes the settings of the plan with this fingerprint. A failure is only logged.
pub(super) fn write(locked: &LockedLedger, fingerprint: &str, settings: Settings) {
    let applied = AppliedSettings {
        fingerprint: fingerprint.to_owned(),
        settings,
    };
    let text = serde_json::to_string_pretty(&applied).map_err(io::Error::from);
    let name = locked.settings_name();
    let written = text.and_then(|text| status_file::write(locked.lock().directory(), &name, &text));
    if let Err(error) = written {
        tracing::warn!("cannot write {name}: {error}; the next plan does not show which settings changed");
    }
}

/// Reads the settings of the plan with this fingerprint. `None` if the file does not have them.
pub(super) fn read(path: &Path, fingerprint: &str) -> Option<Settings> {
    let text = status_file::read(path).ok()??;
    let applied: AppliedSettings = serde_json::from_str(&text).ok()?;
    (applied.fingerprint == fingerprint).then_some(applied.settings)
}
