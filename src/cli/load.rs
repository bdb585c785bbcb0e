//! Reads campaign files for a command and shows their mistakes.

use std::path::Path;

use crate::app::LoadedCampaign;
use crate::app::campaign_files::Neighbours;
use crate::campaign::{self, Diagnostic, Parsed, render_human};

use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::failure::Failure;
use super::global_args::Output;

/// Reads and plans the campaign of a command that sends nothing. Returns `None` if its file cannot be used, after showing
/// why.
pub fn campaign(args: &CampaignArgs, context: &Context) -> Result<Option<LoadedCampaign>, Failure> {
    let Some(parsed) = usable(&args.file, context, &mut Neighbours::default()) else {
        return Ok(None);
    };
    let at = context.campaign(&args.file, &args.rehearsal);
    Ok(Some(LoadedCampaign::new(at, parsed, context.environment.clone())?))
}

/// Reads one of several campaign files. Returns `None` if it cannot be used, after showing why. Each folder is read once.
pub fn usable(file: &Path, context: &Context, neighbours: &mut Neighbours) -> Option<Parsed> {
    let parsed = match campaign::load(file) {
        Ok(parsed) => parsed,
        Err(diagnostics) => {
            show(&diagnostics, context);
            return None;
        }
    };
    let mistakes = neighbours.mistakes(file, &parsed);
    show(&parsed.warnings, context);
    show(&mistakes, context);
    mistakes.is_empty().then_some(parsed)
}

/// Shows diagnostics of campaign files: to programs on stdout, to people on stderr.
pub fn show(diagnostics: &[Diagnostic], context: &Context) {
    match context.output {
        Output::Json => diagnostics
            .iter()
            .for_each(|diagnostic| context.lines.write(diagnostic)),
        Output::Human => context.talk(&render_human(diagnostics, true)),
    }
}
