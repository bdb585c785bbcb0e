//! The references to the secrets. A secret in place of a reference is refused and never shown.

use std::fmt::Display;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::catalogue::campaign as text;
use crate::model::secret::SecretRef;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::key::Key;
use super::keys::{KeyType, Keys, keys};
use super::text::FilePath;
use super::tree::Kind;
use super::value::Value;

/// The credentials of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The app's key and secret, with which tokens are fetched and renewed.
    Client {
        /// The app's key.
        client_key: SecretRef,
        /// The app's secret.
        client_secret: SecretRef,
    },
    /// A token that another system renews.
    Token(SecretRef),
}

keys! {
    /// `client_key` with `client_secret`, or `access_token` alone. Each is a reference, never the secret itself.
    #[derive(Debug)]
    struct CredentialsKeys as "Credentials" {
        /// The app's key.
        client_key: SecretRef = Reference, optional;
        /// The app's secret.
        client_secret: SecretRef = Reference, optional;
        /// An access token that another system renews. It is read again from its file when it has expired.
        access_token: SecretRef = Reference, optional;
    }
}

/// One of the two forms of credentials.
pub(super) struct OneForm;

impl KeyType<Credentials> for OneForm {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Credentials> {
        if value.as_scalar().is_some_and(|scalar| !scalar.text.is_empty()) {
            return refuse_secret(value, diagnostics);
        }
        let map = value.mapping(&CredentialsKeys::keys(), diagnostics)?;
        let read = CredentialsKeys::read_keys(&map, diagnostics)?;
        let has = |name| map.get(name).is_some();
        let (message, help): (&dyn Display, &dyn Display) =
            match (has("client_key"), has("client_secret"), has("access_token")) {
                (true, true, false) => {
                    return Some(Credentials::Client {
                        client_key: read.client_key?,
                        client_secret: read.client_secret?,
                    });
                }
                (false, false, true) => return read.access_token.map(Credentials::Token),
                (true, false, false) => (&text::KeyWithoutSecret, &text::KeyWithoutSecretHelp),
                (false, true, false) => (&text::SecretWithoutKey, &text::SecretWithoutKeyHelp),
                // Its keys are unknown, and reported.
                (false, false, false) if !value.is_empty() => return None,
                (false, false, false) => (&text::NoCredentials, &text::NoCredentialsHelp),
                _ => (&text::TwoCredentials, &text::TwoCredentialsHelp),
            };
        let last = map.present().map(|(_, span)| span).max();
        diagnostics
            .error(Code::Choice, last.unwrap_or(value.mark()), message)
            .help(help);
        None
    }

    fn describe(&self) -> String {
        text::Credentials.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Credentials>()
    }

    fn keys(&self) -> Vec<Key> {
        CredentialsKeys::keys()
    }
}

impl JsonSchema for Credentials {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        CredentialsKeys::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = CredentialsKeys::object(generator);
        let forms = json!([{"required": ["client_key", "client_secret"]}, {"required": ["access_token"]}]);
        schema.insert("oneOf".into(), forms);
        schema
    }
}

/// Reports a value that may be a secret, and conceals it.
fn refuse_secret<T>(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
    value.conceal(diagnostics);
    let message = text::SecretInClear { path: &value.path };
    value.refuse(Code::SecretInClear, message, text::SecretHelp, diagnostics)
}

keys! {
    #[derive(Debug)]
    struct ReferenceKeys {
        /// An environment variable, by name.
        env: String = Variable, optional;
        /// A file that contains only the secret.
        file: PathBuf = FilePath(&text::WantSecretPath), optional;
    }
}

/// A reference to a secret. A secret in its place is never shown.
pub(super) struct Reference;

impl KeyType<SecretRef> for Reference {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<SecretRef> {
        let keys = ReferenceKeys::keys();
        let Kind::Map(entries) = value.kind() else {
            if value.as_scalar().is_some_and(|scalar| scalar.text.is_empty()) {
                value.mapping(&keys, diagnostics);
                return None;
            }
            return refuse_secret(value, diagnostics);
        };
        for (key, under) in entries {
            let name = value.key(*key, diagnostics);
            if !keys.iter().any(|known| Some(known.name) == name) {
                value.under("", *key).conceal(diagnostics);
                value.under("", *under).conceal(diagnostics);
                let message = text::OnlyReferences { path: &value.path };
                let note = diagnostics.error(Code::SecretInClear, key.span.first(1), message);
                note.help(text::SecretHelp);
                return None;
            }
        }
        let map = value.mapping(&keys, diagnostics)?;
        for (_, under) in entries {
            // A list or a mapping is not a reference, and may contain the secret.
            let under = value.under("", *under);
            if under.as_scalar().is_none() {
                under.conceal(diagnostics);
            }
        }
        let env = map.get("env").is_some();
        if env != map.get("file").is_some() {
            let read = ReferenceKeys::read_keys(&map, diagnostics)?;
            return read.env.map(SecretRef::Env).or(read.file.map(SecretRef::File));
        }
        let path = &value.path;
        let help = text::ReferenceHelp;
        if env {
            value.refuse(Code::Choice, text::TwoReferences { path }, help, diagnostics)
        } else {
            value.refuse(Code::Choice, text::NoReference { path }, help, diagnostics)
        }
    }

    fn describe(&self) -> String {
        text::Reference.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ReferenceKeys::object(generator);
        schema.insert("minProperties".into(), 1.into());
        schema.insert("maxProperties".into(), 1.into());
        schema
    }
}

/// The name of an environment variable. Any other text is never shown, because it may be the secret.
struct Variable;

impl KeyType<String> for Variable {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
        let name = value.text(&text::WantVariable, diagnostics)?;
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if first && !looks_random(&name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Some(name);
        }
        value.conceal(diagnostics);
        let message = text::NotAVariable { path: &value.path };
        value.refuse(Code::SecretInClear, message, text::NotAVariableHelp, diagnostics)
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})
    }
}

/// Whether a name looks like a generated key: long, without `_`, with digits.
fn looks_random(name: &str) -> bool {
    name.len() >= 20 && !name.contains('_') && name.bytes().any(|byte| byte.is_ascii_digit())
}
