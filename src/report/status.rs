//! The status of campaigns for `runner status`: the object that an apply writes, and the table for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::model::delivery::{Counts, StateName};
use crate::model::event::Owner;

use super::lines::SCHEMA;
use super::text::{columns, cut, left, right, visible};
use super::times::{ahead, clock_time, grouped, rate, rfc3339};

/// The `status` object. Unknown values are omitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    r#type: String,
    /// The campaign.
    pub campaign: String,
    /// The app.
    pub app_id: String,
    /// The time of this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The state, as a word of the JSON schema.
    pub state: String,
    /// The reason for the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Deliveries by state, by the names of the JSON schema.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// Starts per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<f64>,
    /// When the last owed delivery would be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// The process that applies the campaign; `None` when the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<StatusOwner>,
}

/// An object outside a stream, which therefore carries the version of the schema.
#[derive(Serialize)]
pub(super) struct Written<T> {
    pub(super) schema: &'static str,
    #[serde(flatten)]
    pub(super) object: T,
}

/// The process that applies a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOwner {
    /// The name of its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When it acquired the ledger.
    pub since: String,
    /// Its command line.
    pub command: String,
}

impl StatusOwner {
    /// The owner for the JSON object, with its time in `zone`.
    #[must_use]
    pub fn new(owner: &Owner, zone: &TimeZone) -> Self {
        Self {
            host: owner.host.clone(),
            pid: owner.pid,
            since: rfc3339(owner.since, zone),
            command: owner.command.clone(),
        }
    }
}

/// Why a status file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is truncated, or not a status.
    #[error("it is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A newer version wrote it.
    #[error("it has schema {0}, and this program knows {SCHEMA}")]
    Newer(String),
}

impl Status {
    /// The status of a campaign about which nothing else is known.
    #[must_use]
    pub fn unknown(campaign: &str, app_id: &str, state: &str, why: impl Into<String>) -> Self {
        Self {
            r#type: "status".to_owned(),
            campaign: campaign.to_owned(),
            app_id: app_id.to_owned(),
            state: state.to_owned(),
            why: Some(why.into()),
            ..Self::default()
        }
    }

    /// Parses the output of [`super::reporter::Reporter::status`].
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let schema = value
            .get("schema")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        let major = |schema: &str| schema.split('.').next().and_then(|major| major.parse::<u64>().ok());
        if major(schema) > major(SCHEMA) {
            return Err(Unreadable::Newer(schema.to_owned()));
        }
        Ok(serde_json::from_value(value)?)
    }

    /// The status after the process has disappeared without a final status: it no longer sends or waits.
    #[must_use]
    pub fn interrupted(mut self) -> Self {
        let pid = self.owner.take().map_or(0, |owner| owner.pid);
        let left = match self.count("in_flight") {
            0 => String::new(),
            n => format!("; {} in flight when it ended", grouped(n)),
        };
        "incomplete".clone_into(&mut self.state);
        self.why = Some(format!("process {pid} ended without a word{left}"));
        (self.rate_per_second, self.ends_at) = (None, None);
        self
    }

    /// The last run's status of a ledger that was changed since.
    #[must_use]
    pub fn outdated(mut self) -> Self {
        const SINCE: &str = "the ledger was added to since";
        self.why = Some(
            self.why
                .map_or_else(|| SINCE.to_owned(), |why| format!("{why}; {SINCE}")),
        );
        self
    }

    /// The status after a person has decided on deliveries.
    #[must_use]
    pub fn resolved(mut self, counts: &Counts, at: String, why: String) -> Self {
        if counts.complete() { "complete" } else { "incomplete" }.clone_into(&mut self.state);
        // The counts of listed and excluded users are still those of the last reading.
        for state in StateName::ALL {
            self.counts.insert(state.word().to_owned(), counts.count(state));
        }
        self.counts.insert("audience".to_owned(), counts.audience());
        (self.at, self.why) = (Some(at), Some(why));
        (self.rate_per_second, self.ends_at, self.owner) = (None, None, None);
        self
    }

    /// The object as JSON, which [`Status::parse`] reads.
    ///
    /// # Errors
    /// None is expected: every field is text or a number.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Written {
            schema: SCHEMA,
            object: self,
        })
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    fn cells(&self, name: &str) -> Cells {
        let mut cells = Cells::default();
        cells[0] = visible(name).into_owned();
        cells[1] = visible(&self.state).into_owned();
        let all = self.count("audience");
        if self.counts.is_empty() {
            return cells;
        }
        let done = self.count("issued") + self.count("refused") + self.count("skipped");
        cells[2] = format!("{} %", u128::from(done) * 100 / u128::from(all.max(1)));
        let owed = self.count("pending") + self.count("in_flight") + self.count("deferred");
        let counts = [
            self.count("issued"),
            self.count("refused"),
            self.count("in_doubt"),
            self.count("held"),
            owed,
        ];
        for (cell, n) in cells.iter_mut().skip(3).zip(counts) {
            *cell = grouped(n);
        }
        cells
    }

    /// The text beside the numbers.
    fn detail(&self, now: Timestamp, zone: &TimeZone) -> String {
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let mut said = Vec::new();
        if let (Some(per_second), "sending") = (self.rate_per_second, self.state.as_str()) {
            said.push(rate(per_second));
        }
        if let Some(ends) = self.ends_at.as_deref().and_then(time) {
            said.push(format!("ends {}, {}", clock_time(ends, now, zone), ahead(ends, now)));
        }
        said.extend(self.why.as_deref().map(|why| visible(why).into_owned()));
        if let Some(owner) = &self.owner {
            let since = time(&owner.since).map_or_else(String::new, |since| clock_time(since, now, zone));
            said.push(format!("pid {} on {} since {since}", owner.pid, visible(&owner.host)));
        } else if let Some(at) = self.at.as_deref().and_then(time) {
            said.push(format!("as of {}", clock_time(at, now, zone)));
        }
        said.join("; ")
    }
}

type Cells = [String; 8];

const HEADER: [&str; 8] = [
    "campaign", "state", "done", "issued", "refused", "in doubt", "held", "owed",
];
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;

/// One campaign of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its display name.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// The time zone of displayed times.
    pub zone: TimeZone,
}

/// Renders the table for a terminal of `width` columns: a row for each campaign, and details below it.
#[must_use]
pub fn table(rows: &[Row], now: Timestamp, width: usize) -> String {
    let mut cells: Vec<_> = rows.iter().map(|row| row.status.cells(&row.name)).collect();
    let mut widths = HEADER.map(columns);
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let others: usize = widths.iter().skip(1).map(|width| width + 2).sum();
    widths[0] = widths[0].min(width.saturating_sub(others)).max(LEAST_NAME);
    for row in &mut cells {
        row[0] = cut(&row[0], widths[0]).into_owned();
    }
    let mut text = line(&HEADER.map(str::to_owned), &widths);
    for (row, cells) in rows.iter().zip(&cells) {
        text.push_str(&line(cells, &widths));
        let detail = row.status.detail(now, &row.zone);
        if !detail.is_empty() {
            let _ = writeln!(text, "  {}", cut(&detail, width.saturating_sub(2)));
        }
    }
    text
}

fn line(cells: &Cells, widths: &[usize; 8]) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = if at < 2 {
            left(cell, *width)
        } else {
            right(cell, *width)
        };
        let gap = if at == 0 { "" } else { "  " };
        let _ = write!(line, "{gap}{cell}");
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;
