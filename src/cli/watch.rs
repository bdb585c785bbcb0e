//! The output of `--watch`: a table that is redrawn on a terminal, or new tables for other readers.

use std::io;

use jiff::Timestamp;

use crate::catalogue::cli;
use crate::catalogue::status as texts;
use crate::model::problem::Problem;
use crate::report::render::terminal::status::{StatusRow, table};

use super::context::Context;
use super::failure::Failure;
use super::global_args::Output;
use super::terminal;

/// How often, in seconds, a new table is written to a reader that is not a terminal when only numbers change.
const EVERY: i64 = 10;

/// The place where a table is shown repeatedly.
pub struct Screen<'a> {
    context: &'a Context,
    /// Whether the last table can be drawn over.
    moving: bool,
    /// How many lines of the last table are on the terminal.
    drawn: usize,
    /// The last table that was written, and when.
    told: Option<(Vec<StatusRow>, Timestamp)>,
    closed: bool,
}

impl<'a> Screen<'a> {
    /// Creates the screen without drawing.
    #[must_use]
    pub const fn new(context: &'a Context) -> Self {
        Self {
            context,
            moving: context.terminal.stdout && context.terminal.moves,
            drawn: 0,
            told: None,
            closed: false,
        }
    }

    /// Whether the reader has closed.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// Shows the status of campaigns. `last` marks the final table.
    pub fn show(&mut self, rows: &[StatusRow], now: Timestamp, last: bool) -> Result<(), Failure> {
        if self.context.output == Output::Json {
            self.tell_programs(rows);
            self.told = Some((rows.to_vec(), now));
            self.context.lines.flush();
            self.closed = self.context.lines.broken();
            return Ok(());
        }
        if !self.moving && !last && !self.is_news(rows, now) {
            return Ok(());
        }
        self.told = Some((rows.to_vec(), now));
        let text = table(rows, now, terminal::stdout_width());
        let text = if self.moving {
            head(&text, terminal::size().rows)
        } else {
            text
        };
        let over = self.drawn;
        self.drawn = if self.moving { text.lines().count() } else { 0 };
        match self.context.console.out_over(over, &text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => return Err(Failure::new(Problem::Stdout, cli::CannotWriteStdout).caused_by(&error)),
            Ok(()) => {}
        }
        Ok(())
    }

    fn tell_programs(&self, rows: &[StatusRow]) {
        for (at, row) in rows.iter().enumerate() {
            let before = self.told.as_ref().and_then(|(rows, _)| rows.get(at));
            if before.is_none_or(|before| before.status != row.status) {
                self.context.lines.write(&row.status.for_programs());
            }
        }
    }

    fn is_news(&self, rows: &[StatusRow], now: Timestamp) -> bool {
        let Some((before, told)) = &self.told else {
            return true;
        };
        // A clock that was set back says nothing about the time since the last table.
        let since = now.as_second() - told.as_second();
        let states = |rows: &[StatusRow]| rows.iter().map(|row| row.status.state.clone()).collect::<Vec<_>>();
        !(0..EVERY).contains(&since) || states(before) != states(rows)
    }
}

/// The first lines of a table that fit a terminal with this many rows: lines that have scrolled out cannot be drawn over.
fn head(text: &str, rows: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    if lines.len() < rows {
        return text.to_owned();
    }
    let (shown, more) = lines.split_at(rows.saturating_sub(2));
    let n = more.len() as u64;
    format!("{}\n{}\n", shown.join("\n"), texts::MoreLines { n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_drawn_over_fits_the_terminal() {
        assert_eq!(head("a\nb\nc\n", 4), "a\nb\nc\n");
        assert_eq!(head("a\nb\nc\nd\n", 4), "a\nb\nand 2 more lines\n");
    }
}
