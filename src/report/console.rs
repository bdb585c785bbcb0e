//! The terminal: text from the top, below it bars that are redrawn in place, and at times a question.
//!
//! One lock guards all of it. Writing a question erases the bars, and until the answer nothing else is written: text is
//! kept and follows the answer, and then the bars are drawn again.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::text::{TerminalSize, columns, cut};
use super::times::counted;

/// The least interval between two drawings of the bars. The latest lines of a bar are drawn with the next output.
const EVERY: Duration = Duration::from_millis(50);
/// How many pieces of text are kept while a question waits. The log and the record of events have all of them.
const MOST_KEPT: usize = 10_000;

/// The process's standard streams as people read them. Cheap to clone; clones write to the same place.
#[derive(Clone)]
pub struct Console(Arc<Mutex<Screen>>);

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

struct Sink {
    to: Box<dyn Write + Send>,
    colour: ColorChoice,
}

struct Screen {
    stdout: Sink,
    stderr: Sink,
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
    /// size.
    #[must_use]
    pub fn of_process(room: Option<fn() -> TerminalSize>) -> Self {
        Self::new(
            Sink {
                colour: AutoStream::choice(&io::stdout()),
                to: Box::new(io::stdout()),
            },
            Sink {
                colour: AutoStream::choice(&io::stderr()),
                to: Box::new(io::stderr()),
            },
            room,
        )
    }

    fn new(stdout: Sink, stderr: Sink, room: Option<fn() -> TerminalSize>) -> Self {
        Self(Arc::new(Mutex::new(Screen {
            stdout,
            stderr,
            room,
            bars: BTreeMap::new(),
            bars_so_far: 0,
            drawn: Vec::new(),
            drawn_at: None,
            question: None,
        })))
    }

    /// Every step leaves the screen consistent, so a lock that a panic poisoned is used on.
    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes whole lines to stderr, above the bars. A failure is ignored: it must not stop a run.
    pub fn print(&self, text: &str) {
        let _ = self.screen().print(Stream::Stderr, text);
    }

    /// A writer of whole lines to stdout, for a stdout on the same terminal.
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
        Ok(Question(self.clone()))
    }

    /// Moves the cursor to a line of its own before the process exits. Does not wait for the lock: a blocked terminal
    /// must not keep the process.
    pub fn leave(&self) {
        let mut screen = match self.0.try_lock() {
            Ok(screen) => screen,
            Err(TryLockError::Poisoned(screen)) => screen.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if screen.question.is_some() || !screen.drawn.is_empty() {
            let _ = screen.stderr.write("\n");
        }
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
        }
    }
}

/// A question that waits for its answer. Dropping it writes what was kept and draws the bars again.
#[derive(Debug)]
#[must_use]
pub struct Question(Console);

impl Question {
    /// Ends the line of the question if no answer did.
    pub fn end_line(&self) {
        let _ = self.0.screen().stderr.write("\n");
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.0.screen().answered();
    }
}

/// Buffers pieces: each write to the screen has whole lines.
struct ToStdout(Console);

impl Write for ToStdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.screen().print(Stream::Stdout, &text)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn adapt(&self, text: &str) -> String {
        match self.colour {
            ColorChoice::Never => strip_str(text).to_string(),
            _ => text.to_owned(),
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())?;
        self.to.flush()
    }
}

impl Screen {
    fn size(&self) -> TerminalSize {
        self.room.map_or(TerminalSize { columns: 80, rows: 24 }, |room| room())
    }

    fn print(&mut self, stream: Stream, text: &str) -> io::Result<()> {
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
                let _ = self.stderr.write(&erased);
                let text = self.stdout.adapt(text);
                self.stdout.write(&text)
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
        if self.room.is_none() || self.question.is_some() {
            return;
        }
        let mut text = self.erase();
        let rows = self.size().rows.saturating_sub(1).max(1);
        let lines: Vec<_> = self.bars.values().flatten().take(rows).cloned().collect();
        if !lines.is_empty() {
            text += &lines.join("\n");
            // After a full line, the `^C` that a terminal echoes would begin another line.
            text.push('\r');
        }
        if text.is_empty() {
            return;
        }
        self.drawn = lines.iter().map(|line| columns(&strip_str(line).to_string())).collect();
        self.drawn_at = Some(Instant::now());
        let _ = self.stderr.write(&text);
    }

    fn answered(&mut self) {
        let Some(kept) = self.question.take() else { return };
        for Text { stream, text } in kept.texts {
            let _ = self.write(stream, &text);
        }
        if kept.left_out > 0 {
            let more = counted(kept.left_out, "more line was", "more lines were");
            let _ = self.write(Stream::Stderr, &format!("{more} left out while the question waited\n"));
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
            to: Box::new(to),
            colour: ColorChoice::Never,
        }
    }

    fn room() -> TerminalSize {
        TerminalSize { columns: 20, rows: 5 }
    }

    fn console() -> (Console, Written) {
        let terminal = Written::default();
        let console = Console::new(sink(terminal.clone()), sink(terminal.clone()), Some(room));
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
        let console = Console::new(sink(Gone), sink(Gone), Some(room));
        let bar = console.bar();
        bar.draw(lines(&["a"]));
        console.print("text\n");
        assert!(console.ask("go on? ").is_err());
        assert!(console.stdout().write_all(b"data\n").is_err());
    }

    #[test]
    fn a_process_that_ends_at_once_leaves_whole_lines() {
        let (console, terminal) = console();
        console.leave();
        assert_eq!(terminal.take(), "");
        let bar = console.bar();
        bar.draw(lines(&["a"]));
        terminal.take();
        console.leave();
        assert_eq!(terminal.take(), "\n");
        let held = console.0.lock().unwrap();
        console.leave();
        drop(held);
        assert_eq!(terminal.take(), "");
    }
}
