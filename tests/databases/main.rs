//! Audiences by queries to real servers. Without one the tests that need it are skipped and say so, unless
//! `RUNNER_TEST_DATABASES=required`, which makes its absence a failure.
//!
//! A server is looked for at the URL in `RUNNER_TEST_POSTGRES` or `RUNNER_TEST_MYSQL`, then on loopback. What is made on
//! it has the process's number in its name, and is taken away again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::format_push_string, reason = "what a test says is short")]

mod interrupted;
mod mysql;
mod postgres;
mod pretended;
mod servers;

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runner::audience::{Activity, AudienceError, Columns, Query, Server, Totals, read};
use runner::event::{RowPlace, UnusableKind};
use runner::secret::SecretRef;

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

/// A file with a URL in it, for as long as a test needs it.
struct Url {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Url {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, url).unwrap();
        Self { _folder: folder, path }
    }

    fn ask(&self, sql: &str) -> Server {
        Server {
            url: SecretRef::File(self.path.clone()),
            query: Query::new(sql, columns()),
        }
    }
}

fn columns() -> Columns {
    Columns {
        open_id: "open_id".into(),
        last_active: None,
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        present: "2026-06-01T02:00:00Z".parse().expect("a time"),
    }
}

fn with_times(mut server: Server) -> Server {
    server.query.columns.last_active = Some("seen".into());
    server
}

async fn all(source: &runner::audience::Source) -> Result<(Vec<Shown>, Totals), AudienceError> {
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

/// Rows in lines, as short as they can be read.
fn lines(rows: Vec<Shown>) -> String {
    rows.into_iter()
        .fold(String::new(), |mut text, (place, open_id, active)| {
            let active = match active {
                Seen::At(at) => at.to_string(),
                other => format!("{other:?}"),
            };
            writeln!(text, "{place}: {open_id:?} {active}").unwrap();
            text
        })
}

/// An error as a user is told it.
fn told(error: &AudienceError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        write!(text, "\n  caused by: {error}").unwrap();
        cause = error.source();
    }
    if let Some(help) = error.help() {
        write!(text, "\n  help: {help}").unwrap();
    }
    write!(text, "\n  (exit {})\n", if error.is_input() { 2 } else { 1 }).unwrap();
    text
}
