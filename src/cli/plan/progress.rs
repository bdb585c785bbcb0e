//! Shows how far the reading of an audience is during a plan: on a terminal in a line that is redrawn, elsewhere in a new
//! line every ten seconds.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::campaign::Parsed;
use crate::cli::audience_reader::expected_rows;
use crate::cli::{Context, Output};
use crate::report::console::Bar;
use crate::report::run_view::reading_progress;

/// How often a new line is written where no line can be redrawn.
const EVERY: Duration = Duration::from_secs(10);

/// The progress of a reading.
pub(super) struct Progress {
    /// When the reading of the audience began.
    began: Cell<Instant>,
    /// `None` where no bar is drawn, and at the end.
    bar: RefCell<Option<Bar>>,
    /// Where new lines are written instead of a bar. `None` if they are not.
    lines: Option<Context>,
    told: Cell<Instant>,
    expected: Option<u64>,
}

impl Progress {
    /// Starts to show the progress, at the reading of the ledger.
    pub(super) fn begin(context: &Context, parsed: &Parsed) -> Self {
        let moves = context.terminal.bar && (context.output == Output::Human || !context.terminal.stdout);
        let now = Instant::now();
        let progress = Self {
            began: Cell::new(now),
            lines: (!moves && context.output == Output::Human).then(|| context.clone()),
            bar: RefCell::new(moves.then(|| context.console.bar())),
            told: Cell::new(now),
            expected: expected_rows(parsed, context.clock.now()),
        };
        progress.draw("reading the ledger");
        progress
    }

    fn draw(&self, text: &str) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.draw_line(text);
        }
    }

    /// Shows that the audience is read next.
    pub(super) fn audience(&self) {
        self.began.set(Instant::now());
        self.rows(0);
    }

    /// Shows how many rows were read.
    pub(super) fn rows(&self, rows: u64) {
        let reading = || reading_progress(rows, self.began.get().elapsed(), self.expected);
        self.draw(&reading());
        if let Some(context) = &self.lines
            && self.told.get().elapsed() >= EVERY
        {
            self.told.set(Instant::now());
            context.talk(&format!("{}\n", reading()));
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        self.bar.take();
    }
}
