//! Audiences of every kind, read as a campaign reads them: each gives the same users, and an unreadable row is reported
//! with its place.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::format_push_string, reason = "what a test says is short")]

mod artefacts;
mod bad_input;
#[path = "../audience_common/mod.rs"]
mod common;
mod formats;
mod parquet_types;
mod piped;
mod written;

use std::path::Path;

use common::{Seen, Shown};
use jiff::Timestamp;
use runner::audience::{AudienceError, Columns, CsvSource, Encoding, Input, JsonlSource, Source, Totals};

fn columns() -> Columns {
    common::columns(Some("seen"))
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

fn all(source: &Source) -> Result<(Vec<Shown>, Totals), AudienceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(common::all(source))
}

/// The users among the rows, in order.
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

/// An error as a user reads it, without the folder's path.
fn told(error: &AudienceError, folder: &Path) -> String {
    let mut text = common::told(error);
    if !error.is_input() {
        text.push_str("\n  (exit 1)");
    }
    text.replace(&format!("{}/", folder.display()), "")
        .replace(&folder.display().to_string(), "FOLDER")
}
