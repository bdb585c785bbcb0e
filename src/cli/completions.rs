//! `runner completions`: what a shell needs to complete the command line.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::catalogue::help;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;

/// The arguments of `runner completions`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = help::CompletionsExamples.to_string())]
pub struct CompletionsArgs {
    #[arg(help = help::CompletionsShell.to_string())]
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the completion script. `--output` has no effect, because a shell reads it.
pub fn run(args: CompletionsArgs, mut cli: Command, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "runner", &mut script);
    context.data(&String::from_utf8_lossy(&script)).map(|()| Exit::Done)
}
