//! The list of campaigns.

use maud::{Markup, html};
use url::form_urlencoded;

use crate::catalogue::{run, service as texts};
use crate::model::delivery::{Counts, StateName};
use crate::report::occurrences::OccurrenceState;
use crate::report::render::html::page::{scrolling, theirs};
use crate::report::times::{date_time, grouped, rate};

use crate::service::act::{ActKind, Applier};
use crate::service::campaign_entry::{CampaignEntry, EndedRun, LiveRun, PlanState, Source};
use crate::service::record::Charge;

use super::{Live, Page, View, links};

/// The longest text of the filter, in characters.
const LONGEST_TEXT: usize = 100;

/// By what the list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// The name of the file.
    #[default]
    File,
    /// The state, as it is shown.
    State,
    /// How many coupons are owed, the most first.
    Owed,
    /// How fast it sends, the fastest first.
    Rate,
}

impl Sort {
    const ALL: [Self; 4] = [Self::File, Self::State, Self::Owed, Self::Rate];

    const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::State => "state",
            Self::Owed => "owed",
            Self::Rate => "rate",
        }
    }
}

/// Which campaigns are listed, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ListQuery {
    /// Only those with this text; empty for all.
    pub text: String,
    /// The order.
    pub sort: Sort,
}

impl ListQuery {
    /// Reads the query of an address. What is unknown is left out.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "text" => parsed.text = value.trim().chars().take(LONGEST_TEXT).collect(),
                "sort" => {
                    let known = Sort::ALL.into_iter().find(|sort| sort.word() == value);
                    parsed.sort = known.unwrap_or_default();
                }
                _ => {}
            }
        }
        parsed
    }

    /// The query of an address.
    #[must_use]
    pub fn word(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("text", &self.text)
            .append_pair("sort", self.sort.word());
        query.finish()
    }

    /// The campaigns, in the order of the list.
    fn list<'e>(&self, view: &View<'e>) -> Vec<&'e CampaignEntry> {
        let text = self.text.to_lowercase();
        let has = |entry: &CampaignEntry| {
            let state = texts::State {
                state: &state_note(view, entry).state,
            };
            let all = [entry.heading(), entry.name(), entry.file.clone(), state.to_string()];
            text.is_empty() || all.iter().any(|part| part.to_lowercase().contains(&text))
        };
        let mut listed: Vec<_> = view.state.entries.values().filter(|entry| has(entry)).collect();
        // The sort is stable, so campaigns that are equal stay in the order of their files.
        match self.sort {
            Sort::File => {}
            Sort::State => listed.sort_by_cached_key(|entry| state_note(view, entry).state),
            Sort::Owed => {
                let owed = |entry: &CampaignEntry| entry.counts().map_or(0, |counts| counts.owed());
                listed.sort_by_cached_key(|entry| std::cmp::Reverse(owed(entry)));
            }
            Sort::Rate => {
                let speed = |entry: &CampaignEntry| entry.run.as_ref().map_or(0.0, speed);
                listed.sort_by(|one, other| speed(other).total_cmp(&speed(one)));
            }
        }
        listed
    }
}

/// The list.
#[must_use]
pub fn page(view: &View<'_>, query: &ListQuery) -> Page {
    Page {
        title: texts::Campaigns.to_string(),
        live: Live {
            id: "live",
            content: content(view, query),
        },
        rest: html! {},
    }
}

/// The form that chooses which campaigns are listed.
fn choice(query: &ListQuery) -> Markup {
    html! {
        form.filter method="get" action="/campaigns" {
            label for="filter" { (texts::FilterLabel) }
            input id="filter" type="search" name="text" value=(query.text) maxlength=(LONGEST_TEXT);
            label for="sort" { (texts::SortLabel) }
            select id="sort" name="sort" {
                @for sort in Sort::ALL {
                    option value=(sort.word()) selected[sort == query.sort] { (texts::SortBy { by: &sort.word() }) }
                }
            }
            button.plain type="submit" { (texts::ShowButton) }
        }
    }
}

fn content(view: &View<'_>, query: &ListQuery) -> Markup {
    let state = view.state;
    let listed = query.list(view);
    let is_any_running = state.entries.values().any(|entry| entry.applier() != Applier::Nobody);
    let table = html! {
        table.campaigns {
            thead { tr {
                th scope="col" { (run::ColumnCampaign) } th scope="col" { (run::ColumnState) }
                th scope="col" { (texts::ColumnProgress) } th.number scope="col" { (run::ColumnIssued) }
                th.number scope="col" { (run::ColumnRefused) } th.number scope="col" { (run::ColumnInDoubt) }
                th.number scope="col" { (run::ColumnHeld) } th.number scope="col" { (run::ColumnOwed) }
                th.number scope="col" { (run::ColumnRate) }
            } }
            tbody { @for entry in &listed { (row(view, entry)) } }
        }
    };
    html! {
        div.heading {
            h1 { (texts::Campaigns) }
            @if state.frozen.is_none() && view.may(ActKind::Freeze) {
                details.freeze {
                    summary { (texts::FreezeAll) }
                    form method="post" action="/freeze" {
                        p { (texts::FreezeText) }
                        label for="freeze-note" { (texts::FreezeNote) }
                        input id="freeze-note" type="text" name="note" maxlength="500";
                        button.danger id="act-freeze" type="submit" { (texts::FreezeAll) }
                    }
                }
            }
            @if is_any_running {
                (view.act(ActKind::StopAll, html! {
                    form method="post" action="/stop-all" { button.danger type="submit" { (texts::StopAll) } }
                }))
            }
        }
        @if state.entries.is_empty() {
            p.quiet { @if state.is_scanned { (texts::NoCampaigns) } @else { (texts::Scanning) } }
        } @else {
            (choice(query))
            @if listed.is_empty() { p.quiet { (texts::NoneListed) } } @else { (scrolling(&texts::Campaigns, &table)) }
        }
    }
}

/// The starts per second of a run.
pub fn speed(live: &LiveRun) -> f64 {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is not general over the lifetime of the view"
    )]
    live.reporter.view(|run| run.rate())
}

fn row(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let counts = entry.counts();
    let speed = entry.run.as_ref().map(speed);
    let number = |state| counts.map(|counts| grouped(counts.count(state))).unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                a href=(links::campaign(&entry.file)) { (theirs(&entry.heading())) }
                div.quiet { code { (theirs(&entry.name())) } }
            }
            td { (state_label(view, entry)) }
            td { @if let Some(counts) = counts { (progress(&counts)) } }
            td.number data-label=(run::ColumnIssued) { (number(StateName::Issued)) }
            td.number data-label=(run::ColumnRefused) { (number(StateName::Refused)) }
            td.number data-label=(run::ColumnInDoubt) { (number(StateName::InDoubt)) }
            td.number data-label=(run::ColumnHeld) { (number(StateName::Held)) }
            td.number data-label=(run::ColumnOwed) { (counts.map(|counts| grouped(counts.owed())).unwrap_or_default()) }
            td.number data-label=(run::ColumnRate) { @if let Some(speed) = speed { (rate(speed)) } }
        }
    }
}

/// How far a campaign is, as a bar with its share.
pub fn progress(counts: &Counts) -> Markup {
    let all = counts.audience();
    let done = counts.settled() + counts.count(StateName::Skipped);
    let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0);
    html! {
        @if all > 0 {
            progress max=(all) value=(done) aria-label=(texts::ColumnProgress) {}
            " " span.quiet { (texts::Percent { n: percent }) }
        }
    }
}

/// The state of a campaign as a word of the schema, and why.
pub struct StateNote {
    /// The word.
    pub state: String,
    /// Why. `None` if there is nothing to explain.
    pub why: Option<String>,
    /// The other process that applies the campaign. `None` if none does.
    pub elsewhere: Option<String>,
}

/// The state of a campaign.
pub fn state_note(view: &View<'_>, entry: &CampaignEntry) -> StateNote {
    let note = |state: &str, why| StateNote {
        state: state.to_owned(),
        why,
        elsewhere: None,
    };
    if let Some(live) = &entry.run {
        return live.reporter.view(|run| note(run.state().word(), run.why()));
    }
    if let (Some(owner), Some(status)) = (entry.status_owner(), &entry.status) {
        let zone = entry
            .loaded
            .as_ref()
            .map(|loaded| loaded.parsed.campaign.timezone.clone());
        let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
        let why = status.reason.as_ref().map(|reason| reason.text(view.now.wall, &zone));
        let by = texts::AppliedBy {
            pid: &owner.pid,
            host: &owner.host,
            command: &owner.command,
        };
        return StateNote {
            elsewhere: Some(by.to_string()),
            ..note(&status.state, why.or_else(|| status.why.clone()))
        };
    }
    match &entry.source {
        Source::Broken(_) if entry.occurrence.is_none() => return note("broken", None),
        Source::Vanished => return note("vanished", None),
        Source::Broken(_) | Source::Good => {}
    }
    if let Some(Charge::Paused { by, .. }) = view.state.charge(entry) {
        return note("paused", Some(texts::PausedItem { by: &by.name }.to_string()));
    }
    if let Some(series) = &entry.series {
        let zone = &series.parsed.campaign.timezone;
        let next = series.schedule.next.map(|next| {
            let at = &date_time(next.start, zone);
            texts::NextOccurrence { at }.to_string()
        });
        return match &entry.plan {
            PlanState::Failed(_) => note("plan_failed", None),
            _ if next.is_none() && series.series.is_some() => note("none_left", None),
            _ => note("recurring", next),
        };
    }
    if let Some(occurrence) = &entry.occurrence {
        let by_then = |ended: &EndedRun| note(ended.state.word(), ended.why.as_ref().map(ToString::to_string));
        match occurrence.turn.state {
            OccurrenceState::Missed if !entry.may_send() => return note("missed", None),
            OccurrenceState::Past if entry.planned().is_none_or(|planned| planned.needs_approval()) => {
                return entry.ended.as_ref().map_or_else(|| note("over", None), by_then);
            }
            _ => {}
        }
    }
    match &entry.plan {
        PlanState::Planning | PlanState::Unplanned => note("planning", None),
        PlanState::Failed(_) if entry.is_erased() => note("complete", Some(texts::OpenIdsErased.to_string())),
        PlanState::Failed(_) => note("plan_failed", None),
        PlanState::Ready(planned) if planned.needs_approval() => {
            let refusal = view.policy(entry).and_then(|policy| policy.verdict.refusal());
            match (refusal, &entry.ended) {
                (Some(why), _) => note("denied", Some(why.to_string())),
                (None, Some(ended)) => note(ended.state.word(), ended.why.as_ref().map(ToString::to_string)),
                (None, None) => note("needs_approval", None),
            }
        }
        PlanState::Ready(planned) if planned.preview.view.deliveries.waits() => note("waits_for_decision", None),
        PlanState::Ready(planned) if planned.preview.view.deliveries.counts.audience() > 0 => note("complete", None),
        PlanState::Ready(_) => note("idle", None),
    }
}

/// The state as a label, with what is below it.
pub fn state_label(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let note = state_note(view, entry);
    let class = match note.state.as_str() {
        "sending" | "complete" => "good",
        "halted" | "failed" | "broken" | "plan_failed" | "denied" => "bad",
        "needs_approval" | "waits_for_decision" => "ask",
        "paused" | "vanished" | "incomplete" | "ended" | "missed" => "warn",
        _ => "plain",
    };
    html! {
        span.label.(class) { (texts::State { state: &note.state }) }
        @if let Some(why) = &note.why { div.quiet { (theirs(why)) } }
        @if let Some(elsewhere) = &note.elsewhere { div.quiet { (theirs(elsewhere)) } }
    }
}
