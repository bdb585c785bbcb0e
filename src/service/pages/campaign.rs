//! The page of one campaign.

use maud::{Markup, html};

use crate::catalogue::{Language, page as report_texts, plan as plan_texts, run, service as texts};
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Phase, Reading, Waiting};
use crate::report::lists::skipped_reasons;
use crate::report::render::html::page::{scrolling, theirs, theirs_with_code, time};
use crate::report::render::html::tables;
use crate::report::times::{date_time, grouped, rate};
use crate::report::wording;
use crate::report::worth::WorthView;

use crate::campaign::{Diagnostic, render_human};
use crate::service::act::{ActKind, Applier};
use crate::service::campaign_entry::{CampaignEntry, LiveRun, Source};
use crate::service::record::Charge;
use crate::service::series::file_of;

use super::campaigns::{progress, state_label};
use super::inbox::{fault_text, problem_link, wave_text};
use super::{Live, Page, View, budgets, links, occurrences, platform_records};

/// The page of a campaign.
#[must_use]
pub fn page(view: &View<'_>, entry: &CampaignEntry) -> Page {
    Page {
        title: entry.heading(),
        live: Live {
            id: "live",
            content: content(view, entry),
        },
        rest: html! {},
    }
}

fn content(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let counts = entry.counts();
    html! {
        (heading(view, entry, Tab::Overview))
        div.status {
            div { (state_label(view, entry)) }
            (buttons(view, entry))
        }
        (mistakes(entry))
        @if let Some(series) = &entry.series { (occurrences::section(view, entry, series)) }
        @if let Some(ended) = entry.ended.as_ref().filter(|_| entry.run.is_none()) {
            @if let Some(fault) = &ended.fault {
                p.note.bad { (theirs(&fault_text(fault))) (problem_link(fault)) }
            }
        }
        @if let Some(live) = &entry.run { (sending(live)) }
        @if let Some(counts) = counts { @if counts.audience() > 0 { (progress(&counts)) } }
        (funnel(entry, counts.as_ref()))
        (waves(entry))
        (money(entry))
        (budgets::section(view, entry))
        (platform_records::section(view, entry))
        (codes(entry))
        (facts(entry))
    }
}

/// The pages of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// How it goes.
    Overview,
    /// Its plan.
    Plan,
    /// What waits for a decision.
    Decisions,
}

/// The name of a campaign, and the pages that belong to it.
pub fn heading(view: &View<'_>, entry: &CampaignEntry, here: Tab) -> Markup {
    let identity = entry.loaded.as_ref().map(|loaded| &loaded.plan.identity);
    let is_here = |tab| (tab == here).then_some("page");
    html! {
        h1 { (theirs(&entry.heading())) }
        p.quiet {
            code { (theirs(&entry.name())) } " · " (texts::File) " " code { (theirs(&entry.file)) }
            @if let Some(identity) = identity {
                " · " (report_texts::App) " " code { (theirs(identity.app_id.as_str())) }
                @if let Some(loaded) = &entry.loaded {
                    " · " (report_texts::Activity) " " code { (theirs(&loaded.plan.activity_id.shown())) }
                }
            }
        }
        @if entry.series.is_none() {
            nav.tabs aria-label=(texts::CampaignPages) {
                a href=(links::campaign(&entry.file)) aria-current=[is_here(Tab::Overview)] { (texts::Overview) }
                a href=(links::below(&entry.file, "plan")) aria-current=[is_here(Tab::Plan)] { (texts::Plan) }
                @if view.may(ActKind::SeeDeliveries) {
                    a href=(links::below(&entry.file, "decide")) aria-current=[is_here(Tab::Decisions)] { (texts::Decisions) }
                }
            }
        }
        @if entry.occurrence.is_some() {
            p { a href=(links::campaign(file_of(&entry.file))) { (texts::AllOccurrences) } }
        }
    }
}

/// A form with one button.
fn button(entry: &CampaignEntry, what: &str, class: &str, text: &str) -> Markup {
    html! {
        form method="post" action=(links::below(&entry.file, what)) {
            button.(class) id=(format!("act-{what}")) type="submit" { (text) }
        }
    }
}

fn buttons(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let applier = entry.applier();
    let charge = view.state.charge(entry);
    let situation = entry.situation(charge);
    let is_running = applier != Applier::Nobody && !entry.is_comparing;
    let is_charged_pause = matches!(charge, Some(Charge::Paused { .. }));
    let may_resume = situation.is_paused && situation.has_file;
    html! {
        div.acts {
            @if let Some(wave) = wave(entry) {
                (view.act(ActKind::ApproveWave, html! {
                    @if view.is_own_wave(entry) { p.note { (texts::OwnRequestNote) } }
                    @else { form method="post" action=(links::below(&entry.file, "wave")) {
                        input type="hidden" name="wave" value=(wave);
                        p { (wave_text(wave)) }
                        button.primary id="act-wave" type="submit" { (texts::ApproveWave) }
                    } }
                }))
            }
            @if may_resume { (view.act(ActKind::Resume, button(entry, "resume", "primary", &texts::Resume.to_string()))) }
            @if is_running && !situation.is_paused { (view.act(ActKind::Pause, button(entry, "pause", "plain", &texts::Pause.to_string()))) }
            @if is_running || is_charged_pause { (view.act(ActKind::Stop, button(entry, "stop", "danger", &texts::Stop.to_string()))) }
            @if applier == Applier::Nobody && !is_charged_pause {
                @if entry.may_send() && entry.planned().is_some_and(|planned| planned.needs_approval()) {
                    a.button.primary href=(links::below(&entry.file, "plan")) { (texts::SeePlan) }
                }
            }
        }
    }
}

/// The wave whose approval the run waits for. `None` if it waits for none.
fn wave(entry: &CampaignEntry) -> Option<u32> {
    entry.run.as_ref()?.reporter.view(|view| match &view.stats.phase {
        Some(Phase::Waiting {
            why: Waiting::Approval { done },
            ..
        }) => Some(*done),
        _ => None,
    })
}

/// The mistakes of the file, with their places.
fn mistakes(entry: &CampaignEntry) -> Markup {
    let Source::Broken(broken) = &entry.source else {
        return html! {};
    };
    let language = Language::current();
    let list: &[Diagnostic] = broken
        .iter()
        .find(|(known, _)| *known == language)
        .or(broken.first())
        .map_or(&[], |(_, list)| list);
    html! {
        section {
            h2 { (texts::Mistakes) }
            p { (texts::MistakesText) }
            pre.mistakes tabindex="0" { (render_human(list, false)) }
        }
    }
}

fn sending(live: &LiveRun) -> Markup {
    let (speed, most, ends, warnings) = live.reporter.view(|view| {
        let ends = view.ends_at().map(|at| view.time(at));
        (
            view.rate(),
            view.stats.sends.second.most(),
            ends,
            view.stats.warnings.clone(),
        )
    });
    html! {
        dl.figures {
            div { dt { (run::ColumnRate) } dd { (rate(speed)) } }
            @if most > 0 { div { dt { (texts::MostInSecond) } dd { (grouped(most)) } } }
            @if let Some(ends) = ends { div { dt { (texts::Ends) } dd { (ends) } } }
        }
        @for warning in warnings.iter().take(5) { p.note.warn { (theirs(warning)) } }
    }
}

/// From the rows of the audience to the coupons, with what was left out on the way.
fn funnel(entry: &CampaignEntry, counts: Option<&Counts>) -> Markup {
    let live = entry.run.as_ref();
    let reading: Option<Reading> = live
        .and_then(|live| live.reporter.view(|view| view.stats.audience.reading.clone()))
        .or_else(|| {
            entry
                .planned()
                .map(|planned| planned.preview.view.deliveries.reading.clone())
        });
    let Some(counts) = counts.filter(|counts| counts.audience() > 0) else {
        return html! {};
    };
    let skipped = entry.ledger.as_ref().map(|ledger| skipped_reasons(&ledger.skipped));
    html! {
        section {
            h2 { (texts::Funnel) }
            @let table = html! { table.funnel { tbody {
                @if let Some(reading) = &reading {
                    @let unusable: u64 = reading.unusable.iter().map(|(_, rows)| rows.count).sum();
                    (line(reading.listed, &texts::FunnelListed.to_string(), ""))
                    @if reading.excluded > 0 { (line(reading.excluded, &texts::FunnelExcluded.to_string(), "")) }
                    @if reading.control_group > 0 { (line(reading.control_group, &texts::FunnelControlGroup.to_string(), "")) }
                    @if reading.repeated.count > 0 { (line(reading.repeated.count, &texts::FunnelRepeated.to_string(), "")) }
                    @if unusable > 0 { (line(unusable, &texts::FunnelUnusable.to_string(), "")) }
                }
                (line(counts.audience(), &texts::FunnelDeliveries.to_string(), ""))
                @for state in StateName::ALL {
                    @if counts.count(state) > 0 {
                        @let note = skipped.clone().filter(|_| state == StateName::Skipped).unwrap_or_default();
                        (line(counts.count(state), &state.to_string(), &note))
                    }
                }
            } } };
            (scrolling(&texts::Funnel, &table))
        }
    }
}

fn line(count: u64, name: &str, note: &str) -> Markup {
    html! { tr { td.number { (grouped(count)) } th scope="row" { (name) } td { (theirs(note)) } } }
}

fn waves(entry: &CampaignEntry) -> Markup {
    let Some(loaded) = &entry.loaded else { return html! {} };
    let zone = &loaded.parsed.campaign.timezone;
    let ended = entry
        .ledger
        .as_ref()
        .map(|ledger| ledger.waves.as_slice())
        .unwrap_or_default();
    let planned = entry
        .planned()
        .map(|planned| planned.preview.view.forecast.waves.as_slice());
    let planned = planned.unwrap_or_default();
    html! {
        @if !ended.is_empty() || planned.len() > 1 {
            section {
                h2 { (texts::Waves) }
                ul {
                    @for wave in ended {
                        @let at = time(wave.ended, zone);
                        li {
                            @if wave.share > 0.0 {
                                @let share = format!("{} %", (wave.share * 1e8).round() / 1e6);
                                (report_texts::Wave) " " (report_texts::WaveEnded { share: &share, at: &at })
                            } @else { (report_texts::Testers) " " (report_texts::TestersEnded { at: &at }) }
                        }
                    }
                    @for turns in planned {
                        li {
                            @let coupons = turns.to_send;
                            @match turns.wave {
                                Some(wave) => (plan_texts::Wave { wave: &wave, coupons }),
                                None => (plan_texts::LastWave { coupons }),
                            }
                        }
                    }
                }
            }
        }
    }
}

fn money(entry: &CampaignEntry) -> Markup {
    let live = entry.run.as_ref().and_then(|live| {
        live.reporter.view(|view| {
            view.is_admitted().then(|| WorthView {
                counts: view.stats.counts,
                valuation: view.stats.valuation,
                max_worth: entry.loaded.as_ref().and_then(|loaded| loaded.plan.max_worth),
            })
        })
    });
    let worth = live.or_else(|| entry.ledger.as_ref().map(|ledger| ledger.worth));
    html! { @if let Some(worth) = worth { (tables::worth(&worth)) } }
}

fn codes(entry: &CampaignEntry) -> Markup {
    let is_real = entry.loaded.as_ref().is_some_and(|loaded| !loaded.at.rehearsal.is_on());
    if let Some(live) = &entry.run {
        return live.reporter.view(|view| {
            html! {
                (tables::codes(&view.stats.codes, view.stats.other_codes, is_real))
                (tables::latency(&view.stats.latencies))
            }
        });
    }
    html! {
        @if let Some(ledger) = &entry.ledger {
            (tables::codes(&ledger.history.codes, ledger.history.other_codes, is_real))
            (tables::latency(&ledger.history.latencies))
        }
    }
}

fn facts(entry: &CampaignEntry) -> Markup {
    let Some(loaded) = &entry.loaded else { return html! {} };
    let zone = &loaded.parsed.campaign.timezone;
    html! {
        section {
            h2 { (texts::Facts) }
            dl {
                dt { (report_texts::Platform) }
                dd { @if loaded.at.rehearsal.is_on() { (report_texts::Sandbox) } @else { (theirs(&loaded.plan.base_url)) } }
                dt { (report_texts::Ledger) } dd { (theirs(&loaded.ledger_location().to_string_lossy())) }
                @if let Some(ended) = &entry.ended {
                    dt { (texts::LastRunEnded) } dd {
                        (date_time(ended.at, zone)) " · " (texts::State { state: &ended.state })
                        @if ended.stats.ended.is_some() {
                            @for advice in wording::advice(&ended.stats) { br; (theirs_with_code(&advice)) }
                        }
                    }
                }
                @if let Some(ledger) = &entry.ledger { dt { (report_texts::Runs) } dd { (grouped(ledger.history.runs)) } }
            }
        }
    }
}
