//! Checks the campaigns that a file excludes the users of: each must exist and be of the same app, and the references must
//! not form a circle.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use crate::campaign::{Campaign, Code, Diagnostic, Exclude, Parsed};
use crate::catalogue::app;

use super::campaign_file::CampaignFile;

/// Returns every mistake in the campaigns that `audience.exclude` names. Reads their files, but no ledger.
#[must_use]
pub fn mistakes(file: &CampaignFile, parsed: &Parsed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (key, path) in named(&parsed.campaign) {
        let mistake = |code, message: &dyn Display, help: &dyn Display| {
            parsed.mistake(&key, code, message.to_string(), Some(help.to_string()))
        };
        let other = match file.load_named(&path) {
            Ok(other) => other.campaign,
            Err(mistakes) => {
                let message = app::CannotUseCampaignFile { path: &path.display() };
                let help = app::ValidateIt { path: &path.display() };
                let cause = mistakes
                    .into_iter()
                    .next()
                    .map(|first| match (first.place, first.cause) {
                        (Some(place), _) => app::OnLine {
                            line: &place.line,
                            message: &first.message,
                        }
                        .to_string(),
                        (None, Some(cause)) => cause,
                        (None, None) => first.message,
                    });
                let mistake = mistake(Code::Absent, &message, &help);
                found.push(Diagnostic { cause, ..mistake });
                continue;
            }
        };
        let ours = &parsed.campaign.names.app_id;
        let theirs = &other.names.app_id;
        if ours != theirs {
            let message = app::OtherApp {
                path: &path.display(),
                theirs,
                ours,
            };
            found.push(mistake(Code::Contradiction, &message, &app::OtherAppHelp));
        } else if let Some(circle) = circle(file, &path, &other) {
            let names: Vec<_> = circle.iter().map(|path| path.display().to_string()).collect();
            let circle = &names.join(" → ");
            found.push(mistake(Code::Contradiction, &app::Circle { circle }, &app::CircleHelp));
        }
    }
    found
}

/// Returns the campaign files whose users a campaign excludes, each with its key.
fn named(campaign: &Campaign) -> impl Iterator<Item = (String, PathBuf)> {
    let lists = campaign.audience.exclude.iter().flatten().enumerate();
    lists.filter_map(|(nth, list)| match list {
        Exclude::Campaign(path) => Some((format!("audience.exclude.{nth}.campaign"), path.clone())),
        Exclude::Source(_) => None,
    })
}

/// Returns the path of files that leads from `file` through `path` (the file of `other`) back to a file on it. `None` if
/// there is no circle.
fn circle(file: &CampaignFile, path: &Path, other: &Campaign) -> Option<Vec<PathBuf>> {
    let own = file.pushed().map_or(file.path(), |pushed| &pushed.origin).to_owned();
    let mut way = vec![own, path.to_owned()];
    let mut sound = Vec::new();
    follow(
        file,
        &mut way,
        &named(other).map(|(_, path)| path).collect::<Vec<_>>(),
        &mut sound,
    )
    .then_some(way)
}

/// Follows each of `next` from the end of the path. Returns whether one of them leads back to a file on it. The others are
/// added to `sound`, so that no file is read twice.
fn follow(file: &CampaignFile, way: &mut Vec<PathBuf>, next: &[PathBuf], sound: &mut Vec<PathBuf>) -> bool {
    if way.windows(2).last().is_some_and(|last| same(&last[0], &last[1])) {
        return true;
    }
    for path in next {
        let on_it = way.iter().any(|passed| same(passed, path));
        way.push(path.clone());
        if on_it {
            return true;
        }
        let known = sound.iter().any(|known| same(known, path));
        // A file that cannot be read is reported as a mistake of the campaign that names it.
        if let (false, Ok(parsed)) = (known, file.load_named(path)) {
            let next: Vec<_> = named(&parsed.campaign).map(|(_, path)| path).collect();
            if follow(file, way, &next, sound) {
                return true;
            }
            sound.push(path.clone());
        }
        way.pop();
    }
    false
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}
