//! `runner validate`: reports every mistake in campaign files. It opens no socket and reads no audience.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::campaign_files::{self, Neighbours};
use crate::campaign::{self, Campaign, Diagnostic, Severity};
use crate::catalogue::help;
use crate::report::text::visible_path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;

/// The arguments of `runner validate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ValidateExamples.to_string())]
pub struct ValidateArgs {
    #[arg(help = help::ValidatePaths.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
}

/// Checks files and reports their mistakes.
pub fn run(args: &ValidateArgs, context: &Context) -> Result<Exit, Failure> {
    let files = campaign_files::files(&args.paths)?;
    let mut neighbours = Neighbours::default();
    let mut unusable = 0;
    for file in &files {
        let (campaign, diagnostics) = check(file, &mut neighbours);
        load::show(&diagnostics, context);
        match campaign {
            Some(campaign) => praise(file, &campaign, context),
            None => unusable += 1,
        }
    }
    if unusable == 0 {
        return Ok(Exit::Done);
    }
    if files.len() > 1 && context.output == Output::Human {
        context.talk(&format!("\n{unusable} of {} files cannot be used\n", files.len()));
    }
    Ok(Exit::Input)
}

/// Checks one file. Returns the campaign if the file can be used, and the diagnostics.
fn check(file: &Path, neighbours: &mut Neighbours) -> (Option<Campaign>, Vec<Diagnostic>) {
    match campaign::load(file) {
        Ok(parsed) => {
            let mut diagnostics = neighbours.mistakes(file, &parsed);
            diagnostics.extend(parsed.warnings.iter().cloned());
            let usable = diagnostics
                .iter()
                .all(|diagnostic| diagnostic.severity != Severity::Error);
            (usable.then_some(parsed.campaign), diagnostics)
        }
        Err(diagnostics) => (None, diagnostics),
    }
}

fn praise(file: &Path, campaign: &Campaign, context: &Context) {
    if context.output == Output::Human {
        let names = &campaign.names;
        context.say(&format!(
            "{}: {} for {} can be used\n",
            visible_path(file),
            names.campaign,
            names.app_id
        ));
    }
}
