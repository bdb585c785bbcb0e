//! The tables of pages: states, codes, latencies, attempts, and the deliveries that need a person.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::catalogue::{page as texts, worth as worth_texts};
use crate::model::delivery::{Counts, Skipped, StateName};
use crate::report::attempt_detail::attempt_detail;
use crate::report::latencies::Latencies;
use crate::report::lists::skipped_reasons;
use crate::report::run_stats::Codes;
use crate::report::times::grouped;
use crate::report::wording::class_text;
use crate::report::worth::WorthView;

use super::page::{command, scrolling, share, theirs, time, with_code};
use super::report_view::{OpenDelivery, ReportView};

/// How many of the listed deliveries are shown before a person asks for the others.
const MOST_OPEN: usize = 10;

/// The states in the order of display, each with its class of style.
const STATES: [(StateName, &str); 8] = [
    (StateName::Issued, "issued"),
    (StateName::Refused, "refused"),
    (StateName::Skipped, "skipped"),
    (StateName::Pending, "pending"),
    (StateName::Deferred, "deferred"),
    (StateName::InFlight, "in-flight"),
    (StateName::InDoubt, "in-doubt"),
    (StateName::Held, "held"),
];

/// What a state means, and for skipped deliveries their reasons.
fn meaning(state: StateName, skipped: &BTreeMap<Skipped, u64>) -> String {
    let meaning: &dyn Display = match state {
        StateName::Issued => &texts::MeaningIssued,
        StateName::Refused => &texts::MeaningRefused,
        StateName::Skipped => &texts::MeaningSkipped,
        StateName::Pending => &texts::MeaningPending,
        StateName::Deferred => &texts::MeaningDeferred,
        StateName::InFlight => &texts::MeaningInFlight,
        StateName::InDoubt => &texts::MeaningInDoubt,
        StateName::Held => &texts::MeaningHeld,
    };
    let reasons = skipped_reasons(skipped);
    if state != StateName::Skipped || reasons.is_empty() {
        return meaning.to_string();
    }
    texts::SkippedReasons {
        meaning,
        reasons: &reasons,
    }
    .to_string()
}

/// The number of deliveries in each state.
#[must_use]
pub fn states(counts: &Counts, skipped: &BTreeMap<Skipped, u64>) -> Markup {
    let there: Vec<_> = STATES.iter().filter(|(state, _)| counts.count(*state) > 0).collect();
    html! {
        @if !there.is_empty() {
            div.bar aria-hidden="true" {
                @for (state, class) in &there {
                    span.(class) style=(format!("flex-grow:{}", counts.count(*state))) {}
                }
            }
        }
        div.scroll { table.sum {
            tbody {
                @for (state, class) in &there {
                    tr {
                        td.number { (grouped(counts.count(*state))) }
                        th scope="row" { span.dot.(class) {} (state) }
                        td { (share(counts.count(*state), counts.audience())) }
                        td.wide { (meaning(*state, skipped)) }
                    }
                }
            }
            tfoot { tr { td.number { (grouped(counts.audience())) } th scope="row" colspan="3" { (texts::CouponsInAll) } } }
        } }
    }
}

/// What the coupons are worth. Empty if nothing is known of it.
#[must_use]
pub fn worth(worth: &WorthView) -> Markup {
    let rows = worth.rows();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { (worth_texts::Title) }
                div.scroll { table.sum {
                    tbody {
                        @for row in rows {
                            tr {
                                td.number { (row.amount) }
                                th scope="row" { (row.name) }
                                td { @if let Some(n) = row.coupons { (worth_texts::Coupons { n }) } }
                                td.wide { (row.meaning) }
                            }
                        }
                    }
                } }
                @for note in worth.notes() { p { (with_code(&note)) } }
            }
        }
    }
}

/// The answers by code; unless `real`, those of the sandbox.
#[must_use]
pub fn codes(ends: &Codes, others: u64, real: bool) -> Markup {
    if ends.is_empty() {
        return html! {};
    }
    let (bare, coded): (Vec<_>, Vec<_>) = ends.iter().partition(|((code, _), _)| code.is_none());
    let table = html! {
        table.stack {
            thead { tr {
                th scope="col" { (texts::ColumnCode) } th scope="col" { (texts::ColumnMeaning) }
                th.number scope="col" { (texts::ColumnAttempts) } th scope="col" { (texts::ColumnMessage) }
            } }
            tbody {
                @for ((code, outcome), count) in coded.into_iter().chain(bare) {
                    tr {
                        th scope="row" { @if let Some(code) = code { code { (code) } } @else { (texts::NoCode) } }
                        td { (class_text(count, outcome)) }
                        td.number data-label=(texts::AttemptsLabel) { (grouped(count.count)) }
                        td.wide {
                            @if code.is_some() { (theirs(&count.message)) } @else { (theirs(&attempt_detail(&count.message))) }
                            @if !count.log_id.is_empty() { div { code { (theirs(&count.log_id)) } } }
                        }
                    }
                }
                @if others > 0 {
                    tr { th scope="row" { (texts::OtherCodes) } td {}
                        td.number data-label=(texts::AttemptsLabel) { (grouped(others)) }
                        td.wide { (texts::MoreCodes) }
                    }
                }
            }
        }
    };
    html! {
        section {
            h2 { (texts::PlatformAnswered) }
            (scrolling(&texts::PlatformAnswered, &table))
            @if real { p { (texts::LogId) } }
        }
    }
}

/// "64 ms", "1.2 s".
fn precise(span: Duration) -> String {
    match span.as_micros() {
        micros @ 0..=9_999 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        micros @ 10_000..=999_999 => format!("{} ms", micros / 1_000),
        micros => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// Shares of the answers and the latencies within which they came.
#[must_use]
pub fn latency(latencies: &Latencies) -> Markup {
    let answers = latencies.answers();
    if answers == 0 {
        return html! {};
    }
    let within = |share: &str| texts::ShareWithin { share: &share }.to_string();
    let shares = [
        (texts::HalfWithin.to_string(), 0.5),
        (within("90 %"), 0.9),
        (within("95 %"), 0.95),
        (within("99 %"), 0.99),
        (within("99.9 %"), 0.999),
    ];
    html! {
        section.small {
            h3 { (texts::Latency { answers }) }
            div.scroll { table { tbody {
                @for (word, share) in shares {
                    tr { th scope="row" { (word) } td.number { (precise(latencies.within(share))) } }
                }
                tr { th scope="row" { (texts::Slowest) } td.number { (precise(latencies.within(1.0))) } }
            } } }
        }
    }
}

/// How many deliveries took how many attempts.
#[must_use]
pub fn attempts(attempts: &BTreeMap<u32, u64>) -> Markup {
    let all: u64 = attempts.values().sum();
    if all == 0 {
        return html! {};
    }
    let (few, many): (Vec<_>, Vec<_>) = attempts.iter().partition(|(n, _)| **n < 6);
    let many: u64 = many.iter().map(|(_, n)| **n).sum();
    html! {
        section.small {
            h3 { (texts::AttemptsPerDelivery) }
            div.scroll { table { tbody {
                @for (n, deliveries) in few {
                    tr {
                        th scope="row" { (n) } td.number { (grouped(*deliveries)) } td.number { (share(*deliveries, all)) }
                    }
                }
                @if many > 0 {
                    tr { th scope="row" { (texts::SixOrMore) } td.number { (grouped(many)) } td.number { (share(many, all)) } }
                }
            } } }
        }
    }
}

/// The deliveries that need a person, and what to do.
#[must_use]
pub fn open(report: &ReportView) -> Markup {
    let doubt = report.counts.count(StateName::InDoubt);
    let held = report.counts.count(StateName::Held);
    let under_way = report.counts.count(StateName::InFlight);
    let owed = report.counts.owed();
    if doubt + held + owed == 0 {
        return html! {};
    }
    let listed = report.open.len() as u64;
    let (first, rest) = report.open.split_at(report.open.len().min(MOST_OPEN));
    let is_running = report.run.as_ref().is_some_and(|run| run.is_running);
    html! {
        section {
            h2 { (texts::Left) }
            ul.advice {
                @if owed > 0 {
                    li { b { (texts::Owed { n: owed }) } " " @if is_running { (texts::OwedAdviceRunning) } @else { (texts::OwedAdvice) } }
                }
                @if under_way > 0 {
                    li { b { (texts::InFlight { n: under_way }) } " " @if !is_running { (texts::InFlightAdvice) } }
                }
                @if held > 0 {
                    li { b { (texts::Held { n: held }) } " " (with_code(&texts::HeldAdvice)) }
                }
                @if doubt > 0 {
                    li { b { (texts::InDoubt { n: doubt }) } " " (texts::InDoubtAdvice) }
                }
            }
            @if !is_running { p { (texts::Then) " " (command(&report.header.again)) } }
            @if !first.is_empty() { (listing(first, &report.header.zone)) }
            @if !rest.is_empty() {
                details {
                    summary { (texts::MoreListed { n: rest.len() as u64 }) }
                    (listing(rest, &report.header.zone))
                }
            }
            @if doubt + held + under_way > listed {
                p { (texts::FirstOf { shown: listed, all: doubt + held + under_way }) }
            }
        }
    }
}

fn listing(open: &[OpenDelivery], zone: &TimeZone) -> Markup {
    let table = html! {
        table.stack {
            thead { tr {
                th scope="col" { (texts::ColumnState) } th scope="col" { (texts::ColumnUser) }
                th.number scope="col" { (texts::ColumnAttempts) }
                th scope="col" { (texts::ColumnLastAnswer) } th scope="col" { (texts::ColumnNext) }
            } }
            tbody {
                @for open in open {
                    tr {
                        th scope="row" {
                            (open.state)
                            @if let Some(since) = open.since { div.quiet { (texts::Since { at: &time(since, zone) }) } }
                        }
                        td.wide {
                            code { (theirs(open.open_id.as_str())) }
                            @if open.ordinal > 1 { " " (texts::CouponNumber { ordinal: &open.ordinal }) }
                        }
                        td.number data-label=(texts::AttemptsLabel) { (open.attempts) }
                        td.wide {
                            @if let Some(code) = open.last.code {
                                code { (code) } " " (theirs(&open.last.message))
                            } @else {
                                (theirs(&attempt_detail(&open.last.message)))
                            }
                            @if !open.last.log_id.is_empty() { div { code { (theirs(&open.last.log_id)) } } }
                        }
                        td { (open.next) }
                    }
                }
            }
        }
    };
    scrolling(&texts::Left, &table)
}
