//! The end of several campaigns of one process: a table of their states, the total, and what to do next.

use std::fmt::Write as _;

use serde::Serialize;

use crate::model::delivery::{Counts, StateName};

use super::json::CountsBody;
use super::run_stats::RunStats;
use super::text::{columns, cut, left, right, visible};
use super::times::{counted, grouped};

const HEADER: [&str; 9] = [
    "campaign", "state", "coupons", "issued", "refused", "in doubt", "held", "owed", "exit",
];
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;

/// How one of several campaigns ended.
#[derive(Clone, Debug)]
pub struct EndedRun {
    /// Its display name, or its file.
    pub name: String,
    /// Its state, as a word.
    pub state: &'static str,
    /// The statistics of its run; `None` if no run began.
    pub stats: Option<RunStats>,
    /// The exit code for this campaign alone.
    pub exit: u8,
    /// Its summary, or the reason why it has none.
    pub detail: Option<String>,
}

impl EndedRun {
    fn counts(&self) -> Option<Counts> {
        self.stats.as_ref().map(|stats| stats.counts)
    }
}

/// The end of all campaigns for people, in lines of at most `width` columns. `exit` is the exit code of the process,
/// and `again` the command that continues.
#[must_use]
pub fn text(all: &[EndedRun], exit: u8, again: &str, width: usize) -> String {
    let mut text = table(all, exit, width);
    let details: Vec<_> = all.iter().filter_map(|ended| ended.detail.as_deref()).collect();
    let (long, short): (Vec<_>, Vec<_>) = details
        .into_iter()
        .map(|detail| detail.trim_matches('\n'))
        .partition(|detail| detail.contains('\n'));
    for detail in long {
        let _ = writeln!(text, "\n{detail}");
    }
    text.push('\n');
    for detail in &short {
        let _ = writeln!(text, "{detail}");
    }
    if !short.is_empty() {
        text.push('\n');
    }
    if all.iter().all(|ended| ended.exit == 0) {
        text.push_str("nothing is left to do: every delivery of every campaign is settled\n");
    } else {
        let _ = writeln!(text, "to go on with all that are not complete:\n  {again}");
    }
    text
}

fn table(all: &[EndedRun], exit: u8, width: usize) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(
        all.iter()
            .map(|ended| row(&ended.name, ended.state, ended.counts(), ended.exit)),
    );
    let name = counted(all.len() as u64, "campaign", "campaigns");
    rows.push(row(&name, "", Some(sum(all)), exit));
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let others: usize = widths.iter().skip(1).map(|width| width + 2).sum();
    widths[0] = widths[0].min(width.saturating_sub(others)).max(LEAST_NAME);
    let mut text = "\n".to_owned();
    for row in rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = cut(cell, width);
            let cell = if at < 2 {
                left(&cell, width)
            } else {
                right(&cell, width)
            };
            let _ = write!(line, "{}{cell}", if at == 0 { "" } else { "  " });
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn row(name: &str, state: &str, counts: Option<Counts>, exit: u8) -> [String; 9] {
    let n = |count: fn(&Counts) -> u64| {
        counts
            .as_ref()
            .map_or_else(String::new, |counts| grouped(count(counts)))
    };
    [
        visible(name).into_owned(),
        state.to_owned(),
        n(Counts::audience),
        n(|counts| counts.count(StateName::Issued)),
        n(|counts| counts.count(StateName::Refused)),
        n(|counts| counts.count(StateName::InDoubt)),
        n(|counts| counts.count(StateName::Held)),
        n(Counts::owed),
        exit.to_string(),
    ]
}

fn sum(all: &[EndedRun]) -> Counts {
    let mut sum = Counts::default();
    for counts in all.iter().filter_map(EndedRun::counts) {
        for state in StateName::ALL {
            sum.add(state, counts.count(state));
        }
    }
    sum
}

/// The total of all campaigns, as JSON.
#[derive(Debug, Serialize)]
pub struct Total {
    r#type: &'static str,
    campaigns: usize,
    counts: CountsBody,
    exit: u8,
}

impl Total {
    /// The total of the campaigns; `exit` is the exit code of the process.
    #[must_use]
    pub fn new(all: &[EndedRun], exit: u8) -> Self {
        let tallies = all.iter().filter_map(|ended| ended.stats.as_ref());
        let readings = tallies.filter_map(|stats| stats.audience.reading.as_ref());
        Self {
            r#type: "total",
            campaigns: all.len(),
            counts: CountsBody::of_all(&sum(all), readings),
            exit,
        }
    }
}

#[cfg(test)]
mod tests;
