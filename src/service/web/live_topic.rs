//! The pages with a live part.

use crate::service::campaign_entry::{CampaignEntry, PlanState};
use crate::service::pages::{
    ListQuery, Page, View, apps_page, campaign_page, campaigns_page, inbox_page, links, plan_page,
};
use crate::service::state::ServiceState;

/// What a live part is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The inbox.
    Inbox,
    /// The list of campaigns.
    Campaigns(ListQuery),
    /// The apps.
    Apps,
    /// One campaign.
    Campaign(String),
    /// The plan of a campaign.
    Plan(String),
}

impl Topic {
    /// The topic as the script sends it.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Inbox => "inbox".to_owned(),
            Self::Campaigns(query) => format!("campaigns:{}", query.word()),
            Self::Apps => "apps".to_owned(),
            Self::Campaign(file) => format!("campaign:{file}"),
            Self::Plan(file) => format!("plan:{file}"),
        }
    }

    /// Parses [`Topic::word`]. `None` if it is something else.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.split_once(':') {
            None if word == "inbox" => Some(Self::Inbox),
            None if word == "campaigns" => Some(Self::Campaigns(ListQuery::default())),
            None if word == "apps" => Some(Self::Apps),
            Some(("campaigns", query)) => Some(Self::Campaigns(ListQuery::parse(query))),
            Some(("campaign", file)) => Some(Self::Campaign(file.to_owned())),
            Some(("plan", file)) => Some(Self::Plan(file.to_owned())),
            _ => None,
        }
    }

    /// The page. `None` if there is no such campaign.
    #[must_use]
    pub fn page(&self, view: &View<'_>) -> Option<Page> {
        Some(match self {
            Self::Inbox => inbox_page(view),
            Self::Campaigns(query) => campaigns_page(view, query),
            Self::Apps => apps_page(view),
            Self::Campaign(file) => campaign_page(view, view.state.entries.get(file)?),
            Self::Plan(file) => plan_page(view, view.state.entries.get(file)?),
        })
    }

    /// The path of the page.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Inbox => "/".to_owned(),
            Self::Campaigns(_) => "/campaigns".to_owned(),
            Self::Apps => "/apps".to_owned(),
            Self::Campaign(file) => links::campaign(file),
            Self::Plan(file) => links::below(file, "plan"),
        }
    }

    /// Changes when the rest of the page is out of date.
    #[must_use]
    pub fn version(&self, state: &ServiceState) -> String {
        let Self::Plan(file) = self else { return String::new() };
        let entry = state.entries.get(file);
        entry.map(|entry| plan_version(state, entry)).unwrap_or_default()
    }
}

fn plan_version(state: &ServiceState, entry: &CampaignEntry) -> String {
    let request = state.request(entry);
    let request = request.map(|request| (request.sequence, request.approvals.len()));
    let plan = match &entry.plan {
        PlanState::Unplanned => "unplanned",
        PlanState::Planning => "planning",
        PlanState::Ready(_) => "ready",
        PlanState::Failed(_) => "failed",
    };
    format!("{}-{plan}-{:?}-{request:?}", entry.version, entry.applier())
}
