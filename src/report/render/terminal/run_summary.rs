//! The summary of one run that has ended: counts, codes, rates, why it stopped, and what to do next.

use std::fmt::Write as _;

use anstream::adapter::strip_str;
use anstyle::Style;

use crate::catalogue::{Grouped, run as texts};
use crate::model::delivery::Counts;
use crate::model::event::{Ending, FileShare};
use crate::model::outcome::Class;
use crate::report::attempt_detail::attempt_detail;
use crate::report::reason::stop_reason;
use crate::report::run_stats::{CodeCount, RunStats};
use crate::report::run_view::RunView;
use crate::report::text::{Align, Columns, columns, cut, visible, visible_path, wrap, wrapped};
use crate::report::times::{duration, grouped, rate};
use crate::report::wording::{self, advice, class_text, count_in_state, counts_sum_of, problem};

use super::details::{Details, rows};
use super::styles::{BAD, GOOD, HELP, PLAIN, STRONG, WARN, of_count};

/// The maximum width of a message of the platform.
const MESSAGE: usize = 240;
/// The least width of the column of messages. Where there is less room, messages are below their codes.
const LEAST_MESSAGE: usize = 16;
/// The usual width of a terminal, and the width of the table of codes where there is none.
const WIDTH: usize = 80;

/// Renders the summary of a run that has ended, in lines of at most `width` columns; empty before the end.
#[must_use]
pub fn text(run: &RunView<'_>, width: usize) -> String {
    let stats = run.stats;
    let (Some(start), Some(ended)) = (&stats.run, stats.ended) else {
        return String::new();
    };
    let mut text = String::new();
    let title = start.title.as_deref().map(|title| format!(" {}", visible(title)));
    let (style, headline) = headline(stats, ended.ending);
    let campaign = format!("{STRONG}{}{}{STRONG:#}", start.campaign, title.unwrap_or_default());
    let headline = texts::SummaryHeadline {
        campaign: &campaign,
        headline: &format!("{style}{headline}{style:#}"),
    };
    let _ = writeln!(text, "\n{headline}\n\n  {}\n", sum(&stats.counts, width));
    text.push_str(&codes(stats, width));
    text.push_str(&details(run).text(width));
    if let Some(counted) = ended.miscounted {
        let counted = format!("{counted:?}");
        let _ = writeln!(
            text,
            "\n{}",
            wrap(&texts::Miscounted { counted: &counted }.to_string(), width, 0)
        );
    }
    text.push('\n');
    text.push_str(&next(run, ended.ending, width));
    text
}

/// "600 coupons = 588 issued + 12 refused", with a term never broken.
fn sum(counts: &Counts, width: usize) -> String {
    let sum = counts_sum_of(counts, |n, state| {
        let style = of_count(state, n);
        format!("{style}{}{style:#}", count_in_state(n, state))
    });
    let mut lines = String::new();
    let mut used = 2;
    for (at, term) in sum.split(" + ").enumerate() {
        let wide = columns(&strip_str(term).to_string()) + 3;
        if at > 0 && used + wide > width {
            lines.push_str("\n   ");
            used = 3;
        }
        if at > 0 {
            lines.push_str(" + ");
        }
        lines.push_str(term);
        used += wide;
    }
    lines
}

fn headline(stats: &RunStats, ending: Ending) -> (Style, String) {
    match ending {
        Ending::Complete if stats.counts.audience() == 0 => (GOOD, texts::EndEmpty.to_string()),
        Ending::Complete => (GOOD, texts::EndComplete.to_string()),
        Ending::Incomplete => (WARN, texts::EndIncomplete.to_string()),
        Ending::NeedsPerson => (BAD, texts::EndNeedsPerson.to_string()),
    }
}

/// A row of the table of codes.
struct CodeRow {
    /// Code, class, answers, message and log_id.
    cells: [String; 5],
    /// The style of the class.
    style: Style,
}

impl CodeRow {
    fn header() -> Self {
        Self {
            cells: [
                texts::Code.to_string(),
                texts::Class.to_string(),
                texts::Answers.to_string(),
                texts::Message.to_string(),
                texts::LogId.to_string(),
            ],
            style: PLAIN,
        }
    }

    fn new(code: Option<i64>, outcome: &str, count: &CodeCount) -> Self {
        let message = visible(&count.message);
        Self {
            cells: [
                code.map_or_else(|| texts::NoCode.to_string(), |code| code.to_string()),
                class_text(count, outcome),
                grouped(count.count),
                match code {
                    Some(_) => cut(&message, MESSAGE).into_owned(),
                    // Without a code it is this program's own text, whose cause is at the end.
                    None => visible(&attempt_detail(&count.message)).into_owned(),
                },
                visible(&count.log_id).into_owned(),
            ],
            style: match count.class {
                Some(Class::Issued) => GOOD,
                Some(Class::Halt) => BAD,
                Some(Class::Hold) | None => WARN,
                Some(Class::Retry | Class::Throttle | Class::Token | Class::Refuse | Class::Wait) => PLAIN,
            },
        }
    }

    fn others(n: u64) -> Self {
        Self {
            cells: [
                texts::OtherCodes.to_string(),
                String::new(),
                grouped(n),
                texts::MoreCodes.to_string(),
                String::new(),
            ],
            style: PLAIN,
        }
    }

    /// The first `n` cells in their columns.
    fn line(&self, table: &Columns<5>, n: usize) -> String {
        let style = self.style;
        let mut cells = table.cells(&self.cells);
        cells[1] = format!("{style}{}{style:#}", cells[1]);
        format!("  {}", cells[..n].join("  ").trim_end())
    }
}

/// The table of codes, with an empty line after it; empty without an answer. Messages are wrapped, and a log_id is whole: a
/// broken one cannot be copied.
pub(super) fn codes(stats: &RunStats, width: usize) -> String {
    if stats.codes.is_empty() {
        return String::new();
    }
    let width = if width == usize::MAX { WIDTH } else { width };
    let (bare, coded): (Vec<_>, Vec<_>) = stats.codes.iter().partition(|((code, _), _)| code.is_none());
    let counted = coded.into_iter().chain(bare);
    let mut rows: Vec<_> = counted
        .map(|((code, outcome), count)| CodeRow::new(*code, outcome, count))
        .collect();
    if stats.other_codes > 0 {
        rows.push(CodeRow::others(stats.other_codes));
    }
    let mut header = CodeRow::header();
    if rows.iter().all(|row| row.cells[4].is_empty()) {
        header.cells[4].clear();
    }
    let align = [Align::Right, Align::Left, Align::Right, Align::Left, Align::Left];
    let table = Columns::new(align, rows.iter().map(|row| &row.cells).chain([&header.cells]));
    let before_message = 4 + table.widths()[..3].iter().map(|width| width + 2).sum::<usize>() - 2;
    let mut text = String::new();
    if 2 + table.width() <= width {
        for row in [&header].into_iter().chain(&rows) {
            let _ = writeln!(text, "{}", row.line(&table, 5));
        }
        text.push('\n');
        return text;
    }
    // Messages are in the last column, or below their codes where there is little room. Log_ids are below messages.
    if !header.cells[4].is_empty() {
        header.cells[3] = texts::MessageAndLogId.to_string();
    }
    let is_beside = before_message + LEAST_MESSAGE <= width;
    let indent = if is_beside { before_message } else { 4 };
    for row in [&header].into_iter().chain(&rows) {
        let [.., message, log_id] = &row.cells;
        let room = width.saturating_sub(indent).max(LEAST_MESSAGE);
        let message = wrapped(message, room).into_iter().map(String::from);
        let mut below = message.filter(|line| !line.is_empty()).collect::<Vec<_>>();
        if *log_id != header.cells[4] && !log_id.is_empty() {
            below.push(log_id.clone());
        }
        let mut below = below.into_iter();
        text.push_str(&row.line(&table, 3));
        if is_beside && let Some(first) = below.next() {
            let _ = write!(text, "  {first}");
        }
        for line in below {
            let _ = write!(text, "\n{:indent$}{line}", "");
        }
        text.push('\n');
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
        let why = match problem(stats) {
            Some(problem) => texts::DetailOf {
                name: &problem,
                why: &why,
            }
            .to_string(),
            None => why,
        };
        details.add(texts::DetailStopped.to_string(), why);
    }
    let took = duration(stats.took(run.now.instant));
    let took = match sends.reached() {
        Some(reached) => texts::TookReached {
            took: &took,
            rate: &rate(reached),
        }
        .to_string(),
        None => took,
    };
    details.add(texts::DetailTook.to_string(), took);
    if sends.attempts > 0 {
        let attempts = texts::Attempts {
            attempts: sends.attempts,
            most: sends.second.most(),
        };
        details.add(texts::DetailAttempts.to_string(), attempts.to_string());
    }
    if let Some(worth) = stats.valuation.known_worth(&stats.counts) {
        details.add(texts::DetailWorth.to_string(), wording::worth(&worth));
    }
    if let Some(reading) = &stats.audience.reading {
        let mut audience = vec![texts::Users { n: reading.listed }.to_string()];
        if reading.shares.len() > 1 {
            audience.push(shares(&reading.shares));
        }
        if reading.excluded > 0 {
            let n = &Grouped(reading.excluded);
            audience.push(texts::UsersExcluded { n }.to_string());
        }
        if reading.control_group > 0 {
            let n = &Grouped(reading.control_group);
            audience.push(texts::UsersControlGroup { n }.to_string());
        }
        if reading.lapsed > 0 {
            let n = &Grouped(reading.lapsed);
            audience.push(texts::UsersLapsed { n }.to_string());
        }
        let taken_over = reading.taken_over.as_ref();
        audience.extend(taken_over.map(|taken_over| wording::taken_over(taken_over, &run.campaign.zone)));
        for line in audience {
            details.add(texts::DetailAudience.to_string(), line);
        }
        details.add_left_out(reading);
        if reading.undated.count > 0 {
            let undated = texts::UndatedRows {
                rows: &rows(&reading.undated, reading),
                times: &texts::ReadableTimes,
            };
            details.add(texts::DetailUndated.to_string(), undated.to_string());
        }
    }
    if let Some(start) = &stats.run {
        details.add(texts::DetailLedger.to_string(), visible_path(&start.ledger));
    }
    details
}

/// The rows of each file: "3 files: a.csv 1,200 rows, b.csv 7 rows, c.csv 1 row".
fn shares(shares: &[FileShare]) -> String {
    const SHOWN: usize = 10;
    let each = |share: &FileShare| {
        texts::RowsOfFile {
            file: &visible(&share.name),
            rows: share.rows,
        }
        .to_string()
    };
    let mut said: Vec<_> = shares.iter().take(SHOWN).map(each).collect();
    if let Some(rest) = shares.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let more = texts::RowsOfMoreFiles {
            files: &rest.len(),
            rows: rest.iter().map(|share| share.rows).sum(),
        };
        said.push(more.to_string());
    }
    texts::RowsOfFiles {
        files: shares.len() as u64,
        list: &said.join(&texts::Comma.to_string()),
    }
    .to_string()
}

/// What to do next.
fn next(run: &RunView<'_>, ending: Ending, width: usize) -> String {
    let again = &run.campaign.again;
    match ending {
        Ending::Complete => format!("{}\n", wrap(&texts::NothingLeft.to_string(), width, 0)),
        Ending::Incomplete => format!("{}\n  {again}\n", texts::Continue),
        Ending::NeedsPerson => {
            let label = texts::LabelHelp.to_string();
            let indent = columns(&label);
            let mut text = String::new();
            for advice in advice(run.stats) {
                let _ = writeln!(text, "{HELP}{label}{HELP:#}{}", wrap(&advice, width, indent));
            }
            if let Some(problem) = problem(run.stats) {
                let more = texts::ExplainMore { problem: &problem };
                let _ = writeln!(text, "{:indent$}{more}", "");
            }
            let _ = writeln!(text, "{}\n  {again}", texts::ThenContinue);
            text
        }
    }
}

#[cfg(test)]
mod tests;
