//! The plan of a campaign, and the form that approves exactly this plan.

use std::fmt::Display;

use maud::{Markup, PreEscaped, html};

use crate::catalogue::{plan as plan_texts, service as texts};
use crate::report::plan_view::{PlanView, RequestNote};
use crate::report::render::html::page::{scrolling, theirs, theirs_with_code, time, with_code};
use crate::report::render::html::simulation_summary;
use crate::report::render::terminal::plan::{change_list, count_lines, to_send, values};
use crate::report::times::grouped;
use crate::report::wording::envelope_text;

use crate::service::act::{ActKind, Applier, Denied, PolicySituation};
use crate::service::approval_envelope;
use crate::service::campaign_entry::{CampaignEntry, PlanState, Planned, SimulatedResult, Source};
use crate::service::policy::{Hold, Requirement};

use super::campaign::{Tab, heading};
use super::inbox::{fault_text, problem_link};
use super::{Live, Page, View, budgets, links, needs_role};

/// What is shown in the place of an id of a user.
const HIDDEN: &str = "•••";

/// The page of the plan.
#[must_use]
pub fn page(view: &View<'_>, entry: &CampaignEntry) -> Page {
    let name = entry.heading();
    Page {
        title: texts::PlanOf { name: &name }.to_string(),
        live: Live {
            id: "live",
            content: html! {
                (heading(view, entry, Tab::Plan))
                (progress(entry))
                @if let Some(planned) = entry.planned() {
                    p.headline id="plan" { (to_send(planned.view().deliveries.owed(), planned.view().deliveries.resent)) }
                    (simulation(entry, planned))
                }
            },
        },
        rest: html! {
            @if let Some(planned) = entry.planned() { (plan(view, entry, planned)) }
            (again(view, entry))
        },
    }
}

/// How far the planning is, before it has ended.
fn progress(entry: &CampaignEntry) -> Markup {
    html! {
        @match (&entry.plan, &entry.source) {
            (_, Source::Broken(_)) => p.note.bad {
                (texts::PlanOfBroken) " " a href=(links::campaign(&entry.file)) { (texts::SeeMistakes) }
            },
            (_, Source::Vanished) => p.note.warn { (texts::PlanOfVanished) },
            (PlanState::Unplanned, _) if entry.run.is_some() => p.note { (texts::PlanAfterRun) },
            (PlanState::Unplanned | PlanState::Planning, _) => p.note { (texts::Planning) },
            (PlanState::Failed(fault), _) => p.note.bad { (theirs(&fault_text(fault))) (problem_link(fault)) },
            (PlanState::Ready(_), _) => @if entry.run.is_some() { p.note.warn { (texts::PlanWhileRunning) } },
        }
    }
}

fn plan(view: &View<'_>, entry: &CampaignEntry, planned: &Planned) -> Markup {
    let plan = planned.view();
    let zone = &plan.header.zone;
    html! {
        @if planned.is_fresh { p.note { (texts::PlanIsFresh) } }
        @for reason in &plan.reasons {
            p.note.bad {
                (theirs_with_code(&reason.text))
                @if let Some(help) = &reason.help { br; (theirs_with_code(help)) }
            }
        }
        (changes(plan))
        (policy(view, entry))
        (budgets::section(view, entry))
        (approval(view, entry, planned))
        section {
            h2 { (texts::WhatWouldHappen) }
            @let table = html! { table.funnel { tbody {
                @for line in count_lines(plan) {
                    tr { td.number { (grouped(line.count)) } th scope="row" { (line.name) } td { (theirs(&line.note)) } }
                }
            } } };
            (scrolling(&texts::WhatWouldHappen, &table))
        }
        section {
            h2 { (texts::PlanDetails) }
            dl {
                @for (name, value) in values(plan) { dt { (name) } dd { (theirs(&value)) } }
                dt { (texts::FingerprintLabel) } dd { code { (plan.fingerprint) } }
                dt { (texts::PlannedAt) } dd { (time(planned.at, zone)) }
            }
        }
        (requests(&planned.preview.requests, view.is_rehearsal))
    }
}

/// How the plan would go. Empty while it is not simulated.
fn simulation(entry: &CampaignEntry, planned: &Planned) -> Markup {
    let simulated = entry.simulated.as_ref();
    let Some(simulated) = simulated.filter(|it| it.fingerprint == planned.preview.fingerprint) else {
        return html! {};
    };
    html! {
        section.simulation id="simulation" {
            h2 { (texts::SimulationTitle) }
            @match &simulated.result {
                SimulatedResult::Running => p.quiet { (texts::SimulationRunning) },
                SimulatedResult::Ended(view) => { (simulation_summary(view)) p.quiet { (texts::SimulationText) } },
                SimulatedResult::Refused => p.quiet { (texts::SimulationRefused) },
                SimulatedResult::TooLarge => p.quiet { (with_code(&texts::SimulationTooLarge { file: &entry.file })) },
                SimulatedResult::TooLong => p.quiet { (with_code(&texts::SimulationTooLong { file: &entry.file })) },
                SimulatedResult::Failed(fault) => p.note.bad { (theirs(&fault_text(fault))) (problem_link(fault)) },
            }
        }
    }
}

fn changes(plan: &PlanView) -> Markup {
    let lines = change_list(plan);
    html! {
        @if !lines.is_empty() {
            section {
                h2 { (texts::ChangesSince) }
                @let table = html! { table.changes { tbody {
                    @for line in &lines {
                        tr {
                            th scope="row" { code { (theirs(&line.what)) } }
                            td { (theirs(&line.difference)) }
                            td { @if !line.consent.is_empty() && !line.accepted { span.label.warn { (texts::NeedsAgreement) } } }
                        }
                    }
                } } };
                (scrolling(&texts::ChangesSince, &table))
            }
        }
    }
}

/// The rules of the policy that the plan meets, and the approvals that it needs. Empty without a policy.
fn policy(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let policy = view.policy(entry);
    html! {
        @if let Some(PolicySituation { verdict, .. }) = policy {
            section id="policy" {
                h2 { (texts::Policy) }
                @if verdict.met.is_empty() { p { (texts::MeetsNoRule) } }
                @else {
                    dl {
                        @for rule in &verdict.met {
                            dt { (theirs(&rule.name)) }
                            dd { @for why in &rule.why { (why) br; } }
                        }
                    }
                }
                @if verdict.requirements.is_empty() { p { (texts::PolicyNeeds { needs: &verdict.needs_text() }) } }
                @else {
                    ul.needs {
                        @for needed in &verdict.requirements {
                            li {
                                span.label.(if needed.is_met() { "good" } else { "ask" }) {
                                    (needed.given.len().min(usize::from(needed.approvals))) "/" (needed.approvals)
                                }
                                " " (needed.text())
                                @if !needed.given.is_empty() {
                                    @let given = needed.given.iter().map(|name| theirs(name).into_string()).collect::<Vec<_>>();
                                    ": " (PreEscaped(given.join(", ")))
                                }
                                @if let Some(may) = too_few_approvers(view, entry, needed) {
                                    br; span.bad { (texts::TooFewApprovers { may: &may, needs: &needed.approvals }) }
                                }
                            }
                        }
                    }
                }
                @if let Some(why) = verdict.refusal() { p.note.bad { (theirs(&why.to_string())) } }
            }
        }
    }
}

/// How many users may give the approvals of a requirement, if they are fewer than it needs. An author does not approve their own
/// request, unless the service has one user.
fn too_few_approvers(view: &View<'_>, entry: &CampaignEntry, needed: &Requirement) -> Option<usize> {
    let rules = view.config.policy()?;
    let accounts = &view.config.accounts;
    let author = view.state.request(entry).map(|request| request.by.name.as_str());
    let approvers = accounts
        .users()
        .iter()
        .filter(|user| ActKind::GiveApproval.allows(&user.roles) && Some(user.name.as_str()) != author);
    let may = if accounts.is_local() {
        1
    } else {
        rules.approvers(needed, approvers.map(|user| user.name.as_str()))
    };
    (may < usize::from(needed.approvals)).then_some(may)
}

/// The form that approves the plan and applies it.
fn approval(view: &View<'_>, entry: &CampaignEntry, planned: &Planned) -> Markup {
    if !entry.may_send() {
        return html! { p.note { (texts::OccurrenceOver) } };
    }
    let can_approve = entry.applier() == Applier::Nobody && matches!(entry.source, Source::Good);
    if !can_approve || !planned.needs_approval() {
        return html! { @if can_approve { p.note { (plan_texts::NothingToSend) } } };
    }
    if let Some(policy) = view.policy(entry) {
        return under_policy(view, entry, planned, &policy);
    }
    if let Some(approvals) = entry.asked_approvals() {
        return html! { p.note.bad { (Denied::FileApprovals(approvals)) } };
    }
    if !view.may(ActKind::Approve) {
        return needs_role(ActKind::Approve);
    }
    let button = texts::ApproveButton {
        n: planned.preview.view.deliveries.to_send(),
    };
    form(view, entry, planned, "approve", &texts::ApproveText, &button)
}

/// The form that approves or requests the plan, with the changes that need an agreement.
fn form(
    view: &View<'_>,
    entry: &CampaignEntry,
    planned: &Planned,
    what: &str,
    text: &dyn Display,
    button: &dyn Display,
) -> Markup {
    let needs = planned.needs();
    let offers: Vec<_> = entry
        .offers()
        .into_iter()
        .filter(|word| !needs.iter().any(|need| need == word))
        .collect();
    html! {
        form.approval method="post" action=(links::below(&entry.file, what)) {
            h2 { (texts::ApproveTitle) }
            p { (text) }
            (allowed(view, entry, planned))
            input type="hidden" name="fingerprint" value=(planned.preview.fingerprint);
            @if planned.is_fresh { input type="hidden" name="fresh" value="yes"; }
            @for word in &needs {
                label.check {
                    input type="checkbox" name="accept" value=(word) required;
                    span { (texts::AgreeTo { change: word }) " " code { (word) } }
                }
            }
            @for word in &offers {
                label.check {
                    input type="checkbox" name="accept" value=(word);
                    span { (texts::AgreeTo { change: word }) " " code { (word) } }
                }
            }
            button.primary id=(format!("act-{what}")) type="submit" { (button) }
        }
    }
}

/// What an approval allows.
fn allowed(view: &View<'_>, entry: &CampaignEntry, planned: &Planned) -> Markup {
    html! {
        @if let Some(loaded) = &entry.loaded {
            @let envelope = approval_envelope::envelope(&planned.preview, &loaded.plan, view.now.wall);
            p.bounds { (texts::ApproveBounds { bounds: &envelope_text(&envelope, &planned.view().header.zone) }) }
        }
    }
}

/// The request for the plan with its approvals, and the forms that make one, approve it and reject it.
fn under_policy(view: &View<'_>, entry: &CampaignEntry, planned: &Planned, policy: &PolicySituation) -> Markup {
    if policy.verdict.refusal().is_some() {
        return html! {};
    }
    let n = planned.preview.view.deliveries.to_send();
    let approve_button = texts::ApproveButton { n };
    let Some(request) = view.state.request(entry) else {
        if policy.goes() {
            return html! { p.note { (texts::AutomaticItem { to_send: n }) } };
        }
        if view.config.accounts.is_local() {
            return form(view, entry, planned, "approve", &texts::ApproveText, &approve_button);
        }
        if !view.may(ActKind::Request) {
            return html! { p.note { (texts::NotRequested) } (needs_role(ActKind::Request)) };
        }
        return form(
            view,
            entry,
            planned,
            "request",
            &texts::RequestText,
            &texts::RequestButton { n },
        );
    };
    let is_own = view.is_own(&request.by.name);
    let has_approved = request.is_approved_by(view.me);
    let at = time(request.at, &planned.view().header.zone);
    html! {
        section.approval id="request" {
            h2 { (texts::ApproveTitle) }
            p { (texts::RequestedBy { by: &request.by.name, at: &at }) }
            (allowed(view, entry, planned))
            @for word in &request.accept { p { (texts::RequestAgrees) " " code { (word) } } }
            @if let Some(why) = policy.waits.as_ref().filter(|_| policy.has_all()) { p.note.warn { (theirs(&why.to_string())) } }
            @else if policy.verdict.hold() == Hold::Nothing { p.note { (texts::SentSoon) } }
            @else if is_own { p.note { (texts::OwnRequestNote) } }
            @else if has_approved { p.note { (texts::ApprovedBeforeNote) } }
            @else {
                (view.act(ActKind::GiveApproval, html! {
                    form method="post" action=(links::below(&entry.file, "approve")) {
                        p { (texts::ApproveText) }
                        input type="hidden" name="fingerprint" value=(planned.preview.fingerprint);
                        @if planned.is_fresh { input type="hidden" name="fresh" value="yes"; }
                        button.primary id="act-approve" type="submit" { (texts::GiveApprovalButton { n }) }
                    }
                }))
            }
            @if is_own || view.may(ActKind::GiveApproval) {
                form method="post" action=(links::below(&entry.file, "reject")) {
                    input type="hidden" name="fingerprint" value=(planned.preview.fingerprint);
                    @if is_own {
                        button.plain id="act-reject" type="submit" { (texts::TakeBack) }
                    } @else {
                        label for="reject-note" { (texts::RejectNote) }
                        input id="reject-note" type="text" name="note" maxlength="500";
                        button.plain id="act-reject" type="submit" { (texts::RejectButton) }
                    }
                }
            }
        }
    }
}

/// Plans again; a rehearsal can begin from the beginning.
fn again(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    if entry.loaded.is_none() || !matches!(entry.source, Source::Good) || !view.may(ActKind::Plan) {
        return html! {};
    }
    let form = |fresh: bool, text: String| {
        html! {
            form method="post" action=(links::below(&entry.file, "replan")) {
                @if fresh { input type="hidden" name="fresh" value="yes"; }
                button.plain type="submit" { (text) }
            }
        }
    };
    html! {
        div.acts {
            (form(false, texts::PlanAgain.to_string()))
            @if view.is_rehearsal && entry.applier() == Applier::Nobody { (form(true, texts::RehearseFromBeginning.to_string())) }
        }
    }
}

/// The first requests as they would be sent, without the ids of users.
fn requests(requests: &[RequestNote], is_rehearsal: bool) -> Markup {
    html! {
        @if !requests.is_empty() {
            section {
                h2 { (texts::Requests) }
                p { @if is_rehearsal { (texts::RequestsOfRehearsal) } @else { (texts::RequestsText) } }
                @for request in requests {
                    details {
                        summary { code { (theirs(&request.merchant_coupon_id)) } }
                        pre tabindex="0" {
                            (request.method) " " (theirs(&request.url.replace(&request.open_id, HIDDEN))) "\n"
                            @for (name, value) in &request.headers { (theirs(name)) ": " (theirs(value)) "\n" }
                            "\n"
                            (theirs(&request.body.replace(&request.open_id, HIDDEN)))
                        }
                    }
                }
            }
        }
    }
}
