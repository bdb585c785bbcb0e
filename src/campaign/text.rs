//! Values that are any text, and paths.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::look_alike;
use super::value::Value;

/// Any text but an empty one. It names what to write, for messages.
pub(super) struct Text(pub(super) &'static dyn Display);

impl KeyType<String> for Text {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
        let text = value.text(self.0, diagnostics)?;
        look_alike::warn_around(value, &text, diagnostics);
        Some(text)
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }

    fn write(&self, value: &String) -> Option<Json> {
        Some(value.as_str().into())
    }
}

/// The name of a column or of a key. It names what to write, for messages.
pub(super) struct ColumnName(pub(super) &'static dyn Display);

impl KeyType<String> for ColumnName {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
        let name = value.text(self.0, diagnostics)?;
        look_alike::warn(value, &name, diagnostics);
        look_alike::warn_around(value, &name, diagnostics);
        Some(name)
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        Text(self.0).schema(generator)
    }

    fn write(&self, value: &String) -> Option<Json> {
        Text(self.0).write(value)
    }
}

/// The path of one file, relative to the campaign file's folder.
pub(super) struct FilePath(pub(super) &'static dyn Display);

impl KeyType<PathBuf> for FilePath {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<PathBuf> {
        let path = value.text(self.0, diagnostics)?;
        look_alike::warn(value, &path, diagnostics);
        look_alike::warn_around(value, &path, diagnostics);
        Some(value.folder().join(path))
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        Text(self.0).schema(generator)
    }
}

/// A path, or a pattern of paths: `*` matches any characters of a name, `?` one character, `[abc]` one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The base of a relative path: the campaign file's folder.
    pub folder: PathBuf,
    /// The path or pattern, as written.
    pub path: String,
}

impl From<&Path> for Files {
    fn from(path: &Path) -> Self {
        Self {
            folder: PathBuf::new(),
            path: path.display().to_string(),
        }
    }
}

/// The path of a file, or a pattern of paths.
pub(super) struct FilePattern(pub(super) &'static dyn Display);

impl KeyType<Files> for FilePattern {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Files> {
        let path = value.text(self.0, diagnostics)?;
        look_alike::warn(value, &path, diagnostics);
        look_alike::warn_around(value, &path, diagnostics);
        let folder = value.folder().to_owned();
        Some(Files { folder, path })
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        Text(self.0).schema(generator)
    }
}
