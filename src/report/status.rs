//! How campaigns stand, as `runner status` tells it: the object that whoever applies one leaves behind, and the table that
//! people are shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::delivery::{Counts, StateName};
use crate::event::Owner;

use super::lines::SCHEMA;
use super::text::{columns, cut, left, right, visible};
use super::times::{ahead, clock_time, grouped, rate, rfc3339};

/// The `status` object. What is unknown is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    r#type: String,
    /// The campaign.
    pub campaign: String,
    /// The app.
    pub app_id: String,
    /// When it stood so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What is being done with it, in a word of the JSON schema.
    pub state: String,
    /// Why that, or why no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where its deliveries stand, by the names of the JSON schema.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// Starts per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<f64>,
    /// When the last owed delivery would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// Who applies it; nobody when the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<StatusOwner>,
}

/// An object that is not one of a stream, and so says itself by which schema it is to be read.
#[derive(Serialize)]
pub(super) struct Written<T> {
    pub(super) schema: &'static str,
    #[serde(flatten)]
    pub(super) object: T,
}

/// The process that applies a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOwner {
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub pid: u32,
    /// Since when.
    pub since: String,
    /// Its command line.
    pub command: String,
}

impl StatusOwner {
    /// The same in words of the JSON schema.
    #[must_use]
    pub fn of(owner: &Owner, zone: &TimeZone) -> Self {
        Self {
            host: owner.host.clone(),
            pid: owner.pid,
            since: rfc3339(owner.since, zone),
            command: owner.command.clone(),
        }
    }
}

/// Why what was left behind cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is cut short, or something else.
    #[error("it is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error("it has schema {0}, and this program knows {SCHEMA}")]
    Newer(String),
}

impl Status {
    /// A campaign of which nothing is known but this.
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

    /// Reads what [`super::hub::Hub::status`] wrote.
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

    /// What a run left whose process is gone and did not say so: nothing is under way any more.
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

    /// How the last run left a ledger that was added to since.
    #[must_use]
    pub fn outdated(mut self) -> Self {
        const SINCE: &str = "the ledger was added to since";
        self.why = Some(
            self.why
                .map_or_else(|| SINCE.to_owned(), |why| format!("{why}; {SINCE}")),
        );
        self
    }

    /// How the campaign stands once a person has decided what the last run could not.
    #[must_use]
    pub fn resolved(mut self, counts: &Counts, at: String, why: String) -> Self {
        if counts.complete() { "complete" } else { "incomplete" }.clone_into(&mut self.state);
        // What was listed and left out is still that of the last reading.
        for state in StateName::ALL {
            self.counts.insert(state.word().to_owned(), counts.of(state));
        }
        self.counts.insert("audience".to_owned(), counts.audience());
        (self.at, self.why) = (Some(at), Some(why));
        (self.rate_per_second, self.ends_at, self.owner) = (None, None, None);
        self
    }

    /// The object as it is left behind, which [`Status::parse`] reads.
    ///
    /// # Errors
    /// None that is expected: every field is text or a number.
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

    /// What there is to say beside the numbers.
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
/// A campaign's name is not cut below this.
const LEAST_NAME: usize = 12;

/// One campaign of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// By which clocks its times are shown.
    pub zone: TimeZone,
}

/// The table for a terminal of `width` columns: a row a campaign, and under it what there is to say beside the numbers.
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
