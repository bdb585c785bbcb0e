//! A live table of the campaigns of one process: on a terminal a row for each and a total, elsewhere one line for all.
//! Pure: the present time and the terminal's size are arguments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::delivery::{Counts, StateName};
use crate::model::event::Ending;

use super::progress::{FAINT, GOOD, LOOK, Look, PLAIN, STRONG, filled};
use super::summary;
use super::text::{Size, columns, cut, left, right, visible};
use super::times::{ahead, clock_time, counted, grouped, rate, stamp};

/// The width of a row's bar, in columns.
const BAR: usize = 8;
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;
/// The width that a note keeps before names get more.
const LEAST_NOTE: usize = 15;
/// The greatest width of a campaign's name.
const MOST_NAME: usize = 32;
const GAP: usize = 2;
const HEADER: [&str; 7] = ["campaign", "done", "issued", "refused", "doubt", "held", "rate"];

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
    press: Priority,
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
    /// The state of the campaign in `look`; `broken` is the error that ended its run early.
    #[must_use]
    pub fn new(look: &Look<'_>, broken: Option<&str>) -> Self {
        let stats = look.stats;
        let setup = look.setup;
        let title = stats.run.as_ref().and_then(|run| run.title.as_deref());
        let title = title.map_or_else(String::new, |title| format!(" {}", visible(title)));
        let state = broken.map_or_else(|| look.state(), |_| "broken off");
        let why = match (broken, stats.ended) {
            (Some(broken), _) => Some(visible(broken).into_owned()),
            (None, Some(_)) => summary::why(stats),
            (None, None) => look.why(),
        };
        let wants_a_person = stats.ended.is_some_and(|ended| ended.ending == Ending::NeedsPerson);
        let press = match state {
            _ if wants_a_person || broken.is_some() || (stats.halted.is_some() && stats.ended.is_none()) => {
                Priority::Attention
            }
            "sending" | "draining" => Priority::Sending,
            "paused" | "planning" => Priority::Still,
            "waiting" => Priority::Waiting,
            _ => Priority::Over,
        };
        Self {
            name: format!("{}{title}", visible(&setup.name)),
            state,
            press,
            counts: stats.counts,
            done: look.done().0,
            rate: (state == "sending").then(|| look.rate()),
            ends_at: look.ends_at(),
            why,
            zone: setup.zone.clone(),
        }
    }

    fn all(&self) -> u64 {
        self.counts.audience()
    }

    fn row(&self, now: Timestamp) -> TableRow {
        let (bar, style) = match self.state {
            "sending" | "draining" => (bar(self.done, self.all()), GOOD),
            "complete" => (self.state.to_owned(), GOOD),
            _ if self.press == Priority::Attention => (self.state.to_owned(), LOOK),
            _ => (self.state.to_owned(), PLAIN),
        };
        let ends = self
            .ends_at
            .map(|at| format!("ends {}", clock_time(to_the_minute(at, now), now, &self.zone)));
        let said: Vec<_> = ends.into_iter().chain(self.why.clone()).collect();
        TableRow::new(&self.name, (style, bar), &self.counts, (self.rate, said.join("; ")))
    }
}

/// A row of the table: its cells, and a note after them.
struct TableRow {
    cells: [String; 7],
    styles: [Style; 7],
    note: String,
}

impl TableRow {
    fn new(
        name: &str,
        (style, bar): (Style, String),
        counts: &Counts,
        (per_second, note): (Option<f64>, String),
    ) -> Self {
        let n = |state| counts.count(state);
        let look = |state| if n(state) > 0 { LOOK } else { PLAIN };
        Self {
            cells: [
                name.to_owned(),
                bar,
                grouped(n(StateName::Issued)),
                grouped(n(StateName::Refused)),
                grouped(n(StateName::InDoubt)),
                grouped(n(StateName::Held)),
                per_second.map_or_else(String::new, rate),
            ],
            styles: [
                PLAIN,
                style,
                PLAIN,
                PLAIN,
                look(StateName::InDoubt),
                look(StateName::Held),
                PLAIN,
            ],
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

    fn set(&self, widths: &[usize; 7], width: usize) -> String {
        let mut line = String::new();
        let mut used = 0;
        // A campaign that is not sending has no rate; its note uses that column.
        let cells = if self.cells[6].is_empty() { 6 } else { 7 };
        for (at, ((cell, style), wide)) in self.cells.iter().zip(&self.styles).zip(widths).enumerate().take(cells) {
            let gap = if at == 0 { 0 } else { GAP };
            if used + gap + wide > width {
                return line;
            }
            let cell = cut(cell, *wide);
            let cell = if at < 2 {
                left(&cell, *wide)
            } else {
                right(&cell, *wide)
            };
            let _ = write!(line, "{:gap$}{style}{cell}{style:#}", "");
            used += gap + wide;
        }
        let note = cut(&self.note, width.saturating_sub(used + GAP));
        if !note.is_empty() {
            let _ = write!(line, "{:GAP$}{note}", "");
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
pub fn screen(rows: &[CampaignRow], now: Timestamp, size: Size) -> Vec<String> {
    // Some terminals wrap a line that fills the last column; the last row is the cursor's.
    let width = size.columns.saturating_sub(1).max(20);
    let room = size.rows.saturating_sub(3).max(2);
    let (shown, left_out) = chosen(rows, room);
    let mut table = vec![TableRow::header()];
    table.extend(shown.iter().map(|row| row.row(now)));
    let total = total(rows);
    let widths = widths(table.iter().chain([&total]), width);
    let mut lines: Vec<_> = table.iter().map(|row| row.set(&widths, width)).collect();
    if !left_out.is_empty() {
        let more = format!("… and {} more: {}", left_out.len(), states(left_out.into_iter()));
        lines.push(format!("{FAINT}{}{FAINT:#}", cut(&more, width)));
    }
    lines.push(format!("{STRONG}{}{STRONG:#}", total.set(&widths, width)));
    lines
}

/// Selects the campaigns that fit `room` rows, in their order; returns them and the rest.
fn chosen(rows: &[CampaignRow], room: usize) -> (Vec<&CampaignRow>, Vec<&CampaignRow>) {
    if rows.len() <= room {
        return (rows.iter().collect(), Vec::new());
    }
    let mut order: Vec<_> = (0..rows.len()).collect();
    order.sort_by_key(|at| rows.get(*at).map(|row| row.press));
    // One row tells how many more there are.
    let mut shown = vec![false; rows.len()];
    for at in order.into_iter().take(room - 1) {
        if let Some(shown) = shown.get_mut(at) {
            *shown = true;
        }
    }
    let mut chosen = Vec::new();
    let mut others = Vec::new();
    for (row, shown) in rows.iter().zip(shown) {
        if shown { &mut chosen } else { &mut others }.push(row);
    }
    (chosen, others)
}

fn widths<'a>(rows: impl Iterator<Item = &'a TableRow>, width: usize) -> [usize; 7] {
    let mut widths = [0; 7];
    let mut note = 0;
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(columns(cell));
        }
        note = note.max(columns(&row.note));
    }
    let others: usize = widths.iter().skip(1).map(|wide| wide + GAP).sum();
    let note = if note == 0 { 0 } else { note.min(LEAST_NOTE) + GAP };
    let room = width.saturating_sub(others + note);
    widths[0] = widths[0].min(room).clamp(LEAST_NAME, MOST_NAME);
    widths
}

/// "30 complete, 7 waiting": the states with their counts, the most frequent first.
fn states<'a>(rows: impl Iterator<Item = &'a CampaignRow>) -> String {
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
#[derive(Default)]
struct Sum {
    counts: Counts,
    done: u64,
    rate: Option<f64>,
}

impl Sum {
    fn new(rows: &[CampaignRow]) -> Self {
        let mut sum = Self::default();
        for row in rows {
            for state in StateName::ALL {
                sum.counts.add(state, row.counts.count(state));
            }
            sum.done += row.done;
            if let Some(rate) = row.rate {
                *sum.rate.get_or_insert_default() += rate;
            }
        }
        sum
    }

    fn percent(&self) -> usize {
        filled(self.done, self.counts.audience(), 100)
    }
}

fn total(rows: &[CampaignRow]) -> TableRow {
    let sum = Sum::new(rows);
    let bar = bar(sum.done, sum.counts.audience());
    let name = counted(rows.len() as u64, "campaign", "campaigns");
    let note = format!("{} % of {}", sum.percent(), grouped(sum.counts.audience()));
    let mut row = TableRow::new(&name, (PLAIN, bar), &sum.counts, (sum.rate, note));
    // One style spans the whole row.
    row.styles = [PLAIN; 7];
    row
}

/// The progress of all campaigns in one line, for output that is not a terminal.
#[must_use]
pub fn line(rows: &[CampaignRow], now: Timestamp) -> String {
    let zone = rows.first().map_or(TimeZone::UTC, |row| row.zone.clone());
    let sum = Sum::new(rows);
    let n = |state| grouped(sum.counts.count(state));
    let mut said = vec![
        format!("issued {}", n(StateName::Issued)),
        format!("refused {}", n(StateName::Refused)),
        format!("in doubt {}", n(StateName::InDoubt)),
        format!("held {}", n(StateName::Held)),
    ];
    said.extend(sum.rate.map(rate));
    said.extend(ends(rows).map(|at| format!("ends {}, {}", clock_time(at, now, &zone), ahead(at, now))));
    format!(
        "[{}] {}: {}; {} of {} ({} %): {}",
        stamp(now, &zone),
        counted(rows.len() as u64, "campaign", "campaigns"),
        states(rows.iter()),
        grouped(sum.done),
        grouped(sum.counts.audience()),
        sum.percent(),
        said.join(", ")
    )
}

/// When the last campaign would end; `None` unless that is known of each one still running.
fn ends(rows: &[CampaignRow]) -> Option<Timestamp> {
    let open = rows
        .iter()
        .filter(|row| !matches!(row.press, Priority::Over | Priority::Attention));
    let ends: Option<Vec<_>> = open.map(|row| row.ends_at).collect();
    ends?.into_iter().max()
}

#[cfg(test)]
mod tests;
