//! What a command is given beside its own arguments, and how it prints.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::app::{CampaignFile, CampaignRef, Environment, Notice};
use crate::catalogue::cli;
use crate::ledger::witness::Witnesses;
use crate::model::clock::Clock;
use crate::model::problem::Problem;
use crate::model::secret::SecretRef;
use crate::report::console::Console;
use crate::report::json_lines::{JsonLines, MissingObjects};
use crate::report::outlet::Patience;
use crate::report::render::terminal::styles::WARNING;
use crate::report::reporter::{Outputs, ProgressDisplay};
use crate::report::text::{visible, visible_path, wrap_prose};

use super::append_file;
use super::failure::Failure;
use super::global_args::{GlobalArgs, Output};
use super::notices;
use super::rehearsal::RehearsalArgs;
use super::store_args;
use super::terminal::{self, Terminal};

/// What a command is given beside its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whether the output is for people or for programs.
    pub output: Output,
    /// The stream of JSON objects with [`Output::Json`].
    pub lines: JsonLines,
    /// What the standard streams are connected to.
    pub terminal: Terminal,
    /// Where messages, questions and progress go.
    pub console: Console,
    /// The state directory. `None` for the default.
    pub state_dir: Option<PathBuf>,
    /// The reference to the database on the command line.
    pub store: Option<SecretRef>,
    /// What use cases take from the command.
    pub environment: Environment,
}

impl Context {
    /// Creates the context from the process's own streams and clock.
    #[must_use]
    pub fn new(args: &GlobalArgs) -> Self {
        let terminal = Terminal::of_process();
        let console = Console::of_process(terminal.bar.then_some(terminal::size));
        let lines = JsonLines::stdout(console.clone());
        let output = args.output;
        let printer = console.clone();
        let notices = Arc::new(move |notice: Notice<'_>| {
            if output == Output::Human {
                notices::print(&printer, notice);
            }
        });
        Self {
            output,
            lines,
            terminal,
            console,
            state_dir: args.state_dir.clone(),
            store: args.store.clone(),
            environment: Environment {
                clock: Clock::system(),
                witnesses: Witnesses::of_user(directory("XDG_STATE_HOME"), directory("HOME")),
                database: None,
                worker: None,
                kept_messages: None,
                notices,
            },
        }
    }

    /// Uses the database that the command line or the environment names.
    pub fn open_store(&mut self, args: &GlobalArgs) -> Result<(), Failure> {
        self.environment.database = store_args::database(args.store.as_ref())?;
        Ok(())
    }

    /// Returns which campaign the arguments of a command mean.
    #[must_use]
    pub fn campaign(&self, file: &CampaignFile, rehearsal: &RehearsalArgs) -> CampaignRef {
        CampaignRef {
            file: file.clone(),
            occurrence: None,
            rehearsal: rehearsal.rehearsal(),
            state_dir: self.state_dir.clone(),
            store: self.store.clone(),
        }
    }

    /// Returns the environment of use cases whose notices `show` receives, too.
    #[must_use]
    pub fn environment_with(&self, show: impl Fn(Notice<'_>) + Send + Sync + 'static) -> Environment {
        let print = Arc::clone(&self.environment.notices);
        Environment {
            notices: Arc::new(move |notice: Notice<'_>| {
                show(notice);
                print.notify(notice);
            }),
            ..self.environment.clone()
        }
    }

    /// Returns the present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    /// Shows a failure: to programs on stdout, to people on stderr.
    pub fn show(&self, failure: &Failure) {
        match self.output {
            Output::Json => self.lines.write(&failure.diagnostic()),
            Output::Human => self.console.print(&on_stderr(&failure.to_string())),
        }
    }

    /// Writes `text` to stdout. A closed reader is ignored.
    pub fn say(&self, text: &str) {
        let _ = self.console.out(&wrap_prose(text, terminal::stdout_width_or_any()));
    }

    /// Says on stderr how many objects stdout lacks, if it lacks any. Programs that read it learn of it nowhere else.
    pub fn say_missing_objects(&self, missing: &MissingObjects) {
        if missing.count > 0 {
            self.warn(&cli::MissingObjects {
                n: missing.count,
                name: &visible(&missing.name),
                why: &visible(&why_missing(missing)),
            });
        }
    }

    /// Says on stderr how many events their record lacks, if it lacks any.
    pub fn say_missing_events(&self, missing: &MissingObjects) {
        if missing.count > 0 {
            self.warn(&cli::MissingEvents {
                n: missing.count,
                name: &visible(&missing.name),
                why: &visible(&why_missing(missing)),
            });
        }
    }

    /// Prints a warning on stderr, whatever the output is.
    pub fn warn(&self, text: &dyn Display) {
        let label = cli::LabelWarning;
        self.console
            .print(&on_stderr(&format!("{WARNING}{label}{WARNING:#}: {text}\n")));
    }

    /// Prints a message on stderr, for people only. A closed reader is ignored.
    pub fn talk(&self, text: &str) {
        if self.output == Output::Human {
            self.console.print(&on_stderr(text));
        }
    }

    /// Writes the requested data to stdout. A failure is an error, unless the reader has closed.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        match self.console.out(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Problem::Stdout, cli::CannotWriteStdout).caused_by(&error))
            }
            _ => Ok(()),
        }
    }

    /// Returns the outputs of a run. `events` names a file to which the events are appended. There is no bar if JSON goes
    /// to the same terminal.
    pub fn outputs(&self, events: Option<&Path>) -> Result<Outputs, Failure> {
        let json = self.output == Output::Json;
        let progress = match (self.terminal.bar, json) {
            (true, false) => ProgressDisplay::Bar(self.console.clone()),
            (true, true) if !self.terminal.stdout => ProgressDisplay::Bar(self.console.clone()),
            (_, true) => ProgressDisplay::Silent,
            (false, false) => ProgressDisplay::Plain(self.console.clone()),
        };
        Ok(Outputs {
            progress,
            json: json.then(|| self.lines.clone()),
            events: events.map(|path| self.record(path)).transpose()?,
        })
    }
}

impl Context {
    /// Opens the record of events. Its writers never wait: a run goes on while its reader is stuck.
    fn record(&self, path: &Path) -> Result<JsonLines, Failure> {
        let name = visible_path(path);
        let file = append_file::open(path).map_err(|error| {
            let help = append_file::help(&error);
            Failure::new(Problem::EventsFile, cli::CannotWriteEvents { path: &name })
                .caused_by(&error)
                .help(help)
        })?;
        let outlet = self.console.outlet(file, Patience::AtMost(Duration::ZERO));
        Ok(JsonLines::new(name, outlet))
    }
}

/// Wraps a message for stderr.
fn on_stderr(text: &str) -> String {
    wrap_prose(text, terminal::stderr_width_or_any())
}

fn why_missing(missing: &MissingObjects) -> String {
    match &missing.failure {
        Some(error) => error.to_string(),
        None => cli::ReaderTakesNothing.to_string(),
    }
}

/// Returns the directory that an environment variable names.
fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}
