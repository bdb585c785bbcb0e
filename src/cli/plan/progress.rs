//! How far the reading of an audience is while a plan is made: on a terminal in a line that moves, elsewhere in a line
//! every ten seconds.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::campaign::Parsed;
use crate::cli::converge::expected_rows;
use crate::cli::{Context, Output};
use crate::report::progress::reading;

/// How often a line is written where nothing can move.
const EVERY: Duration = Duration::from_secs(10);

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
            expected: expected_rows(parsed, context.clock.now()),
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
