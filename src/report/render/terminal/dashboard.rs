//! A live table of the campaigns of one process: on a terminal a row for each and a total, elsewhere one line for all.
//! Pure: the present time and the terminal's size are arguments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{Grouped, run as texts};
use crate::model::delivery::{Counts, StateName};
use crate::model::event::Ending;
use crate::model::money::Money;
use crate::model::run_state::{EndState, RunState};
use crate::report::reason::stop_reason;
use crate::report::run_stats::sum_counts;
use crate::report::run_view::RunView;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, Columns, TerminalSize, columns, cut, folded, visible};
use crate::report::times::{ahead, clock_time, grouped, rate, stamp, zone_name};

use super::bar::filled;
use super::styles::{FAINT, PLAIN, STRONG, WARN, of_count, of_run};

/// The width of a row's bar, in columns.
const BAR: usize = 8;
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;
/// The greatest width of a campaign's name.
const MOST_NAME: usize = 32;
/// What is between two cells.
const GAP: &str = "  ";
const COLUMNS: usize = 9;
const ALIGN: [Align; COLUMNS] = [Left, Left, Right, Right, Right, Right, Right, Right, Right];
/// The columns of amounts, by their places: spent, at most.
const AMOUNTS: [usize; 2] = [6, 7];
/// The columns that a narrow terminal lacks, by their places, the least important first: rate, at most, refused, spent,
/// issued.
const DROPPED: [usize; 5] = [8, 7, 3, 6, 2];
/// How many of them are dropped before the notes.
const BEFORE_NOTES: usize = 2;

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
    title: Option<String>,
    state: RunState,
    priority: Priority,
    counts: Counts,
    amounts: Amounts,
    /// How many deliveries are done.
    done: u64,
    /// Starts per second, while it sends.
    rate: Option<f64>,
    ends_at: Option<Timestamp>,
    /// Why nothing is being sent, why sending is slow, or why the run ended.
    why: Option<String>,
    /// Whether a time of day is shown.
    has_time: bool,
    zone: TimeZone,
}

impl CampaignRow {
    /// The state of a campaign; `broken` is the error that ended its run early.
    #[must_use]
    pub fn new(run: &RunView<'_>, broken: Option<&str>) -> Self {
        let stats = run.stats;
        let title = stats.run.as_ref().and_then(|start| start.title.as_deref());
        let state = broken.map_or_else(|| run.state(), |_| RunState::Over(EndState::Failed));
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
            RunState::Sending | RunState::Draining => Priority::Sending,
            RunState::Paused | RunState::Planning => Priority::Still,
            RunState::Waiting => Priority::Waiting,
            RunState::Over(_) => Priority::Over,
        };
        Self {
            name: visible(&run.campaign.name).into_owned(),
            title: title.map(|title| visible(title).into_owned()),
            state,
            priority,
            counts: stats.counts,
            amounts: Amounts::new(run),
            done: run.done(),
            rate: (state == RunState::Sending).then(|| run.rate()),
            ends_at: run.ends_at(),
            why,
            has_time: run.ends_at().is_some() || run.reason().is_some_and(|reason| reason.has_time()),
            zone: run.campaign.zone.clone(),
        }
    }

    fn line(&self, with_title: bool, now: Timestamp) -> Line {
        let note = self.ends_at.map_or_else(String::new, |at| {
            let at = clock_time(to_the_minute(at, now), now, &self.zone);
            texts::EndsAt { at: &at }.to_string()
        });
        let done = match self.state {
            RunState::Sending | RunState::Draining => bar(self.done, self.counts.audience()),
            state => texts::State { state: &state }.to_string(),
        };
        let name = match &self.title {
            Some(title) if with_title => format!("{} {title}", self.name),
            _ => self.name.clone(),
        };
        let mut line = Line::new(&name, done, &self.counts, &self.amounts, self.rate, note);
        line.styles = [
            PLAIN,
            of_run(self.state.word()),
            of_count(StateName::Issued, self.counts.count(StateName::Issued)),
            PLAIN,
            of_count(StateName::InDoubt, self.counts.count(StateName::InDoubt)),
            of_count(StateName::Held, self.counts.count(StateName::Held)),
            PLAIN,
            PLAIN,
            PLAIN,
        ];
        line
    }

    /// The lines below the table that say why.
    fn below(&self, width: usize) -> Vec<String> {
        let Some(why) = &self.why else {
            return Vec::new();
        };
        let style = if self.priority == Priority::Attention {
            WARN
        } else {
            PLAIN
        };
        let text = texts::DetailOf {
            name: &self.name,
            why: &why,
        };
        let lines = folded(&text.to_string(), width);
        lines.iter().map(|line| format!("{style}{line}{style:#}")).collect()
    }
}

/// What the coupons of a campaign, or of all, are worth.
#[derive(Clone, Copy, Debug, Default)]
struct Amounts {
    /// Whether the audience is admitted, so that the amounts are missing only if values are unknown.
    is_admitted: bool,
    /// What the issued ones are worth. `None` if that is unknown.
    spent: Option<Money>,
    /// The most that all can come to be worth. `None` if that is unknown.
    at_most: Option<Money>,
}

impl Amounts {
    fn new(run: &RunView<'_>) -> Self {
        let worth = run.worth();
        Self {
            is_admitted: run.is_admitted(),
            spent: run.spent(),
            at_most: worth.filter(|worth| worth.unpriced == 0).map(|worth| worth.at_most()),
        }
    }

    /// The sums of the admitted campaigns. A sum is `None` if an amount of one of them is unknown.
    fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let none = Self {
            is_admitted: false,
            spent: Some(Money::default()),
            at_most: Some(Money::default()),
        };
        let add = |a: Option<Money>, b: Option<Money>| Some(a? + b?);
        all.filter(|amounts| amounts.is_admitted)
            .fold(none, |sum, amounts| Self {
                is_admitted: true,
                spent: add(sum.spent, amounts.spent),
                at_most: add(sum.at_most, amounts.at_most),
            })
    }

    const fn are_known(&self) -> bool {
        self.is_admitted && (self.spent.is_some() || self.at_most.is_some())
    }
}

/// A line of the table: its cells, and a note after them.
struct Line {
    cells: [String; COLUMNS],
    styles: [Style; COLUMNS],
    note: String,
}

impl Line {
    fn new(
        name: &str,
        done: String,
        counts: &Counts,
        amounts: &Amounts,
        per_second: Option<f64>,
        note: String,
    ) -> Self {
        let count = |state| grouped(counts.count(state));
        let amount = |amount: Option<Money>| amount.map_or_else(String::new, |amount| amount.to_string());
        Self {
            cells: [
                name.to_owned(),
                done,
                count(StateName::Issued),
                count(StateName::Refused),
                count(StateName::InDoubt),
                count(StateName::Held),
                amount(amounts.spent),
                amount(amounts.at_most),
                per_second.map_or_else(String::new, rate),
            ],
            styles: [PLAIN; COLUMNS],
            note,
        }
    }

    fn header() -> Self {
        Self {
            cells: [
                texts::ColumnCampaign.to_string(),
                texts::ColumnDone.to_string(),
                texts::ColumnIssued.to_string(),
                texts::ColumnRefused.to_string(),
                texts::ColumnDoubt.to_string(),
                texts::ColumnHeld.to_string(),
                texts::ColumnSpent.to_string(),
                texts::ColumnAtMost.to_string(),
                texts::ColumnRate.to_string(),
            ],
            styles: [FAINT; COLUMNS],
            note: String::new(),
        }
    }

    /// The line, with its note where there is room for it.
    fn text(&self, layout: &Layout, width: usize) -> String {
        let mut line = String::new();
        let mut used = 0;
        for (at, (cell, style)) in layout.columns.cells(&self.cells).iter().zip(&self.styles).enumerate() {
            if layout.dropped.contains(&at) {
                continue;
            }
            let gap = if used == 0 { "" } else { GAP };
            let wide = gap.len() + columns(cell);
            if used + wide > width {
                return line;
            }
            let _ = write!(line, "{gap}{style}{cell}{style:#}");
            used += wide;
        }
        if !self.note.is_empty() && used + GAP.len() + columns(&self.note) <= width {
            line.push_str(GAP);
            line.push_str(&self.note);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The columns of the table.
struct Layout {
    columns: Columns<COLUMNS>,
    /// The places of the columns that are not shown.
    dropped: Vec<usize>,
}

impl Layout {
    fn new<'a>(lines: impl Iterator<Item = &'a Line>, dropped: Vec<usize>) -> Self {
        Self {
            columns: Columns::new(ALIGN, lines.map(|line| &line.cells)),
            dropped,
        }
    }

    fn width(&self) -> usize {
        let shown = (0..COLUMNS).filter(|at| !self.dropped.contains(at));
        shown.map(|at| self.columns.widths()[at] + GAP.len()).sum::<usize>() - GAP.len()
    }
}

/// The header, the lines of these campaigns and of the total, and a layout of at most `width` columns: with titles, without
/// titles, then without the columns that matter less, then without the notes. Names are cut last.
fn fitting(rows: &[&CampaignRow], total: &Line, now: Timestamp, width: usize) -> (Vec<Line>, Layout) {
    let lines = |with_title| {
        let mut lines = vec![Line::header()];
        lines.extend(rows.iter().map(|row| row.line(with_title, now)));
        lines
    };
    let notes = rows.iter().map(|row| columns(&row.line(false, now).note));
    let note = notes.chain([columns(&total.note)]).max().unwrap_or(0) + GAP.len();
    let unknown = if rows.iter().any(|row| row.amounts.are_known()) {
        &[][..]
    } else {
        &AMOUNTS
    };
    let dropped = |n: usize| [unknown, &DROPPED[..n]].concat();
    let with_titles = lines(true);
    let layout = Layout::new(with_titles.iter().chain([total]), dropped(0));
    if layout.columns.widths()[0] <= MOST_NAME && layout.width() + note <= width {
        return (with_titles, layout);
    }
    let lines = lines(false);
    let with_notes = (0..=BEFORE_NOTES).map(|n| (n, note));
    for (n, note) in with_notes.chain((0..=DROPPED.len()).map(|n| (n, 0))) {
        let layout = Layout::new(lines.iter().chain([total]), dropped(n));
        if layout.width() + note <= width {
            return (lines, layout);
        }
    }
    let mut layout = Layout::new(lines.iter().chain([total]), dropped(DROPPED.len()));
    let others = layout.width() - layout.columns.widths()[0];
    layout.columns = layout.columns.narrow(width.saturating_sub(others).max(LEAST_NAME));
    (lines, layout)
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

/// The styled lines for a terminal of this size: one for each campaign, a total, and why campaigns do not send. If not all fit,
/// campaigns that send or need attention are kept.
#[must_use]
pub fn screen(rows: &[CampaignRow], now: Timestamp, size: TerminalSize) -> Vec<String> {
    // Some terminals wrap a line that fills the last column; the last row is the cursor's.
    let width = size.columns.saturating_sub(1).max(20);
    let height = size.rows.saturating_sub(1).max(4);
    let urgent = rows.iter().filter(|row| row.priority == Priority::Attention);
    let reserved = urgent.map(|row| row.below(width).len()).sum::<usize>().min(height / 3);
    let chosen = chosen(rows, height.saturating_sub(2 + reserved).max(2));
    let total = Totals::new(rows).line();
    let (table, layout) = fitting(&chosen.shown, &total, now, width);
    let mut lines: Vec<_> = table.iter().map(|line| line.text(&layout, width)).collect();
    if !chosen.left_out.is_empty() {
        let more = texts::AndMore {
            n: &chosen.left_out.len(),
            states: &states(chosen.left_out),
        };
        lines.push(format!("{FAINT}{}{FAINT:#}", cut(&more.to_string(), width)));
    }
    // One style spans the whole line.
    lines.push(format!("{STRONG}{}{STRONG:#}", total.text(&layout, width)));
    let mut below = rows.iter().collect::<Vec<_>>();
    below.sort_by_key(|row| row.priority);
    for why in below.iter().map(|row| row.below(width)) {
        if lines.len() + why.len() <= height {
            lines.extend(why);
        }
    }
    if lines.len() < height && rows.iter().any(|row| row.has_time) {
        let zone = zones(rows, now);
        let zone = texts::Zone { zone: &zone }.to_string();
        lines.push(format!("{FAINT}{}{FAINT:#}", cut(&zone, width)));
    }
    lines.truncate(height);
    lines
}

/// The zones of the shown times.
fn zones(rows: &[CampaignRow], now: Timestamp) -> String {
    let mut zones: Vec<_> = rows.iter().map(|row| zone_name(&row.zone, now)).collect();
    zones.sort();
    zones.dedup();
    zones.join(&texts::Comma.to_string())
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

/// "30 complete, 7 waiting": the states with their counts, the most frequent first.
fn states<'a>(rows: impl IntoIterator<Item = &'a CampaignRow>) -> String {
    let mut n: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        *n.entry(row.state.word()).or_default() += 1;
    }
    let mut n: Vec<_> = n.into_iter().collect();
    n.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let said = n.into_iter().map(|(state, n)| {
        texts::CountInState {
            n: &Grouped(n),
            state: &texts::State { state: &state },
        }
        .to_string()
    });
    said.collect::<Vec<_>>().join(&texts::Comma.to_string())
}

/// The total of all campaigns.
struct Totals {
    campaigns: String,
    counts: Counts,
    amounts: Amounts,
    done: u64,
    /// Starts per second; `None` if no campaign is sending.
    rate: Option<f64>,
}

impl Totals {
    fn new(rows: &[CampaignRow]) -> Self {
        Self {
            campaigns: texts::Campaigns { n: rows.len() as u64 }.to_string(),
            counts: sum_counts(rows.iter().map(|row| row.counts)),
            amounts: Amounts::sum(rows.iter().map(|row| &row.amounts)),
            done: rows.iter().map(|row| row.done).sum(),
            rate: rows.iter().filter_map(|row| row.rate).reduce(|sum, rate| sum + rate),
        }
    }

    fn percent(&self) -> usize {
        filled(self.done, self.counts.audience(), 100)
    }

    fn line(&self) -> Line {
        let all = self.counts.audience();
        let note = texts::Share {
            percent: &self.percent(),
            all: &Grouped(all),
        };
        let done = bar(self.done, all);
        Line::new(
            &self.campaigns,
            done,
            &self.counts,
            &self.amounts,
            self.rate,
            note.to_string(),
        )
    }
}

/// The progress of all campaigns in one line, for output that is not a terminal.
#[must_use]
pub fn line(rows: &[CampaignRow], now: Timestamp) -> String {
    let zone = rows.first().map_or(TimeZone::UTC, |row| row.zone.clone());
    let total = Totals::new(rows);
    let count = |state| grouped(total.counts.count(state));
    let mut said = vec![
        format!("{} {}", texts::ColumnIssued, count(StateName::Issued)),
        format!("{} {}", texts::ColumnRefused, count(StateName::Refused)),
        format!("{} {}", texts::ColumnInDoubt, count(StateName::InDoubt)),
        format!("{} {}", texts::ColumnHeld, count(StateName::Held)),
    ];
    if let (true, Some(spent)) = (total.amounts.is_admitted, total.amounts.spent) {
        said.push(format!("{} {spent}", texts::ColumnSpent));
    }
    said.extend(total.rate.map(rate));
    said.extend(ends(rows).map(|at| {
        texts::Ends {
            at: &clock_time(at, now, &zone),
            next: &ahead(at, now),
        }
        .to_string()
    }));
    let progress = texts::Progress {
        done: &Grouped(total.done),
        all: &Grouped(total.counts.audience()),
        percent: &total.percent(),
    };
    let text = texts::ProgressOfSeveral {
        campaigns: &total.campaigns,
        states: &states(rows),
        progress: &progress,
        counts: &said.join(&texts::Comma.to_string()),
    };
    format!("[{}] {text}", stamp(now, &zone))
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
