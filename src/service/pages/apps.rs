//! The apps: how fast each may send, who sends and who is next, what was sent today, and its access token.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::app::apply::load::TokenView;
use crate::catalogue::{page as report_texts, run, service as texts};
use crate::model::calendar::Day;
use crate::model::event::{Phase, Waiting};
use crate::model::identity::AppId;
use crate::report::render::html::page::{scrolling, theirs};
use crate::report::times::{clock_time, date_time, grouped, left_until, rate};

use crate::service::act::Applier;
use crate::service::campaign_entry::{CampaignEntry, LiveRun};

use super::campaigns::{speed, state_label};
use super::{Live, Page, View, links};

/// The page.
#[must_use]
pub fn page(view: &View<'_>) -> Page {
    Page {
        title: texts::Apps.to_string(),
        live: Live {
            id: "live",
            content: content(view),
        },
        rest: html! {},
    }
}

/// When a campaign uses the quota of its app: the first one in this order sends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// It sends now.
    Now,
    /// It sends again at a known time.
    At(Timestamp),
    /// It sends again once it need not wait any longer.
    AfterWait,
    /// It needs an approval.
    AfterApproval,
    /// It is paused or stopped, or has nothing to send.
    None,
}

impl Turn {
    fn new(entry: &CampaignEntry) -> Self {
        if let Some(live) = &entry.run {
            return live.reporter.view(|run| match &run.stats.phase {
                Some(Phase::Sending) => Self::Now,
                Some(Phase::Waiting { until: Some(at), .. }) => Self::At(*at),
                Some(Phase::Waiting {
                    why: Waiting::Approval { .. },
                    ..
                }) => Self::AfterApproval,
                Some(Phase::Waiting { .. } | Phase::Planning) | None => Self::AfterWait,
                Some(Phase::Paused { .. } | Phase::Draining { .. }) => Self::None,
            });
        }
        match entry
            .status
            .as_ref()
            .filter(|_| entry.applier() == Applier::OtherProcess)
        {
            Some(status) if status.state == "sending" => return Self::Now,
            Some(_) => return Self::AfterWait,
            None => {}
        }
        match entry.planned() {
            Some(planned) if planned.sends() && entry.may_send() => Self::AfterApproval,
            _ => Self::None,
        }
    }
}

/// The campaigns of an app on a platform, in the order in which they use its quota.
struct App<'e> {
    app_id: &'e AppId,
    entries: Vec<(Turn, &'e CampaignEntry)>,
}

fn apps<'e>(view: &View<'e>) -> Vec<App<'e>> {
    let mut by_app: BTreeMap<(&str, &str), App<'e>> = BTreeMap::new();
    for entry in view.state.entries.values() {
        let Some(loaded) = &entry.loaded else { continue };
        let app_id = &loaded.plan.identity.app_id;
        let key = (app_id.as_str(), loaded.plan.base_url.as_str());
        let app = by_app.entry(key).or_insert_with(|| App {
            app_id,
            entries: Vec::new(),
        });
        app.entries.push((Turn::new(entry), entry));
    }
    let mut apps: Vec<_> = by_app.into_values().collect();
    for app in &mut apps {
        app.entries.sort_by_key(|(turn, _)| *turn);
    }
    apps
}

fn content(view: &View<'_>) -> Markup {
    let apps = apps(view);
    html! {
        h1 { (texts::Apps) }
        p { (texts::AppsText) }
        @if apps.is_empty() {
            p.quiet { @if view.state.is_scanned { (texts::NoCampaigns) } @else { (texts::Scanning) } }
        }
        @for app in &apps { (section(view, app)) }
    }
}

fn section(view: &View<'_>, app: &App<'_>) -> Markup {
    let runs: Vec<&LiveRun> = app.entries.iter().filter_map(|(_, entry)| entry.run.as_ref()).collect();
    let senders = app.entries.iter().filter(|(turn, _)| *turn == Turn::Now).count();
    let sent: u64 = app
        .entries
        .iter()
        .filter_map(|(_, entry)| entry.begun_since(today(view, entry)?.begins))
        .sum();
    let table = html! {
        table.stack {
            thead { tr {
                th scope="col" { (run::ColumnCampaign) } th scope="col" { (run::ColumnState) }
                th scope="col" { (texts::ColumnTurn) } th.number scope="col" { (texts::ColumnToday) }
                th.number scope="col" { (texts::ColumnPerDay) } th.number scope="col" { (run::ColumnOwed) }
            } }
            tbody { @for (turn, entry) in &app.entries { (row(view, *turn, entry, senders)) } }
        }
    };
    html! {
        section.app {
            h2 { (report_texts::App) " " code { (theirs(app.app_id.as_str())) } }
            dl.figures {
                (pace(app, &runs))
                @if !runs.is_empty() {
                    div { dt { (texts::SendsNow) } dd { (rate(runs.iter().map(|live| speed(live)).sum())) } }
                }
                div { dt { (texts::SentToday) } dd { (grouped(sent)) } }
                (token(view, app, &runs))
            }
            @for note in notes(view, &runs) { p.note.warn { (theirs(&note)) } }
            (scrolling(&texts::Turns, &table))
        }
    }
}

fn today(view: &View<'_>, entry: &CampaignEntry) -> Option<Day> {
    let loaded = entry.loaded.as_ref()?;
    Some(Day::new(view.now.wall, &loaded.plan.schedule.zone))
}

/// The pace of the slowest campaign that sends, or of the slowest of all while none sends.
fn pace(app: &App<'_>, runs: &[&LiveRun]) -> Markup {
    let is_running = !runs.is_empty();
    let paces = app
        .entries
        .iter()
        .filter(|(_, entry)| !is_running || entry.run.is_some())
        .filter_map(|(_, entry)| Some(entry.loaded.as_ref()?.plan.pace.per_second));
    let full = paces.min_by(f64::total_cmp);
    let slowed = runs
        .iter()
        .filter_map(|live| live.reporter.view(|run| run.stats.slowdown))
        .min_by(|one, other| one.per_second.total_cmp(&other.per_second));
    html! {
        @if let Some(full) = full {
            div {
                dt { (texts::AppPace) }
                dd {
                    @match slowed {
                        Some(slowed) => (texts::SlowedPace { now: &rate(slowed.per_second), full: &rate(full) }),
                        None => (rate(full)),
                    }
                }
            }
        }
    }
}

fn token(view: &View<'_>, app: &App<'_>, runs: &[&LiveRun]) -> Markup {
    let zone = app
        .entries
        .iter()
        .find_map(|(_, entry)| Some(&entry.loaded.as_ref()?.plan.schedule.zone));
    let token = runs.first().map(|live| live.token.view());
    let text = match (&token, zone) {
        (Some(TokenView::Until(at)), Some(zone)) => {
            let at = clock_time(*at, view.now.wall, zone);
            texts::TokenUntil { at: &at }.to_string()
        }
        (Some(TokenView::Given), _) => texts::TokenGiven.to_string(),
        (Some(TokenView::Missing(why)), _) => texts::TokenMissing { why }.to_string(),
        _ => texts::TokenNone.to_string(),
    };
    html! { div { dt { (texts::Token) } dd { (theirs(&text)) } } }
}

/// Why the app sends slowly or not at all, once for all of its campaigns.
fn notes(view: &View<'_>, runs: &[&LiveRun]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for live in runs {
        let note = live.reporter.view(|run| {
            let is_shared = match &run.stats.phase {
                Some(Phase::Waiting { why, .. }) => matches!(
                    why,
                    Waiting::AppId { .. } | Waiting::PreviousOwner | Waiting::Outage { .. } | Waiting::Token { .. }
                ),
                _ => false,
            };
            if is_shared {
                return run.why();
            }
            let slowdown = run.stats.slowdown?;
            let left = left_until(slowdown.until, view.now.wall);
            left.map(|left| texts::SlowedNote { left: &left }.to_string())
        });
        if let Some(note) = note.filter(|note| !notes.contains(note)) {
            notes.push(note);
        }
    }
    notes
}

fn row(view: &View<'_>, turn: Turn, entry: &CampaignEntry, senders: usize) -> Markup {
    let sent = today(view, entry).and_then(|day| entry.begun_since(day.begins));
    let per_day = entry.loaded.as_ref().map(|loaded| loaded.plan.pace.per_day);
    let owed = entry.counts().map(|counts| grouped(counts.owed()));
    html! {
        tr {
            th scope="row" { a href=(links::campaign(&entry.file)) { (theirs(&entry.heading())) } }
            td { (state_label(view, entry)) }
            td { (turn_text(turn, entry, senders)) }
            td.number data-label=(texts::ColumnToday) { (sent.map(grouped).unwrap_or_default()) }
            td.number data-label=(texts::ColumnPerDay) {
                @match per_day {
                    Some(u64::MAX) | None => (texts::NoLimit),
                    Some(most) => (grouped(most)),
                }
            }
            td.number data-label=(run::ColumnOwed) { (owed.unwrap_or_default()) }
        }
    }
}

fn turn_text(turn: Turn, entry: &CampaignEntry, senders: usize) -> String {
    let zone = entry.loaded.as_ref().map(|loaded| &loaded.plan.schedule.zone);
    match (turn, zone) {
        (Turn::Now, _) if senders > 1 => texts::TurnShared { n: senders as u64 }.to_string(),
        (Turn::Now, _) => texts::TurnNow.to_string(),
        (Turn::At(at), Some(zone)) => texts::TurnAt {
            at: &date_time(at, zone),
        }
        .to_string(),
        (Turn::AfterWait | Turn::At(_), _) => texts::TurnAfterWait.to_string(),
        (Turn::AfterApproval, _) => texts::TurnAfterApproval.to_string(),
        (Turn::None, _) => String::new(),
    }
}
