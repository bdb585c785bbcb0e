//! The progress of one run: a bar for a terminal, or a line elsewhere.

use std::fmt::Write as _;

use anstyle::Style;

use crate::model::delivery::StateName;
use crate::model::event::Phase;
use crate::report::run_view::RunView;
use crate::report::text::{columns, cut, visible, wrapped};
use crate::report::times::{ahead, grouped, rate, stamp};

use super::styles::{FAINT, GOOD, PLAIN, STRONG, WARN};

/// A part of a line, with its style.
struct Span {
    style: Style,
    text: String,
}

/// The lines of a bar for a terminal of `width` columns, with styles.
#[must_use]
pub fn bar(run: &RunView<'_>, width: usize) -> Vec<String> {
    // Some terminals wrap a line that fills the last column.
    let width = width.saturating_sub(1).max(20);
    let mut lines = vec![head(run, width)];
    if run.is_admitted() {
        lines.append(&mut flow(&spans(run), width));
    }
    if let Some(why) = run.why() {
        // Its cause is at its end.
        let wrapped = wrapped(&why, width);
        lines.extend(wrapped.iter().map(|line| format!("{WARN}{}{WARN:#}", cut(line, width))));
    }
    lines
}

fn head(run: &RunView<'_>, width: usize) -> String {
    let name = name(run);
    let name = cut(&name, width / 2);
    if !run.is_admitted() {
        return format!("{STRONG}{name}{STRONG:#}");
    }
    let numbers = numbers(run);
    let room = width.saturating_sub(columns(&name) + columns(&numbers) + 4).min(80);
    let filled = filled(run.done(), run.all(), room);
    let full = "━".repeat(filled);
    let rest = "─".repeat(room - filled);
    format!("{STRONG}{name}{STRONG:#}  {GOOD}{full}{GOOD:#}{FAINT}{rest}{FAINT:#}  {numbers}")
}

fn name(run: &RunView<'_>) -> String {
    let began = run.stats.run.as_ref();
    began.map_or_else(String::new, |began| match &began.title {
        Some(title) => format!("{} {}", began.campaign, visible(title)),
        None => began.campaign.to_string(),
    })
}

/// "600 of 1,200 (50 %)".
fn numbers(run: &RunView<'_>) -> String {
    let done = run.done();
    let all = run.all();
    format!("{} of {} ({} %)", grouped(done), grouped(all), filled(done, all, 100))
}

/// The progress in one line, for output that is not a terminal. `label` comes after the time.
#[must_use]
pub fn line(run: &RunView<'_>, label: &str) -> String {
    let mut text = format!("[{}] {label}", stamp(run.now.wall, &run.campaign.zone));
    let why = run.why();
    if run.is_admitted() {
        let counts: Vec<_> = spans(run).into_iter().map(|span| span.text).collect();
        let _ = write!(text, "{}: {}", numbers(run), counts.join(", "));
        if why.is_some() {
            text.push_str("; ");
        }
    }
    text + &why.unwrap_or_default()
}

/// The counts, the rate and the predicted end. Zeros that say nothing are omitted.
fn spans(run: &RunView<'_>) -> Vec<Span> {
    let count = |state| run.stats.counts.count(state);
    let plain = |text| Span { style: PLAIN, text };
    let mut spans = vec![
        named(GOOD, "issued", count(StateName::Issued)),
        named(PLAIN, "refused", count(StateName::Refused)),
        named(WARN, "in doubt", count(StateName::InDoubt)),
        named(WARN, "held", count(StateName::Held)),
    ];
    if count(StateName::Skipped) > 0 {
        spans.push(named(PLAIN, "skipped", count(StateName::Skipped)));
    }
    if run.stats.phase == Some(Phase::Sending) {
        spans.push(plain(rate(run.rate())));
    }
    if let Some(ends) = run.ends_at() {
        spans.push(plain(format!("ends {}, {}", run.time(ends), ahead(ends, run.now.wall))));
    }
    spans
}

/// A named count; its style applies only when it is above zero.
fn named(style: Style, name: &str, n: u64) -> Span {
    Span {
        style: if n == 0 { PLAIN } else { style },
        text: format!("{name} {}", grouped(n)),
    }
}

/// Lays out spans in lines of at most `width` columns, two spaces apart.
fn flow(spans: &[Span], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for Span { style, text } in spans {
        let text = cut(text, width);
        let wide = columns(&text);
        if used > 0 && used + 2 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push_str("  ");
            used += 2;
        }
        let _ = write!(line, "{style}{text}{style:#}");
        used += wide;
    }
    lines.push(line);
    lines
}

/// How many of `room` cells are full; the last one only when everything is done.
pub(super) fn filled(done: u64, all: u64, room: usize) -> usize {
    let cells = u128::from(done) * room as u128 / u128::from(all.max(1));
    usize::try_from(cells).map_or(room, |cells| cells.min(room))
}

#[cfg(test)]
mod tests;
