//! Signals: the first one asks the run to stop in order, the second one ends the process at once.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};
use tokio::sync::watch;

use crate::catalogue::run;
use crate::report::console::Console;
use crate::report::text::wrap_prose;
use crate::report::times::duration;

use super::exit::Exit;
use super::terminal::stderr_width_or_any;

/// A signal that asks for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: ^C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal was closed.
    HangUp,
}

impl Signal {
    /// Returns the signal's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        }
    }

    /// Returns the exit of the process when this signal is the second.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Interrupt => Exit::Interrupted,
            Self::Terminate => Exit::Terminated,
            Self::HangUp => Exit::HungUp,
        }
    }
}

/// What the texts about signals say.
#[derive(Clone, Copy, Debug)]
pub struct SignalTexts {
    /// How long the run waits for attempts in flight.
    pub timeout: Duration,
}

/// Listens in a task of the current runtime. The receiver holds the first signal once it has arrived. Any second signal
/// ends the process at once. Nothing must be saved then, because every fact is durable before it is acted on; only a bar or
/// a question on `console` is ended with a whole line. From the first on, nobody waits long for a reader of the outputs of
/// `console`. With `texts`, both say what happens.
///
/// # Errors
/// The system does not let the process listen.
pub fn listen(console: Console, texts: Option<SignalTexts>) -> io::Result<watch::Receiver<Option<Signal>>> {
    let mut arrivals = Listeners::new()?;
    let (told, first) = watch::channel(None);
    tokio::spawn(async move {
        let signal = arrivals.next().await;
        tracing::info!("{} arrived: asking the run to stop", signal.name());
        // A reader that takes nothing must not keep the process from ending.
        console.limit_waits();
        // The receiver may have been dropped. The second signal still ends the process.
        let _ = told.send(Some(signal));
        if let Some(texts) = texts {
            let stopping = run::StoppingOnSignal {
                signal: &signal.name(),
                timeout: &duration(texts.timeout),
            };
            console.remark(&wrap_prose(&format!("{stopping}\n"), stderr_width_or_any()));
        }
        let signal = arrivals.next().await;
        let last = texts.map(|_| {
            let signal = signal.name();
            format!("{}\n", run::EndedAtOnce { signal: &signal })
        });
        console.leave(last.as_deref());
        std::process::exit(i32::from(signal.exit().code()));
    });
    Ok(first)
}

/// Returns a receiver that becomes true with the first signal that asks for an end.
///
/// # Errors
/// Like [`listen`].
pub fn stopped(console: Console) -> io::Result<watch::Receiver<bool>> {
    let mut first = listen(console, None)?;
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        if first.wait_for(Option::is_some).await.is_ok() {
            tell.send_replace(true);
        }
        // Keep the sender: a closed channel would look like another signal.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}

struct Listeners {
    interrupt: Arrivals,
    terminate: Arrivals,
    hang_up: Option<Arrivals>,
}

impl Listeners {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if hang_up_is_ignored() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        })
    }

    async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(arrivals) => arrivals.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = hang_up => Signal::HangUp,
        }
    }
}

/// Returns whether SIGHUP was ignored when the process started, as under `nohup`. Listening would undo that. Linux says so
/// in /proc; where /proc is missing, returns false.
fn hang_up_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

/// Reads the mask of ignored signals from `/proc/<pid>/status`: hexadecimal, the lowest bit is signal 1, SIGHUP.
fn ignores_hang_up(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hang_up_is_seen() {
        assert!(ignores_hang_up("Name:\trunner\nSigIgn:\t0000000000001001\nSigCgt:\t0"));
        assert!(!ignores_hang_up("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001"));
        assert!(!ignores_hang_up(""));
    }
}
