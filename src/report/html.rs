//! The report: one self-contained page about a campaign.
//!
//! Text from the audience or the platform is shown as text only: the templating library escapes it, direction marks are
//! shown as escapes, and each piece is isolated with `<bdi>`, so that it cannot reorder the text around it.

pub mod chart;
mod figures;
pub mod history;
#[cfg(test)]
pub(super) mod reading;
pub mod simulation;
mod tables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::model::delivery::{Counts, Skipped, StateName};
use crate::model::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};

use super::text::{skip_reason, visible};
use super::times::{counted, duration, grouped, rate};

use self::history::{History, Last};

pub use self::chart::Undrawn;

const STYLE: &str = include_str!("html/page.css");
/// Forbids scripts and requests, as a second line of defence after escaping.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The contents of a report.
#[derive(Debug)]
pub struct Report {
    /// The campaign.
    pub about: About,
    /// All deliveries by state.
    pub counts: Counts,
    /// The skipped deliveries by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// How many deliveries took how many attempts; without those that were never attempted.
    pub attempts: BTreeMap<u32, u64>,
    /// The first few deliveries that may need a person.
    pub open: Vec<Open>,
    /// The fold of the ledger's facts.
    pub history: History,
    /// The waves that have ended, by share, with the time of the end.
    pub waves: Vec<(f64, Timestamp)>,
}

/// The campaign of a report.
#[derive(Debug)]
pub struct About {
    /// Its name.
    pub campaign: CampaignName,
    /// Its title.
    pub title: Option<String>,
    /// The app.
    pub app_id: AppId,
    /// The activity of new deliveries.
    pub activity_id: ActivityId,
    /// The platform.
    pub platform: PlatformName,
    /// The directory of the ledger.
    pub ledger: PathBuf,
    /// The time zone of displayed times.
    pub zone: TimeZone,
    /// When the report was made.
    pub now: Timestamp,
    /// The plan's pace.
    pub per_second: f64,
    /// The command that continues, ready to be typed.
    pub again: String,
}

/// A delivery that is neither settled nor pending.
#[derive(Debug)]
pub struct Open {
    /// Its state.
    pub state: StateName,
    /// The recipient.
    pub open_id: OpenId,
    /// Which of the recipient's coupons.
    pub ordinal: u8,
    /// How many attempts were made.
    pub attempts: u32,
    /// Since when it is in doubt; `None` if it is not.
    pub since: Option<Timestamp>,
    /// The last answer.
    pub last: Last,
    /// What happens next.
    pub next: &'static str,
}

/// Renders the report as a page.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn page(report: &Report) -> Result<String, Undrawn> {
    let About {
        campaign, title, zone, ..
    } = &report.about;
    let name = title.as_deref().unwrap_or(campaign.as_str());
    let figures = figures::all(&report.history, report.counts, zone)?;
    let page = html! {
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
            "made by runner " (env!("CARGO_PKG_VERSION")) " from the ledger, " (time(report.about.now, zone))
        }
    };
    Ok(whole(&format!("{}: report", visible(name)), &page))
}

/// Renders a self-contained page.
fn whole(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// Text from outside, escaped and isolated.
fn theirs(text: &str) -> Markup {
    html! { bdi { (visible(text)) } }
}

fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

fn head(report: &Report, name: &str) -> Markup {
    let about = &report.about;
    html! {
        header {
            h1 { (theirs(name)) }
            p.names {
                @if about.title.is_some() { code { (about.campaign) } " · " }
                "app " code { (about.app_id) } " · activity " code { (about.activity_id) }
            }
            @if about.platform == PlatformName::FakePlatform {
                p.note { "A rehearsal: the platform was a stand-in, and no coupon is real." }
            }
        }
    }
}

/// The states in the order of display, each with its meaning.
const STATES: [(StateName, &str, &str); 8] = [
    (StateName::Issued, "issued", "the user has the coupon"),
    (StateName::Refused, "refused", "the platform refused the user for good"),
    (StateName::Skipped, "skipped", "not owed at present"),
    (StateName::Pending, "pending", "owed, not attempted yet"),
    (StateName::Deferred, "deferred", "surely not issued yet, and due again"),
    (
        StateName::InFlight,
        "in-flight",
        "being sent, or was when a process ended",
    ),
    (
        StateName::InDoubt,
        "in-doubt",
        "an answer was lost: the user may have the coupon",
    ),
    (StateName::Held, "held", "a code that nobody has classified"),
];

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

fn sum(report: &Report) -> Markup {
    let (class, headline) = headline(&report.counts);
    html! {
        section {
            p.headline.(class) { (headline) }
            (states(&report.counts, &report.skipped))
        }
    }
}

/// The number of deliveries in each state.
fn states(counts: &Counts, skipped: &BTreeMap<Skipped, u64>) -> Markup {
    let there: Vec<_> = STATES.iter().filter(|(state, ..)| counts.count(*state) > 0).collect();
    html! {
        @if !there.is_empty() {
            div.bar aria-hidden="true" {
                @for (state, class, _) in &there {
                    span.(class) style=(format!("flex-grow:{}", counts.count(*state))) {}
                }
            }
        }
        div.scroll { table.sum {
            tbody {
                @for (state, class, meaning) in &there {
                    tr {
                        td.number { (grouped(counts.count(*state))) }
                        th scope="row" { span.dot.(class) {} (state) }
                        td { (share(counts.count(*state), counts.audience())) }
                        td.wide { (meaning) @if *state == StateName::Skipped && !skipped.is_empty() { (reasons(skipped)) } }
                    }
                }
            }
            tfoot { tr { td.number { (grouped(counts.audience())) } th scope="row" colspan="3" { "coupons in all" } } }
        } }
    }
}

fn reasons(skipped: &BTreeMap<Skipped, u64>) -> Markup {
    let told = skipped
        .iter()
        .map(|(why, n)| format!("{} {}", grouped(*n), skip_reason(*why)));
    html! { ": " (told.collect::<Vec<_>>().join(", ")) }
}

/// A percentage that is never rounded to 0 % or 100 % when it is neither.
fn share(n: u64, of: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for showing")]
    let percent = n as f64 * 100.0 / of.max(1) as f64;
    match (n, percent) {
        (n, _) if n == of => "100 %".to_owned(),
        (_, percent) if percent > 99.9 => "> 99.9 %".to_owned(),
        (n, percent) if n > 0 && percent < 0.1 => "< 0.1 %".to_owned(),
        (_, percent) => format!("{percent:.1} %"),
    }
}

/// Names and values about the course of the campaign.
fn facts(report: &Report) -> Markup {
    let about = &report.about;
    let history = &report.history;
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some((first, last)) = history.span {
        facts.push(("first attempt", time(first, &about.zone)));
        facts.push(("last word", time(last, &about.zone)));
        if let Some(took) = crate::model::clock::until(first, last) {
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
    facts.push(("pace", format!("at most {}", rate(about.per_second))));
    for (share, ended) in &report.waves {
        let percent = (share * 1e8).round() / 1e6;
        facts.push(("wave", format!("of {percent} % ended {}", time(*ended, &about.zone))));
    }
    html! {
        section {
            h2 { "How it went" }
            dl {
                @for (name, value) in facts { dt { (name) } dd { (value) } }
                dt { "platform" } dd { (theirs(&about.platform.to_string())) }
                dt { "ledger" } dd { (theirs(&about.ledger.display().to_string())) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
