//! Pushes campaign files to the database of a fleet, so that any worker can apply them, and removes them.

use std::path::{Path, PathBuf};

use crate::campaign::Names;
use crate::fleet::{Database, DatabaseUrl, FileChange, FileRow};
use crate::model::actor::Actor;

use super::error::AppError;
use super::pushed_files::{PushedFile, PushedFiles, hash};

/// A campaign file that is to be pushed. It has no mistakes.
#[derive(Clone, Debug)]
pub struct FileToPush {
    /// The name that it is to have.
    pub name: String,
    /// Its campaign and app id.
    pub names: Names,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its absolute path.
    pub origin: PathBuf,
}

/// What a push does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference<'p> {
    /// It adds the file.
    New,
    /// It changes nothing.
    Unchanged,
    /// It replaces this file.
    Changed(&'p PushedFile),
}

impl FileToPush {
    /// Compares the file with those that are pushed.
    ///
    /// # Errors
    /// When another pushed file has its name or its campaign.
    pub fn compare<'p>(&self, files: &'p PushedFiles, host: &str) -> Result<Difference<'p>, AppError> {
        let is_same = |file: &&PushedFile| {
            file.campaign == self.names.campaign.as_str() && file.app == self.names.app_id.as_str()
        };
        let other = match files.get(&self.name) {
            Some(file) if is_same(&file) => {
                let is_unchanged = file.body == self.body && file.origin == self.origin && file.host == host;
                return Ok(if is_unchanged {
                    Difference::Unchanged
                } else {
                    Difference::Changed(file)
                });
            }
            Some(other) => Some(other),
            None => files.all().iter().find(is_same),
        };
        match other {
            Some(other) => Err(self.conflict(Some(other))),
            None => Ok(Difference::New),
        }
    }

    fn conflict(&self, other: Option<&PushedFile>) -> AppError {
        AppError::PushConflict {
            name: self.name.clone(),
            campaign: self.names.campaign.to_string(),
            app: self.names.app_id.to_string(),
            other: other.cloned().map(Box::new),
        }
    }

    /// Pushes the file, unless the one of this name is not `seen` any more.
    ///
    /// # Errors
    /// When another person has pushed meanwhile, or the database fails.
    pub async fn push(&self, url: &DatabaseUrl, seen: Option<&PushedFile>, by: &Actor) -> Result<(), AppError> {
        let row = FileRow {
            name: self.name.clone(),
            app: self.names.app_id.to_string(),
            campaign: self.names.campaign.to_string(),
            hash: hash(&self.body),
            body: self.body.clone(),
            origin: self.origin.to_string_lossy().into_owned(),
            host: by.host.clone(),
            by: by.name.clone(),
            at_ms: 0,
        };
        let seen = seen.map(|file| &*file.hash);
        match Database::connect(url).await?.write_file(&row, seen).await? {
            FileChange::Done => Ok(()),
            FileChange::ChangedMeanwhile => Err(changed(&self.name)),
            FileChange::OtherFileHasCampaign => Err(self.conflict(None)),
        }
    }
}

/// Removes a pushed file, unless it was changed. Its ledger stays, and its runs go on.
///
/// # Errors
/// When another person has changed it meanwhile, or the database fails.
pub async fn remove(url: &DatabaseUrl, file: &PushedFile) -> Result<(), AppError> {
    let done = Database::connect(url)
        .await?
        .remove_file(&file.name, &file.hash)
        .await?;
    match done {
        FileChange::Done => Ok(()),
        FileChange::ChangedMeanwhile | FileChange::OtherFileHasCampaign => Err(changed(&file.name)),
    }
}

fn changed(name: &str) -> AppError {
    AppError::PushedMeanwhile { name: name.to_owned() }
}

/// Returns the absolute path of a file. A link stays as it is: what it leads to may have another name.
///
/// # Errors
/// When its directory cannot be read.
pub fn origin(file: &Path) -> Result<PathBuf, AppError> {
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let absolute = directory.canonicalize().map_err(|source| AppError::Directory {
        path: directory.to_owned(),
        source,
    })?;
    Ok(file
        .file_name()
        .map_or_else(|| absolute.clone(), |name| absolute.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::identity::{AppId, CampaignName};

    fn to_push(name: &str, campaign: &str, body: &str) -> FileToPush {
        let parsed = crate::campaign::parse(
            Path::new("c.yaml"),
            format!(
                "version: 1\ncampaign: {campaign}\napp_id: tt1\nactivity_id: 1\naudience: {{source: {{csv: {{path: a.csv, open_id: u}}}}}}\n"
            )
            .as_bytes(),
        );
        let names = parsed.map(|parsed| parsed.campaign.names);
        let names = names.unwrap_or_else(|_| panic!("the file has mistakes"));
        assert_eq!(names.app_id, AppId::parse("tt1").unwrap());
        assert_eq!(names.campaign, CampaignName::parse(campaign).unwrap());
        FileToPush {
            name: name.to_owned(),
            names,
            body: body.into(),
            origin: "/srv/campaigns/c.yaml".into(),
        }
    }

    fn pushed(file: &FileToPush) -> PushedFiles {
        let row = FileRow {
            name: file.name.clone(),
            app: file.names.app_id.to_string(),
            campaign: file.names.campaign.to_string(),
            hash: hash(&file.body),
            body: file.body.clone(),
            origin: "/srv/campaigns/c.yaml".to_owned(),
            host: "here".to_owned(),
            by: "ann".to_owned(),
            at_ms: 5,
        };
        let file = PushedFile::from(row);
        assert_eq!(file.at, from_ms(5));
        PushedFiles::new(vec![file])
    }

    #[test]
    fn a_push_never_replaces_the_file_of_another_campaign() {
        let spring = to_push("spring.yaml", "spring", "one");
        let files = pushed(&spring);
        let compare = |file: &FileToPush| file.compare(&files, "here");
        assert_eq!(compare(&spring).ok(), Some(Difference::Unchanged));
        let changed = to_push("spring.yaml", "spring", "two");
        assert!(matches!(compare(&changed), Ok(Difference::Changed(before)) if before.body == b"one"));
        assert!(matches!(spring.compare(&files, "there"), Ok(Difference::Changed(_))));
        assert_eq!(
            compare(&to_push("summer.yaml", "summer", "one")).ok(),
            Some(Difference::New)
        );
        for other in [
            to_push("spring.yaml", "summer", "one"),
            to_push("autumn.yaml", "spring", "one"),
        ] {
            assert!(matches!(
                compare(&other),
                Err(AppError::PushConflict { other: Some(_), .. })
            ));
        }
    }
}
