//! The program at a terminal: what a person sees during the question, and that nothing else appears until the answer.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthChar as _;

use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::signal;

const COLUMNS: usize = 90;
const ROWS: usize = 40;

/// What a terminal shows for the bytes that it received, with the lines that scrolled out at the top.
#[derive(Default)]
struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// The part of an escape sequence that has arrived.
    escape: Option<String>,
    /// The bytes of a character whose end has not arrived.
    partial: Vec<u8>,
}

impl Screen {
    fn show(&mut self, bytes: &[u8]) {
        self.partial.extend(bytes);
        let whole = match std::str::from_utf8(&self.partial) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let text = String::from_utf8(self.partial.drain(..whole).collect()).unwrap();
        for c in text.chars() {
            self.put(c);
        }
    }

    fn put(&mut self, c: char) {
        if let Some(mut escape) = self.escape.take() {
            escape.push(c);
            let ended = escape.len() > 1 && ('@'..='~').contains(&c);
            if ended {
                self.obey(&escape);
            } else {
                self.escape = Some(escape);
            }
            return;
        }
        match c {
            '\x1b' => self.escape = Some(String::new()),
            '\r' => self.column = 0,
            '\n' => self.row += 1,
            '\x08' => self.column = self.column.saturating_sub(1),
            c if c.is_control() => {}
            c => self.print(c),
        }
    }

    fn print(&mut self, c: char) {
        let wide = c.width().unwrap_or(0);
        if self.column + wide > COLUMNS {
            self.column = 0;
            self.row += 1;
        }
        let column = self.column;
        let line = self.line();
        while line.len() < column + wide {
            line.push(' ');
        }
        line[column] = c;
        self.column += wide;
    }

    fn line(&mut self) -> &mut Vec<char> {
        while self.lines.len() <= self.row {
            self.lines.push(Vec::new());
        }
        &mut self.lines[self.row]
    }

    fn obey(&mut self, escape: &str) {
        let parameters = escape
            .trim_start_matches('[')
            .trim_end_matches(|c: char| !c.is_ascii_digit());
        let n = parameters.parse::<usize>();
        let steps = n.clone().unwrap_or(1);
        // The cursor cannot move to lines that have scrolled out.
        let top = self.lines.len().max(self.row + 1).saturating_sub(ROWS);
        match escape.chars().last() {
            Some('A') => self.row = self.row.saturating_sub(steps).max(top),
            Some('B') => self.row += steps,
            Some('C') => self.column = (self.column + steps).min(COLUMNS - 1),
            Some('D') => self.column = self.column.saturating_sub(steps),
            Some('K') => {
                let from = if n == Ok(2) { 0 } else { self.column };
                self.line().truncate(from);
            }
            Some('J') => {
                let column = self.column;
                self.line().truncate(column);
                self.lines.truncate(self.row + 1);
            }
            Some('m' | 'h' | 'l') => {}
            _ => panic!("a sequence that this screen does not know: {escape:?}"),
        }
    }

    fn text(&self) -> String {
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned();
        let lines: Vec<_> = self.lines.iter().map(line).collect();
        lines.join("\n").trim_end().to_owned()
    }
}

/// The program at a terminal.
struct Session {
    process: Child,
    keyboard: File,
    screen: Screen,
    /// Everything that was written, whether or not it is still on the screen.
    written: Vec<u8>,
}

/// A new terminal: what a person has, and what a program has.
pub fn open_terminal() -> (File, File) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let size = Winsize {
        ws_row: u16::try_from(ROWS).unwrap(),
        ws_col: u16::try_from(COLUMNS).unwrap(),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    (File::from(keyboard), terminal)
}

impl Session {
    /// Starts the program with only its stdin at the terminal. Its outputs are piped, as in `2>&1 | tee log`.
    fn start_piped(mut command: Command) -> Self {
        let (keyboard, terminal) = open_terminal();
        command
            .stdin(Stdio::from(OwnedFd::from(terminal)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            process: command.spawn().unwrap(),
            keyboard,
            screen: Screen::default(),
            written: Vec::new(),
        }
    }

    fn start(mut command: Command) -> Self {
        let (keyboard, terminal) = open_terminal();
        let end = || Stdio::from(OwnedFd::from(terminal.try_clone().unwrap()));
        command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR");
        Self {
            process: command.spawn().unwrap(),
            keyboard,
            screen: Screen::default(),
            written: Vec::new(),
        }
    }

    /// Reads the next output. Returns false when every process has left the terminal.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.keyboard.read(&mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(n) => {
                self.screen.show(&bytes[..n]);
                self.written.extend(&bytes[..n]);
                true
            }
        }
    }

    fn until_it_shows(&mut self, text: &str) {
        while !self.screen.text().contains(text) {
            assert!(self.read(), "it never showed {text:?}, but:\n{}", self.screen.text());
        }
    }

    /// Reads until the question has been written.
    fn until_it_asks(&mut self) {
        let question = b"[y/N] ";
        while !self.written.windows(question.len()).any(|written| written == question) {
            assert!(self.read(), "it never asked:\n{}", self.screen.text());
        }
        self.reads_what_is_there();
    }

    /// Reads the output that is available now.
    fn reads_what_is_there(&mut self) {
        let at_once = Timespec::default();
        while poll(&mut [PollFd::new(&self.keyboard, PollFlags::IN)], Some(&at_once)) == Ok(1) && self.read() {}
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Reads to the end, and returns the exit code and the final screen.
    fn ends(mut self) -> (Option<i32>, String) {
        while self.read() {}
        (self.process.wait().unwrap().code(), self.screen.text())
    }
}

/// The question of a scene's campaign, as the screen shows it without an answer.
fn question(scene: &Scene, users: &str) -> String {
    format!(
        "about to send\n  coupons   {users}\n  campaign  {}\n  app       tt1, activity {}\n  platform  {}\n  ledger    \
         new, at {}\nan issued coupon cannot be taken back. go on? [y/N]",
        scene.name,
        scene.activity_id,
        scene.url,
        scene.place().dir().display()
    )
}

/// The lines of a question as a terminal of this width shows them.
fn wrapped(text: &str) -> String {
    let mut screen = Screen::default();
    screen.show(text.replace('\n', "\r\n").as_bytes());
    screen.text()
}

/// Each of a hundred runs draws its bar before it asks. There is no platform, and nothing is sent.
#[test]
fn the_question_is_whole_whenever_it_waits_for_an_answer() {
    let ask = || {
        for _ in 0..25 {
            let scene = Scene::new("http://127.0.0.1:9", 3_000);
            let question = wrapped(&question(&scene, "3,000"));
            let mut session = Session::start(scene.apply(&[]));
            session.until_it_asks();
            assert_eq!(session.screen.text(), question);
            session.types("n\n");
            let (code, shown) = session.ends();
            let told = format!("{question} n\nnothing was sent and nothing was changed");
            assert_eq!((shown, code), (told, Some(3)));
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(ask);
        }
    });
}

/// While one campaign asks, another that needs no answer sends until it is complete. It logs each attempt.
#[test]
fn nothing_appears_while_the_question_waits_and_all_of_it_follows_the_answer() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let asks = Scene::new(&fake_platform.url, 10);
    let mut agreed = Scene::new(&fake_platform.url, 40);
    "autumn".clone_into(&mut agreed.name);
    agreed.write();
    agreed.run(&["--at-most", "1"]).ends(3);

    let mut command = asks.apply(&[]);
    command
        .arg(agreed.file())
        .env("RUNNER_LOG", "warn,runner::douyin=debug");
    let mut session = Session::start(command);
    session.until_it_asks();
    while !agreed
        .without_secrets("status", &["--output", "json"])
        .out
        .contains("\"complete\"")
    {
        session.reads_what_is_there();
    }
    session.reads_what_is_there();
    let before = session.screen.text();
    assert!(before.ends_with("go on? [y/N]"), "{before}");

    session.types("n\n");
    let (code, shown) = session.ends();
    assert_eq!(code, Some(3), "{shown}");
    let rest = shown
        .strip_prefix(&before)
        .unwrap_or_else(|| panic!("{before}\n\nbecame\n\n{shown}"));
    assert!(rest.starts_with(" n\n"), "{rest}");
    assert!(
        rest.contains("nothing was sent and nothing was changed for those that were asked about"),
        "{rest}"
    );
    // A long entry is wrapped to several lines.
    let told: String = shown.lines().collect();
    assert_eq!(told.matches("an attempt ended").count(), 39, "{shown}");
}

#[test]
fn a_signal_ends_the_question_and_its_line() {
    let scene = Scene::new("http://127.0.0.1:9", 3);
    let question = wrapped(&question(&scene, "3"));
    let mut session = Session::start(scene.apply(&[]));
    session.until_it_asks();
    signal(&session.process, "TERM");
    let (code, shown) = session.ends();
    let told = format!("{question}\ninterrupted before anything was sent; who is owed what is unchanged");
    assert_eq!((shown, code), (told, Some(3)));
}

/// `^D` ends the input without a line, and means no.
#[test]
fn the_end_of_the_input_is_no_and_ends_the_line() {
    let scene = Scene::new("http://127.0.0.1:9", 3);
    let question = wrapped(&question(&scene, "3"));
    let mut session = Session::start(scene.apply(&[]));
    session.until_it_asks();
    session.types("\u{4}");
    let (code, shown) = session.ends();
    let told = format!("{question}\nnothing was sent and nothing was changed");
    assert_eq!((shown, code), (told, Some(3)));
}

/// By then the bar was drawn many times, and a warning above it.
#[test]
fn no_bar_is_left_above_the_summary_or_an_error() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 120);
    let mut session = Session::start(scene.apply(&["--yes"]));
    session.until_it_shows("issued 1");
    let (code, shown) = session.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.starts_with("\nsummer: complete\n\n  120 coupons = 120 issued\n"),
        "{shown}"
    );

    std::fs::write(scene.dir.path().join("audience.csv"), "user\nu1\n").unwrap();
    let (code, shown) = Session::start(scene.apply(&["--yes"])).ends();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.starts_with("error[E0404]"), "{shown}");
}

/// The terminal is closed, and the run goes on.
#[test]
fn a_terminal_that_is_gone_stops_no_run() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 150);
    let mut session = Session::start(scene.apply(&["--yes"]));
    session.until_it_shows("issued 1");
    let Session {
        mut process, keyboard, ..
    } = session;
    drop(keyboard);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert_eq!(fake_platform.ids().len(), 150);
}

#[test]
fn each_signal_says_what_it_does_and_the_second_takes_the_place_of_the_bar() {
    let hanging = FakePlatform::start(&["--hang", "100%"]);
    let scene = Scene::new(&hanging.url, 10).with("retry: {timeout: 10m}");
    let mut session = Session::start(scene.apply(&["--yes"]));
    session.until_it_shows("in doubt 0");
    while hanging.log().is_empty() {
        thread::yield_now();
    }
    signal(&session.process, "TERM");
    session.until_it_shows("SIGTERM: stopping. No new attempt starts; attempts in flight get up to 10 min");
    session.until_it_shows("in flight");
    signal(&session.process, "TERM");
    while session.read() {}
    assert_eq!(session.process.wait().unwrap().code(), Some(143));
    assert_eq!(session.screen.column, 0, "the cursor is at the beginning of a line");
    let below = session.screen.lines.get(session.screen.row);
    let shown = session.screen.text();
    assert!(below.is_none_or(Vec::is_empty), "{shown}");
    let last = "SIGTERM: ended at once. Nothing is lost; the same command continues";
    assert!(shown.ends_with(last) && !shown.contains("in doubt 0"), "{shown}");
}

#[test]
fn the_question_for_several_campaigns_is_whole() {
    for _ in 0..20 {
        let scene = Scene::new("http://127.0.0.1:9", 3_000);
        let mut other = Scene::new("http://127.0.0.1:9", 20);
        "autumn".clone_into(&mut other.name);
        other.write();
        let mut command = scene.apply(&[]);
        command.arg(other.file());
        let mut session = Session::start(command);
        session.until_it_asks();
        let asked = "about to send\n  3,000  summer\n         tt1, activity 7218071234565644204, new ledger\n     20  \
                     autumn\n         tt1, activity 7218071234565644204, new ledger\n  3,020 coupons in 2 campaigns, \
                     at http://127.0.0.1:9\nan issued coupon cannot be taken back. go on with all of them? [y/N]";
        assert_eq!(session.screen.text(), asked);
        session.types("\n");
        let (code, shown) = session.ends();
        let told = format!("{asked}\nnothing was sent and nothing was changed for those that were asked about\n");
        assert!(shown.starts_with(&told) && code == Some(3), "{code:?}\n{shown}");
    }
}

/// What the program writes to a pipe is read by `tee`, and the question is not for it.
#[test]
fn the_question_is_on_the_terminal_when_stderr_is_piped() {
    let scene = Scene::new("http://127.0.0.1:9", 3);
    let question = wrapped(&question(&scene, "3"));
    let mut session = Session::start_piped(scene.apply(&[]));
    session.until_it_asks();
    assert_eq!(session.screen.text(), question);
    session.types("n\n");
    while session.read() {}
    let ran = Ran::new(session.process.wait_with_output().unwrap()).ends(3);
    assert!(!ran.err.contains("[y/N]"), "{}", ran.err);
    assert!(
        ran.err.contains("nothing was sent and nothing was changed\n"),
        "{}",
        ran.err
    );
}

#[test]
fn without_a_terminal_the_first_line_says_that_the_file_decides() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3);
    let said =
        "there is no terminal on which to ask: the campaign file decides, and sending begins without a question\n";
    let ran = scene.run(&[]).ends(0);
    assert!(ran.err.starts_with(said), "{}", ran.err);
    for flags in [&["--yes"][..], &["--sandbox"], &["--output", "json"]] {
        let ran = scene.run(flags).ends(0);
        assert!(!ran.err.contains(said), "{flags:?}: {}", ran.err);
    }
}

/// A campaign whose five deliveries are held.
fn held() -> (FakePlatform, Scene) {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--inactive", "100%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    scene.run(&[]).ends(4);
    (fake_platform, scene)
}

fn resolve(scene: &Scene, who: &[&str], to: &[&str]) -> Command {
    let mut command = scene.command("resolve", who);
    command.args(to).args(["--note", "ticket 812"]);
    command
}

#[test]
fn resolve_asks_what_and_how_many_and_holds_no_lock_meanwhile() {
    let (_fake_platform, scene) = held();
    let all = || resolve(&scene, &["--held"], &["--as", "refused"]);
    let mut session = Session::start(all());
    session.until_it_asks();
    let ledger = scene.place().dir().display().to_string();
    let asked = String::from_utf8(session.written.clone()).unwrap();
    insta::assert_snapshot!(asked.replace(&ledger, "LEDGER").replace('\r', ""));
    // Another process decides about one of them, and the answer is no longer about what the question said.
    Ran::new(
        resolve(&scene, &["user-000001"], &["--as", "refused", "--yes"])
            .output()
            .unwrap(),
    )
    .ends(0);
    session.types("y\n");
    let (code, shown) = session.ends();
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("error[E0228]"), "{shown}");

    let mut session = Session::start(all());
    session.until_it_asks();
    session.types("y\n");
    let (code, shown) = session.ends();
    assert!(
        code == Some(0) && shown.contains("resolved 4 coupons as refused"),
        "{shown}"
    );
}

#[test]
fn without_a_terminal_resolve_needs_yes_where_much_depends_on_it() {
    let (_fake_platform, scene) = held();
    let run = |mut command: Command| Ran::new(command.output().unwrap());
    let several = run(resolve(&scene, &["--held"], &["--as", "owed"])).ends(2);
    let double = run(resolve(&scene, &["user-000001"], &["--as", "owed", "--may-double"])).ends(2);
    let mut command = resolve(&scene, &["--held"], &["--as", "owed"]);
    command.env("RUNNER_LANG", "zh");
    let chinese = run(command).ends(2);
    insta::assert_snapshot!(format!("{}\n{}\n{}", several.err, double.err, chinese.err));
    run(resolve(&scene, &["user-000001"], &["--as", "owed"])).ends(0);
    run(resolve(&scene, &["--held"], &["--as", "owed", "--yes"])).ends(0);
}
