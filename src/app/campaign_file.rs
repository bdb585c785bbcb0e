//! A campaign file that a command means: a file of this machine, or one that was pushed to the database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::campaign::{self, Diagnostic, Parsed};

use crate::fleet::{DatabaseError, DatabaseUrl};

use super::pushed_files::{PushedFile, PushedFiles};

/// How the name of a pushed file begins where a command takes a file. Alone it means all pushed files.
pub const PUSHED: &str = "pushed:";

/// A campaign file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignFile {
    /// Its path, or the name of a pushed file after [`PUSHED`], as it is typed and shown.
    shown: PathBuf,
    /// All pushed files and the place of this one among them. `None` for a file of this machine.
    pushed: Option<(Arc<PushedFiles>, usize)>,
}

impl<P: Into<PathBuf>> From<P> for CampaignFile {
    fn from(path: P) -> Self {
        Self {
            shown: path.into(),
            pushed: None,
        }
    }
}

impl CampaignFile {
    /// Returns the pushed file of this name. `None` if there is none.
    #[must_use]
    pub fn pushed_as(name: &str, files: &Arc<PushedFiles>) -> Option<Self> {
        let place = files.all().iter().position(|file| file.name == name)?;
        Some(Self::pushed_at(place, files))
    }

    /// Returns all pushed files, sorted by name.
    #[must_use]
    pub fn all_pushed(files: &Arc<PushedFiles>) -> Vec<Self> {
        let places = 0..files.all().len();
        places.map(|place| Self::pushed_at(place, files)).collect()
    }

    fn pushed_at(place: usize, files: &Arc<PushedFiles>) -> Self {
        let name = &files.all()[place].name;
        Self {
            shown: PathBuf::from(format!("{PUSHED}{name}")),
            pushed: Some((Arc::clone(files), place)),
        }
    }

    /// Returns what an argument names after [`PUSHED`]. `None` if it is a path.
    #[must_use]
    pub fn pushed_name(argument: &Path) -> Option<&str> {
        argument.to_str()?.strip_prefix(PUSHED)
    }

    /// The path, or the name of a pushed file after [`PUSHED`], as it is typed and shown.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shown
    }

    /// The pushed file. `None` for a file of this machine.
    #[must_use]
    pub fn pushed(&self) -> Option<&PushedFile> {
        let (files, place) = self.pushed.as_ref()?;
        files.all().get(*place)
    }

    /// Returns the directory in which this machine keeps its part of the campaign, such as its lock and its rehearsal. `None` for
    /// the directory of a file of this machine.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        let (files, place) = self.pushed.as_ref()?;
        files.all().get(*place).map(|file| files.home(file))
    }

    /// Reads this pushed file again. `None` if it is the same, if it was removed, or if it is a file of this machine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_again(&self, url: &DatabaseUrl) -> Result<Option<Self>, DatabaseError> {
        let Some((files, before)) = self.pushed.as_ref().zip(self.pushed()) else {
            return Ok(None);
        };
        let now = Arc::new(files.0.read_again(url).await?);
        let again = Self::pushed_as(&before.name, &now);
        Ok(again.filter(|again| {
            again
                .pushed()
                .is_some_and(|now| now.hash != before.hash || now.origin != before.origin)
        }))
    }

    /// Reads and parses the file.
    ///
    /// # Errors
    /// Its mistakes.
    pub fn load(&self) -> Result<Parsed, Vec<Diagnostic>> {
        match self.pushed() {
            Some(file) => campaign::parse_in(&self.shown, file.directory(), &file.body),
            None => campaign::load(&self.shown),
        }
    }

    /// Reads and parses the campaign file that this one names by `path`. A pushed file means another pushed file that was beside it,
    /// if there is one.
    ///
    /// # Errors
    /// Its mistakes.
    pub fn load_named(&self, path: &Path) -> Result<Parsed, Vec<Diagnostic>> {
        self.named(path).load()
    }

    /// Returns the campaign file that this one names by `path`.
    #[must_use]
    pub fn named(&self, path: &Path) -> Self {
        let pushed = self.pushed.as_ref().and_then(|(files, _)| {
            let place = files.all().iter().position(|file| file.origin == path)?;
            Some(Self::pushed_at(place, files))
        });
        pushed.unwrap_or_else(|| Self::from(path))
    }
}
