//! The deliveries that wait for a decision, grouped by their code, and the forms that decide on a whole group.

use maud::{Markup, html};

use crate::app::decisions::Group;
use crate::catalogue::{page as report_texts, service as texts};
use crate::model::delivery::StateName;
use crate::report::attempt_detail::attempt_detail;
use crate::report::render::html::page::{scrolling, theirs, time, with_code};
use crate::report::times::grouped;

use crate::service::act::{ActKind, Applier};
use crate::service::campaign_entry::CampaignEntry;

use super::campaign::{Tab, heading};
use super::{Live, Page, View, links, person};

/// The longest reason, in characters.
const LONGEST_NOTE: usize = 500;

/// The page of decisions.
#[must_use]
pub fn page(view: &View<'_>, entry: &CampaignEntry) -> Page {
    let name = entry.heading();
    let groups = entry
        .ledger
        .as_ref()
        .map(|ledger| ledger.groups.as_slice())
        .unwrap_or_default();
    let is_running = entry.applier() != Applier::Nobody;
    Page {
        title: texts::DecisionsOf { name: &name }.to_string(),
        live: Live {
            id: "live",
            content: heading(view, entry, Tab::Decisions),
        },
        rest: html! {
            @if is_running { p.note { (texts::DecideWhileRunning) } }
            @if groups.is_empty() { p.quiet { (texts::NothingToDecide) } }
            @if let (Some(ledger), Some(loaded)) = (&entry.ledger, &entry.loaded) {
                p.quiet { (texts::LedgerReadAt { at: &time(ledger.at, &loaded.parsed.campaign.timezone) }) }
            }
            @for (place, group) in groups.iter().enumerate() { (section(view, entry, group, place)) }
        },
    }
}

fn section(view: &View<'_>, entry: &CampaignEntry, group: &Group, place: usize) -> Markup {
    let message = group
        .first
        .iter()
        .map(|delivery| &delivery.last)
        .find(|last| !last.message.is_empty());
    let app_id = entry
        .loaded
        .as_ref()
        .map_or("", |loaded| loaded.plan.identity.app_id.as_str());
    let list = html! {
        table.stack { thead { tr {
            th scope="col" { (texts::ColumnUser) } th scope="col" { (report_texts::ColumnAttempts) }
            th scope="col" { (report_texts::ColumnMessage) }
        } } tbody {
            @for delivery in &group.first {
                tr {
                    th scope="row" { (person::link(app_id, &delivery.open_id)) @if delivery.ordinal > 1 { " #" (delivery.ordinal) } }
                    td.number data-label=(report_texts::AttemptsLabel) { (delivery.attempts) }
                    td.wide {
                        (theirs(&attempt_detail(&delivery.last.message)))
                        @if !delivery.last.log_id.is_empty() { div { code { (theirs(&delivery.last.log_id)) } } }
                    }
                }
            }
        } }
    };
    html! {
        section.group {
            h2 {
                (texts::GroupTitle { n: group.count, state: &group.state })
                @if let Some(code) = group.code { " · " (report_texts::ColumnCode) " " code { (code) } }
            }
            @if let Some(last) = message { p { (theirs(&attempt_detail(&last.message))) } }
            p.quiet { @if group.state == StateName::Held { (with_code(&texts::HeldHelp)) } @else { (texts::InDoubtHelp) } }
            details {
                summary { (texts::FirstOfGroup { n: group.first.len() as u64 }) }
                (scrolling(&texts::ColumnUser, &list))
            }
            (view.act(ActKind::Resolve, form(entry, group, place)))
        }
    }
}

fn form(entry: &CampaignEntry, group: &Group, place: usize) -> Markup {
    let id = |what: &str| format!("{what}-{place}");
    let choices = [
        ("issued", texts::AsIssued.to_string()),
        ("refused", texts::AsRefused.to_string()),
        ("owed", texts::AsOwed.to_string()),
    ];
    html! {
        form.decision method="post" action=(links::below(&entry.file, "resolve")) {
            input type="hidden" name="state" value=(group.state.word());
            @if let Some(code) = group.code { input type="hidden" name="code" value=(code); }
            input type="hidden" name="count" value=(group.count);
            fieldset {
                legend { (texts::DecideAs { n: group.count }) }
                @for (word, text) in &choices {
                    label.check { input type="radio" name="to" value=(word) required; span { (text) } }
                }
            }
            @if group.state == StateName::InDoubt {
                label.check {
                    input type="checkbox" name="may_double" value="yes";
                    span { (texts::MayDouble) }
                }
            }
            label for=(id("note")) { (texts::NoteLabel) }
            input id=(id("note")) type="text" name="note" required maxlength=(LONGEST_NOTE);
            button.primary type="submit" { (texts::DecideButton { n: &grouped(group.count) }) }
        }
    }
}
