//! Shows how far the reading of an audience is during a plan: on a terminal in a line that is redrawn, elsewhere in a new
//! line every ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::app::Notice;
use crate::app::audience_reader::expected_rows;
use crate::campaign::Parsed;
use crate::cli::busy;
use crate::cli::context::Context;
use crate::cli::global_args::Output;
use crate::report::console::{Bar, Console};
use crate::report::reason::reading_progress;

/// How often a new line is written where no line can be redrawn.
const EVERY: Duration = Duration::from_secs(10);

/// The progress of a reading.
pub(super) struct Progress {
    /// Where new lines are written instead of a bar. `None` if they are not.
    lines: Option<Console>,
    expected: Option<u64>,
    shown: Mutex<Shown>,
}

struct Shown {
    /// `None` where no bar is drawn, and at the end.
    bar: Option<Bar>,
    /// When the reading of the audience began.
    began: Instant,
    /// When the last new line was written.
    written: Instant,
}

impl Progress {
    /// Shows nothing yet.
    pub(super) fn new(context: &Context, parsed: &Parsed) -> Self {
        let moves = context.terminal.bar && (context.output == Output::Human || !context.terminal.stdout);
        let now = Instant::now();
        Self {
            lines: (!moves && context.output == Output::Human).then(|| context.console.clone()),
            expected: expected_rows(parsed, context.now()),
            shown: Mutex::new(Shown {
                bar: moves.then(|| context.console.bar()),
                began: now,
                written: now,
            }),
        }
    }

    /// Shows what the plan does now.
    pub(super) fn show(&self, notice: Notice<'_>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::ReadsLedger => shown.draw(&busy::reading()),
            Notice::ReadsAudience => {
                shown.began = Instant::now();
                self.show_rows(&mut shown, 0);
            }
            Notice::Rows(rows) => self.show_rows(&mut shown, rows),
            Notice::AudienceRead => shown.bar = None,
            _ => {}
        }
    }

    fn show_rows(&self, shown: &mut Shown, rows: u64) {
        let reading = reading_progress(rows, shown.began.elapsed(), self.expected);
        shown.draw(&reading);
        if let Some(console) = &self.lines
            && shown.written.elapsed() >= EVERY
        {
            shown.written = Instant::now();
            console.print(&format!("{reading}\n"));
        }
    }
}

impl Shown {
    fn draw(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.draw_line(text);
        }
    }
}
