//! The command line as clap knows it, with all of its texts from the catalogue.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::catalogue::help;

use super::Cli;

/// Returns the command line in the language of the moment.
#[must_use]
pub fn command() -> Command {
    translate(Cli::command())
}

/// Replaces clap's own English words of a command and its subcommands.
fn translate(command: Command) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .help_heading(help::HeadingGlobalOptions.to_string())
        .action(ArgAction::Help)
        .help(help::OptionHelp.to_string());
    let command = if command.get_version().is_some() {
        let version = Arg::new("version")
            .short('V')
            .long("version")
            .help_heading(help::HeadingGlobalOptions.to_string())
            .action(ArgAction::Version);
        command
            .disable_version_flag(true)
            .arg(version.help(help::OptionVersion.to_string()))
    } else {
        command
    };
    let style = *command.get_styles().get_usage();
    let usage = help::Usage;
    command
        .disable_help_flag(true)
        .arg(help)
        .mut_args(translate_argument)
        .mut_subcommands(translate)
        .subcommand_help_heading(help::HeadingCommands.to_string())
        .help_template(format!(
            "{{before-help}}{{about-with-newline}}\n{style}{usage}{style:#} {{usage}}\n\n{{all-args}}{{after-help}}"
        ))
}

/// Gives an argument its heading, and writes its default and its possible values into its help.
fn translate_argument(argument: Arg) -> Arg {
    let mut text = argument.get_help().map(StyledStr::to_string).unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    if takes_value && !argument.is_hide_default_value_set() && !argument.get_default_values().is_empty() {
        let values: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        text = help::WithDefault {
            help: &text,
            value: &values.join(" "),
        }
        .to_string();
    }
    if takes_value && !argument.is_hide_possible_values_set() {
        let values: Vec<_> = argument
            .get_possible_values()
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect();
        if !values.is_empty() {
            text = help::WithValues {
                help: &text,
                values: &values.join(", "),
            }
            .to_string();
        }
    }
    if let Some(variable) = argument.get_env() {
        text = help::WithVariable {
            help: &text,
            variable: &variable.to_string_lossy(),
        }
        .to_string();
    }
    let heading = match argument.get_help_heading() {
        Some(heading) => heading.to_owned(),
        None if argument.is_positional() => help::HeadingArguments.to_string(),
        None => help::HeadingOptions.to_string(),
    };
    let argument = argument.help(text).help_heading(heading).hide_env(true);
    if takes_value {
        argument.hide_default_value(true).hide_possible_values(true)
    } else {
        argument
    }
}
