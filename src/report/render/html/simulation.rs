//! The page of a simulation, with the figures and tables of a report.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::catalogue::page as texts;
use crate::model::delivery::StateName;
use crate::model::event::Ending;
use crate::report::history::{Slot, Slots};
use crate::report::render::terminal::simulation::{details, quiet, verdict, waits, with_weekday};
use crate::report::run_stats::RunStart;
use crate::report::simulation::SimulationView;
use crate::report::simulation::hours::Hour;
use crate::report::text::visible;
use crate::report::times::{grouped, rate};
use crate::report::wording;

use super::chart::ChartError;
use super::figures::{self, MOST_BARS};
use super::page::{frame, scrolling, theirs, time};
use super::tables;

/// Renders the simulation as a page.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn page(simulated: &SimulationView) -> Result<String, ChartError> {
    let settings = &simulated.settings;
    let stats = &simulated.stats;
    let run = stats.run.as_ref();
    let name = run.map_or_else(String::new, |run| {
        run.title.clone().unwrap_or_else(|| run.campaign.to_string())
    });
    let charts = charts(simulated)?;
    let complete = stats.ended.is_some_and(|ended| ended.ending == Ending::Complete);
    let said = verdict(simulated).map(|(_, said)| said).unwrap_or_default();
    let page = html! {
        main {
            header {
                h1 { (theirs(&name)) }
                @if let Some(run) = run { (names(run)) }
                p.note { (texts::Simulation) }
            }
            section {
                p.headline.(if complete { "complete" } else { "open" }) { (visible(&said)) }
                (advice(simulated))
                (tables::states(&stats.counts, &BTreeMap::new()))
            }
            @if let Some(charts) = charts { section { h2 { (texts::WhenSimulated) } (charts) } }
            (hours(simulated))
            (tables::codes(&stats.codes, stats.other_codes, false))
            section {
                h2 { (texts::WhatWasSimulated) }
                dl { @for detail in details(simulated).lines() { dt { (detail.name) } dd { (theirs(&detail.value)) } } }
            }
        }
        footer {
            (texts::MadeBySimulation { version: &env!("CARGO_PKG_VERSION"), at: &time(settings.from, &settings.zone) })
        }
    };
    let title = texts::TitleOfSimulation { name: &visible(&name) };
    Ok(frame(&title.to_string(), &page))
}

fn names(run: &RunStart) -> Markup {
    html! {
        p.names {
            @if run.title.is_some() { code { (run.campaign) } " · " }
            (texts::App) " " code { (run.app_id) } " · " (texts::Activity) " " code { (run.activity_id.shown()) }
        }
    }
}

/// What a person would have to do.
fn advice(simulated: &SimulationView) -> Markup {
    let stats = &simulated.stats;
    let looks = stats.ended.is_some_and(|ended| ended.ending == Ending::NeedsPerson);
    let advice = if looks { wording::advice(stats) } else { Vec::new() };
    html! {
        @if !advice.is_empty() { ul.advice { @for advice in advice { li { (theirs(&advice)) } } } }
    }
}

/// The charts; `None` if nothing would be sent.
fn charts(simulated: &SimulationView) -> Result<Option<Markup>, ChartError> {
    let busy = || simulated.hours.iter().filter(|hour| !hour.is_quiet());
    let (Some(first), Some(last)) = (busy().next(), busy().next_back()) else {
        return Ok(None);
    };
    let offset = i64::from(simulated.settings.zone.to_offset(first.from).seconds());
    let span = last.until.as_second() - first.from.as_second();
    let fits = |length: &i64| span / length < MOST_BARS;
    let length = [3_600, 7_200, 21_600, 43_200, 86_400]
        .into_iter()
        .find(fits)
        .unwrap_or(604_800);
    let mut slots: BTreeMap<i64, Slot> = BTreeMap::new();
    for hour in busy() {
        let at = (hour.from.as_second() + offset).div_euclid(length) * length - offset;
        let slot = slots.entry(at).or_default();
        slot.issued += hour.issued;
        slot.refused += hour.refused;
        slot.other += hour.sent.saturating_sub(hour.issued + hour.refused);
    }
    let counts = simulated.stats.counts;
    let issued: u64 = simulated.hours.iter().map(|hour| hour.issued).sum();
    let before = counts.count(StateName::Issued).saturating_sub(issued);
    figures::over_time(&Slots { length, slots }, offset, (before, counts)).map(Some)
}

/// The table of hours.
fn hours(simulated: &SimulationView) -> Markup {
    let Some(table) = hours_table(simulated) else {
        return html! {};
    };
    html! { section { h2 { (texts::HourByHour) } (scrolling(&texts::HourByHour, &table)) } }
}

/// How the campaign would end, and its course in a table that can be opened, as a part of another page.
#[must_use]
pub fn summary(simulated: &SimulationView) -> Markup {
    let said = verdict(simulated).map(|(_, said)| said).unwrap_or_default();
    html! {
        p.headline { (theirs(&said)) }
        (advice(simulated))
        @if let Some(table) = hours_table(simulated) {
            details {
                summary { (texts::HourByHour) }
                (scrolling(&texts::HourByHour, &table))
            }
        }
    }
}

/// The hours. `None` if nothing happened in any.
fn hours_table(simulated: &SimulationView) -> Option<Markup> {
    let hours = &simulated.hours;
    let zone = &simulated.settings.zone;
    if hours.iter().all(Hour::is_quiet) {
        return None;
    }
    let from = |hour: &Hour| with_weekday(&hour.from.to_zoned_datetime(zone.clone()), "%m-%d %H:%M");
    Some(html! {
        table.hours {
            thead { tr {
                th scope="col" { (texts::ColumnFrom) }
                th.number scope="col" { (texts::ColumnSent) }
                @for state in [StateName::Issued, StateName::Refused, StateName::InDoubt, StateName::Held] {
                    th.number scope="col" { (state) }
                }
                th.number scope="col" { (texts::ColumnRate) }
                th scope="col" { (texts::ColumnWaits) }
            } }
            tbody { @for hour in hours { tr {
                th scope="row" { (from(hour)) }
                @if hour.is_quiet() {
                    td.quiet colspan="7" { (quiet(hour, zone)) }
                } @else {
                    @for n in [hour.sent, hour.issued, hour.refused, hour.in_doubt, hour.held] { td.number { (grouped(n)) } }
                    td.number { (hour.rate().map(rate).unwrap_or_default()) }
                    td { (waits(hour).unwrap_or_default()) }
                }
            } } }
        }
    })
}
