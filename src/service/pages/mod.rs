//! The pages, rendered on the server from what the service knows. Each works without JavaScript; the script only replaces the parts
//! that are marked as live.
//!
//! Text from outside is escaped by the templating library, made visible and isolated, as on the pages of reports.

mod audit;
mod campaign;
mod campaigns;
mod decide;
mod frame;
mod inbox;
pub mod links;
mod notices;
mod occurrences;
mod plan;

pub use audit::{Filter, page as audit_page};
pub use campaign::page as campaign_page;
pub use campaigns::page as campaigns_page;
pub use decide::page as decide_page;
pub use frame::{Frame, icon};
pub use inbox::{count as waiting_count, page as inbox_page};
pub use notices::{act_failed_page, continue_page, link_page, plain_page, problem_page};
pub use plan::page as plan_page;

use maud::Markup;

use super::supervisor::ServiceState;
use crate::model::clock::Moment;

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
}
