//! Shows on a terminal what a slow command is doing, in a line that disappears when the command ends.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::report::times::duration;

use super::{Context, Output};

/// A task shorter than this is never shown. Also the interval at which the line is drawn.
const SOON: Duration = Duration::from_millis(300);

/// Shows a slow task until it is dropped.
pub struct Busy(Option<Line>);

struct Line {
    doing: Arc<Mutex<String>>,
    /// Dropping it ends the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Context {
    /// Shows that the command is `doing` something. Shows nothing without a bar, or while stdout writes JSON to the same
    /// terminal.
    #[must_use]
    pub fn busy(&self, doing: &str) -> Busy {
        if !self.terminal.bar || (self.output == Output::Json && self.terminal.stdout) {
            return Busy(None);
        }
        let doing = Arc::new(Mutex::new(doing.to_owned()));
        let (end, ended) = channel();
        let shown = Arc::clone(&doing);
        let bar = self.console.bar();
        let began = Instant::now();
        let draw = move || {
            while ended.recv_timeout(SOON) == Err(RecvTimeoutError::Timeout) {
                let doing = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let line = format!("{doing}, {} so far", duration(began.elapsed()));
                bar.draw_line(&line);
            }
        };
        // If no thread can be started, the command runs without the line.
        let thread = std::thread::Builder::new().name("busy".to_owned()).spawn(draw).ok();
        Busy(Some(Line {
            doing,
            end: Some(end),
            thread,
        }))
    }
}

impl Busy {
    /// Updates the text of the line.
    pub fn say(&self, doing: impl FnOnce() -> String) {
        if let Some(line) = &self.0 {
            *line.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end = None;
        // Wait until the line is erased, before anything else is written to the terminal.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
