//! `runner completions`: what a shell needs to complete the command line.

use clap::{Args, Command};
use clap_complete::Shell;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  runner completions bash > ~/.local/share/bash-completion/completions/runner
      for bash, from its next start on
  runner completions fish > ~/.config/fish/completions/runner.fish
      for fish";

/// The arguments of `runner completions`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the completion script. `--output` has no effect, because a shell reads it.
pub fn run(args: CompletionsArgs, mut cli: Command, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "runner", &mut script);
    context.data(&String::from_utf8_lossy(&script)).map(|()| Exit::Done)
}
