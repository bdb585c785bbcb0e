//! `runner audit`: shows who did what with a service.

use std::path::PathBuf;

use clap::Args;

use crate::catalogue::remote as text;
use crate::model::problem::Problem;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::remote;
use super::runtime::block_on;

/// The arguments of `runner audit`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::AuditExamples.to_string())]
pub struct AuditArgs {
    #[arg(help = text::AuditText.to_string())]
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    #[arg(help = text::AuditFile.to_string())]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[arg(help = text::AuditLast.to_string())]
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub last: u16,
}

/// Shows the last records.
pub fn run(args: &AuditArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(service) = remote::service()? else {
        return Err(Failure::new(Problem::ServerUrl, text::NoServer).help(text::NoServerHelp));
    };
    let text = args.text.as_deref();
    block_on(remote::audit(&service, text, args.file.as_deref(), args.last, context))?
}
