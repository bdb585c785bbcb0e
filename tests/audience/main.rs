//! Audiences of every kind, read as a campaign reads them: the same people come out of each, and what cannot be read is
//! told with its place.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::format_push_string, reason = "what a test says is short")]

mod bad_input;
mod formats;
mod parquet_types;
mod piped;
mod written;

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runner::audience::{
    Activity, AudienceError, Columns, CsvSource, Encoding, Input, JsonlSource, Source, Totals, read,
};
use runner::event::{RowPlace, UnusableKind};

/// One row as it came out: where, who, and what is known of when.
type Shown = (String, Result<String, UnusableKind>, Seen);

/// What a row says of when its user was last active.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Unknown,
    At(Timestamp),
    Unreadable(String),
}

impl From<Activity<'_>> for Seen {
    fn from(activity: Activity<'_>) -> Self {
        match activity {
            Activity::Unknown => Self::Unknown,
            Activity::At(at) => Self::At(at),
            Activity::Unreadable(value) => Self::Unreadable(value.to_owned()),
        }
    }
}

fn columns() -> Columns {
    Columns {
        open_id: "open_id".into(),
        last_active: Some("seen".into()),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        present: "2026-06-01T02:00:00Z".parse().expect("a time"),
    }
}

fn csv(path: &Path) -> Source {
    Source::Csv(CsvSource {
        input: Input::Files(path.into()),
        columns: columns(),
        encoding: Encoding::Utf8,
        delimiter: None,
    })
}

fn jsonl(path: &Path) -> Source {
    Source::Jsonl(JsonlSource {
        input: Input::Files(path.into()),
        columns: columns(),
    })
}

/// Reads to the end.
fn all(source: &Source) -> Result<(Vec<Shown>, Totals), AudienceError> {
    let mut shown = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let totals = runtime.block_on(read(source, |batch| {
        let rows = batch.rows();
        shown.extend(rows.map(|row| {
            let place = RowPlace::from(row.place).to_string();
            (place, row.open_id.map(Into::into), row.last_active.into())
        }));
    }))?;
    Ok((shown, totals))
}

/// The people among the rows, in order.
fn people(rows: Vec<Shown>) -> Vec<(String, Option<Timestamp>)> {
    rows.into_iter()
        .filter_map(|(_, open_id, seen)| {
            let at = match seen {
                Seen::At(at) => Some(at),
                Seen::Unknown | Seen::Unreadable(_) => None,
            };
            Some((open_id.ok()?, at))
        })
        .collect()
}

/// An error as a user is told it, with the folder's path left out.
fn told(error: &AudienceError, folder: &Path) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        write!(text, "\n  caused by: {error}").unwrap();
        cause = error.source();
    }
    if let Some(help) = error.help() {
        write!(text, "\n  help: {help}").unwrap();
    }
    if !error.is_input() {
        text.push_str("\n  (exit 1)");
    }
    text.replace(&format!("{}/", folder.display()), "")
        .replace(&folder.display().to_string(), "FOLDER")
}
