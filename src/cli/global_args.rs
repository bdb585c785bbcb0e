//! The options of every command.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, ValueEnum};

use crate::catalogue::{Language, help};
use crate::model::secret::SecretRef;

use super::store_args;

/// The options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::HeadingGlobalOptions.to_string())]
pub struct GlobalArgs {
    #[arg(help = help::GlobalOutput.to_string())]
    #[arg(
        long,
        global = true,
        value_name = "human|json",
        default_value = "human",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub output: Output,
    #[arg(help = help::GlobalVerbose.to_string())]
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[arg(help = help::GlobalLogFile.to_string())]
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    #[arg(help = help::GlobalLogFormat.to_string())]
    #[arg(
        long,
        global = true,
        value_name = "text|json",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub log_format: LogFormat,
    #[arg(help = help::GlobalStateDir.to_string())]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "RUNNER_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
    #[arg(help = help::GlobalStore.to_string())]
    #[arg(long, global = true, value_name = "env:NAME|file:PATH", value_parser = store_args::parse)]
    pub store: Option<SecretRef>,
    #[arg(help = help::GlobalColor.to_string())]
    #[arg(
        long,
        global = true,
        value_name = "auto|always|never",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,
    #[arg(help = help::GlobalLang.to_string())]
    #[arg(long, global = true, value_name = "en|zh", hide_possible_values = true)]
    pub lang: Option<Lang>,
}

/// The word of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    En,
    /// Chinese.
    #[value(alias = "zh-CN")]
    Zh,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::English,
            Lang::Zh => Self::Chinese,
        }
    }
}

/// When text for people has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also where the output is not a terminal.
    Always,
    /// Nowhere.
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
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

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text an entry.
    #[default]
    Text,
    /// One JSON object an entry.
    Json,
}
