//! `runner completions`: what a shell needs to complete the command line. The script asks this program for candidates each time.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::Shells;

use crate::app::campaign_files::is_campaign_file;
use crate::campaign;
use crate::catalogue::{cli, help};
use crate::model::problem::Problem;
use crate::report::console::Console;
use crate::report::text::visible;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;

/// The variable with which a script asks for candidates. Its value is the shell.
const VARIABLE: &str = "RUNNER_COMPLETE";

/// The arguments of `runner completions`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = help::CompletionsExamples.to_string())]
pub struct CompletionsArgs {
    #[arg(help = help::CompletionsShell.to_string())]
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the completion script. `--output` has no effect, because a shell reads it.
pub fn run(args: CompletionsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let written = match shells.completer(&args.shell.to_string()) {
        Some(shell) => shell.write_registration(VARIABLE, "runner", "runner", "runner", &mut script),
        None => Err(io::ErrorKind::Unsupported.into()),
    };
    written.map_err(|error| Failure::new(Problem::Stdout, cli::CannotWriteStdout).caused_by(&error))?;
    context.data(&String::from_utf8_lossy(&script)).map(|()| Exit::Done)
}

/// Writes the candidates that a completion script asks for. Returns `None` if none does; then the command
/// line is not built, which has all texts of all commands.
pub fn complete(args: &[OsString], command: impl FnOnce() -> Command) -> Option<Exit> {
    let shell = std::env::var(VARIABLE).ok()?;
    let shells = Shells::builtins();
    let shell = shells.completer(&shell)?;
    let separator = args.iter().position(|arg| arg == "--")?;
    let words = args.get(separator + 1..)?.to_vec();
    let mut candidates = Vec::new();
    let mut command = command();
    command.build();
    let current_dir = std::env::current_dir().ok();
    let written = shell
        .write_complete(&mut command, words, current_dir.as_deref(), &mut candidates)
        .and_then(|()| {
            // A shell reads it, and not a terminal.
            let stdout = Console::of_process(None).stdout_of_data();
            stdout.write(&candidates)?;
            stdout.flush()
        });
    Some(if written.is_ok() { Exit::Done } else { Exit::Error })
}

/// Completes the name of a campaign file, and shows the campaign of each.
#[must_use]
pub fn campaign_files() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates)
}

fn candidates(typed: &OsStr) -> Vec<CompletionCandidate> {
    let paths = PathCompleter::any().filter(|path| path.is_dir() || is_campaign_file(path));
    paths.complete(typed).into_iter().map(with_campaign).collect()
}

/// Adds the campaign's name and title to its file.
fn with_campaign(candidate: CompletionCandidate) -> CompletionCandidate {
    let path = Path::new(candidate.get_value());
    let parsed = is_campaign_file(path).then(|| campaign::load(path).ok()).flatten();
    let Some(names) = parsed.map(|parsed| parsed.campaign.names) else {
        return candidate;
    };
    let text = match &names.title {
        Some(title) => cli::AskCampaignTitle {
            campaign: &names.campaign,
            title: &visible(title),
        }
        .to_string(),
        None => names.campaign.to_string(),
    };
    candidate.help(Some(text.into()))
}
