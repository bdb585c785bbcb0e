//! The tables of pages: states, codes, latencies, attempts, and the deliveries that need a person.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use crate::model::delivery::{Counts, Skipped, StateName};
use crate::report::history::History;
use crate::report::run_stats::Codes;
use crate::report::times::{counted, grouped};
use crate::report::wording::{class_text, skip_reason};

use super::page::{share, theirs, time};
use super::report_view::ReportView;

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

/// The number of deliveries in each state.
pub fn states(counts: &Counts, skipped: &BTreeMap<Skipped, u64>) -> Markup {
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

/// The answers by code; unless `real`, those of the sandbox.
pub fn codes(ends: &Codes, others: u64, real: bool) -> Markup {
    if ends.is_empty() {
        return html! {};
    }
    let (bare, coded): (Vec<_>, Vec<_>) = ends.iter().partition(|((code, _), _)| code.is_none());
    html! {
        section {
            h2 { "What the platform answered" }
            div.scroll { table.stack {
                thead { tr {
                    th scope="col" { "code" } th scope="col" { "means here" } th.number scope="col" { "attempts" }
                    th scope="col" { "message, and the log_id of one of them" }
                } }
                tbody {
                    @for ((code, outcome), count) in coded.into_iter().chain(bare) {
                        tr {
                            th scope="row" { @if let Some(code) = code { code { (code) } } @else { "none" } }
                            td { (class_text(count, outcome)) }
                            td.number { (grouped(count.count)) }
                            td.wide {
                                (theirs(&count.message))
                                @if !count.log_id.is_empty() { div { code { (theirs(&count.log_id)) } } }
                            }
                        }
                    }
                    @if others > 0 {
                        tr { th scope="row" { "others" } td {} td.number { (grouped(others)) } td.wide {
                            "more codes than are listed"
                        } }
                    }
                }
            } }
            @if real { p { "A log_id is the platform's name for one exchange: quote it in a complaint." } }
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
pub fn latency(history: &History) -> Markup {
    let (answers, slowest) = history.latency(1.0);
    if answers == 0 {
        return html! {};
    }
    let shares = [
        ("half of them", 0.5),
        ("90 %", 0.9),
        ("95 %", 0.95),
        ("99 %", 0.99),
        ("99.9 %", 0.999),
    ];
    html! {
        section.small {
            h3 { "Latency of " (counted(answers, "answer", "answers")) }
            div.scroll { table { tbody {
                @for (word, share) in shares {
                    tr { th scope="row" { (word) " within" } td.number { (precise(history.latency(share).1)) } }
                }
                tr { th scope="row" { "the slowest" } td.number { (precise(slowest)) } }
            } } }
        }
    }
}

/// How many deliveries took how many attempts.
pub fn attempts(attempts: &BTreeMap<u32, u64>) -> Markup {
    let all: u64 = attempts.values().sum();
    if all == 0 {
        return html! {};
    }
    let (few, many): (Vec<_>, Vec<_>) = attempts.iter().partition(|(n, _)| **n < 6);
    let many: u64 = many.iter().map(|(_, n)| **n).sum();
    html! {
        section.small {
            h3 { "Attempts per delivery" }
            div.scroll { table { tbody {
                @for (n, deliveries) in few {
                    tr {
                        th scope="row" { (n) } td.number { (grouped(*deliveries)) } td.number { (share(*deliveries, all)) }
                    }
                }
                @if many > 0 {
                    tr { th scope="row" { "6 or more" } td.number { (grouped(many)) } td.number { (share(many, all)) } }
                }
            } } }
        }
    }
}

/// The deliveries that need a person, and what to do.
pub fn open(report: &ReportView) -> Markup {
    let doubt = report.counts.count(StateName::InDoubt);
    let held = report.counts.count(StateName::Held);
    let under_way = report.counts.count(StateName::InFlight);
    let owed = report.counts.owed();
    if doubt + held + owed == 0 {
        return html! {};
    }
    let listed = report.open.len() as u64;
    html! {
        section {
            h2 { "What is left, and what to do" }
            ul.advice {
                @if owed > 0 {
                    li { b { (grouped(owed)) " still owed. " } "Run the same command; it goes on where it stopped." }
                }
                @if under_way > 0 {
                    li {
                        b { (grouped(under_way)) " of them in flight. " }
                        "If nothing runs, a process ended in their middle: the next run takes them for doubts and clears \
                         them up."
                    }
                }
                @if held > 0 {
                    li {
                        b { (grouped(held)) " held. " }
                        "Find out what their codes mean and write it under " code { "codes:" } " in the campaign file, as in "
                        code { "29005099: refuse" } ". The next run reads them again by it."
                    }
                }
                @if doubt > 0 {
                    li {
                        b { (grouped(doubt)) " in doubt. " }
                        "The user may have the coupon. The next run sends again, by the same id, those that it may. Of the \
                         others, ask the platform by the log_id whether the coupon was issued."
                    }
                }
            }
            p { "Then: " code { (theirs(&report.header.again)) } }
            @if listed > 0 { (listing(report)) }
            @if doubt + held + under_way > listed {
                p { "These are the first " (grouped(listed)) " of " (grouped(doubt + held + under_way)) "." }
            }
        }
    }
}

fn listing(report: &ReportView) -> Markup {
    html! {
        div.scroll { table.stack {
            thead { tr {
                th scope="col" { "state" } th scope="col" { "user, and coupon" } th.number scope="col" { "attempts" }
                th scope="col" { "last answer" } th scope="col" { "next" }
            } }
            tbody {
                @for open in &report.open {
                    tr {
                        th scope="row" {
                            (open.state)
                            @if let Some(since) = open.since { div.quiet { "since " (time(since, &report.header.zone)) } }
                        }
                        td.wide {
                            code { (theirs(open.open_id.as_str())) }
                            @if open.ordinal > 1 { " coupon " (open.ordinal) }
                        }
                        td.number { (open.attempts) }
                        td.wide {
                            @if let Some(code) = open.last.code { code { (code) } " " }
                            (theirs(&open.last.message))
                            @if !open.last.log_id.is_empty() { div { code { (theirs(&open.last.log_id)) } } }
                        }
                        td { (open.next) }
                    }
                }
            }
        } }
    }
}
