//! The table of campaigns of `runner status`.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::report::render::json::Status;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, Columns, cut, visible};
use crate::report::times::{ahead, clock_time, grouped, rate};

const HEADER: [&str; 8] = [
    "campaign", "state", "done", "issued", "refused", "in doubt", "held", "owed",
];
const ALIGN: [Align; 8] = [Left, Left, Right, Right, Right, Right, Right, Right];
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;

/// One campaign of the table.
#[derive(Clone, Debug)]
pub struct StatusRow {
    /// Its display name.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// The time zone of displayed times.
    pub zone: TimeZone,
}

/// Renders the table for a terminal of `width` columns: a row for each campaign, and details below it.
#[must_use]
pub fn table(rows: &[StatusRow], now: Timestamp, width: usize) -> String {
    let header = HEADER.map(str::to_owned);
    let cells: Vec<_> = rows.iter().map(StatusRow::cells).collect();
    let table = Columns::new(ALIGN, cells.iter().chain([&header])).fit(width, LEAST_NAME, usize::MAX);
    let mut text = table.line(&header) + "\n";
    for (row, cells) in rows.iter().zip(&cells) {
        let _ = writeln!(text, "{}", table.line(cells));
        let detail = row.detail(now);
        if !detail.is_empty() {
            let _ = writeln!(text, "  {}", cut(&detail, width.saturating_sub(2)));
        }
    }
    text
}

impl StatusRow {
    fn cells(&self) -> [String; 8] {
        let status = &self.status;
        let name = visible(&self.name).into_owned();
        let state = visible(&status.state).into_owned();
        if status.counts.is_empty() {
            let mut cells: [String; 8] = Default::default();
            cells[0] = name;
            cells[1] = state;
            return cells;
        }
        let count = |name| status.count(name);
        let done = count("issued") + count("refused") + count("skipped");
        let owed = count("pending") + count("in_flight") + count("deferred");
        let percent = u128::from(done) * 100 / u128::from(count("audience").max(1));
        [
            name,
            state,
            format!("{percent} %"),
            grouped(count("issued")),
            grouped(count("refused")),
            grouped(count("in_doubt")),
            grouped(count("held")),
            grouped(owed),
        ]
    }

    /// The text below the numbers.
    fn detail(&self, now: Timestamp) -> String {
        let status = &self.status;
        let parsed = |text: &str| text.parse::<Timestamp>().ok();
        let time = |at| clock_time(at, now, &self.zone);
        let mut said = Vec::new();
        if let (Some(per_second), "sending") = (status.rate_per_second, status.state.as_str()) {
            said.push(rate(per_second));
        }
        if let Some(ends) = status.ends_at.as_deref().and_then(parsed) {
            said.push(format!("ends {}, {}", time(ends), ahead(ends, now)));
        }
        said.extend(status.why.as_deref().map(|why| visible(why).into_owned()));
        if let Some(owner) = &status.owner {
            let since = parsed(&owner.since).map_or_else(String::new, time);
            said.push(format!("pid {} on {} since {since}", owner.pid, visible(&owner.host)));
        } else if let Some(at) = status.at.as_deref().and_then(parsed) {
            said.push(format!("as of {}", time(at)));
        }
        said.join("; ")
    }
}

#[cfg(test)]
mod tests;
