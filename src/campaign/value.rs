//! Values of the file with their paths, and the conversions that every value has.

use std::fmt::Display;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::key::Key;
use super::line_index::Span;
use super::tree::{Child, Kind, Scalar, Tree};

/// The longest quote from the file in a message, in characters.
const MOST_QUOTED: usize = 40;

/// A file, and what the meaning of its values depends on.
pub(super) struct Document<'t> {
    pub(super) tree: Tree<'t>,
    /// The base of relative paths.
    pub(super) folder: &'t Path,
    /// The zone of local times; `None` if the file's time zone is wrong.
    pub(super) zone: Option<TimeZone>,
}

/// A value of the file.
#[derive(Clone)]
pub(super) struct Value<'t> {
    document: &'t Document<'t>,
    at: Child,
    /// The keys down to the value, separated by dots: `retry.timeout`.
    pub(super) path: String,
    /// The declaration of the key; `None` for the root, an entry of a list, and a key that is not declared.
    key: Option<Key>,
}

/// A mapping that has only known keys.
pub(super) struct Mapping<'t> {
    entries: Vec<(&'static str, Span, Value<'t>)>,
}

impl<'t> Value<'t> {
    pub(super) fn root(document: &'t Document<'t>) -> Self {
        Self {
            document,
            at: document.tree.root(),
            path: String::new(),
            key: None,
        }
    }

    /// Returns a value under this one.
    pub(super) fn under(&self, key: &str, at: Child) -> Self {
        Self {
            document: self.document,
            at,
            path: self.path_of(key),
            key: None,
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn folder(&self) -> &'t Path {
        self.document.folder
    }

    pub(super) fn zone(&self) -> Option<&'t TimeZone> {
        self.document.zone.as_ref()
    }

    /// Returns an example of the value, for messages; empty if the key has none.
    pub(super) fn example(&self) -> String {
        self.key.and_then(|key| key.example()).unwrap_or_default()
    }

    pub(super) fn span(&self) -> Span {
        self.at.span
    }

    /// Marks the value as a possible secret: no part of it is ever shown, wherever it is written.
    pub(super) fn conceal(&self, diagnostics: &mut Diagnostics) {
        for span in self.document.tree.places(self.at) {
            diagnostics.secret(span);
        }
    }

    /// Returns the kind of the value, with which messages select their words.
    fn kind_name(&self) -> &'static str {
        match self.kind() {
            Kind::Scalar(_) => "value",
            Kind::List(_) => "list",
            Kind::Map(_) => "mapping",
        }
    }

    pub(super) fn kind(&self) -> &'t Kind<'t> {
        self.document.tree.kind(self.at)
    }

    /// Returns the place to mark: all of a single value, the first byte of anything else.
    pub(super) fn mark(&self) -> Span {
        match self.as_scalar() {
            Some(_) => self.at.span,
            None => self.at.span.first(1),
        }
    }

    /// Returns the single value; `None` for a list or a mapping.
    pub(super) fn as_scalar(&self) -> Option<&'t Scalar<'t>> {
        match self.kind() {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Reports a mistake in this value and returns `None`.
    pub(super) fn refuse<T>(
        &self,
        code: Code,
        message: impl Display,
        help: impl Display,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        diagnostics.error(code, self.mark(), message).help(help);
        None
    }

    /// Whether this is a mapping without keys.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.kind(), Kind::Map(entries) if entries.is_empty())
    }

    /// Returns the value under a key without reporting anything; `None` if this is no mapping with that key.
    pub(super) fn find(&self, key: &str) -> Option<Self> {
        let Kind::Map(entries) = self.kind() else { return None };
        let (_, value) = entries.iter().find(|(name, _)| match self.document.tree.kind(*name) {
            Kind::Scalar(name) => name.text == key,
            Kind::List(_) | Kind::Map(_) => false,
        })?;
        Some(self.under(key, *value))
    }

    /// Returns the single value; `None` after reporting any other kind or an absent value. `wanted` describes the value
    /// for the help, such as "a duration such as `10s`".
    pub(super) fn scalar(&self, wanted: &dyn Display, diagnostics: &mut Diagnostics) -> Option<&'t Scalar<'t>> {
        let Some(scalar) = self.as_scalar() else {
            let message = text::NotSingle {
                path: &self.path,
                kind: &self.kind_name(),
            };
            return self.refuse(Code::WrongType, message, text::Write { wanted }, diagnostics);
        };
        if scalar.plain && scalar.text.is_empty() {
            let message = text::NoValue { path: &self.path };
            return self.refuse(Code::NoValue, message, text::WriteOrOmit { wanted }, diagnostics);
        }
        Some(scalar)
    }

    /// Reads the entries of a list, each with its index as its key; `None` after reporting any other kind or a mistake in
    /// an entry.
    pub(super) fn list<T>(
        &self,
        help: impl Display,
        diagnostics: &mut Diagnostics,
        mut read: impl FnMut(&Self, &mut Diagnostics) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Kind::List(entries) = self.kind() else {
            return self.refuse(Code::WrongType, text::NotAList { path: &self.path }, help, diagnostics);
        };
        let entries = entries.iter().enumerate().map(|(at, entry)| {
            let entry = self.under(&at.to_string(), *entry);
            diagnostics.place(&entry.path, entry.mark());
            read(&entry, diagnostics)
        });
        // Every entry is parsed, so that all mistakes are reported at once.
        let entries: Vec<_> = entries.collect();
        entries.into_iter().collect()
    }

    /// Returns any text, quoted or not, as written; `None` after reporting an empty one.
    pub(super) fn text(&self, wanted: &dyn Display, diagnostics: &mut Diagnostics) -> Option<String> {
        let scalar = self.scalar(wanted, diagnostics)?;
        if scalar.text.trim().is_empty() {
            let message = text::NoValue { path: &self.path };
            return self.refuse(Code::NoValue, message, text::Write { wanted }, diagnostics);
        }
        Some(scalar.text.clone().into_owned())
    }

    /// Returns the mapping with the given keys; `None` after reporting any other kind. Unknown, missing and repeated
    /// keys are reported.
    pub(super) fn mapping(&self, keys: &[Key], diagnostics: &mut Diagnostics) -> Option<Mapping<'t>> {
        let entries = self.entries(keys, diagnostics)?;
        let mut known: Vec<(&'static str, Span, Self)> = Vec::new();
        for (key, value) in entries {
            let Some(name) = self.key(*key, diagnostics) else {
                continue;
            };
            let Some(found) = keys.iter().find(|key| key.name == name) else {
                self.unknown(*key, name, keys, diagnostics);
                continue;
            };
            if let Some((_, first, _)) = known.iter().find(|(known, ..)| *known == found.name) {
                self.repeated(key.span, found.name, *first, diagnostics);
                continue;
            }
            let mut value = self.under(found.name, *value);
            value.key = Some(*found);
            diagnostics.place(&value.path, value.mark());
            known.push((found.name, key.span, value));
        }
        let head = entries.first().map_or(self.mark(), |(key, _)| key.span);
        for key in keys.iter().filter(|key| key.required) {
            if !known.iter().any(|(known, ..)| *known == key.name) {
                let message = text::MissingKey {
                    path: &self.path_of(key.name),
                };
                diagnostics
                    .error(Code::MissingKey, head, message)
                    .label(text::MissingKeyLabel)
                    .help(text::MissingKeyHelp {
                        key: &key.name,
                        example: &key.example.unwrap_or_default(),
                    });
            }
        }
        Some(Mapping { entries: known })
    }

    /// Returns all keys and values of a mapping; `None` after reporting any other kind. `keys` are for the help.
    pub(super) fn entries(&self, keys: &[Key], diagnostics: &mut Diagnostics) -> Option<&'t [(Child, Child)]> {
        if let Kind::Map(entries) = self.document.tree.kind(self.at) {
            return Some(entries);
        }
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        let help = match names.as_slice() {
            [] => text::KeysOfCodes.to_string(),
            [one] => text::OnlyKey { key: one }.to_string(),
            [first, .., last] => text::KeysUnder { first, last }.to_string(),
        };
        if self
            .as_scalar()
            .is_some_and(|scalar| scalar.plain && scalar.text.is_empty())
        {
            return self.refuse(Code::NoValue, text::NoValue { path: &self.path }, help, diagnostics);
        }
        let kind = &self.kind_name();
        if self.path.is_empty() {
            let file = &diagnostics.file();
            return self.refuse(Code::WrongType, text::RootNotAMapping { file, kind }, help, diagnostics);
        }
        let message = text::NotAMapping { path: &self.path, kind };
        self.refuse(Code::WrongType, message, help, diagnostics)
    }

    /// Whether it is a mapping with this key, whatever its value is.
    pub(super) fn has_key(&self, name: &str) -> bool {
        let Kind::Map(entries) = self.kind() else { return false };
        let is_named = |key: Child| matches!(self.document.tree.kind(key), Kind::Scalar(scalar) if scalar.text == name);
        entries.iter().any(|(key, _)| is_named(*key))
    }

    /// Returns a key as text; `None` after reporting a key that is not.
    pub(super) fn key(&self, key: Child, diagnostics: &mut Diagnostics) -> Option<&'t str> {
        match self.document.tree.kind(key) {
            Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => {
                let note = diagnostics.error(Code::Exotic, key.span, text::MergeKey);
                note.help(text::MergeKeyHelp);
                None
            }
            Kind::Scalar(scalar) => Some(&scalar.text),
            Kind::List(_) | Kind::Map(_) => {
                diagnostics.error(Code::WrongType, key.span.first(1), text::KeyNotAWord);
                None
            }
        }
    }

    /// Reports a key that occurs before, at `first`.
    pub(super) fn repeated(&self, span: Span, name: &str, first: Span, diagnostics: &mut Diagnostics) {
        let line = diagnostics.line(first);
        let message = text::RepeatedKey {
            path: &self.path_of(name),
        };
        let note = diagnostics.error(Code::RepeatedKey, span, message);
        note.help(text::RepeatedKeyHelp { line: &line });
    }

    fn unknown(&self, key: Child, name: &str, keys: &[Key], diagnostics: &mut Diagnostics) {
        let near = if diagnostics.crowded() {
            None
        } else {
            nearest(name, keys.iter().map(|key| key.name))
        };
        let help = if let Some(near) = near {
            text::DidYouMean { value: &near }.to_string()
        } else {
            let names: Vec<_> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
            text::KnownKeys {
                keys: &names.join(&text::Separator.to_string()),
            }
            .to_string()
        };
        let message = if near.is_none() && self.path == "credentials" {
            // The key may be the secret itself.
            diagnostics.secret(key.span);
            text::UnknownCredentialsKey.to_string()
        } else if self.path.is_empty() {
            text::UnknownRootKey {
                file: &diagnostics.file(),
                key: &quoted(name),
            }
            .to_string()
        } else {
            text::UnknownKey {
                path: &self.path,
                key: &quoted(name),
            }
            .to_string()
        };
        diagnostics.error(Code::UnknownKey, key.span, message).help(help);
    }
}

impl<'t> Mapping<'t> {
    /// Returns the value under a key; `None` if the file does not have the key.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'t>> {
        self.entries
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(.., value)| value)
    }

    /// Iterates over the keys in the file, with their places, in order.
    pub(super) fn present(&self) -> impl Iterator<Item = (&'static str, Span)> {
        self.entries.iter().map(|(name, span, _)| (*name, *span))
    }
}

/// Quotes text of the file for a message, cut and without control characters. A text with an access token, which has a
/// recognisable form, is never repeated.
pub(super) fn quoted(value: &str) -> String {
    if value.is_empty() {
        return text::EmptyText.to_string();
    }
    if value.contains("clt.") {
        return text::TokenText.to_string();
    }
    let mut out: String = value
        .chars()
        .take(MOST_QUOTED)
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect();
    if value.chars().nth(MOST_QUOTED).is_some() {
        out.push('…');
    }
    format!("`{out}`")
}

/// Like [`quoted`], and shows whether the value was written in quotes.
pub(super) fn as_written(scalar: &Scalar<'_>) -> String {
    if scalar.plain || scalar.text.is_empty() {
        quoted(&scalar.text)
    } else {
        text::QuotedText {
            text: &quoted(&scalar.text),
        }
        .to_string()
    }
}

/// Returns the word that was probably meant; `None` if no word is close.
pub(super) fn nearest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if written.len() > MOST_QUOTED {
        return None;
    }
    let folded = written.trim().to_lowercase().replace(['-', ' '], "_");
    let scored = words.map(|word| {
        (
            strsim::jaro_winkler(&folded, word),
            strsim::osa_distance(&folded, word),
            word,
        )
    });
    let near = scored.filter(|(alike, distance, word)| *alike > 0.8 && *distance <= 1 + word.chars().count() / 3);
    near.min_by_key(|(_, distance, _)| *distance).map(|(.., word)| word)
}
