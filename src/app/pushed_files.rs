//! The campaign files in the database of a fleet. Any worker can apply them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::audience;
use crate::campaign::{Campaign, Exclude, Files, Source, Testers};
use crate::fleet::{Database, DatabaseError, DatabaseUrl, FileRow};
use crate::model::clock::from_ms;

/// A campaign file in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedFile {
    /// Its name.
    pub name: String,
    /// The app id of its campaign.
    pub app: String,
    /// The name of its campaign.
    pub campaign: String,
    /// The bytes of the file.
    pub body: Vec<u8>,
    /// The hash of the body.
    pub hash: Vec<u8>,
    /// The absolute path that it was pushed from. Relative paths in it begin in its directory.
    pub origin: PathBuf,
    /// The machine that it was pushed from.
    pub host: String,
    /// The person who pushed it.
    pub by: String,
    /// When it was pushed, by the server's clock.
    pub at: Timestamp,
}

impl PushedFile {
    /// The directory that it was pushed from.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.origin.parent().unwrap_or(Path::new("/"))
    }
}

impl From<FileRow> for PushedFile {
    fn from(row: FileRow) -> Self {
        Self {
            name: row.name,
            app: row.app,
            campaign: row.campaign,
            body: row.body,
            hash: row.hash,
            origin: row.origin.into(),
            host: row.host,
            by: row.by,
            at: from_ms(row.at_ms),
        }
    }
}

/// All campaign files in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushedFiles {
    /// Sorted by name.
    files: Vec<PushedFile>,
    /// Where a machine without the directory of a file keeps its part of the campaign.
    elsewhere: PathBuf,
}

impl PushedFiles {
    /// Reads all files. A machine that does not have the directory of a file keeps its part of the campaign in `elsewhere`.
    ///
    /// # Errors
    /// When the database fails, or its tables were made before it could keep files.
    pub async fn read(url: &DatabaseUrl, elsewhere: PathBuf) -> Result<Self, DatabaseError> {
        let rows = Database::connect(url).await?.files().await?;
        let files = rows.into_iter().map(PushedFile::from).collect();
        Ok(Self { files, elsewhere })
    }

    /// Reads all files again.
    pub(super) async fn read_again(&self, url: &DatabaseUrl) -> Result<Self, DatabaseError> {
        Self::read(url, self.elsewhere.clone()).await
    }

    /// These files, sorted by name.
    #[cfg(test)]
    pub(super) fn new(files: Vec<PushedFile>) -> Self {
        Self {
            files,
            elsewhere: PathBuf::new(),
        }
    }

    /// The files, sorted by name.
    #[must_use]
    pub fn all(&self) -> &[PushedFile] {
        &self.files
    }

    /// Returns the file of this name. `None` if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&PushedFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Returns the directory in which this machine keeps its part of a campaign. The directory of the file may exist on this machine.
    pub(super) fn home(&self, file: &PushedFile) -> PathBuf {
        let directory = file.directory();
        if directory.is_dir() {
            directory.to_owned()
        } else {
            self.elsewhere.clone()
        }
    }
}

/// Returns the hash of a body, which says whether a file is the one that was seen.
#[must_use]
pub fn hash(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body).to_vec()
}

/// A list of users in a campaign file that lies on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSource {
    /// The key of the file, such as `audience.source.csv.path`.
    pub key: String,
    /// The path or the pattern. `None` for piped data.
    pub path: Option<PathBuf>,
    /// Whether this machine has it.
    pub is_here: bool,
}

/// Returns the lists of users in a campaign file that only some machines have: files and piped data. Every machine can query a
/// server.
#[must_use]
pub fn local_sources(campaign: &Campaign) -> Vec<LocalSource> {
    let mut sources = vec![("audience.source".to_owned(), &campaign.audience.source)];
    if let Some(Testers::Source(source)) = &campaign.audience.testers {
        sources.push(("audience.testers".to_owned(), source));
    }
    for (nth, list) in campaign.audience.exclude.iter().flatten().enumerate() {
        if let Exclude::Source(source) = list {
            sources.push((format!("audience.exclude.{nth}"), source));
        }
    }
    let local = sources.into_iter().map(|(key, source)| local_source(&key, source));
    local.flatten().collect()
}

fn local_source(key: &str, source: &Source) -> Option<LocalSource> {
    let files = |kind: &str, files: &Files| LocalSource {
        key: format!("{key}.{kind}.path"),
        path: Some(files.folder.join(&files.path)),
        is_here: audience::are_here(files),
    };
    Some(match source {
        Source::Csv(csv) => files("csv", &csv.path),
        Source::Jsonl(jsonl) => files("jsonl", &jsonl.path),
        Source::Parquet(parquet) => files("parquet", &parquet.path),
        Source::Sqlite(sqlite) => LocalSource {
            key: format!("{key}.sqlite.path"),
            path: Some(sqlite.path.clone()),
            is_here: sqlite.path.exists(),
        },
        Source::Stdin(_) => LocalSource {
            key: key.to_owned(),
            path: None,
            is_here: true,
        },
        Source::Postgres(_) | Source::Mysql(_) => return None,
    })
}
