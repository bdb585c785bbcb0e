//! What a command is doing that takes a while, on a line that moves: only on a terminal, and gone when it is done.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, Output};

/// What is done within this is never shown.
const SOON: Duration = Duration::from_millis(300);

/// Something that takes a while, shown until this is dropped.
pub struct Busy(Option<ProgressBar>);

impl Context {
    /// Shows that the command is `doing` something. Nothing is shown between what stdout has for people or programs on the
    /// same terminal.
    #[must_use]
    pub fn busy(&self, doing: &str) -> Busy {
        if !self.terminal.bar || (self.output == Output::Json && self.terminal.stdout) {
            return Busy(None);
        }
        let style = ProgressStyle::with_template("{msg}, {elapsed} so far");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_message(doing.to_owned());
        bar.enable_steady_tick(SOON);
        Busy(Some(bar))
    }
}

impl Busy {
    /// Says how far it is.
    pub fn say(&self, doing: impl FnOnce() -> String) {
        if let Some(bar) = &self.0 {
            bar.set_message(doing());
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
