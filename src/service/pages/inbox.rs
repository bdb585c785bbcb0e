//! The first page: what waits for a person, each with the one act that goes on.

use maud::{Markup, html};

use crate::catalogue::service as texts;
use crate::report::render::html::page::theirs;

use crate::service::act::{ActKind, Who};
use crate::service::campaign_entry::{Attention, CampaignEntry};
use crate::service::fault::Fault;

use super::{Live, Page, View, links};

/// How many items wait for the person who sees the page.
#[must_use]
pub fn count(view: &View<'_>) -> usize {
    let of_campaigns = waiting(view)
        .iter()
        .filter(|(entry, item)| is_for(view, entry, item))
        .count();
    of_campaigns + view.state.channel_faults.len()
}

/// Everything that waits for a person.
fn waiting<'a>(view: &View<'a>) -> Vec<(&'a CampaignEntry, Attention)> {
    let state = view.state;
    let of_entry = |entry: &'a CampaignEntry| {
        let items = entry.attention(state.charge(entry), view.policy(entry).as_ref());
        items.into_iter().map(move |item| (entry, item))
    };
    state.entries.values().flat_map(of_entry).collect()
}

/// Whether the person who sees the page may do the act of this item.
fn is_for(view: &View<'_>, entry: &CampaignEntry, item: &Attention) -> bool {
    let approval = if view.config.policy().is_some() {
        ActKind::Request
    } else {
        ActKind::Approve
    };
    match item {
        Attention::Requested { by, approved_by, .. } => {
            let has_approved = approved_by.iter().any(|name| name == view.me);
            view.may(ActKind::GiveApproval) && !view.is_own(by) && !has_approved
        }
        Attention::Automatic { .. } | Attention::Waits { .. } => false,
        Attention::Approval { .. }
        | Attention::Stopped { .. }
        | Attention::Halted { .. }
        | Attention::Incomplete { .. }
        | Attention::RunFailed { .. } => view.may(approval),
        Attention::Broken { .. }
        | Attention::Channel { .. }
        | Attention::Missed { .. }
        | Attention::Refused { .. }
        | Attention::PlanFailed { .. } => view.may(ActKind::Plan),
        Attention::NotErased { .. } => view.may(ActKind::Erase),
        Attention::Paused { .. } | Attention::Vanished { .. } => view.may(ActKind::Resume),
        Attention::Wave { .. } => view.may(ActKind::ApproveWave) && !view.is_own_wave(entry),
        Attention::Held { .. } | Attention::InDoubt { .. } => view.may(ActKind::Resolve),
        Attention::Differs { .. } => view.may(ActKind::Compare),
    }
}

/// The inbox.
#[must_use]
pub fn page(view: &View<'_>) -> Page {
    Page {
        title: texts::Inbox.to_string(),
        live: Live {
            id: "live",
            content: content(view),
        },
        rest: html! {},
    }
}

/// Something that waits for a person, for programs.
pub struct InboxItem {
    /// The campaign's file. `None` for the whole service.
    pub file: Option<String>,
    /// What it is.
    pub kind: &'static str,
    /// The same in words.
    pub text: String,
}

/// Everything that waits for a person.
#[must_use]
pub fn items(view: &View<'_>) -> Vec<InboxItem> {
    let of_service = view.state.channel_faults.values().map(|why| InboxItem {
        file: None,
        kind: "channel",
        text: why.to_string(),
    });
    let of_campaigns = waiting(view).into_iter().map(|(entry, item)| InboxItem {
        file: Some(entry.file.clone()),
        kind: item.word(),
        text: shown(entry, &item).text,
    });
    of_service.chain(of_campaigns).collect()
}

fn content(view: &View<'_>) -> Markup {
    let state = view.state;
    let (own, others): (Vec<_>, Vec<_>) = waiting(view)
        .into_iter()
        .partition(|(entry, item)| is_for(view, entry, item));
    html! {
        h1 { (texts::Inbox) }
        @if own.is_empty() && state.channel_faults.is_empty() {
            p.quiet {
                @if !state.is_scanned { (texts::Scanning) }
                @else if state.entries.is_empty() { (texts::NoCampaigns) }
                @else { (texts::NothingWaits) " " a href="/campaigns" { (texts::SeeCampaigns) } }
            }
        }
        ul.items {
            @for why in state.channel_faults.values() {
                li.item {
                    div.what {
                        span.label.warn { (texts::LabelChannel) } " " b { (texts::OfService) }
                        p { (theirs(&why.to_string())) }
                    }
                }
            }
            @for (entry, item) in &own { (row(entry, item)) }
        }
        @if !others.is_empty() {
            h2 { (texts::WaitsForOthers) }
            ul.items { @for (entry, item) in &others { (row(entry, item)) } }
        }
    }
}

/// How an item is shown.
struct Shown {
    /// The class of its label.
    class: &'static str,
    label: String,
    text: String,
    to: String,
    act: String,
}

fn row(entry: &CampaignEntry, item: &Attention) -> Markup {
    let Shown {
        class,
        label,
        text,
        to,
        act,
    } = shown(entry, item);
    let fault = match item {
        Attention::RunFailed { fault } | Attention::PlanFailed { fault } | Attention::NotErased { fault } => {
            Some(fault)
        }
        _ => None,
    };
    html! {
        li.item {
            div.what {
                span.label.(class) { (label) } " "
                a.name href=(links::campaign(&entry.file)) { (theirs(&entry.heading())) }
                p { (theirs(&text)) @if let Some(fault) = fault { (problem_link(fault)) } }
            }
            a.button href=(to) { (act) }
        }
    }
}

/// A link to the page of a problem. Empty if it has none.
pub fn problem_link(fault: &Fault) -> Markup {
    html! {
        @if let Some(code) = &fault.code { " " a href=(links::problem(code)) { (texts::Explain { code }) } }
    }
}

/// A failure with its causes, as one text.
pub fn fault_text(fault: &Fault) -> String {
    let causes = fault.causes.iter().map(ToString::to_string);
    let all: Vec<_> = std::iter::once(fault.message.to_string()).chain(causes).collect();
    all.join(": ")
}

fn name(who: &Who) -> &str {
    &who.name
}

fn shown(entry: &CampaignEntry, item: &Attention) -> Shown {
    let file = &entry.file;
    let to_plan = || links::below(file, "plan");
    let to_campaign = || links::campaign(file);
    let to_decide = || links::below(file, "decide");
    match item {
        Attention::Broken { mistakes } => Shown {
            class: "bad",
            label: texts::LabelBroken.to_string(),
            text: texts::BrokenItem { n: *mistakes, file }.to_string(),
            to: to_campaign(),
            act: texts::SeeMistakes.to_string(),
        },
        Attention::Channel { why } => Shown {
            class: "warn",
            label: texts::LabelChannel.to_string(),
            text: why.to_string(),
            to: to_campaign(),
            act: texts::SeeCampaign.to_string(),
        },
        Attention::Missed { count, last } => Shown {
            class: "warn",
            label: texts::LabelMissed.to_string(),
            text: texts::MissedItem { n: *count, last }.to_string(),
            to: to_campaign(),
            act: texts::SeeOccurrences.to_string(),
        },
        Attention::Vanished { is_back } => Shown {
            class: "warn",
            label: texts::LabelPaused.to_string(),
            text: if *is_back {
                texts::VanishedBackItem { file }.to_string()
            } else {
                texts::VanishedItem { file }.to_string()
            },
            to: to_campaign(),
            act: texts::ResumeOrStop.to_string(),
        },
        Attention::Paused { by } => Shown {
            class: "warn",
            label: texts::LabelPaused.to_string(),
            text: texts::PausedItem { by: &name(by) }.to_string(),
            to: to_campaign(),
            act: texts::ResumeOrStop.to_string(),
        },
        Attention::Stopped { by } => Shown {
            class: "warn",
            label: texts::LabelStopped.to_string(),
            text: texts::StoppedItem { by: &name(by) }.to_string(),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::Halted { why } => Shown {
            class: "bad",
            label: texts::LabelHalted.to_string(),
            text: why.to_string(),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::Incomplete { why } => Shown {
            class: "warn",
            label: texts::LabelIncomplete.to_string(),
            text: why.to_string(),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::RunFailed { fault } => Shown {
            class: "bad",
            label: texts::LabelFailed.to_string(),
            text: fault_text(fault),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::Approval { to_send, changes } => Shown {
            class: "ask",
            label: texts::LabelApproval.to_string(),
            text: if *changes > 0 {
                texts::ApprovalItemWithChanges {
                    to_send: *to_send,
                    changes: *changes,
                }
                .to_string()
            } else {
                texts::ApprovalItem { to_send: *to_send }.to_string()
            },
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::Refused { why } => Shown {
            class: "bad",
            label: texts::LabelRefused.to_string(),
            text: why.to_string(),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::Waits { why } => Shown {
            class: "warn",
            label: texts::LabelWaits.to_string(),
            text: why.to_string(),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::Requested { by, needs, .. } => {
            let given = needs.iter().map(|needed| {
                let given = needed.given.len().min(usize::from(needed.approvals));
                format!("{given}/{} {}", needed.approvals, needed.text())
            });
            Shown {
                class: "ask",
                label: texts::LabelApproval.to_string(),
                text: texts::RequestedItem {
                    by,
                    needs: &given.collect::<Vec<_>>().join("; "),
                }
                .to_string(),
                to: to_plan(),
                act: texts::SeePlan.to_string(),
            }
        }
        Attention::Automatic { to_send } => Shown {
            class: "plain",
            label: texts::LabelAutomatic.to_string(),
            text: texts::AutomaticItem { to_send: *to_send }.to_string(),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::PlanFailed { fault } => Shown {
            class: "bad",
            label: texts::LabelPlanFailed.to_string(),
            text: fault_text(fault),
            to: to_plan(),
            act: texts::SeePlan.to_string(),
        },
        Attention::NotErased { fault } => Shown {
            class: "warn",
            label: texts::LabelNotErased.to_string(),
            text: fault_text(fault),
            to: to_campaign(),
            act: texts::SeeCampaign.to_string(),
        },
        Attention::Differs { activities } => Shown {
            class: "warn",
            label: texts::LabelDiffers.to_string(),
            text: texts::DiffersItem { n: *activities }.to_string(),
            to: format!("{}#records", to_campaign()),
            act: texts::SeeRecords.to_string(),
        },
        Attention::Wave { wave } => Shown {
            class: "ask",
            label: texts::LabelWave.to_string(),
            text: wave_text(*wave),
            to: to_campaign(),
            act: texts::ApproveWave.to_string(),
        },
        Attention::Held { count } => Shown {
            class: "ask",
            label: texts::LabelHeld.to_string(),
            text: texts::HeldItem { n: *count }.to_string(),
            to: to_decide(),
            act: texts::Decide.to_string(),
        },
        Attention::InDoubt { count } => Shown {
            class: "ask",
            label: texts::LabelInDoubt.to_string(),
            text: texts::InDoubtItem { n: *count }.to_string(),
            to: to_decide(),
            act: texts::Decide.to_string(),
        },
    }
}

/// What waits for the approval of a wave.
pub fn wave_text(wave: u32) -> String {
    match wave {
        0 => texts::TestersItem.to_string(),
        wave => texts::WaveItem { wave: &wave }.to_string(),
    }
}
