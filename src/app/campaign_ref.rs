//! Which campaign a command means.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::model::secret::SecretRef;

use super::campaign_file::CampaignFile;
use super::rehearsal::Rehearsal;

/// Which campaign is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignRef {
    /// The campaign file.
    pub file: CampaignFile,
    /// The occurrence of a recurring campaign. `None` if none is named yet, and for a campaign that takes place once.
    pub occurrence: Option<Date>,
    /// Whether its rehearsal is meant.
    pub rehearsal: Rehearsal,
    /// The state directory. `None` for the directory of the campaign file.
    pub state_dir: Option<PathBuf>,
    /// The database that the command line names, to show the next command. The database itself is in the environment.
    pub store: Option<SecretRef>,
}

impl CampaignRef {
    /// Means the campaign of a file itself, with its ledger beside the file.
    pub fn new(file: impl Into<CampaignFile>) -> Self {
        Self {
            file: file.into(),
            occurrence: None,
            rehearsal: Rehearsal::No,
            state_dir: None,
            store: None,
        }
    }

    /// Returns the directories whose `.runner` may contain the campaign's ledger.
    pub(super) fn roots(&self) -> Roots {
        if let Some(home) = self.file.home() {
            return Roots {
                own: self.state_dir.clone().unwrap_or_else(|| home.clone()),
                beside_file: self.state_dir.is_some().then_some(home),
                beside_link: None,
            };
        }
        let beside = |file: &Path| file.parent().map_or_else(PathBuf::new, Path::to_owned);
        let file = self.file.path();
        let real = real_file(file);
        Roots {
            own: self.state_dir.clone().unwrap_or_else(|| beside(&real)),
            beside_file: self.state_dir.is_some().then(|| beside(&real)),
            beside_link: (real != file).then(|| beside(file)),
        }
    }
}

/// The directories whose `.runner` may contain a campaign's ledger.
#[derive(Clone, Debug)]
pub(super) struct Roots {
    /// The directory in use.
    pub(super) own: PathBuf,
    /// The campaign file's directory. `None` unless another state directory was given.
    pub(super) beside_file: Option<PathBuf>,
    /// The directory of a link to the campaign file. `None` if the path is not a link.
    pub(super) beside_link: Option<PathBuf>,
}

/// Resolves a link to the campaign file. Other paths are returned unchanged.
pub(super) fn real_file(file: &Path) -> PathBuf {
    let is_link = file.symlink_metadata().is_ok_and(|found| found.is_symlink());
    is_link
        .then(|| fs::canonicalize(file).ok())
        .flatten()
        .unwrap_or_else(|| file.to_owned())
}
