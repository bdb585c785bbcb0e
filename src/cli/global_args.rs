//! The options of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
    pub log_format: LogFormat,
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

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text an entry.
    #[default]
    Text,
    /// One JSON object an entry.
    Json,
}
