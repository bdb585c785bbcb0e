//! What the standard streams are connected to.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::termios::Winsize;

use crate::report::text::TerminalSize;

/// The longest line of help.
pub const MOST_HELP_COLUMNS: usize = 100;

/// The properties of the standard streams when the process starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts of one moment, each read once")]
pub struct Terminal {
    /// Whether a question can be asked on a terminal and answered on stdin.
    pub can_ask: bool,
    /// Whether a terminal may be redrawn: not if it is dumb.
    pub moves: bool,
    /// Whether a moving bar may be drawn on stderr.
    pub bar: bool,
    /// Whether stdout is a terminal.
    pub stdout: bool,
}

impl Terminal {
    /// Inspects the process's streams and `TERM`.
    #[must_use]
    pub fn of_process() -> Self {
        let stderr = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            can_ask: io::stdin().is_terminal() && (stderr || terminal_of_stdin().is_ok()),
            moves: !dumb,
            bar: stderr && !dumb,
            stdout: io::stdout().is_terminal(),
        }
    }
}

/// Returns the terminal of stdin, for a question. `None` if stderr is a terminal, too.
///
/// # Errors
/// The terminal cannot be opened.
pub fn other_than_stderr() -> io::Result<Option<File>> {
    if io::stderr().is_terminal() {
        return Ok(None);
    }
    terminal_of_stdin().map(Some)
}

/// Opens the terminal on which stdin is typed, for writing. A container may not show its name: then it is the terminal that the
/// process belongs to.
fn terminal_of_stdin() -> io::Result<File> {
    let open = |path: &Path| OpenOptions::new().write(true).open(path);
    let named = rustix::termios::ttyname(io::stdin(), Vec::new())
        .map_err(io::Error::from)
        .and_then(|name| open(Path::new(OsStr::from_bytes(name.as_bytes()))));
    named.or_else(|_| open(Path::new("/dev/tty")))
}

/// Returns how many columns text on stdout may use: the width of its terminal, else `COLUMNS`, or no limit without either.
#[must_use]
pub fn stdout_width_or_any() -> usize {
    width_of(io::stdout()).unwrap_or(usize::MAX)
}

/// Returns how many columns text on stderr may use: the width of its terminal, else `COLUMNS`, or no limit without either.
#[must_use]
pub fn stderr_width_or_any() -> usize {
    width_of(io::stderr()).unwrap_or(usize::MAX)
}

/// Returns how many columns help may use, as clap measures it: those of a terminal, else those of `COLUMNS`, and 100 at most.
#[must_use]
pub fn help_width() -> usize {
    let of_variable = || {
        std::env::var("COLUMNS")
            .ok()?
            .parse()
            .ok()
            .filter(|columns| *columns > 0)
    };
    width_of(io::stdout())
        .or_else(|| width_of(io::stdin()))
        .or_else(|| width_of(io::stderr()))
        .or_else(of_variable)
        .map_or(MOST_HELP_COLUMNS, |columns| columns.clamp(2, MOST_HELP_COLUMNS))
}

/// Returns the present size of stderr; 80 columns and 24 rows if it is not a terminal or its size is unknown.
#[must_use]
pub fn size() -> TerminalSize {
    let said = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let or = |of: fn(Winsize) -> u16, usual| said.map(of).filter(|n| *n > 0).map_or(usual, usize::from);
    TerminalSize {
        columns: or(|size| size.ws_col, 80),
        rows: or(|size| size.ws_row, 24),
    }
}

/// Returns the present width of stdout; 80 columns if it is not a terminal or its size is unknown.
#[must_use]
pub fn stdout_width() -> usize {
    width_of(io::stdout()).unwrap_or(80)
}

/// Returns the width of a stream: that of its terminal, else `COLUMNS`.
fn width_of(stream: impl AsFd) -> Option<usize> {
    let columns = rustix::termios::tcgetwinsize(stream).map(|size| usize::from(size.ws_col));
    let of_environment = || std::env::var("COLUMNS").ok()?.parse::<usize>().ok();
    let is_known = |columns: &usize| *columns > 0;
    columns.ok().filter(is_known).or_else(of_environment).filter(is_known)
}
