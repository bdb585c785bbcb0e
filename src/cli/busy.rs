//! Shows on a terminal what a slow command is doing, in a line that disappears when the command ends.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::catalogue::cli;
use crate::report::console::Console;
use crate::report::times::duration;

use super::context::Context;
use super::global_args::Output;

/// A task shorter than this is never shown. Also the interval at which the line is drawn.
const SOON: Duration = Duration::from_millis(300);

/// Returns the text that is shown while a ledger is read.
#[must_use]
pub fn reading() -> String {
    cli::BusyReadingLedger.to_string()
}

/// Shows a slow task until it is dropped.
pub struct Busy {
    text: BusyText,
    /// `None` where nothing is shown.
    display: Option<BusyDisplay>,
}

/// The text of the line, for a receiver of notices.
#[derive(Clone, Debug)]
pub struct BusyText(Arc<Mutex<String>>);

struct BusyDisplay {
    /// Dropping it ends the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BusyDisplay {
    fn start(console: &Console, text: BusyText) -> Self {
        let (end, ended) = channel();
        let bar = console.bar();
        let draw = move || {
            let mut began = Instant::now();
            while ended.recv_timeout(SOON) == Err(RecvTimeoutError::Timeout) {
                let doing = text.get();
                if doing.is_empty() {
                    began = Instant::now();
                } else {
                    let time = &duration(began.elapsed());
                    bar.draw_line(&cli::BusySoFar { doing: &doing, time }.to_string());
                }
            }
        };
        Self {
            end: Some(end),
            // If no thread can be started, the command runs without the line.
            thread: std::thread::Builder::new().name("busy".to_owned()).spawn(draw).ok(),
        }
    }
}

impl Busy {
    /// Shows that the command is `doing` something. Shows nothing without a bar, while stdout writes JSON to the same
    /// terminal, or while the text is empty.
    #[must_use]
    pub fn new(doing: &str, context: &Context) -> Self {
        let text = BusyText(Arc::new(Mutex::new(doing.to_owned())));
        let is_shown = context.terminal.bar && !(context.output == Output::Json && context.terminal.stdout);
        let display = is_shown.then(|| BusyDisplay::start(&context.console, text.clone()));
        Self { text, display }
    }

    /// Updates the text of the line, if there is one.
    pub fn say(&self, doing: impl FnOnce() -> String) {
        if self.display.is_some() {
            self.text.say(doing());
        }
    }

    /// Returns the text, which can be changed while the line is shown.
    #[must_use]
    pub fn text(&self) -> BusyText {
        self.text.clone()
    }
}

impl BusyText {
    /// Changes the text.
    pub fn say(&self, doing: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = doing.into();
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for BusyDisplay {
    fn drop(&mut self) {
        self.end = None;
        // Wait until the line is erased, before anything else is written to the terminal.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
