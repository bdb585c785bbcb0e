//! The progress of one run: a bar for a terminal, or a line elsewhere.

use crate::catalogue::{Grouped, run as texts};
use crate::model::delivery::StateName;
use crate::model::event::Phase;
use crate::report::run_view::RunView;
use crate::report::text::{columns, cut, folded, visible};
use crate::report::times::{ahead, rate, stamp, zone_name};
use crate::report::wording::spending;

use super::spans::{Span, flow};
use super::styles::{FAINT, GOOD, STRONG, WARN, of_count};

/// The lines of a bar for a terminal of `width` columns, with styles.
#[must_use]
pub fn bar(run: &RunView<'_>, width: usize) -> Vec<String> {
    // Some terminals wrap a line that fills the last column.
    let width = width.saturating_sub(1).max(20);
    let mut lines = vec![head(run, width)];
    if run.is_admitted() {
        let mut spans = spans(run);
        if run.ends_at().is_some() || run.reason().is_some_and(|reason| reason.has_time()) {
            let zone = zone_name(&run.campaign.zone, run.now.wall);
            spans.push(Span::new(FAINT, texts::Zone { zone: &zone }.to_string()));
        }
        lines.append(&mut flow(&spans, width));
    }
    if let Some(why) = run.why() {
        let why = folded(&why, width);
        lines.extend(why.iter().map(|line| format!("{WARN}{line}{WARN:#}")));
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
    texts::Progress {
        done: &Grouped(done),
        all: &Grouped(all),
        percent: &filled(done, all, 100),
    }
    .to_string()
}

/// The progress in one line, for output that is not a terminal. `label` comes after the time.
#[must_use]
pub fn line(run: &RunView<'_>, label: &str) -> String {
    let stamp = stamp(run.now.wall, &run.campaign.zone);
    let why = run.why();
    let text = if run.is_admitted() {
        let counts: Vec<_> = spans(run).into_iter().map(|span| span.text).collect();
        let progress = numbers(run);
        let counts = counts.join(&texts::Comma.to_string());
        match &why {
            Some(why) => texts::ProgressCountsWhy {
                progress: &progress,
                counts: &counts,
                why,
            }
            .to_string(),
            None => texts::ProgressCounts {
                progress: &progress,
                counts: &counts,
            }
            .to_string(),
        }
    } else {
        why.unwrap_or_default()
    };
    format!("[{stamp}] {label}{text}")
}

/// The counts, what they are worth, the rate and the predicted end. Zeros that say nothing are omitted.
fn spans(run: &RunView<'_>) -> Vec<Span> {
    let count = |state| run.stats.counts.count(state);
    let span =
        |state: StateName, name: &dyn std::fmt::Display| Span::count(of_count(state, count(state)), name, count(state));
    let mut spans = vec![
        span(StateName::Issued, &texts::ColumnIssued),
        span(StateName::Refused, &texts::ColumnRefused),
        span(StateName::InDoubt, &texts::ColumnInDoubt),
        span(StateName::Held, &texts::ColumnHeld),
    ];
    if count(StateName::Skipped) > 0 {
        spans.push(span(StateName::Skipped, &StateName::Skipped));
    }
    spans.extend(run.worth().map(|worth| Span::plain(spending(&worth))));
    if run.stats.phase == Some(Phase::Sending) {
        spans.push(Span::plain(rate(run.rate())));
    }
    if let Some(ends) = run.ends_at() {
        let ends = texts::Ends {
            at: &run.time(ends),
            next: &ahead(ends, run.now.wall),
        };
        spans.push(Span::plain(ends.to_string()));
    }
    spans
}

/// How many of `room` cells are full; the last one only when everything is done.
pub(super) fn filled(done: u64, all: u64, room: usize) -> usize {
    let cells = u128::from(done) * room as u128 / u128::from(all.max(1));
    usize::try_from(cells).map_or(room, |cells| cells.min(room))
}

#[cfg(test)]
mod tests;
