//! Finds campaign files, and the mistakes that concern more than one of them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::campaign::{self, Code, Diagnostic, Names, Parsed};
use crate::catalogue::app;

use super::campaign_file::CampaignFile;
use super::campaign_ref::real_file;
use super::error::AppError;
use super::exclude_cycles;
use super::pushed_files::PushedFiles;

/// Returns the campaign files that arguments name, each once. A directory means the campaign files in it; `pushed:` means those in
/// the database, which were read if an argument names one.
pub fn files(paths: &[PathBuf], pushed: &Arc<PushedFiles>) -> Result<Vec<CampaignFile>, AppError> {
    resolve(paths, pushed, files_at)
}

/// Like [`files`], with the campaign files in all directories below a directory, without hidden ones. Below it, only files that
/// name a campaign are campaign files.
pub fn files_below(paths: &[PathBuf], pushed: &Arc<PushedFiles>) -> Result<Vec<CampaignFile>, AppError> {
    resolve(paths, pushed, paths_below)
}

fn resolve(
    arguments: &[PathBuf],
    pushed: &Arc<PushedFiles>,
    find: impl FnOnce(&[PathBuf]) -> Result<Vec<PathBuf>, AppError>,
) -> Result<Vec<CampaignFile>, AppError> {
    let (names, paths): (Vec<_>, Vec<_>) = arguments
        .iter()
        .partition(|argument| CampaignFile::pushed_name(argument).is_some());
    let paths: Vec<PathBuf> = paths.into_iter().cloned().collect();
    let found = if paths.is_empty() { Vec::new() } else { find(&paths)? };
    let mut files: Vec<_> = found.into_iter().map(CampaignFile::from).collect();
    for name in names.into_iter().filter_map(|name| CampaignFile::pushed_name(name)) {
        let named = match name {
            "" => CampaignFile::all_pushed(pushed),
            name => CampaignFile::pushed_as(name, pushed).into_iter().collect(),
        };
        if named.is_empty() {
            return Err(not_pushed(name, pushed));
        }
        let new = named.into_iter().filter(|file| !files.contains(file));
        let new: Vec<_> = new.collect();
        files.extend(new);
    }
    Ok(files)
}

/// The error of a name that no pushed file has, with the name that is most like it.
#[must_use]
pub fn not_pushed(name: &str, pushed: &PushedFiles) -> AppError {
    let others = pushed.all().iter().map(|file| &file.name);
    let distances = others.map(|other| (strsim::osa_distance(name, other), other));
    let nearest = distances
        .min()
        .filter(|(distance, other)| distance * 3 <= other.chars().count());
    AppError::NotPushed {
        name: name.to_owned(),
        nearest: nearest.map(|(_, other)| other.clone()),
        are_any: !pushed.all().is_empty(),
    }
}

/// Returns the campaign files that `paths` name, each once. A directory means the campaign files in it.
pub fn files_at(paths: &[PathBuf]) -> Result<Vec<PathBuf>, AppError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let within = campaign_files(path).map_err(|source| AppError::Directory {
            path: path.clone(),
            source,
        })?;
        if within.is_empty() {
            return Err(AppError::NoCampaigns(path.clone()));
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

fn paths_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>, AppError> {
    let mut all = Vec::new();
    for path in paths {
        let failed = |source| AppError::Directory {
            path: path.clone(),
            source,
        };
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let mut found = campaign_files(path).map_err(failed)?;
        let mut directories = directories(path).map_err(failed)?;
        while let Some(directory) = directories.pop() {
            // Other directories below it may be those of other users.
            let files = campaign_files(&directory).unwrap_or_default();
            found.extend(files.into_iter().filter(|file| names_campaign(file)));
            directories.extend(self::directories(&directory).unwrap_or_default());
        }
        found.sort();
        all.extend(found);
    }
    if all.is_empty() {
        return files_at(paths);
    }
    files_at(&all)
}

/// Returns the directories in `directory`, without hidden ones and links.
fn directories(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && entry.file_type()?.is_dir() {
            directories.push(entry.path());
        }
    }
    Ok(directories)
}

/// Whether a file has a line with the key `campaign`. Many other files have the same extension.
fn names_campaign(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line.starts_with("campaign:")))
}

/// Returns the files in `directory` with the extension of campaign files, sorted by name.
fn campaign_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_campaign_file(&path) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a path has the extension of campaign files.
#[must_use]
pub fn is_campaign_file(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

/// The names in the campaign files of each directory, each directory read once.
#[derive(Debug, Default)]
pub struct Neighbours(HashMap<PathBuf, Vec<(PathBuf, Names)>>);

impl Neighbours {
    /// Returns every mistake of a parsed file that concerns other files: files beside it, and the campaigns that it excludes.
    pub fn mistakes(&mut self, file: &CampaignFile, parsed: &Parsed) -> Vec<Diagnostic> {
        // No two pushed files name the same campaign and app.
        let mut mistakes = match file.pushed() {
            Some(_) => Vec::new(),
            None => self.namesakes(file.path(), parsed),
        };
        mistakes.extend(exclude_cycles::mistakes(file, parsed));
        mistakes
    }

    /// Returns a mistake for each other file beside `file`, or beside its link target, that names the same campaign and app
    /// and would share its ledger. Other files there are ignored.
    fn namesakes(&mut self, file: &Path, parsed: &Parsed) -> Vec<Diagnostic> {
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
            let message = app::NamesakeBeside { path: &other.display() }.to_string();
            let help = app::NamesakeBesideHelp.to_string();
            parsed.mistake("campaign", Code::Contradiction, message, Some(help))
        })
        .collect()
    }
}

fn named(folder: &Path) -> Vec<(PathBuf, Names)> {
    let files = campaign_files(folder).unwrap_or_default();
    let read = |file: PathBuf| campaign::load(&file).ok().map(|parsed| (file, parsed.campaign.names));
    files.into_iter().filter_map(read).collect()
}
