//! The file of a service while the service runs: it is read again and again, and a broken one changes nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::notify::service_channels;
use crate::campaign::{Diagnostic, ServerFile, parse_server, read_server};
use crate::catalogue::Language;
use crate::notify::channel::Channel;

use super::accounts::Accounts;
use super::policy::PolicyRules;
use super::tls::{self, Certificate};

/// What the file of a service says.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The file. `None` without one.
    pub file: Option<ServerFile>,
    /// Who may use the service.
    pub accounts: Accounts,
    /// The channels of its own.
    pub channels: Vec<Channel>,
    /// Its certificate. `None` if it does not encrypt requests itself.
    pub certificate: Option<Certificate>,
    /// Whether the file has mistakes now, or is gone, so that this is what it said before.
    pub is_outdated: bool,
}

/// The mistakes of a file, in each language.
pub type Mistakes = Arc<Vec<(Language, Vec<Diagnostic>)>>;

struct Known {
    current: Arc<ServerConfig>,
    broken: Option<Mistakes>,
    /// The bytes that were read last. A file counts once it was the same in two readings.
    read: Option<Vec<u8>>,
}

/// The file of a service, and what it said when it last had no mistakes.
pub struct ConfigFile {
    path: PathBuf,
    known: Mutex<Known>,
}

impl ServerConfig {
    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let parsed = parse_server(path, bytes)?;
        let certificate = tls::read(&parsed);
        match (Accounts::read(&parsed), service_channels(&parsed), certificate) {
            (Ok(accounts), Ok(channels), Ok(certificate)) => Ok(Self {
                file: Some(parsed.content),
                accounts,
                channels,
                certificate,
                is_outdated: false,
            }),
            (accounts, channels, certificate) => {
                let mistakes = accounts.err().into_iter().chain(channels.err());
                Err(mistakes
                    .flatten()
                    .chain(certificate.err().map(|mistake| *mistake))
                    .collect())
            }
        }
    }

    /// The policy. `None` without one.
    #[must_use]
    pub fn policy(&self) -> Option<PolicyRules<'_>> {
        PolicyRules::of(self.file.as_ref()?)
    }

    /// The settings of a service without a file.
    fn none() -> Self {
        Self {
            file: None,
            accounts: Accounts::default(),
            channels: Vec::new(),
            certificate: None,
            is_outdated: false,
        }
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigFile({})", self.path.display())
    }
}

impl ConfigFile {
    /// Reads the file at `path`. Unless the file is required, a service without one has one user: the one whose process it is.
    ///
    /// # Errors
    /// The mistakes of the file, in the language of the moment.
    pub fn open(path: &Path, is_required: bool) -> Result<Self, Vec<Diagnostic>> {
        let is_absent = matches!(path.try_exists(), Ok(false));
        let (config, read) = if is_absent && !is_required {
            (ServerConfig::none(), None)
        } else {
            let bytes = read_server(path)?;
            (ServerConfig::parse(path, &bytes)?, Some(bytes))
        };
        Ok(Self {
            path: path.to_owned(),
            known: Mutex::new(Known {
                current: Arc::new(config),
                broken: None,
                read,
            }),
        })
    }

    /// No file, for what needs none.
    #[must_use]
    pub fn without() -> Self {
        Self {
            path: PathBuf::new(),
            known: Mutex::new(Known {
                current: Arc::new(ServerConfig::none()),
                broken: None,
                read: None,
            }),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file said when it last had no mistakes.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.known().current)
    }

    /// The mistakes of the file. `None` while it has none.
    #[must_use]
    pub fn broken(&self) -> Option<Mistakes> {
        self.known().broken.clone()
    }

    /// Reads the file and its secrets again. If the file has mistakes or is gone, the previous
    /// configuration stays.
    pub fn read_again(&self) {
        let bytes = Language::English.scope(|| read_server(&self.path));
        {
            let mut known = self.known();
            match &bytes {
                Err(_) if known.current.file.is_none() && matches!(self.path.try_exists(), Ok(false)) => return,
                Err(_) => known.read = None,
                Ok(bytes) if known.read.as_ref() != Some(bytes) => {
                    // It may still be written.
                    known.read = Some(bytes.clone());
                    return;
                }
                Ok(_) => {}
            }
        }
        // Secrets may be in files that do not answer, so nothing is locked while they are read.
        let parsed = match &bytes {
            Err(_) => Err(in_each_language(|| read_server(&self.path).err())),
            Ok(bytes) => {
                let parse = || ServerConfig::parse(&self.path, bytes);
                Language::English
                    .scope(parse)
                    .map_err(|_| in_each_language(|| parse().err()))
            }
        };
        let path = self.path.display();
        let mut known = self.known();
        match parsed {
            Ok(config) => {
                if known.broken.take().is_some() {
                    tracing::info!("{path} has no mistakes any longer and is used");
                }
                known.current = Arc::new(config);
            }
            Err(broken) => {
                let broken = Some(Arc::new(broken));
                if known.broken != broken {
                    tracing::error!("{path} has mistakes or cannot be read; what it said before stays in force");
                }
                known.broken = broken;
                if !known.current.is_outdated {
                    known.current = Arc::new(ServerConfig {
                        is_outdated: true,
                        ..ServerConfig::clone(&known.current)
                    });
                }
            }
        }
    }
}

fn in_each_language(mistakes: impl Fn() -> Option<Vec<Diagnostic>>) -> Vec<(Language, Vec<Diagnostic>)> {
    let of = |language: Language| (language, language.scope(&mistakes).unwrap_or_default());
    Language::ALL.map(of).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::passwords::PasswordHash;

    const USER: &str = "version: 1\nusers: [{name: li, password: {file: li.hash}, roles: [author]}]\n";

    #[test]
    fn a_broken_file_keeps_what_it_said_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.yaml");
        std::fs::write(
            directory.path().join("li.hash"),
            PasswordHash::make("correct horse").unwrap(),
        )
        .unwrap();
        std::fs::write(&path, USER).unwrap();
        let file = ConfigFile::open(&path, true).unwrap();
        assert!(!file.current().accounts.is_local());
        std::fs::write(&path, "version: 1\nuser: []\n").unwrap();
        file.read_again();
        assert_eq!(file.broken(), None, "it may still be written");
        file.read_again();
        assert!(file.broken().is_some());
        assert!(file.current().accounts.user("li").is_some());
        std::fs::remove_file(&path).unwrap();
        file.read_again();
        assert!(file.broken().is_some() && file.current().accounts.user("li").is_some());
        std::fs::write(&path, USER.replace("author", "viewer")).unwrap();
        file.read_again();
        file.read_again();
        assert_eq!(file.broken(), None);
        assert_eq!(
            file.current().accounts.user("li").unwrap().roles,
            [crate::model::user::Role::Viewer]
        );
    }

    #[test]
    fn a_password_that_is_changed_counts_without_a_change_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.yaml");
        let hash = directory.path().join("li.hash");
        std::fs::write(&hash, PasswordHash::make("correct horse").unwrap()).unwrap();
        std::fs::write(&path, USER).unwrap();
        let file = ConfigFile::open(&path, false).unwrap();
        let before = file.current().accounts.user("li").unwrap().stamp;
        std::fs::write(&hash, PasswordHash::make("another one").unwrap()).unwrap();
        file.read_again();
        let config = file.current();
        assert!(config.accounts.verify("li", "another one").is_some());
        assert_ne!(config.accounts.user("li").unwrap().stamp, before);
    }

    #[test]
    fn a_service_without_a_file_has_one_user_until_there_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.yaml");
        assert!(ConfigFile::open(&path, true).is_err());
        let file = ConfigFile::open(&path, false).unwrap();
        file.read_again();
        assert!(file.current().accounts.is_local() && file.broken().is_none());
        std::fs::write(
            directory.path().join("li.hash"),
            PasswordHash::make("correct horse").unwrap(),
        )
        .unwrap();
        std::fs::write(&path, USER).unwrap();
        file.read_again();
        file.read_again();
        assert!(!file.current().accounts.is_local());
    }
}
