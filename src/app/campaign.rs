//! A campaign as use cases take it: which one is meant, its file, its plan, and where its ledger belongs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use crate::campaign::Parsed;
use crate::fleet::DatabaseUrl;
use crate::ledger::ledger_dir::LedgerDir;
use crate::model::identity::{Identity, PlatformName};
use crate::model::secret::SecretRef;
use crate::plan::{self, Plan, PlanError, RunOptions};

use super::campaign_file::CampaignFile;
use super::environment::Environment;
use super::rehearsal::Rehearsal;

/// A placeholder for the address of a fake platform inside the process that applies. Nothing is sent to it.
const NO_ADDRESS: &str = "http://127.0.0.1";

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

/// A campaign that can be used: its parsed file, its plan, and the environment of the use case.
pub struct LoadedCampaign {
    /// Which campaign it is.
    pub at: CampaignRef,
    /// The parsed file.
    pub parsed: Parsed,
    /// The plan.
    pub plan: Arc<Plan>,
    /// What use cases take from their caller.
    pub environment: Environment,
}

impl LoadedCampaign {
    /// Plans a campaign for a use case that sends nothing.
    pub fn new(at: CampaignRef, parsed: Parsed, environment: Environment) -> Result<Self, PlanError> {
        Self::with_options(at, parsed, environment, RunOptions::default())
    }

    /// Plans a campaign for a run with `options`. Without an address there, a rehearsal has the one that `at` names.
    pub fn with_options(
        at: CampaignRef,
        parsed: Parsed,
        environment: Environment,
        options: RunOptions,
    ) -> Result<Self, PlanError> {
        let no_address = || at.rehearsal.is_inside().then(|| NO_ADDRESS.to_owned());
        let sandbox = options.sandbox.or_else(|| at.rehearsal.url()).or_else(no_address);
        let plan = plan::build(&parsed.campaign, RunOptions { sandbox, ..options })?;
        Ok(Self {
            at,
            parsed,
            plan: Arc::new(plan),
            environment,
        })
    }

    /// Returns the database with the ledger. `None` if the ledger is in files, as that of each rehearsal.
    #[must_use]
    pub fn database(&self) -> Option<&DatabaseUrl> {
        let database = self.environment.database.as_ref();
        database.filter(|_| self.plan.identity.platform != PlatformName::FakePlatform)
    }

    /// Returns the same campaign with its ledger in files.
    #[must_use]
    pub fn without_database(&self) -> Self {
        Self {
            at: self.at.clone(),
            parsed: self.parsed.clone(),
            plan: Arc::clone(&self.plan),
            environment: Environment {
                database: None,
                ..self.environment.clone()
            },
        }
    }

    /// Returns where the ledger is or would be, as it is shown: a directory, or the place in a database.
    #[must_use]
    pub fn ledger_location(&self) -> PathBuf {
        match self.database() {
            Some(url) => database_location(url, &self.plan.identity),
            None => self.ledger_dir().dir().to_owned(),
        }
    }

    /// Returns the directory of the ledger, even if the ledger does not exist. The ledger may be in a database; then the directory
    /// has only this machine's lock, socket and status file beside it. Reads no ledger and creates nothing.
    #[must_use]
    pub fn ledger_dir(&self) -> LedgerDir {
        LedgerDir::new(&self.at.roots().own, &self.plan.identity)
    }
}

/// Returns the place of a ledger in a database, as it is shown.
fn database_location(url: &DatabaseUrl, identity: &Identity) -> PathBuf {
    let Identity { campaign, app_id, .. } = identity;
    PathBuf::from(format!("{}/{app_id}/{campaign}", url.location()))
}
