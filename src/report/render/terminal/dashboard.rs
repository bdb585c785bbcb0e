//! A live table of the campaigns of one process: on a terminal a row for each and a total, elsewhere one line for all.
//! Pure: the present time and the terminal's size are arguments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::delivery::{Counts, StateName};
use crate::model::event::Ending;
use crate::report::run_stats::sum_counts;
use crate::report::run_view::RunView;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, Columns, TerminalSize, columns, cut, visible};
use crate::report::times::{ahead, clock_time, counted, grouped, rate, stamp};
use crate::report::wording::stop_reason;

use super::bar::filled;
use super::styles::{FAINT, GOOD, PLAIN, STRONG, WARN};

/// The width of a row's bar, in columns.
const BAR: usize = 8;
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;
/// The width that a note keeps before names get more.
const LEAST_NOTE: usize = 15;
/// The greatest width of a campaign's name.
const MOST_NAME: usize = 32;
/// What is between two cells.
const GAP: &str = "  ";
const HEADER: [&str; 7] = ["campaign", "done", "issued", "refused", "doubt", "held", "rate"];
const ALIGN: [Align; 7] = [Left, Left, Right, Right, Right, Right, Right];

/// How urgently a reader wants to see a campaign, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    Attention,
    Sending,
    Still,
    Waiting,
    Over,
}

/// The state of one of several campaigns.
#[derive(Clone, Debug)]
pub struct CampaignRow {
    name: String,
    state: &'static str,
    priority: Priority,
    counts: Counts,
    /// How many deliveries are done.
    done: u64,
    /// Starts per second, while it sends.
    rate: Option<f64>,
    ends_at: Option<Timestamp>,
    /// Why nothing is being sent, why sending is slow, or why the run ended.
    why: Option<String>,
    zone: TimeZone,
}

impl CampaignRow {
    /// The state of a campaign; `broken` is the error that ended its run early.
    #[must_use]
    pub fn new(run: &RunView<'_>, broken: Option<&str>) -> Self {
        let stats = run.stats;
        let title = stats.run.as_ref().and_then(|start| start.title.as_deref());
        let title = title.map_or_else(String::new, |title| format!(" {}", visible(title)));
        let state = broken.map_or_else(|| run.state(), |_| "broken off");
        let why = match (broken, stats.ended) {
            (Some(broken), _) => Some(visible(broken).into_owned()),
            (None, Some(_)) => stop_reason(stats),
            (None, None) => run.why(),
        };
        let wants_a_person = stats.ended.is_some_and(|ended| ended.ending == Ending::NeedsPerson);
        let priority = match state {
            _ if wants_a_person || broken.is_some() || (stats.halted.is_some() && stats.ended.is_none()) => {
                Priority::Attention
            }
            "sending" | "draining" => Priority::Sending,
            "paused" | "planning" => Priority::Still,
            "waiting" => Priority::Waiting,
            _ => Priority::Over,
        };
        Self {
            name: format!("{}{title}", visible(&run.campaign.name)),
            state,
            priority,
            counts: stats.counts,
            done: run.done(),
            rate: (state == "sending").then(|| run.rate()),
            ends_at: run.ends_at(),
            why,
            zone: run.campaign.zone.clone(),
        }
    }

    fn line(&self, now: Timestamp) -> Line {
        let ends = self
            .ends_at
            .map(|at| format!("ends {}", clock_time(to_the_minute(at, now), now, &self.zone)));
        let note: Vec<_> = ends.into_iter().chain(self.why.clone()).collect();
        let done = match self.state {
            "sending" | "draining" => bar(self.done, self.counts.audience()),
            state => state.to_owned(),
        };
        let mut line = Line::new(&self.name, done, &self.counts, self.rate, note.join("; "));
        line.styles[1] = match self.state {
            "sending" | "draining" | "complete" => GOOD,
            _ if self.priority == Priority::Attention => WARN,
            _ => PLAIN,
        };
        for (column, state) in [(4, StateName::InDoubt), (5, StateName::Held)] {
            if self.counts.count(state) > 0 {
                line.styles[column] = WARN;
            }
        }
        line
    }
}

/// A line of the table: its cells, and a note after them.
struct Line {
    cells: [String; 7],
    styles: [Style; 7],
    note: String,
}

impl Line {
    fn new(name: &str, done: String, counts: &Counts, per_second: Option<f64>, note: String) -> Self {
        let count = |state| grouped(counts.count(state));
        Self {
            cells: [
                name.to_owned(),
                done,
                count(StateName::Issued),
                count(StateName::Refused),
                count(StateName::InDoubt),
                count(StateName::Held),
                per_second.map_or_else(String::new, rate),
            ],
            styles: [PLAIN; 7],
            note,
        }
    }

    fn header() -> Self {
        Self {
            cells: HEADER.map(str::to_owned),
            styles: [FAINT; 7],
            note: String::new(),
        }
    }

    /// The text of the line on `width` columns; cells without room are omitted.
    fn text(&self, table: &Columns<7>, width: usize) -> String {
        let mut line = String::new();
        let mut used = 0;
        // A campaign that is not sending has no rate; its note uses that column.
        let cells = if self.cells[6].is_empty() { 6 } else { 7 };
        for (cell, style) in table.cells(&self.cells).iter().zip(&self.styles).take(cells) {
            let gap = if used == 0 { "" } else { GAP };
            let wide = gap.len() + columns(cell);
            if used + wide > width {
                return line;
            }
            let _ = write!(line, "{gap}{style}{cell}{style:#}");
            used += wide;
        }
        let note = cut(&self.note, width.saturating_sub(used + GAP.len()));
        if !note.is_empty() {
            line.push_str(GAP);
            line.push_str(&note);
        }
        line
    }
}

/// Rounds `at` up to the minute, except in the last minute before it.
fn to_the_minute(at: Timestamp, now: Timestamp) -> Timestamp {
    if at.as_second() - now.as_second() < 60 {
        return at;
    }
    Timestamp::from_second((at.as_second() + 59).div_euclid(60) * 60).unwrap_or(at)
}

fn bar(done: u64, all: u64) -> String {
    let full = filled(done, all, BAR);
    format!("{}{}", "━".repeat(full), "─".repeat(BAR - full))
}

/// The styled lines for a terminal of this size: one for each campaign, and a total. If not all fit, campaigns that
/// send or need attention are kept.
#[must_use]
pub fn screen(rows: &[CampaignRow], now: Timestamp, size: TerminalSize) -> Vec<String> {
    // Some terminals wrap a line that fills the last column; the last row is the cursor's.
    let width = size.columns.saturating_sub(1).max(20);
    let room = size.rows.saturating_sub(3).max(2);
    let chosen = chosen(rows, room);
    let mut table = vec![Line::header()];
    table.extend(chosen.shown.iter().map(|row| row.line(now)));
    let total = Totals::new(rows).line();
    let columns = fitting(table.iter().chain([&total]), width);
    let mut lines: Vec<_> = table.iter().map(|line| line.text(&columns, width)).collect();
    if !chosen.left_out.is_empty() {
        let more = format!("… and {} more: {}", chosen.left_out.len(), states(chosen.left_out));
        lines.push(format!("{FAINT}{}{FAINT:#}", cut(&more, width)));
    }
    // One style spans the whole line.
    lines.push(format!("{STRONG}{}{STRONG:#}", total.text(&columns, width)));
    lines
}

/// The campaigns with and without a row, in their order.
struct Chosen<'a> {
    shown: Vec<&'a CampaignRow>,
    left_out: Vec<&'a CampaignRow>,
}

/// Selects the campaigns that fit `room` rows.
fn chosen(rows: &[CampaignRow], room: usize) -> Chosen<'_> {
    // One row says how many more there are.
    let room = if rows.len() <= room { rows.len() } else { room - 1 };
    let mut order: Vec<_> = (0..rows.len()).collect();
    order.sort_by_key(|at| rows.get(*at).map(|row| row.priority));
    let (shown, left_out) = order.split_at_mut(room);
    let select = |places: &mut [usize]| {
        places.sort_unstable();
        places.iter().filter_map(|at| rows.get(*at)).collect()
    };
    Chosen {
        shown: select(shown),
        left_out: select(left_out),
    }
}

/// The columns for these lines on a terminal of `width` columns.
fn fitting<'a>(lines: impl Iterator<Item = &'a Line> + Clone, width: usize) -> Columns<7> {
    let note = lines.clone().map(|line| columns(&line.note)).max().unwrap_or(0);
    let note = if note == 0 { 0 } else { note.min(LEAST_NOTE) + GAP.len() };
    let table = Columns::new(ALIGN, lines.map(|line| &line.cells));
    table.fit(width.saturating_sub(note), LEAST_NAME, MOST_NAME)
}

/// "30 complete, 7 waiting": the states with their counts, the most frequent first.
fn states<'a>(rows: impl IntoIterator<Item = &'a CampaignRow>) -> String {
    let mut n: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        *n.entry(row.state).or_default() += 1;
    }
    let mut n: Vec<_> = n.into_iter().collect();
    n.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let said: Vec<_> = n.iter().map(|(state, n)| format!("{} {state}", grouped(*n))).collect();
    said.join(", ")
}

/// The total of all campaigns.
struct Totals {
    campaigns: String,
    counts: Counts,
    done: u64,
    /// Starts per second; `None` if no campaign is sending.
    rate: Option<f64>,
}

impl Totals {
    fn new(rows: &[CampaignRow]) -> Self {
        Self {
            campaigns: counted(rows.len() as u64, "campaign", "campaigns"),
            counts: sum_counts(rows.iter().map(|row| row.counts)),
            done: rows.iter().map(|row| row.done).sum(),
            rate: rows.iter().filter_map(|row| row.rate).reduce(|sum, rate| sum + rate),
        }
    }

    fn percent(&self) -> usize {
        filled(self.done, self.counts.audience(), 100)
    }

    fn line(&self) -> Line {
        let all = self.counts.audience();
        let note = format!("{} % of {}", self.percent(), grouped(all));
        Line::new(&self.campaigns, bar(self.done, all), &self.counts, self.rate, note)
    }
}

/// The progress of all campaigns in one line, for output that is not a terminal.
#[must_use]
pub fn line(rows: &[CampaignRow], now: Timestamp) -> String {
    let zone = rows.first().map_or(TimeZone::UTC, |row| row.zone.clone());
    let total = Totals::new(rows);
    let count = |state| grouped(total.counts.count(state));
    let mut said = vec![
        format!("issued {}", count(StateName::Issued)),
        format!("refused {}", count(StateName::Refused)),
        format!("in doubt {}", count(StateName::InDoubt)),
        format!("held {}", count(StateName::Held)),
    ];
    said.extend(total.rate.map(rate));
    said.extend(ends(rows).map(|at| format!("ends {}, {}", clock_time(at, now, &zone), ahead(at, now))));
    format!(
        "[{}] {}: {}; {} of {} ({} %): {}",
        stamp(now, &zone),
        total.campaigns,
        states(rows),
        grouped(total.done),
        grouped(total.counts.audience()),
        total.percent(),
        said.join(", ")
    )
}

/// When the last campaign would end; `None` unless that is known of each one still running.
fn ends(rows: &[CampaignRow]) -> Option<Timestamp> {
    let open = rows
        .iter()
        .filter(|row| !matches!(row.priority, Priority::Over | Priority::Attention));
    let ends: Option<Vec<_>> = open.map(|row| row.ends_at).collect();
    ends?.into_iter().max()
}

#[cfg(test)]
mod tests;
