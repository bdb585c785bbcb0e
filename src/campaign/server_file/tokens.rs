//! The programs that may use a service, and the hashes of their tokens.

use std::collections::HashMap;
use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::key::{Key, KeyKind};
use crate::campaign::keys::{KeyType, Keys, keys};
use crate::campaign::line_index::Span;
use crate::campaign::notify::conceal_unknown;
use crate::campaign::tree::Kind;
use crate::campaign::value::Value;
use crate::catalogue::server_file as text;
use crate::model::hexadecimal::hexadecimal;
use crate::model::user::{Role, UserName};

use super::members::Name;
use super::users::{Roles, User, report_repeated};

keys! {
    /// A program that may use the service.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Token {
        /// The name of the program, which the log has.
        name: UserName = Name, required "ci";
        /// The SHA-256 of the token. `runner serve --new-token` makes both.
        hash: TokenHash = Hash, required "\"sha256:…\"";
        /// What the program may do.
        roles: Vec<Role> = Roles, required "[viewer]";
    }
}

/// The SHA-256 of a token. A token has 256 random bits, so its hash need not be slow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// What precedes the digits.
const PREFIX: &str = "sha256:";

impl TokenHash {
    /// Parses `sha256:` and 64 hexadecimal digits. `None` if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hexadecimal(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

/// The hash of a token. Any other text is never shown, because it may be the token itself.
struct Hash;

impl KeyType<TokenHash> for Hash {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<TokenHash> {
        let parsed = value.as_scalar().and_then(|scalar| TokenHash::parse(&scalar.text));
        if parsed.is_some() {
            return parsed;
        }
        value.conceal(diagnostics);
        value.scalar(&text::WantHash, diagnostics)?;
        let message = text::NotAHash { path: &value.path };
        value.refuse(Code::SecretInClear, message, text::NotAHashHelp, diagnostics)
    }

    fn describe(&self) -> String {
        text::Hash.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^sha256:[0-9A-Fa-f]{64}$"})
    }
}

/// A list of tokens.
pub(super) struct Tokens;

impl KeyType<Vec<Token>> for Tokens {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Token>> {
        let mut names: HashMap<UserName, Span> = HashMap::new();
        value.list(text::TokensHelp, diagnostics, |entry, diagnostics| {
            // The value of a key that is misspelt may be the token.
            conceal_unknown(entry, &Token::keys(), diagnostics);
            let token = Token::read(entry, diagnostics)?;
            if let Some(first) = names.get(&token.name) {
                report_repeated(entry, &token.name, *first, diagnostics);
            }
            names.entry(token.name.clone()).or_insert_with(|| entry.mark());
            Some(token)
        })
    }

    fn describe(&self) -> String {
        text::Tokens.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Token>()})
    }

    fn keys(&self) -> Vec<Key> {
        Token::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
    }
}

/// Reports tokens with the name of a user: the log could not tell them apart.
pub(super) fn check_names(users: &[User], tokens: &[Token], value: &Value<'_>, diagnostics: &mut Diagnostics) {
    let Kind::List(entries) = value.kind() else { return };
    for (at, (token, entry)) in tokens.iter().zip(entries).enumerate() {
        if users.iter().any(|user| user.name == token.name) {
            let entry = value.under(&at.to_string(), *entry);
            let at = entry.find("name").map_or(entry.mark(), |name| name.mark());
            let message = text::TokenOfUser { name: &token.name };
            diagnostics
                .error(Code::Contradiction, at, message)
                .help(text::TokenOfUserHelp);
        }
    }
}
