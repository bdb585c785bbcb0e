//! The command line: one file for each command, and their shared code. Only this module may use every other module.

mod app_lock;
pub mod apply;
pub mod apply_args;
pub mod audience_reader;
pub mod busy;
mod chain;
pub mod completions;
mod elsewhere;
mod exclude;
pub mod exit;
pub mod explain;
pub mod export;
pub mod failure;
pub mod init;
pub mod locked_ledger;
pub mod logging;
pub mod man;
pub mod plan;
pub mod question;
pub mod readonly_ledger;
pub mod rehearsal;
pub mod report;
pub mod resolve;
pub mod run_commands;
pub mod sandbox;
pub mod schema;
pub mod signals;
pub mod simulate;
pub mod status;
pub mod terminal;
pub mod trace;
pub mod validate;
pub mod verify;
pub mod watch;
pub mod whole_file;
pub mod witness;
mod wrong_clock;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::ledger::witness::Witnesses;
use crate::model::clock::Clock;
use crate::model::problem::Problem;
use crate::report::console::Console;
use crate::report::json_lines::JsonLines;
use crate::report::reporter::{Outputs, ProgressDisplay};

use self::apply_args::ApplyArgs;
use self::completions::CompletionsArgs;
use self::exit::Exit;
use self::explain::ExplainArgs;
use self::export::ExportArgs;
use self::failure::Failure;
use self::init::InitArgs;
use self::man::ManArgs;
use self::plan::PlanArgs;
use self::report::ReportArgs;
use self::resolve::ResolveArgs;
use self::run_commands::{PauseArgs, ResumeArgs, StopArgs};
use self::sandbox::SandboxArgs;
use self::schema::SchemaArgs;
use self::simulate::SimulateArgs;
use self::status::StatusArgs;
use self::terminal::Terminal;
use self::trace::TraceArgs;
use self::validate::ValidateArgs;
use self::verify::VerifyArgs;

/// Sends every coupon of a Douyin mini-app campaign once, proves it, and goes on after anything
#[derive(Clone, Debug, Parser)]
#[command(
    name = "runner",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    override_usage = "runner <COMMAND> [OPTIONS]",
    after_help = BEGIN
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command; none says where to begin.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const BEGIN: &str = "\
Where to begin:
  runner init first                              write a first campaign, with comments
  runner apply first/first.yaml --sandbox        rehearse it; nothing real is sent
  runner plan campaigns/summer.yaml              see what an apply would do now
  runner apply campaigns/summer.yaml             make it so; after any interruption, the same again
  runner explain E0310                           what a problem is, and what to do about it";

/// The options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// What stdout carries: text for people, or a stream of JSON objects, one a line
    #[arg(
        long,
        global = true,
        value_name = "human|json",
        default_value = "human",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub output: Output,
    /// Log more; twice, much more. A filter such as `runner=debug` in RUNNER_LOG says it exactly
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Log to this file, at its end, instead of stderr
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// The form of the log
    #[arg(
        long,
        global = true,
        value_name = "text|json",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub log_format: logging::LogFormat,
    /// Keep ledgers under this directory instead of `.runner` beside the campaign file
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "RUNNER_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
}

/// What stdout carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    #[default]
    Human,
    /// A stream of JSON objects, one a line.
    Json,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Writes a first campaign and its audience, which a rehearsal completes
    Init(InitArgs),
    /// Shows what an apply would do now, and whether it can be done; sends nothing, changes nothing
    Plan(PlanArgs),
    /// Lives through a campaign on a clock that leaps: when it would end, and how; sends nothing, changes nothing
    Simulate(SimulateArgs),
    /// Makes a campaign so: sends every coupon that is still owed; safe to repeat
    Apply(ApplyArgs),
    /// Shows where campaigns stand, also while another process applies them
    Status(StatusArgs),
    /// Holds a campaign's run: nothing more starts until it is resumed
    Pause(PauseArgs),
    /// Lets a run go on that was paused
    Resume(ResumeArgs),
    /// Ends a campaign's run in an orderly way, as ^C at its terminal does
    Stop(StopArgs),
    /// Tells every mistake in campaign files at once; opens no socket, reads no audience
    Validate(ValidateArgs),
    /// Settles or sends again what is held, in doubt or refused: a person's decision
    Resolve(ResolveArgs),
    /// Tells everything that is known of one user, and what happens next
    Trace(TraceArgs),
    /// Writes one row a delivery, as CSV, JSON lines or Parquet
    Export(ExportArgs),
    /// Checks the ledger from its first byte, and certifies what it says
    Verify(VerifyArgs),
    /// Prints the JSON Schema of a campaign file, by which editors complete and check
    Schema(SchemaArgs),
    /// Serves a stand-in of the platform on this machine, to rehearse against and to try faults with
    Sandbox(SandboxArgs),
    /// Makes one page of how a campaign went, with charts that need no network
    Report(ReportArgs),
    /// Explains a problem by its code: what it is, why it comes, and what to do
    Explain(ExplainArgs),
    /// Prints what a shell needs to complete this command line
    Completions(CompletionsArgs),
    /// Prints the pages for `man`
    Man(ManArgs),
}

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
    /// Where witnesses of ledgers are kept. `None` if the user has no such directory.
    pub witnesses: Option<Witnesses>,
    /// The wall clock.
    pub clock: Clock,
}

impl Context {
    /// Creates the context from the process's own streams and clock.
    #[must_use]
    pub fn new(args: &GlobalArgs) -> Self {
        let terminal = Terminal::of_process();
        let console = Console::of_process(terminal.bar.then_some(terminal::size));
        let lines = if terminal.stdout {
            JsonLines::new("stdout", console.stdout())
        } else {
            JsonLines::new("stdout", io::stdout())
        };
        Self {
            output: args.output,
            lines,
            terminal,
            console,
            state_dir: args.state_dir.clone(),
            witnesses: Witnesses::of_user(directory("XDG_STATE_HOME"), directory("HOME")),
            clock: Clock::system(),
        }
    }

    /// Writes `text` to stdout. A closed reader is ignored.
    pub fn say(&self, text: &str) {
        let _ = self.write_to_stdout(text);
    }

    fn write_to_stdout(&self, text: &str) -> io::Result<()> {
        if self.terminal.stdout {
            return self.console.stdout().write_all(text.as_bytes());
        }
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }

    /// Prints a message on stderr, for people only. A closed reader is ignored.
    pub fn talk(&self, text: &str) {
        if self.output == Output::Human {
            self.console.print(text);
        }
    }

    /// Writes the requested data to stdout. A failure is an error, unless the reader has closed.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        match self.write_to_stdout(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Problem::Stdout, "cannot write to stdout").caused_by(&error))
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
            events: events.map(record).transpose()?,
        })
    }
}

/// Returns the directory that an environment variable names.
fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn record(path: &Path) -> Result<JsonLines, Failure> {
    match OpenOptions::new().create(true).append(true).open(path) {
        Ok(file) => Ok(JsonLines::new(path.display().to_string(), file)),
        Err(error) => Err(Failure::new(
            Problem::EventsFile,
            format!("cannot write a record of events to {}", path.display()),
        )
        .caused_by(&error)
        .help("name a file in a directory that exists and that you may write to")),
    }
}

/// Runs an asynchronous command on one thread for each core.
pub fn wait<F: Future>(command: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Problem::System, "cannot start threads").caused_by(&error))?;
    let output = runtime.block_on(command);
    // Tasks that are still running, such as the signal listener, must not delay the exit.
    runtime.shutdown_background();
    Ok(output)
}

/// Runs the process's command line.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os()).into()
}

/// Runs the command line `args`, which starts with the program's name. Returns how the process ends, after showing any
/// failure.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let told = error.render().ansi().to_string();
            let coded = told.replacen("error:", &format!("error[{}]:", Problem::CommandLine), 1);
            let _ = write!(anstream::stderr(), "{coded}");
            return Exit::Input;
        }
        Err(help) => {
            // A closed reader of piped help is not an error.
            let _ = help.print();
            return Exit::Done;
        }
    };
    let context = Context::new(&cli.global);
    if context.output == Output::Json {
        context.lines.begin();
    }
    let done = logging::start(&cli.global, &context.console).and_then(|()| match &cli.command {
        None => Ok(begin(&context)),
        Some(Command::Init(args)) => init::run(args, &context),
        Some(Command::Plan(args)) => plan::run(args, &context),
        Some(Command::Simulate(args)) => simulate::run(args, &context),
        Some(Command::Apply(args)) => apply::run(args, &context),
        Some(Command::Status(args)) => status::run(args, &context),
        Some(Command::Pause(args)) => run_commands::pause(args, &context),
        Some(Command::Resume(args)) => run_commands::resume(args, &context),
        Some(Command::Stop(args)) => run_commands::stop(args, &context),
        Some(Command::Validate(args)) => validate::run(args, &context),
        Some(Command::Resolve(args)) => resolve::run(args, &context),
        Some(Command::Trace(args)) => trace::run(args, &context),
        Some(Command::Export(args)) => export::run(args, &context),
        Some(Command::Verify(args)) => verify::run(args, &context),
        Some(Command::Schema(args)) => schema::run(*args, &context),
        Some(Command::Sandbox(args)) => {
            wait(sandbox::run(args, &context)).and_then(|served| Ok(served.map(|()| Exit::Done)?))
        }
        Some(Command::Report(args)) => report::run(args, &context),
        Some(Command::Explain(args)) => explain::run(args, &context),
        Some(Command::Completions(args)) => completions::run(*args, &context),
        Some(Command::Man(args)) => man::run(args, &context),
    });
    let exit = done.unwrap_or_else(|failure| {
        show(&failure, &context);
        failure.exit
    });
    if context.output == Output::Json {
        context.lines.flush();
    }
    exit
}

fn begin(context: &Context) -> Exit {
    context.say(&Cli::command().render_help().ansi().to_string());
    Exit::Done
}

/// Shows a failure: to programs on stdout, to people on stderr.
pub fn show(failure: &Failure, context: &Context) {
    match context.output {
        Output::Json => context.lines.write(&failure.diagnostic()),
        Output::Human => context.console.print(&failure.to_string()),
    }
}
