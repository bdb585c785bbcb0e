//! The terminal: text from the top, below it bars that are redrawn in place, and at times a question.
//!
//! One lock guards all of it. Writing a question erases the bars, and until the answer nothing else is written: text is
//! kept and follows the answer, and then the bars are drawn again.
//!
//! Everything that reaches the streams as text passes [`printable`], so no foreign text commands a terminal. The streams
//! are outlets: a terminal that was stopped, or a pipe that nobody reads, delays its writers for a limited time.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use rustix::io::Errno;

use crate::catalogue::run;

use super::outlet::{Outlet, Patience, WeakOutlet};
use super::text::{TerminalSize, ascii_if_wanted, columns, cut, printable, visible_lines};

/// The least interval between two drawings of the bars. The latest lines of a bar are drawn with the next output.
const EVERY: Duration = Duration::from_millis(50);
/// How many pieces of text are kept while a question waits. The log and the record of events have all of them.
const MOST_KEPT: usize = 10_000;

/// How long a writer waits for a stream whose reader takes nothing.
const PATIENCE: Patience = Patience::AtMost(Duration::from_secs(1));
/// How long a process that ends at once waits for the end of a line.
const LEAVING: Duration = Duration::from_millis(100);

/// The process's standard streams as people read them. Cheap to clone; clones write to the same place.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    screen: Mutex<Screen>,
    stdout: Outlet,
    stderr: Outlet,
    /// The outlets of other files.
    others: Mutex<Vec<WeakOutlet>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

struct Text {
    stream: Stream,
    text: String,
}

/// Output that a question delays.
#[derive(Default)]
struct BufferedOutput {
    texts: Vec<Text>,
    left_out: u64,
}

#[derive(Clone)]
struct Sink {
    to: Outlet,
    colour: ColorChoice,
}

struct Screen {
    stdout: Sink,
    stderr: Sink,
    /// Whether stdout is on the same terminal as the bars.
    is_shared: bool,
    /// Returns the size of the terminal; `None` where no bar is drawn.
    room: Option<fn() -> TerminalSize>,
    bars: BTreeMap<u64, Vec<String>>,
    bars_so_far: u64,
    /// The width in columns of each line that is drawn now.
    drawn: Vec<usize>,
    drawn_at: Option<Instant>,
    /// Output that is kept until the answer; `None` without a question.
    question: Option<BufferedOutput>,
}

impl Console {
    /// The standard streams of this process. Bars are drawn on stderr if `room` is given, which returns the terminal's
    /// size. A write to stdout waits for its reader until [`Console::limit_waits`].
    #[must_use]
    pub fn of_process(room: Option<fn() -> TerminalSize>) -> Self {
        let stdout = Sink {
            colour: AutoStream::choice(&io::stdout()),
            to: outlet(io::stdout(), Patience::Endless),
        };
        let stderr = Sink {
            colour: AutoStream::choice(&io::stderr()),
            to: outlet(io::stderr(), PATIENCE),
        };
        Self::new(stdout, stderr, room, io::stdout().is_terminal())
    }

    fn new(stdout: Sink, stderr: Sink, room: Option<fn() -> TerminalSize>, is_shared: bool) -> Self {
        Self(Arc::new(Shared {
            stdout: stdout.to.clone(),
            stderr: stderr.to.clone(),
            others: Mutex::default(),
            screen: Mutex::new(Screen {
                stdout,
                stderr,
                is_shared,
                room,
                bars: BTreeMap::new(),
                bars_so_far: 0,
                drawn: Vec::new(),
                drawn_at: None,
                question: None,
            }),
        }))
    }

    /// Every step leaves the screen consistent, so a lock that a panic poisoned is used on.
    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes whole lines to stderr, above the bars. A failure is ignored: it must not stop a run.
    pub fn print(&self, text: &str) {
        self.log(text);
        let _ = self.0.stderr.flush();
    }

    /// Like [`Console::print`], unless a question waits for its answer.
    pub fn remark(&self, text: &str) {
        let mut screen = self.screen();
        if screen.question.is_some() {
            return;
        }
        let _ = screen.print(Stream::Stderr, text);
        drop(screen);
        let _ = self.0.stderr.flush();
    }

    /// Like [`Console::print`], for callers that must not wait.
    pub fn log(&self, text: &str) {
        let _ = self.screen().print(Stream::Stderr, text);
    }

    /// Writes text to stdout and waits until it is written.
    ///
    /// # Errors
    /// When stdout cannot be written, or its reader takes nothing while waits are limited.
    pub fn out(&self, text: &str) -> io::Result<()> {
        self.screen().print(Stream::Stdout, text)?;
        let written = self.0.stdout.flush();
        let _ = self.0.stderr.flush();
        written
    }

    /// Writes text to stdout in place of the last `lines` lines there, and waits until it is written.
    ///
    /// # Errors
    /// Like [`Console::out`].
    pub fn out_over(&self, lines: usize, text: &str) -> io::Result<()> {
        let screen = self.screen();
        if lines > 0 {
            screen.stdout.write(&format!("\x1b[{lines}F\x1b[J"))?;
        }
        screen.stdout.write(&screen.stdout.adapt(text))?;
        drop(screen);
        self.0.stdout.flush()
    }

    /// Stdout for data that no terminal shows.
    #[must_use]
    pub fn stdout_of_data(&self) -> Outlet {
        self.0.stdout.clone()
    }

    /// An outlet whose waits [`Console::limit_waits`] limits, too.
    #[must_use]
    pub fn outlet(&self, out: impl Write + Send + 'static, patience: Patience) -> Outlet {
        let outlet = Outlet::new(out, patience);
        let mut others = self.0.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.push(outlet.downgrade());
        outlet
    }

    /// From now on, no writer waits long for a reader that takes nothing: a run is under way, or the process ends.
    pub fn limit_waits(&self) {
        self.0.stdout.set_patience(PATIENCE);
        let others = self.0.others.lock().unwrap_or_else(PoisonError::into_inner);
        for outlet in others.iter().filter_map(WeakOutlet::upgrade) {
            outlet.set_patience(PATIENCE);
        }
    }

    /// Waits until both streams are written or `deadline` has come. Returns how many lines stdout lacks.
    #[must_use]
    pub fn finish(&self, deadline: Instant) -> u64 {
        let lost = self.0.stdout.finish(deadline);
        let _ = self.0.stderr.finish(deadline);
        lost
    }

    /// A writer of foreign lines to stdout: not even a style of theirs reaches a terminal.
    #[must_use]
    pub fn stdout(&self) -> impl Write + Send + use<> {
        ToStdout(self.clone())
    }

    /// A new bar below the others. Nothing is drawn before [`Bar::draw`].
    #[must_use]
    pub fn bar(&self) -> Bar {
        let mut screen = self.screen();
        screen.bars_so_far += 1;
        Bar {
            console: self.clone(),
            number: screen.bars_so_far,
        }
    }

    /// The size of the terminal; 80 columns and 24 rows where no bar is drawn.
    #[must_use]
    pub fn size(&self) -> TerminalSize {
        self.screen().size()
    }

    /// Erases the bars and writes a question. Nothing else is written until the returned value is dropped.
    ///
    /// # Errors
    /// When the question cannot be written.
    pub fn ask(&self, question: &str) -> io::Result<Question> {
        let mut screen = self.screen();
        let erased = screen.erase();
        let question = format!("{erased}{}", screen.stderr.adapt(question));
        screen.stderr.write(&question)?;
        screen.question = Some(BufferedOutput::default());
        drop(screen);
        let asked = Question {
            console: self.clone(),
            terminal: None,
        };
        self.0.stderr.flush()?;
        Ok(asked)
    }

    /// Like [`Console::ask`], on a terminal that is not stderr. What was written to stderr before comes first.
    ///
    /// # Errors
    /// When the question cannot be written.
    pub fn ask_at(&self, mut terminal: File, question: &str) -> io::Result<Question> {
        let mut screen = self.screen();
        let _ = self.0.stderr.flush();
        terminal.write_all(printable(question).as_bytes())?;
        screen.question = Some(BufferedOutput::default());
        drop(screen);
        Ok(Question {
            console: self.clone(),
            terminal: Some(terminal),
        })
    }

    /// Writes the last text before the process exits, in place of the bars or after the line of a question. Without a text, moves
    /// the cursor to a line of its own. Does not wait for the lock: a blocked terminal must not keep the process.
    pub fn leave(&self, text: Option<&str>) {
        let mut screen = match self.0.screen.try_lock() {
            Ok(screen) => screen,
            Err(TryLockError::Poisoned(screen)) => screen.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let is_asking = screen.question.is_some();
        let last = match text {
            Some(text) => {
                let before = if is_asking { "\n".to_owned() } else { screen.erase() };
                before + &screen.stderr.adapt(text)
            }
            None if is_asking || !screen.drawn.is_empty() => "\n".to_owned(),
            None => return,
        };
        let _ = screen.stderr.write(&last);
        let _ = self.0.stderr.finish(Instant::now() + LEAVING);
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

/// Lines that are redrawn in place until the bar is dropped.
#[derive(Debug)]
pub struct Bar {
    console: Console,
    number: u64,
}

impl Bar {
    /// Replaces the lines of the bar. Each must fit the terminal's width.
    pub fn draw(&self, lines: Vec<String>) {
        let mut screen = self.console.screen();
        screen.bars.insert(self.number, lines);
        // Drawing more often than anyone can read costs time.
        let soon = screen.drawn_at.is_some_and(|at| at.elapsed() < EVERY);
        if !soon {
            screen.redraw();
            drop(screen);
            let _ = self.console.0.stderr.flush();
        }
    }

    /// Replaces the bar by one line, cut to the terminal's width.
    pub fn draw_line(&self, text: &str) {
        // Some terminals wrap a line that fills the last column.
        let width = self.console.size().columns.saturating_sub(1);
        self.draw(vec![cut(text, width).into_owned()]);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let mut screen = self.console.screen();
        if screen.bars.remove(&self.number).is_some() {
            screen.redraw();
            drop(screen);
            let _ = self.console.0.stderr.flush();
        }
    }
}

/// A question that waits for its answer. Dropping it writes what was kept and draws the bars again.
#[derive(Debug)]
#[must_use]
pub struct Question {
    console: Console,
    /// Where it was asked. `None` for stderr.
    terminal: Option<File>,
}

impl Question {
    /// Ends the line of the question if no answer did.
    pub fn end_line(&self) {
        let _ = match self.terminal.as_ref() {
            Some(mut terminal) => terminal.write_all(b"\n"),
            None => self.console.screen().stderr.write("\n"),
        };
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.console.screen().answered();
        let _ = self.console.0.stderr.flush();
    }
}

struct ToStdout(Console);

impl Write for ToStdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.out(&visible_lines(&String::from_utf8_lossy(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn adapt(&self, text: &str) -> String {
        // Escapes of foreign text are shown, also where styles are stripped.
        let text = printable(text);
        let text = ascii_if_wanted(&text);
        match self.colour {
            ColorChoice::Never => strip_str(&text).to_string(),
            _ => text.into_owned(),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.to.write(text.as_bytes())
    }
}

/// An outlet to a standard stream. The stream's own buffer and lock are not used.
fn outlet<S: AsFd + Write + Send + 'static>(stream: S, patience: Patience) -> Outlet {
    match stream.as_fd().try_clone_to_owned() {
        Ok(copy) => Outlet::new(File::from(copy), patience),
        // A process that may open no more files still says so.
        Err(error) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => Outlet::new(stream, patience),
        Err(error) => Outlet::new(Unusable(error.kind()), patience),
    }
}

/// A stream that the process cannot use.
struct Unusable(io::ErrorKind);

impl Write for Unusable {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn size(&self) -> TerminalSize {
        self.room.map_or(TerminalSize { columns: 80, rows: 24 }, |room| room())
    }

    fn print(&mut self, stream: Stream, text: &str) -> io::Result<()> {
        if stream == Stream::Stdout && !self.is_shared {
            return self.stdout.write(&self.stdout.adapt(text));
        }
        if let Some(kept) = &mut self.question {
            kept.keep(stream, text);
            return Ok(());
        }
        let written = self.write(stream, text);
        self.redraw();
        written
    }

    fn write(&mut self, stream: Stream, text: &str) -> io::Result<()> {
        let erased = self.erase();
        let written = match stream {
            Stream::Stdout => {
                // Two threads write to the terminal, one after the other.
                let _ = self.stderr.write(&erased).and_then(|()| self.stderr.to.flush());
                let text = self.stdout.adapt(text);
                let written = self.stdout.write(&text);
                let _ = self.stdout.to.flush();
                written
            }
            Stream::Stderr => {
                let text = self.stderr.adapt(text);
                self.stderr.write(&(erased + &text))
            }
        };
        if !self.bars.is_empty() && !text.ends_with('\n') {
            let _ = self.stderr.write("\n");
        }
        written
    }

    /// The escape sequence that erases the drawn lines; forgets these lines.
    fn erase(&mut self) -> String {
        let width = self.size().columns.max(1);
        // A terminal that became narrower has wrapped lines that were wider.
        let rows: usize = self.drawn.drain(..).map(|columns| columns.div_ceil(width).max(1)).sum();
        match rows {
            0 => String::new(),
            1 => "\r\x1b[J".to_owned(),
            _ => format!("\r\x1b[{}A\x1b[J", rows - 1),
        }
    }

    fn redraw(&mut self) {
        // A terminal that takes nothing gets no more drawings.
        if self.room.is_none() || self.question.is_some() || self.stderr.to.is_stuck() {
            return;
        }
        let mut text = self.erase();
        let rows = self.size().rows.saturating_sub(1).max(1);
        let lines: Vec<_> = self.bars.values().flatten().take(rows).cloned().collect();
        if !lines.is_empty() {
            text += &self.stderr.adapt(&lines.join("\n"));
            // After a full line, the `^C` that a terminal echoes would begin another line.
            text.push('\r');
        }
        if text.is_empty() {
            return;
        }
        let width = |line: &String| columns(&strip_str(&ascii_if_wanted(line)).to_string());
        self.drawn = lines.iter().map(width).collect();
        self.drawn_at = Some(Instant::now());
        let _ = self.stderr.write(&text);
    }

    fn answered(&mut self) {
        let Some(kept) = self.question.take() else { return };
        for Text { stream, text } in kept.texts {
            let _ = self.write(stream, &text);
        }
        if kept.left_out > 0 {
            let more = run::QuestionLeftOut { n: kept.left_out };
            let _ = self.write(Stream::Stderr, &format!("{more}\n"));
        }
        self.redraw();
    }
}

impl BufferedOutput {
    fn keep(&mut self, stream: Stream, text: &str) {
        if self.texts.len() == MOST_KEPT {
            self.left_out += 1;
            return;
        }
        self.texts.push(Text {
            stream,
            text: text.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written since the last call of `take`.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    /// A terminal that was closed.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sink(to: impl Write + Send + 'static) -> Sink {
        Sink {
            to: Outlet::new(to, Patience::Endless),
            colour: ColorChoice::Never,
        }
    }

    fn room() -> TerminalSize {
        TerminalSize { columns: 20, rows: 5 }
    }

    fn console() -> (Console, Written) {
        let terminal = Written::default();
        let console = Console::new(sink(terminal.clone()), sink(terminal.clone()), Some(room), true);
        (console, terminal)
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn text_comes_above_the_bars() {
        let (console, terminal) = console();
        let first = console.bar();
        let second = console.bar();
        first.draw(lines(&["a", "b"]));
        assert_eq!(terminal.take(), "a\nb\r");
        console.print("\x1b[1mtext\x1b[0m\n");
        assert_eq!(terminal.take(), "\r\x1b[1A\x1b[Jtext\na\nb\r");
        // The line appears with the next output.
        second.draw(lines(&["c"]));
        assert_eq!(terminal.take(), "");
        console.stdout().write_all(b"data\n").unwrap();
        assert_eq!(terminal.take(), "\r\x1b[1A\x1b[Jdata\na\nb\nc\r");
        drop(first);
        assert_eq!(terminal.take(), "\r\x1b[2A\x1b[Jc\r");
        drop(second);
        assert_eq!(terminal.take(), "\r\x1b[J");
    }

    #[test]
    fn nothing_is_written_while_a_question_waits() {
        let (console, terminal) = console();
        let bar = console.bar();
        bar.draw(lines(&["a", "b"]));
        terminal.take();
        let question = console.ask("go on? ").unwrap();
        assert_eq!(terminal.take(), "\r\x1b[1A\x1b[Jgo on? ");
        console.print("text\n");
        console.stdout().write_all(b"data\n").unwrap();
        bar.draw(lines(&["c"]));
        let soon_gone = console.bar();
        soon_gone.draw(lines(&["d"]));
        drop(soon_gone);
        assert_eq!(terminal.take(), "");
        drop(question);
        assert_eq!(terminal.take(), "text\ndata\nc\r");
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let (console, terminal) = console();
        let question = console.ask("").unwrap();
        for _ in 0..MOST_KEPT + 2 {
            console.print("text\n");
        }
        drop(question);
        let written = terminal.take();
        assert_eq!(written.matches("text").count(), MOST_KEPT);
        assert!(
            written.ends_with("\n2 more lines were left out while the question waited\n"),
            "{written}"
        );
    }

    /// A line of 30 columns takes two lines of 20, and lines without room are not drawn.
    #[test]
    fn a_bar_is_erased_as_the_terminal_shows_it() {
        let (console, terminal) = console();
        let bar = console.bar();
        bar.draw(lines(&[&"x".repeat(30), "\x1b[1mstyled\x1b[0m"]));
        terminal.take();
        console.print("text\n");
        assert!(terminal.take().starts_with("\r\x1b[2A\x1b[Jtext\n"));
        drop(bar);
        terminal.take();
        let bar = console.bar();
        bar.draw(lines(&["1", "2", "3", "4", "5"]));
        console.print("text\n");
        assert!(terminal.take().ends_with("text\n1\n2\n3\n4\r"));
    }

    #[test]
    fn a_terminal_that_is_gone_concerns_nobody() {
        let console = Console::new(sink(Gone), sink(Gone), Some(room), true);
        let bar = console.bar();
        bar.draw(lines(&["a"]));
        console.print("text\n");
        assert!(console.ask("go on? ").is_err());
        assert!(console.stdout().write_all(b"data\n").is_err());
    }

    #[test]
    fn a_process_that_ends_at_once_leaves_whole_lines() {
        let (console, terminal) = console();
        console.leave(None);
        assert_eq!(terminal.take(), "");
        let bar = console.bar();
        bar.draw(lines(&["a"]));
        terminal.take();
        console.leave(None);
        assert_eq!(terminal.take(), "\n");
        let held = console.0.screen.lock().unwrap();
        console.leave(None);
        drop(held);
        assert_eq!(terminal.take(), "");
    }
}
