//! Audiences from queries to real servers, and the database of a fleet. If there is no server, the tests that need it are skipped with a message; with
//! `RUNNER_TEST_DATABASES=required` they fail.
//!
//! The server's URL is in `RUNNER_TEST_POSTGRES` or `RUNNER_TEST_MYSQL`; otherwise loopback is tried. Objects that a test
//! creates have the process's number in their names and are removed at the end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::format_push_string, reason = "what a test says is short")]

mod clusters;
#[path = "../audience_common/mod.rs"]
mod common;
mod fleet;
mod fleet_ledger;
mod fleet_origin;
mod fleet_pooler;
mod fleet_store;
mod fleet_trials;
mod fleet_worker;
mod interrupted;
#[path = "../ledger_common/mod.rs"]
mod ledger_common;
mod mysql;
mod pooler;
mod postgres;
mod pretended;
mod servers;
mod urls;

use std::fmt::Write as _;
use std::path::PathBuf;

use common::{Seen, Shown, all, columns};
use runner::audience::{AudienceError, Query, Server};
use runner::model::secret::SecretRef;

/// A file that contains a URL, removed on drop.
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
            query: Query::new(sql, columns(None)),
        }
    }
}

fn with_times(mut server: Server) -> Server {
    server.query.columns.last_active = Some("seen".into());
    server
}

/// The rows as short lines.
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

/// An error as a user reads it.
fn told(error: &AudienceError) -> String {
    let mut text = common::told(error);
    write!(text, "\n  (exit {})\n", if error.is_input() { 2 } else { 1 }).unwrap();
    text
}
