//! The references to the secrets. A secret in place of a reference is refused and never shown.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::model::secret::SecretRef;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{Complete, Key};
use super::tree::Kind;
use super::value::Value;

pub(super) const KEYS: &[Key] = &[
    Key::optional("client_key"),
    Key::optional("client_secret"),
    Key::optional("access_token"),
];
const REFERENCE: &[Key] = &[Key::optional("env"), Key::optional("file")];
const WRITE: &str = "write `{env: NAME}` or `{file: PATH}`; if it ever was a real secret, replace it by a new one";

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

/// `client_key` with `client_secret`, or `access_token` alone. Each is a reference; the secret itself never stands here.
#[derive(JsonSchema)]
#[schemars(rename = "Credentials", deny_unknown_fields, transform = Complete(KEYS), extend("oneOf" = forms()))]
#[expect(
    dead_code,
    reason = "it describes the mapping to the schema; what is read is `Credentials`"
)]
pub(super) struct Written {
    /// The app's key.
    #[schemars(schema_with = "reference_schema")]
    client_key: Option<SecretRef>,
    /// The app's secret.
    #[schemars(schema_with = "reference_schema")]
    client_secret: Option<SecretRef>,
    /// An access token that somebody else keeps fresh; read again from its file when it has expired.
    #[schemars(schema_with = "reference_schema")]
    access_token: Option<SecretRef>,
}

fn forms() -> serde_json::Value {
    serde_json::json!([{"required": ["client_key", "client_secret"]}, {"required": ["access_token"]}])
}

impl Credentials {
    pub(super) fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        if value.single().is_some_and(|scalar| !scalar.text.is_empty()) {
            clear(value, diagnostics);
            return None;
        }
        let map = value.mapping(KEYS, diagnostics)?;
        let mut read = |name| map.get(name).map(|value| reference(value, folder, diagnostics));
        let key = read("client_key");
        let secret = read("client_secret");
        let token = read("access_token");
        match (key, secret, token) {
            (Some(key), Some(secret), None) => Some(Self::Client {
                client_key: key?,
                client_secret: secret?,
            }),
            (None, None, Some(token)) => token.map(Self::Token),
            (None, None, None) if !value.entries(KEYS, diagnostics)?.is_empty() => None,
            (key, secret, token) => {
                let present = map.present().map(|(_, span)| span).max().unwrap_or(value.mark());
                let (message, help) = match (key.is_some(), secret.is_some(), token.is_some()) {
                    (true, false, false) => (
                        "`credentials` has a key without its secret",
                        "add `client_secret: {env: NAME}`",
                    ),
                    (false, true, false) => (
                        "`credentials` has a secret without its key",
                        "add `client_key: {env: NAME}`",
                    ),
                    (false, false, false) => (
                        "`credentials` names none",
                        "write `client_key` and `client_secret`, or `access_token` alone",
                    ),
                    _ => (
                        "`credentials` has two forms at once",
                        "keep `client_key` and `client_secret`, or `access_token` alone",
                    ),
                };
                diagnostics.error(Code::Choice, present, message).help(help);
                None
            }
        }
    }
}

fn clear(value: &Value<'_>, diagnostics: &mut Diagnostics) {
    value.conceal(diagnostics);
    let message = format!(
        "`{}` is not a reference; a secret has no place in this file",
        value.path
    );
    diagnostics
        .error(Code::SecretInClear, value.mark(), message)
        .help(WRITE);
}

/// Returns a reference to a secret; `None` after reporting a mistake. A secret in its place is never shown.
pub(super) fn reference(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<SecretRef> {
    let Kind::Map(_) = value.kind() else {
        if value.single().is_some_and(|scalar| scalar.text.is_empty()) {
            value.mapping(REFERENCE, diagnostics);
        } else {
            clear(value, diagnostics);
        }
        return None;
    };
    for (key, under) in value.entries(REFERENCE, diagnostics)? {
        if value
            .key(*key, diagnostics)
            .is_none_or(|name| !REFERENCE.iter().any(|known| known.name == name))
        {
            value.entry("", *key).conceal(diagnostics);
            value.entry("", *under).conceal(diagnostics);
            let message = format!(
                "`{}` is a reference by `env` or by `file`, and by nothing else",
                value.path
            );
            diagnostics
                .error(Code::SecretInClear, key.span.first(1), message)
                .help(WRITE);
            return None;
        }
    }
    let map = value.mapping(REFERENCE, diagnostics)?;
    for (_, under) in value.entries(REFERENCE, diagnostics)? {
        // A list or a mapping is not a reference, and may contain the secret.
        let under = value.entry("", *under);
        if under.single().is_none() {
            under.conceal(diagnostics);
        }
    }
    match (map.get("env"), map.get("file")) {
        (Some(env), None) => variable(env, diagnostics).map(SecretRef::Env),
        (None, Some(file)) => {
            let path = file.text("the path of a file that holds the secret", diagnostics)?;
            Some(SecretRef::File(folder.join(PathBuf::from(path))))
        }
        (env, _) => {
            let message = match env {
                Some(_) => format!("`{}` names a variable and a file", value.path),
                None => format!("`{}` names neither a variable nor a file", value.path),
            };
            diagnostics
                .error(Code::Choice, value.mark(), message)
                .help("write `{env: NAME}` or `{file: PATH}`");
            None
        }
    }
}

/// Returns the name of an environment variable; `None` after reporting any other text, which is never shown because it
/// may be the secret.
fn variable(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
    let name = value.text(
        "the name of an environment variable, such as `DOUYIN_CLIENT_KEY`",
        diagnostics,
    )?;
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && !looks_random(&name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Some(name);
    }
    value.conceal(diagnostics);
    let message = format!("`{}` is not the name of an environment variable", value.path);
    let help = "write the variable's name, without `$` or braces, such as `DOUYIN_CLIENT_KEY`; never the secret itself";
    diagnostics.error(Code::SecretInClear, value.mark(), message).help(help);
    None
}

/// Whether a name looks like a generated key: long, without `_`, with digits.
fn looks_random(name: &str) -> bool {
    name.len() >= 20 && !name.contains('_') && name.bytes().any(|byte| byte.is_ascii_digit())
}

pub(super) fn reference_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "description": "An environment variable, by name."},
            "file": {"type": "string", "minLength": 1, "description": "A file that holds the secret and nothing else."},
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    })
}
