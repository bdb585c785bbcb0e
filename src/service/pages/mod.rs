//! The pages, rendered on the server from what the service knows. Each works without JavaScript; the script only replaces the parts
//! that are marked as live.
//!
//! Text from outside is escaped by the templating library, made visible and isolated, as on the pages of reports.

mod apps;
mod audit;
mod budgets;
mod campaign;
mod campaigns;
mod decisions;
mod frame;
mod inbox;
pub mod links;
mod notices;
mod occurrences;
pub mod person;
mod plan;
mod platform_records;

pub use apps::page as apps_page;
pub use audit::{Filter, Row as AuditRow, export as audit_lines, has_text, page as audit_page};
pub use campaign::page as campaign_page;
pub use campaigns::{ListQuery, page as campaigns_page, state_note};
pub use decisions::page as decide_page;
pub use frame::{Frame, icon};
pub use inbox::{count as waiting_count, items as inbox_items, page as inbox_page};
pub use notices::{
    LoginNote, act_failed_page, continue_page, link_page, login_page, plain_page, problem_page, waiting_page,
};
pub use plan::page as plan_page;

use maud::{Markup, html};

use super::act::{ActKind, PolicySituation, is_own_request};
use super::campaign_entry::CampaignEntry;
use super::config::ServerConfig;
use super::state::ServiceState;
use crate::campaign::Diagnostic;
use crate::catalogue::{Language, service as texts};
use crate::model::clock::Moment;
use crate::model::user::Role;

/// A live part of a page: its name, and what is in it.
pub struct Live {
    /// The id of the element.
    pub id: &'static str,
    /// The content.
    pub content: Markup,
}

/// A page before its frame is around it.
pub struct Page {
    /// The title, without the number of what waits.
    pub title: String,
    /// The part that the script replaces.
    pub live: Live,
    /// The rest, below it: forms that a replacement would empty.
    pub rest: Markup,
}

/// What a page is rendered from.
pub struct View<'a> {
    /// What the service knows.
    pub state: &'a ServiceState,
    /// The present time.
    pub now: Moment,
    /// Whether every campaign is rehearsed.
    pub is_rehearsal: bool,
    /// What the person may do who sees the page.
    pub roles: &'a [Role],
    /// The name of that person.
    pub me: &'a str,
    /// The name of that person, to be shown. `None` on a live part, and for the only user.
    pub user: Option<&'a str>,
    /// What the file of the service says.
    pub config: &'a ServerConfig,
    /// The mistakes of the file of the service, in each language. `None` while it has none.
    pub broken_config: Option<&'a [(Language, Vec<Diagnostic>)]>,
}

impl View<'_> {
    /// Whether the person may do this.
    #[must_use]
    pub fn may(&self, kind: ActKind) -> bool {
        kind.allows(self.roles)
    }

    /// What the policy says of the plan of a campaign. `None` without a policy, and without a plan.
    fn policy(&self, entry: &CampaignEntry) -> Option<PolicySituation> {
        self.state.policy(entry, self.config, self.now.wall)
    }

    /// Whether the person may not approve something because they requested it.
    fn is_own(&self, author: &str) -> bool {
        is_own_request(self.me, author, self.config.accounts.is_local())
    }

    /// Whether the person may not approve a wave of a campaign because they requested its plan.
    fn is_own_wave(&self, entry: &CampaignEntry) -> bool {
        let on = entry.run.as_ref().map_or_else(|| entry.subject(), |run| run.on.clone());
        self.state
            .requests
            .authors(&on)
            .iter()
            .any(|author| self.is_own(author))
    }

    /// What does an act, or which role it needs.
    fn act(&self, kind: ActKind, markup: Markup) -> Markup {
        if self.may(kind) { markup } else { needs_role(kind) }
    }
}

/// Says which roles an act needs.
fn needs_role(kind: ActKind) -> Markup {
    let sets = kind.roles().iter().map(|set| {
        let roles: Vec<_> = set.iter().map(ToString::to_string).collect();
        roles.join(&texts::RoleOr.to_string())
    });
    let roles = sets.collect::<Vec<_>>().join(&texts::RoleAnd.to_string());
    html! { p.quiet { (texts::NeedsRole { act: &kind, roles: &roles }) } }
}
