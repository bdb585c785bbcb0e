//! `runner validate`: reports every mistake in campaign files. It opens no socket and reads no audience.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::campaign::{self, Campaign, Code, Diagnostic, Names, Parsed, Severity, render_human};
use crate::model::problem::Problem;

use super::chain;
use super::exit::Exit;
use super::failure::Failure;
use super::locked_ledger::real_file;
use super::{Context, Output};

const EXAMPLES: &str = "\
Examples:
  runner validate campaigns/summer.yaml
      check one file
  runner validate campaigns --output json
      check every .yaml and .yml file in a directory, for a program

It ends with 0 when every file can be used, with 2 otherwise.";

/// The arguments of `runner validate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ValidateArgs {
    /// Campaign files, or directories of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
}

/// Checks files and reports their mistakes.
pub fn run(args: &ValidateArgs, context: &Context) -> Result<Exit, Failure> {
    let files = files(&args.paths)?;
    let mut neighbours = Neighbours::default();
    let mut unusable = 0;
    for file in &files {
        let (campaign, diagnostics) = check(file, &mut neighbours);
        tell(&diagnostics, context);
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

/// Reads one campaign file. Returns `None` if it cannot be used, after reporting why.
pub(super) fn usable(file: &Path, context: &Context) -> Option<Parsed> {
    usable_among(file, context, &mut Neighbours::default())
}

/// Like [`usable`], for one of several files, so that each folder is read once.
pub(super) fn usable_among(file: &Path, context: &Context, neighbours: &mut Neighbours) -> Option<Parsed> {
    let parsed = match campaign::load(file) {
        Ok(parsed) => parsed,
        Err(diagnostics) => {
            tell(&diagnostics, context);
            return None;
        }
    };
    let mut mistakes = neighbours.namesakes(file, &parsed);
    mistakes.extend(chain::mistakes(file, &parsed));
    tell(&parsed.warnings, context);
    tell(&mistakes, context);
    mistakes.is_empty().then_some(parsed)
}

/// Returns the campaign files that `paths` name, each once. A directory means the campaign files in it.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let within = campaign_files(path).map_err(|error| {
            Failure::new(
                Problem::Directory,
                format!("cannot read the directory {}", path.display()),
            )
            .caused_by(&error)
        })?;
        if within.is_empty() {
            let message = format!("there is no campaign file in {}", path.display());
            return Err(Failure::new(Problem::NoCampaigns, message).help("campaign files end in .yaml or .yml"));
        }
        files.extend(within);
    }
    let mut seen = Vec::new();
    files.retain(|file| {
        let real = fs::canonicalize(file).unwrap_or_else(|_| file.clone());
        let new = !seen.contains(&real);
        seen.push(real);
        new
    });
    Ok(files)
}

/// Returns the files in `directory` with the extension of campaign files, sorted by name.
fn campaign_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Checks one file. Returns the campaign if the file can be used, and the diagnostics.
fn check(file: &Path, neighbours: &mut Neighbours) -> (Option<Campaign>, Vec<Diagnostic>) {
    match campaign::load(file) {
        Ok(parsed) => {
            let mut diagnostics = neighbours.namesakes(file, &parsed);
            diagnostics.extend(chain::mistakes(file, &parsed));
            diagnostics.extend(parsed.warnings.iter().cloned());
            let usable = diagnostics
                .iter()
                .all(|diagnostic| diagnostic.severity != Severity::Error);
            (usable.then_some(parsed.campaign), diagnostics)
        }
        Err(diagnostics) => (None, diagnostics),
    }
}

/// The names in the campaign files of each directory, each directory read once.
#[derive(Debug, Default)]
pub struct Neighbours(HashMap<PathBuf, Vec<(PathBuf, Names)>>);

impl Neighbours {
    /// Returns a mistake for each other file beside `file`, or beside its link target, that names the same campaign and app
    /// and would share its ledger. Other files there are ignored.
    pub fn namesakes(&mut self, file: &Path, parsed: &Parsed) -> Vec<Diagnostic> {
        let file = &real_file(file);
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let own = &parsed.campaign.names;
        let neighbours = self.0.entry(folder.to_owned()).or_insert_with(|| named(folder));
        let same = neighbours.iter().filter(|(other, names)| {
            real_file(other).file_name() != file.file_name()
                && (&names.campaign, &names.app_id) == (&own.campaign, &own.app_id)
        });
        same.map(|(other, _)| {
            let message = format!(
                "{} is of the same campaign and app, and would share its ledger",
                other.display()
            );
            let help = "a campaign's name is its identity for ever: give one of them another, or another directory";
            parsed.mistake("campaign", Code::IllegalFact, message, Some(help.to_owned()))
        })
        .collect()
    }
}

fn named(folder: &Path) -> Vec<(PathBuf, Names)> {
    let files = campaign_files(folder).unwrap_or_default();
    let read = |file: PathBuf| campaign::load(&file).ok().map(|parsed| (file, parsed.campaign.names));
    files.into_iter().filter_map(read).collect()
}

/// Shows diagnostics of campaign files: to programs on stdout, to people on stderr.
pub fn tell(diagnostics: &[Diagnostic], context: &Context) {
    match context.output {
        Output::Json => diagnostics
            .iter()
            .for_each(|diagnostic| context.lines.write(diagnostic)),
        Output::Human => context.console.print(&render_human(diagnostics, true)),
    }
}

fn praise(file: &Path, campaign: &Campaign, context: &Context) {
    if context.output == Output::Human {
        let names = &campaign.names;
        context.say(&format!(
            "{}: {} for {} can be used\n",
            file.display(),
            names.campaign,
            names.app_id
        ));
    }
}
