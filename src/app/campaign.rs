//! A campaign as use cases take it: its file, its plan, and where its ledger belongs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::campaign::Parsed;
use crate::fleet::{AppKey, DatabaseUrl};
use crate::ledger::ledger_dir::LedgerDir;
use crate::model::identity::{Identity, PlatformName};
use crate::plan::{self, Plan, PlanError, RunOptions};

use super::campaign_ref::CampaignRef;
use super::environment::Environment;
use super::error::AppError;

/// A placeholder for the address of a fake platform inside the process that applies. Nothing is sent to it.
const NO_ADDRESS: &str = "http://127.0.0.1";

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
                worker: None,
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

    /// Whether another campaign of the app has a ledger.
    ///
    /// # Errors
    /// When the ledgers cannot be looked for.
    pub async fn has_other_of_app(&self) -> Result<bool, AppError> {
        let Some(url) = self.database() else {
            let place = self.ledger_dir();
            let looked = spawn_blocking(move || place.has_other_of_app()).await;
            return Ok(looked.map_err(AppError::RunBroke)??);
        };
        let identity = &self.plan.identity;
        let app = AppKey::of_ledger(identity);
        let ledgers = self.environment.connect(url).await?.ledgers().await?;
        let mut of_app = ledgers.iter().filter(|ledger| ledger.app() == app);
        Ok(of_app.any(|ledger| ledger.manifest.campaign != identity.campaign.as_str()))
    }

    /// Returns the directory of the ledger, even if the ledger does not exist. The ledger may be in a database; then the directory
    /// has only this machine's lock, socket and status file beside it. Reads no ledger and creates nothing.
    #[must_use]
    pub fn ledger_dir(&self) -> LedgerDir {
        LedgerDir::new(&self.at.roots().own, &self.plan.identity)
    }

    /// Returns the directories whose `.runner` may contain the log of the service that has the campaign: first that of the file as it was
    /// named, because a link does not move its service.
    #[must_use]
    pub fn service_bases(&self) -> Vec<PathBuf> {
        let roots = self.at.roots();
        match (&self.at.state_dir, roots.beside_link) {
            (None, Some(link)) => vec![link, roots.own],
            _ => vec![roots.own],
        }
    }
}

/// Returns the place of a ledger in a database, as it is shown.
fn database_location(url: &DatabaseUrl, identity: &Identity) -> PathBuf {
    let Identity { campaign, app_id, .. } = identity;
    PathBuf::from(format!("{}/{app_id}/{campaign}", url.location()))
}
