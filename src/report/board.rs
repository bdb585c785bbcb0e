//! A live table of the campaigns of one process: on a terminal a row for each and a total, elsewhere one line for all.
//! Pure: the present time and the terminal's size are arguments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::delivery::{Counts, StateName};
use crate::event::Ending;

use super::progress::{FAINT, GOOD, LOOK, Look, PLAIN, STRONG, filled};
use super::summary;
use super::text::{Size, columns, cut, left, right, visible};
use super::times::{ahead, clock_time, grouped, of, rate, stamp};

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
enum Press {
    Attention,
    Sending,
    Still,
    Waiting,
    Over,
}

/// The state of one of several campaigns.
#[derive(Clone, Debug)]
pub struct Stand {
    name: String,
    state: &'static str,
    press: Press,
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

impl Stand {
    /// The state of the campaign in `look`; `broken` is the error that ended its run early.
    #[must_use]
    pub fn of(look: &Look<'_>, broken: Option<&str>) -> Self {
        let tally = look.tally;
        let setup = look.setup;
        let title = tally.run.as_ref().and_then(|run| run.title.as_deref());
        let title = title.map_or_else(String::new, |title| format!(" {}", visible(title)));
        let state = broken.map_or_else(|| look.state(), |_| "broken off");
        let why = match (broken, tally.ended) {
            (Some(broken), _) => Some(visible(broken).into_owned()),
            (None, Some(_)) => summary::why(tally),
            (None, None) => look.why(),
        };
        let wants_a_person = tally.ended.is_some_and(|ended| ended.ending == Ending::NeedsPerson);
        let press = match state {
            _ if wants_a_person || broken.is_some() || (tally.halted.is_some() && tally.ended.is_none()) => {
                Press::Attention
            }
            "sending" | "draining" => Press::Sending,
            "paused" | "planning" => Press::Still,
            "waiting" => Press::Waiting,
            _ => Press::Over,
        };
        Self {
            name: format!("{}{title}", visible(&setup.name)),
            state,
            press,
            counts: tally.counts,
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

    fn row(&self, now: Timestamp) -> Row {
        let (bar, style) = match self.state {
            "sending" | "draining" => (bar(self.done, self.all()), GOOD),
            "complete" => (self.state.to_owned(), GOOD),
            _ if self.press == Press::Attention => (self.state.to_owned(), LOOK),
            _ => (self.state.to_owned(), PLAIN),
        };
        let ends = self
            .ends_at
            .map(|at| format!("ends {}", clock_time(to_the_minute(at, now), now, &self.zone)));
        let said: Vec<_> = ends.into_iter().chain(self.why.clone()).collect();
        Row::new(&self.name, (style, bar), &self.counts, (self.rate, said.join("; ")))
    }
}

/// A row of the table: its cells, and a note after them.
struct Row {
    cells: [String; 7],
    styles: [Style; 7],
    note: String,
}

impl Row {
    fn new(
        name: &str,
        (style, bar): (Style, String),
        counts: &Counts,
        (per_second, note): (Option<f64>, String),
    ) -> Self {
        let n = |state| counts.of(state);
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
pub fn screen(stands: &[Stand], now: Timestamp, size: Size) -> Vec<String> {
    // Some terminals wrap a line that fills the last column; the last row is the cursor's.
    let width = size.columns.saturating_sub(1).max(20);
    let room = size.rows.saturating_sub(3).max(2);
    let (shown, left_out) = chosen(stands, room);
    let mut rows = vec![Row::header()];
    rows.extend(shown.iter().map(|stand| stand.row(now)));
    let total = total(stands);
    let widths = widths(rows.iter().chain([&total]), width);
    let mut lines: Vec<_> = rows.iter().map(|row| row.set(&widths, width)).collect();
    if !left_out.is_empty() {
        let more = format!("… and {} more: {}", left_out.len(), states(left_out.into_iter()));
        lines.push(format!("{FAINT}{}{FAINT:#}", cut(&more, width)));
    }
    lines.push(format!("{STRONG}{}{STRONG:#}", total.set(&widths, width)));
    lines
}

/// Selects the campaigns that fit `room` rows, in their order; returns them and the rest.
fn chosen(stands: &[Stand], room: usize) -> (Vec<&Stand>, Vec<&Stand>) {
    if stands.len() <= room {
        return (stands.iter().collect(), Vec::new());
    }
    let mut order: Vec<_> = (0..stands.len()).collect();
    order.sort_by_key(|at| stands.get(*at).map(|stand| stand.press));
    // One row tells how many more there are.
    let mut shown = vec![false; stands.len()];
    for at in order.into_iter().take(room - 1) {
        if let Some(shown) = shown.get_mut(at) {
            *shown = true;
        }
    }
    let mut chosen = Vec::new();
    let mut others = Vec::new();
    for (stand, shown) in stands.iter().zip(shown) {
        if shown { &mut chosen } else { &mut others }.push(stand);
    }
    (chosen, others)
}

fn widths<'a>(rows: impl Iterator<Item = &'a Row>, width: usize) -> [usize; 7] {
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
fn states<'a>(stands: impl Iterator<Item = &'a Stand>) -> String {
    let mut n: BTreeMap<&str, u64> = BTreeMap::new();
    for stand in stands {
        *n.entry(stand.state).or_default() += 1;
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
    fn of(stands: &[Stand]) -> Self {
        let mut sum = Self::default();
        for stand in stands {
            for state in StateName::ALL {
                sum.counts.add(state, stand.counts.of(state));
            }
            sum.done += stand.done;
            if let Some(rate) = stand.rate {
                *sum.rate.get_or_insert_default() += rate;
            }
        }
        sum
    }

    fn percent(&self) -> usize {
        filled(self.done, self.counts.audience(), 100)
    }
}

fn total(stands: &[Stand]) -> Row {
    let sum = Sum::of(stands);
    let bar = bar(sum.done, sum.counts.audience());
    let name = of(stands.len() as u64, "campaign", "campaigns");
    let note = format!("{} % of {}", sum.percent(), grouped(sum.counts.audience()));
    let mut row = Row::new(&name, (PLAIN, bar), &sum.counts, (sum.rate, note));
    // One style spans the whole row.
    row.styles = [PLAIN; 7];
    row
}

/// The progress of all campaigns in one line, for output that is not a terminal.
#[must_use]
pub fn line(stands: &[Stand], now: Timestamp) -> String {
    let zone = stands.first().map_or(TimeZone::UTC, |stand| stand.zone.clone());
    let sum = Sum::of(stands);
    let n = |state| grouped(sum.counts.of(state));
    let mut said = vec![
        format!("issued {}", n(StateName::Issued)),
        format!("refused {}", n(StateName::Refused)),
        format!("in doubt {}", n(StateName::InDoubt)),
        format!("held {}", n(StateName::Held)),
    ];
    said.extend(sum.rate.map(rate));
    said.extend(ends(stands).map(|at| format!("ends {}, {}", clock_time(at, now, &zone), ahead(at, now))));
    format!(
        "[{}] {}: {}; {} of {} ({} %): {}",
        stamp(now, &zone),
        of(stands.len() as u64, "campaign", "campaigns"),
        states(stands.iter()),
        grouped(sum.done),
        grouped(sum.counts.audience()),
        sum.percent(),
        said.join(", ")
    )
}

/// When the last campaign would end; `None` unless that is known of each one still running.
fn ends(stands: &[Stand]) -> Option<Timestamp> {
    let open = stands
        .iter()
        .filter(|stand| !matches!(stand.press, Press::Over | Press::Attention));
    let ends: Option<Vec<_>> = open.map(|stand| stand.ends_at).collect();
    ends?.into_iter().max()
}

#[cfg(test)]
mod tests;
