//! Reads campaign files for a command and shows their mistakes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::campaign_files::{self, Neighbours};
use crate::app::occurrences::{self, Choice, Series, SingleCampaign};
use crate::app::pushed_files::{LocalSource, PushedFiles, local_sources};
use crate::app::{AppError, CampaignFile, LoadedCampaign};
use crate::campaign::{
    Diagnostic, Parsed, ParsedFile, ServerFile, is_server_file, parse_server, read_server, render_human,
};
use crate::catalogue::{push as text, recurrence, store};
use crate::model::problem::Problem;
use crate::report::text::visible_path;

use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;

/// How many other occurrences are named at most.
const MOST_OTHERS: usize = 5;

/// Reads and plans the campaign of a command that sends nothing. Returns `None` if its file cannot be used, after showing
/// why. Of a recurring campaign it is the latest occurrence with a ledger, unless the command names another one.
pub fn campaign(args: &CampaignArgs, context: &Context) -> Result<Option<LoadedCampaign>, Failure> {
    campaign_at(args, Choice::Latest, context)
}

/// Like [`campaign`], with another choice between the occurrences of a recurring campaign.
pub fn campaign_at(args: &CampaignArgs, choice: Choice, context: &Context) -> Result<Option<LoadedCampaign>, Failure> {
    let file = file(&args.file, context)?;
    let Some(parsed) = usable(&file, context, &mut Neighbours::default()) else {
        return Ok(None);
    };
    let at = args.occurrence.of(context.campaign(&file, &args.rehearsal));
    let is_named = at.occurrence.is_some();
    let resolved = block_on(occurrences::resolve(at, parsed, &context.environment, choice));
    let (single, series) = resolved??;
    if let Some(series) = series.filter(|_| choice == Choice::Latest && !is_named) {
        say_others(&single, &series, context);
    }
    Ok(Some(single.load(&context.environment)?))
}

/// Says which occurrence a command shows, if others have a ledger, too.
fn say_others(single: &SingleCampaign, series: &Series, context: &Context) {
    let Some(date) = single.at.occurrence else { return };
    let others = series.begun().iter().rev().filter(|other| **other != date);
    let others: Vec<_> = others.map(ToString::to_string).collect();
    if others.is_empty() {
        return;
    }
    let n = others.len() as u64;
    let mut shown: Vec<_> = others.into_iter().take(MOST_OTHERS).collect();
    if n > MOST_OTHERS as u64 {
        shown.push("…".to_owned());
    }
    let said = recurrence::ShownOfSeveral {
        date: &date,
        n,
        others: &shown.join(&recurrence::Separator.to_string()),
    };
    context.talk(&format!("{said}\n"));
}

/// Reads one of several campaign files. Returns `None` if it cannot be used, after showing why. Each folder is read once.
pub fn usable(file: &CampaignFile, context: &Context, neighbours: &mut Neighbours) -> Option<Parsed> {
    let parsed = match file.load() {
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

/// Reads a file that is the file of a service. `None` if it is a campaign file, or cannot be read.
pub fn server_file(file: &CampaignFile) -> Option<Result<ParsedFile<ServerFile>, Vec<Diagnostic>>> {
    if file.pushed().is_some() {
        return None;
    }
    let bytes = read_server(file.path()).ok()?;
    is_server_file(file.path(), &bytes).then(|| parse_server(file.path(), &bytes))
}

/// Returns the campaign files that arguments name: paths of files and directories, and pushed files.
pub fn files(arguments: &[PathBuf], context: &Context) -> Result<Vec<CampaignFile>, Failure> {
    Ok(campaign_files::files(arguments, &pushed_by(arguments, context)?)?)
}

/// Like [`files`], with the campaign files in all directories below a directory.
pub fn files_below(arguments: &[PathBuf], context: &Context) -> Result<Vec<CampaignFile>, Failure> {
    Ok(campaign_files::files_below(arguments, &pushed_by(arguments, context)?)?)
}

/// Returns the one campaign file that an argument names.
pub fn file(argument: &Path, context: &Context) -> Result<CampaignFile, Failure> {
    match CampaignFile::pushed_name(argument) {
        None => Ok(argument.into()),
        Some("") => Err(Failure::new(Problem::CommandLine, text::OneName).help(text::NameOne)),
        Some(_) => {
            let mut files = files(&[argument.to_owned()], context)?;
            Ok(files.pop().unwrap_or_else(|| argument.into()))
        }
    }
}

/// Reads the pushed files, if an argument names one.
fn pushed_by(arguments: &[PathBuf], context: &Context) -> Result<Arc<PushedFiles>, Failure> {
    let names_one = |argument: &PathBuf| CampaignFile::pushed_name(argument).is_some();
    if arguments.iter().any(names_one) {
        pushed(context)
    } else {
        Ok(Arc::default())
    }
}

/// Reads the files that were pushed to the database of the command.
pub fn pushed(context: &Context) -> Result<Arc<PushedFiles>, Failure> {
    let Some(url) = &context.environment.database else {
        return Err(Failure::new(Problem::DatabaseUrl, store::NoUrl).help(store::UrlHelp));
    };
    let state = context.environment.witnesses.as_ref();
    let state = state.and_then(|witnesses| witnesses.directory().parent());
    let elsewhere = state.map_or_else(|| PathBuf::from("."), |state| state.join("pushed"));
    let read = block_on(PushedFiles::read(url, elsewhere))?;
    Ok(Arc::new(read.map_err(AppError::from)?))
}

/// Says which lists of users in a pushed file other machines may not have. A machine that lacks one learns it
/// when the audience is needed.
pub fn tell_of_lists_here(file: &CampaignFile, parsed: &Parsed, context: &Context) {
    let are_here = || local_sources(&parsed.campaign).iter().all(|list| list.is_here);
    if file.pushed().is_some() && are_here() {
        tell_of_sources(&visible_path(file.path()), parsed, context);
    }
}

/// Says of each list of users that is not from a server that other machines may not have it.
pub fn tell_of_sources(file: &str, parsed: &Parsed, context: &Context) {
    for LocalSource { path, .. } in local_sources(&parsed.campaign) {
        let told = match path {
            Some(path) => text::OnlyHere {
                file: &file,
                path: &visible_path(&path),
            }
            .to_string(),
            None => text::OnlyPiped { file: &file }.to_string(),
        };
        context.talk(&format!("{told}\n"));
    }
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
