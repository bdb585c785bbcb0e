//! How far the reading of an audience is while a plan is made: on a terminal in a line that moves, elsewhere in a line
//! every ten seconds.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::campaign::Parsed;
use crate::cli::converge::expected_rows;
use crate::cli::{Context, Output};
use crate::report::console::Bar;
use crate::report::progress::reading;

/// How often a line is written where nothing can move.
const EVERY: Duration = Duration::from_secs(10);

/// How far a reading is.
pub(super) struct Progress {
    /// When the audience began to be read.
    began: Cell<Instant>,
    /// `None` where no bar is drawn, and at the end.
    bar: RefCell<Option<Bar>>,
    /// Whether lines are written instead.
    lines: Option<Context>,
    told: Cell<Instant>,
    expected: Option<u64>,
}

impl Progress {
    /// Begins to show it.
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

    /// Tells that the ledger is read, and the audience is next.
    pub(super) fn audience(&self) {
        self.began.set(Instant::now());
        self.rows(0);
    }

    /// Tells that so many rows were read.
    pub(super) fn rows(&self, rows: u64) {
        let reading = || reading(rows, self.began.get().elapsed(), self.expected);
        self.draw(&reading());
        if let Some(context) = &self.lines
            && self.told.get().elapsed() >= EVERY
        {
            self.told.set(Instant::now());
            context.talk(&format!("{}\n", reading()));
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        self.bar.take();
    }
}
