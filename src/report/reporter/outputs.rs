//! Where a reporter writes.

use crate::report::console::Console;
use crate::report::json_lines::JsonLines;

/// The outputs of a reporter.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The display for people.
    pub progress: ProgressDisplay,
    /// The JSON stream for programs, without single attempts; `None` when stdout is for people.
    pub json: Option<JsonLines>,
    /// The record of all events, `--events`.
    pub events: Option<JsonLines>,
}

/// How progress is displayed on stderr.
#[derive(Clone, Debug)]
pub enum ProgressDisplay {
    /// A bar or a table that is redrawn, with lines above it.
    Bar(Console),
    /// Lines at each change and every ten seconds.
    Plain(Console),
    /// Nothing.
    Silent,
}

impl ProgressDisplay {
    /// Writes a line, unless nothing is displayed.
    pub fn print(&self, line: &str) {
        match self {
            Self::Bar(console) | Self::Plain(console) => console.print(&format!("{line}\n")),
            Self::Silent => {}
        }
    }

    /// Whether progress is displayed as lines.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}
