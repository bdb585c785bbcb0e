//! What a command is doing that takes a while, on a line that moves: only on a terminal, and gone when it is done.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::report::times::duration;

use super::{Context, Output};

/// What is done within this is never shown, and how often the line is drawn.
const SOON: Duration = Duration::from_millis(300);

/// Something that takes a while, shown until this is dropped.
pub struct Busy(Option<Line>);

struct Line {
    doing: Arc<Mutex<String>>,
    /// Ends the thread when it is dropped.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Context {
    /// Shows that the command is `doing` something. Nothing is shown between what stdout has for people or programs on the
    /// same terminal.
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
        // Without a thread nothing is shown, and the command does what it does.
        let thread = std::thread::Builder::new().name("busy".to_owned()).spawn(draw).ok();
        Busy(Some(Line {
            doing,
            end: Some(end),
            thread,
        }))
    }
}

impl Busy {
    /// Says how far it is.
    pub fn say(&self, doing: impl FnOnce() -> String) {
        if let Some(line) = &self.0 {
            *line.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end = None;
        // The line is gone from the terminal before anything else is written.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
