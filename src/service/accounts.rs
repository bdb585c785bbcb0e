//! Who may use a service: what its file says, with the secrets that the file refers to.

use sha2::{Digest as _, Sha256};

use crate::campaign::{Code, Diagnostic, ParsedFile, ServerFile};
use crate::catalogue::service as texts;
use crate::model::secret::{Secret, SecretRef};
use crate::model::user::{Role, UserName};

use super::passwords::PasswordHash;

/// A hash with 256 bits.
pub type Hash = [u8; 32];

/// A person who may use the service.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name.
    pub name: UserName,
    /// What the person may do.
    pub roles: Vec<Role>,
    /// Another one after each change of the password: a session ends with the password that began it.
    pub stamp: Hash,
    password: Option<PasswordHash>,
}

/// A program that may use the service.
#[derive(Clone, Debug)]
pub struct Program {
    /// The name.
    pub name: UserName,
    /// What the program may do.
    pub roles: Vec<Role>,
    hash: Hash,
}

/// How a proxy names the user of a request.
#[derive(Clone, Debug)]
pub struct TrustedProxy {
    /// The header with the name of the user.
    pub header: String,
    /// The header with the secret of the proxy.
    pub secret_header: String,
    secret: Secret,
}

/// Who may use a service.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    users: Vec<Account>,
    programs: Vec<Program>,
    /// The proxy that signs users in. `None` if the service does that itself.
    pub proxy: Option<TrustedProxy>,
}

impl Accounts {
    /// Reads the secrets that a file refers to.
    ///
    /// # Errors
    /// Every secret that cannot be used, at its place in the file.
    pub fn read(parsed: &ParsedFile<ServerFile>) -> Result<Self, Vec<Diagnostic>> {
        let file = &parsed.content;
        let mut mistakes = Vec::new();
        let mut users = Vec::new();
        for (at, user) in file.users.iter().enumerate() {
            let key = format!("users.{at}.password");
            let password = match user.password.as_ref().map(|from| read_hash(parsed, &key, from)) {
                Some(Err(mistake)) => {
                    mistakes.push(*mistake);
                    continue;
                }
                Some(Ok(read)) => Some(read),
                None => None,
            };
            users.push(Account {
                name: user.name.clone(),
                roles: user.roles.clone(),
                stamp: password.as_ref().map(|(_, stamp)| *stamp).unwrap_or_default(),
                password: password.map(|(hash, _)| hash),
            });
        }
        let proxy = match &file.proxy_auth {
            None => None,
            Some(proxy) => match read_secret(parsed, "proxy_auth.secret", &proxy.secret) {
                Ok(secret) => Some(TrustedProxy {
                    header: proxy.header.clone(),
                    secret_header: proxy.secret_header(),
                    secret,
                }),
                Err(mistake) => {
                    mistakes.push(*mistake);
                    None
                }
            },
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let programs = file.tokens.iter().map(|token| Program {
            name: token.name.clone(),
            roles: token.roles.clone(),
            hash: token.hash.0,
        });
        Ok(Self {
            users,
            programs: programs.collect(),
            proxy,
        })
    }

    /// Whether there are no users, so that the one whose process it is may do everything.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.users.is_empty()
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> &[Account] {
        &self.users
    }

    /// The user of a name. `None` if there is no such user.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&Account> {
        self.users.iter().find(|user| user.name.as_str() == name)
    }

    /// The roles of a user or of a program. `None` if there is neither.
    #[must_use]
    pub fn roles(&self, name: &str) -> Option<&[Role]> {
        let program = self.programs.iter().find(|program| program.name.as_str() == name);
        let of_program = || program.map(|program| program.roles.as_slice());
        self.user(name).map(|user| user.roles.as_slice()).or_else(of_program)
    }

    /// The user with this name and password. `None` if there is none; that takes as long. It is slow on purpose.
    #[must_use]
    pub fn verify(&self, name: &str, password: &str) -> Option<&Account> {
        let user = self.user(name);
        let Some((user, hash)) = user.and_then(|user| Some((user, user.password.as_ref()?))) else {
            PasswordHash::verify_nobody(password);
            return None;
        };
        hash.verify(password).then_some(user)
    }

    /// The program with this token. `None` if there is none.
    #[must_use]
    pub fn program(&self, token: &str) -> Option<&Program> {
        let hash = digest(token);
        // All are compared, so the time says nothing of which one it is.
        let programs = self.programs.iter();
        programs.fold(None, |found, program| {
            if is_same(&program.hash, &hash) {
                Some(program)
            } else {
                found
            }
        })
    }
}

impl TrustedProxy {
    /// Whether a request has the secret of the proxy.
    #[must_use]
    pub fn is_proven_by(&self, secret: &str) -> bool {
        is_same(&digest(secret), &digest(self.secret.expose()))
    }
}

/// The SHA-256 of a text.
#[must_use]
pub fn digest(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares two hashes in a time that does not depend on them.
#[must_use]
pub fn is_same(one: &Hash, other: &Hash) -> bool {
    one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

fn read_secret(parsed: &ParsedFile<ServerFile>, key: &str, from: &SecretRef) -> Result<Secret, Box<Diagnostic>> {
    from.resolve().map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let help = texts::SecretOfServiceHelp.to_string();
        let mistake = parsed.mistake(key, Code::Absent, error.to_string(), Some(help));
        Box::new(Diagnostic {
            cause: source,
            ..mistake
        })
    })
}

fn read_hash(
    parsed: &ParsedFile<ServerFile>,
    key: &str,
    from: &SecretRef,
) -> Result<(PasswordHash, Hash), Box<Diagnostic>> {
    let written = read_secret(parsed, key, from)?;
    if let Some(hash) = PasswordHash::parse(written.expose()) {
        return Ok((hash, digest(written.expose())));
    }
    let message = texts::NotAPasswordHash { from }.to_string();
    let help = texts::NotAPasswordHashHelp.to_string();
    Err(Box::new(parsed.mistake(key, Code::Absent, message, Some(help))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::campaign::{parse_server, render_human};

    fn read(directory: &Path, text: &str) -> Result<Accounts, String> {
        let parsed = parse_server(&directory.join("server.yaml"), text.as_bytes());
        let parsed = parsed.map_err(|mistakes| render_human(&mistakes, false))?;
        Accounts::read(&parsed).map_err(|mistakes| render_human(&mistakes, false))
    }

    #[test]
    fn a_user_has_the_password_of_the_file_and_a_program_its_token() {
        let directory = tempfile::tempdir().unwrap();
        let hash = PasswordHash::make("correct horse").unwrap();
        std::fs::write(directory.path().join("li.hash"), format!("{hash}\n")).unwrap();
        let token = digest("secret-token")
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let accounts = read(
            directory.path(),
            &format!(
                "version: 1\nusers: [{{name: li, password: {{file: li.hash}}, roles: [author]}}]\n\
                 tokens: [{{name: ci, hash: \"sha256:{token}\", roles: [viewer]}}]\n"
            ),
        )
        .unwrap();
        assert!(!accounts.is_local());
        assert_eq!(accounts.verify("li", "correct horse").unwrap().roles, [Role::Author]);
        assert!(accounts.verify("li", "correct hors").is_none());
        assert!(accounts.verify("wang", "correct horse").is_none());
        assert_eq!(accounts.program("secret-token").unwrap().name.as_str(), "ci");
        assert!(accounts.program("secret-tokem").is_none() && accounts.program("").is_none());
    }

    #[test]
    fn a_hash_that_cannot_be_used_is_a_mistake_at_its_place_and_is_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("li.hash"), "hunter2-canary\n").unwrap();
        let text = "version: 1\nusers:\n  - {name: li, password: {file: li.hash}, roles: [author]}\n  \
                    - {name: wu, password: {file: wu.hash}, roles: [author]}\n";
        let said = read(directory.path(), text).unwrap_err();
        assert!(!said.contains("canary"), "{said}");
        let place = |line: u32| format!("server.yaml:{line}:");
        assert!(said.contains(&place(3)) && said.contains(&place(4)), "{said}");
        assert!(said.contains("runner serve --hash-password"), "{said}");
    }
}
