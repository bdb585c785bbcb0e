//! How far the reading of an audience is while a plan is made: on a terminal in a line that moves, elsewhere in a line
//! every ten seconds.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use memchr::memchr_iter;

use crate::campaign::Parsed;
use crate::cli::{Context, Output};
use crate::report::progress::reading;

/// How often a line is written where nothing can move.
const EVERY: Duration = Duration::from_secs(10);
/// How much of a file is looked at to tell how long its rows are.
const SAMPLE: u64 = 256 << 10;

/// How far a reading is.
pub(super) struct Progress {
    /// When the audience began to be read.
    began: Cell<Instant>,
    bar: Option<ProgressBar>,
    /// Whether lines are written instead.
    lines: Option<Context>,
    told: Cell<Instant>,
    expected: Option<u64>,
}

impl Progress {
    /// Begins to show it.
    pub(super) fn begin(context: &Context, parsed: &Parsed) -> Self {
        let moves = context.terminal.bar && (context.output == Output::Human || !context.terminal.stdout);
        let bar = moves.then(|| {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = context.bars.add(ProgressBar::no_length().with_style(style));
            bar.set_message("reading the ledger");
            bar
        });
        let now = Instant::now();
        Self {
            began: Cell::new(now),
            lines: (!moves && context.output == Output::Human).then(|| context.clone()),
            bar,
            told: Cell::new(now),
            expected: expected(&parsed.campaign.audience.source.csv.path),
        }
    }

    /// Tells that the ledger is read, and the audience is next.
    pub(super) fn audience(&self) {
        self.began.set(Instant::now());
        self.rows(0);
    }

    /// Tells that so many rows were read.
    pub(super) fn rows(&self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(reading(rows, self.began.get().elapsed(), self.expected));
        } else if let Some(context) = &self.lines
            && self.told.get().elapsed() >= EVERY
        {
            self.told.set(Instant::now());
            context.talk(&format!(
                "{}\n",
                reading(rows, self.began.get().elapsed(), self.expected)
            ));
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// About how many rows a file has, by its size and the length of its first rows.
fn expected(path: &Path) -> Option<u64> {
    let file = File::open(path).ok()?;
    let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut sample = Vec::new();
    file.take(SAMPLE).read_to_end(&mut sample).ok()?;
    let (length, lines) = (sample.len() as u64, memchr_iter(b'\n', &sample).count() as u64);
    (length > 0 && lines > 0).then(|| about.len().saturating_mul(lines) / length)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_no_longer_than_the_sample_is_counted_and_a_longer_one_is_estimated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        fs::write(&path, "open_id\nu1\nu2\n").unwrap();
        assert_eq!(expected(&path), Some(3));
        fs::write(&path, "user-000000\n".repeat(1_000_000)).unwrap();
        let estimated = expected(&path).unwrap();
        assert!(estimated.abs_diff(1_000_000) < 1_000, "{estimated}");
        fs::write(&path, "").unwrap();
        assert_eq!(
            (expected(&path), expected(dir.path()), expected(Path::new("absent"))),
            (None, None, None)
        );
    }
}
