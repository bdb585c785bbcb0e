//! The report: one page about a campaign.

use maud::{Markup, html};

use crate::model::clock::until;
use crate::model::delivery::{Counts, StateName};
use crate::model::identity::PlatformName;
use crate::report::text::visible;
use crate::report::times::{counted, duration, grouped, rate};

use super::chart::ChartError;
use super::page::{frame, theirs, time};
use super::report_view::{ReportHeader, ReportView};
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
            (tables::open(report))
            @if report.history.ended > 0 { (figures) }
            (tables::codes(&report.history.codes, report.history.other_codes, true))
            (tables::latency(&report.history))
            (tables::attempts(&report.attempts))
            (facts(report))
        }
        footer {
            "made by runner " (env!("CARGO_PKG_VERSION")) " from the ledger, " (time(report.header.now, zone))
        }
    };
    Ok(frame(&format!("{}: report", visible(name)), &body))
}

fn head(report: &ReportView, name: &str) -> Markup {
    let header = &report.header;
    html! {
        header {
            h1 { (theirs(name)) }
            p.names {
                @if header.title.is_some() { code { (header.campaign) } " · " }
                "app " code { (header.app_id) } " · activity " code { (header.activity_id) }
            }
            @if header.platform == PlatformName::FakePlatform {
                p.note { "A rehearsal: the platform was a stand-in, and no coupon is real." }
            }
        }
    }
}

fn headline(counts: &Counts) -> (&'static str, String) {
    if counts.audience() == 0 {
        return ("open", "Nobody is owed a coupon".to_owned());
    }
    if counts.complete() {
        return ("complete", "Complete: every delivery is settled or skipped".to_owned());
    }
    let parts = [
        (counts.owed(), "still owed"),
        (counts.count(StateName::InDoubt), "in doubt"),
        (counts.count(StateName::Held), "held"),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", grouped(*n)))
        .collect();
    ("open", format!("Not complete: {}", parts.join(", ")))
}

fn sum(report: &ReportView) -> Markup {
    let (class, headline) = headline(&report.counts);
    html! {
        section {
            p.headline.(class) { (headline) }
            (tables::states(&report.counts, &report.skipped))
        }
    }
}

/// Names and values about the course of the campaign.
fn facts(report: &ReportView) -> Markup {
    let header = &report.header;
    let history = &report.history;
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some((first, last)) = history.span {
        facts.push(("first attempt", time(first, &header.zone)));
        facts.push(("last word", time(last, &header.zone)));
        if let Some(took) = until(first, last) {
            facts.push(("in between", duration(took)));
        }
    }
    facts.push(("runs", grouped(history.runs)));
    facts.push(("attempts", grouped(history.attempts)));
    let lost = history.attempts.saturating_sub(history.ended);
    if lost > 0 {
        facts.push((
            "without an end",
            format!("{}: a process ended first", counted(lost, "attempt", "attempts")),
        ));
    }
    facts.push(("pace", format!("at most {}", rate(header.per_second))));
    for wave in &report.waves {
        let ended = time(wave.ended, &header.zone);
        if wave.share > 0.0 {
            let percent = (wave.share * 1e8).round() / 1e6;
            facts.push(("wave", format!("of {percent} % ended {ended}")));
        } else {
            facts.push(("testers", format!("ended {ended}")));
        }
    }
    html! {
        section {
            h2 { "How it went" }
            dl {
                @for (name, value) in facts { dt { (name) } dd { (value) } }
                dt { "platform" } dd { (theirs(&header.platform.to_string())) }
                dt { "ledger" } dd { (theirs(&header.ledger.to_string_lossy())) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
