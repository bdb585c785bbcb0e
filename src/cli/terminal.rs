//! What the standard streams are connected to.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use rustix::termios::Winsize;

use crate::report::text::TerminalSize;

/// The properties of the standard streams when the process starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts of one moment, each read once")]
pub struct Terminal {
    /// Whether a question can be asked on stderr and answered on stdin.
    pub can_ask: bool,
    /// Whether a terminal may be redrawn: not if `NO_COLOR` is set or the terminal is dumb.
    pub moves: bool,
    /// Whether a moving bar may be drawn on stderr.
    pub bar: bool,
    /// Whether stdout is a terminal.
    pub stdout: bool,
}

impl Terminal {
    /// Inspects the process's streams and `NO_COLOR` and `TERM`.
    #[must_use]
    pub fn of_process() -> Self {
        let stderr = std::io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            can_ask: stderr && std::io::stdin().is_terminal(),
            moves: !plain && !dumb,
            bar: stderr && !plain && !dumb,
            stdout: std::io::stdout().is_terminal(),
        }
    }
}

/// Returns how many columns text on stdout may use: the width of its terminal, or no limit without one.
#[must_use]
pub fn stdout_width_or_any() -> usize {
    width_of(std::io::stdout()).unwrap_or(usize::MAX)
}

/// Returns the present width of stderr; 80 columns if it is not a terminal or its size is unknown.
#[must_use]
pub fn width() -> usize {
    size().columns
}

/// Returns the present size of stderr; 80 columns and 24 rows if it is not a terminal or its size is unknown.
#[must_use]
pub fn size() -> TerminalSize {
    let said = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let or = |of: fn(Winsize) -> u16, usual| said.map(of).filter(|n| *n > 0).map_or(usual, usize::from);
    TerminalSize {
        columns: or(|size| size.ws_col, 80),
        rows: or(|size| size.ws_row, 24),
    }
}

/// Returns the present width of stdout; 80 columns if it is not a terminal or its size is unknown.
#[must_use]
pub fn stdout_width() -> usize {
    width_of(std::io::stdout()).unwrap_or(80)
}

fn width_of(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
