//! The command line as clap knows it, with all of its texts from the catalogue.

use clap::builder::{PossibleValuesParser, StyledStr};
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::catalogue::{Language, help};

use super::Cli;
use super::completions::campaign_files;
use super::terminal;
use super::wide_help::spread;

/// The name of the command that shows the help of another one.
const HELP: &str = "help";

/// Returns the command line in the language of the moment.
#[must_use]
pub fn command() -> Command {
    translate(with_names_of_commands(Cli::command()))
}

/// Lets `help` take only the names of the other commands.
fn with_names_of_commands(command: Command) -> Command {
    let names = command.get_subcommands().map(|command| command.get_name().to_owned());
    let names: Vec<_> = names.filter(|name| name != HELP).collect();
    command.mut_subcommand(HELP, |help| {
        help.mut_arg("command", |argument| {
            argument.value_parser(PossibleValuesParser::new(names))
        })
    })
}

/// Returns the command line with its texts prepared for clap, which wraps them. What clap renders must be
/// gathered by `wide_help`.
#[must_use]
pub fn wrappable_command() -> Command {
    match Language::current() {
        Language::English => command(),
        // clap lets a line that ends with a wide character have one column more.
        Language::Chinese => spread_texts(command()).term_width(terminal::help_width() - 1),
    }
}

fn spread_texts(mut command: Command) -> Command {
    if let Some(about) = command.get_about().map(|text| spread(&text.to_string())) {
        command = command.about(about);
    }
    if let Some(after) = command.get_after_help().map(|text| spread(&text.to_string())) {
        command = command.after_help(after);
    }
    let spread_help = |argument: Arg| match argument.get_help().map(|text| spread(&text.to_string())) {
        Some(help) => argument.help(help),
        None => argument,
    };
    command.mut_args(spread_help).mut_subcommands(spread_texts)
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
    let names_campaign = argument.is_positional()
        && argument
            .get_value_names()
            .unwrap_or_default()
            .iter()
            .any(|name| matches!(name.as_str(), "FILE" | "FILE|DIR"));
    let argument = if names_campaign {
        argument.add(campaign_files())
    } else {
        argument
    };
    let argument = argument.help(text).help_heading(heading).hide_env(true);
    if takes_value {
        argument.hide_default_value(true).hide_possible_values(true)
    } else {
        argument
    }
}
