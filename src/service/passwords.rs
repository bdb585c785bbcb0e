//! The passwords of users. Their hashes are made and checked here alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::LazyLock;

use argon2::{Argon2, PasswordHash as Phc, PasswordHasher as _, PasswordVerifier as _};

/// The least length of a password, in characters.
pub const SHORTEST: usize = 8;
/// The longest password, in bytes, so that nobody makes the service hash a book.
pub const LONGEST: usize = 1024;
/// The bytes of a salt.
const SALT: usize = 16;
/// The algorithm of every hash.
const ALGORITHM: &str = "argon2id";

/// The hash of a password, with its algorithm, parameters and salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordHash(Phc);

/// A hash that no password has. Checking it takes as long as any other, so an unknown user is not told from a known one.
static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| {
    let hash = Argon2::default().hash_password_with_salt(b"", &[0; SALT]).ok()?;
    Some(PasswordHash(hash))
});

impl PasswordHash {
    /// Parses a hash as [`PasswordHash::make`] writes it. `None` if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hash = Phc::new(text).ok()?;
        let is_whole = hash.salt.is_some() && hash.hash.is_some();
        (is_whole && hash.algorithm.as_str() == ALGORITHM).then_some(Self(hash))
    }

    /// Hashes a password with a new salt.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn make(password: &str) -> io::Result<String> {
        let mut salt = [0; SALT];
        File::open("/dev/urandom")?.read_exact(&mut salt)?;
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(io::Error::other)
    }

    /// Whether this is the hash of a password. It takes about 20 ms and 19 MiB, so it does not belong on a thread that serves
    /// requests.
    #[must_use]
    pub fn verify(&self, password: &str) -> bool {
        password.len() <= LONGEST && Argon2::default().verify_password(password.as_bytes(), &self.0).is_ok()
    }

    /// Takes as long as [`PasswordHash::verify`].
    pub fn verify_nobody(password: &str) {
        if let Some(nobody) = NOBODY.as_ref() {
            let _ = nobody.verify(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_has_its_hash() {
        let written = PasswordHash::make("correct horse").unwrap();
        assert!(written.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{written}");
        assert_ne!(
            written,
            PasswordHash::make("correct horse").unwrap(),
            "each has a salt of its own"
        );
        let hash = PasswordHash::parse(&written).unwrap();
        assert!(hash.verify("correct horse"));
        assert!(!hash.verify("Correct horse") && !hash.verify(""));
        assert!(!hash.verify(&"x".repeat(LONGEST + 1)));
    }

    #[test]
    fn only_a_whole_hash_of_argon2id_is_one() {
        for text in [
            "",
            "hunter2",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA",
            "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG4z5LhGmJOXk",
            "$2b$12$abcdefghijklmnopqrstuv",
        ] {
            assert_eq!(PasswordHash::parse(text), None, "{text}");
        }
    }
}
