//! References to secrets, and secrets that are never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::catalogue::model;

/// A reference to a secret. Campaign files hold only references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable, by name.
    Env(String),
    /// A file whose trimmed content is the secret.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => model::SecretInVariable { name }.fmt(f),
            Self::File(path) => model::SecretInFile { path: &path.display() }.fmt(f),
        }
    }
}

/// The reason why a secret cannot be read. It names the reference and never shows a byte of the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or is empty.
    #[error("{}", unset(.0))]
    Unset(String),
    /// The value is not UTF-8 text, or has characters that an HTTP header cannot carry.
    #[error("{}", not_text(.0, *.1))]
    NotText(SecretRef, SecretFlaw),
    /// The file cannot be read.
    #[error("{}", model::SecretUnreadable { path: &path.display() })]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is empty.
    #[error("{}", empty(.0))]
    Empty(PathBuf),
    /// The secret is too short to be one.
    #[error("{}", too_short(.0))]
    TooShort(SecretRef),
}

fn unset(name: &str) -> String {
    model::SecretUnset { name: &name }.to_string()
}

fn not_text(from: &SecretRef, flaw: SecretFlaw) -> String {
    model::SecretNotText {
        from,
        flaw: &flaw.word(),
    }
    .to_string()
}

fn empty(path: &Path) -> String {
    model::SecretEmpty { path: &path.display() }.to_string()
}

fn too_short(from: &SecretRef) -> String {
    model::SecretTooShort {
        from,
        least: Secret::SHORTEST as u64,
    }
    .to_string()
}

/// A mistake in a secret, named without a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFlaw {
    /// It is not UTF-8.
    NotUtf8,
    /// It has several lines.
    Lines,
    /// It has a space or a tab.
    Space,
    /// It has another control character.
    Control,
    /// It has a character that is not ASCII.
    NotAscii,
}

impl SecretFlaw {
    /// The word that selects a text of the catalogue.
    const fn word(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not-utf8",
            Self::Lines => "lines",
            Self::Space => "space",
            Self::Control => "control",
            Self::NotAscii => "not-ascii",
        }
    }

    /// Finds the first mistake in a trimmed secret; `None` if it can be sent.
    fn find(text: &str) -> Option<Self> {
        text.chars().find(|c| !c.is_ascii_graphic()).map(|found| match found {
            '\n' | '\r' => Self::Lines,
            ' ' | '\t' => Self::Space,
            found if found.is_ascii() => Self::Control,
            _ => Self::NotAscii,
        })
    }
}

impl SecretRef {
    /// The reference as the command line takes it: `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Env(name) => format!("env:{name}"),
            Self::File(path) => format!("file:{}", path.display()),
        }
    }

    /// Reads the secret. Each call reads it again, because the file may have been replaced.
    ///
    /// # Errors
    /// If the secret is absent, empty, or not printable ASCII text.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        let text = match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(text) if text.trim().is_empty() => return Err(SecretError::Unset(name.clone())),
                Ok(text) => Zeroizing::new(text),
                Err(std::env::VarError::NotPresent) => return Err(SecretError::Unset(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(SecretError::NotText(self.clone(), SecretFlaw::NotUtf8));
                }
            },
            Self::File(path) => {
                let bytes = Zeroizing::new(std::fs::read(path).map_err(|source| SecretError::Unreadable {
                    path: path.clone(),
                    source,
                })?);
                let text =
                    std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText(self.clone(), SecretFlaw::NotUtf8))?;
                // Some editors begin every file with a byte order mark.
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                if text.trim().is_empty() {
                    return Err(SecretError::Empty(path.clone()));
                }
                Zeroizing::new(text.to_owned())
            }
        };
        let text = text.trim();
        match SecretFlaw::find(text) {
            Some(flaw) => Err(SecretError::NotText(self.clone(), flaw)),
            None => Ok(Secret::new(text)),
        }
    }

    /// Refuses the secret that was read from here if it is too short to be removed from messages.
    ///
    /// # Errors
    /// If it has fewer than [`Secret::SHORTEST`] characters.
    pub fn check_length(&self, secret: &Secret) -> Result<(), SecretError> {
        if secret.expose().len() < Secret::SHORTEST {
            return Err(SecretError::TooShort(self.clone()));
        }
        Ok(())
    }
}

/// A secret. It has no `Display` and no `Serialize`, its `Debug` output hides it, and its memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The least length of a secret. A shorter one is a mistake, and every message has its characters somewhere, so it
    /// could not be removed from messages.
    pub const SHORTEST: usize = 6;

    /// Wraps `text` as a secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Returns the secret, for the code that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("canary-3141");
        assert_eq!(format!("{secret:?} {secret:#?}"), "[secret] [secret]");
    }

    #[test]
    fn a_secret_from_a_file_is_trimmed_and_read_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("secret");
        std::fs::write(&path, "  first-secret\n").expect("the file is written");
        let reference = SecretRef::File(path.clone());
        assert_eq!(reference.resolve().expect("it is there").expose(), "first-secret");
        std::fs::write(&path, "\u{feff}second").expect("the file is written");
        assert_eq!(reference.resolve().expect("it is there").expose(), "second");
    }

    #[test]
    fn a_secret_under_six_characters_is_refused_without_being_shown() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("secret");
        let reference = SecretRef::File(path.clone());
        std::fs::write(&path, " zqxyw\n").expect("the file is written");
        let read = |reference: &SecretRef| reference.resolve().expect("it can be read");
        let error = reference.check_length(&read(&reference)).expect_err("it is too short");
        let said = error.to_string();
        assert!(said.ends_with("holds a secret with fewer than 6 characters"), "{said}");
        assert!(!format!("{said} {error:?}").contains("zqx"), "{error:?}");
        std::fs::write(&path, "zqxywv").expect("the file is written");
        assert!(reference.check_length(&read(&reference)).is_ok());
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("secret");
        for (bad, flaw) in [
            (&b"zqx\x00ary"[..], SecretFlaw::Control),
            (b"zqx\xffary", SecretFlaw::NotUtf8),
            (b"zqx\nary", SecretFlaw::Lines),
            (b"zqx ary", SecretFlaw::Space),
            (b"Bearer\tzqx", SecretFlaw::Space),
            ("zqx密码".as_bytes(), SecretFlaw::NotAscii),
        ] {
            std::fs::write(&path, bad).expect("the file is written");
            let error = SecretRef::File(path.clone()).resolve().expect_err("it is no secret");
            assert!(!format!("{error} {error:?}").contains("zqx"), "{error:?}");
            assert!(
                matches!(error, SecretError::NotText(_, found) if found == flaw),
                "{error:?}"
            );
        }
        assert!(matches!(
            SecretRef::Env("RUNNER_TEST_SURELY_UNSET".into()).resolve(),
            Err(SecretError::Unset(_))
        ));
    }
}
