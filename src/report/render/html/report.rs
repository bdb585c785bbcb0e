//! The report: one page about a campaign.

use std::fmt::Display;

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::catalogue::page as texts;
use crate::model::clock::until;
use crate::model::delivery::{Counts, StateName};
use crate::model::identity::PlatformName;
use crate::report::lists::joined;
use crate::report::text::visible;
use crate::report::times::{duration, grouped, rate};

use super::chart::ChartError;
use super::page::{frame, theirs, theirs_with_code, time};
use super::report_view::{ReportHeader, ReportView, RunNote};
use super::{figures, tables};

/// Renders the report as a page.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn page(report: &ReportView) -> Result<String, ChartError> {
    let ReportHeader {
        campaign, title, zone, ..
    } = &report.header;
    let name = title.as_deref().unwrap_or(campaign.as_str());
    let figures = figures::all(&report.history, report.counts, zone)?;
    let body = html! {
        main {
            (head(report, name))
            (sum(report))
            (tables::worth(&report.worth()))
            (tables::open(report))
            @if report.history.ended > 0 { (figures) }
            (tables::codes(&report.history.codes, report.history.other_codes, true))
            (tables::latency(&report.history.latencies))
            (tables::attempts(&report.attempts))
            (facts(report))
        }
        footer {
            (texts::MadeFromLedger { version: &env!("CARGO_PKG_VERSION"), at: &time(report.header.now, zone) })
        }
    };
    let title = texts::TitleOfReport { name: &visible(name) };
    Ok(frame(&title.to_string(), &body))
}

fn head(report: &ReportView, name: &str) -> Markup {
    let header = &report.header;
    html! {
        header {
            h1 { (theirs(name)) }
            p.names {
                @if header.title.is_some() { code { (header.campaign) } " · " }
                (texts::App) " " code { (header.app_id) } " · " (texts::Activity) " " code { (header.activity_id.shown()) }
            }
            @if header.platform == PlatformName::FakePlatform {
                p.note { (texts::Rehearsal) }
            }
        }
    }
}

fn headline(counts: &Counts) -> (&'static str, String) {
    if counts.audience() == 0 {
        return ("open", texts::Nobody.to_string());
    }
    if counts.complete() {
        return ("complete", texts::Complete.to_string());
    }
    let owed = counts.owed();
    let in_doubt = counts.count(StateName::InDoubt);
    let held = counts.count(StateName::Held);
    let parts = [
        (owed > 0).then(|| texts::PartOwed { n: owed }.to_string()),
        (in_doubt > 0).then(|| texts::PartInDoubt { n: in_doubt }.to_string()),
        (held > 0).then(|| texts::PartHeld { n: held }.to_string()),
    ];
    let parts = joined(parts.into_iter().flatten());
    ("open", texts::NotComplete { parts: &parts }.to_string())
}

fn sum(report: &ReportView) -> Markup {
    let (class, headline) = headline(&report.counts);
    html! {
        section {
            p.headline.(class) { (headline) }
            @if let Some(run) = &report.run { (run_note(run, &report.header.zone)) }
            (tables::states(&report.counts, &report.skipped))
        }
    }
}

/// What the last run does, or why it ended.
fn run_note(run: &RunNote, zone: &TimeZone) -> Markup {
    let state = texts::Run { state: &run.state };
    html! {
        p.note {
            b {
                @match &run.why {
                    None => (state),
                    Some(why) => (theirs_with_code(&texts::RunBecause { run: &state, why }.to_string())),
                }
            }
            @if let Some(at) = run.at { " " span.quiet { (texts::RunSince { at: &time(at, zone) }) } }
            @if run.is_outdated { br; (texts::RunOutdated) }
        }
    }
}

/// Names and values about the course of the campaign.
fn facts(report: &ReportView) -> Markup {
    let header = &report.header;
    let history = &report.history;
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut add = |name: &dyn Display, value: String| facts.push((name.to_string(), value));
    if let Some((first, last)) = history.span {
        add(&texts::FirstAttempt, time(first, &header.zone));
        add(&texts::LastAttempt, time(last, &header.zone));
        if let Some(took) = until(first, last) {
            add(&texts::InBetween, duration(took));
        }
    }
    add(&texts::Runs, grouped(history.runs));
    add(&texts::Attempts, grouped(history.attempts));
    let attempts = history.attempts.saturating_sub(history.ended);
    if attempts > 0 {
        let lost = texts::AttemptsWithoutEnd { attempts };
        add(&texts::WithoutEnd, lost.to_string());
    }
    let at_most = texts::AtMost {
        rate: &rate(header.per_second),
    };
    add(&texts::Pace, at_most.to_string());
    for wave in &report.waves {
        let at = &time(wave.ended, &header.zone);
        if wave.share > 0.0 {
            let share = &format!("{} %", (wave.share * 1e8).round() / 1e6);
            add(&texts::Wave, texts::WaveEnded { share, at }.to_string());
        } else {
            add(&texts::Testers, texts::TestersEnded { at }.to_string());
        }
    }
    html! {
        section {
            h2 { (texts::HowItWent) }
            dl {
                @for (name, value) in facts { dt { (name) } dd { (value) } }
                dt { (texts::Platform) } dd {
                    @if header.platform == PlatformName::FakePlatform { (texts::Sandbox) } @else { (theirs(&header.platform.to_string())) }
                }
                dt { (texts::Ledger) } dd { (theirs(&header.ledger.to_string_lossy())) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
