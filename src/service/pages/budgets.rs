//! How the budgets of an app are used.

use maud::{Markup, html};

use crate::campaign::Period;
use crate::catalogue::service as texts;
use crate::report::render::html::page::scrolling;
use crate::service::campaign_entry::CampaignEntry;

use super::View;

/// The budgets that the app of a campaign has a share in. Empty without one, and for rehearsals, which spend nothing.
pub fn section(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let subject = entry.subject();
    let budgets = if view.is_rehearsal {
        Vec::new()
    } else {
        view.state.budgets(&subject.app_id, view.config, view.now.wall)
    };
    html! {
        @if !budgets.is_empty() {
            section id="budget" {
                h2 { (texts::BudgetTitle) }
                @let table = html! { table.funnel {
                    thead { tr {
                        th scope="col" { (texts::BudgetColumn) } th.number scope="col" { (texts::BudgetSpent) }
                        th.number scope="col" { (texts::BudgetOpen) } th.number scope="col" { (texts::BudgetReserved) }
                        th.number scope="col" { (texts::BudgetLeft) }
                    } }
                    tbody {
                        @for (budget, used) in &budgets {
                            tr {
                                th scope="row" {
                                    (budget.worth) " "
                                    @match budget.per() {
                                        Period::Day => (texts::PerDay),
                                        Period::Month => (texts::PerMonth),
                                    }
                                }
                                td.number { (used.spent) } td.number { (used.open) } td.number { (used.reserved) }
                                td.number { (used.left(budget.worth)) }
                            }
                        }
                    }
                } };
                (scrolling(&texts::BudgetTitle, &table))
            }
        }
    }
}
