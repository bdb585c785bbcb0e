//! The summary of one run that has ended: counts, codes, rates, why it stopped, and what to do next.

use std::fmt::Write as _;

use crate::model::event::{Ending, FileShare, READABLE_TIMES};
use crate::report::run_stats::RunStats;
use crate::report::run_view::RunView;
use crate::report::text::{Align, Columns, cut, visible, visible_path};
use crate::report::times::{counted, duration, grouped, rate};
use crate::report::wording::{advice, class_text, counts_sum, problem, stop_reason};

use super::details::{Details, rows};

/// The maximum width of a message in the table of codes.
const MESSAGE: usize = 48;
/// The usual width of a terminal. In a wider table, log_ids get lines of their own: a wrapped log_id cannot be copied.
const WIDTH: usize = 80;

/// Renders the summary of a run that has ended; empty before the end.
#[must_use]
pub fn text(run: &RunView<'_>) -> String {
    let stats = run.stats;
    let (Some(start), Some(ended)) = (&stats.run, stats.ended) else {
        return String::new();
    };
    let mut text = String::new();
    let title = start.title.as_deref().map(|title| format!(" {}", visible(title)));
    let _ = writeln!(
        text,
        "\n{}{}: {}\n\n  {}\n",
        start.campaign,
        title.unwrap_or_default(),
        headline(stats, ended.ending),
        counts_sum(&stats.counts)
    );
    text.push_str(&codes(stats));
    text.push_str(&details(run).text(usize::MAX));
    if let Some(counted) = ended.miscounted {
        let _ = writeln!(
            text,
            "\nthe events that were reported add up to something else ({counted:?}); the ledger's sum, shown above, is right"
        );
    }
    text.push('\n');
    for line in next(run, ended.ending) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn headline(stats: &RunStats, ending: Ending) -> &'static str {
    match ending {
        Ending::Complete if stats.counts.audience() == 0 => "complete, with an empty audience",
        Ending::Complete => "complete",
        Ending::Incomplete => "not complete; the same command goes on",
        Ending::NeedsPerson => "not complete; a person must look",
    }
}

/// The table of codes, with an empty line after it; empty without an answer.
pub(super) fn codes(stats: &RunStats) -> String {
    if stats.codes.is_empty() {
        return String::new();
    }
    let mut rows = vec![["code", "class", "answers", "message", "log_id"].map(str::to_owned)];
    let (bare, coded): (Vec<_>, Vec<_>) = stats.codes.iter().partition(|((code, _), _)| code.is_none());
    for ((code, outcome), count) in coded.into_iter().chain(bare) {
        rows.push([
            code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
            class_text(count, outcome),
            grouped(count.count),
            // Without a code it is this program's own text, whose cause is at the end, and nothing comes after it.
            match code {
                Some(_) => cut(&visible(&count.message), MESSAGE).into_owned(),
                None => visible(&count.message).into_owned(),
            },
            visible(&count.log_id).into_owned(),
        ]);
    }
    if stats.other_codes > 0 {
        let others = grouped(stats.other_codes);
        rows.push(["others", "", &others, "more codes than are listed", ""].map(str::to_owned));
    }
    let align = [Align::Right, Align::Left, Align::Right, Align::Left, Align::Left];
    let short = rows.iter().cloned().map(|[code, class, answers, message, log_id]| {
        [code, class, answers, cut(&message, MESSAGE).into_owned(), log_id]
    });
    let table = Columns::new(align, &short.collect::<Vec<_>>());
    let before_message = 2 + table.widths().iter().take(3).map(|width| width + 2).sum::<usize>();
    let wide = 2 + table.width() > WIDTH;
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let mut line = table.line(row);
        let [.., message, log_id] = row;
        let [code, class, answers, ..] = table.cells(row);
        if log_id.is_empty() {
            line = format!("{code}  {class}  {answers}  {message}");
        } else if wide {
            let below = format!("\n{:before_message$}{log_id}", "");
            line = format!("{code}  {class}  {answers}  ");
            line += &match (at, message.as_str()) {
                (0, _) => "message / log_id".to_owned(),
                (_, "") => log_id.clone(),
                (_, message) => cut(message, WIDTH.saturating_sub(before_message)).into_owned() + &below,
            };
        }
        let _ = writeln!(text, "  {}", line.trim_end());
    }
    text.push('\n');
    text
}

/// The course of the run.
fn details(run: &RunView<'_>) -> Details {
    let stats = run.stats;
    let sends = &stats.sends;
    let mut details = Details::default();
    if let Some(why) = stop_reason(stats) {
        details.add(
            "stopped",
            problem(stats).map_or_else(|| why.clone(), |problem| format!("{problem}: {why}")),
        );
    }
    let mut took = duration(stats.took(run.now.instant));
    if let Some(reached) = sends.reached() {
        let _ = write!(took, ", {} reached", rate(reached));
    }
    details.add("took", took);
    if sends.attempts > 0 {
        let attempts = grouped(sends.attempts);
        let most = grouped(sends.second.most());
        details.add("attempts", format!("{attempts}, at most {most} in any one second"));
    }
    if let Some(reading) = &stats.audience.reading {
        details.add("audience", counted(reading.listed, "user", "users"));
        if reading.shares.len() > 1 {
            details.add("audience", shares(&reading.shares));
        }
        for (users, why) in [
            (reading.excluded, "excluded"),
            (reading.control_group, "in the control group, never sent to"),
            (reading.lapsed, "last active too long ago"),
        ] {
            if users > 0 {
                details.add("audience", format!("{} {why}", grouped(users)));
            }
        }
        details.add_left_out(reading);
        if reading.undated.count > 0 {
            let rows = rows(&reading.undated, reading);
            let why = format!("{rows}: last_active is left out, for it is not {READABLE_TIMES}");
            details.add("undated", why);
        }
    }
    if let Some(start) = &stats.run {
        details.add("ledger", visible_path(&start.ledger));
    }
    details
}

/// The rows of each file: "3 files: a.csv 1,200 rows, b.csv 7 rows, c.csv 1 row".
fn shares(shares: &[FileShare]) -> String {
    const SHOWN: usize = 10;
    let each = |share: &FileShare| format!("{} {}", visible(&share.name), counted(share.rows, "row", "rows"));
    let mut said: Vec<_> = shares.iter().take(SHOWN).map(each).collect();
    if let Some(rest) = shares.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let rows = rest.iter().map(|share| share.rows).sum();
        said.push(format!("{} more {}", rest.len(), counted(rows, "row", "rows")));
    }
    format!("{}: {}", counted(shares.len() as u64, "file", "files"), said.join(", "))
}

/// What to do next, in lines.
fn next(run: &RunView<'_>, ending: Ending) -> Vec<String> {
    let again = format!("  {}", run.campaign.again);
    match ending {
        Ending::Complete => vec!["nothing is left to do: every delivery is settled".to_owned()],
        Ending::Incomplete => vec!["to go on where this run stopped:".to_owned(), again],
        Ending::NeedsPerson => {
            let mut lines: Vec<_> = advice(run.stats)
                .into_iter()
                .map(|line| format!("help: {line}"))
                .collect();
            if let Some(problem) = problem(run.stats) {
                lines.push(format!("      `runner explain {problem}` says more"));
            }
            lines.push("then, to go on:".to_owned());
            lines.push(again);
            lines
        }
    }
}

#[cfg(test)]
mod tests;
