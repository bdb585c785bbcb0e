//! The declaration of one key, as the parser, the schema and the page about the campaign file use it.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value as Json;

/// A key of a mapping. [`super::keys::keys`] declares them.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// The description in the schema; empty if the type of the value has one that is enough.
    pub(super) description: &'static str,
    pub(super) required: bool,
    /// A value to write, for messages.
    pub(super) example: Option<&'static str>,
    pub(super) default: fn() -> Option<Json>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    /// Returns what the value is, in words.
    pub(super) describe: fn() -> String,
    /// Returns the keys of the mapping under this key; empty if a single value belongs there.
    pub(super) keys: fn() -> Vec<Key>,
    pub(super) kind: fn() -> KeyKind,
}

/// The kind of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A value with a meaning of its own.
    Single,
    /// A list.
    List,
    /// A mapping that has no meaning besides its keys.
    Section,
}

impl Key {
    /// Returns the example, or the default as it is written in a file.
    pub(super) fn example(&self) -> Option<String> {
        self.example.map(str::to_owned).or_else(|| self.default_text())
    }

    pub(super) fn default_text(&self) -> Option<String> {
        (self.default)().map(|default| match default {
            Json::Object(keys) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", plain(value)))
                    .collect();
                format!("{{{}}}", keys.join(", "))
            }
            other => plain(&other),
        })
    }

    /// Returns the schema of the value, with the description and the default.
    pub(super) fn property(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = (self.schema)(generator);
        if !self.description.is_empty() {
            schema.insert("description".into(), description(self.description).into());
        }
        // An editor would insert the keys of a whole mapping, so only single values have a default in the schema.
        if let Some(default) = (self.default)().filter(|default| !default.is_object()) {
            schema.insert("default".into(), default);
        }
        schema
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        // `98`, not `98.0`.
        Json::Number(number) => number.as_f64().unwrap_or_default().to_string(),
        other => other.to_string(),
    }
}

/// Returns the text of a doc comment.
pub(super) fn description(doc: &str) -> String {
    let lines: Vec<_> = doc.lines().map(str::trim).collect();
    lines.join("\n")
}
