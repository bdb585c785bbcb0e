//! Helpers that read and compare audiences.

use std::error::Error;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runner::audience::{Activity, AudienceError, Columns, Source, Totals, read};
use runner::model::event::{RowPlace, UnusableKind};

/// One row as it was read: its place, its user and the time.
pub type Shown = (String, Result<String, UnusableKind>, Seen);

/// When the row's user was last active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
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

pub fn columns(last_active: Option<&str>) -> Columns {
    Columns {
        open_id: "open_id".into(),
        last_active: last_active.map(Into::into),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        present: "2026-06-01T02:00:00Z".parse().expect("a time"),
    }
}

pub async fn all(source: &Source) -> Result<(Vec<Shown>, Totals), AudienceError> {
    let mut shown = Vec::new();
    let totals = read(source, |batch| {
        shown.extend(batch.rows().map(|row| {
            let place = RowPlace::from(row.place).to_string();
            (place, row.open_id.map(Into::into), row.last_active.into())
        }));
    })
    .await?;
    Ok((shown, totals))
}

/// An error as a user reads it: the message, the causes and the help.
pub fn told(error: &AudienceError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, "\n  caused by: {error}").unwrap();
        cause = error.source();
    }
    if let Some(help) = error.help() {
        write!(text, "\n  help: {help}").unwrap();
    }
    text
}
