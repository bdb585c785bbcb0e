//! What stands at the other end of the standard streams.

use std::io::IsTerminal;

/// What is known of the terminal when the process starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether a person can answer a question.
    pub stdin: bool,
    /// Whether stdout is a terminal.
    pub stdout: bool,
    /// Whether stderr is a terminal.
    pub stderr: bool,
    /// Whether colours and moving bars are wanted at all.
    pub lively: bool,
}

impl Terminal {
    /// Looks at the process's streams and at `NO_COLOR` and `TERM`.
    #[must_use]
    pub fn of_process() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            lively: !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    /// Whether a moving bar may be drawn on stderr.
    #[must_use]
    pub const fn bar(self) -> bool {
        self.stderr && self.lively
    }

    /// Whether a question can be put and answered.
    #[must_use]
    pub const fn can_ask(self) -> bool {
        self.stdin && self.stderr
    }
}

/// How many columns stderr has now; 80 when it is no terminal or does not say.
#[must_use]
pub fn width() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => 80,
    }
}
