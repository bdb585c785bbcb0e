//! The command line: one file for each command, and their shared code. No other room uses this one.

pub mod apply;
pub mod apply_args;
pub mod busy;
pub mod campaign_args;
pub mod completions;
pub mod context;
mod dashed_open_ids;
pub mod exit;
pub mod explain;
pub mod export;
pub mod failure;
pub mod global_args;
pub mod init;
pub mod load;
pub mod logging;
pub mod man;
mod notices;
pub mod plan;
pub mod question;
pub mod rehearsal;
pub mod report;
pub mod resolve;
pub mod run_commands;
mod runtime;
pub mod sandbox;
pub mod schema;
pub mod signals;
pub mod simulate;
pub mod status;
pub mod terminal;
pub mod trace;
pub mod typed;
pub mod validate;
pub mod verify;
pub mod watch;
pub mod whole_file;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::model::problem::Problem;

use self::apply_args::ApplyArgs;
use self::completions::CompletionsArgs;
use self::context::Context;
use self::exit::Exit;
use self::explain::ExplainArgs;
use self::export::ExportArgs;
use self::global_args::{GlobalArgs, Output};
use self::init::InitArgs;
use self::man::ManArgs;
use self::plan::PlanArgs;
use self::report::ReportArgs;
use self::resolve::ResolveArgs;
use self::run_commands::{PauseArgs, ResumeArgs, StopArgs};
use self::runtime::block_on;
use self::sandbox::SandboxArgs;
use self::schema::SchemaArgs;
use self::simulate::SimulateArgs;
use self::status::StatusArgs;
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

/// Runs the process's command line.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os()).into()
}

/// Runs the command line `args`, which starts with the program's name. Returns how the process ends, after showing any
/// failure.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = dashed_open_ids::after_separator(args.into_iter().collect(), Cli::command);
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let told = dashed_open_ids::with_tip(error, &args, Cli::command())
                .render()
                .ansi()
                .to_string();
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
            block_on(sandbox::run(args, &context)).and_then(|served| Ok(served.map(|()| Exit::Done)?))
        }
        Some(Command::Report(args)) => report::run(args, &context),
        Some(Command::Explain(args)) => explain::run(args, &context),
        Some(Command::Completions(args)) => completions::run(*args, Cli::command(), &context),
        Some(Command::Man(args)) => man::run(args, Cli::command(), &context),
    });
    let exit = done.unwrap_or_else(|failure| {
        context.show(&failure);
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
