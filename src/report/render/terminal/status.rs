//! The table of campaigns of `runner status`.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{run, status};
use crate::model::delivery::StateName;
use crate::report::render::json::Status;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, visible};
use crate::report::times::{ahead, clock_time, date_time, grouped, rate, zone_name};
use crate::report::wording;

use super::styles::{FAINT, PLAIN, STRONG, of_count, of_run};
use super::table::{TableRow, table as lines};

const ALIGN: [Align; 8] = [Left, Left, Right, Right, Right, Right, Right, Right];

/// One campaign of the table.
#[derive(Clone, Debug)]
pub struct StatusRow {
    /// Its name.
    pub name: String,
    /// Its title; empty without one.
    pub title: String,
    /// Its status.
    pub status: Status,
    /// The time zone of displayed times.
    pub zone: TimeZone,
}

/// What is said of a campaign below its numbers.
struct Detail {
    text: String,
    has_time: bool,
}

/// Renders the table for a terminal of `width` columns: a row for each campaign with details below it, and the total of
/// several.
#[must_use]
pub fn table(rows: &[StatusRow], now: Timestamp, width: usize) -> String {
    let header = [
        run::ColumnCampaign.to_string(),
        run::ColumnState.to_string(),
        run::ColumnDone.to_string(),
        run::ColumnIssued.to_string(),
        run::ColumnRefused.to_string(),
        run::ColumnInDoubt.to_string(),
        run::ColumnHeld.to_string(),
        run::ColumnOwed.to_string(),
    ];
    let details: Vec<_> = rows.iter().map(|row| row.detail(now)).collect();
    let timed = rows.iter().zip(&details).filter(|(_, detail)| detail.has_time);
    let mut zones: Vec<_> = timed.map(|(row, _)| zone_name(&row.zone, now)).collect();
    zones.sort();
    zones.dedup();
    let mut shown: Vec<_> = rows
        .iter()
        .zip(details)
        .map(|(row, detail)| row.row(detail, zones.len() > 1, now))
        .collect();
    if rows.len() > 1 {
        shown.push(total(rows));
    }
    let mut text = lines(header, ALIGN, &shown, width);
    if let [zone] = zones.as_slice() {
        let zone = run::Zone { zone };
        let _ = writeln!(text, "{FAINT}{zone}{FAINT:#}");
    }
    text
}

/// The cells after the state, from the counts by their names in the JSON schema.
fn counts(count: impl Fn(&str) -> u64) -> [String; 6] {
    let done = count("issued") + count("refused") + count("skipped");
    let owed = count("pending") + count("in_flight") + count("deferred");
    let percent = u128::from(done) * 100 / u128::from(count("audience").max(1));
    [
        status::Percent { n: &percent }.to_string(),
        grouped(count("issued")),
        grouped(count("refused")),
        grouped(count("in_doubt")),
        grouped(count("held")),
        grouped(owed),
    ]
}

fn total(rows: &[StatusRow]) -> TableRow<8> {
    let name = run::Campaigns { n: rows.len() as u64 }.to_string();
    let count = |name: &str| rows.iter().map(|row| row.status.count(name)).sum();
    let [done, issued, refused, in_doubt, held, owed] = counts(count);
    let mut row = TableRow::new([name, String::new(), done, issued, refused, in_doubt, held, owed]);
    row.styles = [STRONG; 8];
    row
}

impl StatusRow {
    fn row(&self, detail: Detail, names_zone: bool, now: Timestamp) -> TableRow<8> {
        let status = &self.status;
        let name = visible(&self.name).into_owned();
        let word = visible(&status.state);
        let state = run::State { state: &word }.to_string();
        let cells = if status.counts.is_empty() {
            let mut cells: [String; 8] = Default::default();
            cells[0] = name;
            cells[1] = state;
            cells
        } else {
            let [done, issued, refused, in_doubt, held, owed] = counts(|name| status.count(name));
            [name, state, done, issued, refused, in_doubt, held, owed]
        };
        let style = |state: StateName| of_count(state, status.count(state.word()));
        let text = if names_zone && detail.has_time {
            status::InZone {
                text: &detail.text,
                zone: &zone_name(&self.zone, now),
            }
            .to_string()
        } else {
            detail.text
        };
        let worth = status.worth.as_ref().map(|worth| wording::worth(&worth.worth()));
        TableRow {
            cells,
            title: visible(&self.title).into_owned(),
            styles: [
                PLAIN,
                of_run(&status.state),
                PLAIN,
                style(StateName::Issued),
                style(StateName::Refused),
                style(StateName::InDoubt),
                style(StateName::Held),
                PLAIN,
            ],
            below: worth
                .into_iter()
                .chain(self.stock())
                .chain(self.taken_over())
                .chain(Some(text).filter(|text| !text.is_empty()))
                .collect(),
        }
    }

    /// What is left of the activity's stock. `None` if the file names an activity, or nothing is known of it.
    fn stock(&self) -> Option<String> {
        let stock = self.status.stock?;
        let left = status::StockLeft {
            left: &grouped(stock.left),
            stock: &grouped(stock.stock),
        };
        Some(left.to_string())
    }

    /// Where the audience was read. `None` if the run has read it.
    fn taken_over(&self) -> Option<String> {
        let audience = self.status.audience_of.as_ref()?;
        let host = visible(&audience.host);
        let at = audience.at.parse().map(|at| date_time(at, &self.zone));
        let at = at.unwrap_or_else(|_| visible(&audience.at).into_owned());
        Some(status::AudienceOf { host: &host, at: &at }.to_string())
    }

    /// The text below the numbers.
    fn detail(&self, now: Timestamp) -> Detail {
        let status = &self.status;
        let parsed = |text: &str| text.parse::<Timestamp>().ok();
        let time = |at| clock_time(at, now, &self.zone);
        let mut said = Vec::new();
        let mut has_time = false;
        if let (Some(per_second), "sending") = (status.rate_per_second, status.state.as_str()) {
            said.push(rate(per_second));
        }
        if let Some(ends) = status.ends_at.as_deref().and_then(parsed) {
            has_time = true;
            let ends = run::Ends {
                at: &time(ends),
                next: &ahead(ends, now),
            };
            said.push(ends.to_string());
        }
        match (&status.reason, &status.why) {
            (Some(reason), _) => {
                has_time |= reason.has_time();
                said.push(reason.text(now, &self.zone));
            }
            (None, Some(why)) => said.push(visible(why).into_owned()),
            (None, None) => {}
        }
        if status.is_outdated {
            said.push(status::Outdated.to_string());
        }
        if let Some(owner) = &status.owner {
            let host = visible(&owner.host);
            said.push(match parsed(&owner.since) {
                Some(since) => {
                    has_time = true;
                    status::OwnerSince {
                        pid: &owner.pid,
                        host: &host,
                        since: &time(since),
                    }
                    .to_string()
                }
                None => status::Owner {
                    pid: &owner.pid,
                    host: &host,
                }
                .to_string(),
            });
        } else if let Some(at) = status.at.as_deref().and_then(parsed) {
            has_time = true;
            said.push(status::AsOf { at: &time(at) }.to_string());
        }
        Detail {
            text: said.join(&status::Separator.to_string()),
            has_time,
        }
    }
}

#[cfg(test)]
mod tests;
