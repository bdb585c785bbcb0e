//! Real signals, sent to a separate process: this test binary, started again.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use runner::cli::signals::listen;
use runner::report::console::Console;
use rustix::process::{Pid, Signal, kill_process};

const CHILD: &str = "RUNNER_TEST_SIGNALS_CHILD";

/// The child process. It prints when it listens and which signal came first, and then waits for ever.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut first = listen(Console::of_process(None), None).expect("it may listen");
        println!("ready");
        let signal = first.wait_for(Option::is_some).await.expect("the listener is alive");
        println!("asked by {}", signal.expect("it is some").name());
        std::future::pending::<()>().await;
    });
}

struct Listener {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Listener {
    /// Starts the child through a shell, which may set traps that the child inherits.
    fn start(traps: &str) -> Self {
        // These tests may be run under `nohup`, and a shell cannot take back what was ignored before it began.
        let mut shell = if cfg!(target_os = "linux") {
            let mut env = Command::new("env");
            env.args(["--default-signal=HUP,INT", "sh"]);
            env
        } else {
            Command::new("sh")
        };
        let mut process = shell
            .arg("-c")
            .arg(format!("{traps} exec \"$0\" \"$@\""))
            .arg(std::env::current_exe().expect("this test's path"))
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut listener = Self { process, lines };
        listener.says("ready");
        listener
    }

    fn says(&mut self, text: &str) {
        let mut heard = String::new();
        for line in self.lines.by_ref() {
            let line = line.expect("text");
            if line.ends_with(text) {
                return;
            }
            heard += &line;
        }
        panic!("it ended without saying {text:?}, but {heard:?}");
    }

    fn gets(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process");
        kill_process(pid, signal).expect("the signal is sent");
    }

    fn ends_with(mut self, code: i32) {
        assert_eq!(self.process.wait().expect("it ends").code(), Some(code));
    }
}

#[test]
fn the_first_asks_and_the_second_ends() {
    for (first, name, second, code) in [
        (Signal::INT, "SIGINT", Signal::INT, 130),
        (Signal::TERM, "SIGTERM", Signal::INT, 130),
        (Signal::HUP, "SIGHUP", Signal::TERM, 143),
        (Signal::INT, "SIGINT", Signal::HUP, 129),
    ] {
        let mut listener = Listener::start("");
        listener.gets(first);
        listener.says(&format!("asked by {name}"));
        listener.gets(second);
        listener.ends_with(code);
    }
}

/// Under `nohup` the run continues when the terminal closes.
#[test]
#[cfg(target_os = "linux")]
fn a_hang_up_that_was_ignored_stays_ignored() {
    let mut listener = Listener::start("trap '' HUP;");
    listener.gets(Signal::HUP);
    listener.gets(Signal::TERM);
    listener.says("asked by SIGTERM");
    listener.gets(Signal::HUP);
    listener.gets(Signal::INT);
    listener.ends_with(130);
}
