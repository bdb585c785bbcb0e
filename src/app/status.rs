//! The status of a campaign, even while another process applies it. It reads that process's `status.json`, asks the kernel
//! whether the process still exists, and never opens a ledger in files. In a fleet it reads what the workers have published.

use std::error::Error;

use crate::catalogue::status as texts;
use crate::control::status_file;
use crate::fleet::Database;
use crate::ledger::ledger_dir::LedgerDir;
use crate::model::event::Owner;
use crate::model::identity::{Identity, PlatformName};
use crate::report::render::json::{Status, StatusOwner};
use crate::report::render::terminal::status::StatusRow;

use super::campaign::LoadedCampaign;
use super::environment::Environment;
use super::error::AppError;
use super::find_other_ledger;
use super::fleet_status::FleetStatuses;

/// A campaign whose status can be read again and again.
pub struct CampaignStatus {
    campaign: LoadedCampaign,
    /// What is said of a campaign without a ledger.
    no_ledger: String,
}

/// Campaigns whose status is read again and again, over one connection if they are in a database.
pub struct StatusReader<'c> {
    campaigns: &'c [CampaignStatus],
    database: Option<Database>,
}

impl<'c> StatusReader<'c> {
    /// Connects to the database, if the campaigns are in one.
    pub async fn connect(campaigns: &'c [CampaignStatus]) -> Result<Self, AppError> {
        let in_database = |status: &'c CampaignStatus| Some((status, status.campaign.database()?));
        let database = match campaigns.iter().find_map(in_database) {
            Some((status, url)) => Some(status.campaign.environment.connect(url).await?),
            None => None,
        };
        Ok(Self { campaigns, database })
    }

    /// Reads the status of each campaign.
    pub async fn rows(&self) -> Result<Vec<StatusRow>, AppError> {
        let fleet = match &self.database {
            Some(database) => Some(FleetStatuses::read(database).await?),
            None => None,
        };
        let mut rows = Vec::new();
        for status in self.campaigns {
            rows.push(status.row(fleet.as_ref()).await?);
        }
        Ok(rows)
    }
}

/// What the workers of a fleet have published, read once for many campaigns. Without a fleet each campaign is asked for.
pub struct PublishedStatuses(Option<FleetStatuses>);

impl PublishedStatuses {
    /// Reads what is published in the database of an environment, if it has one.
    pub async fn read(environment: &Environment) -> Result<Self, AppError> {
        match environment.open_database().await? {
            Some(database) => Ok(Self(Some(FleetStatuses::read_published(&database).await?))),
            None => Ok(Self(None)),
        }
    }

    /// Like [`PublishedStatuses::read`]. The deliveries are counted of each ledger whose status nobody has published, which takes long.
    pub async fn read_and_count(environment: &Environment) -> Result<Self, AppError> {
        match environment.open_database().await? {
            Some(database) => Ok(Self(Some(FleetStatuses::read(&database).await?))),
            None => Ok(Self(None)),
        }
    }

    /// Returns the status of a campaign. Without a fleet it is read now.
    pub async fn row(&self, campaign: &CampaignStatus) -> Result<StatusRow, AppError> {
        campaign.row(self.0.as_ref()).await
    }
}

impl CampaignStatus {
    /// Looks for another ledger of the campaign, once.
    #[must_use]
    pub fn new(campaign: LoadedCampaign) -> Self {
        // A broken ledger is reported by its own error.
        let other = find_other_ledger::find(&campaign).unwrap_or_default();
        let no_ledger = match other {
            Some(other) => texts::OtherLedger { other: &other }.to_string(),
            None if is_rehearsed(&campaign) => texts::RehearsalOnly.to_string(),
            None => texts::NoLedger.to_string(),
        };
        Self { campaign, no_ledger }
    }

    async fn row(&self, fleet: Option<&FleetStatuses>) -> Result<StatusRow, AppError> {
        let names = &self.campaign.parsed.campaign.names;
        let status = match fleet.filter(|_| self.campaign.database().is_some()) {
            Some(fleet) => {
                let status = fleet.of(&self.campaign.plan.identity).await?;
                status.unwrap_or_else(|| self.unknown("idle", &self.no_ledger))
            }
            None => self.status()?,
        };
        Ok(StatusRow {
            name: names.campaign.to_string(),
            title: names.title.clone().unwrap_or_default(),
            status,
            zone: self.campaign.parsed.campaign.timezone.clone(),
        })
    }

    fn status(&self) -> Result<Status, AppError> {
        let place = self.campaign.ledger_dir();
        place.check_own()?;
        loop {
            let written = self.read()?;
            if let Some(owner) = place.applier()? {
                return Ok(self.owned(written, &owner));
            }
            // The process may have ended and written its end between the two reads.
            let again = self.read()?;
            if again == written {
                return self.unowned(again);
            }
        }
    }

    /// Reads `status.json`. Returns `None` if the file does not exist. An unreadable file is an error.
    fn read(&self) -> Result<Option<Status>, AppError> {
        let path = self.campaign.ledger_dir().status();
        let failed = |source: Box<dyn Error + Send + Sync>| AppError::StatusFile {
            path: path.clone(),
            source,
        };
        match status_file::read(&path).map_err(|error| failed(error.into()))? {
            Some(text) => Ok(Some(Status::parse(&text).map_err(|error| failed(error.into()))?)),
            None => Ok(None),
        }
    }

    /// Returns the status of a campaign that no process applies: what the last run left.
    fn unowned(&self, written: Option<Status>) -> Result<Status, AppError> {
        let has_ledger = self.campaign.ledger_dir().look()?.is_some();
        Ok(match written {
            Some(status) if has_ledger && status.owner.is_some() => status.interrupted(),
            Some(status) if has_ledger && self.was_added_to() => status.outdated(),
            Some(status) if has_ledger => status,
            None if has_ledger => self.unknown("idle", &texts::NoStatus.to_string()),
            Some(_) => self.unknown("idle", &texts::LedgerGone.to_string()),
            None => self.unknown("idle", &self.no_ledger),
        })
    }

    /// Returns the status of a campaign that `owner` applies. The file may still be an earlier run's.
    fn owned(&self, written: Option<Status>, owner: &Owner) -> Status {
        let this = StatusOwner::new(owner, &self.campaign.parsed.campaign.timezone);
        match written {
            Some(status) if status.owner.as_ref() == Some(&this) => status,
            // The process has written its end and is exiting.
            Some(status) if status.owner.is_none() && status.at.as_deref().is_some_and(|at| at >= &*this.since) => {
                status
            }
            written => {
                let mut status = self.unknown("planning", &texts::Opening.to_string());
                status.counts = written.map(|status| status.counts).unwrap_or_default();
                status.owner = Some(this);
                status
            }
        }
    }

    /// Returns whether facts were added after the last run wrote its status, for example by a person's decision.
    fn was_added_to(&self) -> bool {
        let place = self.campaign.ledger_dir();
        let written = status_file::written(&place.status());
        place
            .appended()
            .zip(written)
            .is_some_and(|(appended, written)| appended > written)
    }

    fn unknown(&self, state: &str, why: &str) -> Status {
        let identity = &self.campaign.plan.identity;
        Status::unknown(identity.campaign.as_str(), identity.app_id.as_str(), state, why)
    }
}

/// Whether a campaign that is to be applied for real has a ledger of rehearsals.
fn is_rehearsed(campaign: &LoadedCampaign) -> bool {
    let identity = &campaign.plan.identity;
    if identity.platform == PlatformName::FakePlatform {
        return false;
    }
    let rehearsal = Identity {
        platform: PlatformName::FakePlatform,
        ..identity.clone()
    };
    let place = LedgerDir::new(&campaign.at.roots().own, &rehearsal);
    place.look().is_ok_and(|manifest| manifest.is_some())
}
