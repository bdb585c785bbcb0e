//! The command line: one file for each command, and their shared code. No other room uses this one.

mod activity;
mod allocator;
mod answer_objects;
mod append_file;
mod apply;
mod apply_args;
mod approve;
mod audit;
mod busy;
mod by_args;
mod campaign_args;
mod command_line;
mod completions;
mod context;
mod dashed_open_ids;
mod doctor;
mod erase;
mod exit;
mod explain;
mod export;
mod failure;
mod global_args;
mod history;
mod init;
mod load;
mod logging;
mod man;
mod notices;
mod notify;
mod number;
mod occurrence_args;
mod parse_error;
mod password;
mod plan;
mod policy;
mod probe;
mod push;
mod question;
mod reconcile;
mod rehearsal;
mod remote;
mod report;
mod resolve;
mod run_commands;
mod runtime;
mod sandbox;
mod schema;
mod serve;
pub mod signals;
mod simulate;
mod status;
mod store;
mod store_args;
mod terminal;
mod trace;
mod trace_text;
mod typed;
mod validate;
mod verify;
mod watch;
mod whole_file;
mod wide_help;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use clap::builder::StyledStr;
use clap::error::ContextValue;
use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum as _};

use crate::catalogue::activity as activity_texts;
use crate::catalogue::{
    Language, approval, cli, erase as erase_texts, help, history as texts, policy as policy_texts,
    probe as probe_texts, push as push_texts, reconcile as reconcile_texts, remote as remote_texts,
};
use crate::model::problem::Problem;
use crate::report::console::Console;
use crate::report::outlet::Outlet;
use crate::report::text::{is_trick, printable, set_ascii, visible, wrap_prose};

use self::activity::ActivityArgs;
use self::apply_args::ApplyArgs;
use self::approve::ApproveArgs;
use self::audit::AuditArgs;
pub use self::command_line::{command, wrappable_command};
pub use self::explain::{Page, pages};

use self::completions::CompletionsArgs;
use self::context::Context;
use self::doctor::DoctorArgs;
use self::erase::EraseArgs;
use self::exit::Exit;
use self::explain::ExplainArgs;
use self::export::ExportArgs;
use self::failure::Failure;
use self::global_args::{Color, GlobalArgs, Output};
use self::history::HistoryArgs;
use self::init::InitArgs;
use self::man::ManArgs;
use self::notify::NotifyArgs;
use self::plan::PlanArgs;
use self::policy::PolicyArgs;
use self::probe::ProbeArgs;
use self::push::PushArgs;
use self::reconcile::ReconcileArgs;
use self::report::ReportArgs;
use self::resolve::ResolveArgs;
use self::run_commands::{PauseArgs, ResumeArgs, StopArgs};
use self::runtime::block_on;
use self::sandbox::SandboxArgs;
use self::schema::SchemaArgs;
use self::serve::ServeArgs;
use self::simulate::SimulateArgs;
use self::status::StatusArgs;
use self::store::StoreArgs;
use self::trace::TraceArgs;
use self::validate::ValidateArgs;
use self::verify::VerifyArgs;
use self::wide_help::gather;

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "runner",
    about = help::About.to_string(),
    version,
    max_term_width = terminal::MOST_HELP_COLUMNS,
    disable_help_subcommand = true,
    override_usage = "runner <COMMAND> [OPTIONS]",
    after_help = help::Begin.to_string()
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = help::CommandInit.to_string())]
    Init(InitArgs),
    #[command(about = help::CommandPlan.to_string())]
    Plan(PlanArgs),
    #[command(about = help::CommandSimulate.to_string())]
    Simulate(SimulateArgs),
    #[command(about = help::CommandApply.to_string())]
    Apply(ApplyArgs),
    #[command(about = approval::Command.to_string())]
    Approve(ApproveArgs),
    #[command(about = activity_texts::Command.to_string())]
    Activity(ActivityArgs),
    #[command(about = help::CommandServe.to_string())]
    Serve(ServeArgs),
    #[command(about = policy_texts::Command.to_string())]
    Policy(PolicyArgs),
    #[command(about = help::CommandStatus.to_string())]
    Status(StatusArgs),
    #[command(about = help::CommandPause.to_string())]
    Pause(PauseArgs),
    #[command(about = help::CommandResume.to_string())]
    Resume(ResumeArgs),
    #[command(about = help::CommandStop.to_string())]
    Stop(StopArgs),
    #[command(about = help::CommandValidate.to_string())]
    Validate(ValidateArgs),
    #[command(about = help::CommandResolve.to_string())]
    Resolve(ResolveArgs),
    #[command(about = erase_texts::Command.to_string())]
    Erase(EraseArgs),
    #[command(about = probe_texts::Command.to_string())]
    Probe(ProbeArgs),
    #[command(about = reconcile_texts::Command.to_string())]
    Reconcile(ReconcileArgs),
    #[command(about = help::CommandTrace.to_string())]
    Trace(TraceArgs),
    #[command(about = texts::Command.to_string())]
    History(HistoryArgs),
    #[command(about = remote_texts::Command.to_string())]
    Audit(AuditArgs),
    #[command(about = help::CommandExport.to_string())]
    Export(ExportArgs),
    #[command(about = help::CommandVerify.to_string())]
    Verify(VerifyArgs),
    #[command(about = help::CommandStore.to_string())]
    Store(StoreArgs),
    #[command(about = push_texts::Command.to_string())]
    Push(PushArgs),
    #[command(about = help::CommandDoctor.to_string())]
    Doctor(DoctorArgs),
    #[command(about = help::CommandNotify.to_string())]
    Notify(NotifyArgs),
    #[command(about = help::CommandSchema.to_string())]
    Schema(SchemaArgs),
    #[command(about = help::CommandSandbox.to_string())]
    Sandbox(SandboxArgs),
    #[command(about = help::CommandReport.to_string())]
    Report(ReportArgs),
    #[command(about = help::CommandExplain.to_string())]
    Explain(ExplainArgs),
    #[command(about = help::CommandCompletions.to_string())]
    Completions(CompletionsArgs),
    #[command(about = help::CommandMan.to_string())]
    Man(ManArgs),
    #[command(about = help::CommandHelp.to_string())]
    Help(HelpArgs),
}

/// How long the process waits at its end for readers that take nothing.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs the process's command line.
#[must_use]
pub fn main() -> ExitCode {
    allocator::keep_large_blocks_apart();
    let args: Vec<OsString> = std::env::args_os().collect();
    language(&args).set();
    // A mistake in the command line is shown in the colours that it asks for, too.
    if let Some(color) = option(&args, "--color").and_then(|word| Color::from_str(word, false).ok()) {
        ColorChoice::from(color).write_global();
    }
    let is_set = std::env::var_os("RUNNER_ASCII").is_some_and(|value| !value.is_empty());
    // What programs read is not changed.
    set_ascii(is_set && option(&args, "--output") != Some("json"));
    match completions::complete(&args, command) {
        Some(exit) => exit.into(),
        None => run(args).into(),
    }
}

/// Returns the last value of an option in a command line that is not parsed yet. `None` without the option.
fn option<'a>(args: &'a [OsString], name: &str) -> Option<&'a str> {
    let mut words = args.iter().map_while(|arg| arg.to_str()).take_while(|arg| *arg != "--");
    let mut value = None;
    while let Some(word) = words.next() {
        match word.strip_prefix(name) {
            Some("") => value = words.next(),
            Some(rest) if rest.starts_with('=') => value = Some(&rest[1..]),
            _ => {}
        }
    }
    value
}

/// Returns the language of this command line. What programs read is English.
fn language(args: &[OsString]) -> Language {
    if option(args, "--output") == Some("json") {
        return Language::English;
    }
    match option(args, "--lang") {
        Some(word) => Language::of_locale(word),
        None => Language::of_environment(|variable| std::env::var(variable).ok()),
    }
}

/// Runs the command line `args`, which starts with the program's name. Returns how the process ends, after showing any
/// failure.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = dashed_open_ids::after_separator(args.into_iter().collect(), command);
    let parsed = wrappable_command().try_get_matches_from(&args);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return show_parse_error(dashed_open_ids::with_tip(error, &args, command())),
    };
    let mut context = Context::new(&cli.global);
    if context.output == Output::Json {
        context.lines.begin();
    }
    let mut log = None;
    let done = logging::start(&cli.global, &context.console).and_then(|file| {
        log = file;
        context.open_store(&cli.global)?;
        execute(&cli, &context)
    });
    let exit = done.unwrap_or_else(|failure| {
        context.show(&failure);
        failure.exit
    });
    if context.output == Output::Json {
        context.lines.flush();
    }
    finish(&context, log.as_ref());
    exit
}

/// Waits a little for readers that are slow, and says what they miss.
fn finish(context: &Context, log: Option<&Outlet>) {
    let deadline = Instant::now() + LAST_WAIT;
    let missing = context.lines.finish(deadline);
    // A reader that has closed stdout wants no more of it.
    if context.output == Output::Json && missing.failure.is_none() {
        context.say_missing_objects(&missing);
    }
    if let Some(log) = log {
        let lost = log.finish(deadline);
        if lost > 0 {
            context.warn(&cli::MissingLogLines { n: lost });
        }
    }
    let _ = context.console.finish(deadline);
}

/// Shows what is wrong with a command line, or the help that it asks for.
fn show_parse_error(mut error: clap::Error) -> Exit {
    let console = Console::of_process(None);
    if !error.use_stderr() {
        // A closed reader of piped help is not an error.
        let _ = console.out(&gather(&error.render().ansi().to_string()));
        return Exit::Done;
    }
    // What was typed is shown with its escapes: a script may take it from anywhere.
    let typed: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| Some((kind, visible_value(value)?)))
        .collect();
    for (kind, value) in typed {
        error.insert(kind, value);
    }
    let told = parse_error::translated(&error).unwrap_or_else(|| {
        let label = format!("error[{}]:", Problem::CommandLine);
        error.render().ansi().to_string().replacen("error:", &label, 1)
    });
    console.print(&wrap_prose(&told, terminal::stderr_width_or_any()));
    Exit::Input
}

/// Returns a value of a message about the command line as it is shown. `None` if it is no text.
fn visible_value(value: &ContextValue) -> Option<ContextValue> {
    let shown = |text: &String| visible(text).into_owned();
    match value {
        ContextValue::String(text) => Some(ContextValue::String(shown(text))),
        ContextValue::Strings(texts) => Some(ContextValue::Strings(texts.iter().map(shown).collect())),
        ContextValue::StyledStr(text) => Some(ContextValue::StyledStr(visible_tip(text))),
        ContextValue::StyledStrs(texts) => Some(ContextValue::StyledStrs(texts.iter().map(visible_tip).collect())),
        _ => None,
    }
}

/// Returns a tip as it is shown. One that quotes foreign escapes loses its styles.
fn visible_tip(tip: &StyledStr) -> StyledStr {
    let styled = tip.ansi().to_string();
    let plain = anstream::adapter::strip_str(&styled).to_string();
    if plain.chars().any(is_trick) || printable(&styled) != styled {
        return visible(&plain).into_owned().into();
    }
    tip.clone()
}

/// Runs the command.
fn execute(cli: &Cli, context: &Context) -> Result<Exit, Failure> {
    match &cli.command {
        None => Ok(begin(context)),
        Some(Command::Init(args)) => init::run(args, context),
        Some(Command::Plan(args)) => plan::run(args, context),
        Some(Command::Simulate(args)) => simulate::run(args, context),
        Some(Command::Apply(args)) => remote::refuse("apply").and_then(|()| apply::run(args, context)),
        Some(Command::Approve(args)) => approve::run(args, context),
        Some(Command::Activity(args)) => remote::refuse("activity").and_then(|()| activity::run(args, context)),
        Some(Command::Serve(args)) => serve::run(args, context),
        Some(Command::Policy(args)) => policy::run(args, context),
        Some(Command::Status(args)) => status::run(args, context),
        Some(Command::Pause(args)) => run_commands::pause(args, context),
        Some(Command::Resume(args)) => run_commands::resume(args, context),
        Some(Command::Stop(args)) => run_commands::stop(args, context),
        Some(Command::Validate(args)) => validate::run(args, context),
        Some(Command::Resolve(args)) => remote::refuse("resolve").and_then(|()| resolve::run(args, context)),
        Some(Command::Erase(args)) => remote::refuse("erase").and_then(|()| erase::run(args, context)),
        Some(Command::Probe(args)) => remote::refuse("probe").and_then(|()| probe::run(args, context)),
        Some(Command::Reconcile(args)) => remote::refuse("reconcile").and_then(|()| reconcile::run(args, context)),
        Some(Command::Trace(args)) => trace::run(args, context),
        Some(Command::History(args)) => history::run(args, context),
        Some(Command::Audit(args)) => audit::run(args, context),
        Some(Command::Export(args)) => export::run(args, context),
        Some(Command::Verify(args)) => verify::run(args, context),
        Some(Command::Store(args)) => store::run(args, context),
        Some(Command::Push(args)) => push::run(args, context),
        Some(Command::Doctor(args)) => doctor::run(args, context),
        Some(Command::Notify(args)) => notify::run(args, context),
        Some(Command::Schema(args)) => schema::run(*args, cli.global.lang, context),
        Some(Command::Sandbox(args)) => {
            block_on(sandbox::run(args, context)).and_then(|served| Ok(served.map(|()| Exit::Done)?))
        }
        Some(Command::Report(args)) => report::run(args, context),
        Some(Command::Explain(args)) => explain::run(args, context),
        Some(Command::Completions(args)) => completions::run(*args, context),
        Some(Command::Man(args)) => man::run(args, command(), context),
        Some(Command::Help(args)) => Ok(help_of(args, context)),
    }
}

/// The arguments of `runner help`.
#[derive(Clone, Debug, Args)]
pub struct HelpArgs {
    #[arg(help = help::HelpCommand.to_string())]
    #[arg(value_name = "COMMAND", hide_possible_values = true)]
    command: Option<String>,
}

/// Shows the help of a command, or of the program.
fn help_of(args: &HelpArgs, context: &Context) -> Exit {
    let Some(name) = &args.command else {
        return begin(context);
    };
    match wrappable_command().try_get_matches_from(["runner", name, "--help"]) {
        Err(help) => show_parse_error(help),
        Ok(_) => begin(context),
    }
}

fn begin(context: &Context) -> Exit {
    context.say(&gather(&wrappable_command().render_help().ansi().to_string()));
    Exit::Done
}
